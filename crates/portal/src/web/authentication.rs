//! What goes wrong with keys, tokens and signing in, on one page: the troubles of the sign-in endpoints, the 401s of
//! calls, and the two 403s that are about who calls. Each has an anchor, to which its error leads.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::contract::{Cause, Entry};
use limen_rules::model::DEFAULT_KEY_HEADER;
use limen_rules::sign_in::look::{PLACES, causes_of_calls, look, troubles};
use limen_rules::sign_in::trouble;

use super::errors::tone;
use super::example::Example;
use super::page::{Frame, rendered};
use crate::ports::Portal;

#[derive(Template)]
#[template(path = "authentication.html")]
struct AuthenticationPage<'a> {
    frame: Frame,
    issues: Vec<AuthenticationIssue>,
    places: Vec<SignInPlace>,
    gateway_url: &'a str,
    key_header: &'static str,
}

struct AuthenticationIssue {
    entry: &'static Entry,
    tone: &'static str,
    head: String,
    message: String,
}

/// Where troubles of signing in are met.
struct SignInPlace {
    heading: &'static str,
    words: &'static str,
    issues: Vec<SignInIssue>,
}

struct SignInIssue {
    entry: &'static trouble::Entry,
    tone: &'static str,
    message: String,
    look: String,
}

/// `GET /authentication-issues`
pub(super) async fn show(State(portal): State<Portal>) -> Response {
    let page = AuthenticationPage {
        frame: Frame::at("/authentication-issues"),
        issues: causes_of_calls().map(|cause| of_calls(cause, &portal)).collect(),
        places: sign_in_places(&portal.addresses.web_url),
        gateway_url: &portal.addresses.gateway_url,
        key_header: DEFAULT_KEY_HEADER,
    };
    rendered(StatusCode::OK, &page)
}

fn of_calls(cause: Cause, portal: &Portal) -> AuthenticationIssue {
    let example = Example::of(cause, &portal.addresses);
    let tone = tone(cause.status());
    AuthenticationIssue { entry: cause.entry(), tone, head: example.head, message: example.message }
}

fn sign_in_places(web_url: &str) -> Vec<SignInPlace> {
    let issue = |trouble: trouble::Trouble| {
        let entry = trouble.entry();
        SignInIssue {
            entry,
            tone: tone(entry.status),
            message: entry.message.replace("{}", "…"),
            look: look(trouble, web_url),
        }
    };
    let place = |(told, heading, words)| SignInPlace { heading, words, issues: troubles(told).map(issue).collect() };
    PLACES.into_iter().map(place).collect()
}
