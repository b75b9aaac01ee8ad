//! The address of a service, read once.

use std::sync::Arc;

use crate::model::TargetTls;

/// A service's address: `http://HOST[:PORT][/PATH]`, or the same with `https`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// `HOST:PORT`, what is connected to.
    pub address: Arc<str>,
    /// What `Host` says: without the port where it is the scheme's own.
    pub authority: Arc<str>,
    /// The path that the rest of a call's path is appended to; no slash at its end, empty for the root.
    pub path: Arc<str>,
    /// How its side is verified, where it is spoken to over TLS.
    pub security: Option<Arc<Security>>,
    /// What connections must have in common to be shared: the address, and all that is told of TLS.
    pub connection_key: Arc<str>,
}

/// Whom a target over TLS must prove to be, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Security {
    /// The name, or the address, that its certificate must be for.
    pub server_name: Arc<str>,
    /// What its API tells of TLS.
    pub files: TargetTls,
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it and how to mend it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::with_tls(text, None)
    }

    /// Reads an address; what is told of TLS is used where it begins with `https`.
    ///
    /// # Errors
    /// What is wrong with it and how to mend it.
    pub fn with_tls(text: &str, tls: Option<&TargetTls>) -> Result<Self, String> {
        let uri: http::Uri = text.parse().map_err(|_| format!("'{text}' is not a URL; write http://HOST:PORT"))?;
        let (is_secure, usual_port) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(format!("'{text}' has no scheme; write http://HOST:PORT or https://HOST:PORT")),
        };
        let authority = uri.authority().ok_or_else(|| format!("'{text}' has no host; write http://HOST:PORT"))?;
        if authority.as_str().contains('@') {
            return Err("a target can't hold a user name or password; leave them out".into());
        }
        if uri.query().is_some() {
            return Err("a target can't have a query; leave out the part from '?'".into());
        }
        let told = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port = match told.strip_prefix(':') {
            Some(port) => port.parse::<u16>().ok().filter(|port| *port != 0),
            None => Some(usual_port),
        };
        let port = port.ok_or_else(|| format!("'{text}' has no port between 1 and 65535"))?;
        let host = authority.host();
        let address: Arc<str> = format!("{host}:{port}").into();
        let security = is_secure.then(|| Arc::new(Security::new(host, tls.cloned().unwrap_or_default())));
        Ok(Self {
            authority: if port == usual_port { host.into() } else { Arc::clone(&address) },
            path: uri.path().trim_end_matches('/').into(),
            connection_key: security.as_ref().map_or_else(|| Arc::clone(&address), |one| one.key(&address)),
            security,
            address,
        })
    }

    /// The address as it is written.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.security.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }
}

impl Security {
    fn new(host: &str, files: TargetTls) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self { server_name: files.server_name.as_deref().unwrap_or(host).into(), files }
    }

    /// Each part with its length before it, so that no two settings look alike.
    fn key(&self, address: &str) -> Arc<str> {
        let files = [&self.files.ca_file, &self.files.certificate_file, &self.files.key_file];
        let parts = [Some(address), Some(&*self.server_name)].into_iter().chain(files.map(Option::as_deref));
        let told = |part: Option<&str>| part.map_or_else(|| "-".into(), |part| format!("{}:{part}", part.len()));
        parts.map(told).collect::<Vec<_>>().join(" ").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let target = Target::parse("http://localhost:9000/v2/").unwrap();
        assert_eq!((&*target.address, &*target.authority, &*target.path), ("localhost:9000", "localhost:9000", "/v2"));
        let target = Target::parse("http://[::1]").unwrap();
        assert_eq!((&*target.address, &*target.authority, &*target.path), ("[::1]:80", "[::1]", ""));
        for bad in [
            "localhost:9000",
            "ftp://a",
            "https://u:p@a",
            "https://a:0",
            "http://u:p@a",
            "http://a/?x=1",
            "http://a:0",
            "http://a:99999",
            "",
            "http://",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_over_tls_are_read() {
        let target = Target::parse("https://api.example/v2/").unwrap();
        assert_eq!((&*target.address, &*target.authority), ("api.example:443", "api.example"));
        assert_eq!(target.url(), "https://api.example/v2");
        assert_eq!(&*target.security.unwrap().server_name, "api.example");
        let target = Target::parse("https://[::1]:80").unwrap();
        assert_eq!((&*target.address, &*target.authority), ("[::1]:80", "[::1]:80"));
        assert_eq!(target.url(), "https://[::1]:80");
        assert_eq!(&*target.security.unwrap().server_name, "::1");
        assert!(Target::parse("http://a").unwrap().security.is_none());
    }

    #[test]
    fn connections_of_different_trust_are_never_shared() {
        let tls = |ca: Option<&str>, pair: Option<(&str, &str)>, name: Option<&str>| TargetTls {
            ca_file: ca.map(Into::into),
            certificate_file: pair.map(|pair| pair.0.into()),
            key_file: pair.map(|pair| pair.1.into()),
            server_name: name.map(Into::into),
        };
        let of = |tls: &TargetTls| Target::with_tls("https://a:1/b", Some(tls)).unwrap().connection_key;
        let settings = [
            tls(None, None, None),
            tls(Some("x"), None, None),
            tls(Some("y"), None, None),
            tls(Some("x"), None, Some("n")),
            tls(None, None, Some("n")),
            tls(None, Some(("x", "y")), None),
            tls(None, Some(("x 1:y", "")), None),
            tls(Some("x"), Some(("x", "y")), None),
            tls(Some("-"), None, None),
        ];
        let mut keys: Vec<_> = settings.iter().map(of).collect();
        keys.push(Target::parse("http://a:1/b").unwrap().connection_key);
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all, "{keys:?}");
        assert_eq!(of(&settings[0]), Target::parse("https://a:1/other").unwrap().connection_key);
    }
}
