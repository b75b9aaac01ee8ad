//! The admin API: what the command line asks for, as JSON over the admin socket (requests and answers in [`crate::wire`]).
//!
//! Every write is checked against what the store has, written, logged with who asked, and answered once it is live.

mod apis;
mod applications;
mod apply;
mod connections;
mod failure;
pub(crate) mod id;
mod import;
mod issuers;
mod keys;
mod notices;
mod publish;
mod read;
mod sample;
mod secrets;
mod status;
mod subscriptions;
mod tokens;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};
use tokio::sync::MutexGuard;

use crate::ports::Portal;
use failure::AdminFailure;

/// The largest request body, in bytes.
const BODY_MAX_BYTES: usize = 1 << 20;
/// The largest body with an API of a document in it: the document, up to 32 MiB, and what is enforced of it.
const IMPORT_MAX_BYTES: usize = 80 << 20;

/// What a handler answers.
type Answered<T> = Result<axum::Json<T>, AdminFailure>;

/// The portal, as the admin API uses it.
#[derive(Clone)]
struct Admin {
    portal: Portal,
}

impl Admin {
    /// Waits until no other write is under way.
    async fn turn(&self) -> MutexGuard<'_, ()> {
        self.portal.memory.turn().await
    }

    fn now_us(&self) -> i64 {
        self.portal.clock.now_us()
    }

    /// Waits, for a second at most, until the calls are decided from what was just written.
    async fn live(&self) -> Result<(), AdminFailure> {
        Ok(self.portal.live().await?)
    }
}

/// Everything that the admin socket answers.
pub fn admin_router(portal: Portal) -> Router {
    let figures = crate::metrics_router(portal.clone());
    Router::new()
        .route("/v1/status", get(status::show))
        .route("/v1/settings", get(status::settings))
        .route("/v1/calls/{id}", get(status::explain))
        .route("/v1/declared", get(apply::declared))
        .route("/v1/apply", post(apply::apply))
        .route("/v1/publish", post(publish::publish).layer(DefaultBodyLimit::max(IMPORT_MAX_BYTES)))
        .route("/v1/import", post(import::import).layer(DefaultBodyLimit::max(IMPORT_MAX_BYTES)))
        .route("/v1/apis", get(apis::list))
        .route("/v1/apis/{id}", get(apis::show).delete(apis::remove))
        .route("/v1/apis/{id}/drift", get(apis::drift_of))
        .route("/v1/apis/{id}/openapi", get(import::export))
        .route("/v1/drift", get(apis::drift))
        .route("/v1/issuers", get(issuers::list))
        .route("/v1/issuers/{id}", get(issuers::show).delete(issuers::remove))
        .route("/v1/sample", delete(sample::remove))
        .route("/v1/subscriptions", get(subscriptions::list).post(subscriptions::make))
        .route("/v1/subscriptions/{id}", get(subscriptions::show))
        .route("/v1/subscriptions/{id}/state", post(subscriptions::step))
        .route("/v1/subscriptions/{id}/keys/regenerate", post(keys::regenerate))
        .route("/v1/subscriptions/{id}/keys/revoke", post(keys::revoke))
        .route("/v1/applications", get(applications::list).post(applications::make))
        .route("/v1/applications/{id}", get(applications::show).delete(applications::remove))
        .route("/v1/applications/{id}/change", post(applications::change))
        .route("/v1/applications/{id}/secrets/regenerate", post(secrets::regenerate))
        .route("/v1/applications/{id}/secrets/revoke", post(secrets::revoke))
        .route("/v1/applications/{id}/logo", post(secrets::set_logo).delete(secrets::remove_logo))
        .route("/v1/users", get(users::list).post(users::make))
        .route("/v1/users/{name}", get(users::show))
        .route("/v1/users/{name}/disabled", post(users::disable))
        .route("/v1/users/{name}/password", post(users::set_password))
        .route("/v1/environments", get(users::environments))
        .route("/v1/environments/{name}", get(users::environment))
        .route("/v1/connections", get(connections::list).post(connections::approve))
        .route("/v1/connections/{application}/{environment}", delete(connections::remove))
        .route("/v1/connections/{application}/{environment}/limit", post(connections::limit))
        .route("/v1/grants", get(connections::grants))
        .route("/v1/grants/revoke", post(connections::revoke_grants))
        .route("/v1/tokens", post(tokens::issue))
        .route("/v1/tokens/revoke", post(tokens::revoke))
        .route("/v1/signing-keys/rotate", post(tokens::rotate))
        .route("/v1/notices", get(notices::list).post(notices::make))
        .route("/v1/notices/{id}/update", post(notices::update))
        .route("/v1/notices/{id}/resolve", post(notices::resolve))
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_path)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(Admin { portal })
        .merge(figures)
}

async fn unknown_path(method: axum::http::Method, uri: axum::http::Uri) -> AdminFailure {
    AdminFailure::unknown(
        format!("The admin API has no {method} {}.", uri.path()),
        "Use the command line of the same version as the running process.",
    )
}
