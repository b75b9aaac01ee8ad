//! Any path segment, query and header value, by every style: reading ends, errors name what is wrong and are bounded,
//! and what a policy reads has one text for each value.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use limen_rules::contract::FIELD_ERRORS_MAX;
use limen_rules::model::Api;
use limen_rules::parameter::{Given, LiveParameters};
use limen_rules::schema::Library;
use serde_json::{Value, json};

/// Each style with a list, an object and a scalar, all named `v`.
static READERS: LazyLock<Vec<LiveParameters>> = LazyLock::new(|| {
    let schemas = [
        json!({"type": "integer"}),
        json!({"type": "array", "items": {"type": ["integer", "string"]}}),
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "array"}}, "additionalProperties": {}}),
    ];
    let styles = [
        ("path", "simple"),
        ("path", "label"),
        ("path", "matrix"),
        ("query", "form"),
        ("query", "spaceDelimited"),
        ("query", "pipeDelimited"),
        ("query", "deepObject"),
        ("header", "simple"),
        ("cookie", "form"),
    ];
    let mut readers = Vec::new();
    for (place, style) in styles {
        for schema in &schemas {
            for explode in [true, false] {
                readers.push(live(
                    &json!({"name": "v", "in": place, "style": style, "explode": explode, "schema": schema}),
                ));
            }
        }
    }
    readers.push(live(&json!({"name": "v", "in": "query", "media_type": "application/json", "schema": {}})));
    readers
});

static POLICED: LazyLock<[LiveParameters; 3]> = LazyLock::new(|| {
    ["integer", "boolean", "string"].map(|kind| live(&json!({"name": "v", "in": "query", "schema": {"type": kind}})))
});

fn live(parameter: &Value) -> LiveParameters {
    let api = json!({
        "name": "a", "base_path": "/a", "validate": "schema", "unknown_parameters": "refuse", "cookies": true,
        "operations": [{"name": "o", "method": "GET", "path": "/{v}", "parameters": [parameter]}],
    });
    let mut api: Api = serde_json::from_value(api).expect("an API");
    if parameter["in"] == "query" {
        api.operations[0].path = "/".into();
    }
    LiveParameters::compile(&api, &api.operations[0], &Library::new(&api.schemas)).expect("parameters")
}

/// The laws of parameters.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        headers.append("v", value.clone());
        headers.append("cookie", value);
    }
    let rest = format!("/{text}");
    let given = Given { rest: &rest, query: Some(text), headers: &headers };
    for reader in READERS.iter() {
        let errors = reader.check(&given);
        assert!(errors.len() <= FIELD_ERRORS_MAX);
        for error in &errors {
            assert!(error.pointer.starts_with('/') && error.message.ends_with(['.', '?']), "{error:?}");
            assert!(error.message.len() <= 2_000 && !error.message.contains(char::is_control), "{error:?}");
        }
        assert_eq!(errors, reader.check(&given), "read again");
    }
    for reader in POLICED.iter() {
        let Ok(Some(value)) = reader.canonical("v", &given) else { continue };
        // The value's own text, and no other, gives it.
        let written = match &value {
            Value::String(text) => text.bytes().map(escaped).collect::<String>(),
            other => other.to_string(),
        };
        let pieces = text.split('&').filter(|piece| piece.starts_with("v=") || piece.starts_with("%76="));
        assert_eq!(pieces.collect::<Vec<_>>(), [format!("v={written}")], "{text} is {value}");
    }
}

fn escaped(byte: u8) -> String {
    let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}
