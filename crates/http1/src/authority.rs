//! The form of `Host` and of a target's authority (RFC 3986 §3.2), without user information. It resolves nothing.

/// The longest host.
const HOST_MAX_BYTES: usize = 255;

/// Whether these bytes are `host` or `host:port`.
///
/// The host is a name of the DNS's letters, digits, hyphens, dots and underscores (RFC 3986 would allow escapes and
/// `!$&'()*+,;=` too; no host has them and readers differ on them), an IPv4 address, or an IPv6 address in brackets. It
/// isn't empty. The port fits 16 bits; it may be empty unless it `needs_port`.
pub(crate) fn is_authority(authority: &[u8], needs_port: bool) -> bool {
    let after = if let Some(bracketed) = authority.strip_prefix(b"[") {
        let end = bracketed.iter().position(|byte| *byte == b']');
        let address = end.and_then(|end| std::str::from_utf8(bracketed.get(..end)?).ok());
        if address.is_none_or(|address| address.parse::<std::net::Ipv6Addr>().is_err()) {
            return false;
        }
        end.and_then(|end| bracketed.get(end + 1..))
    } else {
        let end = authority.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(authority.len());
        if end == 0 || end > HOST_MAX_BYTES {
            return false;
        }
        authority.get(end..)
    };
    after.is_some_and(|port| is_port(port, needs_port))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether what follows a host is its port.
fn is_port(port: &[u8], is_needed: bool) -> bool {
    let Some(digits) = port.strip_prefix(b":") else { return port.is_empty() && !is_needed };
    if digits.is_empty() {
        return !is_needed;
    }
    let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + u32::from(*digit - b'0'));
    digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit) && number(digits) <= u32::from(u16::MAX)
}

/// The authority of a target in absolute form (RFC 9112 §3.2.2), and where it begins; `http` and `https` only.
pub(crate) fn of_absolute_form(target: &[u8]) -> Option<(usize, &[u8])> {
    let is_scheme = |scheme: &[u8]| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    let start = [&b"http://"[..], b"https://"].iter().find(|scheme| is_scheme(scheme))?.len();
    let rest = target.get(start..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    Some((start, rest.get(..end)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        for good in
            ["a", "A.example", "a:", "a:80", "a:0080", "a:65535", "1.2.3.4:1", "[::1]", "[::1]:80", "a_b.", "a~"]
        {
            assert!(is_authority(good.as_bytes(), false), "{good}");
        }
        for bad in [
            "",
            ":80",
            "u@a",
            "u:p@a",
            "a:b",
            "a:65536",
            "a:000080",
            "a:-1",
            "a:+1",
            "a/b",
            "a?b",
            "a b",
            "a,b",
            "a%41",
            "[::1",
            "::1",
            "[::1]x",
            "[::1%25en0]",
            "[v1.x]",
            "[]",
            "[1.2.3.4]",
            "a:80:80",
            "a\\b",
            "é",
        ] {
            assert!(!is_authority(bad.as_bytes(), false), "{bad}");
        }
        assert!(!is_authority("a".repeat(256).as_bytes(), false));
        assert!(!is_authority(b"a\xff", false));
    }

    #[test]
    fn a_port_may_be_needed() {
        assert!(is_authority(b"a:443", true) && is_authority(b"[::1]:443", true));
        assert!(!is_authority(b"a", true) && !is_authority(b"a:", true) && !is_authority(b"[::1]", true));
    }

    #[test]
    fn absolute_forms_are_taken_apart() {
        let authority = |target: &'static str| of_absolute_form(target.as_bytes()).map(|(_, authority)| authority);
        assert_eq!(authority("http://a/b"), Some(&b"a"[..]));
        assert_eq!(authority("HTTPS://a:1?b/c"), Some(&b"a:1"[..]));
        assert_eq!(authority("http://a"), Some(&b"a"[..]));
        assert_eq!(authority("http:///b"), Some(&b""[..]));
        assert_eq!(
            (authority("http:/a"), authority("ftp://a"), authority("a"), authority("/")),
            (None, None, None, None)
        );
    }
}
