//! Where a call comes from: the facts of its connection, and what trusted proxies told of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::FORWARDED;
use http::{HeaderName, HeaderValue};
use limen_http1::service::FieldLines;
use limen_rules::forwarded::{Scheme, Told, resolve};
use limen_rules::header::Fields;

use crate::edge::Edge;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Where a call comes from. Made once for a connection; anew for each call only behind a trusted proxy.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The caller's address, as far as it is vouched for.
    pub(crate) address: IpAddr,
    /// How the caller came to us, or to the outermost proxy.
    pub(crate) scheme: Scheme,
    /// Whether it is a proxy whose fields are believed.
    is_trusted: bool,
    /// What the service is told: the caller and the trusted proxies after it.
    chain: HeaderValue,
    forwarded: HeaderValue,
    /// Which host the caller asked the outermost proxy for.
    host: Option<HeaderValue>,
}

impl Peer {
    /// The other end of a connection.
    pub(crate) fn new(address: SocketAddr, scheme: Scheme, edge: &Edge) -> Self {
        let ip = address.ip().to_canonical();
        let told = Told { address: ip, proxies: Vec::new(), scheme: None, host: None };
        Self { is_trusted: edge.trusted_proxies.contain(ip), ..Self::told(told, scheme) }
    }

    fn told(told: Told, scheme: Scheme) -> Self {
        let scheme = told.scheme.unwrap_or(scheme);
        let hops = || std::iter::once(&told.address).chain(&told.proxies);
        let chain: Vec<String> = hops().map(ToString::to_string).collect();
        let forwarded: Vec<String> = hops().map(node).collect();
        let mut forwarded = forwarded.into_iter();
        let first = format!("{};proto={}", forwarded.next().unwrap_or_default(), scheme.as_str());
        let forwarded: Vec<String> = std::iter::once(first).chain(forwarded).collect();
        Self {
            address: told.address,
            scheme,
            is_trusted: false,
            chain: value(&chain.join(", ")),
            forwarded: value(&forwarded.join(", ")),
            host: told.host.as_deref().map(value),
        }
    }

    /// Where this call comes from: behind a trusted proxy what its fields tell, else the connection's other end.
    pub(crate) fn of_call(self: &Arc<Self>, fields: &dyn Fields, edge: &Edge) -> Arc<Self> {
        if !self.is_trusted {
            return Arc::clone(self);
        }
        let told = resolve(self.address, fields, &edge.trusted_proxies, edge.forwarded_field);
        if told.proxies.is_empty() {
            return Arc::clone(self);
        }
        Arc::new(Self::told(told, self.scheme))
    }

    /// Tells the service; `host` is the one that the caller asked us for. What callers say of it doesn't pass.
    pub(crate) fn tell(&self, fields: &mut FieldLines, host: Option<&[u8]>) {
        fields.put(&FORWARDED, self.forwarded.as_bytes());
        fields.put(&X_FORWARDED_FOR, self.chain.as_bytes());
        fields.put(&X_FORWARDED_PROTO, self.scheme.as_str().as_bytes());
        if let Some(host) = self.host.as_ref().map(HeaderValue::as_bytes).or(host) {
            fields.put(&X_FORWARDED_HOST, host);
        }
    }
}

/// A hop as RFC 7239 §6 writes it.
fn node(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("for={address}"),
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    }
}

/// Addresses and checked host names always fit.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use limen_rules::network::{Network, Networks};

    use super::*;

    fn told(peer: &str, lines: &[(&'static str, &str)]) -> (String, Vec<String>) {
        let networks = Networks::new(vec![Network::parse("10.0.0.0/8").unwrap(), Network::parse("::1").unwrap()]);
        let edge = Edge { trusted_proxies: networks, ..Edge::default() };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let peer = Arc::new(Peer::new(peer.parse().unwrap(), Scheme::Http, &edge)).of_call(&headers, &edge);
        let mut sent = FieldLines::default();
        peer.tell(&mut sent, Some(b"api.example"));
        let sent = String::from_utf8(sent.as_bytes().to_vec()).unwrap();
        (peer.address.to_string(), sent.lines().map(str::to_owned).collect())
    }

    #[test]
    fn services_are_told_what_is_vouched_for() {
        let forged = &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil")];
        assert_eq!(
            told("192.0.2.1:4711", forged),
            (
                "192.0.2.1".into(),
                vec![
                    "forwarded: for=192.0.2.1;proto=http".into(),
                    "x-forwarded-for: 192.0.2.1".into(),
                    "x-forwarded-proto: http".into(),
                    "x-forwarded-host: api.example".into(),
                ]
            )
        );
        let vouched = &[
            ("x-forwarded-for", "6.6.6.6, 2001:db8::9, 10.0.0.2"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "www.example"),
        ];
        assert_eq!(
            told("[::ffff:10.0.0.1]:4711", vouched),
            (
                "2001:db8::9".into(),
                vec![
                    "forwarded: for=\"[2001:db8::9]\";proto=https, for=10.0.0.2, for=10.0.0.1".into(),
                    "x-forwarded-for: 2001:db8::9, 10.0.0.2, 10.0.0.1".into(),
                    "x-forwarded-proto: https".into(),
                    "x-forwarded-host: www.example".into(),
                ]
            )
        );
        assert_eq!(told("[::1]:4711", &[]).1[0], "forwarded: for=\"[::1]\";proto=http");
    }
}
