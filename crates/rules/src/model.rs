//! What is published, to whom, and who calls: the objects that the store keeps and a snapshot is made of.
//!
//! Plain data with the defaults of the contract; the rules that read it live in the other modules. Times are
//! microseconds since the Unix epoch (`_us`), names match [`valid_name`].

mod caller;
mod choices;
mod description;
mod issuer;
mod people;
mod policy;
mod service;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::period::Period;

pub use caller::{Cors, KeySettings};
pub use choices::{Access, Bind, ContractKind, ErrorBody, Validate, Visibility};
pub use description::{
    Content, Parameter, ParameterPlace, ParameterStyle, ReadOnlyProperties, RequestBody, Schemas, ServiceAnswer,
    UnknownParameters,
};
pub use issuer::{ClaimNames, Introspection, TokenForm, TrustedIssuer};
pub use people::{
    Application, ApplicationKind, Connection, Developer, Environment, Membership, Role, User, connection_name,
};
pub use policy::{Attributes, Policies, ValueKind};
pub use service::{BreakerSettings, Deadlines, Health, ServiceTarget, TargetTls};

/// A name that people chose: an API's, product's, developer's, environment's, role's, user's or application's.
pub type Name = Arc<str>;

/// The header that carries a subscription key unless an API names another.
pub const DEFAULT_KEY_HEADER: &str = "Limen-Subscription-Key";
/// The query parameter that carries a subscription key where an API turns it on.
pub const KEY_QUERY_PARAMETER: &str = "subscription-key";
/// The target that stands for the sample service which runs inside the process.
pub const SAMPLE_TARGET: &str = "limen:sample";

/// Whether `name` is 1 to 63 characters of `a-z 0-9 - _ .`, beginning with a letter or digit.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(byte))
}

/// A published API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    /// Its name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// The path under which it is published, such as `/constituent/v1`; normalised, no trailing slash.
    pub base_path: String,
    /// The service's one address: `http://HOST[:PORT][/PATH]`, or [`SAMPLE_TARGET`]; none where `targets` are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The service's addresses, where they are told with weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<ServiceTarget>,
    /// How targets over TLS are verified, where it isn't by the public authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_tls: Option<TargetTls>,
    /// When a target that fails is left alone.
    #[serde(default)]
    pub breaker: BreakerSettings,
    /// How targets are checked; none: only by the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Whether an incident opens by itself while no target can be used.
    #[serde(default = "yes")]
    pub auto_incident: bool,
    /// For how long no target must have been usable before it does.
    #[serde(default = "service::thirty")]
    pub auto_incident_after_s: u64,
    /// What its operations need, unless they say otherwise.
    #[serde(default)]
    pub access: Access,
    /// How the key is carried.
    #[serde(default)]
    pub key: KeySettings,
    /// Who may learn of it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Its response contract.
    #[serde(default)]
    pub contract: ContractKind,
    /// How the service's refusals leave.
    #[serde(default)]
    pub error_body: ErrorBody,
    /// Whether key and token must be of one developer.
    #[serde(default)]
    pub bind: Bind,
    /// How parameters and bodies are looked at.
    #[serde(default)]
    pub validate: Validate,
    /// What becomes of query parameters that an operation doesn't know, where parameters are looked at.
    #[serde(default)]
    pub unknown_parameters: UnknownParameters,
    /// What becomes of `readOnly` properties in requests.
    #[serde(default)]
    pub read_only: ReadOnlyProperties,
    /// Whether the service's answers are compared with what is said of them; no call is changed by it.
    #[serde(default)]
    pub check_answers: bool,
    /// Media types that bodies may have.
    #[serde(default = "json_only")]
    pub media_types: Vec<String>,
    /// The largest body accepted, in bytes.
    #[serde(default = "one_mebibyte")]
    pub body_max_bytes: u64,
    /// Whether the caller's `Host` reaches the service.
    #[serde(default)]
    pub preserve_host: bool,
    /// Whether `Authorization` reaches the service.
    #[serde(default)]
    pub forward_token: bool,
    /// Whether `Cookie` and `Set-Cookie` pass.
    #[serde(default)]
    pub cookies: bool,
    /// Whether a GET may become a WebSocket (RFC 6455).
    #[serde(default)]
    pub websocket: bool,
    /// Whether the service gets `Limen-Assertion`.
    #[serde(default = "yes")]
    pub assertion: bool,
    /// Whether the service's 401 leaves as 401 instead of 500.
    #[serde(default)]
    pub pass_401: bool,
    /// Statuses of the service that leave unchanged.
    #[serde(default)]
    pub pass_statuses: Vec<u16>,
    /// Cross-origin rules.
    #[serde(default)]
    pub cors: Cors,
    /// Deadlines towards the service.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// `Retry-After` of a 503 where nothing better is known.
    #[serde(default = "ten")]
    pub retry_after_s: u64,
    /// The status of a refusal by a policy: 403, or 404 where nobody may learn that the record exists.
    #[serde(default = "forbidden")]
    pub record_denied: u16,
    /// Who may do what with which records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Policies>,
    /// Its operations. None: every method and path is one operation.
    #[serde(default)]
    pub operations: Vec<Operation>,
    /// Schemas that its operations refer to.
    #[serde(default, skip_serializing_if = "no_schemas")]
    pub schemas: Schemas,
    /// The OpenAPI document that it was imported from, as 3.1: what an export adds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Arc<Value>>,
}

