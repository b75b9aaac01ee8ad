//! Requests that a person can cause us to make: which addresses may be asked, by URL and by what its name resolves to.
//!
//! It resolves nothing and connects to nothing. Whoever does must connect to the very addresses that were judged here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::network::{NETWORKS_MAX, Network, Networks};

/// No longer URL is asked.
pub const URL_MAX_BYTES: usize = 2_048;
/// The longest name of a host (RFC 1035 §2.3.4).
const HOST_MAX_BYTES: usize = 253;

/// What of one's own network may be asked: hosts by name, and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    hosts: Vec<String>,
    networks: Networks,
}

impl Allowed {
    /// Reads names of hosts, addresses and networks.
    ///
    /// # Errors
    /// What is wrong with an entry, and how to mend it.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, (String, String)> {
        let (mut hosts, mut networks) = (Vec::new(), Vec::new());
        for entry in entries {
            if entry.contains(['/', ':']) || ends_in_a_number(entry) {
                networks.push(Network::parse(entry)?);
            } else if is_name(entry) {
                hosts.push(entry.to_ascii_lowercase());
            } else {
                let mend = "write a host's name, an address or a network, like id.example.org or 10.0.0.0/8";
                return Err((format!("'{entry}' is neither a host nor a network"), mend.into()));
            }
        }
        if hosts.len() + networks.len() > NETWORKS_MAX {
            return Err((format!("more than {NETWORKS_MAX} entries"), "name wider networks".into()));
        }
        Ok(Self { hosts, networks: Networks::new(networks) })
    }

    fn lists(&self, host: &Host) -> bool {
        match host {
            Host::Name(name) => self.hosts.contains(name),
            Host::Address(address) => self.networks.contain(*address),
        }
    }
}

/// The host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name that is to be resolved, in small letters.
    Name(String),
    /// An address, written as one.
    Address(IpAddr),
}

/// A URL that may be asked, as far as can be said before its name is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whether it is asked over TLS.
    pub secure: bool,
    /// Whom to ask.
    pub host: Host,
    /// Where.
    pub port: u16,
    /// What goes into the `Host` field.
    pub authority: String,
    /// The path and the query.
    pub path_and_query: String,
    is_listed: bool,
    is_typed: bool,
}

impl Place {
    /// Reads a URL: https, or http where the operator lists the host.
    ///
    /// # Errors
    /// Why it may not be asked, for operators.
    pub fn of(url: &str, allowed: &Allowed) -> Result<Self, String> {
        let mut place = Self::read(url)?;
        place.is_listed = allowed.lists(&place.host);
        if !place.secure && !place.is_listed {
            return Err("http:// is asked only where outbound.allow lists the host; use https://".into());
        }
        Ok(place)
    }

    /// Reads a URL that a person typed on the machine that asks: it may lead to that machine and its own network too,
    /// and without TLS there alone.
    ///
    /// # Errors
    /// Why it is none that can be asked.
    pub fn typed(url: &str) -> Result<Self, String> {
        Ok(Self { is_typed: true, ..Self::read(url)? })
    }

