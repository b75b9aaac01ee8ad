//! The page that a 500 leads to: the id of the call, what to do, what to send. It reads nothing of the call.

use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::page::{Frame, Trouble, Wants, rendered};

#[derive(Deserialize)]
pub(super) struct SupportQuery {
    #[serde(default)]
    id: String,
}

#[derive(Template)]
#[template(path = "support.html")]
struct SupportPage<'a> {
    frame: Frame,
    id: Option<&'a str>,
    unreadable: bool,
}

/// Whether `id` is of the form of a call's id: 32 lower-case hex digits.
fn is_request_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `GET /support?id=REQUEST_ID`
pub(super) async fn show(wants: Wants, query: Result<Query<SupportQuery>, QueryRejection>) -> Response {
    let Ok(Query(query)) = query else {
        return Trouble::bad_request("The address names more than one id. Open it with the one of the call.")
            .answer(wants);
    };
    let given = query.id.trim().to_ascii_lowercase();
    let id = Some(given.as_str()).filter(|id| is_request_id(id));
    let unreadable = id.is_none() && !given.is_empty();
    rendered(StatusCode::OK, &SupportPage { frame: Frame::at("/support"), id, unreadable })
}
