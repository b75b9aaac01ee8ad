//! From files to what a handshake needs; every flaw at once, with its field and mend.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig};
use webpki::EndEntityCert;

use super::names::{HTTP1, HTTP2, Names};
use super::{CallerCertificates, CertificateFiles, Files, Versions};

/// The largest file; a bundle of every public authority is a quarter of it.
const FILE_MAX_BYTES: u64 = 1024 * 1024;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFlaw {
    /// The field of the configuration that names it.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

/// What tells whether a file changed.
pub(crate) type Stamp = (u64, u64, i64, i64);

/// The stamps of all files, in order.
pub(super) fn stamp(files: &Files) -> Vec<Option<Stamp>> {
    let pairs = files.certificates.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
    let all = pairs.chain(files.callers.iter().map(|callers| &callers.ca));
    all.map(|path| stamp_of(path)).collect()
}

/// The stamp of one file; none where there is none.
pub(crate) fn stamp_of(path: &Path) -> Option<Stamp> {
    let told = fs::metadata(path).ok()?;
    Some((told.ino(), told.len(), told.mtime(), told.mtime_nsec()))
}

/// Reads everything.
pub(super) fn load(files: &Files) -> Result<Arc<ServerConfig>, Vec<FileFlaw>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut flaws = Vec::new();
    let mut certificates = Vec::new();
    for pair in &files.certificates {
        match certificate(pair, &provider) {
            Ok(read) => certificates.push(read),
            Err(more) => flaws.extend(more),
        }
    }
    let callers = files.callers.as_ref().map(|callers| {
        verifier(callers, &provider).unwrap_or_else(|flaw| {
            flaws.push(flaw);
            WebPkiClientVerifier::no_client_auth()
        })
    });
    if !flaws.is_empty() {
        return Err(flaws);
    }
    let unusable = |error: Error| {
        let message = format!("TLS can't be set up: {error}");
        vec![FileFlaw { field: String::new(), message, mend: "check all certificates".into() }]
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(callers.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
        .with_cert_resolver(Arc::new(Names::new(certificates)));
    // A new one each time: whoever was let in under other authorities must show its certificate again.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(unusable)?;
    config.alpn_protocols = match files.versions {
        Versions::Both => vec![HTTP2.to_vec(), HTTP1.to_vec()],
        Versions::Http1 => vec![HTTP1.to_vec()],
    };
    Ok(Arc::new(config))
}

pub(crate) type Named = (Arc<CertifiedKey>, Vec<String>);

/// A certificate with its key, and the names in it.
pub(crate) fn certificate(pair: &CertificateFiles, provider: &CryptoProvider) -> Result<Named, Vec<FileFlaw>> {
    let (certificate_field, key_field) = &pair.fields;
    let flaw = |field: &str, message: String, mend: &str| FileFlaw { field: field.into(), message, mend: mend.into() };
    let chain = read_certificates(&pair.certificate, certificate_field);
    let key = read(&pair.key, key_field).and_then(|pem| {
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            let message = format!("'{}' holds no private key that can be read", pair.key.display());
            flaw(key_field, message, "put the key into it as PEM, without a passphrase")
        })
    });
    let (chain, key) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
    };
    let names = names(&chain).map_err(|error| {
        let message = format!("the first certificate of '{}' can't be used: {error}", pair.certificate.display());
        vec![flaw(certificate_field, message, "put the server's own certificate first, of X.509 version 3")]
    })?;
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        let (message, mend) = match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => (
                format!(
                    "'{}' is not the key of the certificate in '{}'",
                    pair.key.display(),
                    pair.certificate.display()
                ),
                "name the key that the certificate was made for; the server's own certificate comes first",
            ),
            error => (format!("'{}' can't be used: {error}", pair.key.display()), "use an ECDSA, Ed25519 or RSA key"),
        };
        vec![flaw(key_field, message, mend)]
    })?;
    Ok((Arc::new(certified), names))
}

/// The DNS names of the first certificate, in small letters.
fn names(chain: &[CertificateDer<'_>]) -> Result<Vec<String>, webpki::Error> {
    let Some(first) = chain.first() else { return Err(webpki::Error::BadDer) };
    let certificate = EndEntityCert::try_from(first)?;
    Ok(certificate.valid_dns_names().map(str::to_ascii_lowercase).collect())
}

/// What decides on callers' certificates.
fn verifier(
    callers: &CallerCertificates,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, FileFlaw> {
    let flaw = |error: String| FileFlaw {
        field: callers.field.clone(),
        message: format!("'{}' can't be used: {error}", callers.ca.display()),
        mend: "put the certificates of the authorities that sign callers' certificates into it, as PEM".into(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(&callers.ca, &callers.field)? {
        roots.add(certificate).map_err(|error| flaw(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = if callers.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| flaw(error.to_string()))
}

/// The certificates of a file; at least one.
pub(crate) fn read_certificates(path: &Path, field: &str) -> Result<Vec<CertificateDer<'static>>, FileFlaw> {
    let pem = read(path, field)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let flaw = |message: String| {
        FileFlaw {
        field: field.into(),
        message,
        mend: "put the certificate into it as PEM: -----BEGIN CERTIFICATE-----, and those that lead to its authority after it".into(),
    }
    };
    match read {
        Ok(chain) if chain.is_empty() => Err(flaw(format!("'{}' holds no certificate", path.display()))),
        Ok(chain) => Ok(chain),
        Err(error) => Err(flaw(format!("'{}' is not PEM: {error}", path.display()))),
    }
}

fn read(path: &Path, field: &str) -> Result<Vec<u8>, FileFlaw> {
    let mut bytes = Vec::new();
    let told = File::open(path).and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes));
    let flaw = |message: String, mend: &str| FileFlaw { field: field.into(), message, mend: mend.into() };
    match told {
        Ok(_) if bytes.len() as u64 > FILE_MAX_BYTES => {
            Err(flaw(format!("'{}' is larger than 1 MiB", path.display()), "name the right file"))
        }
        Ok(_) => Ok(bytes),
        Err(error) => {
            let mend = "check the path and who may read the file";
            Err(flaw(format!("'{}' can't be read: {error}", path.display()), mend))
        }
    }
}
