//! Every path and method of the service, as a table of contents.
//! It knows no resource beyond the names of its handlers.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use crate::answer::Failure;
use crate::service::Shared;
use crate::{constituent, note};

/// The longest request body, in bytes.
pub(crate) const BODY_MAX_BYTES: usize = 1024 * 1024;

pub(crate) fn router(shared: Shared) -> Router {
    use constituent::routes as constituents;
    use note::routes as notes;
    Router::new()
        .route("/constituents", get(constituents::list).post(constituents::create))
        .route("/constituents/search", get(constituents::search))
        .route(
            "/constituents/{constituent_id}",
            get(constituents::read).patch(constituents::update).delete(constituents::delete),
        )
        .route("/constituents/{constituent_id}/notes", get(notes::list).post(notes::create))
        .route(
            "/constituents/{constituent_id}/notes/{note_id}",
            get(notes::read).patch(notes::update).delete(notes::delete),
        )
        .fallback(async || Failure::UnknownPath)
        .method_not_allowed_fallback(async || Failure::UnknownMethod)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(shared)
}
