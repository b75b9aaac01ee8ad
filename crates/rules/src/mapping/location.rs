//! A `Location` of the service, told in public terms: no caller learns where a service stands.

use http::uri::{Authority, Uri};

/// What becomes of a `Location`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RewrittenLocation {
    /// It leads elsewhere, or is relative, and leaves as it is.
    Kept,
    /// It led to the service and now leads to the same place in public.
    Public(String),
    /// It leads to a place on the service's host that isn't published: the field is dropped.
    Dropped,
}

/// Rewrites a `Location` (RFC 9110 §10.2.2) that leads to the service's own host.
///
/// `target_base` is the service's address, `http://10.0.0.7:8080/internal`; `public_base` is the API's,
/// `https://api.example.com/constituent/v1`; both without a slash at the end. The target's path is taken off and the
/// rest put behind the public base. Hosts are compared without regard to case, ports with their defaults filled in;
/// between `http` and `https` the default ports count as one, because a service behind TLS often doesn't know of it.
#[must_use]
pub fn rewrite_location(location: &str, target_base: &str, public_base: &str) -> RewrittenLocation {
    let Ok(target) = target_base.parse::<Uri>() else { return RewrittenLocation::Dropped };
    let Some(target_authority) = target.authority() else { return RewrittenLocation::Dropped };
    let target_scheme = target.scheme_str().unwrap_or("http");

    let location = location.trim_matches([' ', '\t']);
    let (scheme, rest) = match split_scheme(location) {
        Some((scheme, rest)) if scheme == "http" || scheme == "https" => (scheme, rest),
        Some(_) => return RewrittenLocation::Kept,
        None => (target_scheme.to_owned(), location),
    };
    // Browsers read a backslash as a slash, so `/\host` is another host to them.
    let rest_path = match rest.get(..2).map(|start| start.replace('\\', "/")).as_deref() {
        Some("//") => {
            let after = rest.get(2..).unwrap_or_default();
            let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
            let (host, path) = after.split_at_checked(end).unwrap_or((after, ""));
            if !is_same_host(host, &scheme, target_authority, target_scheme) {
                return RewrittenLocation::Kept;
            }
            path
        }
        _ if rest.starts_with('/') => rest,
        _ => return RewrittenLocation::Kept,
    };
    let target_path = target.path().trim_end_matches('/');
    match rest_path.strip_prefix(target_path) {
        Some(inside) if inside.is_empty() || inside.starts_with(['/', '?', '#']) => {
            RewrittenLocation::Public(format!("{}{inside}", public_base.trim_end_matches('/')))
        }
        _ => RewrittenLocation::Dropped,
    }
}

/// The scheme in lower case and what follows its colon, where there is a scheme (RFC 3986 §3.1).
fn split_scheme(location: &str) -> Option<(String, &str)> {
    let (scheme, rest) = location.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn is_same_host(host: &str, scheme: &str, target: &Authority, target_scheme: &str) -> bool {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let Ok(authority) = host.parse::<Authority>() else { return false };
    authority.host().eq_ignore_ascii_case(target.host()) && port(&authority, scheme) == port(target, target_scheme)
}

/// The port, or `None` where it is the scheme's default.
fn port(authority: &Authority, scheme: &str) -> Option<u16> {
    let default = if scheme == "https" { 443 } else { 80 };
    authority.port_u16().filter(|port| *port != default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_of_the_service_becomes_public() {
        let rewrite =
            |location| rewrite_location(location, "http://10.0.0.7:8080/internal", "https://api.example.com/c/v1");
        for (location, public) in [
            ("http://10.0.0.7:8080/internal/constituents/280?a=b#c", "/constituents/280?a=b#c"),
            ("HTTP://10.0.0.7:8080/internal", ""),
            ("//10.0.0.7:8080/internal/x", "/x"),
            ("/internal/x", "/x"),
            ("/internal?a", "?a"),
            ("http://user@10.0.0.7:8080/internal/x", "/x"),
        ] {
            let expected = RewrittenLocation::Public(format!("https://api.example.com/c/v1{public}"));
            assert_eq!(rewrite(location), expected, "{location}");
        }
        for elsewhere in [
            "https://example.org/internal/x",
            "http://10.0.0.7/internal/x",
            "http://10.0.0.77:8080/internal/x",
            "//example.org/internal",
            "/\\example.org/internal",
            "mailto:a@example.org",
            "constituents/281",
            "?page=2",
            "#a",
            "",
        ] {
            assert_eq!(rewrite(elsewhere), RewrittenLocation::Kept, "{elsewhere}");
        }
        for hidden in ["http://10.0.0.7:8080/admin", "http://10.0.0.7:8080", "/internally", "/", "//10.0.0.7:8080\\x"] {
            assert_eq!(rewrite(hidden), RewrittenLocation::Dropped, "{hidden}");
        }
    }

    #[test]
    fn default_ports_and_an_empty_target_path() {
        let rewrite = |location| rewrite_location(location, "https://Service.example", "http://h:1/b");
        let public = |path: &str| RewrittenLocation::Public(format!("http://h:1/b{path}"));
        assert_eq!(rewrite("https://service.example:443/x"), public("/x"));
        assert_eq!(rewrite("https://service.example"), public(""));
        assert_eq!(rewrite("/x"), public("/x"));
        assert_eq!(rewrite("http://service.example/x"), public("/x"));
        assert_eq!(rewrite("https://service.example:80/x"), RewrittenLocation::Kept);
        assert_eq!(rewrite_location("/x", "not a url", "http://h"), RewrittenLocation::Dropped);
        assert_eq!(rewrite_location("/x", "/path-only", "http://h"), RewrittenLocation::Dropped);
        let slash = rewrite_location("http://h:2/p/x", "http://h:2/p/", "http://h:1/");
        assert_eq!(slash, RewrittenLocation::Public("http://h:1/x".to_owned()));
    }
}
