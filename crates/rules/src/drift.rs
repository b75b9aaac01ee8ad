//! Where a service answers otherwise than its operation describes: the judgement, and what is kept of it for operators.
//!
//! What is kept names places and kinds, never a value of an answer: a member whose name the schema doesn't know may be
//! data, and is told as `*`, as elements of lists are.

mod compare;
mod place;
mod table;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use compare::{AnswerBody, LiveAnswers};
pub use table::{Answered, DriftTable, News};

use crate::model::Name;

/// How an answer differs from what is described.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Difference {
    /// No answer with this status is described.
    Status,
    /// The media type is none of those that are described.
    MediaType {
        /// The media type without its parameters; none came.
        media_type: Option<String>,
    },
    /// It is described as JSON and isn't.
    NotJson,
    /// A value breaks the schema.
    Schema {
        /// Where in the body (RFC 6901), elements and unknown members as `*`.
        pointer: String,
        /// The keyword of JSON Schema that it breaks.
        keyword: String,
    },
}

impl Difference {
    /// What is told of it.
    #[must_use]
    pub fn words(&self, status: u16) -> String {
        match self {
            Self::Status => format!("status {status} is not described"),
            Self::MediaType { media_type: None } => format!("{status} without a media type is not described"),
            Self::MediaType { media_type: Some(media_type) } => {
                format!("{status} with media type {media_type} is not described")
            }
            Self::NotJson => format!("{status} is described as JSON and is not"),
            Self::Schema { pointer, keyword } => {
                let place = if pointer.is_empty() { "the body" } else { pointer.as_str() };
                format!("{status}: {place} breaks '{keyword}' of its schema")
            }
        }
    }
}

/// A kind of difference that was found, with how often and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftLine {
    /// The API.
    pub api: Name,
    /// The operation.
    pub operation: Name,
    /// The status that the service answered with.
    pub status: u16,
    /// What differs.
    #[serde(flatten)]
    pub difference: Difference,
    /// The same in words.
    pub words: String,
    /// Answers that it was found in.
    pub answers: u64,
    /// When it was first found, microseconds since the Unix epoch.
    pub first_at_us: i64,
    /// When it was last found.
    pub last_at_us: i64,
    /// A call whose answer had it, the last.
    pub request_id: String,
}

/// What became of answers that were to be compared, since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// As described.
    pub alike: u64,
    /// Not as described.
    pub drifted: u64,
    /// As described as far as was looked: the body is larger than is compared, encoded, or broke off.
    pub left_aside: u64,
    /// Not looked at, because too many waited.
    pub dropped: u64,
}

/// What is told of the answers of one API or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Answers of all APIs.
    pub compared: Compared,
    /// What was found, the latest first.
    pub lines: Vec<DriftLine>,
    /// Kinds that were found and gave way to later ones.
    pub forgotten: u64,
}
