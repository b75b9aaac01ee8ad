//! The web address: plain pages, the keys that verify tokens, and the two probes.
//!
//! Server-rendered, without scripts. It only reads; every write goes through the admin API.

mod authentication;
mod errors;
mod example;
mod index;
mod issues;
mod jwks;
mod moment;
mod page;
mod peer_address;
mod probe;
mod request_id;
mod style;
mod support;

use axum::Router;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::response::Response;
use axum::routing::get;

use crate::ports::Portal;
use page::{Trouble, Wants};
pub use peer_address::PeerAddress;

/// Nothing is loaded from elsewhere, nothing runs, nobody frames a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                                       base-uri 'none'; frame-ancestors 'none'";

/// Everything that the web address answers.
pub fn web_router(portal: Portal) -> Router {
    Router::new()
        .route("/", get(index::show))
        .route("/errors", get(errors::list))
        .route("/errors/{code}", get(errors::show))
        .route("/authentication-issues", get(authentication::show))
        .route("/issues", get(issues::list))
        .route("/issues/{id}", get(issues::show))
        .route("/support", get(support::show))
        .route("/style.css", get(style::stylesheet))
        .route("/mark.svg", get(style::mark))
        .route("/.well-known/jwks.json", get(jwks::show))
        .route("/healthz", get(probe::health))
        .route("/readyz", get(probe::ready))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(axum::middleware::map_response(guarded))
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

/// Puts the headers on every answer that keep a browser from doing more than showing it.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}
