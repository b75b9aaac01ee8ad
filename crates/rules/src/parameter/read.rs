//! A value as it was read: what each of its texts may be, and which of that the schema takes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::shape::{Shape, Types};
use crate::contract::{FIELD_ERRORS_MAX, FieldError, Location};
use crate::schema::CompiledSchema;

/// How often a value is put together with other types of its texts before it counts as wrong.
const ROUNDS_MAX: usize = 6;

/// A value of which the texts may still be of several types.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read {
    /// One text.
    Text(Text),
    /// Elements.
    List(Vec<Read>),
    /// Members, each once.
    Members(Vec<(String, Read)>),
    /// A value that says its types itself.
    Json(Value),
}

/// One text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    text: String,
    /// What it may be, the narrowest first.
    candidates: Vec<Value>,
    /// What it should have been, where it may be nothing.
    types: Types,
}

/// A text that no type of its schema takes.
#[derive(Debug, PartialEq)]
pub(super) struct Misread<'t> {
    pub(super) pointer: String,
    pub(super) text: &'t str,
    pub(super) types: Types,
}

impl Read {
    /// A decoded text. Tried are, as far as the shape lets it be that: a whole number, a number, `true` and `false`,
    /// `null` (also written as nothing), text.
    pub(super) fn text(text: String, shape: &Shape) -> Self {
        let types = shape.types;
        if !types.meets(Types::SCALAR) && types != Types::NONE {
            // Lists within lists have no form in any style; those that send them write JSON.
            if let Ok(value @ (Value::Array(_) | Value::Object(_))) = serde_json::from_str(&text) {
                return Self::Json(value);
            }
        }
        let mut candidates = Vec::with_capacity(1);
        if types.meets(Types::NUMBER) && is_number(&text, types.has(Types::NUMBER)) {
            candidates.extend(serde_json::from_str::<Value>(&text).ok());
        }
        if types.has(Types::BOOLEAN) && matches!(&*text, "true" | "false") {
            candidates.push(Value::Bool(text == "true"));
        }
        if types.has(Types::NULL) && matches!(&*text, "" | "null") {
            candidates.push(Value::Null);
        }
        if types.has(Types::STRING) {
            candidates.push(Value::String(text.clone()));
        }
        Self::Text(Text { text, candidates, types })
    }

    /// The texts that can't be what the schema asks for.
    pub(super) fn misread<'t>(&'t self, pointer: &str, found: &mut Vec<Misread<'t>>) {
        if found.len() >= FIELD_ERRORS_MAX {
            return;
        }
        match self {
            Self::Text(one) if one.candidates.is_empty() => {
                found.push(Misread { pointer: pointer.to_owned(), text: &one.text, types: one.types });
            }
            Self::Text(_) | Self::Json(_) => {}
            Self::List(elements) => {
                for (at, element) in elements.iter().enumerate() {
                    element.misread(&format!("{pointer}/{at}"), found);
                }
            }
            Self::Members(members) => {
                for (name, member) in members {
                    member.misread(&format!("{pointer}{}", super::text::pointer(name)), found);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn likeliest(&self) -> Value {
        self.value("", &HashMap::new())
    }

    /// The value, each text the candidate that is chosen for its pointer, else the first.
    fn value(&self, pointer: &str, chosen: &HashMap<String, usize>) -> Value {
        match self {
            Self::Json(value) => value.clone(),
            Self::Text(one) => {
                let at = if chosen.is_empty() { 0 } else { chosen.get(pointer).copied().unwrap_or_default() };
                one.candidates.get(at).cloned().unwrap_or_else(|| Value::String(one.text.clone()))
            }
            Self::List(elements) => {
                let inner = elements.iter().enumerate();
                Value::Array(inner.map(|(at, element)| element.value(&format!("{pointer}/{at}"), chosen)).collect())
            }
            Self::Members(members) => {
                let inner = members.iter().map(|(name, member)| {
                    (name.clone(), member.value(&format!("{pointer}{}", super::text::pointer(name)), chosen))
                });
                Value::Object(inner.collect::<Map<_, _>>())
            }
        }
    }

    /// Turns the texts that `wanted` picks to their next candidate; whether there was any.
    fn turn(&self, pointer: &str, chosen: &mut HashMap<String, usize>, wanted: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Json(_) => false,
            Self::Text(one) => {
                let next = chosen.get(pointer).copied().unwrap_or_default() + 1;
                let turns = next < one.candidates.len() && wanted(pointer);
                if turns {
                    chosen.insert(pointer.to_owned(), next);
                }
                turns
            }
            Self::List(elements) => elements
                .iter()
                .enumerate()
                .fold(false, |any, (at, element)| element.turn(&format!("{pointer}/{at}"), chosen, wanted) || any),
            Self::Members(members) => members.iter().fold(false, |any, (name, member)| {
                member.turn(&format!("{pointer}{}", super::text::pointer(name)), chosen, wanted) || any
            }),
        }
    }

    /// What the schema has against the value; none where it takes one of those that the texts may be.
    pub(super) fn judged(&self, schema: &CompiledSchema, location: Location, pointer: &str) -> Vec<FieldError> {
        let mut chosen = HashMap::new();
        let mut first = None;
        for _ in 0..ROUNDS_MAX {
            let errors = schema.check(&self.value(pointer, &chosen), location, pointer);
            if errors.is_empty() {
                return errors;
            }
            let blamed = |at: &str| errors.iter().any(|error| error.pointer == at);
            let turned = self.turn(pointer, &mut chosen, &blamed) || self.turn(pointer, &mut chosen, &|_| true);
            let errors = first.get_or_insert(errors);
            if !turned {
                return std::mem::take(errors);
            }
        }
        first.unwrap_or_default()
    }
}

/// Whether a text is a number as JSON writes them (RFC 8259 §6); without `fractions` of digits alone.
fn is_number(text: &str, fractions: bool) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole = |digits: &str| {
        !digits.is_empty()
            && digits.bytes().all(|one| one.is_ascii_digit())
            && (digits.len() == 1 || !digits.starts_with('0'))
    };
    if is_whole(digits) {
        return true;
    }
    // Whether the rest is right, the JSON reader says: white space is what it would let pass and a parameter doesn't.
    fractions && digits.bytes().all(|one| one.is_ascii_digit() || matches!(one, b'.' | b'e' | b'E' | b'+' | b'-'))
}

/// What a text has to be, in words.
pub(super) fn words(types: Types) -> String {
    let named = [
        (Types::NUMBER, "a number"),
        (Types::INTEGER, "a whole number"),
        (Types::BOOLEAN, "true or false"),
        (Types::NULL, "null"),
        (Types::STRING, "text"),
    ];
    let mut words: Vec<&str> = Vec::new();
    for (one, name) in named {
        if types.has(one) && !(one == Types::INTEGER && types.has(Types::NUMBER)) {
            words.push(name);
        }
    }
    if words.is_empty() { "of another form".to_owned() } else { words.join(" or ") }
}
