//! Proof Key for Code Exchange, RFC 7636, with S256 only: `plain` protects nothing once the address was seen.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The `code_challenge` of a verifier: BASE64URL(SHA256(verifier)), §4.6. `None` where it isn't of the form that §4.1
/// asks for: 43 to 128 characters of `A-Z a-z 0-9 - . _ ~`.
#[must_use]
pub fn challenge_of(verifier: &str) -> Option<String> {
    let well_formed = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    well_formed.then(|| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)))
}

/// Whether a `code_challenge` can be one of S256: the 43 base64url characters of 32 bytes, unpadded.
#[must_use]
pub fn valid_challenge(challenge: &str) -> bool {
    URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let challenge = challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(valid_challenge(&challenge));
    }

    #[test]
    fn verifiers_and_challenges_of_other_forms() {
        let whole = "a".repeat(43);
        for wrong in [&whole[1..], &"a".repeat(129), &format!("{whole}="), &format!("{whole}ä"), ""] {
            assert_eq!(challenge_of(wrong), None, "{wrong}");
        }
        assert!(challenge_of(&"~".repeat(128)).is_some());
        // The last: its two unused bits aren't zero, so no 32 bytes are written so.
        for wrong in ["", "abc", &format!("{}=", "A".repeat(43)), &"+".repeat(43), &format!("{}B", "A".repeat(42))] {
            assert!(!valid_challenge(wrong), "{wrong}");
        }
    }
}
