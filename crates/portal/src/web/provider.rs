//! Signing in through the provider: `/sign-in/provider` sends the browser there, `/sign-in/provider/callback` is where
//! it comes back. Who comes back signed in has a session like after a password, under a new cookie.
//!
//! Nothing is kept between the two: the attempt travels as `state`, sealed for this browser's cookie.

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use limen_rules::sign_in::parameters::{Parameters, append};
use limen_rules::sign_in::provider::{Attempt, BACK_MAX_BYTES, Callback, known_as};
use limen_rules::sign_in::trouble::Trouble;
use limen_store::StoreError;

use super::peer_address::PeerAddress;
use super::request_id::RequestId;
use super::session::Visitor;
use super::sign_in::{PLACES, see_other, signed_in};
use super::told::Told;
use super::{authorization, page};
use crate::attempts;
use crate::oauth::journal::Note;
use crate::ports::Portal;
use crate::provider::{CALLBACK_PATH, Provider, Unknown};

/// What the journal calls this step.
const STEP: &str = "provider";

/// The link on the sign-in page.
pub(super) struct Offer {
    /// What the provider is called.
    pub(super) title: String,
    /// Where the link leads.
    pub(super) address: String,
}

/// The link that leads through the provider and back to `back`, an address of ours.
pub(super) fn offer(portal: &Portal, back: &str) -> Option<Offer> {
    let provider = portal.provider.as_ref()?;
    let mut query = String::new();
    append(&mut query, b"return", back.as_bytes());
    Some(Offer { title: provider.settings.title.clone(), address: format!("/sign-in/provider?{query}") })
}

/// Whether people may sign in with passwords.
pub(super) fn passwords_are_on(portal: &Portal) -> bool {
    portal.provider.as_ref().is_none_or(|provider| !provider.settings.only)
}

/// Where somebody may go after signing in: a known page of ours or the flow of an application, never elsewhere.
fn place(wanted: &str) -> Option<&str> {
    let is_plain = wanted.len() <= BACK_MAX_BYTES && wanted.bytes().all(|byte| byte.is_ascii_graphic());
    let of_flow = wanted.strip_prefix(authorization::PATH).is_some_and(|rest| rest.starts_with('?'));
    (is_plain && (of_flow || PLACES.contains(&wanted))).then_some(wanted)
}

/// Why somebody was not signed in.
enum Halt {
    /// What to tell them, words for operators, and where they may begin anew.
    Wrong(Unknown, Option<String>),
    /// Too many attempts failed: the seconds to wait.
    Wait(u64),
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Halt {
    fn of(trouble: Trouble, words: impl Into<String>) -> Self {
        Self::Wrong(Unknown { trouble, words: words.into() }, None)
    }

    fn tell(self, note: &Note, request_id: &RequestId) -> Response {
        match self {
            Self::Store(error) => Told::store(&error, request_id).answer(),
            Self::Wait(wait_s) => {
                note.refused(STEP, Trouble::TooManyAttempts, format!("has to wait {wait_s} s"));
                Told::of(Trouble::TooManyAttempts, request_id).retry_after(wait_s).answer()
            }
            Self::Wrong(Unknown { trouble, words }, again) => {
                tracing::info!(request_id = %request_id.0, code = trouble.entry().code, "no sign-in through the provider: {words}");
                note.refused(STEP, trouble, words);
                let told = Told::of(trouble, request_id);
                again.into_iter().fold(told, Told::again).answer()
            }
        }
    }
}

/// `GET /sign-in/provider?return=/authorization?…`
pub(super) async fn start(
    State(portal): State<Portal>,
    (request_id, note): (RequestId, Note),
    method: Method,
    wants: page::Wants,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = portal.provider.clone() else { return no_provider(wants) };
    if method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    let parameters = Parameters::read(uri.query().unwrap_or_default().as_bytes());
    let mut visitor = match Visitor::of(&portal, &headers).await {
        Ok(visitor) => visitor,
        Err(error) => return Told::store(&error, &request_id).answer(),
    };
    let wanted = parameters.text("return").unwrap_or_default();
    let back = place(&wanted).unwrap_or(PLACES[0]);
    let response = if visitor.user.is_some() {
        see_other(back)
    } else {
        match away(&portal, &provider, &mut visitor, back).await {
            Ok(address) => {
                note.passed(STEP, "sent to the provider");
                see_other(&address)
            }
            Err(unknown) => Halt::Wrong(unknown, Some(back.to_owned())).tell(&note, &request_id),
        }
    };
    visitor.seen_off(&portal, response)
}

/// Where the browser is sent.
async fn away(portal: &Portal, provider: &Provider, visitor: &mut Visitor, back: &str) -> Result<String, Unknown> {
    let at = provider.discovered().await?;
    let (mut secret, mut nonce) = ([0; 32], [0; 12]);
    portal.random.fill(&mut secret);
    portal.random.fill(&mut nonce);
    let attempt = Attempt::new(secret, back, now_s(portal));
    let state = attempt.seal(visitor.secret(portal), nonce).ok_or_else(|| Unknown {
        trouble: Trouble::ProviderUnreachable,
        words: "the attempt could not be sealed".into(),
    })?;
    Ok(provider.settings.authorization_url(&at, &attempt, &state, &callback(portal)))
}

/// `GET /sign-in/provider/callback?code=…&state=…`
pub(super) async fn come_back(
    State(portal): State<Portal>,
    (request_id, peer, note): (RequestId, PeerAddress, Note),
    method: Method,
    wants: page::Wants,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let Some(provider) = portal.provider.clone() else { return no_provider(wants) };
    // Whoever only looks whether there is a page uses no code up.
    if method == Method::HEAD {
        return StatusCode::OK.into_response();
    }
    let parameters = Parameters::read(uri.query().unwrap_or_default().as_bytes());
    let came = Came { portal: &portal, provider: &provider, headers: &headers, peer, note: &note };
    came.sign_in(&parameters).await.unwrap_or_else(|halt| halt.tell(&note, &request_id))
}

/// A browser that came back.
struct Came<'a> {
    portal: &'a Portal,
    provider: &'a Provider,
    headers: &'a HeaderMap,
    peer: PeerAddress,
    note: &'a Note,
}

