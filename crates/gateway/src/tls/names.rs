//! Which certificate a caller is shown: the one for the host that it names (SNI, RFC 6066 §3), else the first.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// HTTP/2 over TLS, as ALPN calls it (RFC 9113 §3.3).
pub(super) const HTTP2: &[u8] = b"h2";
/// HTTP/1.1 over TLS, as ALPN calls it (RFC 7301 §6).
pub(crate) const HTTP1: &[u8] = b"http/1.1";

/// Certificates by the names in them.
#[derive(Debug)]
pub(super) struct Names {
    /// By a name, or by what follows `*.` of one: several where the same name has keys of several kinds.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    wild: HashMap<String, Vec<Arc<CertifiedKey>>>,
    all: Vec<Arc<CertifiedKey>>,
}

impl Names {
    /// Certificates with the names in each, the default first.
    pub(super) fn new(certificates: Vec<(Arc<CertifiedKey>, Vec<String>)>) -> Self {
        let mut names = Self { exact: HashMap::new(), wild: HashMap::new(), all: Vec::new() };
        for (certificate, own) in certificates {
            for name in own {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wild, parent.to_owned()),
                    None => (&mut names.exact, name),
                };
                map.entry(name).or_default().push(Arc::clone(&certificate));
            }
            names.all.push(certificate);
        }
        names
    }

    /// The certificates for a name, best first. A wildcard stands for one label.
    fn of(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.to_ascii_lowercase();
        let wild = || name.split_once('.').and_then(|(_, parent)| self.wild.get(parent));
        self.exact.get(&name).or_else(wild).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let known = hello.server_name().and_then(|name| self.of(name)).unwrap_or_default();
        let usable = |one: &&Arc<CertifiedKey>| one.key.choose_scheme(hello.signature_schemes()).is_some();
        // Where nothing is usable, the first makes the handshake fail with the right alert.
        known.iter().find(usable).or_else(|| known.first()).or_else(|| self.all.first()).cloned()
    }
}
