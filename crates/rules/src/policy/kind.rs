//! The kinds of values that policies read: of which kind a parameter is, and whether a value is of one.

use cedar_policy::RestrictedExpression;
use serde_json::Value;

use crate::model::{Schemas, ValueKind};

/// A reference leads to a reference at most so often.
const REFERENCES_MAX: usize = 16;

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

/// Of which kind a parameter is by its schema: whole numbers and booleans are themselves, all else is text.
pub(super) fn of_schema(schema: Option<&Value>, schemas: &Schemas) -> ValueKind {
    let mut schema = schema;
    for _ in 0..REFERENCES_MAX {
        let Some(reference) = schema.and_then(|schema| schema.get("$ref")).and_then(Value::as_str) else { break };
        schema = reference.strip_prefix("#/schemas/").and_then(|name| schemas.get(name));
    }
    let told = schema.and_then(|schema| schema.get("type"));
    match told.map(|told| told.as_str().unwrap_or_default()) {
        Some("integer") => ValueKind::Integer,
        Some("boolean") => ValueKind::Boolean,
        _ => ValueKind::String,
    }
}
