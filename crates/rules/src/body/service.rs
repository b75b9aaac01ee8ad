//! What a service's refusal says: its words for the caller, and its whole body.

use serde_json::Value;

/// The longest body of a service's refusal that is read, in bytes.
pub const SERVICE_BODY_LEN_MAX: usize = 64 * 1024;

/// A service's words are cut at so many characters.
pub const SERVICE_MESSAGE_CHARS_MAX: usize = 1_000;

/// A service's refusal, read.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceWords {
    /// The words for `message`, on one line, if the body has any.
    pub message: Option<String>,
    /// The whole body, for `service`.
    pub body: Value,
}

/// Reads the body of a service's refusal: `message`, `detail` or `title` of an object, whichever is text first, or
/// `message` of an array's first element.
///
/// `None` where the body isn't JSON, is longer than [`SERVICE_BODY_LEN_MAX`], or is nested deeper than 127 levels.
/// Integers past 64 bits and fractions past double precision lose digits.
#[must_use]
pub fn service_message(body: &[u8]) -> Option<ServiceWords> {
    if body.len() > SERVICE_BODY_LEN_MAX {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    let message = match &body {
        Value::Object(members) => ["message", "detail", "title"].iter().find_map(|name| words(members.get(*name)?)),
        Value::Array(elements) => elements.first().and_then(|first| words(first.get("message")?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    Some(ServiceWords { message, body })
}

fn words(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    if text.is_empty() {
        return None;
    }
    let printable = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut words: String = printable.clone().take(SERVICE_MESSAGE_CHARS_MAX).collect();
    if printable.count() > SERVICE_MESSAGE_CHARS_MAX {
        words.pop();
        words.push('…');
    }
    Some(words)
}
