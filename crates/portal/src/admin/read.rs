//! Reads what a request brings: its JSON body, and the name or id in its path.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use limen_rules::model::{Name, valid_name};
use serde::de::DeserializeOwned;

use super::BODY_MAX_BYTES;
use super::failure::AdminFailure;

/// The body, read as JSON whatever its `Content-Type` says.
pub(super) struct Read<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Read<T> {
    type Rejection = AdminFailure;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdminFailure> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| {
            let message = format!("The body is larger than {BODY_MAX_BYTES} bytes, or broke off.");
            AdminFailure::wrong(message, "Send it whole, or divide it: what is applied in parts adds up.")
        })?;
        // The words of serde_json end with line and column.
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            AdminFailure::wrong(format!("The body can't be read: {error}."), "Correct the JSON at that place.")
        })
    }
}

/// The name or id in the path.
pub(super) struct Named(pub(super) Name);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = AdminFailure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminFailure> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) if valid_name(&name) => Ok(Self(name.into())),
            _ => Err(AdminFailure::wrong(
                "The path has something other than a name or id in it.",
                "Names are 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit.",
            )),
        }
    }
}
