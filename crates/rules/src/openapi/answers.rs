//! What a document says of the service's answers, by status.

use super::content::{self, Whose};
use super::loss::Effect;
use super::reading::{At, Reading, shown};
use crate::model::ServiceAnswer;

/// More answers than this of one operation are told as lost.
const ANSWERS_MAX: usize = 100;
const NOTHING_CHANGES: &str = "nothing changes for callers";

/// The answers of an operation.
pub(super) fn all<'d>(reading: &mut Reading<'d>, at: &At<'d>) -> Vec<ServiceAnswer> {
    let mut answers: Vec<ServiceAnswer> = Vec::new();
    let entries: Vec<(&str, At<'d>)> = at.member("responses").iter().flat_map(At::members).collect();
    for (written, at) in entries {
        if !reading.works() {
            break;
        }
        let Some(status) = status(written).filter(|_| answers.len() < ANSWERS_MAX) else {
            let why = "it is no status, nor one like 2XX, nor default";
            let construct = format!("answer {}", shown(written));
            reading.lose(Effect::OnlyDescribed, &at.pointer, &construct, why, NOTHING_CHANGES);
            continue;
        };
        let Some(at) = reading.followed(at, "an answer", Effect::OnlyDescribed, NOTHING_CHANGES) else { continue };
        for construct in ["headers", "links"] {
            let told = at.member(construct).filter(|one| one.value.as_object().is_some_and(|all| !all.is_empty()));
            if let Some(told) = told {
                let why =
                    if construct == "links" { "nobody follows them" } else { "answers are compared by their body" };
                let construct = format!("{construct} of answers");
                reading.lose(Effect::OnlyDescribed, &told.pointer, &construct, why, NOTHING_CHANGES);
            }
        }
        answers.push(ServiceAnswer { status, content: content::all(reading, &at, Whose::Answer) });
    }
    answers
}

/// `200`, `2XX` or `default`.
fn status(written: &str) -> Option<String> {
    let lower = written.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let is_status = match bytes {
        b"default" => true,
        [first, b'x', b'x'] => (b'1'..=b'5').contains(first),
        [first, second, third] => (b'1'..=b'5').contains(first) && second.is_ascii_digit() && third.is_ascii_digit(),
        _ => false,
    };
    is_status.then(|| if lower == "default" { lower } else { lower.to_ascii_uppercase() })
}
