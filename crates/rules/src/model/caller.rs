//! What an API asks of those who call it: where the key is carried, and which pages may call.

use serde::{Deserialize, Serialize};

use super::DEFAULT_KEY_HEADER;

/// How a subscription key is carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    /// The header that carries the key.
    pub header: String,
    /// Other headers that carry it too, for old callers.
    pub aliases: Vec<String>,
    /// Whether the query parameter `subscription-key` is read as well.
    pub query_parameter: bool,
    /// The scheme of the key's `WWW-Authenticate` challenge.
    pub challenge: String,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            header: DEFAULT_KEY_HEADER.into(),
            aliases: Vec::new(),
            query_parameter: false,
            challenge: "AzureApiManagementKey".into(),
        }
    }
}

/// Cross-origin rules of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins that may call; `*` for all.
    pub allow_origins: Vec<String>,
    /// Whether credentials are allowed; never together with `*`.
    pub allow_credentials: bool,
    /// How long a browser may keep a preflight's answer.
    pub max_age_s: u32,
}

impl Default for Cors {
    fn default() -> Self {
        Self { allow_origins: vec!["*".into()], allow_credentials: false, max_age_s: 600 }
    }
}
