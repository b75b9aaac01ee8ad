//! Issuers of access tokens besides ourselves: whose tokens are accepted, for which environments, and what they say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Name;
use crate::issuer::PAUSE_S;

/// How an issuer's tokens are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenForm {
    /// They are signed (RFC 7519) and verified by its keys.
    #[default]
    Signed,
    /// They say nothing themselves; the issuer is asked (RFC 7662).
    Opaque,
}

/// Which claims say who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimNames {
    /// The user.
    #[serde(default = "subject")]
    pub user: String,
    /// The environment; none: the issuer has one environment, and it is that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Roles: text with spaces between, or a list; none: those of the user whom we know by that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<String>,
    /// The application.
    #[serde(default = "client_id")]
    pub application: String,
    /// What narrows the token to the permissions that it names; none: `scope` or `scp`, where it names one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { user: subject(), environment: None, roles: None, application: client_id(), scope: None }
    }
}

/// How an issuer is asked about opaque tokens (RFC 7662).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspection {
    /// Its introspection endpoint.
    pub url: String,
    /// What it knows us by.
    pub application_id: String,
    /// The file of our secret there.
    pub secret_file: String,
    /// How long an answer is remembered, in seconds; 0: never.
    #[serde(default = "thirty")]
    pub remember_s: u64,
}

/// An issuer of access tokens that is trusted besides ourselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// Its name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Who it is: `iss` of its tokens, to the letter.
    pub issuer: String,
    /// How its tokens are judged.
    #[serde(default)]
    pub form: TokenForm,
    /// Where its keys are; none: where its discovery document says (OpenID Connect Discovery §4, RFC 8414).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// What its tokens must be for: one of these in `aud`. Only where it is asked about each token there may be none.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// How its signed tokens' `typ` may read; `application/` before it is left out, `none` is to have none.
    #[serde(default = "token_types")]
    pub token_types: Vec<String>,
    /// The longest time from `iat` (or now) to `exp`, in seconds.
    #[serde(default = "one_day")]
    pub lifetime_max_s: u64,
    /// From one fetch of its keys to the next at least, in seconds.
    #[serde(default = "one_minute", skip_serializing_if = "is_one_minute")]
    pub jwks_pause_s: u64,
    /// The environments that its tokens may name.
    pub environments: Vec<Name>,
    /// The APIs that its tokens may call; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apis: Vec<Name>,
    /// Which claims say who calls.
    #[serde(default)]
    pub claims: ClaimNames,
    /// What its users' names begin with here, so that none is one of ours; it ends in `:`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_prefix: Option<String>,
    /// What of our roles a value of its roles claim means; empty: the one of the same name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Vec<Name>>,
    /// How it is asked about opaque tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection: Option<Introspection>,
}

fn subject() -> String {
    "sub".into()
}

fn client_id() -> String {
    "client_id".into()
}

fn token_types() -> Vec<String> {
    vec!["at+jwt".into()]
}

fn one_minute() -> u64 {
    PAUSE_S
}

fn is_one_minute(seconds: &u64) -> bool {
    *seconds == PAUSE_S
}

fn one_day() -> u64 {
    86_400
}

fn thirty() -> u64 {
    30
}
