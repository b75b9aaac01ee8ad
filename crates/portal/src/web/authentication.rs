//! What goes wrong with keys and tokens, on one page: the 401s, the two 403s that are about who calls, and all that
//! signing in can meet.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::contract::{Cause, Entry};
use limen_rules::model::DEFAULT_KEY_HEADER;
use limen_rules::sign_in::trouble::{Entry as TroubleEntry, Told, Trouble};

use super::errors::tone;
use super::example::Example;
use super::page::{Frame, rendered};
use crate::ports::Portal;

#[derive(Template)]
#[template(path = "authentication.html")]
struct AuthenticationPage<'a> {
    frame: Frame,
    issues: Vec<AuthenticationIssue>,
    troubles: Vec<SignInTrouble>,
    gateway_url: &'a str,
    key_header: &'static str,
}

struct AuthenticationIssue {
    entry: &'static Entry,
    tone: &'static str,
    head: String,
    message: String,
}

struct SignInTrouble {
    entry: &'static TroubleEntry,
    tone: &'static str,
    told: &'static str,
    message: String,
}

/// Everything that the sign-in endpoints tell, in the order in which people meet it.
fn troubles() -> Vec<SignInTrouble> {
    let of = |trouble: &Trouble| {
        let entry = trouble.entry();
        SignInTrouble {
            entry,
            tone: tone(entry.status),
            told: match entry.told {
                Told::Page => "on a page",
                Told::Redirect => "by a redirect to the application",
                Told::Answer => "in an answer",
            },
            message: trouble.message("…"),
        }
    };
    Trouble::ALL.iter().map(of).collect()
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
        troubles: troubles(),
        gateway_url: &portal.addresses.gateway_url,
        key_header: DEFAULT_KEY_HEADER,
    };
    rendered(StatusCode::OK, &page)
}
