//! What leaves: the head as lines, put as they are decided on, and the body. What every answer carries besides is
//! `Call::decorate`'s.

use http::{HeaderMap, StatusCode};
use limen_http1::field_table::Fields;
use limen_http1::response::AnswerLines;
use limen_rules::cors;

use crate::answer::Answer;

/// What the lines of most answers take.
const LINES_BYTES: usize = 768;

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) lines: AnswerLines,
    /// What `Content-Length` tells to `HEAD`: what `GET` would have got.
    pub(crate) told_bytes: Option<u64>,
    /// Whether a line says `Date`.
    pub(crate) has_date: bool,
    /// Whether a line says that the answer depends on `Origin`.
    pub(crate) varies_by_origin: bool,
    /// Whether a connection of HTTP/1.1 ends with it.
    pub(crate) closes: bool,
    pub(crate) body: Answer,
}

impl Reply {
    /// An answer without fields.
    pub(crate) fn new(status: StatusCode, body: Answer) -> Self {
        let lines = AnswerLines::with_capacity(LINES_BYTES);
        Self { status, lines, told_bytes: None, has_date: false, varies_by_origin: false, closes: false, body }
    }

    /// Our own words, which every answer's fields are added to: of those a map holds none.
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap, body: Answer) -> Self {
        let mut reply = Self::new(status, body);
        reply.put_those(&Fields::of(headers), |_, _| true);
        reply
    }

    /// Puts those fields that pass: `passes` is shown name, in small letters, and value of each.
    pub(crate) fn put_those(&mut self, fields: &Fields, mut passes: impl FnMut(&[u8], &[u8]) -> bool) {
        let Self { lines, has_date, varies_by_origin, .. } = self;
        lines.put_those(fields, |name, value| {
            let does_pass = passes(name, value);
            match name {
                _ if !does_pass => {}
                b"date" => *has_date = true,
                b"vary" => *varies_by_origin |= cors::varies_by_origin(value),
                _ => {}
            }
            does_pass
        });
    }
}
