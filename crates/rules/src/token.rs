//! Access tokens: their claims, their signature, and whether one is accepted at a moment.
//!
//! RFC 9068 (JWT profile for access tokens) under the rules of RFC 8725. What is costly and never changes (the
//! signature) is apart from what is looked at on every call (time, grant, user, application, trust in the key), so
//! that the first may be remembered and the second never is.

pub mod foreign;
mod identity;

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Serialize};

use crate::contract::{BearerError, Cause, Refusal};
use crate::header::Fields;
use crate::key::Subscribed;
use crate::model::Name;

pub use identity::{Bearer, ForeignWord, Identified, Identity, Limits, identify};

/// No longer token is looked at.
pub const TOKEN_MAX_BYTES: usize = 8 * 1024;
/// The media type in a token's header, RFC 9068 §2.1.
pub const TOKEN_TYPE: &str = "at+jwt";
/// The `client_id` of a token that an operator issued without an application.
pub const OPERATOR_CLIENT_ID: &str = "limen.operator";

/// What the `sub` of an application that acts for itself begins with; no user's name has a colon in it.
pub const APPLICATION_SUBJECT_PREFIX: &str = "application:";

/// Whether a token gives all that its user may do, or less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// All that the user's roles and the application's connection allow.
    #[default]
    Full,
    /// Of that, what its `scope` names.
    Limited,
}

/// The claims of an access token, RFC 9068 §2.2 and our own. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The user, or `application:ID` where the application acts for itself.
    pub sub: Name,
    /// What it is for.
    pub aud: String,
    /// The application, or [`OPERATOR_CLIENT_ID`].
    pub client_id: Name,
    /// When it was issued.
    pub iat: i64,
    /// From when it is not accepted any more.
    pub exp: i64,
    /// Before when it is not yet accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Its id.
    pub jti: String,
    /// The grant that it was issued under.
    pub grant: Name,
    /// The environment that it is for.
    pub environment: Name,
    /// Whether `scope` narrows it.
    #[serde(default)]
    pub mode: Mode,
    /// The permissions that it is narrowed to, space separated (RFC 9068 §2.2.3); only where it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A fault while a token was being signed.
#[derive(Debug, thiserror::Error)]
#[error("the access token could not be signed: {0}")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

/// Signs `claims` with the private key (PKCS #8, P-256) whose id is `kid`.
///
/// # Errors
/// Where the private key isn't one.
pub fn sign(claims: &Claims, kid: &str, private_pkcs8: &[u8]) -> Result<String, SignError> {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(TOKEN_TYPE.into());
    header.kid = Some(kid.into());
    Ok(jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(private_pkcs8))?)
}

/// What is looked at of a token's header. Anything under `crit` is refused: we know no extension (RFC 7515 §4.1.11).
#[derive(Deserialize)]
struct TokenHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// A token whose signature was good under the key `kid`. Says nothing of time, grant or user.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// The claims.
    pub claims: Claims,
    /// The key that signed it.
    pub kid: Name,
    /// Whom it names.
    bearer: Arc<Bearer>,
}

impl Verified {
    /// A token with these claims, whose signature was good under that key.
    #[must_use]
    pub fn new(claims: Claims, kid: Name) -> Self {
        let bearer = Arc::new(Bearer::of(&claims));
        Self { claims, kid, bearer }
    }
}

/// Who issues tokens and for whom: what a token's `iss` and `aud` must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// What `iss` was before the address changed; tokens that say so are still ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
}

impl Issuer {
    /// Whether that is us.
    #[must_use]
    pub fn has_issued(&self, iss: &str) -> bool {
        self.issuer == iss || self.earlier.iter().any(|earlier| earlier == iss)
    }
}

/// A key that verifies tokens, made ready.
#[derive(Clone)]
pub struct TrustedKey {
    decoding_key: DecodingKey,
    /// From when it isn't trusted any more.
    pub trusted_until_us: Option<i64>,
}

impl std::fmt::Debug for TrustedKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TrustedKey").field("trusted_until_us", &self.trusted_until_us).finish_non_exhaustive()
    }
}

impl TrustedKey {
    /// Makes a public point (uncompressed, SEC 1) ready to verify.
    #[must_use]
    pub fn new(public_point: &[u8], trusted_until_us: Option<i64>) -> Self {
        Self { decoding_key: DecodingKey::from_ec_der(public_point), trusted_until_us }
    }
}

