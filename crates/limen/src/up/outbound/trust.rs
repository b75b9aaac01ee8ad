//! TLS on the way out: whom certificates may lead to. A file that is named is read at each request, so that a new one
//! needs no restart; it alone is trusted then.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use limen_rules::outbound::{Host, Place};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The largest file; a bundle of every public authority is a quarter of it.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Whom certificates may lead to.
pub(super) enum Trust {
    /// The public authorities.
    Public(Arc<ClientConfig>),
    /// Those of a file.
    File(PathBuf),
}

impl Trust {
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn open(ca_file: Option<PathBuf>) -> Result<Self, String> {
        match ca_file {
            Some(path) => read(&path).map(|_| Self::File(path)),
            None => {
                let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
                config(roots).map(Self::Public)
            }
        }
    }

    /// Secures a connection to the place.
    ///
    /// # Errors
    /// Why it can't be trusted.
    pub(super) async fn secure(&self, place: &Place, stream: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let config = match self {
            Self::Public(config) => Arc::clone(config),
            Self::File(path) => {
                let path = path.clone();
                let reading = tokio::task::spawn_blocking(move || read(&path));
                reading
                    .await
                    .map_err(|error| error.to_string())?
                    .map_err(|words| format!("outbound.ca_file: {words}"))?
            }
        };
        let name = match &place.host {
            Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| "its name can have no certificate")?,
            Host::Address(address) => ServerName::from(*address),
        };
        let connected = TlsConnector::from(config).connect(name, stream).await;
        connected.map_err(|error| format!("its TLS can't be trusted: {error}"))
    }
}

fn read(path: &Path) -> Result<Arc<ClientConfig>, String> {
    let shown = path.display();
    let mut pem = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_MAX_BYTES).read_to_end(&mut pem))
        .map_err(|error| format!("'{shown}' can't be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| format!("'{shown}' is not PEM"))?;
        roots.add(certificate).map_err(|error| format!("'{shown}' can't be used: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("'{shown}' holds no certificate"));
    }
    config(roots)
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
