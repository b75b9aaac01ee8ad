//! Whether what operations say of the service's answers is right: statuses, media types and schemas.

use std::collections::HashSet;
use std::sync::Arc;

use super::description::check_content;
use super::{Problems, shown};
use crate::model::Operation;
use crate::schema::{Direction, Library};

/// Adds what is wrong with the answers of an operation.
pub(super) fn check(list: &str, operation: &Operation, library: &Arc<Library>, problems: &mut Problems) {
    let mut seen = HashSet::new();
    for (at, answer) in operation.answers.iter().enumerate() {
        let field = format!("{list}[{at}]");
        let status = answer.status.to_ascii_lowercase();
        if !is_status(&status) {
            let message = format!("'{}' is no status", shown(&answer.status));
            problems.add(format!("{field}.status"), message, "write it like 200, 2XX or default");
        }
        if !seen.insert(status) {
            let message = format!("the status {} is described twice", shown(&answer.status));
            problems.add(format!("{field}.status"), message, "remove one of them");
        }
        for (at, content) in answer.content.iter().enumerate() {
            let field = format!("{field}.content[{at}]");
            check_content(&field, content, library, Direction::Answer, problems);
        }
    }
}

/// Whether it is `100` to `599`, `1xx` to `5xx` or `default`.
fn is_status(lower: &str) -> bool {
    match lower.as_bytes() {
        [b'1'..=b'5', b'x', b'x'] => true,
        [b'1'..=b'5', tens, ones] => tens.is_ascii_digit() && ones.is_ascii_digit(),
        _ => lower == "default",
    }
}
