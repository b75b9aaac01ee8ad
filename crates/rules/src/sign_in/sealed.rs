//! The answer to a refresh, sealed so that only whoever shows the same refresh token again can open it.
//!
//! AES-256-GCM under a key that HKDF-SHA256 (RFC 5869) derives from the presented token, which isn't kept: a copy of
//! the store opens nothing. Randomness is brought by the caller.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};

/// What the key is for; bound to what is sealed, too.
const PURPOSE: &[u8] = b"limen refresh answer 1";
/// How many random bytes a sealing takes.
pub const NONCE_BYTES: usize = NONCE_LEN;

fn key(refresh_token: &str) -> Option<LessSafeKey> {
    let secret = Salt::new(HKDF_SHA256, &[]).extract(refresh_token.as_bytes());
    let purpose = [PURPOSE];
    let derived = secret.expand(&purpose, &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(derived)))
}

/// Seals an answer for whoever presents `refresh_token` again; `nonce` is random. `None` if the cipher fails.
#[must_use]
pub fn seal(refresh_token: &str, answer: &[u8], nonce: [u8; NONCE_BYTES]) -> Option<Vec<u8>> {
    let mut sealed = answer.to_vec();
    let key = key(refresh_token)?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(PURPOSE), &mut sealed).ok()?;
    Some([&nonce, sealed.as_slice()].concat())
}

/// Opens what was sealed for this refresh token; `None` if it was sealed for another, or changed.
#[must_use]
pub fn open(refresh_token: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let mut opened = rest.to_vec();
    let key = key(refresh_token)?;
    let plain = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(PURPOSE), &mut opened).ok()?;
    Some(plain.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "limen_rt_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const ANSWER: &[u8] = br#"{"access_token":"a.b.c","expires_in":3600}"#;
    const NONCE: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    /// Made by another implementation: HKDF and AES-256-GCM of Node.
    const SEALED: &str = "000102030405060708090a0bbafd83bb101304c6910c052679ee0794eee521dbc8e3e20f650c2ec8b076e6df86d4ce2e\
                          4c1e2503ed78a6b98bce61536e2748615c798a3d6610";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn others_seal_the_same() {
        assert_eq!(seal(TOKEN, ANSWER, NONCE).unwrap(), bytes(SEALED));
        assert_eq!(open(TOKEN, &bytes(SEALED)).unwrap(), ANSWER);
    }

    #[test]
    fn another_token_or_a_changed_byte_opens_nothing() {
        let sealed = seal(TOKEN, ANSWER, NONCE).unwrap();
        assert!(open("limen_rt_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(TOKEN, &changed).is_none(), "byte {at}");
        }
        for end in 0..sealed.len() {
            assert!(open(TOKEN, &sealed[..end]).is_none(), "cut at {end}");
        }
        assert!(!sealed.windows(5).any(|window| window == b"a.b.c"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(token in "[A-Za-z0-9_-]{1,60}", answer in any::<Vec<u8>>(), nonce in any::<[u8; 12]>()) {
            let sealed = seal(&token, &answer, nonce).unwrap();
            prop_assert_eq!(open(&token, &sealed).unwrap(), answer);
        }
    }
}