impl Came<'_> {
    async fn sign_in(&self, parameters: &Parameters) -> Result<Response, Halt> {
        let Self { portal, note, .. } = self;
        let callback = Callback::read(parameters).map_err(|trouble| Halt::of(trouble, "no state, or a field twice"))?;
        let mut visitor = Visitor::of(portal, self.headers).await?;
        let cookie = visitor.brought().unwrap_or_default();
        let attempt = Attempt::open(&callback.state, cookie, now_s(portal))
            .map_err(|trouble| Halt::of(trouble, "the state is not of an attempt of this browser, or too old"))?;
        // From here on a failure leads to where the attempt began.
        let again = |unknown: Unknown| Halt::Wrong(unknown, Some(attempt.back.clone()));
        // Whoever invents codes makes us ask the provider: by browser, as there is no account yet, and by network, so
        // that many browsers of one office don't lock each other out.
        let account = format!("provider:{cookie}");
        let counted = attempts::Attempt { account: &account, address: self.peer.0, device: None };
        let began_at_us = portal.clock.now_us();
        portal.memory.attempts.take(&counted, began_at_us).map_err(Halt::Wait)?;
        let at = self.provider.discovered().await.map_err(again)?;
        let code = callback.code(&self.provider.settings.issuer, &at).map_err(|wrong| again(wrong.into()))?;
        let person = self.provider.person(&at, &attempt, code, &self::callback(portal)).await.map_err(again)?;
        let declared = visitor.declared.clone();
        let user = known_as(&declared.users, &person, self.provider.settings.link_by_email).map_err(|unmatched| {
            let words = format!("{unmatched}; the account's sub is '{}'", person.subject);
            again(Unknown { trouble: Trouble::ProviderUserUnknown, words })
        })?;
        match visitor.sign_in(portal, &user.name, began_at_us).await {
            Ok(()) => {}
            Err(StoreError::Unavailable { source }) => return Err(StoreError::Unavailable { source }.into()),
            Err(gone) => return Err(Halt::of(Trouble::ProviderUserUnknown, gone.to_string())),
        }
        portal.memory.attempts.succeeded(&counted, began_at_us);
        note.user(&user.name);
        note.passed(STEP, format!("signed in as {}", person.subject));
        Ok(signed_in(portal, &visitor, &user.name, &attempt.back).await)
    }
}

fn no_provider(wants: page::Wants) -> Response {
    page::Trouble::not_found("There is no sign-in provider here. Sign in at /sign-in.".to_owned()).answer(wants)
}

/// Where the provider sends browsers back to, to the letter as it was told.
fn callback(portal: &Portal) -> String {
    format!("{}{CALLBACK_PATH}", portal.addresses.web_url)
}

fn now_s(portal: &Portal) -> i64 {
    portal.clock.now_us().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        for ours in ["/account", "/connections", "/authorization?client_id=a&state=%2F%2Fb"] {
            assert_eq!(place(ours), Some(ours));
        }
        let long = format!("/authorization?{}", "a".repeat(BACK_MAX_BYTES));
        for other in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/",
            "/\\evil.example",
            "/authorization",
            "/authorizationx?",
            "/authorization/..//evil.example",
            "/account?x",
            "/sign-out",
            "/authorization?\r\nSet-Cookie: a=b",
            "/authorization?a b",
            "authorization?",
            &long,
        ] {
            assert_eq!(place(other), None, "{other}");
        }
    }
}
