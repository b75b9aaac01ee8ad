//! Keys that are made here, tokens that are good and all ways in which others are not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use serde_json::json;

use super::*;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// One key of each kind.
struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Keys {
    fn new() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn rsa_jwk(&self, more: Value) -> Value {
        let public = self.rsa.public_key();
        let jwk = json!({"kty": "RSA", "n": b64(public.modulus().big_endian_without_leading_zero()),
            "e": b64(public.exponent().big_endian_without_leading_zero())});
        joined(jwk, more)
    }

    fn ec_jwk(&self, more: Value) -> Value {
        let point = self.ec.public_key().as_ref();
        joined(json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..])}), more)
    }

    fn ed_jwk(&self, more: Value) -> Value {
        joined(json!({"kty": "OKP", "crv": "Ed25519", "x": b64(self.ed.public_key().as_ref())}), more)
    }

    fn sign(&self, header: &Value, how: &str) -> String {
        let message = format!("{}.{}", b64(header.to_string()), b64(r#"{"sub":"u"}"#));
        let random = SystemRandom::new();
        let mut signature = vec![0; 256];
        match how {
            "RS256" => self.rsa.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap(),
            "PS256" => self.rsa.sign(&RSA_PSS_SHA256, &random, message.as_bytes(), &mut signature).unwrap(),
            "ES256" => signature = self.ec.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => signature = self.ed.sign(message.as_bytes()).as_ref().to_vec(),
            "HS256" => {
                let point = self.ec.public_key().as_ref();
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, point);
                signature = aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref().to_vec();
            }
            _ => signature.clear(),
        }
        format!("{message}.{}", b64(signature))
    }
}

use serde_json::Value;

fn joined(mut jwk: Value, more: Value) -> Value {
    let more = more.as_object().cloned().unwrap_or_default();
    jwk.as_object_mut().unwrap().extend(more);
    jwk
}

fn set(keys: &[Value]) -> Result<KeySet, String> {
    KeySet::read(json!({"keys": keys}).to_string().as_bytes())
}

