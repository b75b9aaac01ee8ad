//! Other issuers of tokens: how they stand, and an end to the trust in one.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::model::{Declared, Name};
use limen_store::{ResourceId, ResourceKind};

use super::failure::AdminFailure;
use super::read::Named;
use super::{Admin, Answered};
use crate::audit::Who;
use crate::wire::{Applied, IssuerLine};

fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a Name>) -> AdminFailure {
    let near = nearest(name, known.map(|one| &**one));
    AdminFailure::unknown(
        format!("There is no issuer '{name}'."),
        near.map_or_else(
            || "List the issuers with limen issuer list.".into(),
            |near| format!("Did you mean '{near}'?"),
        ),
    )
}

/// `GET /v1/issuers`
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<IssuerLine>> {
    Ok(Json(admin.portal.gateway.issuers()))
}

/// `GET /v1/issuers/NAME`
pub(super) async fn show(State(admin): State<Admin>, Named(name): Named) -> Answered<IssuerLine> {
    let all = admin.portal.gateway.issuers();
    let found = all.iter().find(|one| one.name == name).cloned();
    found.map(Json).ok_or_else(|| unknown(&name, all.iter().map(|one| &one.name)))
}

/// `DELETE /v1/issuers/NAME`: its tokens are refused from then on.
pub(super) async fn remove(State(admin): State<Admin>, who: Who, Named(name): Named) -> Answered<Applied> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    if !declared.issuers.iter().any(|one| one.name == name) {
        return Err(unknown(&name, declared.issuers.iter().map(|one| &one.name)));
    }
    let gone = ResourceId { kind: ResourceKind::Issuer, name: name.clone() };
    let applied = admin.replace(&Declared::default(), &[gone]).await?;
    who.did("remove issuer", &name);
    admin.live().await?;
    Ok(Json(applied))
}
