//! Bodies as JSON: whether a request's is valid without a doubt, and what a service's refusal says.
//!
//! It knows no schema.

mod fault;
mod names;
mod scalar;
mod scan;
mod service;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use service::{SERVICE_BODY_LEN_MAX, SERVICE_MESSAGE_CHARS_MAX, ServiceWords, service_message};
pub use tree::{Tree, TreeValue};

use crate::contract::{Cause, Refusal};

/// What a JSON body may be, beyond the syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonLimits {
    /// So many arrays and objects may stand within each other; `[]` has depth 1.
    pub depth_max: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        Self { depth_max: 64 }
    }
}

/// The kind of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `{…}`.
    Object,
    /// `[…]`.
    Array,
    /// `"…"`.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
}

/// What was seen of a valid body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonSummary {
    /// The kind of the outermost value.
    pub kind: JsonKind,
    /// Whether it is `{}`, `[]` or `""`.
    pub is_empty: bool,
    /// How many arrays and objects stand within each other at most; 0 for a scalar.
    pub depth: usize,
}

/// Checks that a body is one JSON value (RFC 8259) that all parsers read alike; builds no tree.
///
/// Stricter than the RFC, because parsers differ there: member names of an object are distinct (compared after
/// unescaping), escapes hold no lone surrogates, there is no byte order mark, and nesting has a limit. Numbers may be
/// of any size and precision. Time is n log n in the body's length, memory at most eight times the length.
///
/// # Errors
///
/// [`Cause::BodyNotJson`] with line and column (both from 1, lines end at a line feed, columns count characters), what
/// was expected and found, and a JSON pointer (RFC 6901) to the value or, past 512 bytes, to one that holds it.
/// [`Cause::BodyTooLarge`] past 4 GiB.
pub fn check_json(bytes: &[u8], limits: JsonLimits) -> Result<JsonSummary, Refusal> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Refusal::new(Cause::BodyTooLarge).message("The body is too large to be read as JSON."));
    }
    text::utf8(bytes).and_then(|text| scan::Scan::new(text, limits).run()).map_err(|fault| fault.refusal(bytes))
}

/// The same check, which keeps what it read: sixteen bytes for each value and each name, and nothing of their text.
///
/// # Errors
///
/// As [`check_json`] has them.
pub fn read_json(bytes: &[u8], limits: JsonLimits) -> Result<(JsonSummary, Tree<'_>), Refusal> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Refusal::new(Cause::BodyTooLarge).message("The body is too large to be read as JSON."));
    }
    let read = |text| {
        let mut scan = scan::Scan::new(text, limits);
        scan.nodes = Some(tree::Nodes::of(text));
        let summary = scan.run()?;
        Ok((summary, Tree::new(text, scan.nodes.take().unwrap_or_default())))
    };
    text::utf8(bytes).and_then(read).map_err(|fault: fault::Fault| fault.refusal(bytes))
}

/// The most bytes that [`read_json`] keeps of a body.
#[must_use]
pub fn kept_bytes_max(body: &[u8]) -> usize {
    tree::size_max(body)
}

/// Whether a body says nothing: empty, only white space, `""` or `{}`.
#[must_use]
pub fn is_blank(bytes: &[u8]) -> bool {
    match trimmed(bytes) {
        b"" | b"\"\"" => true,
        [b'{', inside @ .., b'}'] => trimmed(inside).is_empty(),
        _ => false,
    }
}

fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\n' | b'\r'] = bytes {
        bytes = rest;
    }
    bytes
}
