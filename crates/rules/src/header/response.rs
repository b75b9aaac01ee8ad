//! Which fields of a service's answer its caller sees.

use http::{HeaderMap, HeaderName};

use super::names::{canonical, is_hop_by_hop, is_limens, is_proxy, is_response_only};
use super::{names_of_connection, remove_where};

/// What an API lets through from its service.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponsePassage {
    /// Whether `Set-Cookie` passes.
    pub cookies: bool,
    /// The transparent contract: `Server`, `X-Powered-By` and `WWW-Authenticate` pass too.
    pub transparent: bool,
}

/// Removes from a response what a caller must not see. See [`ResponseFilter`].
pub fn strip_response(headers: &mut HeaderMap, passage: &ResponsePassage) {
    let connection = headers.get_all(http::header::CONNECTION).into_iter().map(|value| value.as_bytes());
    let filter = ResponseFilter::new(connection, *passage);
    remove_where(headers, |name| !filter.passes(name.as_str().as_bytes()));
}

/// Which fields of one response pass, before Limen's own fields are added.
///
/// These don't: hop-by-hop fields and what `Connection` names, `limen-*`, `Proxy-*`, `RateLimit` and `RateLimit-*`,
/// `Access-Control-*`, `X-Request-Id`, `Alt-Svc`, `Set-Cookie` unless let through, and in the strict contract `Server`,
/// `X-Powered-By` and `WWW-Authenticate`.
#[derive(Debug)]
pub struct ResponseFilter {
    passage: ResponsePassage,
    /// What `Connection` names.
    named: Vec<HeaderName>,
}

impl ResponseFilter {
    /// For the response with these values of `Connection`.
    #[must_use]
    pub fn new<'v>(connection: impl Iterator<Item = &'v [u8]>, passage: ResponsePassage) -> Self {
        Self { passage, named: names_of_connection(connection) }
    }

    /// Whether a caller may see the field of that name, in small letters.
    #[must_use]
    pub fn passes(&self, name: &[u8]) -> bool {
        if is_everyday(name) && self.named.is_empty() {
            return true;
        }
        // What is no name passes nowhere.
        let Ok(raw) = std::str::from_utf8(name) else { return false };
        let canonical = canonical(raw);
        match canonical.as_ref() {
            _ if self.named.iter().any(|named| named.as_str() == raw) => false,
            "set-cookie" | "set-cookie2" => self.passage.cookies,
            "server" | "x-powered-by" | "www-authenticate" => self.passage.transparent,
            canonical => {
                !(is_hop_by_hop(canonical)
                    || is_proxy(canonical)
                    || is_limens(canonical)
                    || is_response_only(canonical))
            }
        }
    }
}

/// What most answers hold and always passes, so that it needn't be held against every set.
fn is_everyday(name: &[u8]) -> bool {
    matches!(
        name,
        b"content-type" | b"content-length" | b"date" | b"etag" | b"cache-control" | b"last-modified" | b"vary"
    )
}
