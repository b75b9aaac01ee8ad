//! What an API's policies say, and the values that they may read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a user is besides name and roles, such as `hidden_constituents: [280]`; policies read it as `principal.NAME`.
pub type Attributes = BTreeMap<String, Value>;

/// What kind of value policies read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// Text.
    String,
    /// A whole number of 64 bits.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A set of texts.
    Strings,
    /// A set of whole numbers.
    Integers,
}

/// Record-level permission: Cedar policies over who calls, which operation and with which parameters.
///
/// The operation's permission is the implied `permit`, so every policy is a `forbid`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// The policies, in Cedar's words.
    pub text: String,
    /// Query parameters that they may read as `context.NAME`; path parameters they always may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<String>,
    /// Attributes of users that they may read as `principal.NAME`. A set that a user doesn't have is empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, ValueKind>,
    /// Claims of the access token that they may read as `context.claims.NAME`, each only where it is there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, ValueKind>,
}
