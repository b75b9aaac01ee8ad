//! Tokens of other issuers: whether one is accepted at a moment, and whom its claims make known.
//!
//! RFC 9068 under the rules of RFC 8725, and RFC 7662. What never changes (that a key signed these claims) is apart from
//! what is looked at on every call: whether the key is trusted still, for whom and until when the token is, and what
//! its names mean here. An issuer speaks for its own environments alone.

mod claims;
mod names;
mod standing;

use std::borrow::Cow;
use std::sync::Arc;

use super::identity::{bound, narrow};
use super::{Bearer, ForeignWord, Identified, Identity, refuse};
use crate::contract::{Cause, Refusal};
use crate::issuer::LiveIssuer;
use crate::jose::{self, KeyId, KeySet, Signed};
use crate::key::Subscribed;
use crate::model::Name;
use crate::snapshot::{Catalog, LiveApi, LiveMembership};

pub use claims::Claims;
use claims::words;
use standing::check_standing;

/// What is known of a token for good: what it says, and which key of which issuer signed it, or that the issuer said so.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// The issuer, by our name for it.
    pub issuer: Name,
    key: Option<KeyId>,
    /// `typ` of its header.
    kind: Option<String>,
    claims: Claims,
}

/// Why a token was not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// For operators.
    pub words: String,
    /// Whether keys that the issuer published since could change the verdict.
    pub may_be_a_new_key: bool,
}

/// Verifies a signed token by the keys of its issuer.
///
/// # Errors
/// Why it isn't one of theirs.
pub fn verify(issuer: &LiveIssuer, keys: &KeySet, token: &str) -> Result<Foreign, Unverified> {
    let Signed { kind, payload, key } = jose::verify(token, keys)
        .map_err(|flaw| Unverified { words: flaw.to_string(), may_be_a_new_key: flaw.may_be_a_new_key() })?;
    let claims = Claims::read(&payload).map_err(|words| Unverified { words, may_be_a_new_key: false })?;
    Ok(Foreign { issuer: issuer.settings.name.clone(), key: Some(key), kind, claims })
}

/// A token that its issuer called active (RFC 7662), with what it said of it.
#[must_use]
pub fn vouched(issuer: &LiveIssuer, claims: Claims) -> Foreign {
    Foreign { issuer: issuer.settings.name.clone(), key: None, kind: None, claims }
}

impl Foreign {
    /// Whether the key that signed it is one of the issuer's still.
    #[must_use]
    pub fn is_by(&self, keys: &KeySet) -> bool {
        self.key.as_ref().is_some_and(|key| keys.holds(key))
    }
}

/// The 503 while an issuer's word can't be had: nobody knows yet whether the token is good.
#[must_use]
pub fn unknown(words: String, retry_after_s: u64) -> Refusal {
    let message = format!("The access token can't be checked just now. Try again in {retry_after_s} seconds.");
    Refusal::new(Cause::ServiceUnavailable)
        .detail("Who issued the access token could not be asked about it. The token itself may be good: keep it.")
        .message(message)
        .operator_words(words)
        .retry_after_s(retry_after_s)
}

/// Looks at everything about a token that can change: on every call, also where it was seen before. Whoever calls this
/// has made sure that the issuer's key, or its word, still stands.
///
/// # Errors
/// 401, or 403 `application-mismatch`.
pub fn identify<'s>(
    catalog: &'s Catalog,
    api: &LiveApi,
    issuer: &LiveIssuer,
    foreign: &Foreign,
    subscribed: &Subscribed<'_>,
    now_us: i64,
) -> Result<Identified<'s>, Refusal> {
    let (settings, claims) = (&issuer.settings, &foreign.claims);
    let expires_at_s = check_standing(settings, foreign, now_us.div_euclid(1_000_000))?;
    let environment = names::environment(settings, claims)?;
    let user = names::user(catalog, settings, claims, &environment)?;
    let (application, declared) = names::application(catalog, settings, claims)?;
    let (roles, named) = roles(catalog, issuer, claims, &user, &environment)?;
    bound(api, subscribed, application.as_ref(), declared.map(|one| &one.developer))?;
    let connection = declared.and_then(|one| one.connections.get(&environment));
    let limit = connection.and_then(|one| one.limit.as_ref());
    let scope = scope(catalog, issuer, claims);
    let (allowed, limits) = narrow(catalog, roles, limit, scope.as_deref());
    let bearer = Bearer {
        user: Some(user),
        application,
        environment,
        issuer: Some(settings.name.clone()),
        grant: None,
        foreign: Some(ForeignWord { roles: named, claims: Arc::clone(claims.all()) }),
        expires_at_s,
    };
    Ok(Identified(Some(Identity { bearer: Arc::new(bearer), allowed, limits })))
}

fn invalid(words: impl Into<String>) -> Refusal {
    refuse(Cause::TokenInvalid, words)
}

/// The roles that a token names, if it is the token that names them.
type NamedRoles = Option<Arc<[Name]>>;

/// What the roles allow: those that the token names, told too, or those of the user whom we know by that name.
fn roles<'s>(
    catalog: &'s Catalog,
    issuer: &LiveIssuer,
    claims: &Claims,
    user: &Name,
    environment: &Name,
) -> Result<(Cow<'s, LiveMembership>, NamedRoles), Refusal> {
    let settings = &issuer.settings;
    if let Some(name) = &settings.claims.roles {
        let values = words(claims.get(name));
        let permissions = values.iter().flat_map(|value| issuer.permissions(value));
        let allowed = catalog.permissions.membership(permissions.map(|name| &**name));
        return Ok((Cow::Owned(allowed), Some(values.iter().flat_map(|value| issuer.roles(value)).cloned().collect())));
    }
    let membership = catalog.users.get(user).and_then(|user| user.memberships.get(environment));
    membership.map(|one| (Cow::Borrowed(&one.allowed), None)).ok_or_else(|| {
        invalid(format!(
            "user {user} is unknown here or not in environment {environment}, and issuer {} has no claims.roles",
            settings.name
        ))
    })
}

/// What the token is limited to, space separated: what the claim that was told for it names, else what `scope` or `scp`
/// names, if one of our permissions is among it (other issuers' scopes are about other things).
fn scope(catalog: &Catalog, issuer: &LiveIssuer, claims: &Claims) -> Option<String> {
    let ours = |claim: &str| {
        let known = words(claims.get(claim)).into_iter().filter(|name| catalog.permissions.bit(name).is_some());
        known.collect::<Vec<_>>()
    };
    let told = issuer.settings.claims.scope.as_deref();
    let named = told.map_or_else(|| ["scope", "scp"].into_iter().flat_map(ours).collect(), ours);
    (told.is_some() || !named.is_empty()).then(|| named.join(" "))
}

#[cfg(test)]
mod tests;
