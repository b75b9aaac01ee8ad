//! The provider's keys, and how it signs with them, rightly or wrongly.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// What a token is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// The RSA key.
    Rs256,
    /// The RSA key, as it is published for PSS.
    Ps256,
    /// The key on P-256.
    Es256,
    /// The key on Curve25519.
    EdDsa,
    /// No key: `alg` is `none`.
    Nobody,
    /// The public key on P-256, taken for a secret: `alg` is `HS256`.
    PublicKey,
}

pub(super) struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    /// What the keys' ids end in.
    generation: String,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self::named("")
    }

    /// New keys, whose ids end so.
    pub(super) fn named(generation: &str) -> Self {
        Self {
            ed: Ed25519KeyPair::generate().expect("a key"),
            generation: generation.to_owned(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"),
        }
    }

    /// The key set, with a key that nobody can use here.
    pub(super) fn published(&self) -> Value {
        let rsa = self.rsa.public_key();
        let point = self.ec.public_key().as_ref();
        let id = |name: &str| format!("{name}{}", self.generation);
        let modulus = b64(rsa.modulus().big_endian_without_leading_zero());
        let exponent = b64(rsa.exponent().big_endian_without_leading_zero());
        json!({"keys": [
            {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
            {"kty": "RSA", "use": "sig", "kid": id("rsa"), "n": modulus, "e": exponent},
            {"kty": "RSA", "use": "sig", "alg": "PS256", "kid": id("pss"), "n": modulus, "e": exponent},
            {"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": id("ec"), "x": b64(&point[1..33]),
             "y": b64(&point[33..])},
            {"kty": "OKP", "use": "sig", "crv": "Ed25519", "kid": id("ed"), "x": b64(self.ed.public_key().as_ref())},
        ]})
    }

    /// Signs the claims; what `header` has already stays.
    pub(super) fn sign(&self, mut header: Value, claims: &Value, by: SignedBy) -> String {
        let (algorithm, kid) = match by {
            SignedBy::Rs256 => ("RS256", "rsa"),
            SignedBy::Ps256 => ("PS256", "pss"),
            SignedBy::Es256 => ("ES256", "ec"),
            SignedBy::EdDsa => ("EdDSA", "ed"),
            SignedBy::Nobody => ("none", "ec"),
            SignedBy::PublicKey => ("HS256", "ec"),
        };
        for (name, value) in [("alg", algorithm.to_owned()), ("kid", format!("{kid}{}", self.generation))] {
            if header.get(name).is_none() {
                header[name] = json!(value);
            }
        }
        let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let random = SystemRandom::new();
        let by_rsa = |padding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(padding, &random, message.as_bytes(), &mut signature).expect("a signature");
            signature
        };
        let signature = match by {
            SignedBy::Rs256 => by_rsa(&RSA_PKCS1_SHA256),
            SignedBy::Ps256 => by_rsa(&RSA_PSS_SHA256),
            SignedBy::EdDsa => self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            SignedBy::Es256 => self.ec.sign(&random, message.as_bytes()).expect("a signature").as_ref().to_vec(),
            SignedBy::Nobody => Vec::new(),
            SignedBy::PublicKey => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, self.ec.public_key().as_ref());
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
        };
        format!("{message}.{}", b64(signature))
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