/// One method and path template of an API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its name, unique within the API.
    pub name: Name,
    /// The HTTP method in capitals.
    pub method: String,
    /// The path template under the base path, such as `/constituents/{constituent_id}`.
    pub path: String,
    /// The permission that a user needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Name>,
    /// What it needs, if not what the API says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Media types that its bodies may have, if not the API's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_types: Option<Vec<String>>,
    /// The largest body accepted in bytes, if not the API's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_max_bytes: Option<u64>,
    /// How parameters and bodies are looked at, if not as the API says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate: Option<Validate>,
    /// What people read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Whether it should not be used any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// Its request body; none: nothing is said of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<RequestBody>,
    /// The service's answers, by status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<ServiceAnswer>,
}

/// A rate limit: at most `calls` in any window of `window_s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Calls admitted in a window; 1 to 1,000,000.
    pub calls: u32,
    /// The window in seconds; 1 to 300.
    pub window_s: u32,
}

/// A quota over a fixed period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Calls handed to the service in a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// Bytes of request and response bodies in a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The period.
    pub period: Period,
}

/// What the calls of a product are counted under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CountedBy {
    /// The subscription.
    #[default]
    Subscription,
    /// The token's application and environment together.
    Connection,
}

/// What is subscribed to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// The APIs that it opens.
    #[serde(default)]
    pub apis: Vec<Name>,
    /// Its rate limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Its quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// What rate and quota are counted under.
    #[serde(default)]
    pub counted_by: CountedBy,
    /// Whether a subscription waits for approval.
    #[serde(default)]
    pub approval_needed: bool,
    /// Terms that a developer accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
}

/// All that `limen.yaml` declares and the store keeps as declared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Declared {
    /// Published APIs.
    pub apis: Vec<Api>,
    /// Products.
    pub products: Vec<Product>,
    /// Developers.
    pub developers: Vec<Developer>,
    /// OAuth clients.
    pub applications: Vec<Application>,
    /// Environments.
    pub environments: Vec<Environment>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Users.
    pub users: Vec<User>,
    /// Applications that may act in an environment.
    pub connections: Vec<Connection>,
    /// Issuers of tokens that are trusted besides ourselves.
    pub issuers: Vec<TrustedIssuer>,
}

fn json_only() -> Vec<String> {
    vec!["application/json".into()]
}

fn one_mebibyte() -> u64 {
    1 << 20
}

fn forbidden() -> u16 {
    403
}

fn no_schemas(schemas: &Schemas) -> bool {
    schemas.is_empty()
}

fn yes() -> bool {
    true
}

fn ten() -> u64 {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert!(valid_name("standard") && valid_name("constituent.read") && valid_name("7-up_x"));
        for bad in ["", "-a", "A", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(!valid_name(bad), "{bad}");
        }
    }
}