    fn read(url: &str) -> Result<Self, String> {
        if url.len() > URL_MAX_BYTES {
            return Err(format!("the URL is longer than {URL_MAX_BYTES} bytes"));
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['#', '\\']) {
            return Err("the URL has characters that none may have".into());
        }
        let uri: http::Uri = url.parse().map_err(|_| "it is not a URL")?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err("the URL begins neither with https:// nor with http://".into()),
        };
        let authority = uri.authority().ok_or("the URL names no host")?;
        if authority.as_str().contains('@') {
            return Err("the URL holds a user or a password".into());
        }
        let host = host(authority.host())?;
        let port = match authority.as_str().strip_prefix(authority.host()).unwrap_or_default() {
            "" if secure => 443,
            "" => 80,
            _ => authority.port_u16().filter(|port| *port != 0).ok_or("the URL's port is none")?,
        };
        let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Self { secure, host, port, authority, path_and_query, is_listed: false, is_typed: false })
    }

    /// Judges all that its name resolved to: one address that may not be asked is enough to ask none.
    ///
    /// # Errors
    /// Why it may not be asked, for operators.
    pub fn judge(&self, addresses: &[IpAddr], allowed: &Allowed) -> Result<(), String> {
        if addresses.is_empty() {
            return Err("the name has no address".into());
        }
        if self.is_typed {
            return addresses.iter().try_for_each(|address| self.judge_typed(*address));
        }
        if self.is_listed {
            return Ok(());
        }
        let refused = addresses
            .iter()
            .find_map(|address| Some((address, not_public(*address)?)).filter(|_| !allowed.networks.contain(*address)));
        match refused {
            Some((address, what)) => {
                Err(format!("{address} is {what}; list the host or its network in outbound.allow if it is meant"))
            }
            None => Ok(()),
        }
    }
}

impl Place {
    fn judge_typed(&self, address: IpAddr) -> Result<(), String> {
        match not_public(address.to_canonical()) {
            Some("loopback" | "private") => Ok(()),
            Some(what) => Err(format!("{address} is {what}")),
            None if self.secure => Ok(()),
            None => Err(format!("{address} is not in your own network, so that http:// could be changed on the way")),
        }
    }
}

fn host(text: &str) -> Result<Host, String> {
    if let Some(inner) = text.strip_prefix('[') {
        let address: Option<Ipv6Addr> = inner.strip_suffix(']').and_then(|inner| inner.parse().ok());
        return address.map(|one| Host::Address(one.into())).ok_or_else(|| "the URL's address is none".into());
    }
    if ends_in_a_number(text) {
        // Resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses too: only one way of writing passes.
        let address: Result<Ipv4Addr, _> = text.parse();
        return address
            .map(|one| Host::Address(one.into()))
            .map_err(|_| "the URL's address is not written as four plain numbers".into());
    }
    if is_name(text) { Ok(Host::Name(text.to_ascii_lowercase())) } else { Err("the URL's host is no name".into()) }
}

/// Whether the last label is a number in any of the forms that resolvers know.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let digits = |text: &str, is_digit: fn(&u8) -> bool| text.as_bytes().iter().all(is_digit);
    match hex {
        Some(hex) => digits(hex, u8::is_ascii_hexdigit),
        None => !last.is_empty() && digits(last, u8::is_ascii_digit),
    }
}

fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= HOST_MAX_BYTES && text.split('.').all(label) && !ends_in_a_number(text)
}

/// What keeps an address from being asked; none for one of the public internet.
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

/// The special blocks of RFC 6890 and its registry.
fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [first, second, third, _] = address.octets();
    match (first, second, third) {
        (0, ..) => Some("unspecified"),
        (127, ..) => Some("loopback"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("private"),
        (169, 254, _) => Some("link-local"),
        (100, 64..=127, _) => Some("shared by callers of one provider (RFC 6598)"),
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => Some("reserved"),
        (224..=239, ..) => Some("multicast"),
        (240.., ..) => Some("reserved"),
        _ => None,
    }
}

/// Only global unicast passes (RFC 4291 §2.4), without what carries an IPv4 address or is for documents.
fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, second, ..] = address.segments();
    match (first, second) {
        _ if address.is_loopback() => Some("loopback"),
        _ if address.is_unspecified() => Some("unspecified"),
        _ if address.to_ipv4().is_some() => Some("an IPv4 address in IPv6's form"),
        (0xfc00..=0xfdff, _) => Some("private"),
        (0xfe80..=0xfebf, _) => Some("link-local"),
        (0xff00.., _) => Some("multicast"),
        (0x2002, _) => Some("an IPv4 address in IPv6's form"),
        (0x2001, 0..=0x01ff) | (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => Some("reserved"),
        (0x2000..=0x3fff, _) => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests;
