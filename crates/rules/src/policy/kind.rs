//! The kinds of values that policies read, and whether a value is of one.

use cedar_policy::RestrictedExpression;
use serde_json::Value;

use crate::model::ValueKind;

/// What stands for a value that isn't there: a set is empty, the rest is absent.
pub(super) fn empty(kind: ValueKind) -> Option<RestrictedExpression> {
    matches!(kind, ValueKind::Strings | ValueKind::Integers).then(|| RestrictedExpression::new_set([]))
}

/// The kind in words, after "is".
#[must_use]
pub fn kind_words(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::String => "a text",
        ValueKind::Integer => "a whole number of 64 bits",
        ValueKind::Boolean => "true or false",
        ValueKind::Strings => "a list of texts",
        ValueKind::Integers => "a list of whole numbers of 64 bits",
    }
}

/// Whether a value is of a kind.
#[must_use]
pub fn fits(kind: ValueKind, value: &Value) -> bool {
    let all = |of: ValueKind| value.as_array().is_some_and(|list| list.iter().all(|one| fits(of, one)));
    match kind {
        ValueKind::String => value.is_string(),
        ValueKind::Integer => value.is_i64(),
        ValueKind::Boolean => value.is_boolean(),
        ValueKind::Strings => all(ValueKind::String),
        ValueKind::Integers => all(ValueKind::Integer),
    }
}