/// Verifies form and signature of a presented token.
///
/// # Errors
/// The reason in words for operators; callers are told [`refuse`]'s.
pub fn verify<S: BuildHasher>(
    token: &str,
    keys: &HashMap<Name, TrustedKey, S>,
    issuer: &Issuer,
) -> Result<Verified, String> {
    use base64::Engine as _;
    if token.len() > TOKEN_MAX_BYTES {
        return Err(format!("longer than {TOKEN_MAX_BYTES} bytes"));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("not of three parts".into());
    };
    let decode = |part: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part);
    let header_bytes = decode(header).map_err(|_| "the header isn't base64url")?;
    let read: TokenHeader = serde_json::from_slice(&header_bytes).map_err(|_| "the header isn't a JOSE header")?;
    let typ = read.typ.as_deref().unwrap_or_default();
    let typ = typ.strip_prefix("application/").unwrap_or(typ);
    if !typ.eq_ignore_ascii_case(TOKEN_TYPE) {
        return Err(format!("its typ isn't {TOKEN_TYPE}"));
    }
    if read.alg != "ES256" {
        return Err("its alg isn't ES256".into());
    }
    if read.crit.is_some() {
        return Err("it has critical extensions".into());
    }
    let (kid, key) =
        read.kid.as_deref().and_then(|kid| keys.get_key_value(kid)).ok_or("no key of that kid is trusted")?;
    let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
    match jsonwebtoken::crypto::verify(signature, message, &key.decoding_key, Algorithm::ES256) {
        Ok(true) => {}
        Ok(false) | Err(_) => return Err("its signature is wrong".into()),
    }
    let payload = decode(payload).map_err(|_| "the claims aren't base64url")?;
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| "a claim is missing or of the wrong form")?;
    if !issuer.has_issued(&claims.iss) {
        return Err("its issuer is another".into());
    }
    if claims.aud != issuer.audience {
        return Err("its audience is another".into());
    }
    Ok(Verified::new(claims, kid.clone()))
}

/// A token as it was presented, of which only its place was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'r>(&'r [u8]);

impl<'r> Presented<'r> {
    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &'r [u8] {
        self.0
    }

    /// Its text. A token whose signature was good before has the form of one: only others need be looked at.
    ///
    /// # Errors
    /// 401 where it isn't of the form of a token (RFC 6750 §2.1).
    pub fn text(&self) -> Result<&'r str, Refusal> {
        let is_token = self.0.iter().fold(true, |is_token, byte| is_token & TOKEN_BYTES[usize::from(*byte)]);
        let text = if is_token { std::str::from_utf8(self.0).unwrap_or_default() } else { "" };
        if text.is_empty() {
            return Err(missing("no token after Bearer").detail("There is no access token after the word Bearer."));
        }
        Ok(text)
    }
}

/// Reads the token from the `Authorization` header, RFC 6750 §2.1. A token in the URL is never read.
///
/// # Errors
/// 401 where the header is of another form; two of them are refused with the framing.
pub fn presented<'r>(fields: &'r dyn Fields, subscribed: &Subscribed<'_>) -> Result<Presented<'r>, Refusal> {
    let Some(value) = fields.first(&http::header::AUTHORIZATION) else {
        let detail = if subscribed.granted().is_some() {
            "No Authorization header came. The subscription key was accepted."
        } else {
            "No Authorization header came."
        };
        return Err(missing("no Authorization header").detail(detail));
    };
    let (scheme, token) = value.split_at_checked(SCHEME.len()).unwrap_or((value, b""));
    if !scheme.eq_ignore_ascii_case(SCHEME) || token.first().is_some_and(|byte| *byte != b' ') {
        return Err(missing("another scheme than Bearer")
            .detail("The Authorization header must be of the form: Bearer, a space, the access token."));
    }
    Ok(Presented(token.trim_ascii()))
}

fn missing(operator_words: &'static str) -> Refusal {
    let mut refusal = Refusal::new(Cause::TokenMissing).operator_words(operator_words);
    refusal.challenges.token = Some(BearerError::None);
    refusal
}

/// What stands before a token.
const SCHEME: &[u8] = b"Bearer";

/// What a token is written in (RFC 6750 §2.1), by byte: tokens are long, and every call's is looked at.
const TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        byte += 1;
    }
    table
};

/// The 401 for a token that isn't accepted; `words` are for operators.
#[must_use]
pub fn refuse(cause: Cause, words: impl Into<String>) -> Refusal {
    let detail = match cause {
        Cause::TokenExpired => "The access token has expired. Get a new one.",
        _ => {
            "The access token is not accepted: it is not one of ours, is for something else, or was ended. Get a new one."
        }
    };
    let mut refusal = Refusal::new(cause).detail(detail).operator_words(words.into());
    refusal.challenges.token = Some(BearerError::InvalidToken);
    refusal
}

#[cfg(test)]
mod tests;
