//! The id of a request to the web address, told as `X-Request-Id`: `limen explain` finds by it what sign-in remembers.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::ports::Portal;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id as 32 hex digits; an extension of every request to the web address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives a request its id. What a caller sends under this name is never read.
pub(super) async fn give(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let id = make(&portal);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    response
}

/// A UUID of version 7 (RFC 9562 §5.7), as calls have.
fn make(portal: &Portal) -> String {
    let mut bytes = [0_u8; 16];
    portal.random.fill(&mut bytes);
    let since_epoch_ms = u128::try_from(portal.clock.now_us().div_euclid(1_000)).unwrap_or(0);
    const RANDOM_BITS: u128 = 0x0fff_3fff_ffff_ffff_ffff;
    const VERSION_AND_VARIANT: u128 = 0x7000_8000_0000_0000_0000;
    format!("{:032x}", since_epoch_ms << 80 | VERSION_AND_VARIANT | u128::from_be_bytes(bytes) & RANDOM_BITS)
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
