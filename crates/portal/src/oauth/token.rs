//! `POST /token` (RFC 6749 §3.2): reads who asks, and hands on to the grant type.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use limen_rules::sign_in::trouble::Trouble;

use super::answer::Refused;
use super::journal::Note;
use super::{code, own, refresh, request};
use crate::ports::Portal;
use crate::web::PeerAddress;

/// Gives out tokens, or says why not.
pub(super) async fn give(State(portal): State<Portal>, note: Note, peer: PeerAddress, request: Request) -> Response {
    let tried_basic = request::tries_basic(request.headers());
    match answer(&portal, &note, peer, request).await {
        Ok(body) => given(body),
        Err(refused) => refused.answer(&portal, &note, tried_basic),
    }
}

async fn answer(portal: &Portal, note: &Note, peer: PeerAddress, request: Request) -> Result<Vec<u8>, Refused> {
    let asked = request::read(portal, note, peer, request).await?;
    let grant_type = asked.form.get("grant_type");
    let grant_type = grant_type.ok_or_else(|| Refused::plain("grant type", Trouble::GrantTypeMissing))?;
    match grant_type {
        "authorization_code" => code::exchange(portal, note, &asked).await,
        "refresh_token" => refresh::refresh(portal, note, &asked).await,
        "client_credentials" => own::give(portal, note, &asked).await,
        // What stands there may be a secret: it isn't kept.
        other => Err(Refused::new("grant type", (Trouble::GrantTypeUnsupported, other.to_owned()))
            .words("The grant_type is none of the three.")),
    }
}

/// An answer whose bytes were made, and perhaps kept, before.
fn given(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let fixed =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
