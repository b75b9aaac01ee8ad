//! Which pages may call from a browser: those of the origins that public applications send their users back to. Nobody
//! else, and never with cookies.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use limen_rules::model::{Application, ApplicationKind};
use limen_store::{Store, StoreError};

use crate::ports::Portal;

/// How long a browser may keep a preflight's answer.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");
/// What a page may read besides the body.
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, WWW-Authenticate, X-Request-Id");

/// The origins at a revision of the store.
#[derive(Debug, Default)]
pub(crate) struct Origins(Mutex<Option<(i64, Arc<HashSet<String>>)>>);

impl Origins {
    async fn at_present(&self, store: &Store) -> Result<Arc<HashSet<String>>, StoreError> {
        // Read before the applications are: what is kept under it is never older.
        let revision = *store.watch_revision().borrow();
        if let Some((kept, origins)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && *kept == revision
        {
            return Ok(Arc::clone(origins));
        }
        let origins = Arc::new(of_all(&store.applications().await?));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((revision, Arc::clone(&origins)));
        Ok(origins)
    }
}

fn of_all(applications: &[Application]) -> HashSet<String> {
    let public = applications.iter().filter(|one| one.kind == ApplicationKind::Public && !one.disabled);
    public.flat_map(|one| &one.redirect_uris).filter_map(|uri| origin_of(uri)).collect()
}

/// The origin of an address as a browser writes it (RFC 6454 §6.2); none where it has no web origin.
fn origin_of(redirect_uri: &str) -> Option<String> {
    let uri: Uri = redirect_uri.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
    match uri.port_u16().filter(|port| *port != usual) {
        Some(port) => Some(format!("{scheme}://{host}:{port}")),
        None => Some(format!("{scheme}://{host}")),
    }
}

/// Answers preflights, and tells the browser of an allowed page that it may read the answer.
pub(super) async fn allow(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        let mut response = next.run(request).await;
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
        return response;
    };
    let is_allowed = match portal.memory.origins.at_present(&portal.store).await {
        Ok(origins) => origin.to_str().is_ok_and(|origin| origins.contains(origin)),
        Err(error) => {
            tracing::error!(%error, "the origins of applications could not be read");
            false
        }
    };
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight && is_allowed { preflight() } else { next.run(request).await };
    let headers = response.headers_mut();
    if is_allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    response
}

fn preflight() -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    (StatusCode::OK, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        let cases = [
            ("https://app.example/back?x=y", Some("https://app.example")),
            ("HTTPS://App.Example:443/back", Some("https://app.example")),
            ("http://localhost:5173/", Some("http://localhost:5173")),
            ("http://127.0.0.1:80/x", Some("http://127.0.0.1")),
            ("http://[::1]:3000/x", Some("http://[::1]:3000")),
            ("com.example.app:/back", None),
            ("com.example.app://back", None),
            ("/back", None),
            ("", None),
        ];
        for (uri, origin) in cases {
            assert_eq!(origin_of(uri).as_deref(), origin, "{uri}");
        }
    }

    #[test]
    fn only_public_applications_that_are_on_have_origins() {
        let application = |uri: &str, kind, disabled| Application {
            kind,
            disabled,
            redirect_uris: vec![uri.into()],
            ..Application::default()
        };
        let all = [
            application("https://a.example/x", ApplicationKind::Public, false),
            application("https://b.example/x", ApplicationKind::Confidential, false),
            application("https://c.example/x", ApplicationKind::Public, true),
        ];
        assert_eq!(of_all(&all), HashSet::from(["https://a.example".to_owned()]));
    }
}
