//! One attempt to sign in at the provider, from the button to the return.
//!
//! Nothing is kept: the attempt travels as `state`, sealed under a key that only this browser's cookie gives. Another
//! browser can't bring it back, nobody on the way reads or changes it, and a new cookie ends it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::sign_in::trouble::Trouble;

/// So long somebody may take at the provider.
pub const ATTEMPT_LIFE_S: i64 = 600;
/// The longest address that somebody is sent back to.
pub const BACK_MAX_BYTES: usize = 3_072;
const SECRET_BYTES: usize = 32;
const SEALED_MAX_BYTES: usize = BACK_MAX_BYTES + 128;
const LABEL: &[u8] = b"limen provider attempt 1";

/// An attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    secret: [u8; SECRET_BYTES],
    begun_at_s: i64,
    /// Where the browser goes afterwards: a path of ours.
    pub back: String,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { begun_at_s, back, .. } = self;
        formatter.debug_struct("Attempt").field("begun_at_s", begun_at_s).field("back", back).finish_non_exhaustive()
    }
}

impl Attempt {
    /// A new one; `secret` is random.
    #[must_use]
    pub fn new(secret: [u8; SECRET_BYTES], back: &str, now_s: i64) -> Self {
        Self { secret, begun_at_s: now_s, back: back.to_owned() }
    }

    /// What the ID token must repeat (OpenID Connect Core §3.1.2.1).
    #[must_use]
    pub fn nonce(&self) -> String {
        self.derived(b"nonce")
    }

    /// `code_verifier` (RFC 7636 §4.1).
    #[must_use]
    pub fn verifier(&self) -> String {
        self.derived(b"verifier")
    }

    /// `code_challenge` by S256 (RFC 7636 §4.2).
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    fn derived(&self, what: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, what))
    }

    /// The attempt as `state`, for the browser that holds `cookie`; `nonce` is random. None where there is no cookie,
    /// or nothing that fits.
    #[must_use]
    pub fn seal(&self, cookie: &str, nonce: [u8; NONCE_LEN]) -> Option<String> {
        if self.back.len() > BACK_MAX_BYTES {
            return None;
        }
        let mut text = [&self.secret[..], &self.begun_at_s.to_be_bytes(), self.back.as_bytes()].concat();
        let key = key(cookie)?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(LABEL), &mut text).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &text].concat()))
    }

    /// Opens `state` with the cookie of the browser that brings it. The comparison takes the same time wherever the two
    /// differ: it is that of the seal.
    ///
    /// # Errors
    /// [`Trouble::FormExpired`]: made for another browser, changed, or too old.
    pub fn open(state: &str, cookie: &str, now_s: i64) -> Result<Self, Trouble> {
        let opened = opened(state, cookie).ok_or(Trouble::FormExpired)?;
        let age_s = now_s.saturating_sub(opened.begun_at_s);
        if (0..=ATTEMPT_LIFE_S).contains(&age_s) { Ok(opened) } else { Err(Trouble::FormExpired) }
    }
}

fn key(cookie: &str) -> Option<LessSafeKey> {
    if cookie.is_empty() {
        return None;
    }
    let bytes = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, cookie.as_bytes()), LABEL);
    UnboundKey::new(&AES_256_GCM, bytes.as_ref()).ok().map(LessSafeKey::new)
}

fn opened(state: &str, cookie: &str) -> Option<Attempt> {
    if state.len() > SEALED_MAX_BYTES * 4 / 3 + 4 {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let plain = key(cookie)?.open_in_place(nonce, Aad::from(LABEL), &mut text).ok()?;
    let (secret, rest) = plain.split_first_chunk::<SECRET_BYTES>()?;
    let (begun_at_s, back) = rest.split_first_chunk::<8>()?;
    Some(Attempt {
        secret: *secret,
        begun_at_s: i64::from_be_bytes(*begun_at_s),
        back: String::from_utf8(back.to_vec()).ok()?,
    })
}
