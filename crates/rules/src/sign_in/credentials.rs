//! Which application sends a request to the token endpoint, and whether it is that one: RFC 6749 §2.3.
//!
//! Basic (encoded as forms are, or raw) or the form's `client_id` and `client_secret`. Knows no store: secrets come as
//! the hashes that are stored.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::form::{Form, Wrong};
use super::trouble::Trouble;
use crate::model::{Application, ApplicationKind};
use crate::path::query_pairs;
use crate::record::Which;

/// No longer header is looked at.
const HEADER_MAX_BYTES: usize = 4_096;
/// Base64 with or without its padding: both are seen.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How an application told who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In the `Authorization` header.
    Basic,
    /// In the form.
    Body,
}

/// What an application told of itself; nothing of it is believed yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: Option<String>,
    /// Where they stood.
    pub way: Way,
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = self.secret.as_ref().map(|_| "…");
        formatter
            .debug_struct("Presented")
            .field("id", &self.id)
            .field("secret", &secret)
            .field("way", &self.way)
            .finish()
    }
}

/// Whether a header tries Basic: then a 401 names that scheme (RFC 6749 §5.2).
#[must_use]
pub fn is_basic(authorization: &str) -> bool {
    authorization.split([' ', '\t']).next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

/// Reads credentials from the `Authorization` header and the form. `authorization` holds each header of that name.
///
/// A header of another scheme is no attempt. A Basic that can't be read is ignored beside a `client_id` in the form.
///
/// # Errors
/// `CredentialsMissing`, `FormClientIdMissing`, `CredentialsInvalid` for a Basic that can't be read,
/// `CredentialsDisagree`.
pub fn presented(authorization: &[&str], form: &Form) -> Result<Presented, Wrong> {
    let wrong = |trouble| Err((trouble, String::new()));
    let attempts: Vec<&str> = authorization.iter().copied().filter(|value| is_basic(value)).collect();
    let basic = match attempts.as_slice() {
        [] => None,
        [one] => Some(read_basic(one)),
        // Two headers could be read in two ways.
        _ => return wrong(Trouble::CredentialsDisagree),
    };
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    match (basic, id) {
        (None | Some(Err(_)), Some(id)) => {
            Ok(Presented { id: id.to_owned(), secret: secret.map(str::to_owned), way: Way::Body })
        }
        (None | Some(Err(_)), None) if secret.is_some() => wrong(Trouble::FormClientIdMissing),
        (None, None) => wrong(Trouble::CredentialsMissing),
        (Some(Err(trouble)), None) => wrong(trouble),
        (Some(Ok(basic)), id) => {
            let same_id = id.is_none_or(|id| id == basic.id);
            let same_secret = secret.is_none_or(|secret| basic.secret.as_deref() == Some(secret));
            if same_id && same_secret { Ok(basic) } else { wrong(Trouble::CredentialsDisagree) }
        }
    }
}

/// `Basic BASE64(ID:SECRET)`, each half encoded as forms are or raw: for our ids and secrets that is the same but for
/// escapes, which occur in neither.
fn read_basic(value: &str) -> Result<Presented, Trouble> {
    if value.len() > HEADER_MAX_BYTES {
        return Err(Trouble::CredentialsInvalid);
    }
    let encoded = value.split_once([' ', '\t']).map_or("", |(_, rest)| rest.trim());
    if encoded.is_empty() {
        return Err(Trouble::CredentialsMissing);
    }
    let decoded = BASE64.decode(encoded).map_err(|_| Trouble::CredentialsInvalid)?;
    let text = String::from_utf8(decoded).map_err(|_| Trouble::CredentialsInvalid)?;
    let (id, secret) = text.split_once(':').ok_or(Trouble::CredentialsInvalid)?;
    let (id, secret) = (unescaped(id)?, unescaped(secret)?);
    if id.is_empty() {
        return Err(if secret.is_empty() { Trouble::CredentialsMissing } else { Trouble::FormClientIdMissing });
    }
    Ok(Presented { id, secret: Some(secret).filter(|secret| !secret.is_empty()), way: Way::Basic })
}

/// One half of a Basic: decoded once, and of the characters that ids and secrets have.
fn unescaped(half: &str) -> Result<String, Trouble> {
    if half.is_empty() {
        return Ok(String::new());
    }
    // As a form's one name; `&` and `=` occur in neither half.
    let mut pairs = query_pairs(half);
    match (pairs.next(), pairs.next()) {
        (Some((name, value)), None) if value.is_empty() && !half.contains('=') && is_plain(&name) => {
            Ok(name.into_owned())
        }
        _ => Err(Trouble::CredentialsInvalid),
    }
}

/// What ids and secrets are written in; names of applications may hold dots too.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// An application that is what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticated {
    /// It showed one of its secrets.
    BySecret(Which),
    /// It is public and has none: anybody may say so.
    Public,
}

/// Whether the application that is stored under the id is the one that asks. `secrets` are the stored hashes.
///
/// The same is computed and compared whether there is such an application or not, so that time tells nothing.
///
/// # Errors
/// `FormClientIdInvalid`, `CredentialsMissing`, `CredentialsInvalid`.
pub fn authenticate(
    presented: &Presented,
    application: Option<&Application>,
    secrets: &[(Which, [u8; 32])],
) -> Result<Authenticated, Wrong> {
    let matching = matching(presented.secret.as_deref().unwrap_or_default(), secrets);
    let Some(application) = application.filter(|one| !one.disabled && *one.name == *presented.id) else {
        return Err((Trouble::FormClientIdInvalid, presented.id.clone()));
    };
    match (application.kind, &presented.secret, matching) {
        (ApplicationKind::Public, None, _) => Ok(Authenticated::Public),
        (ApplicationKind::Confidential, None, _) => Err((Trouble::CredentialsMissing, String::new())),
        (ApplicationKind::Confidential, Some(_), Some(which)) => Ok(Authenticated::BySecret(which)),
        (ApplicationKind::Confidential | ApplicationKind::Public, Some(_), _) => {
            Err((Trouble::CredentialsInvalid, String::new()))
        }
    }
}

/// Which of two stored hashes a secret has; both are compared whole, and what is absent is compared too.
fn matching(secret: &str, secrets: &[(Which, [u8; 32])]) -> Option<Which> {
    let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
    let compared = [Which::Primary, Which::Secondary].map(|which| {
        let stored = secrets.iter().find(|(there, _)| *there == which);
        #[cfg(test)]
        tests::COMPARED.with(|count| count.set(count.get() + 1));
        let is_there = Choice::from(u8::from(stored.is_some()));
        let stored = stored.map_or([0; 32], |(_, stored)| *stored);
        (which, is_there & hash.ct_eq(&stored))
    });
    let mut found = None;
    for (which, is_it) in compared {
        if bool::from(is_it) {
            found = Some(which);
        }
    }
    found
}

/// A Basic header as an application writes it; for tests and for the command line.
#[must_use]
pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", general_purpose::STANDARD.encode(format!("{id}:{secret}")))
}

#[cfg(test)]
mod tests;
