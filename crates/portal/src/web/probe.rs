//! The two probes: whether the process lives, and whether it may be sent calls.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::ports::Portal;

/// `GET /healthz`: 200 as long as the process answers at all.
pub(super) async fn health() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    snapshot_age_ms: u64,
    snapshot_age_max_ms: u64,
    snapshot_revision: i64,
}

/// `GET /readyz`: 503 once the snapshot is older than it may be.
pub(super) async fn ready(State(portal): State<Portal>) -> Response {
    let status = portal.gateway.status();
    let ready = status.snapshot_age_ms <= portal.snapshot_age_max_ms;
    let readiness = Readiness {
        ready,
        snapshot_age_ms: status.snapshot_age_ms,
        snapshot_age_max_ms: portal.snapshot_age_max_ms,
        snapshot_revision: status.snapshot_revision,
    };
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}
