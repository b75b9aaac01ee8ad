//! `GET /.well-known/oauth-authorization-server`, RFC 8414: what this authorization server is and can.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use limen_rules::model::{Name, Visibility};
use limen_rules::sign_in::trouble::Trouble;
use limen_store::StoreError;
use serde::Serialize;

use super::answer::Refused;
use super::journal::Note;
use crate::ports::Portal;

#[derive(Serialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    scopes_supported: BTreeSet<Name>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 3],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    service_documentation: String,
}

/// With a secret in the header or in the form.
const BY_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];
/// The same, or without one, as a public application.
const ALL: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

/// The document, for anybody.
pub(super) async fn show(State(portal): State<Portal>, note: Note) -> Response {
    let scopes_supported = match scopes(&portal).await {
        Ok(scopes) => scopes,
        Err(error) => {
            tracing::error!(%error, "the metadata of the authorization server could not be read");
            return Refused::plain("store", Trouble::TokensUnavailable).answer(&portal, &note, false);
        }
    };
    let web = &portal.addresses.web_url;
    let metadata = Metadata {
        issuer: portal.signer.issuer().issuer,
        authorization_endpoint: format!("{web}/authorization"),
        token_endpoint: format!("{web}/token"),
        jwks_uri: format!("{web}/.well-known/jwks.json"),
        scopes_supported,
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
        token_endpoint_auth_methods_supported: ALL,
        revocation_endpoint: format!("{web}/revoke"),
        revocation_endpoint_auth_methods_supported: ALL,
        introspection_endpoint: format!("{web}/introspect"),
        introspection_endpoint_auth_methods_supported: BY_SECRET,
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
        service_documentation: format!("{web}/authentication-issues"),
    };
    let headers = [(header::CACHE_CONTROL, "public, max-age=300"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, Json(metadata)).into_response()
}

/// The permissions that operations of public APIs ask for; what private ones have is their subscribers' affair.
async fn scopes(portal: &Portal) -> Result<BTreeSet<Name>, StoreError> {
    let apis = portal.store.apis().await?;
    let public = apis.into_iter().filter(|api| api.visibility == Visibility::Public);
    Ok(public.flat_map(|api| api.operations).filter_map(|operation| operation.permission).collect())
}
