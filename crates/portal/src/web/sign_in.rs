//! Signing in with a password, and out again: the form, the attempt, and the pages `/sign-in` and `/sign-out`.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use limen_rules::model::{Name, User};
use limen_rules::sign_in::parameters::{Parameters, append};
use limen_rules::sign_in::trouble::Trouble;
use limen_store::StoreError;

use super::form;
use super::page::{Frame, rendered};
use super::peer_address::PeerAddress;
use super::provider::{self, Offer};
use super::request_id::RequestId;
use super::session::{Visitor, device};
use super::told::Told;
use crate::attempts::Attempt;
use crate::oauth::journal::Note;
use crate::password::PasswordFault;
use crate::ports::Portal;

/// A name or an address is looked at up to so many bytes.
const NAME_MAX_BYTES: usize = 320;
/// A password is looked at up to so many bytes.
const PASSWORD_MAX_BYTES: usize = 1_024;
/// How long to wait where too much waits already.
const BUSY_RETRY_S: u64 = 5;
/// Where one may come to after signing in: a known page of ours, never an address from outside.
pub(super) const PLACES: [&str; 2] = ["/account", "/connections"];

/// Why somebody was not signed in.
pub(super) enum NotSignedIn {
    /// User and password don't fit.
    Failed,
    /// Too many attempts failed: the seconds to wait.
    Wait(u64),
    /// Too many passwords wait to be looked at.
    Busy,
    /// The store can't be read or written, which the log says.
    Unavailable,
    /// Everybody signs in through the provider.
    PasswordsOff,
}

impl From<StoreError> for NotSignedIn {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "signing in could not use the store");
        Self::Unavailable
    }
}

impl NotSignedIn {
    fn trouble(&self) -> Trouble {
        match self {
            Self::Failed => Trouble::SignInFailed,
            Self::Wait(_) => Trouble::TooManyAttempts,
            Self::Busy | Self::Unavailable => Trouble::SignInUnavailable,
            Self::PasswordsOff => Trouble::PasswordsOff,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Failed | Self::PasswordsOff => None,
            Self::Wait(wait_s) => Some(*wait_s),
            Self::Busy | Self::Unavailable => Some(BUSY_RETRY_S),
        }
    }
}

/// Who tries to sign in, and from where.
pub(super) struct Credentials<'a> {
    pub(super) portal: &'a Portal,
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: PeerAddress,
    pub(super) note: &'a Note,
    pub(super) form: &'a Parameters,
}

