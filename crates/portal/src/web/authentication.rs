//! What goes wrong with keys and tokens, on one page: the 401s, and the two 403s that are about who calls.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::contract::{Cause, Entry};
use limen_rules::model::DEFAULT_KEY_HEADER;

use super::errors::tone;
use super::example::Example;
use super::page::{Frame, rendered};
use crate::ports::Portal;

#[derive(Template)]
#[template(path = "authentication.html")]
struct AuthenticationPage<'a> {
    frame: Frame,
    issues: Vec<AuthenticationIssue>,
    gateway_url: &'a str,
    key_header: &'static str,
}

struct AuthenticationIssue {
    entry: &'static Entry,
    tone: &'static str,
    head: String,
    message: String,
}

/// `GET /authentication-issues`
pub(super) async fn show(State(portal): State<Portal>) -> Response {
    let about_who_calls =
        |cause: &Cause| cause.status() == 401 || matches!(cause, Cause::PermissionDenied | Cause::ApplicationMismatch);
    let issues = Cause::ALL.into_iter().filter(about_who_calls).map(|cause| {
        let example = Example::of(cause, &portal.addresses);
        AuthenticationIssue {
            entry: cause.entry(),
            tone: tone(cause.status()),
            head: example.head,
            message: example.message,
        }
    });
    let page = AuthenticationPage {
        frame: Frame::at("/authentication-issues"),
        issues: issues.collect(),
        gateway_url: &portal.addresses.gateway_url,
        key_header: DEFAULT_KEY_HEADER,
    };
    rendered(StatusCode::OK, &page)
}
