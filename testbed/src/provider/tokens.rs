//! Access tokens of the provider: signed ones, and such as it has to be asked about (RFC 7662).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::signing::Keys;
use super::{APPLICATION_ID, Provider, SECRET, SignedBy, State, held};
use crate::browser::{encoded, parameter};
use crate::reply::Reply;
use crate::service::Seen;

/// Seconds since the Unix epoch.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Provider {
    /// An access token of five minutes. What `header` and `claims` say goes before what is usual; null takes it away.
    pub fn access_token(&self, by: SignedBy, header: Value, claims: Value) -> String {
        let state = held(&self.state);
        let now_s = now_s();
        let usual = json!({"iss": state.issuer, "aud": "api", "sub": "rea", "client_id": "ada-app", "iat": now_s,
            "exp": now_s + 300});
        state.keys.sign(over(json!({"typ": "at+jwt"}), &header), &over(usual, &claims), by)
    }

    /// Signs with new keys from now on, and publishes them alone.
    pub fn rotate_keys(&self) {
        let mut state = held(&self.state);
        state.generations += 1;
        state.keys = Keys::named(&format!("-{}", state.generations));
    }

    /// Answers from now on that this token is active, with these claims; without any, that it isn't.
    pub fn vouch(&self, token: &str, claims: Option<Value>) {
        let mut state = held(&self.state);
        match claims {
            Some(claims) => state.opaque.insert(token.to_owned(), claims),
            None => state.opaque.remove(token),
        };
    }

    /// Its introspection endpoint.
    pub fn introspection_url(&self) -> String {
        format!("{}/introspect", self.issuer())
    }

    /// Where its keys are.
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.issuer())
    }
}

impl State {
    pub(super) fn introspect(&self, seen: &Seen) -> Reply {
        let form = String::from_utf8_lossy(&seen.body).into_owned();
        let pair = format!("{}:{}", encoded(APPLICATION_ID), encoded(SECRET));
        if seen.header("authorization") != Some(&format!("Basic {}", STANDARD.encode(pair))) {
            return Reply::json(401, &json!({"error": "invalid_client"}));
        }
        let active = parameter(&form, "token").and_then(|token| self.opaque.get(&token));
        Reply::json(200, &active.map_or(json!({"active": false}), |claims| over(json!({"active": true}), claims)))
    }
}

/// The one's members over the other's; null takes away.
fn over(mut usual: Value, told: &Value) -> Value {
    if let (Some(usual), Some(told)) = (usual.as_object_mut(), told.as_object()) {
        usual.extend(told.clone());
        usual.retain(|_, value| !value.is_null());
    }
    usual
}
