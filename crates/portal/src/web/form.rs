//! What a page's form sends: read, and taken only from a page that was made for this very browser.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use limen_rules::sign_in::parameters::Parameters;

use super::session::Visitor;
use crate::ports::Portal;

/// The largest form, in bytes.
pub(super) const FORM_MAX_BYTES: usize = 64 << 10;
/// The hidden field that carries the mark.
const MARK: &str = "mark";

/// The fields of a form's body, whoever sent it. None where the body isn't a form.
pub(super) fn read(headers: &HeaderMap, body: &Bytes) -> Option<Parameters> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded").then(|| Parameters::read(body))
}

/// Whether a form came from one of our pages, made for this browser: it has the page's mark, and the browser doesn't
/// say that another site sent it.
pub(super) fn is_ours(portal: &Portal, headers: &HeaderMap, visitor: &Visitor, form: &Parameters) -> bool {
    is_from_here(portal, headers) && form.text(MARK).is_some_and(|mark| visitor.has_mark(&mark))
}

/// What browsers say of where a form comes from. Our pages tell no referrer, so `Origin: null` is what ours send too;
/// without `Sec-Fetch-Site`, which only trustworthy addresses get, the mark alone decides.
fn is_from_here(portal: &Portal, headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| site != "same-origin" && site != "none")
    {
        return false;
    }
    match text(header::ORIGIN) {
        None | Some("null") => true,
        Some(origin) => {
            let authority = |url: &str| url.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
            let here = text(header::HOST).map(str::to_ascii_lowercase);
            let origin = authority(origin);
            origin.is_some() && (origin == here || origin == authority(&portal.addresses.web_url))
        }
    }
}
