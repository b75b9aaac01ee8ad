//! `GET /metrics`: the gateway's figures for a monitoring system, on the admin socket and on an address of its own.
//! Never on the web address, which is public: figures tell whose API is used how much.

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::ports::Portal;

/// Nothing but the figures.
pub fn metrics_router(portal: Portal) -> Router {
    Router::new().route("/metrics", get(show)).with_state(portal)
}

async fn show(State(portal): State<Portal>) -> impl IntoResponse {
    let form =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (form, portal.gateway.metrics())
}
