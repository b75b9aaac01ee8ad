//! The endpoints of the authorization server that applications call: tokens, their end, and what is told of them.
//!
//! What people see while they sign in is elsewhere; here nothing is rendered.

mod access_token;
mod answer;
mod code;
mod cors;
mod introspect;
mod issue;
pub(crate) mod journal;
mod metadata;
mod own;
mod refresh;
mod request;
mod revoke;
mod token;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use crate::ports::Portal;
pub(crate) use cors::Origins;
pub use journal::Journal;

/// Its part of the web address.
pub(crate) fn routes(portal: &Portal) -> Router<Portal> {
    let across_origins = Router::new()
        .route("/token", post(token::give).fallback(answer::not_posted))
        .route("/oauth/token", post(token::give).fallback(answer::not_posted))
        .route("/revoke", post(revoke::revoke).fallback(answer::not_posted))
        .layer(from_fn_with_state(portal.clone(), cors::allow));
    Router::new()
        .merge(across_origins)
        .route("/introspect", post(introspect::introspect).fallback(answer::not_posted))
        .route("/.well-known/oauth-authorization-server", get(metadata::show))
}
