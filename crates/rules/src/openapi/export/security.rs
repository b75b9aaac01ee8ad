//! How callers prove who they are, in a document's words: our key, our tokens, the permissions as scopes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Members, PublishedAt};
use crate::model::{Access, Api, KEY_QUERY_PARAMETER, Operation};

/// The scheme of the subscription key.
const KEY: &str = "limen-key";
/// The scheme of the access token.
const TOKEN: &str = "limen-token";

fn access(api: &Api, operation: &Operation) -> Access {
    operation.access.unwrap_or(api.access)
}

/// Whether a header of that name carries the key.
pub(super) fn is_key(api: &Api, header: &str) -> bool {
    std::iter::once(&api.key.header).chain(&api.key.aliases).any(|name| name.eq_ignore_ascii_case(header))
}

/// What an operation asks for; nothing, said so, where it is open.
pub(super) fn of(api: &Api, operation: &Operation) -> Value {
    let access = access(api, operation);
    let mut all = Members::new();
    if access.needs_key() {
        all.insert(KEY.into(), json!([]));
    }
    if access.needs_token() {
        all.insert(TOKEN.into(), json!(operation.permission.iter().collect::<Vec<_>>()));
    }
    if all.is_empty() { json!([]) } else { json!([all]) }
}

/// The schemes that the API's operations ask for, if any does.
pub(super) fn schemes(api: &Api, at: &PublishedAt<'_>) -> Option<Value> {
    let needs = |asks: fn(Access) -> bool| api.operations.iter().any(|one| asks(access(api, one)));
    let mut schemes = Members::new();
    if needs(Access::needs_key) {
        let mut words = "The subscription's primary or secondary key.".to_owned();
        if api.key.query_parameter {
            words.push_str(&format!(" It may be sent in the query parameter {KEY_QUERY_PARAMETER} instead."));
        }
        schemes.insert(
            KEY.into(),
            json!({"type": "apiKey", "in": "header", "name": api.key.header, "description": words}),
        );
    }
    if needs(Access::needs_token) {
        let asking = api.operations.iter().filter(|one| access(api, one).needs_token());
        let mut scopes: BTreeMap<&str, String> = BTreeMap::new();
        for operation in asking {
            if let Some(permission) = &operation.permission {
                let words = scopes.entry(permission).or_insert_with(|| "Needed by: ".to_owned());
                if !words.ends_with(": ") {
                    words.push_str(", ");
                }
                if words.len() < 200 {
                    words.push_str(&operation.name);
                } else if !words.ends_with("…, ") {
                    words.push('…');
                } else {
                    words.truncate(words.len() - 2);
                }
            }
        }
        let token = format!("{}/token", at.web_url);
        let flow = json!({"authorizationUrl": format!("{}/authorization", at.web_url), "tokenUrl": token, "refreshUrl": token, "scopes": scopes});
        let own = json!({"tokenUrl": token, "scopes": scopes});
        let words = "An access token in the header Authorization, as Bearer. Scopes are permissions.";
        schemes.insert(
            TOKEN.into(),
            json!({"type": "oauth2", "description": words, "flows": {"authorizationCode": flow, "clientCredentials": own}}),
        );
    }
    (!schemes.is_empty()).then_some(Value::Object(schemes))
}
