//! The query of a target: what it may hold, its pairs, and how a secret is cut out of it.

use std::borrow::Cow;

use super::Flaw;
use super::segment::hex;

/// Checks a query without its question mark. It may hold unencoded what the WHATWG URL standard leaves so.
pub(super) fn check(query: &str) -> Result<(), Flaw> {
    let mut bytes = query.bytes().enumerate();
    while let Some((offset, byte)) = bytes.next() {
        if byte == b'%' {
            let digits = (bytes.next().and_then(|(_, byte)| hex(byte)), bytes.next().and_then(|(_, byte)| hex(byte)));
            match digits {
                (Some(0), Some(0)) => {
                    return Err(Flaw { offset, what: "an encoded NUL", mend: "Leave NUL out of the query" });
                }
                (Some(_), Some(_)) => {}
                _ => {
                    let what = "a percent sign is not followed by two hex digits";
                    return Err(Flaw { offset, what, mend: "Write a percent sign that is meant as itself as %25" });
                }
            }
        } else if let Some((what, mend)) = fault_of(byte) {
            return Err(Flaw { offset, what, mend });
        }
    }
    Ok(())
}

fn fault_of(byte: u8) -> Option<(&'static str, &'static str)> {
    match byte {
        b' ' => Some(("a space", "Write a space as %20 or +")),
        b'"' | b'<' | b'>' => Some(("a quotation mark or angle bracket", "Write them as %22, %3C and %3E")),
        b'#' => Some(("a fragment, which is not part of a request", "Write a # that is meant as itself as %23")),
        0..=0x1f | 0x7f => Some(("a control character", "Leave control characters out, or percent-encode them")),
        0x80.. => Some(("a character outside ASCII", "Percent-encode it as UTF-8")),
        _ => None,
    }
}

/// The names and values of a query, decoded as forms are: escapes once, `+` as a space, bytes that aren't UTF-8 as
/// U+FFFD. A piece without `=` has an empty value; empty pieces are passed over.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|piece| !piece.is_empty()).map(|piece| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        (decode(name), decode(value))
    })
}

/// The query without any parameter of that name, the rest byte for byte as it was. Names are compared exactly, after
/// they are decoded once.
#[must_use]
pub fn without_query_parameter<'a>(query: &'a str, name: &str) -> Cow<'a, str> {
    // An escape makes a name longer, never shorter.
    if query.len() < name.len() {
        return Cow::Borrowed(query);
    }
    let has_name = |piece: &&str| decode(piece.split_once('=').map_or(*piece, |(name, _)| name)) == name;
    if !query.split('&').any(|piece| has_name(&piece)) {
        return Cow::Borrowed(query);
    }
    let mut rest = String::with_capacity(query.len());
    for (index, piece) in query.split('&').filter(|piece| !has_name(piece)).enumerate() {
        if index > 0 {
            rest.push('&');
        }
        rest.push_str(piece);
    }
    Cow::Owned(rest)
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high * 16 + low);
                    rest = after;
                }
                _ => decoded.push(byte),
            },
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(
        String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}
