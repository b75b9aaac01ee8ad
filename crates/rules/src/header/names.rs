//! The sets of field names. All take a canonical name: lower case, with hyphens for underscores.

use std::borrow::Cow;

/// The name as a CGI-like service understands it.
pub(super) fn canonical(name: &str) -> Cow<'_, str> {
    if name.contains('_') { Cow::Owned(name.replace('_', "-")) } else { Cow::Borrowed(name) }
}

/// RFC 9110 §7.6.1, and `HTTP2-Settings` of RFC 7540.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings")
}

/// What is said between proxies.
pub(super) fn is_proxy(name: &str) -> bool {
    name.starts_with("proxy-")
}

/// What only Limen says.
pub(super) fn is_limens(name: &str) -> bool {
    name.starts_with("limen-")
}

/// Where a call came from, which only a trusted proxy may tell.
pub(super) fn is_forwarding(name: &str) -> bool {
    name.starts_with("x-forwarded-")
        || matches!(
            name,
            "forwarded" | "x-real-ip" | "x-client-ip" | "x-cluster-client-ip" | "true-client-ip" | "cf-connecting-ip"
        )
}

/// By what some services read another method or path than the request line's.
pub(super) fn is_override(name: &str) -> bool {
    matches!(
        name,
        "x-http-method-override" | "x-http-method" | "x-method-override" | "x-original-url" | "x-rewrite-url"
    )
}

/// What was decided on by its plain name, so that a second spelling may not reach a service.
pub(super) fn is_decided(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-type"
            | "content-length"
            | "content-encoding"
            | "authorization"
            | "cookie"
            | "cookie2"
            | "if-match"
            | "if-none-match"
            | "if-modified-since"
            | "if-unmodified-since"
    )
}

/// What Limen says itself to callers, and what would lead them around it.
pub(super) fn is_response_only(name: &str) -> bool {
    name == "ratelimit"
        || name.starts_with("ratelimit-")
        || name.starts_with("access-control-")
        || matches!(name, "x-request-id" | "alt-svc")
}

/// What RFC 9110 §6.5.1 forbids in trailers, beyond the other sets.
pub(super) fn is_trailer_forbidden(name: &str) -> bool {
    name.starts_with("content-")
        || name.starts_with("if-")
        || matches!(
            name,
            "age"
                | "cache-control"
                | "date"
                | "expect"
                | "expires"
                | "location"
                | "max-forwards"
                | "pragma"
                | "range"
                | "retry-after"
                | "server"
                | "set-cookie"
                | "set-cookie2"
                | "vary"
                | "warning"
                | "www-authenticate"
                | "x-powered-by"
        )
}
