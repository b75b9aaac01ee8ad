//! What runs, and what happened to a recent call.

use axum::Json;
use axum::extract::State;
use limen_rules::notice::{Phase, phase};

use super::apis::lines;
use super::failure::AdminFailure;
use super::read::Named;
use super::{Admin, Answered};
use crate::wire::{Explanation, Status, ToldSettings};

/// So many of the latest notices are looked at.
const NOTICES_MAX: u32 = 1_000;

/// `GET /v1/status`
pub(super) async fn show(State(admin): State<Admin>) -> Answered<Status> {
    let portal = &admin.portal;
    let declared = portal.store.declared().await?;
    let subscriptions = usize::try_from(portal.store.subscription_count().await?).unwrap_or(usize::MAX);
    let now_us = admin.now_us();
    let mut notices = portal.store.notices(NOTICES_MAX).await?;
    notices.retain(|notice| phase(notice, now_us) != Phase::Over);
    let gateway = portal.gateway.status();
    Ok(Json(Status {
        version: portal.version.to_owned(),
        gateway: portal.addresses.gateway_url.clone(),
        web: portal.addresses.web_url.clone(),
        started_at_us: portal.started_at_us,
        snapshot_age_ms: gateway.snapshot_age_ms,
        snapshot_revision: u64::try_from(gateway.snapshot_revision).unwrap_or_default(),
        sample: declared.apis.iter().any(|api| portal.sample.apis.contains(&api.name)),
        apis: lines(&declared, &*portal.gateway),
        subscriptions,
        notices,
        issuers: portal.gateway.issuers(),
        calls_by_status: gateway.calls_by_status,
        upgrade_refused: gateway.upgrade_refused,
    }))
}

/// `GET /v1/settings`: what the process was started with.
pub(super) async fn settings(State(admin): State<Admin>) -> Json<ToldSettings> {
    Json((*admin.portal.settings).clone())
}

/// `GET /v1/calls/REQUEST_ID`: a call, or a request of sign-in and token endpoints.
pub(super) async fn explain(State(admin): State<Admin>, Named(id): Named) -> Answered<Explanation> {
    let portal = &admin.portal;
    let told = portal.gateway.explain(&id).or_else(|| portal.memory.journal.explain(&id));
    told.map(Json).ok_or_else(|| {
        AdminFailure::unknown(
            format!("No call is kept under the id {id}."),
            "Copy the id from X-Request-Id or trace_id. Only recent calls and requests to sign in are kept, refused calls longer than others.",
        )
    })
}
