//! The address of a service, read once.

use std::sync::Arc;

/// A service's address: `http://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// `HOST:PORT`, what is connected to.
    pub address: Arc<str>,
    /// What `Host` says: without the port where it is the scheme's own.
    pub authority: Arc<str>,
    /// The path that the rest of a call's path is appended to; no slash at its end, empty for the root.
    pub path: Arc<str>,
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it and how to mend it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let uri: http::Uri = text.parse().map_err(|_| format!("'{text}' is not a URL; write http://HOST:PORT"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err("https to services is not supported by this version; write http://HOST:PORT".into());
            }
            _ => return Err(format!("'{text}' has no scheme; write http://HOST:PORT")),
        }
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
            None => Some(80),
        };
        let port = port.ok_or_else(|| format!("'{text}' has no port between 1 and 65535"))?;
        let host = authority.host();
        Ok(Self {
            address: format!("{host}:{port}").into(),
            authority: if port == 80 { host.into() } else { format!("{host}:{port}").into() },
            path: uri.path().trim_end_matches('/').into(),
        })
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
            "https://a",
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
}
