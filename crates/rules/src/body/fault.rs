//! Where a body stops being JSON, and how that is told.

use std::borrow::Cow;

use crate::contract::{Cause, Location, Refusal};

/// The first place where a body isn't acceptable.
#[derive(Debug)]
pub(super) struct Fault {
    offset: usize,
    pointer: String,
    words: String,
}

impl Fault {
    pub(super) fn new(offset: usize, pointer: String, words: String) -> Self {
        Self { offset, pointer, words }
    }

    pub(super) fn refusal(self, bytes: &[u8]) -> Refusal {
        let (line, column) = line_and_column(bytes, self.offset);
        let words = format!("line {line}, column {column}: {}", self.words);
        Refusal::new(Cause::BodyNotJson)
            .message(format!("The body is not JSON: {words}."))
            .detail(format!("At {words}."))
            .error(self.pointer, Location::Body, words)
    }
}

/// Line and column from 1; a column is a character, whatever its length in bytes.
fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start_of_line = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = before.iter().skip(start_of_line).filter(|byte| **byte & 0xc0 != 0x80).count() + 1;
    (line, column)
}

/// The character at the beginning of `rest` in words that are safe to print.
pub(super) fn found(rest: &str) -> Cow<'static, str> {
    match rest.chars().next() {
        None => Cow::Borrowed("the end of the body"),
        Some(character) if character.is_ascii_graphic() => Cow::Owned(format!("{character}")),
        Some(' ') => Cow::Borrowed("a space"),
        Some('\n') => Cow::Borrowed("a line feed"),
        Some(character) => Cow::Owned(format!("U+{:04X}", u32::from(character))),
    }
}
