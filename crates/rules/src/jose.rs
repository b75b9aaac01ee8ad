//! Keys and signatures of other issuers (RFC 7515, 7517, 7518, under the rules of RFC 8725).
//!
//! It reads a key set and verifies a signature; what a token says, whom it is for and until when, is its readers'.
//! The algorithm belongs to the key, so no token chooses how it is verified.

mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

pub use keys::{Algorithm, KEYS_MAX, KeyId, KeySet};

/// No longer token of another issuer is looked at.
pub const FOREIGN_TOKEN_MAX_BYTES: usize = 16 * 1024;

/// A token whose signature is good. Says nothing of who it is for, nor of the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `typ` of its header: what kind of token it is.
    pub kind: Option<String>,
    /// What was signed: JSON, as a rule.
    pub payload: Vec<u8>,
    /// The key that verified it.
    pub key: KeyId,
}

/// Why a token was not verified. The words are for operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// It is no signed token in the compact form (RFC 7515 §7.1).
    #[error("the token {0}")]
    Malformed(&'static str),
    /// No key fits it.
    #[error("no key of the issuer fits the token's kid {kid:?} and alg {algorithm:?}")]
    NoKey {
        /// The key that it names.
        kid: Option<String>,
        /// The algorithm that it names.
        algorithm: String,
    },
    /// The signature is not by the key that fits.
    #[error("the token's signature is wrong")]
    Signature {
        /// Whether the token named that key.
        named: bool,
    },
}

impl Unverified {
    /// Whether keys that the issuer published since could change the verdict.
    #[must_use]
    pub fn may_be_a_new_key(&self) -> bool {
        match self {
            Self::Malformed(_) => false,
            // No key that is ever published verifies an algorithm that we don't know, or `none`.
            Self::NoKey { algorithm, .. } => Algorithm::named(algorithm).is_some(),
            Self::Signature { named } => !named,
        }
    }
}

/// What is looked at of a header. Anything under `crit` is refused: we know no extension (RFC 7515 §4.1.11).
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// Verifies form and signature of a token by the one key that fits it: by its `kid`, or where it has none, by being the
/// only one of its algorithm.
///
/// # Errors
/// Why it isn't verified.
pub fn verify(token: &str, keys: &KeySet) -> Result<Signed, Unverified> {
    let malformed = |what| Err(Unverified::Malformed(what));
    if token.len() > FOREIGN_TOKEN_MAX_BYTES {
        return malformed("is too long");
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return malformed("has not three parts");
    };
    let message = token.as_bytes().get(..header.len() + 1 + payload.len()).unwrap_or_default();
    let decoded = [header, payload, signature].map(|part| URL_SAFE_NO_PAD.decode(part));
    let [Ok(header), Ok(payload), Ok(signature)] = decoded else { return malformed("is not base64url") };
    let Ok(header) = serde_json::from_slice::<Header>(&header) else { return malformed("has no JOSE header") };
    if header.crit.is_some() {
        return malformed("has critical extensions");
    }
    let fitting = Algorithm::named(&header.alg).and_then(|algorithm| keys.find(header.kid.as_deref(), algorithm));
    let Some(key) = fitting else {
        let cut = |text: String| text.chars().take(100).collect();
        return Err(Unverified::NoKey { kid: header.kid.map(cut), algorithm: cut(header.alg) });
    };
    if !key.verifies(message, &signature) {
        return Err(Unverified::Signature { named: header.kid.is_some() });
    }
    Ok(Signed { kind: header.typ, payload, key: key.id })
}

#[cfg(test)]
mod tests;
