//! Whether an address is one that users may be sent to: redirect URIs (RFC 6749 §3.1.2, RFC 8252 §7) and websites.

use super::{Complaint, shown};

const ADDRESS_CHARACTERS_MAX: usize = 500;
/// Hosts that are this machine, where http is as good as https.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
const REDIRECT_FORM: &str = "write it like https://app.example.org/callback";

/// Whether users may be sent back to `uri`: an absolute address without a fragment; `https`, `http` on this machine,
/// or a scheme of the application's own, which has a dot (RFC 8252 §7.1).
///
/// # Errors
/// What is wrong with it and how to mend it.
pub fn check_redirect_uri(uri: &str) -> Result<(), Complaint> {
    let bad = |why: &str, mend: &str| Err((format!("'{}' {why}", shown(uri)), mend.to_owned()));
    if uri.len() > ADDRESS_CHARACTERS_MAX {
        return bad("is longer than 500 characters", "shorten it; what changes from time to time goes into state");
    }
    if uri.contains('#') {
        return bad("has a fragment", "leave out the part from '#'");
    }
    if let Some(strange) = strange(uri) {
        return Err((format!("'{}' holds {strange}", shown(uri)), "percent-encode it".to_owned()));
    }
    let Some((scheme, rest)) = scheme(uri) else { return bad("is not a whole address", REDIRECT_FORM) };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => web_address(uri).map(|_| ()),
        "http" => match web_address(uri)? {
            host if LOOPBACK_HOSTS.contains(&host) => Ok(()),
            _ => bad("sends codes in clear", "use https; http is for localhost, 127.0.0.1 and [::1]"),
        },
        own if own.contains('.') && rest.len() > 1 && rest.starts_with('/') => Ok(()),
        own if own.contains('.') => bad("has no path", "write it like com.example.app:/callback"),
        _ => {
            bad("has a scheme that is not allowed", "use https, or a scheme of your own like com.example.app:/callback")
        }
    }
}

/// Whether people can be led to `address` to read about an application.
///
/// # Errors
/// What is wrong with it and how to mend it.
pub fn check_website(address: &str) -> Result<(), Complaint> {
    let bad =
        |why: &str| Err((format!("'{}' {why}", shown(address)), "write it like https://www.example.org".to_owned()));
    if address.len() > ADDRESS_CHARACTERS_MAX {
        return bad("is longer than 500 characters");
    }
    if strange(address).is_some() {
        return bad("holds characters that an address can't have");
    }
    match scheme(address) {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
            web_address(address).map(|_| ())
        }
        _ => bad("does not begin with https:// or http://"),
    }
}

/// The scheme and what follows its colon, RFC 3986 §3.1.
fn scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let whole = scheme.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()) && scheme.bytes().all(plain);
    whole.then_some((scheme, rest))
}

/// The host of an `http` or `https` address, if it has one that everybody reads alike.
fn web_address(address: &str) -> Result<&str, Complaint> {
    let bad = |why: &str, mend: &str| Err((format!("'{}' {why}", shown(address)), mend.to_owned()));
    let after = address.split_once("://").map(|(_, after)| after).unwrap_or_default();
    let authority = after.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return bad("holds a user name or password", "leave out the part up to '@'");
    }
    let host_end = match authority.rfind(']') {
        Some(end) => end + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(host_end).unwrap_or((authority, ""));
    let whole = address.split('#').next().unwrap_or_default().parse::<http::Uri>();
    if host.is_empty() || host == "[]" || whole.is_err() {
        return bad("names no host", REDIRECT_FORM);
    }
    if host.contains('*') {
        return bad("has '*' in its host", "list each address: they are compared character by character");
    }
    match port.strip_prefix(':').map(str::parse::<u16>) {
        None if port.is_empty() => Ok(host),
        Some(Ok(1..)) => Ok(host),
        _ => bad("has a port that is not 1 to 65535", "mend the port or leave it out"),
    }
}

/// What an address can't hold as it is (RFC 3986 §2), in words; a backslash is a slash to some browsers.
fn strange(uri: &str) -> Option<&'static str> {
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut hex = || rest.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                if !(hex() && hex()) {
                    return Some("a '%' without two hexadecimal digits");
                }
            }
            b' ' => return Some("a space"),
            b'\\' => return Some("a backslash"),
            b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => return Some("one of \"<>^`{|}"),
            0x21..=0x7e => {}
            _ => return Some("characters that an address can't have"),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_users_may_be_sent_back_to() {
        for good in [
            "https://app.example.org/callback",
            "HTTPS://app.example.org:8443/a%20b?x=1&y=(2)",
            "https://[2001:db8::1]/cb",
            "http://localhost:8400/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:1/",
            "http://localhost",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()), "{good}");
        }
        let cases = [
            ("", "is not a whole address"),
            ("/callback", "is not a whole address"),
            ("app.example.org/callback", "is not a whole address"),
            ("//app.example.org/callback", "is not a whole address"),
            ("https:///callback", "names no host"),
            ("https://", "names no host"),
            ("https://:443/", "names no host"),
            ("https:/callback", "names no host"),
            ("https://a/#", "has a fragment"),
            ("https://a/ b", "holds a space"),
            ("https://a\\@b/", "holds a backslash"),
            ("https://a/%2", "holds a '%'"),
            ("https://ä.example/", "holds characters"),
            ("https://u:p@a/", "user name"),
            ("https://*.example.org/", "'*' in its host"),
            ("https://a:0/", "has a port"),
            ("https://a:99999/", "has a port"),
            ("https://a:x/", "has a port"),
            ("http://app.example.org/callback", "in clear"),
            ("http://localhost.example.org/", "in clear"),
            ("http://127.0.0.1.example.org/", "in clear"),
            ("http://2130706433/", "in clear"),
            ("javascript:alert(1)", "scheme that is not allowed"),
            ("data:text/html,x", "scheme that is not allowed"),
            ("file:///etc/passwd", "scheme that is not allowed"),
            ("myapp:/callback", "scheme that is not allowed"),
            ("urn:ietf:wg:oauth:2.0:oob", "scheme that is not allowed"),
            ("com.example.app:callback", "has no path"),
            ("com.example.app:/", "has no path"),
        ];
        for (bad, why) in cases {
            let (message, mend) = check_redirect_uri(bad).expect_err(bad);
            assert!(message.contains(why) && !mend.is_empty(), "{bad}: {message}");
        }
        assert!(check_redirect_uri(&format!("https://a/{}", "x".repeat(500))).is_err());
    }

    #[test]
    fn where_people_read_more() {
        assert_eq!(check_website("https://www.example.org/about#us"), Ok(()));
        assert_eq!(check_website("http://example.org"), Ok(()));
        for bad in ["www.example.org", "javascript:alert(1)", "https://", "https://u@a", "https://a b", "ftp://a"] {
            assert!(check_website(bad).is_err(), "{bad}");
        }
    }
}
