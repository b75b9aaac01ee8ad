//! Signing in through an OpenID Connect provider (OpenID Connect Core 1.0, RFC 9207, RFC 9700): where the browser is
//! sent, what it may come back with, and whom the provider's answer makes known. It fetches nothing.

mod attempt;
mod discovery;
mod id_token;
mod person;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

pub use attempt::{ATTEMPT_LIFE_S, Attempt, BACK_MAX_BYTES};
pub(crate) use discovery::is_endpoint;
pub use discovery::{Discovered, discovery_url};
pub use id_token::{CLOCK_SKEW_S, Person, check};
pub use person::{Unmatched, known_as};

use super::parameters::{Given, Parameters, append};
use super::trouble::Trouble;

/// A code that a provider gives is no longer.
const CODE_MAX_BYTES: usize = 4_096;
/// What of a provider's own words is kept for operators.
const WORDS_CHARACTERS_MAX: usize = 200;

/// How people sign in through the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Who it is: `iss` of what it signs, and where its discovery document is found.
    pub issuer: String,
    /// What it knows us by.
    pub application_id: String,
    /// What it is called on the button.
    pub title: String,
    /// What is asked of it.
    pub scopes: Vec<String>,
    /// Whether a verified mail address makes a user known.
    pub link_by_email: bool,
    /// Whether passwords are off.
    pub only: bool,
}

impl Settings {
    /// Where the browser is sent to sign in (OpenID Connect Core §3.1.2.1, RFC 7636).
    #[must_use]
    pub fn authorization_url(&self, at: &Discovered, attempt: &Attempt, state: &str, callback: &str) -> String {
        let form = form(&[
            ("response_type", "code"),
            ("client_id", &self.application_id),
            ("redirect_uri", callback),
            ("scope", &self.scopes.join(" ")),
            ("state", state),
            ("nonce", &attempt.nonce()),
            ("code_challenge", &attempt.challenge()),
            ("code_challenge_method", "S256"),
        ]);
        let joint = if at.authorization_endpoint.contains('?') { '&' } else { '?' };
        format!("{}{joint}{form}", at.authorization_endpoint)
    }

    /// What the code is exchanged with (OpenID Connect Core §3.1.3.1): the form, and `Authorization` where the secret
    /// goes there.
    #[must_use]
    pub fn exchange(
        &self,
        at: &Discovered,
        attempt: &Attempt,
        code: &str,
        callback: &str,
        secret: Option<&str>,
    ) -> (String, Option<String>) {
        let verifier = attempt.verifier();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback),
            ("code_verifier", &verifier),
        ];
        match secret {
            Some(secret) if at.secret_in_form => {
                fields.extend([("client_id", &*self.application_id), ("client_secret", secret)]);
            }
            Some(secret) => {
                // RFC 6749 §2.3.1: both are encoded as in a form before they are joined.
                let pair = format!("{}:{}", encoded(&self.application_id), encoded(secret));
                return (form(&fields), Some(format!("Basic {}", STANDARD.encode(pair))));
            }
            None => fields.push(("client_id", &self.application_id)),
        }
        (form(&fields), None)
    }
}

/// What the browser came back with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callback {
    /// What belongs to the attempt.
    pub state: String,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl Callback {
    /// Reads the query.
    ///
    /// # Errors
    /// A field that occurs twice could be read in two ways; without a state it belongs to nobody.
    pub fn read(parameters: &Parameters) -> Result<Self, Trouble> {
        let text = |name: &str| match parameters.given(name) {
            Given::Repeated => Err(Trouble::FormExpired),
            Given::Nothing | Given::Once(_) => Ok(parameters.text(name)),
        };
        Ok(Self {
            state: text("state")?.ok_or(Trouble::FormExpired)?,
            code: text("code")?,
            issuer: text("iss")?,
            error: text("error")?,
        })
    }

    /// The code, once it is known whose answer this is (RFC 9207 §2.4). Only for a callback whose state is good.
    ///
    /// # Errors
    /// What to tell the person, and words for operators.
    pub fn code(&self, issuer: &str, at: &Discovered) -> Result<&str, (Trouble, String)> {
        match &self.issuer {
            Some(told) if told != issuer => {
                return Err((Trouble::ProviderRefused, format!("the answer is of another issuer: {}", cut(told))));
            }
            None if at.tells_issuer => {
                return Err((Trouble::ProviderRefused, "the answer doesn't say whose it is (iss)".into()));
            }
            _ => {}
        }
        if let Some(error) = &self.error {
            return Err((Trouble::ProviderRefused, format!("the provider answered {}", cut(error))));
        }
        let code = self.code.as_deref().filter(|code| (1..=CODE_MAX_BYTES).contains(&code.len()));
        code.ok_or_else(|| (Trouble::ProviderRefused, "the answer has neither a code nor an error".into()))
    }
}

/// The ID token in the answer of the token endpoint.
///
/// # Errors
/// What to tell the person, and words for operators.
pub fn id_token(status: u16, body: &[u8]) -> Result<String, (Trouble, String)> {
    #[derive(Deserialize)]
    struct Answer {
        id_token: Option<String>,
        error: Option<String>,
    }
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    match (status, answer) {
        (200, Some(Answer { id_token: Some(token), .. })) => Ok(token),
        (200, _) => Err((Trouble::ProviderAnswerInvalid, "the token endpoint gave no ID token".into())),
        (400 | 401, Some(Answer { error: Some(error), .. })) => {
            Err((Trouble::ProviderAnswerInvalid, format!("the token endpoint answered {status} {}", cut(&error))))
        }
        (status, _) => Err((Trouble::ProviderUnreachable, format!("the token endpoint answered {status}"))),
    }
}

/// A form (`application/x-www-form-urlencoded`) that reads alike as a query.
fn form(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in fields {
        append(&mut form, name.as_bytes(), value.as_bytes());
    }
    form
}

/// A value as it stands in a form.
fn encoded(text: &str) -> String {
    let pair = form(&[("", text)]);
    pair.strip_prefix('=').unwrap_or_default().to_owned()
}

/// Words from outside, as they may stand in a log.
fn cut(text: &str) -> String {
    let plain = |one: char| if one.is_control() { '\u{fffd}' } else { one };
    text.chars().take(WORDS_CHARACTERS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests;
