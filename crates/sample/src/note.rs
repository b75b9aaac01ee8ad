//! What a note about a constituent is, and which ones are well formed.
//! It knows neither SQL nor HTTP; those are in `table` and `routes`.

pub(crate) mod routes;
pub(crate) mod table;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::Problem;
use crate::fields::{Fields, LINE_MAX};
use crate::fuzzy_date::FuzzyDate;

const TYPES: [&str; 4] = ["General", "Call", "Letter", "Meeting"];
/// The longest text of a note, in characters.
const TEXT_MAX: usize = 20_000;

/// What a caller may say in a note.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Note {
    /// One of [`TYPES`].
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) summary: String,
    pub(crate) text: Option<String>,
    /// When it happened, as far as that is known.
    pub(crate) date: Option<FuzzyDate>,
    /// Who wrote it: the user who created it, unless another is named.
    pub(crate) author: Option<String>,
}

/// A note as it is kept and answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) constituent_id: String,
    #[serde(flatten)]
    pub(crate) note: Note,
    /// ISO 8601 with offset.
    pub(crate) date_added: String,
    /// ISO 8601 with offset.
    pub(crate) date_modified: String,
}

impl Note {
    /// Reads a note from the members of a body, or says everything that is wrong with them.
    pub(crate) fn check(members: &Map<String, Value>) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut fields = Fields::of(members, &mut problems);
        let note = Self {
            kind: fields.choice("type", &TYPES).unwrap_or_else(|| "General".to_owned()),
            summary: fields.required_line("summary", LINE_MAX),
            text: fields.prose("text", TEXT_MAX),
            date: FuzzyDate::read(&mut fields, "date"),
            author: fields.line("author", LINE_MAX),
        };
        if problems.is_empty() { Ok(note) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(body: Value) -> Result<Note, Vec<String>> {
        let Value::Object(members) = body else { panic!("no object") };
        Note::check(&members).map_err(|problems| problems.into_iter().map(|p| p.pointer).collect())
    }

    #[test]
    fn a_note_needs_a_summary_and_a_known_type() {
        let note = check(json!({"summary": "Called", "text": "One.\nTwo."})).unwrap();
        assert_eq!((note.kind.as_str(), note.text.as_deref()), ("General", Some("One.\nTwo.")));
        assert_eq!(
            check(json!({"type": "Rumour", "text": "a\u{0}b", "date": {"d": 1}})),
            Err(["/type", "/summary", "/text", "/date/d"].map(str::to_owned).to_vec())
        );
    }
}