impl Credentials<'_> {
    /// Looks at the password and begins a session; gives the user's name.
    pub(super) async fn sign_in(&self, visitor: &mut Visitor) -> Result<Name, NotSignedIn> {
        let Self { portal, note, .. } = self;
        if !provider::passwords_are_on(portal) {
            note.refused("sign-in", Trouble::PasswordsOff, "a password, where sign_in.provider.only holds");
            return Err(NotSignedIn::PasswordsOff);
        }
        let typed: String = self.form.text("user").unwrap_or_default().trim().to_owned();
        let password = self.form.text("password").unwrap_or_default();
        if typed.is_empty() || typed.len() > NAME_MAX_BYTES || password.len() > PASSWORD_MAX_BYTES {
            return Err(self.failed("a name or password of an impossible length"));
        }
        let known = find(&visitor.declared.users, &typed).cloned();
        let name = known.as_ref().map_or_else(|| typed.to_lowercase(), |user| user.name.to_string());
        let account = format!("user:{name}");
        let device = device::id(portal, self.headers, &name).await?;
        let attempt = Attempt { account: &account, address: self.peer.0, device: device.as_deref().map(str::as_bytes) };
        // Before the password is read: one that is set anew meanwhile must not let this one in.
        let began_at_us = portal.clock.now_us();
        portal.memory.attempts.take(&attempt, began_at_us).map_err(|wait_s| {
            // What stands where a name should may be a password: it isn't kept.
            let who = if known.is_some() { account.as_str() } else { "who isn't known" };
            note.refused("sign-in", Trouble::TooManyAttempts, format!("{who} has to wait {wait_s} s"));
            NotSignedIn::Wait(wait_s)
        })?;
        let stored = match &known {
            Some(user) => portal.store.password(&user.name).await?,
            None => None,
        };
        let why = match (&known, &stored) {
            (None, _) => "no user of the name that was typed".to_owned(),
            (Some(user), None) => format!("user {} has no password", user.name),
            (Some(user), Some(_)) => format!("user {}: wrong password, or switched off", user.name),
        };
        let fits = portal.memory.passwords.verify(&password, stored).await.map_err(|fault| {
            note.refused("sign-in", Trouble::SignInUnavailable, fault.to_string());
            match fault {
                PasswordFault::Busy => NotSignedIn::Busy,
                PasswordFault::Unmade => NotSignedIn::Failed,
            }
        })?;
        let Some(user) = known.filter(|user| fits && !user.disabled) else {
            return Err(self.failed(&why));
        };
        match visitor.sign_in(portal, &user.name, began_at_us).await {
            Ok(()) => {}
            Err(StoreError::Unavailable { source }) => return Err(StoreError::Unavailable { source }.into()),
            Err(gone) => return Err(self.failed(&gone.to_string())),
        }
        portal.memory.attempts.succeeded(&attempt, began_at_us);
        note.user(&user.name);
        note.passed("sign-in", if device.is_some() { "password, known browser" } else { "password" });
        Ok(user.name)
    }

    fn failed(&self, words: &str) -> NotSignedIn {
        self.note.refused("sign-in", Trouble::SignInFailed, words);
        NotSignedIn::Failed
    }
}

/// The user of that name, or the only one with that address.
fn find<'u>(users: &'u [User], typed: &str) -> Option<&'u User> {
    let by_name = users.iter().find(|user| *user.name == *typed);
    by_name.or_else(|| {
        let mut by_email = users.iter().filter(|user| !user.email.is_empty() && user.email.eq_ignore_ascii_case(typed));
        by_email.next().filter(|_| by_email.next().is_none())
    })
}

/// The page with the form.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) frame: Frame,
    /// Where the form goes.
    pub(super) action: &'a str,
    pub(super) mark: &'a str,
    /// Who asks for it; none: nobody but the user.
    pub(super) application: Option<&'a str>,
    /// What is in the field already.
    pub(super) user: &'a str,
    pub(super) message: Option<&'static str>,
    pub(super) wait: Option<String>,
    /// The way through the provider, if there is one.
    pub(super) provider: Option<Offer>,
    /// Whether there is the way by password.
    pub(super) passwords: bool,
}

