//! An API that a document describes: put in place with what that changes for callers, and told as a document again.
//!
//! It reads no document and fetches nothing: the command line does, and brings the API that became of it.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::{check_references, check_values, merge};
use limen_rules::model::{Api, Declared};
use limen_rules::openapi::diff::{Difference, diff};
use limen_rules::openapi::export::{PublishedAt, export as document_of};
use serde_json::Value;

use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered, IMPORT_MAX_BYTES, apis};
use crate::audit::Who;
use crate::wire::{ImportApi, ImportedApi};

/// `POST /v1/import`
pub(super) async fn import(
    State(admin): State<Admin>,
    who: Who,
    Read(asked): Read<ImportApi, IMPORT_MAX_BYTES>,
) -> Answered<ImportedApi> {
    let _turn = admin.turn().await;
    let existing = admin.portal.store.declared().await?;
    let newer = Declared { apis: vec![*asked.api], ..Declared::default() };
    // Schemas of a large document take a while to be made ready, and are made so here only to be looked at.
    let (newer, existing, problems) = apart(move || {
        let mut problems = check_values(&newer);
        problems.extend(check_references(&merge(&newer, &existing)));
        (newer, existing, problems)
    })
    .await?;
    AdminFailure::problems(problems)?;
    let Some(api) = newer.apis.first() else {
        return Err(AdminFailure::wrong("No API was sent.", "Use the command line of the version that runs."));
    };
    let before: Option<&Api> = existing.apis.iter().find(|one| one.name == api.name);
    let difference = before.map(|before| diff(before, api)).unwrap_or_default();
    let is_refused = asked.refuse_breaking && difference.breaking > 0;
    let applied = !asked.dry_run && !is_refused;
    let told = told(&admin, api, before, &existing, difference, applied);
    if applied {
        admin.replace(&newer, &[]).await?;
        who.did("import API", &told.api);
        admin.live().await?;
    }
    Ok(Json(told))
}

fn told(
    admin: &Admin,
    api: &Api,
    before: Option<&Api>,
    existing: &Declared,
    difference: Difference,
    applied: bool,
) -> ImportedApi {
    let opens = existing.products.iter().filter(|product| product.apis.contains(&api.name));
    ImportedApi {
        api: api.name.clone(),
        url: format!("{}{}", admin.portal.addresses.gateway_url, api.base_path),
        applied,
        is_new: before.is_none(),
        unchanged: before == Some(api),
        products: opens.map(|product| product.name.clone()).collect(),
        difference,
    }
}

/// `GET /v1/apis/NAME/openapi`: also of a private API.
pub(super) async fn export(State(admin): State<Admin>, Named(name): Named) -> Answered<Value> {
    let declared = admin.portal.store.declared().await?;
    let api = apis::find(&declared, &name)?.clone();
    let addresses = std::sync::Arc::clone(&admin.portal.addresses);
    let told = apart(move || {
        document_of(&api, &PublishedAt { gateway_url: &addresses.gateway_url, web_url: &addresses.web_url })
    });
    Ok(Json(told.await?))
}

/// Work that takes a while, on a thread of its own.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AdminFailure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AdminFailure::fault(&error))
}
