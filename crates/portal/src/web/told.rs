//! The page of a trouble with signing in: what it means for whoever reads it, and folded below what the application's
//! developer needs.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use limen_rules::sign_in::SHOWN_CHARACTERS_MAX;
use limen_rules::sign_in::parameters::{Given, Parameters};
use limen_rules::sign_in::trouble::{Entry, Trouble};
use limen_store::StoreError;

use super::page::{Frame, rendered};
use super::request_id::RequestId;
use super::words::Words;

/// Parameters that are shown as they came; of others nothing is, for they may be secrets.
const SHOWN: [&str; 7] =
    ["client_id", "redirect_uri", "response_type", "scope", "code_challenge_method", "environment_id", "prompt"];
/// Of these only the length is told.
const MEASURED: [&str; 2] = ["state", "code_challenge"];
/// How long to wait before another try where the store is gone.
const RETRY_AFTER_S: u64 = 10;

/// A trouble, about to be told on a page.
pub(super) struct Told {
    trouble: Trouble,
    message: String,
    sent: Vec<Sent>,
    request_id: String,
    status: u16,
    retry_after_s: Option<u64>,
    /// Where the same may be begun anew.
    again: Option<String>,
}

/// A parameter as the page shows it.
struct Sent {
    name: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "told.html")]
struct ToldPage<'a> {
    frame: Frame,
    title: &'static str,
    entry: &'static Entry,
    message: Words<'a>,
    /// Whether whoever reads it can do nothing about it but tell the application's developer.
    is_developers: bool,
    sent: &'a [Sent],
    request_id: &'a str,
    again: Option<&'a str>,
}

impl Told {
    /// A trouble whose message has no place for anything.
    pub(super) fn of(trouble: Trouble, request_id: &RequestId) -> Self {
        Self::with(trouble, "", &Parameters::default(), request_id)
    }

    /// A trouble with a request that had these parameters; `sent` is the one that it is about.
    pub(super) fn with(trouble: Trouble, sent: &str, parameters: &Parameters, request_id: &RequestId) -> Self {
        let status = match trouble.entry().status {
            303 => 503,
            status => status,
        };
        Self {
            trouble,
            message: trouble.message(sent),
            sent: shown(parameters),
            request_id: request_id.0.clone(),
            status,
            retry_after_s: (status == 503).then_some(RETRY_AFTER_S),
            again: None,
        }
    }

    /// The store could not be read or written: told to operators, and here without its words.
    pub(super) fn store(error: &StoreError, request_id: &RequestId) -> Self {
        tracing::error!(%error, request_id = %request_id.0, "a page of signing in could not use the store");
        Self::of(Trouble::SignInUnavailable, request_id)
    }

    /// Offers an address of ours at which the same may be begun anew.
    pub(super) fn again(mut self, address: String) -> Self {
        self.again = Some(address);
        self
    }

    /// Tells how long to wait.
    pub(super) fn retry_after(mut self, wait_s: u64) -> Self {
        self.retry_after_s = Some(wait_s);
        self
    }

    /// The page.
    pub(super) fn answer(self) -> Response {
        let page = ToldPage {
            frame: Frame::at(""),
            title: title(self.trouble),
            entry: self.trouble.entry(),
            message: Words(&self.message),
            is_developers: self.status == 400,
            sent: &self.sent,
            request_id: &self.request_id,
            again: self.again.as_deref(),
        };
        let mut response = rendered(StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST), &page);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// What the page is called, for whoever was sent there.
fn title(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::FormExpired => "This page is out of date",
        Trouble::NoEnvironment => "You have no environment yet",
        Trouble::NotConnected => "The application isn't connected",
        Trouble::TooManyAttempts => "Too many attempts",
        Trouble::SignInFailed | Trouble::PasswordsOff => "Not signed in",
        Trouble::ProviderRefused | Trouble::ProviderAnswerInvalid | Trouble::ProviderUserUnknown => "Not signed in",
        Trouble::SignInUnavailable | Trouble::ProviderUnreachable => "Not available just now",
        _ => "The application asked in a way that can't be answered",
    }
}

fn shown(parameters: &Parameters) -> Vec<Sent> {
    let whole = SHOWN.into_iter().filter_map(|name| match parameters.given(name) {
        Given::Nothing => None,
        Given::Once(_) => Some(Sent { name, value: cut(&parameters.text(name).unwrap_or_default()) }),
        Given::Repeated => {
            let values: Vec<String> = parameters.all(name).take(3).map(|value| cut(&value)).collect();
            Some(Sent { name, value: format!("more than once: {}", values.join(" · ")) })
        }
    });
    let measured = MEASURED.into_iter().filter_map(|name| match parameters.given(name) {
        Given::Nothing => None,
        Given::Once(value) => Some(Sent { name, value: format!("{} characters", value.len()) }),
        Given::Repeated => Some(Sent { name, value: "more than once".into() }),
    });
    whole.chain(measured).collect()
}

fn cut(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN_CHARACTERS_MAX).collect();
    if value.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
