//! Header fields at the door, both ways: which framing is refused, and which fields pass to and from a service.
//!
//! It removes fields and adds none: whoever calls it adds Limen's own afterwards, so that no `Connection` reaches them.

mod fields;
mod framing;
mod names;
mod response;
#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, Method};

pub use fields::{Fields, text};
pub use framing::{check_framing, is_authority};
use names::{
    canonical, is_decided, is_forwarding, is_hop_by_hop, is_limens, is_override, is_proxy, is_response_only,
    is_trailer_forbidden,
};
pub use response::{ResponseFilter, ResponsePassage, strip_response};

/// What an API lets through to its service.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestPassage<'a> {
    /// Whether `Cookie` passes.
    pub cookies: bool,
    /// Whether `Authorization` passes.
    pub forward_token: bool,
    /// Whether `Range` and `If-Range` pass.
    pub ranges: bool,
    /// Whether `If-None-Match` and `If-Modified-Since` pass on GET and HEAD.
    pub conditions: bool,
    /// The header fields that may carry the subscription key; none passes.
    pub key_headers: &'a [HeaderName],
}

/// Removes from a request what a service must not see, after the key and token were read and before Limen's own fields
/// are added.
///
/// Gone are: hop-by-hop fields and what `Connection` names (RFC 9110 §7.6.1); `limen-*`; the key; `Authorization` and
/// `Cookie` unless let through; `Expect`; `Range`, `If-Range`, and on GET and HEAD `If-None-Match` and
/// `If-Modified-Since` unless let through; the addresses and ids that only a trusted proxy may tell (`Forwarded`, `X-Forwarded-*`,
/// `X-Real-IP`, `X-Request-Id`); and fields by which some services read another method or path than was decided on
/// (`X-HTTP-Method-Override`, `X-Original-URL`). An underscore counts as a hyphen, since CGI-like services take both for
/// one; a field that says so what the rules decided on (`Content_Type`) is gone as well.
pub fn strip_request(headers: &mut HeaderMap, method: &Method, passage: &RequestPassage<'_>) {
    let filter = RequestFilter::new(headers, method, *passage);
    remove_where(headers, |name| !filter.passes(name.as_str().as_bytes()));
}

/// Which fields of one request pass; for whoever writes them on rather than removing the others. See [`strip_request`].
#[derive(Debug)]
pub struct RequestFilter<'a> {
    passage: RequestPassage<'a>,
    /// What `Connection` names.
    named: Vec<HeaderName>,
    is_read: bool,
}

impl<'a> RequestFilter<'a> {
    /// For the request with these fields.
    #[must_use]
    pub fn new(fields: &dyn Fields, method: &Method, passage: RequestPassage<'a>) -> Self {
        let is_read = *method == Method::GET || *method == Method::HEAD;
        Self { passage, named: names_of_connection(fields.all(&http::header::CONNECTION)), is_read }
    }

    /// Whether a service may see the field of that name, which is in small letters.
    #[must_use]
    pub fn passes(&self, name: &[u8]) -> bool {
        let Self { passage, named, is_read } = self;
        if passage.key_headers.iter().any(|key| key.as_str().as_bytes() == name) {
            return false;
        }
        if named.is_empty() {
            match name {
                b"authorization" => return passage.forward_token,
                name if is_everyday(name) => return true,
                _ => {}
            }
        }
        // No field has another name than one of ASCII.
        let Ok(raw) = std::str::from_utf8(name) else { return false };
        let canonical = canonical(raw);
        let canonical = canonical.as_ref();
        let is_disguised = canonical != raw && is_decided(canonical);
        let is_key = passage.key_headers.iter().any(|key| self::canonical(key.as_str()).as_ref() == canonical);
        let is_named = named.iter().any(|named| named == raw);
        let is_unwanted = match canonical {
            _ if is_named => true,
            "authorization" => !passage.forward_token || is_disguised || is_key,
            "cookie" | "cookie2" => !passage.cookies || is_disguised || is_key,
            "if-none-match" | "if-modified-since" => (*is_read && !passage.conditions) || is_disguised,
            "range" | "if-range" => !passage.ranges || is_disguised,
            "expect" | "x-request-id" => true,
            _ => {
                is_disguised
                    || is_key
                    || is_hop_by_hop(canonical)
                    || is_proxy(canonical)
                    || is_limens(canonical)
                    || is_forwarding(canonical)
                    || is_override(canonical)
            }
        };
        !is_unwanted
    }
}

/// Removes from trailers, of either direction, what may stand only in a head (RFC 9110 §6.5.1): framing, routing,
/// identity, credentials, cookies, conditions, content's and control data's fields, and all that the heads lose.
pub fn strip_trailers(trailers: &mut HeaderMap) {
    remove_where(trailers, |name| {
        let canonical = canonical(name.as_str());
        let canonical = canonical.as_ref();
        is_trailer_forbidden(canonical)
            || is_hop_by_hop(canonical)
            || is_proxy(canonical)
            || is_limens(canonical)
            || is_forwarding(canonical)
            || is_override(canonical)
            || is_decided(canonical)
            || is_response_only(canonical)
    });
}

/// The fields that these values of `Connection` name. What isn't a field name names none.
fn names_of_connection<'v>(values: impl Iterator<Item = &'v [u8]>) -> Vec<HeaderName> {
    let mut named = Vec::new();
    for value in values {
        let options = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let options = options.filter(|option| !is_connection_option(option));
        named.extend(options.filter_map(|option| HeaderName::from_bytes(option).ok()));
    }
    named
}

/// What `Connection` says of the connection itself, and nearly always nothing else: no field that passes has that name.
fn is_connection_option(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"keep-alive") || option.eq_ignore_ascii_case(b"close")
}

/// What most heads hold and always passes, so that it needn't be held against every set.
fn is_everyday(name: &[u8]) -> bool {
    // By their lengths first: most names are then told by one comparison.
    match name.len() {
        4 => matches!(name, b"host" | b"date" | b"etag" | b"vary"),
        6 => name == b"accept",
        10 => name == b"user-agent",
        12 => name == b"content-type",
        13 => matches!(name, b"cache-control" | b"last-modified"),
        14 => name == b"content-length",
        15 => matches!(name, b"accept-encoding" | b"accept-language"),
        _ => false,
    }
}

fn remove_where(headers: &mut HeaderMap, is_unwanted: impl Fn(&HeaderName) -> bool) {
    let unwanted: Vec<HeaderName> = headers.keys().filter(|name| is_unwanted(name)).cloned().collect();
    for name in unwanted {
        headers.remove(name);
    }
}
