//! Settings of the OpenID Connect provider, and of what requests that people cause may reach.

use std::path::PathBuf;

use limen_rules::declared::Complaint;
use limen_rules::outbound::{Allowed, Place};
use limen_rules::sign_in::provider::{Settings, discovery_url};

use super::{choice, path};

const ID_CHARACTERS_MAX: usize = 255;
const TITLE_CHARACTERS_MAX: usize = 60;
const SCOPES_MAX: usize = 16;
/// Without it there is no ID token (OpenID Connect Core §3.1.2.1).
const OPENID: &str = "openid";

/// What requests that people cause may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutboundSettings {
    /// Hosts and networks of one's own.
    pub(crate) allowed: Allowed,
    /// Authorities that are trusted instead of the public ones, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
}

/// The provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProviderSettings {
    /// Who it is and what is asked of it.
    pub(crate) rules: Settings,
    /// The file of our secret there, if we have one.
    pub(crate) secret_file: Option<PathBuf>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        let scopes = vec![OPENID.into(), "email".into()];
        Self { rules: Settings { scopes, ..Settings::default() }, secret_file: None }
    }
}

/// A key of the provider's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProviderKey {
    Issuer,
    ApplicationId,
    SecretFile,
    Title,
    Scopes,
    LinkByEmail,
    Only,
}

/// Reads what may be reached, separated by commas.
pub(super) fn allowed(text: &str) -> Result<Allowed, Complaint> {
    Allowed::parse(entries(text))
}

/// Sets one key from its text; lists are separated by commas.
pub(super) fn set(told: &mut ProviderSettings, key: ProviderKey, text: &str) -> Result<(), Complaint> {
    let rules = &mut told.rules;
    let yes_or_no = |text: &str| choice(text, &[("true", true), ("false", false)]);
    match key {
        ProviderKey::Issuer => rules.issuer = issuer(text)?,
        ProviderKey::ApplicationId => rules.application_id = plain(text, ID_CHARACTERS_MAX)?,
        ProviderKey::SecretFile => told.secret_file = Some(path(text)?),
        ProviderKey::Title => rules.title = plain(text, TITLE_CHARACTERS_MAX)?,
        ProviderKey::Scopes => rules.scopes = scopes(text)?,
        ProviderKey::LinkByEmail => rules.link_by_email = yes_or_no(text)?,
        ProviderKey::Only => rules.only = yes_or_no(text)?,
    }
    Ok(())
}

/// What several keys say together.
pub(super) fn check(told: &ProviderSettings, outbound: &OutboundSettings) -> Result<(), (ProviderKey, Complaint)> {
    if told.rules.issuer.is_empty() {
        let mend = "name the provider's issuer, like https://id.example.org, or remove 'sign_in.provider'";
        return Err((ProviderKey::Issuer, ("is missing".into(), mend.into())));
    }
    if told.rules.application_id.is_empty() {
        let mend = "add the id that Limen was registered with at the provider (its client_id)";
        return Err((ProviderKey::ApplicationId, ("is missing".into(), mend.into())));
    }
    Place::of(&discovery_url(&told.rules.issuer), &outbound.allowed).map(|_| ()).map_err(|words| {
        let mend = "write https://…, or list the host under 'outbound.allow' if it is one of your own network";
        (ProviderKey::Issuer, (format!("can't be asked: {words}"), mend.to_owned()))
    })
}

/// It is compared to the letter, so it is kept as it is written.
fn issuer(text: &str) -> Result<String, Complaint> {
    let uri: Option<http::Uri> = text.parse().ok().filter(|_| !text.contains(['?', '#']) && text.is_ascii());
    match uri.as_ref().and_then(http::Uri::scheme_str) {
        Some("https" | "http") => Ok(text.to_owned()),
        _ => Err((
            format!("'{text}' is not an issuer"),
            "write it as the provider's discovery document does, like https://id.example.org/realm".into(),
        )),
    }
}

/// Without a title the provider is called by its host.
pub(super) fn titled(mut told: ProviderSettings) -> ProviderSettings {
    if told.rules.title.is_empty() {
        let uri: Option<http::Uri> = told.rules.issuer.parse().ok();
        told.rules.title = uri.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    }
    told
}

fn plain(text: &str, most: usize) -> Result<String, Complaint> {
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err(("can't be used".into(), format!("use 1 to {most} characters"))) }
}

fn scopes(text: &str) -> Result<Vec<String>, Complaint> {
    let mut scopes: Vec<String> = entries(text).map(str::to_owned).collect();
    let is_scope = |scope: &String| {
        scope.len() <= 100 && scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
    };
    if let Some(wrong) = scopes.iter().find(|scope| !is_scope(scope)) {
        return Err((format!("'{wrong}' is not a scope"), "write scopes as the provider names them".into()));
    }
    if scopes.len() > SCOPES_MAX {
        return Err((format!("more than {SCOPES_MAX} scopes"), "ask for fewer".into()));
    }
    if !scopes.iter().any(|scope| scope == OPENID) {
        scopes.insert(0, OPENID.into());
    }
    Ok(scopes)
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}
