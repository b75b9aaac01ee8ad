//! Reading a request body as one JSON object, and merging such an object into a record.
//! It knows no member by name.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::Failure;

/// The body of a create or an update.
#[derive(Debug)]
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if !declared.is_some_and(is_json) {
            return Err(Failure::NotDeclaredJson);
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Failure::TooLarge,
            _ => Failure::NotJson("The body broke off before its end.".to_owned()),
        })?;
        object_of(&bytes).map(Self)
    }
}

/// `application/json` in any case and with any parameters (RFC 9110 §8.3.1).
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

fn object_of(bytes: &[u8]) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(other) => Err(Failure::NotJson(format!("The body must be a JSON object, not {}.", kind_of(&other)))),
        Err(error) => Err(Failure::NotJson(format!("The body isn't JSON: {error}."))),
    }
}

/// What a value is, with its article, for sentences.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The members of `record` with `change` merged into them (RFC 7396).
pub(crate) fn merged(record: &impl Serialize, change: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let members = serde_json::to_string(record).and_then(|text| serde_json::from_str(&text));
    let mut members = members.map_err(|error| Failure::Database(sqlx::Error::Encode(error.into())))?;
    merge(&mut members, change);
    Ok(members)
}

/// `null` removes, objects merge, all else replaces.
fn merge(record: &mut Map<String, Value>, change: Map<String, Value>) {
    for (name, value) in change {
        match value {
            Value::Null => drop(record.remove(&name)),
            Value::Object(inner) => {
                let mut merged = match record.remove(&name) {
                    Some(Value::Object(present)) => present,
                    _ => Map::new(),
                };
                merge(&mut merged, inner);
                record.insert(name, Value::Object(merged));
            }
            other => drop(record.insert(name, other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(members) => members,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn json_is_known_by_its_media_type() {
        for declared in ["application/json", "Application/JSON; charset=utf-8", " application/json ;x=y"] {
            assert!(is_json(declared), "{declared}");
        }
        for declared in ["", "text/json", "application/jsonp", "application/merge-patch+json"] {
            assert!(!is_json(declared), "{declared}");
        }
    }

    #[test]
    fn bad_json_is_located() {
        let Err(Failure::NotJson(reason)) = object_of(b"{\n  \"a\": oops\n}") else { panic!("taken") };
        assert!(reason.contains("line 2 column"), "{reason}");
        let Err(Failure::NotJson(reason)) = object_of(b"[1]") else { panic!("taken") };
        assert_eq!(reason, "The body must be a JSON object, not an array.");
        assert!(object_of(b"").is_err());
        assert!(object_of(&b"[".repeat(100_000)).is_err());
    }

    #[test]
    fn a_merge_replaces_removes_and_descends() {
        let mut record = map(json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2], "f": 5}));
        merge(&mut record, map(json!({"a": null, "b": {"c": null, "g": 7}, "e": [9], "f": {"h": null, "i": 1}})));
        assert_eq!(Value::Object(record), json!({"b": {"d": 3, "g": 7}, "e": [9], "f": {"i": 1}}));
    }
}
