//! The provider's discovery document (OpenID Connect Discovery 1.0 §3, RFC 8414).

use serde::Deserialize;

use crate::outbound::URL_MAX_BYTES;

const DOCUMENT_MAX_BYTES: usize = 256 * 1024;

/// Where a provider is asked what, by its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Where the browser is sent.
    pub authorization_endpoint: String,
    /// Where codes are exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub keys_url: String,
    /// Whether it says `iss` in all that browsers bring back (RFC 9207 §3).
    pub tells_issuer: bool,
    /// Whether it takes secrets in the form only.
    pub secret_in_form: bool,
}

/// Where the document of an issuer is (OpenID Connect Discovery §4.1).
#[must_use]
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Discovered {
    /// Reads the document that was found for `issuer`.
    ///
    /// # Errors
    /// Why it can't be used, for operators: a document of another issuer above all (§4.3).
    pub fn read(bytes: &[u8], issuer: &str) -> Result<Self, String> {
        if bytes.len() > DOCUMENT_MAX_BYTES {
            return Err(format!("the discovery document is larger than {DOCUMENT_MAX_BYTES} bytes"));
        }
        let read: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("the discovery document can't be read: {error}"))?;
        if read.issuer != issuer {
            let other = super::cut(&read.issuer);
            return Err(format!("the discovery document is of another issuer: '{other}'; write the issuer as it does"));
        }
        let secure_only = !issuer.starts_with("http://");
        let endpoints = [
            ("authorization_endpoint", &read.authorization_endpoint),
            ("token_endpoint", &read.token_endpoint),
            ("jwks_uri", &read.jwks_uri),
        ];
        for (name, url) in endpoints {
            if !is_endpoint(url, secure_only) {
                return Err(format!("{name} of the discovery document is no address that can be used"));
            }
        }
        let methods = read.token_endpoint_auth_methods_supported.unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|one| one == method);
        Ok(Self {
            authorization_endpoint: read.authorization_endpoint,
            token_endpoint: read.token_endpoint,
            keys_url: read.jwks_uri,
            tells_issuer: read.authorization_response_iss_parameter_supported,
            secret_in_form: takes("client_secret_post") && !takes("client_secret_basic"),
        })
    }
}

/// Whether it is an address that can be asked; only over TLS where the issuer itself is.
pub(crate) fn is_endpoint(url: &str, secure_only: bool) -> bool {
    let plain = url.len() <= URL_MAX_BYTES && url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains('#');
    let Some(uri) = url.parse::<http::Uri>().ok().filter(|_| plain) else { return false };
    let scheme = matches!((uri.scheme_str(), secure_only), (Some("https"), _) | (Some("http"), false));
    scheme && uri.authority().is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}
