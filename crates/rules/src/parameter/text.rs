//! Texts of a request as they were written, and what they mean: escapes are decoded once, and never to something that
//! isn't UTF-8.

use std::borrow::Cow;
use std::fmt::Write as _;

/// How a text was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Percent-encoded (RFC 3986 §2.1), as in a path.
    Percent,
    /// The same, and `+` is a space, as forms write queries.
    Form,
    /// The same as in a path; a percent sign without two digits is itself, as in cookies.
    Lenient,
    /// As it is, as in header fields.
    None,
}

/// The value of a hex digit.
fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A text decoded once; none where its bytes aren't UTF-8 or an escape has no two digits.
pub(super) fn decoded(text: &str, escapes: Escapes) -> Option<Cow<'_, str>> {
    let plus = escapes == Escapes::Form;
    if escapes == Escapes::None || !(text.contains('%') || plus && text.contains('+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) if plus => bytes.push(b' '),
            (b'%', _) => match after {
                [high, low, after @ ..] => match (hex(*high), hex(*low)) {
                    (Some(high), Some(low)) => {
                        bytes.push(high * 16 + low);
                        rest = after;
                    }
                    _ if escapes == Escapes::Lenient => bytes.push(byte),
                    _ => return None,
                },
                _ if escapes == Escapes::Lenient => bytes.push(byte),
                _ => return None,
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The one way in which a text is written canonically: unreserved characters (RFC 3986 §2.3) as they are, every other
/// byte as `%XX` in capitals.
pub(super) fn encoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

/// The name's JSON pointer (RFC 6901 §3).
pub(super) fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// What was sent as it may be repeated: in quotes, at most 80 characters, none of them a control character.
pub(super) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let plain = |one: char| if one.is_control() { '\u{fffd}' } else { one };
    let mut shown: String = text.chars().take(CHARACTERS_MAX).map(plain).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        for (text, escapes, want) in [
            ("a%20b+c", Escapes::Percent, Some("a b+c")),
            ("a%20b+c", Escapes::Form, Some("a b c")),
            ("a%2520", Escapes::Form, Some("a%20")),
            ("%C3%A4", Escapes::Percent, Some("ä")),
            ("%c3%a4", Escapes::Form, Some("ä")),
            ("%C3", Escapes::Form, None),
            ("100%", Escapes::Percent, None),
            ("100%", Escapes::Lenient, Some("100%")),
            ("%zz", Escapes::Lenient, Some("%zz")),
            ("%41", Escapes::None, Some("%41")),
        ] {
            assert_eq!(decoded(text, escapes).as_deref(), want, "{text} {escapes:?}");
        }
    }

    #[test]
    fn one_text_has_one_encoding() {
        assert_eq!(encoded("a b,c@ä~"), "a%20b%2Cc%40%C3%A4~");
        assert_eq!(pointer("a/b~c"), "/a~1b~0c");
    }

    #[test]
    fn what_is_repeated_is_cut() {
        assert_eq!(shown(&"x".repeat(81)).chars().count(), 83);
        assert_eq!(shown("a\u{1b}[2J"), "'a\u{fffd}[2J'");
    }
}
