//! Reads what a request brings: its JSON body, and the name or id in its path.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use limen_rules::model::{Name, valid_name};
use serde::de::DeserializeOwned;

use super::BODY_MAX_BYTES;
use super::failure::AdminFailure;

/// So many characters of the parser's words are told.
const WORDS_MAX: usize = 300;

/// The body, read as JSON whatever its `Content-Type` says; the route's bound is `MAX_BYTES` too.
pub(super) struct Read<T, const MAX_BYTES: usize = BODY_MAX_BYTES>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync, const MAX_BYTES: usize> FromRequest<S> for Read<T, MAX_BYTES> {
    type Rejection = AdminFailure;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdminFailure> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| {
            let message = format!("The body is larger than {MAX_BYTES} bytes, or broke off.");
            AdminFailure::wrong(message, "Send it whole, or divide it: what is applied in parts adds up.")
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| not_understood(&error))
    }
}

/// What is wrong with the JSON, and where. Its words may repeat a value of the body, so they are cut.
fn not_understood(error: &serde_json::Error) -> AdminFailure {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = error.to_string();
    let words: String = words.strip_suffix(place.as_str()).unwrap_or(&words).chars().take(WORDS_MAX).collect();
    AdminFailure::wrong(format!("The body can't be read: {words}{place}."), "Correct the JSON at that place.")
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
