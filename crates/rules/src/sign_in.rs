//! Signing in: the rules of the OAuth 2.0 authorization server (RFC 6749, RFC 7636, RFC 9700), as functions of what was
//! sent, what is stored and `now`. Knows no store, no HTTP server and no page.

pub mod code;
pub mod consent;
pub mod credentials;
pub mod form;
pub mod look;
pub mod mark;
pub mod parameters;
pub mod person;
pub mod pkce;
pub mod provider;
pub mod record;
pub mod redirect_uri;
pub mod refresh;
pub mod request;
pub mod scope;
pub mod sealed;
pub mod secret;
pub mod trouble;

use crate::model::Name;

/// An authorization code lives for so long.
pub const CODE_LIFE_S: i64 = 300;
/// A second exchange within so long after the first is a repeat and revokes nothing.
pub const CODE_REPEAT_S: i64 = 5;
/// An access token lives for so long.
pub const ACCESS_TOKEN_LIFE_S: i64 = 3_600;
/// A refresh token of a confidential application lives for so long from its last use.
pub const REFRESH_LIFE_CONFIDENTIAL_S: i64 = 365 * 86_400;
/// A refresh token of a public application lives for so long from its last use.
pub const REFRESH_LIFE_PUBLIC_S: i64 = 30 * 86_400;
/// The predecessor of an unused refresh token gets the same answer for so long.
pub const REFRESH_REPEAT_S: i64 = 10;
/// What comes from outside is repeated in messages up to so many characters.
pub const SHOWN_CHARACTERS_MAX: usize = 200;
/// `sub` of a token that an application got for itself begins so.
pub const APPLICATION_SUBJECT: &str = crate::token::APPLICATION_SUBJECT_PREFIX;
/// A session that was not seen for so long is over.
pub const SESSION_IDLE_S: i64 = 12 * 3_600;
/// A session is over so long after its sign-in.
pub const SESSION_LIFE_S: i64 = 7 * 86_400;

/// The permissions of a scope (RFC 6749 §3.3), sorted, each once.
#[must_use]
pub fn scope_set(scope: &str) -> Vec<Name> {
    let mut names: Vec<Name> = scope.split(' ').filter(|name| !name.is_empty()).map(Name::from).collect();
    names.sort();
    names.dedup();
    names
}
