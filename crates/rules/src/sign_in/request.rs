//! The request that `/authorization` gets (RFC 6749 §4.1.1), judged in two steps: whom it comes from and where its
//! answer may go; then, for whoever has signed in, what it asks for.

#[cfg(test)]
mod tests;

use super::parameters::{Given, Parameters};
use super::redirect_uri;
use super::trouble::Trouble;
use super::{pkce, scope_set};
use crate::model::{Application, ApplicationKind, Declared, Name};

/// `state` is carried up to so many bytes.
pub const STATE_MAX_BYTES: usize = 4_096;
/// What is read; all else is ignored (RFC 6749 §3.1).
const KNOWN: [&str; 9] = [
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "environment_id",
    "prompt",
    "login_hint",
    "response_mode",
];

/// Something wrong with a request, with what was sent in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub trouble: Trouble,
    /// What was sent, for the message.
    pub sent: String,
}

impl Wrong {
    fn new(trouble: Trouble, sent: impl Into<String>) -> Self {
        Self { trouble, sent: sent.into() }
    }

    /// The message with what was sent in it.
    #[must_use]
    pub fn message(&self) -> String {
        self.trouble.message(&self.sent)
    }
}

/// A request whose answer may go to its redirect URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'d> {
    /// Who asks.
    pub application: &'d Application,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// What is carried back, byte for byte.
    pub state: Option<Vec<u8>>,
    /// The environment that the application has in mind.
    pub environment: Option<String>,
    /// The user that the application has in mind.
    pub login_hint: Option<String>,
    /// Whether the user is to be asked even if they allowed it before.
    pub asks_anew: bool,
    /// What it asks for, or what is wrong with that.
    pub asked: Result<Asked, Wrong>,
}

/// What an application asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The permissions that it wants to be narrowed to, sorted; none: all.
    pub scope: Option<Vec<Name>>,
    /// The challenge of its code (RFC 7636).
    pub code_challenge: Option<String>,
}

/// Reads and judges a request.
///
/// # Errors
/// What is to be told on a page, because nothing that was sent can be trusted with a redirect.
pub fn judge<'d>(parameters: &Parameters, declared: &'d Declared) -> Result<Request<'d>, Wrong> {
    let application = application(parameters, &declared.applications)?;
    let redirect_uri = match parameters.given("redirect_uri") {
        Given::Nothing => return Err(Wrong::new(Trouble::RedirectUriMissing, "")),
        Given::Repeated => return Err(Wrong::new(Trouble::PageParameterRepeated, "redirect_uri")),
        Given::Once(sent) => String::from_utf8_lossy(sent).into_owned(),
    };
    redirect_uri::judge(&redirect_uri, &application.redirect_uris)
        .map_err(|trouble| Wrong::new(trouble, redirect_uri.as_str()))?;
    let state = match parameters.given("state") {
        Given::Once(state) if state.len() <= STATE_MAX_BYTES => Some(state.to_vec()),
        _ => None,
    };
    Ok(Request {
        application,
        redirect_uri,
        state,
        environment: parameters.text("environment_id"),
        login_hint: parameters.text("login_hint"),
        asks_anew: parameters.text("prompt").is_some_and(|prompt| prompt.split(' ').any(|word| word == "consent")),
        asked: asked(parameters, application.kind, declared),
    })
}

fn application<'d>(parameters: &Parameters, applications: &'d [Application]) -> Result<&'d Application, Wrong> {
    let sent = match parameters.given("client_id") {
        Given::Nothing => return Err(Wrong::new(Trouble::ClientIdMissing, "")),
        Given::Repeated => return Err(Wrong::new(Trouble::PageParameterRepeated, "client_id")),
        Given::Once(sent) => String::from_utf8_lossy(sent).into_owned(),
    };
    let found = applications.iter().find(|application| *application.name == *sent && !application.disabled);
    found.ok_or_else(|| Wrong::new(Trouble::ClientIdInvalid, sent))
}

fn asked(parameters: &Parameters, kind: ApplicationKind, declared: &Declared) -> Result<Asked, Wrong> {
    if let Some(repeated) = KNOWN.into_iter().find(|name| parameters.given(name) == Given::Repeated) {
        return Err(Wrong::new(Trouble::RequestParameterRepeated, repeated));
    }
    match parameters.text("response_type") {
        None => return Err(Wrong::new(Trouble::ResponseTypeMissing, "")),
        Some(code) if code == "code" => {}
        Some(other) => return Err(Wrong::new(Trouble::ResponseTypeUnsupported, other)),
    }
    if matches!(parameters.given("state"), Given::Once(state) if state.len() > STATE_MAX_BYTES) {
        return Err(Wrong::new(Trouble::StateTooLong, ""));
    }
    let code_challenge = code_challenge(parameters, kind)?;
    let scope = match parameters.text("scope") {
        None => None,
        Some(scope) => known_scope(&scope, declared)?,
    };
    Ok(Asked { scope, code_challenge })
}

/// The challenge, where there is one; a public application must have one (RFC 9700 §2.1.1).
fn code_challenge(parameters: &Parameters, kind: ApplicationKind) -> Result<Option<String>, Wrong> {
    let (challenge, method) = (parameters.text("code_challenge"), parameters.text("code_challenge_method"));
    match (challenge, method.as_deref()) {
        (None, None) if kind == ApplicationKind::Confidential => Ok(None),
        (None, _) if kind == ApplicationKind::Public => Err(Wrong::new(Trouble::ChallengeMissing, "")),
        // Somebody may have cut the challenge out on the way: a method alone is never an application without PKCE.
        (None, _) => Err(Wrong::new(Trouble::ChallengeMalformed, "")),
        (Some(challenge), Some("S256")) if pkce::valid_challenge(&challenge) => Ok(Some(challenge)),
        (Some(_), Some("S256")) => Err(Wrong::new(Trouble::ChallengeMalformed, "")),
        (Some(_), other) => Err(Wrong::new(Trouble::ChallengeMethodUnsupported, other.unwrap_or("plain"))),
    }
}

/// The permissions of a scope, if each is one that some role grants.
fn known_scope(scope: &str, declared: &Declared) -> Result<Option<Vec<Name>>, Wrong> {
    let known = |name: &str| declared.roles.iter().any(|role| role.permissions.iter().any(|one| **one == *name));
    let names = scope_set(scope);
    match names.iter().find(|name| !known(name)) {
        Some(unknown) => Err(Wrong::new(Trouble::ScopeUnknown, unknown.as_ref())),
        None => Ok((!names.is_empty()).then_some(names)),
    }
}
