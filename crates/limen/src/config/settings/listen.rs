//! Places to listen on, as they are written.

use std::fmt;
use std::net::IpAddr;

use limen_rules::declared::Complaint;

/// A host and a port to listen on; port 0 takes a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    host: String,
    port: u16,
}

impl Listen {
    /// Whether only this machine can reach it. A name other than `localhost` is taken to lead outward.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.parse().map_or(self.host.eq_ignore_ascii_case("localhost"), |address: IpAddr| address.is_loopback())
    }

    /// A place that is listened on already.
    pub(crate) fn of(address: std::net::SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
        let plain = |one: u8| one.is_ascii_alphanumeric() || one == b'-' || one == b'.';
        let whole = match bare {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.len() <= 253 && host.bytes().all(plain),
        };
        let digits = !port.is_empty() && port.bytes().all(|one| one.is_ascii_digit());
        let port = port.parse().ok().filter(|_| whole && digits)?;
        Some(Self { host: bare.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads a place to listen on.
pub(super) fn listen(text: &str) -> Result<Listen, Complaint> {
    let mend = "write HOST:PORT, like 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:80; port 0 takes a free one";
    Listen::parse(text).ok_or_else(|| (format!("'{text}' is not an address to listen on"), mend.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_listen_on() {
        for good in ["127.0.0.1:8080", "[::1]:0", "localhost:80", "0.0.0.0:65535", "api.example.org:443"] {
            assert_eq!(Listen::parse(good).expect(good).to_string(), good);
        }
        for bad in ["8080", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "a b:1", "h:+1", "[x]:1"] {
            assert_eq!(Listen::parse(bad), None, "{bad}");
        }
        let loopback = |text: &str| Listen::parse(text).expect(text).is_loopback();
        assert!(loopback("127.0.0.2:1") && loopback("[::1]:1") && loopback("localhost:1"));
        assert!(!loopback("0.0.0.0:1") && !loopback("[::]:1") && !loopback("example.org:1"));
    }
}