#[test]
fn each_algorithm_by_its_key() {
    let keys = Keys::new();
    let all = set(&[
        keys.rsa_jwk(json!({"kid": "r", "use": "sig"})),
        keys.rsa_jwk(json!({"kid": "p", "alg": "PS256", "key_ops": ["verify"]})),
        keys.ec_jwk(json!({"kid": "e", "alg": "ES256"})),
        keys.ed_jwk(json!({"kid": "d", "alg": "EdDSA"})),
    ]);
    let all = all.unwrap();
    for (kid, algorithm) in [("r", "RS256"), ("p", "PS256"), ("e", "ES256"), ("d", "EdDSA")] {
        let good = keys.sign(&json!({"alg": algorithm, "kid": kid, "typ": "JWT"}), algorithm);
        let signed = verify(&good, &all).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!((signed.kind.as_deref(), &*signed.payload), (Some("JWT"), &br#"{"sub":"u"}"#[..]));
        // Without a kid: the only one of its algorithm.
        assert!(verify(&keys.sign(&json!({"alg": algorithm}), algorithm), &all).is_ok(), "{algorithm}");
        let other = verify(&keys.sign(&json!({"alg": algorithm, "kid": "other"}), algorithm), &all);
        assert!(other.unwrap_err().may_be_a_new_key());
        // By another key of that kind.
        let foreign = Keys::new().sign(&json!({"alg": algorithm, "kid": kid}), algorithm);
        assert_eq!(verify(&foreign, &all), Err(Unverified::Signature { named: true }));
        let mut cut = good.clone();
        cut.truncate(good.len() - 4);
        assert!(verify(&cut, &all).is_err());
    }
}

#[test]
fn no_token_chooses_how_it_is_verified() {
    let keys = Keys::new();
    let all = set(&[keys.rsa_jwk(json!({"kid": "r"})), keys.ec_jwk(json!({"kid": "e"}))]).unwrap();
    let cases = [
        (json!({"alg": "none", "kid": "e"}), ""),
        (json!({"alg": "None"}), ""),
        (json!({"alg": "HS256", "kid": "e"}), "HS256"),
        (json!({"alg": "ES256", "kid": "e"}), "HS256"),
        (json!({"alg": "ES256", "kid": "r"}), "RS256"),
        (json!({"alg": "RS256", "kid": "e"}), "ES256"),
        (json!({"alg": "PS256", "kid": "r"}), "PS256"),
        (json!({"alg": "RS256", "kid": "r"}), "PS256"),
        (json!({"alg": "ES256", "kid": "e"}), ""),
        (json!({"kid": "e"}), "ES256"),
        (json!({"alg": "ES256", "kid": "e", "crit": ["b64"], "b64": false}), "ES256"),
        (json!({"alg": ["ES256"], "kid": "e"}), "ES256"),
        // A key that the token brings along is nobody's.
        (json!({"alg": "EdDSA", "jwk": keys.ed_jwk(json!({}))}), "EdDSA"),
    ];
    for (header, how) in cases {
        assert!(verify(&keys.sign(&header, how), &all).is_err(), "{header} signed by {how}");
    }
    let good = keys.sign(&json!({"alg": "ES256", "kid": "e"}), "ES256");
    assert!(verify(&good, &all).is_ok());
    for bad in [String::new(), good.replace('.', ""), format!("{good}."), format!("{good}="), format!("{good}.x")] {
        assert!(matches!(verify(&bad, &all), Err(Unverified::Malformed(_))), "{bad}");
    }
    let twice = format!("{}.{}.AA", b64(r#"{"alg":"none","alg":"ES256"}"#), b64("{}"));
    assert!(matches!(verify(&twice, &all), Err(Unverified::Malformed(_))));
    let long = format!("{good}{}", "A".repeat(FOREIGN_TOKEN_MAX_BYTES));
    assert!(matches!(verify(&long, &all), Err(Unverified::Malformed(_))));
}

#[test]
fn of_several_keys_that_could_be_meant_none_is() {
    let (keys, other) = (Keys::new(), Keys::new());
    let token = keys.sign(&json!({"alg": "ES256"}), "ES256");
    let two = set(&[keys.ec_jwk(json!({"kid": "a"})), other.ec_jwk(json!({"kid": "b"}))]).unwrap();
    assert!(verify(&token, &two).unwrap_err().may_be_a_new_key());
    let named = keys.sign(&json!({"alg": "ES256", "kid": "a"}), "ES256");
    assert!(verify(&named, &two).is_ok());
    let alike = set(&[keys.ec_jwk(json!({"kid": "a"})), other.ec_jwk(json!({"kid": "a"}))]).unwrap();
    assert!(verify(&named, &alike).is_err());
    // One kid for keys of two kinds is told apart by the algorithm.
    let kinds = set(&[keys.ec_jwk(json!({"kid": "a"})), keys.rsa_jwk(json!({"kid": "a"}))]).unwrap();
    assert!(verify(&named, &kinds).is_ok());
    // The issuer's only key was replaced, and neither has a name.
    let lone = set(&[other.ec_jwk(json!({}))]).unwrap();
    assert_eq!(verify(&token, &lone), Err(Unverified::Signature { named: false }));
    assert!(Unverified::Signature { named: false }.may_be_a_new_key());
}

#[test]
fn what_a_set_may_hold() {
    let keys = Keys::new();
    let passed_over = [
        json!("text"),
        json!({"kty": "oct", "k": b64("secret")}),
        json!({"kty": "RSA", "n": b64([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": "!", "e": "AQAB"}),
        json!({"kty": "RSA", "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-256", "x": b64([1; 32]), "y": b64([1; 32])}),
        json!({"kty": "EC", "crv": "P-256", "x": b64([1; 31]), "y": b64([1; 32])}),
        json!({"kty": "OKP", "crv": "X25519", "x": b64([1; 32])}),
        keys.ec_jwk(json!({"crv": "P-384"})),
        keys.ec_jwk(json!({"use": "enc"})),
        keys.ec_jwk(json!({"key_ops": ["sign"]})),
        keys.ec_jwk(json!({"alg": "RS256"})),
        keys.ec_jwk(json!({"alg": "HS256"})),
        keys.rsa_jwk(json!({"alg": "ES256"})),
        keys.rsa_jwk(json!({"alg": "RS512"})),
        keys.ed_jwk(json!({"alg": "none"})),
    ];
    assert!(set(&passed_over).is_err());
    let mut with_one = passed_over.to_vec();
    with_one.push(keys.ec_jwk(json!({"x5c": ["anything"], "alg": null})));
    assert_eq!(set(&with_one).unwrap().len(), 1);
    let mut zero_in_front = keys.rsa_jwk(json!({}));
    let modulus = URL_SAFE_NO_PAD.decode(zero_in_front["n"].as_str().unwrap()).unwrap();
    zero_in_front["n"] = json!(b64([&[0][..], &modulus].concat()));
    let padded = set(&[zero_in_front]).unwrap();
    assert!(verify(&keys.sign(&json!({"alg": "RS256"}), "RS256"), &padded).is_ok());
    assert!(set(&vec![keys.ed_jwk(json!({})); KEYS_MAX]).is_ok());
    assert!(set(&vec![keys.ed_jwk(json!({})); KEYS_MAX + 1]).is_err());
    for bad in [&b"[]"[..], b"{}", b"{\"keys\":{}}", b"<html>", b"", &[b' '; 600_000]] {
        assert!(KeySet::read(bad).is_err());
    }
}
