//! What callers read of a value that doesn't fit: plain words, short, without control characters.

use serde_json::Value;

use super::node::Kinds;

/// Characters of a value that are told.
const SHOWN_MAX: usize = 80;
/// Values of a choice that are told.
const CHOICES_MAX: usize = 10;

/// A text in quotation marks, cut, without what would change how the rest is read.
pub(super) fn shown(text: &str) -> String {
    format!("\"{}\"", cut(text))
}

/// A text cut to its first characters.
pub(super) fn cut(text: &str) -> String {
    cut_to(text, SHOWN_MAX)
}

/// The same of so many.
pub(super) fn cut_to(text: &str, characters: usize) -> String {
    let plain = |one| if is_plain(one) { one } else { '\u{fffd}' };
    let mut cut: String = text.chars().take(characters).map(plain).collect();
    if text.chars().nth(characters).is_some() {
        cut.push('…');
    }
    cut
}

fn is_plain(character: char) -> bool {
    let turns =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    !character.is_control() && !turns
}

/// The kinds, joined by "or".
pub(super) fn kinds(kinds: Kinds) -> String {
    let mut names = Vec::new();
    for (kind, name) in [
        (Kinds::OBJECT, "an object"),
        (Kinds::ARRAY, "a list"),
        (Kinds::STRING, "text"),
        (Kinds::NUMBER, "a number"),
        (Kinds::BOOLEAN, "true or false"),
        (Kinds::NULL, "null"),
    ] {
        if kinds.holds(kind) {
            names.push(name);
        } else if kind == Kinds::NUMBER && kinds.holds(Kinds::INTEGER) {
            names.push("a whole number");
        }
    }
    joined(&names)
}

/// `a, b or c`.
pub(super) fn joined(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The values that are accepted, as a schema has them.
pub(super) fn choices(values: &[Value]) -> String {
    let told: Vec<String> = values.iter().take(CHOICES_MAX).map(choice).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    match values.len() {
        0 => "left out: nothing is accepted".to_owned(),
        1 => joined(&told),
        count if count > CHOICES_MAX => format!("one of {} and {} others", told.join(", "), count - CHOICES_MAX),
        _ => format!("one of {}", joined(&told)),
    }
}

fn choice(value: &Value) -> String {
    match value {
        Value::String(text) => shown(text),
        other => cut(&other.to_string()),
    }
}

/// `1 element`, `2 elements`.
pub(super) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
