//! What a token of another issuer says: an object of JSON, each member once, found by name or by a path of names.

use std::sync::Arc;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// More words of one claim are not looked at.
const WORDS_MAX: usize = 1_000;

/// The claims of a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Arc<Map<String, Value>>);

/// An object of which no member occurs twice: who reads the first and who reads the last must read the same
/// (RFC 7519 §4).
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Once;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Once, A::Error> {
                let mut all = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if all.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member twice"));
                    }
                }
                Ok(Once(all))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Claims {
    /// Reads claims.
    ///
    /// # Errors
    /// Why there are none, for operators.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let read: Result<Once, _> = serde_json::from_slice(bytes);
        read.map(|once| Self(Arc::new(once.0)))
            .map_err(|_| "the claims are no JSON object, or one is there twice".into())
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &Arc<Map<String, Value>> {
        &self.0
    }

    /// The claim of exactly that name; where there is none, what is found by the names between its dots, like
    /// `realm_access.roles`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.0.get(name) {
            return Some(value);
        }
        let mut steps = name.split('.');
        let first = self.0.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.as_object()?.get(step))
    }

    /// Seconds since the Unix epoch; some write them with a fraction (RFC 7519 §2).
    ///
    /// # Errors
    /// It is there and no number.
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range becomes the nearest that isn't")]
    pub(super) fn moment_s(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        seconds.map(Some).ok_or_else(|| format!("its {name} is no number"))
    }

    /// Text; what is there and isn't text is an error.
    ///
    /// # Errors
    /// It is there and no text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("its claim {name} is no text")),
        }
    }
}

/// The words of a claim: text with spaces between, or a list of texts.
pub(super) fn words(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => text.split_ascii_whitespace().take(WORDS_MAX).collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).take(WORDS_MAX).collect(),
        _ => Vec::new(),
    }
}

/// A word from outside, as it may stand in what operators read.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect()
}
