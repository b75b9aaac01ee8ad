//! An application's logo, as the consent page shows it.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::page::{Trouble, Wants};
use super::style::fnv1a;
use crate::ports::Portal;

/// `GET /applications/ID/logo`
pub(super) async fn show(
    State(portal): State<Portal>,
    wants: Wants,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(id)) = id else {
        return Trouble::bad_request("The address has characters that can't be read.").answer(wants);
    };
    let png = match portal.store.application_logo(&id).await {
        Ok(Some(png)) => png,
        Ok(None) => return Trouble::not_found("There is no logo of that application.").answer(wants),
        Err(error) => return Trouble::store(&error).answer(wants),
    };
    let tag = tag(&png);
    let same = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').any(|one| matches!(one.trim().trim_start_matches("W/"), "*") || one.trim().ends_with(&tag))
    });
    let mut response =
        if same { StatusCode::NOT_MODIFIED.into_response() } else { (StatusCode::OK, png).into_response() };
    let answer = response.headers_mut();
    if !same {
        answer.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.insert(header::ETAG, tag);
    }
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// A strong entity tag (RFC 9110 §8.8.3).
fn tag(png: &[u8]) -> String {
    format!("\"{:016x}\"", fnv1a(png))
}
