//! `POST /introspect`, RFC 7662: an application asks how a token of its own stands. Of anything else it learns nothing.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::model::Name;
use limen_rules::record::Grant;
use limen_rules::sign_in::APPLICATION_SUBJECT;
use limen_rules::sign_in::credentials::Authenticated;
use limen_rules::sign_in::trouble::Trouble;
use limen_rules::token::{Claims, Mode};
use limen_store::StoreError;
use serde::Serialize;

use super::access_token::{Known, find, is_good};
use super::answer::{Refused, unkept};
use super::journal::Note;
use super::request::{self, Asked};
use crate::ports::Portal;
use crate::web::PeerAddress;

/// RFC 7662 §2.2; all but `active` are told of a token that is.
#[derive(Default, Serialize)]
struct Told {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
}

/// Tells of a token; `active` is false for all that isn't the application's own and good now.
pub(super) async fn introspect(
    State(portal): State<Portal>,
    note: Note,
    peer: PeerAddress,
    request: Request,
) -> Response {
    let tried_basic = request::tries_basic(request.headers());
    match look(&portal, &note, peer, request).await {
        Ok(told) => unkept(StatusCode::OK, &told),
        Err(refused) => refused.answer(&portal, &note, tried_basic),
    }
}

async fn look(portal: &Portal, note: &Note, peer: PeerAddress, request: Request) -> Result<Told, Refused> {
    let asked = request::read(portal, note, peer, request).await?;
    if asked.authenticated == Authenticated::Public {
        let refused = Refused::plain("authentication", Trouble::CredentialsMissing);
        return Err(refused.words("A public application can't show who it is, so it is told of no token."));
    }
    let token = asked.form.required("token").map_err(|wrong| Refused::new("form", wrong))?;
    let inactive = |words: &str| {
        note.passed("token", words);
        Ok(Told::default())
    };
    let known = find(portal, token).await?;
    let (grant, told) = match known {
        None => return inactive("It is not a token of ours, or its time is over: inactive."),
        Some(Known::Access(claims)) => match portal.store.grant(&claims.grant).await {
            Ok(grant) => (grant, of_access(claims)),
            Err(StoreError::NotFound { .. }) => return inactive("Its grant isn't kept any more: inactive."),
            Err(error) => return Err(error.into()),
        },
        Some(Known::Refresh(stored)) => {
            let Asked { application, .. } = &asked;
            if !is_good(&stored, &application.name, application.kind, portal.clock.now_us()) {
                return inactive("It is a refresh token that isn't good, or another application's: inactive.");
            }
            let (grant, expires_at_us) = (stored.grant, stored.expires_at_us);
            let told = of_refresh(portal, &grant, expires_at_us);
            (grant, told)
        }
    };
    if told.client_id.as_ref() != Some(&asked.application.name) || grant.application != told.client_id {
        return inactive("It is another application's: inactive.");
    }
    if grant.revoked_at_us.is_some() {
        return inactive("Its grant was revoked: inactive.");
    }
    if !stands(portal, &grant).await? {
        return inactive("User, membership or connection isn't there any more: inactive.");
    }
    note.environment(&grant.environment);
    note.passed("token", format!("It is active, under {}.", grant.id));
    Ok(told)
}

fn of_access(claims: Claims) -> Told {
    Told {
        active: true,
        scope: claims.scope,
        client_id: Some(claims.client_id),
        token_type: Some("Bearer"),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        sub: Some(claims.sub),
        aud: Some(claims.aud),
        iss: Some(claims.iss),
        jti: Some(claims.jti),
        environment_id: Some(claims.environment),
        mode: Some(claims.mode),
    }
}

fn of_refresh(portal: &Portal, grant: &Grant, expires_at_us: i64) -> Told {
    Told {
        active: true,
        scope: grant.scope.clone(),
        client_id: grant.application.clone(),
        exp: Some(expires_at_us.div_euclid(1_000_000)),
        iat: Some(grant.issued_at_us.div_euclid(1_000_000)),
        sub: Some(grant.user.clone()),
        iss: Some(portal.signer.issuer().issuer),
        environment_id: Some(grant.environment.clone()),
        mode: Some(if grant.scope.is_some() { Mode::Limited } else { Mode::Full }),
        ..Told::default()
    }
}

/// Whether what the grant is about is there still, as calls ask it.
async fn stands(portal: &Portal, grant: &Grant) -> Result<bool, StoreError> {
    let application = grant.application.as_deref().unwrap_or_default();
    let party = portal.store.party(&grant.user, application, &grant.environment).await?;
    let (Some(_), Some(connection)) = (&party.environment, &party.connection) else { return Ok(false) };
    if grant.user.starts_with(APPLICATION_SUBJECT) {
        return Ok(!connection.own_roles.is_empty());
    }
    Ok(party.user.is_some_and(|user| {
        !user.disabled && user.memberships.iter().any(|membership| membership.environment == grant.environment)
    }))
}
