//! Key sets (RFC 7517): RSA from 2,048 bits, P-256 and Ed25519. What else is in a set is passed over.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The most keys of one set, with those that are passed over.
pub const KEYS_MAX: usize = 64;
/// The largest set that is read.
const SET_MAX_BYTES: usize = 512 * 1024;
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;
const COORDINATE_BYTES: usize = 32;

/// How a signature is made. There is none without a key pair: `none` and `HS256` can't be written down here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 padding and SHA-256.
    Rs256,
    /// RSA with PSS padding and SHA-256.
    Ps256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// The one of this name in a header or key (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// What a key is, in short: SHA-256 over its id, its algorithm and its public half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyId([u8; 32]);

/// The keys that an issuer published, made ready.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// A key with the one algorithm that it verifies.
#[derive(Clone)]
pub(super) struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    public: ParsedPublicKey,
    pub(super) id: KeyId,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kid, algorithm, .. } = self;
        formatter.debug_struct("Key").field("kid", kid).field("algorithm", algorithm).finish_non_exhaustive()
    }
}

impl Key {
    fn new(kid: Option<String>, algorithm: Algorithm, public: ParsedPublicKey) -> Self {
        let mut digest = Sha256::new();
        let name = kid.as_deref().unwrap_or_default();
        digest.update([u8::from(kid.is_some()), algorithm as u8]);
        digest.update(name.len().to_be_bytes());
        digest.update(name.as_bytes());
        digest.update(public.as_ref());
        Self { kid, algorithm, public, id: KeyId(digest.finalize().into()) }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// What is looked at of a key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a key set. Keys of other kinds, for other purposes or that are broken are passed over.
    ///
    /// # Errors
    /// Why it is no key set, or that none of its keys can verify; for operators.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > SET_MAX_BYTES {
            return Err(format!("the key set is larger than {SET_MAX_BYTES} bytes"));
        }
        let set: Set = serde_json::from_slice(bytes).map_err(|_| "the key set is not JSON with a list of keys")?;
        if set.keys.len() > KEYS_MAX {
            return Err(format!("the key set has more than {KEYS_MAX} keys"));
        }
        let keys: Vec<Key> = set.keys.into_iter().filter_map(key).collect();
        if keys.is_empty() { Err("no key of the set can verify a signature".into()) } else { Ok(Self { keys }) }
    }

    /// How many keys can verify.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether that key is in it still.
    #[must_use]
    pub fn holds(&self, id: &KeyId) -> bool {
        self.keys.iter().any(|key| key.id == *id)
    }

    /// The key that a token of this header was signed with, if only one can be meant.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let is_meant = |key: &&Key| key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid);
        let mut meant = self.keys.iter().filter(is_meant);
        meant.next().filter(|_| meant.next().is_none())
    }
}

fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let signs = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
        && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|one| one == "verify"));
    if !signs {
        return None;
    }
    let told = match jwk.alg.as_deref() {
        Some(name) => Some(Algorithm::named(name)?),
        None => None,
    };
    let (algorithm, public) = match (jwk.kty.as_str(), jwk.crv.as_deref(), told) {
        // Of an RSA key that doesn't say, RS256 is meant: OpenID Connect Core §15.1 asks everybody for it.
        ("RSA", _, None | Some(Algorithm::Rs256)) => (Algorithm::Rs256, rsa(&jwk, &RSA_PKCS1_2048_8192_SHA256)?),
        ("RSA", _, Some(Algorithm::Ps256)) => (Algorithm::Ps256, rsa(&jwk, &RSA_PSS_2048_8192_SHA256)?),
        ("EC", Some("P-256"), None | Some(Algorithm::Es256)) => {
            let point = [&[4_u8][..], &coordinate(jwk.x.as_deref())?, &coordinate(jwk.y.as_deref())?].concat();
            (Algorithm::Es256, ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?)
        }
        ("OKP", Some("Ed25519"), None | Some(Algorithm::EdDsa)) => {
            (Algorithm::EdDsa, ParsedPublicKey::new(&ED25519, coordinate(jwk.x.as_deref())?).ok()?)
        }
        _ => return None,
    };
    Some(Key::new(jwk.kid, algorithm, public))
}

fn rsa(jwk: &Jwk, parameters: &'static RsaParameters) -> Option<ParsedPublicKey> {
    let number = |text: &Option<String>| {
        let bytes = URL_SAFE_NO_PAD.decode(text.as_deref()?).ok()?;
        // Some write a zero in front, which RFC 7518 §6.3.1.1 doesn't.
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        bytes.get(zeros..).map(<[u8]>::to_vec)
    };
    let (n, e) = (number(&jwk.n)?, number(&jwk.e)?);
    if !RSA_BYTES.contains(&n.len()) || !(1..=8).contains(&e.len()) {
        return None;
    }
    RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters).ok()
}

fn coordinate(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok().filter(|bytes| bytes.len() == COORDINATE_BYTES)
}
