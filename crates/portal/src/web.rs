//! The web address: plain pages, the keys that verify tokens, and the two probes.
//!
//! Server-rendered, without scripts. Most pages only read; what people who signed in write goes the way of the admin API.

mod account;
mod authentication;
mod authorization;
mod connections;
mod document;
mod errors;
mod example;
mod form;
mod index;
mod issues;
mod jwks;
mod logo;
mod moment;
mod page;
mod peer_address;
mod probe;
mod provider;
mod request_id;
mod session;
mod sign_in;
mod style;
mod support;
mod told;
mod words;

use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use crate::oauth::{self, journal};
use crate::ports::Portal;
use crate::provider::CALLBACK_PATH;
pub(crate) use document::Documents;
use page::{Trouble, Wants};
pub use peer_address::PeerAddress;
pub(crate) use request_id::RequestId;

/// Nothing is loaded from elsewhere, nothing runs, nobody frames a page. A form stays here, or may be sent on to
/// `form_targets` too.
fn content_security_policy(form_targets: &str) -> String {
    let form_action = [" ", form_targets].concat();
    format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'{}; base-uri 'none'; \
         frame-ancestors 'none'",
        form_action.trim_end()
    )
}

/// The policy of pages whose forms stay here.
static FORMS_STAY: LazyLock<HeaderValue> = LazyLock::new(|| {
    HeaderValue::from_str(&content_security_policy("")).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Everything that the web address answers.
pub fn web_router(portal: Portal) -> Router {
    Router::new()
        .route("/", get(index::show))
        .route("/apis/{name}/openapi.json", get(document::show))
        .route("/errors", get(errors::list))
        .route("/errors/{code}", get(errors::show))
        .route("/authentication-issues", get(authentication::show))
        .route("/issues", get(issues::list))
        .route("/issues/{id}", get(issues::show))
        .route("/support", get(support::show))
        .route("/authorization", get(authorization::show).post(authorization::act))
        .route("/oauth/authorize", get(authorization::show).post(authorization::act))
        .route("/sign-in", get(sign_in::show).post(sign_in::act))
        .route("/sign-in/provider", get(provider::start))
        .route(CALLBACK_PATH, get(provider::come_back))
        .route("/sign-out", post(sign_in::leave))
        .route("/account", get(account::show).post(account::act))
        .route("/connections", get(connections::show).post(connections::act))
        .route("/applications/{id}/logo", get(logo::show))
        .route("/style.css", get(style::stylesheet))
        .route("/mark.svg", get(style::mark))
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/healthz", get(probe::health))
        .route("/readyz", get(probe::ready))
        .merge(oauth::routes(&portal))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(form::FORM_MAX_BYTES))
        .layer(axum::middleware::from_fn(in_time))
        .layer(axum::middleware::map_response(guarded))
        .layer(axum::middleware::from_fn_with_state(portal.clone(), journal::keep))
        .layer(axum::middleware::from_fn_with_state(portal.clone(), request_id::give))
        .with_state(portal)
}

async fn unknown_path(wants: Wants, uri: Uri) -> Response {
    let path: String = uri.path().chars().take(200).collect();
    Trouble::not_found(format!("There is no page at {path}. Perhaps the address was cut when it was copied."))
        .answer(wants)
}

async fn wrong_method(wants: Wants, method: Method) -> Response {
    let method: String = method.as_str().chars().take(40).collect();
    Trouble::method_not_allowed(format!("This page is there to be read, with GET; {method} does nothing here."))
        .answer(wants)
}

/// For a request with its body to be read and answered: whoever sends half of a form holds no connection for long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Ends a request that takes too long; what it asked the store to write is still carried out.
async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
        (StatusCode::REQUEST_TIMEOUT, close, "The request did not arrive in time. Try again.").into_response()
    })
}

/// Puts the headers on every answer that keep a browser from doing more than showing it.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| FORMS_STAY.clone());
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}
