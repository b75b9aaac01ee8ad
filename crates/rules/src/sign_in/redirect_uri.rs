//! Redirect URIs: whether one that was sent is one of the application's, and what is sent back by it.
//!
//! Compared character by character (RFC 9700 §2.1); on loopback addresses the port may differ (RFC 8252 §7.3).

use super::parameters::append;
use super::trouble::Trouble;

/// No longer one is looked at.
pub const REDIRECT_URI_MAX_BYTES: usize = 2_048;
/// Hosts whose port may differ: addresses, never a name that something else may answer to.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Whether `sent` is one of the `registered`.
///
/// # Errors
/// What is wrong with it.
pub fn judge<'r>(sent: &str, registered: impl IntoIterator<Item = &'r String>) -> Result<(), Trouble> {
    if !is_whole(sent) {
        return Err(Trouble::RedirectUriMalformed);
    }
    let is_this = |one: &String| one == sent || differs_in_loopback_port_alone(one, sent);
    if registered.into_iter().any(is_this) { Ok(()) } else { Err(Trouble::RedirectUriMismatch) }
}

/// An absolute URI without a fragment (RFC 6749 §3.1.2), in characters that a URI may have (RFC 3986 §2).
fn is_whole(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let begins = scheme.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    let scheme_bytes = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let uri_bytes = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&byte);
    uri.len() <= REDIRECT_URI_MAX_BYTES
        && begins
        && scheme.bytes().all(scheme_bytes)
        && !rest.is_empty()
        // `localhost:8400/back` lacks its scheme; no scheme is followed by a port.
        && !rest.starts_with(|first: char| first.is_ascii_digit())
        && rest.bytes().all(uri_bytes)
        && escapes_are_whole(rest)
        && (!needs_host(scheme) || has_host(rest))
}

fn needs_host(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")
}

fn has_host(rest: &str) -> bool {
    rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', ':']))
}

fn escapes_are_whole(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
            && digits.next().is_some_and(|byte| byte.is_ascii_hexdigit())
    })
}

fn differs_in_loopback_port_alone(registered: &str, sent: &str) -> bool {
    LOOPBACK.iter().any(|host| match (after_port(registered, host), after_port(sent, host)) {
        (Some(registered), Some(sent)) => registered == sent,
        _ => false,
    })
}

/// What follows `host` and the port, if `uri` is of that host.
fn after_port<'u>(uri: &'u str, host: &str) -> Option<&'u str> {
    let rest = uri.strip_prefix(host)?;
    let Some(port) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest);
    };
    let end = port.find(|byte: char| !byte.is_ascii_digit()).unwrap_or(port.len());
    let (port, rest) = port.split_at_checked(end)?;
    let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    (is_port && (rest.is_empty() || rest.starts_with(['/', '?']))).then_some(rest)
}

/// The address that a user's browser is sent to: `uri` with `answer` added to its query, values byte for byte.
#[must_use]
pub fn with_answer(uri: &str, answer: &[(&str, &[u8])]) -> String {
    let mut address = uri.to_owned();
    address.push(if uri.contains('?') { '&' } else { '?' });
    if uri.ends_with(['?', '&']) {
        address.pop();
    }
    for (name, value) in answer {
        append(&mut address, name.as_bytes(), value);
    }
    address
}

/// What a page's `form-action` needs beside `'self'` so that its form may end at `uri` (CSP Level 3 §6.4.1): browsers
/// hold every redirect that follows a form to it, and applications send their users on, from host to host.
#[must_use]
pub fn form_action_sources(uri: &str) -> String {
    let scheme = uri.split(':').next().unwrap_or_default();
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    match scheme.to_ascii_lowercase().as_str() {
        "https" => "https:".to_owned(),
        "http" => "https: http:".to_owned(),
        own if is_scheme && !own.is_empty() => format!("https: {own}:"),
        _ => "https:".to_owned(),
    }
}

