//! Field lines: where name and value stand in each, and our words for what is wrong with one.
//!
//! It gets lines that end in CR LF and nothing else.

use std::ops::Range;

use bytes::Bytes;

use crate::field_table::{Fields, Place};
use crate::flaw::Flaw;

/// So many fields have room from the start.
const FEW: usize = 16;

/// A flaw and its index.
type Flawed = (Flaw, usize);

/// For each byte its small letter, and 0 for what can't stand in a token (RFC 9110 §5.6.2).
const SMALL_LETTERS: [u8; 256] = {
    let mut table = [0; 256];
    let mut tokens: &[u8] = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    while let [byte, rest @ ..] = tokens {
        table[*byte as usize] = byte.to_ascii_lowercase();
        tokens = rest;
    }
    table
};

/// The small letter of a byte of a token; 0 for what can't stand in one.
fn small_letter(byte: u8) -> u8 {
    SMALL_LETTERS.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Whether a byte may stand in a token (RFC 9110 §5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    small_letter(byte) != 0
}

/// The fields of a head of which lines have arrived.
#[derive(Debug, Default)]
pub(crate) struct FieldScan {
    places: Vec<Place>,
    /// Lines, those with a flaw too.
    count: usize,
    /// Whether a line has a flaw; which one is told when the head is whole, as it may be another's turn before.
    is_flawed: bool,
}

impl FieldScan {
    /// Notes where the field of a line stands, which is given without its end, and puts its name into small letters.
    pub(crate) fn line(&mut self, head: &mut [u8], line: Range<usize>) {
        if self.count == 0 {
            self.places = Vec::with_capacity(FEW);
        }
        self.count += 1;
        match head.get_mut(line.clone()).and_then(read_line) {
            Some((name_len, value)) => {
                let value_at = line.start + value.start;
                self.places.push(Place::new(line.start..line.start + name_len, value_at..value_at + value.len()));
            }
            None => self.is_flawed = true,
        }
    }

    /// How many lines there were.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The fields of a head that is whole, in which their lines begin at `start` and an empty one ends it. Each is shown
    /// to `note`, name and value, in the order in which they came.
    ///
    /// # Errors
    /// The first flaw of a line, else the first one that `note` finds, and its index.
    pub(crate) fn finish(
        self,
        head: Bytes,
        start: usize,
        mut note: impl FnMut(&[u8], &[u8]) -> Result<(), Flaw>,
    ) -> Result<Fields, Flawed> {
        let block = head.get(start..).unwrap_or_default();
        // Each line ends in two control characters, and the empty one after them too.
        if self.is_flawed || count_controls(block) != 2 * (self.count + 1) {
            let (flaw, index) = first_flaw(block).unwrap_or((Flaw::FieldName, 0));
            return Err((flaw, start + index));
        }
        for place in &self.places {
            let (name, value) = (place.name(&head), place.value(&head));
            note(name, value).map_err(|flaw| (flaw, place.start()))?;
        }
        Ok(Fields::new(head, self.places))
    }
}

/// Puts the name of a line into small letters; its length, and where the value stands. None where the line has no name,
/// or a wrong one; the value's bytes aren't looked at.
fn read_line(line: &mut [u8]) -> Option<(usize, Range<usize>)> {
    let mut name_len = 0;
    for byte in line.iter_mut() {
        let small = small_letter(*byte);
        if small == 0 {
            break;
        }
        *byte = small;
        name_len += 1;
    }
    if name_len == 0 || line.get(name_len) != Some(&b':') {
        return None;
    }
    let (mut from, mut to) = (name_len + 1, line.len());
    while matches!(line.get(from), Some(b' ' | b'\t')) {
        from += 1;
    }
    while to > from && matches!(line.get(to - 1), Some(b' ' | b'\t')) {
        to -= 1;
    }
    Some((name_len, from..to))
}

/// How many bytes are control characters, the tab aside.
fn count_controls(bytes: &[u8]) -> usize {
    // In pieces whose count fits a byte, so that many bytes are looked at at once.
    let is_control = |byte: &u8| u8::from(*byte < b' ') + u8::from(*byte == 0x7f) - u8::from(*byte == b'\t');
    bytes.chunks(240).map(|piece| usize::from(piece.iter().map(is_control).sum::<u8>())).sum()
}

/// Checks the form of fields that nobody reads.
pub(crate) fn check(block: &[u8]) -> Result<(), Flawed> {
    first_flaw(block).map_or(Ok(()), Err)
}

/// What is wrong with the first field line that has a flaw, and where.
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
    use http::{HeaderMap, HeaderName, HeaderValue};
    use httparse::{EMPTY_HEADER, Status};
    use proptest::prelude::*;

    use super::*;
    use crate::lines::{Found, Lines};

    /// Reads lines as they are found in a head that is nothing else.
    fn scanned(block: &[u8], note: impl FnMut(&[u8], &[u8]) -> Result<(), Flaw>) -> Result<Fields, Flawed> {
        let mut head = block.to_vec();
        let (mut scan, mut lines) = (FieldScan::default(), Lines::default());
        while let Ok(Found::Line(line)) = lines.next(&head, head.len()) {
            if !line.is_empty() {
                scan.line(&mut head, line);
            }
        }
        scan.finish(head.into(), 0, note)
    }

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
            assert_eq!(check(block), Err(flaw), "{:?}", String::from_utf8_lossy(block));
            assert_eq!(scanned(block, |_, _| Ok(())), Err(flaw), "{:?}", String::from_utf8_lossy(block));
        }
        assert_eq!(check(b"a:\r\nb: \xff\tc \r\n\r\n"), Ok(()));
        assert_eq!(check(b"\r\n"), Ok(()));
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

        /// What passes httparse passes us, as the same names and values, and nothing else does.
        #[test]
        fn httparse_and_we_read_the_same(
            lines in prop::collection::vec(prop_oneof![
                8 => "[aB]{1,2}:[ \\t]{0,2}[a-c \\t\u{80}]{0,40}",
                1 => "[aB:(\0 \\t\r\u{7f}_-]{1,4}:[ \\t]{0,2}[a-c \0\r\\t\u{1f}\u{7f}\u{80}]{0,4}",
            ], 0..9)
        ) {
            let mut block: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            block.push_str("\r\n");
            let block = block.into_bytes();
            let mut room = [EMPTY_HEADER; 10];
            let expected = match httparse::parse_headers(&block, &mut room) {
                Ok(Status::Complete((end, fields))) if end == block.len() && fields.len() == lines.len() => Some(fields),
                _ => None,
            };
            let mut noted = Vec::new();
            let read = scanned(&block, |name, value| {
                noted.push((name.to_vec(), value.to_vec()));
                Ok(())
            });
            prop_assert_eq!(read.is_ok(), expected.is_some());
            let expected = expected.unwrap_or_default().iter();
            let expected: Vec<_> = expected.map(|field| (field.name.to_ascii_lowercase().into_bytes(), field.value.to_vec())).collect();
            prop_assert_eq!(&noted, &expected);
            let map: HeaderMap = expected.iter().map(|(name, value)| {
                (HeaderName::from_bytes(name).unwrap(), HeaderValue::from_bytes(value).unwrap())
            }).collect();
            prop_assert_eq!(read.unwrap_or_default(), Fields::of(&map), "in the order in which a map has them");
        }
    }
}
