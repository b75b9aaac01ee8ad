//! `Limen-Assertion`: a short-lived ES256 JWT that tells the service who calls, so that it need not trust the network.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// How long an assertion lives, in seconds.
pub const LIFETIME_S: i64 = 60;

/// The key that signs assertions, made ready once.
pub struct AssertionKey {
    kid: Box<str>,
    pair: EcdsaKeyPair,
    /// `{"alg":"ES256","typ":"JWT","kid":…}` in base64url with the dot behind it.
    header: String,
}

/// The private key isn't one for P-256.
#[derive(Debug, thiserror::Error)]
#[error("the signing key {kid} is not a P-256 private key in PKCS #8")]
pub struct NotASigningKey {
    kid: String,
}

/// What a service is told.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Assertion<'a> {
    /// Who says so.
    pub iss: &'a str,
    /// The API's name.
    pub aud: &'a str,
    /// When it was made, in seconds since the epoch.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// The call's id.
    pub jti: &'a str,
    /// The method.
    pub method: &'a str,
    /// The path and query that the service is sent.
    pub path: &'a str,
    /// The subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<&'a str>,
    /// The application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<&'a str>,
    /// The user.
    #[serde(rename = "sub", skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// The environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'a str>,
    /// The user's permissions, space separated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<&'a str>,
}

impl AssertionKey {
    /// Makes a private key ready.
    ///
    /// # Errors
    /// Where it isn't a P-256 key in PKCS #8.
    pub fn new(kid: &str, private_pkcs8: &[u8]) -> Result<Self, NotASigningKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private_pkcs8)
            .map_err(|_| NotASigningKey { kid: kid.into() })?;
        let header = serde_json::json!({"alg": "ES256", "typ": "JWT", "kid": kid}).to_string();
        Ok(Self { kid: kid.into(), pair, header: URL_SAFE_NO_PAD.encode(header) + "." })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs an assertion; none if the key fails to, which the caller treats as a fault.
    #[must_use]
    pub fn sign(&self, assertion: &Assertion<'_>) -> Option<String> {
        let claims = serde_json::to_vec(assertion).ok()?;
        let mut token = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes()).ok()?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Some(token)
    }
}
