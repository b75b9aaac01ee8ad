//! Security schemes of 2.0 as 3.1 has them.

use serde_json::{Map, Value, json};

/// One of them; what isn't known stays.
pub(super) fn one(value: &Value) -> Value {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let mut written = match text("type") {
        Some("basic") => json!({"type": "http", "scheme": "basic"}),
        Some("oauth2") => {
            let flow = match text("flow") {
                Some("application") => "clientCredentials",
                Some("accessCode") => "authorizationCode",
                Some("password") => "password",
                _ => "implicit",
            };
            let mut inner = Map::new();
            for name in ["authorizationUrl", "tokenUrl"] {
                if let Some(url) = text(name) {
                    inner.insert(name.to_owned(), json!(url));
                }
            }
            inner.insert("scopes".to_owned(), value.get("scopes").cloned().unwrap_or_else(|| json!({})));
            json!({"type": "oauth2", "flows": {flow: inner}})
        }
        _ => return value.clone(),
    };
    let members = written.as_object_mut().into_iter();
    for members in members {
        for (name, inner) in value.as_object().into_iter().flatten() {
            if name == "description" || name.starts_with("x-") {
                members.insert(name.clone(), inner.clone());
            }
        }
    }
    written
}
