//! Where an issuer's keys are, by its own words (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).

use serde::Deserialize;

use crate::sign_in::provider::{discovery_url, is_endpoint};

const DOCUMENT_MAX_BYTES: usize = 256 * 1024;
const OAUTH_WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

/// Where an issuer's document may be, in the order in which they are asked: OpenID Connect Discovery §4.1, then
/// RFC 8414 §3.1, which puts its word between host and path.
#[must_use]
pub fn metadata_urls(issuer: &str) -> [String; 2] {
    let bare = issuer.strip_suffix('/').unwrap_or(issuer);
    let path_at = bare.find("://").and_then(|at| bare.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
    let (host, path) = bare.split_at(path_at.unwrap_or(bare.len()));
    [discovery_url(issuer), format!("{host}{OAUTH_WELL_KNOWN}{path}")]
}

/// The address of the keys in the document that was found for `issuer`.
///
/// # Errors
/// Why it can't be used, for operators: a document of another issuer above all (RFC 8414 §3.3).
pub fn keys_url(bytes: &[u8], issuer: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        jwks_uri: Option<String>,
    }
    if bytes.len() > DOCUMENT_MAX_BYTES {
        return Err(format!("the discovery document is larger than {DOCUMENT_MAX_BYTES} bytes"));
    }
    let read: Document =
        serde_json::from_slice(bytes).map_err(|error| format!("the discovery document can't be read: {error}"))?;
    if read.issuer != issuer {
        let other: String = read.issuer.chars().filter(|one| !one.is_control()).take(200).collect();
        return Err(format!("the discovery document is of another issuer: '{other}'; write the issuer as it does"));
    }
    let url = read.jwks_uri.ok_or("the discovery document names no jwks_uri; tell jwks_url")?;
    // Keys that came in clear are anybody's.
    if is_endpoint(&url, !issuer.starts_with("http://")) {
        Ok(url)
    } else {
        Err("jwks_uri of the discovery document is no address that can be used".into())
    }
}