/// Where `uri` leads, for people to read: its host, or the scheme of an application's own.
#[must_use]
pub fn destination(uri: &str) -> &str {
    match uri.split_once("://") {
        Some((scheme, rest)) if needs_host(scheme) => rest.split(['/', '?']).next().unwrap_or_default(),
        _ => uri.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: &str = "https://app.example/callback";

    fn judged(sent: &str, registered: &str) -> Result<(), Trouble> {
        judge(sent, &[registered.to_owned()])
    }

    #[test]
    fn only_the_very_same_is_the_same() {
        assert_eq!(judged(REGISTERED, REGISTERED), Ok(()));
        assert_eq!(judge(REGISTERED, &["https://other.example/".to_owned(), REGISTERED.to_owned()]), Ok(()));
        assert_eq!(judge(REGISTERED, &[]), Err(Trouble::RedirectUriMismatch));
        for other in [
            "http://app.example/callback",
            "https://app.example/callback/",
            "https://app.example/callback?",
            "https://app.example/callback?x=1",
            "https://app.example/Callback",
            "https://APP.example/callback",
            "HTTPS://app.example/callback",
            "https://app.example:443/callback",
            "https://app.example./callback",
            "https://app.example/callback/../callback",
            "https://app.example/%63allback",
            "https://app.example//callback",
            "https://app.example/callback%00",
            "https://app.example/callback%20",
            "https://app.example/callback/evil",
            "https://app.example.evil.example/callback",
            "https://evil.example/https://app.example/callback",
            "https://app.example@evil.example/callback",
            "https://user@app.example/callback",
            "https://evil.example/?https://app.example/callback",
            "https://app.example%2fcallback",
            "javascript:alert(1)//https://app.example/callback",
            "data:text/html,x",
            "com.example.app:/callback",
        ] {
            assert_eq!(judged(other, REGISTERED), Err(Trouble::RedirectUriMismatch), "{other}");
        }
    }

    #[test]
    fn what_is_no_whole_address() {
        for broken in [
            "callback",
            "/callback",
            "//app.example/callback",
            "app.example/callback",
            "https:",
            "https:///callback",
            "https://",
            "https:app.example/callback",
            "https:/app.example/callback",
            "https://:443/callback",
            "https%3A%2F%2Fapp.example%2Fcallback",
            "https://app.example/callback#",
            "https://app.example/callback#x",
            "https://app.example/call back",
            "https://app.example\\callback",
            "https://evil.example\\@app.example/callback",
            "https://app.example/callback\r\nSet-Cookie: a=b",
            "https://app.example/callback\0",
            "https://äpp.example/callback",
            "https://app.example/\u{202e}callback",
            "https://app.example/%",
            "https://app.example/%4",
            "https://app.example/%zz",
            "1https://app.example/callback",
            " https://app.example/callback",
            ":callback",
        ] {
            assert_eq!(judged(broken, REGISTERED), Err(Trouble::RedirectUriMalformed), "{broken}");
        }
        let long = format!("https://app.example/{}", "x".repeat(REDIRECT_URI_MAX_BYTES));
        assert_eq!(judged(&long, &long), Err(Trouble::RedirectUriMalformed));
    }

    #[test]
    fn the_port_may_differ_on_loopback_addresses_alone() {
        for (registered, sent) in [
            ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback"),
            ("http://127.0.0.1:8400/callback", "http://127.0.0.1:49152/callback"),
            ("http://127.0.0.1:8400/callback", "http://127.0.0.1/callback"),
            ("http://[::1]:8400/callback?x=1", "http://[::1]:1/callback?x=1"),
            ("http://127.0.0.1", "http://127.0.0.1:49152"),
        ] {
            assert_eq!(judged(sent, registered), Ok(()), "{registered} {sent}");
        }
        for (registered, sent) in [
            ("http://localhost:8400/callback", "http://localhost:49152/callback"),
            ("http://localhost/callback", "http://localhost:80/callback"),
            ("http://127.0.0.1/callback", "http://localhost/callback"),
            ("http://127.0.0.1/callback", "http://[::1]/callback"),
            ("http://127.0.0.1/callback", "https://127.0.0.1/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:8400/other"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:8400/callback/"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:0/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:65536/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:8400@evil.example/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:@evil.example/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1:84a0/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.1.evil.example/callback"),
            ("http://127.0.0.1/callback", "http://127.0.0.10/callback"),
            ("http://127.0.0.1/callback", "http://127.1/callback"),
            ("http://127.0.0.1/callback", "http://2130706433/callback"),
            ("https://127.0.0.1:8400/callback", "https://127.0.0.1:8401/callback"),
            ("https://app.example:1/", "https://app.example:2/"),
        ] {
            assert_eq!(judged(sent, registered), Err(Trouble::RedirectUriMismatch), "{registered} {sent}");
        }
    }

    #[test]
    fn answers_are_added_to_the_query_that_is_there() {
        let answer: [(&str, &[u8]); 2] = [("code", b"a b"), ("state", "\u{e9}&=\0+".as_bytes())];
        let added = "code=a%20b&state=%C3%A9%26%3D%00%2B";
        for (uri, joined) in [
            ("https://a/cb", "https://a/cb?"),
            ("https://a/cb?", "https://a/cb?"),
            ("https://a/cb?x=1", "https://a/cb?x=1&"),
            ("https://a/cb?x=1&", "https://a/cb?x=1&"),
            ("com.example.app:/cb", "com.example.app:/cb?"),
        ] {
            assert_eq!(with_answer(uri, &answer), format!("{joined}{added}"));
        }
    }

    #[test]
    fn pages_may_send_forms_on_to_the_application() {
        assert_eq!(form_action_sources("https://app.example/cb"), "https:");
        assert_eq!(form_action_sources("http://[::1]:8400/cb"), "https: http:");
        assert_eq!(form_action_sources("com.example.app:/cb"), "https: com.example.app:");
        assert_eq!(form_action_sources("a;script-src *:/cb"), "https:");
        assert_eq!(destination("https://app.example:8443/cb?x"), "app.example:8443");
        assert_eq!(destination("com.example.app:/cb"), "com.example.app");
    }
}