impl SignInPage<'_> {
    /// The page after an attempt, or the first one.
    pub(super) fn answer(mut self, after: Option<&NotSignedIn>) -> Response {
        let Some(not_signed_in) = after else { return rendered(StatusCode::OK, &self) };
        let entry = not_signed_in.trouble().entry();
        self.message = Some(entry.message);
        let retry_after_s = not_signed_in.retry_after_s();
        self.wait = retry_after_s.map(in_words);
        let status = match entry.status {
            303 => StatusCode::SERVICE_UNAVAILABLE,
            status => StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
        };
        let mut response = rendered(status, &self);
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A wait as people say it.
fn in_words(seconds: u64) -> String {
    match seconds {
        0..=1 => "a second".into(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// The known page that `return` names, or the first.
fn place(parameters: &Parameters) -> &'static str {
    let wanted = parameters.text("return").unwrap_or_default();
    PLACES.into_iter().find(|place| *place == wanted).unwrap_or(PLACES[0])
}

/// Leads somebody who isn't signed in to the page for that.
pub(super) fn first(back_to: &'static str) -> Response {
    let mut query = String::new();
    append(&mut query, b"return", back_to.as_bytes());
    see_other(&format!("/sign-in?{query}"))
}

/// 303 to an address of ours.
pub(super) fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(header::LOCATION, address)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// `GET /sign-in?return=/account`
pub(super) async fn show(
    State(portal): State<Portal>,
    request_id: RequestId,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let parameters = Parameters::read(uri.query().unwrap_or_default().as_bytes());
    match Visitor::of(&portal, &headers).await {
        Err(error) => Told::store(&error, &request_id).answer(),
        Ok(visitor) if visitor.user.is_some() => visitor.seen_off(&portal, see_other(place(&parameters))),
        Ok(mut visitor) => {
            let page = form_page(&portal, &mut visitor, &parameters, "", None);
            visitor.seen_off(&portal, page)
        }
    }
}

fn form_page(
    portal: &Portal,
    visitor: &mut Visitor,
    parameters: &Parameters,
    user: &str,
    after: Option<&NotSignedIn>,
) -> Response {
    let action = format!("/sign-in?{}", Parameters::default().with("return", place(parameters)).written());
    let mark = visitor.form_mark(portal);
    let frame = Frame::at("/account");
    let page = SignInPage {
        frame,
        action: &action,
        mark: &mark,
        application: None,
        user,
        message: None,
        wait: None,
        provider: provider::offer(portal, place(parameters)),
        passwords: provider::passwords_are_on(portal),
    };
    page.answer(after)
}

/// `POST /sign-in?return=/account`
pub(super) async fn act(
    State(portal): State<Portal>,
    (request_id, peer, note): (RequestId, PeerAddress, Note),
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parameters = Parameters::read(uri.query().unwrap_or_default().as_bytes());
    let (mut visitor, form) = match ours(&portal, &headers, &body, &request_id).await {
        Ok(ours) => ours,
        Err(told) => return told.answer(),
    };
    let credentials = Credentials { portal: &portal, headers: &headers, peer, note: &note, form: &form };
    match credentials.sign_in(&mut visitor).await {
        Ok(user) => signed_in(&portal, &visitor, &user, place(&parameters)).await,
        Err(not_signed_in) => {
            let typed = form.text("user").unwrap_or_default();
            let page = form_page(&portal, &mut visitor, &parameters, &typed, Some(&not_signed_in));
            visitor.seen_off(&portal, page)
        }
    }
}

/// Sends somebody who just signed in on to an address of ours, and makes their browser known.
pub(super) async fn signed_in(portal: &Portal, visitor: &Visitor, user: &str, address: &str) -> Response {
    let mut response = visitor.seen_off(portal, see_other(address));
    if let Err(error) = device::remember(portal, &mut response, user).await {
        tracing::warn!(%error, "a browser could not be made known");
    }
    response
}

/// The browser and its form, if one of our pages sent it.
///
/// # Errors
/// The page that says why not.
pub(super) async fn ours(
    portal: &Portal,
    headers: &HeaderMap,
    body: &Bytes,
    request_id: &RequestId,
) -> Result<(Visitor, Parameters), Told> {
    let visitor = Visitor::of(portal, headers).await.map_err(|error| Told::store(&error, request_id))?;
    let form = form::read(headers, body).filter(|form| form::is_ours(portal, headers, &visitor, form));
    match form {
        Some(form) => Ok((visitor, form)),
        None => Err(Told::of(Trouble::FormExpired, request_id)),
    }
}

/// `POST /sign-out`
pub(super) async fn leave(
    State(portal): State<Portal>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (mut visitor, _) = match ours(&portal, &headers, &body, &request_id).await {
        Ok(ours) => ours,
        Err(told) => return told.answer(),
    };
    match visitor.sign_out(&portal).await {
        Ok(()) => visitor.seen_off(&portal, see_other("/sign-in")),
        Err(error) => Told::store(&error, &request_id).answer(),
    }
}
