//! `POST /revoke`, RFC 7009: an application gives back what it was given. Either kind of token ends the whole grant.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::model::Name;
use limen_store::StoreError;

use super::access_token::{Known, find};
use super::answer::{Refused, unkept};
use super::journal::Note;
use super::request;
use crate::ports::Portal;
use crate::web::PeerAddress;

/// Answers 200 whatever the token was (§2.2); only one of the application's own is ended.
pub(super) async fn revoke(State(portal): State<Portal>, note: Note, peer: PeerAddress, request: Request) -> Response {
    let tried_basic = request::tries_basic(request.headers());
    match end(&portal, &note, peer, request).await {
        Ok(()) => unkept(StatusCode::OK, &serde_json::Map::new()),
        Err(refused) => refused.answer(&portal, &note, tried_basic),
    }
}

async fn end(portal: &Portal, note: &Note, peer: PeerAddress, request: Request) -> Result<(), Refused> {
    let asked = request::read(portal, note, peer, request).await?;
    let token = asked.form.required("token").map_err(|wrong| Refused::new("form", wrong))?;
    let told: Option<(Option<Name>, Name)> = match find(portal, token).await? {
        None => None,
        Some(Known::Access(claims)) => Some((Some(claims.client_id), claims.grant)),
        Some(Known::Refresh(stored)) => Some((stored.grant.application, stored.grant.id)),
    };
    let Some((application, grant)) = told else {
        note.passed("token", "It is not a token of ours, or its time is over; nothing changed.");
        return Ok(());
    };
    if application.as_ref() != Some(&asked.application.name) {
        note.passed("token", "It is another application's; nothing changed.");
        return Ok(());
    }
    match portal.store.revoke_grant(&grant, portal.clock.now_us()).await {
        Ok(()) => {}
        Err(StoreError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    live(portal).await?;
    note.passed("token", format!("{grant} was revoked, with all its tokens."));
    Ok(())
}

/// Waits until calls are refused: whoever is answered may rely on it.
pub(super) async fn live(portal: &Portal) -> Result<(), Refused> {
    let revision = portal.store.revision().await?;
    if !portal.refresh.changed(revision).await {
        tracing::warn!(revision, "a revocation is not live yet");
    }
    Ok(())
}
