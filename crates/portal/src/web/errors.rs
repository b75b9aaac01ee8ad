//! The pages of the contract's table: all causes by status, and one page for each.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::contract::{Cause, Entry};

use super::example::Example;
use super::page::{Frame, Link, Trouble, Wants, rendered};
use crate::ports::Portal;

/// The words of a status code, such as `Too Many Requests`.
pub(super) fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}

/// The colour of a status: what the caller mends, and what we must.
pub(super) fn tone(status: u16) -> &'static str {
    if status >= 500 { "bad" } else { "warn" }
}

#[derive(Template)]
#[template(path = "errors.html")]
struct ErrorsPage {
    frame: Frame,
    groups: Vec<Group>,
}

struct Group {
    status: u16,
    reason: &'static str,
    entries: Vec<&'static Entry>,
}

/// `GET /errors`
pub(super) async fn list() -> Response {
    let mut groups: Vec<Group> = Vec::new();
    for entry in Cause::ALL.into_iter().map(Cause::entry) {
        match groups.iter_mut().find(|group| group.status == entry.status) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group { status: entry.status, reason: reason(entry.status), entries: vec![entry] }),
        }
    }
    rendered(StatusCode::OK, &ErrorsPage { frame: Frame::at("/errors"), groups })
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    entry: &'static Entry,
    reason: &'static str,
    tone: &'static str,
    example: Example,
    more: Option<Link>,
    siblings: Vec<&'static Entry>,
}

/// Where more is told about a cause than its row.
fn more(cause: Cause) -> Option<Link> {
    let link = |href: String, words: &str| Some(Link { href, words: words.into() });
    match cause.status() {
        401 => {
            link(format!("/authentication-issues#{}", cause.code()), "Common authentication issues, all on one page")
        }
        500 => link("/support".into(), "How to tell us, and what to send"),
        503 => link("/issues".into(), "What is down or planned just now"),
        _ => None,
    }
}

/// `GET /errors/CODE`
pub(super) async fn show(
    State(portal): State<Portal>,
    wants: Wants,
    code: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(code)) = code else {
        return Trouble::bad_request("The address has characters that can't be read.").answer(wants);
    };
    let Some(cause) = Cause::from_code(&code) else { return unknown(&code).answer(wants) };
    let entry = cause.entry();
    let siblings = Cause::ALL.into_iter().map(Cause::entry);
    let page = ErrorPage {
        frame: Frame::at("/errors"),
        entry,
        reason: reason(entry.status),
        tone: tone(entry.status),
        example: Example::of(cause, &portal.addresses),
        more: more(cause),
        siblings: siblings.filter(|sibling| sibling.status == entry.status && sibling.code != entry.code).collect(),
    };
    rendered(StatusCode::OK, &page)
}

/// A 404 that helps: a status leads to its causes, a word to the codes that have it.
fn unknown(code: &str) -> Trouble {
    let code: String = code.chars().take(80).collect();
    let same_status = |cause: &Cause| cause.status().to_string() == code;
    let words: Vec<_> =
        code.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| word.len() > 3).collect();
    let shares_word =
        |cause: &Cause| words.iter().any(|word| cause.code().split('-').any(|part| part.eq_ignore_ascii_case(word)));
    let nearest = Cause::ALL.into_iter().filter(|cause| same_status(cause) || shares_word(cause));
    let links = nearest.map(|cause| Link {
        href: format!("/errors/{}", cause.code()),
        words: format!("{} ({}, {})", cause.entry().title, cause.status(), cause.code()),
    });
    Trouble::not_found(format!(
        "No cause of an error is called {code}. All that there are stand on the page of errors."
    ))
    .nearest(links.collect())
}
