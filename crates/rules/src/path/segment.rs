//! One segment of a path: which characters it may hold, and that no decoder finds another segment in it.

use super::Flaw;

const ENCODE: &str = "Percent-encode the character once, as %XX";
const DOTS: &str = "Send the path that is meant, with its dot segments resolved";
const SLASH: &str = "Send the value in the query or the body";
const CONTROL: &str = "Leave control characters out of the path";

/// Appends the normal form of a raw segment, which is not empty and has no slash.
pub(super) fn append(segment: &str, path: &mut String) -> Result<(), Flaw> {
    let start = path.len();
    let mut bytes = segment.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        if byte != b'%' {
            check_raw(byte).map_err(|(what, mend)| Flaw { offset, what, mend })?;
            path.push(char::from(byte));
            continue;
        }
        let digits = (bytes.next().and_then(|(_, byte)| hex(byte)), bytes.next().and_then(|(_, byte)| hex(byte)));
        let (Some(high), Some(low)) = digits else {
            let what = "a percent sign is not followed by two hex digits";
            return Err(Flaw { offset, what, mend: "Write a percent sign that is meant as itself as %25" });
        };
        let decoded = high * 16 + low;
        check_decoded(decoded).map_err(|(what, mend)| Flaw { offset, what, mend })?;
        append_escape(decoded, path);
    }
    let written = path.get(start..).unwrap_or_default();
    if written.starts_with('.') || written.contains(['%', ';']) {
        check_meaning(written)?;
    }
    Ok(())
}

/// `pchar` of RFC 3986 §3.3 without the escape.
pub(super) const fn is_pchar(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

/// The value of a hex digit.
pub(super) fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn check_raw(byte: u8) -> Result<(), (&'static str, &'static str)> {
    match byte {
        _ if is_pchar(byte) => Ok(()),
        b'\\' => Err(("a backslash, which some readers take for a slash", SLASH)),
        b'#' => Err(("a fragment, which is not part of a request", "Leave out the # and what follows")),
        0..=0x1f | 0x7f => Err(("a control character", CONTROL)),
        0x80.. => Err(("a character outside ASCII", "Percent-encode it as UTF-8")),
        b' ' => Err(("a space", "Write a space as %20")),
        _ => Err(("a character that a path can't hold as it is", ENCODE)),
    }
}

fn check_decoded(byte: u8) -> Result<(), (&'static str, &'static str)> {
    match byte {
        b'/' => Err(("an encoded slash, which some readers take for the end of the segment", SLASH)),
        b'\\' => Err(("an encoded backslash, which some readers take for a slash", SLASH)),
        0 => Err(("an encoded NUL", CONTROL)),
        1..=0x1f | 0x7f => Err(("an encoded control character", CONTROL)),
        _ => Ok(()),
    }
}

fn append_escape(byte: u8, path: &mut String) {
    if is_unreserved(byte) {
        path.push(char::from(byte));
        return;
    }
    path.push('%');
    for digit in [byte >> 4, byte & 15] {
        path.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
    }
}

/// Refuses a segment that somebody who decodes again, however often, would read as another path.
fn check_meaning(segment: &str) -> Result<(), Flaw> {
    let flaw = |what, mend| Err(Flaw { offset: 0, what, mend });
    let decoded = fully_decoded(segment);
    let Ok(text) = std::str::from_utf8(&decoded) else {
        return flaw("its escapes are not UTF-8", "Percent-encode text as UTF-8");
    };
    if text.contains(['/', '\\']) {
        return flaw("a slash or backslash that is encoded more than once", SLASH);
    }
    if text.contains(char::is_control) {
        return flaw("an encoded control character", CONTROL);
    }
    match text.split(';').next() {
        Some("." | "..") => flaw("a dot segment", DOTS),
        // A matrix of parameters (RFC 6570 §3.2.7): whether the operation has one there, the route knows.
        Some("") if segment.starts_with(';') && segment.len() > 1 => Ok(()),
        Some("") => flaw("nothing stands before the semicolon", "Send a segment with a name"),
        _ => Ok(()),
    }
}

/// Decodes until no escape is left. Escapes can't overlap, so the order doesn't matter: one pass with the result as a
/// stack finds the same as decoding the whole again and again, in linear time.
fn fully_decoded(segment: &str) -> Vec<u8> {
    let mut decoded: Vec<u8> = Vec::with_capacity(segment.len());
    for byte in segment.bytes() {
        decoded.push(byte);
        while let [.., b'%', high, low] = decoded.as_slice() {
            let (Some(high), Some(low)) = (hex(*high), hex(*low)) else { break };
            decoded.truncate(decoded.len() - 3);
            decoded.push(high * 16 + low);
        }
    }
    decoded
}
