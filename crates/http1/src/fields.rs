//! Field lines by httparse: its finds as [`http`] types without a copy, and our words for what it refuses.
//!
//! It gets lines that end in CR LF and nothing else; httparse alone would take a line feed for an end.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Header, Status};

use crate::flaw::Flaw;

/// So many fields are read without memory of their own.
const FEW: usize = 32;

/// A flaw and its index.
type Flawed = (Flaw, usize);

/// Whether a byte may stand in a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Reads the `count` fields of a head, which begin at `start` and go to its end, and shows name and value of each to
/// `note`. The map has room for `added` more.
pub(crate) fn read<'a>(
    head: &'a Bytes,
    start: usize,
    count: usize,
    added: usize,
    mut note: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Flaw>,
) -> Result<HeaderMap, Flawed> {
    let block = head.get(start..).unwrap_or_default();
    let collect = |fields: &[Header<'a>]| {
        let too_many = (Flaw::TooManyFields, 0);
        let mut headers = HeaderMap::try_with_capacity(count + added).map_err(|_| too_many)?;
        for field in fields {
            let place = |bytes: &[u8]| (bytes.as_ptr() as usize).saturating_sub(block.as_ptr() as usize);
            let name = field.name.as_bytes();
            note(name, field.value).map_err(|flaw| (flaw, place(name)))?;
            let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
            let value = value.map_err(|_| (Flaw::FieldValue, place(field.value)))?;
            let name = HeaderName::from_bytes(name).map_err(|_| (Flaw::FieldName, place(name)))?;
            headers.try_append(name, value).map_err(|_| too_many)?;
        }
        Ok(headers)
    };
    parse(block, count, collect).map_err(|(flaw, index)| (flaw, start + index))
}

/// Checks the form of `count` fields that nobody reads.
pub(crate) fn check(block: &[u8], count: usize) -> Result<(), Flawed> {
    parse(block, count, |_| Ok(()))
}

/// Parses field lines and the empty line after them.
fn parse<'a, T>(
    block: &'a [u8],
    count: usize,
    read: impl FnOnce(&[Header<'a>]) -> Result<T, Flawed>,
) -> Result<T, Flawed> {
    let mut few = [EMPTY_HEADER; FEW];
    let mut many = Vec::new();
    let room = if count <= FEW {
        &mut few[..]
    } else {
        many.resize(count, EMPTY_HEADER);
        &mut many[..]
    };
    match httparse::parse_headers(block, room) {
        Ok(Status::Complete((end, fields))) if end == block.len() && fields.len() == count => read(fields),
        _ => Err(first_flaw(block).unwrap_or((Flaw::FieldName, 0))),
    }
}

/// What is wrong with the first field line that httparse refuses, and where.
fn first_flaw(block: &[u8]) -> Option<Flawed> {
    let mut start = 0;
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        if !text.is_empty()
            && let Some((flaw, index)) = line_flaw(text)
        {
            return Some((flaw, start + index));
        }
        start += line.len();
    }
    None
}

fn line_flaw(line: &[u8]) -> Option<Flawed> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    if line.first().is_some_and(is_space) {
        return Some((Flaw::FoldedField, 0));
    }
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at_checked(colon.unwrap_or(line.len()))?;
    if let Some(index) = name.iter().position(|byte| !is_token_byte(*byte)) {
        let ends_in_spaces = name.get(index..).is_some_and(|rest| rest.iter().all(is_space));
        return Some(match name.get(index) {
            Some(b'\r') => (Flaw::BareCarriageReturn, index),
            _ if colon.is_none() => (Flaw::MissingColon, line.len()),
            _ if ends_in_spaces => (Flaw::SpaceBeforeColon, index),
            _ => (Flaw::FieldName, index),
        });
    }
    if name.is_empty() {
        return Some((Flaw::EmptyFieldName, 0));
    }
    if colon.is_none() {
        return Some((Flaw::MissingColon, line.len()));
    }
    let index = value.iter().position(|byte| byte.is_ascii_control() && *byte != b'\t')?;
    let flaw = if value.get(index) == Some(&b'\r') { Flaw::BareCarriageReturn } else { Flaw::FieldValue };
    Some((flaw, name.len() + index))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_place_of_a_flaw_is_told() {
        for (block, flaw) in [
            (&b"a: b\r\n c\r\n\r\n"[..], (Flaw::FoldedField, 6)),
            (b"a: b\r\nc : d\r\n\r\n", (Flaw::SpaceBeforeColon, 7)),
            (b"a\r\n\r\n", (Flaw::MissingColon, 1)),
            (b"a b\r\n\r\n", (Flaw::MissingColon, 3)),
            (b": b\r\n\r\n", (Flaw::EmptyFieldName, 0)),
            (b"a b: c\r\n\r\n", (Flaw::FieldName, 1)),
            (b"a: b\0\r\n\r\n", (Flaw::FieldValue, 4)),
            (b"a: b\rc\r\n\r\n", (Flaw::BareCarriageReturn, 4)),
            (b"a: b\r\r\n\r\n", (Flaw::BareCarriageReturn, 4)),
            (b"a\r: b\r\n\r\n", (Flaw::BareCarriageReturn, 1)),
            (b"\r\r\n\r\n", (Flaw::BareCarriageReturn, 0)),
        ] {
            let count = block.iter().filter(|byte| **byte == b'\n').count() - 1;
            assert_eq!(check(block, count), Err(flaw), "{:?}", String::from_utf8_lossy(block));
        }
        assert_eq!(check(b"a:\r\nb: \xff\tc \r\n\r\n", 2), Ok(()));
        assert_eq!(check(b"\r\n", 0), Ok(()));
    }

    proptest! {
        /// The words are never a guess: whatever httparse refuses, we find too, and nothing else.
        #[test]
        fn httparse_and_our_words_agree(
            lines in prop::collection::vec(
                prop::collection::vec(prop::sample::select(&b"ab: \t\r\0\x7f\x80-(\"="[..]), 1..9), 0..5)
        ) {
            let mut block = Vec::new();
            for line in &lines {
                block.extend_from_slice(line);
                block.extend_from_slice(b"\r\n");
            }
            block.extend_from_slice(b"\r\n");
            let mut room = [EMPTY_HEADER; 8];
            let is_parsed = matches!(
                httparse::parse_headers(&block, &mut room),
                Ok(Status::Complete((end, fields))) if end == block.len() && fields.len() == lines.len()
            );
            prop_assert_eq!(is_parsed, first_flaw(&block).is_none());
        }
    }
}
