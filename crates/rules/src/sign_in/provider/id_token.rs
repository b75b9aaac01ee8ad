//! What an ID token must say (OpenID Connect Core §3.1.3.7), after its signature was found good.

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::Settings;
use crate::jose::Signed;

/// So far the provider's clock may be from ours.
pub const CLOCK_SKEW_S: i64 = 30;
/// The longest subject (OpenID Connect Core §2).
const SUBJECT_MAX_BYTES: usize = 255;

/// Who signed in, by the provider's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider's own name for them, never given to anybody else.
    pub subject: String,
    /// Their mail address, if the provider verified it.
    pub email: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: OneOrMore,
    azp: Option<String>,
    exp: Moment,
    iat: Moment,
    nbf: Option<Moment>,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Verified>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Seconds since the Unix epoch; some write them with a fraction (RFC 7519 §2).
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Moment {
    Whole(i64),
    Fraction(f64),
}

impl Moment {
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range becomes the nearest that isn't")]
    fn seconds(self) -> i64 {
        match self {
            Self::Whole(seconds) => seconds,
            Self::Fraction(seconds) => seconds.floor() as i64,
        }
    }
}

/// Some write it as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Verified {
    Said(bool),
    Written(String),
}

/// Checks the claims of an ID token that was asked for with `nonce`.
///
/// # Errors
/// Why it isn't accepted, for operators.
pub fn check(signed: &Signed, settings: &Settings, nonce: &str, now_s: i64) -> Result<Person, String> {
    // An access token or a logout token of the same issuer is not an ID token.
    if signed.kind.as_deref().is_some_and(|kind| !kind.eq_ignore_ascii_case("JWT")) {
        return Err("the token's typ isn't that of an ID token".into());
    }
    let claims: Claims = serde_json::from_slice(&signed.payload)
        .map_err(|_| "a claim of the ID token is missing, doubled or of the wrong form")?;
    if claims.iss != settings.issuer {
        return Err("the ID token is of another issuer".into());
    }
    let own = settings.application_id.as_str();
    let (for_us, only_us) = match &claims.aud {
        OneOrMore::One(one) => (one == own, true),
        OneOrMore::More(all) => (all.iter().any(|one| one == own), all.len() == 1),
    };
    if !for_us {
        return Err("the ID token is for another application (aud)".into());
    }
    match claims.azp.as_deref() {
        Some(azp) if azp != own => return Err("the ID token was given to another application (azp)".into()),
        None if !only_us => return Err("the ID token is for several, and doesn't say whom it was given to".into()),
        _ => {}
    }
    if now_s >= claims.exp.seconds().saturating_add(CLOCK_SKEW_S) {
        return Err("the ID token has expired".into());
    }
    let early = |moment: Moment| moment.seconds().saturating_sub(CLOCK_SKEW_S) > now_s;
    if early(claims.iat) || claims.nbf.is_some_and(early) {
        return Err("the ID token is not valid yet; compare the clocks".into());
    }
    if !bool::from(claims.nonce.unwrap_or_default().as_bytes().ct_eq(nonce.as_bytes())) {
        return Err("the ID token belongs to another attempt (nonce)".into());
    }
    if claims.sub.is_empty() || claims.sub.len() > SUBJECT_MAX_BYTES || claims.sub.chars().any(char::is_control) {
        return Err("the ID token has no subject that can be used".into());
    }
    let verified = match claims.email_verified {
        Some(Verified::Said(verified)) => verified,
        Some(Verified::Written(text)) => text == "true",
        None => false,
    };
    let email = claims.email.filter(|email| verified && !email.is_empty());
    Ok(Person { subject: claims.sub, email })
}
