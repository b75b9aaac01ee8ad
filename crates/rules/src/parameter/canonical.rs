//! The one form of a value that a policy reads: two texts that differ never give one value, so policy and service see
//! the same.

use serde_json::Value;

use super::shape::{Shape, Types};
use super::text::{Escapes, decoded, encoded, pointer, shown};
use crate::contract::{FieldError, Location};
use crate::model::ValueKind;
use crate::schema::is_secret_name;

/// The kind of value that policies see of a parameter with this shape; none where it has no canonical form.
pub(super) fn kind(shape: &Shape) -> Option<ValueKind> {
    // Nothing said of it: text, as it came.
    if shape.is_open() {
        return Some(ValueKind::String);
    }
    match shape.types.without(Types::NULL) {
        Types::STRING => Some(ValueKind::String),
        Types::INTEGER => Some(ValueKind::Integer),
        Types::BOOLEAN => Some(ValueKind::Boolean),
        _ => None,
    }
}

/// The value of a text in its canonical form; none where it is in another.
pub(super) fn value(kind: ValueKind, text: &str) -> Option<Value> {
    match kind {
        ValueKind::Integer => {
            // What i64 reads and writes the same way has no plus, no leading zero, no -0 and no escape.
            text.parse::<i64>().ok().filter(|number| number.to_string() == text).map(Value::from)
        }
        ValueKind::Boolean => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        ValueKind::String => {
            let meant = decoded(text, Escapes::Percent)?;
            (encoded(&meant) == text && !meant.contains(char::is_control)).then(|| Value::from(meant.into_owned()))
        }
        ValueKind::Strings | ValueKind::Integers => None,
    }
}

/// The value of a query parameter that a policy reads; none where it isn't there.
///
/// # Errors
/// It is there twice, as any of the services that are about would count, or in another form.
pub(super) fn in_query(name: &str, kind: ValueKind, query: &str) -> Result<Option<Value>, FieldError> {
    // Every call without a query, or with one that can't hold the name, ends here.
    let cut = !name.contains('[');
    let wanted = folded(name, cut);
    let mut named = query.split(['&', ';']).filter(|piece| is_named(piece, &wanted, cut));
    if named.next().is_none() {
        return Ok(None);
    }
    if named.next().is_some() {
        return Err(refused(name, Location::Query, "may be given at most once, and in no other spelling".to_owned()));
    }
    // The same piece by the separator that counts.
    let piece = query.split('&').find(|piece| piece.split(';').any(|inner| is_named(inner, &wanted, cut)));
    let (written, text) = match piece.unwrap_or_default().split_once('=') {
        Some((written, text)) => (written, Some(text)),
        None => (piece.unwrap_or_default(), None),
    };
    if written != name && written != encoded(name) {
        let words = format!("must be spelt so: {}=", encoded(name));
        return Err(refused(name, Location::Query, words));
    }
    match text.and_then(|text| value(kind, text)) {
        Some(value) => Ok(Some(value)),
        None => Err(wrong_form(name, Location::Query, kind, text.unwrap_or_default())),
    }
}

/// The value of a path parameter that a policy reads; `segment` as the normaliser gives it.
///
/// # Errors
/// It is in another form.
pub(super) fn in_path(name: &str, kind: ValueKind, segment: &str) -> Result<Value, FieldError> {
    value(kind, segment).ok_or_else(|| wrong_form(name, Location::Path, kind, segment))
}

fn is_named(piece: &str, wanted: &str, cut: bool) -> bool {
    let written = piece.split('=').next().unwrap_or_default();
    match decoded(written, Escapes::Form) {
        Some(meant) => folded(&meant, cut) == wanted || cut && underlined(&meant) == wanted,
        None => false,
    }
}

/// A name as the most careless of services reads it: case doesn't count, what stands in brackets behind it doesn't, nor
/// spaces, brackets and the marks of some frameworks before it, and dots and spaces are underscores.
fn folded(name: &str, cut: bool) -> String {
    let name = bare(name, cut);
    let name = if cut { name.split(['[', ']']).next().unwrap_or_default() } else { name };
    name.replace(['.', ' '], "_").to_lowercase()
}

/// The same where a bracket that nothing closes is an underscore.
fn underlined(name: &str) -> String {
    bare(name, true).replace(['.', ' ', '['], "_").to_lowercase()
}

/// A name without what may stand before it.
fn bare(name: &str, cut: bool) -> &str {
    if cut { name.trim_start_matches([' ', '\t', '[', '!', '_']) } else { name.trim_start() }
}

fn wrong_form(name: &str, location: Location, kind: ValueKind, text: &str) -> FieldError {
    let wanted = match kind {
        ValueKind::Integer => "a whole number of 64 bits in digits, such as 280, without + or a zero before it",
        ValueKind::Boolean => "true or false",
        ValueKind::String | ValueKind::Strings | ValueKind::Integers => {
            "text in UTF-8 without control characters, in which letters, digits and -._~ stand as they are and \
             everything else as %XX in capitals"
        }
    };
    let meant = decoded(text, Escapes::Form).filter(|meant| !meant.contains(char::is_control));
    let mend = match (kind, &meant) {
        _ if is_secret_name(name) => String::new(),
        (ValueKind::String, Some(meant)) if meant.len() <= 40 && !meant.is_empty() => {
            format!(": write {}", encoded(meant))
        }
        _ => format!(", not {}", shown(text)),
    };
    refused(name, location, format!("must be {wanted}{mend}"))
}

fn refused(name: &str, location: Location, what: String) -> FieldError {
    FieldError { pointer: pointer(name), location, message: format!("The parameter {} {what}.", shown(name)) }
}
