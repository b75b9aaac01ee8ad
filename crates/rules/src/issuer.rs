//! Issuers of access tokens besides ourselves, as calls see them: whose token one is, where an issuer's keys are, when
//! they are asked for, and how one is asked about a token that says nothing.
//!
//! It fetches nothing and verifies nothing: signatures are `jose`'s, and what a token says is judged in
//! `token::foreign`.

pub mod introspection;
mod keys;
mod live;
mod metadata;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::jose::FOREIGN_TOKEN_MAX_BYTES;
use crate::model::{Name, TokenForm};
use crate::snapshot::Catalog;

pub use keys::{FRESH_MAX_S, FRESH_S, KeyFetches, PAUSE_MAX_S, PAUSE_S};
pub use live::LiveIssuer;
pub use metadata::{keys_url, metadata_urls};

/// So far an issuer's clock may be from ours, in seconds.
pub const CLOCK_SKEW_S: i64 = 30;

/// What all of our own secrets begin with: none of them is ever shown to an issuer.
const OWN_SECRETS: &str = "limen_";

/// Who answers for a token, by its own word alone.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'c> {
    /// We do, or nobody.
    Ours,
    /// Another issuer, by whose keys it must be signed.
    Signed(&'c Arc<LiveIssuer>),
    /// Another issuer, which has to be asked.
    Opaque(&'c Arc<LiveIssuer>),
}

/// Whose a token says it is, among those that the API accepts. Nothing of it was verified.
///
/// A token that names its issuer is shown to that issuer alone; one that names none goes to the API's one issuer of
/// opaque tokens. Ours goes to nobody.
#[must_use]
pub fn whose<'c>(catalog: &'c Catalog, api: &str, token: &str) -> Whose<'c> {
    let mut accepted = catalog.issuers.iter().filter(|one| one.accepts(api)).peekable();
    if accepted.peek().is_none() || token.len() > FOREIGN_TOKEN_MAX_BYTES || token.starts_with(OWN_SECRETS) {
        return Whose::Ours;
    }
    let of_form = |issuer: &'c Arc<LiveIssuer>| match issuer.settings.form {
        TokenForm::Signed => Whose::Signed(issuer),
        TokenForm::Opaque => Whose::Opaque(issuer),
    };
    match named_issuer(token) {
        Some(name) if catalog.issuer.has_issued(&name) => Whose::Ours,
        Some(name) => accepted.find(|one| one.settings.issuer == name).map_or(Whose::Ours, of_form),
        None => {
            let mut opaque = accepted.filter(|one| one.settings.form == TokenForm::Opaque);
            opaque.next().filter(|_| opaque.next().is_none()).map_or(Whose::Ours, Whose::Opaque)
        }
    }
}

/// The issuer of that name, if the API accepts its tokens.
#[must_use]
pub fn accepted<'c>(catalog: &'c Catalog, api: &str, name: &Name) -> Option<&'c Arc<LiveIssuer>> {
    catalog.issuers.iter().find(|one| one.settings.name == *name && one.accepts(api))
}

/// `iss` of what has the form of a signed token.
fn named_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        iss: Option<Value>,
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    serde_json::from_slice::<serde_json::Map<String, Value>>(&decode(header)?).ok()?;
    let claims: Claims = serde_json::from_slice(&decode(payload)?).ok()?;
    match claims.iss {
        Some(Value::String(issuer)) => Some(issuer),
        // Named wrongly is no reason to show it to somebody.
        Some(_) => Some(String::new()),
        None => None,
    }
}

#[cfg(test)]
mod tests;
