//! TLS towards targets: what is trusted, from files that are read again when they change, and handshakes.
//!
//! Whoever can't be verified gets nothing: no file that can't be read and no certificate that is wrong is passed over.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use limen_rules::model::TargetTls;
use limen_rules::target::Security;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::records::Records;
use super::stream::{SecuredService, ServiceStream};
use crate::tls::{CertificateFiles, FileFlaw, HTTP1, Stamp, certificate, read_certificates, stamp_of};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a connection could not be secured.
pub(crate) enum Insecure {
    /// By what we were told: the files, or the name.
    Ours(String),
    /// By what the other side did.
    Theirs(String),
}

/// What is trusted, as it was read last.
#[derive(Default)]
struct Known {
    config: Option<Arc<ClientConfig>>,
    flaw: String,
    stamps: [Option<Stamp>; 3],
    looked_at: Option<Instant>,
    is_stale: bool,
}

/// TLS towards one target of one API.
pub(crate) struct ServiceTls {
    security: Arc<Security>,
    known: Mutex<Known>,
    /// One reads the files for all.
    reading: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for ServiceTls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.security.fmt(formatter)
    }
}

impl ServiceTls {
    /// Reads nothing before the first connection.
    pub(crate) fn new(security: Arc<Security>) -> Self {
        Self { security, known: Mutex::default(), reading: tokio::sync::Mutex::default() }
    }

    /// Whether connections made with this are still such as would be made now.
    pub(super) fn is_current(&self, config: &Arc<ClientConfig>) -> bool {
        matches!(self.known(), Some(Ok(known)) if Arc::ptr_eq(&known, config))
    }

    /// Secures a connection.
    pub(super) async fn secure(self: &Arc<Self>, stream: TcpStream) -> Result<ServiceStream, Insecure> {
        let config = self.config().await.map_err(Insecure::Ours)?;
        let told = &self.security.server_name;
        let name = ServerName::try_from(told.to_string())
            .map_err(|_| Insecure::Ours(format!("'{told}' is no name that a certificate can be for")))?;
        let connected = TlsConnector::from(Arc::clone(&config)).connect(name, Records::new(stream)).await;
        let stream = connected.map_err(|error| Insecure::Theirs(words(&error, &self.security)))?;
        Ok(ServiceStream::Tls(Box::new(SecuredService { stream, config, tls: Arc::clone(self) })))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What connections are made with; none where the files must be read first.
    fn known(&self) -> Option<Result<Arc<ClientConfig>, String>> {
        let mut known = self.lock();
        if known.looked_at?.elapsed() >= LOOK_EVERY {
            known.looked_at = Some(Instant::now());
            known.is_stale |= known.config.is_none() || stamps(&self.security.files) != known.stamps;
        }
        if known.is_stale {
            return None;
        }
        Some(known.config.clone().ok_or_else(|| known.flaw.clone()))
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(known) = self.known() {
            return known;
        }
        let _turn = self.reading.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let files = self.security.files.clone();
        // The stamps before the files: what changes meanwhile is then found changed.
        let read = tokio::task::spawn_blocking(move || (stamps(&files), load(&files)));
        let (stamps, loaded) = read.await.map_err(|error| error.to_string())?;
        let mut known = self.lock();
        (known.stamps, known.looked_at, known.is_stale) = (stamps, Some(Instant::now()), false);
        let had_one = known.config.is_some();
        match loaded {
            Ok(config) => {
                if had_one {
                    tracing::info!(target_name = %self.security.server_name, "the files of target_tls were read again");
                }
                known.config = Some(config);
            }
            Err(flaw) => {
                if had_one {
                    tracing::error!(field = %flaw.field, mend = %flaw.mend, "{}; what was read before stays in use", flaw.message);
                }
                known.flaw = format!("{}: {}; mend: {}", flaw.field, flaw.message, flaw.mend);
            }
        }
        known.config.clone().ok_or_else(|| known.flaw.clone())
    }
}

fn stamps(files: &TargetTls) -> [Option<Stamp>; 3] {
    [&files.ca_file, &files.certificate_file, &files.key_file]
        .map(|path| path.as_ref().and_then(|path| stamp_of(Path::new(path))))
}

/// Whether the files of a `target_tls` can be used, as they are now; their fields are named as in an API.
///
/// # Errors
/// What is wrong with the first that can't be.
pub fn check_files(files: &TargetTls) -> Result<(), FileFlaw> {
    load(files).map(drop)
}

/// Reads everything.
fn load(files: &TargetTls) -> Result<Arc<ClientConfig>, FileFlaw> {
    let flaw = |field: &str, message: String, mend: &str| FileFlaw { field: field.into(), message, mend: mend.into() };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    match &files.ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            const FIELD: &str = "target_tls.ca_file";
            for certificate in read_certificates(Path::new(path), FIELD)? {
                roots.add(certificate).map_err(|error| {
                    flaw(
                        FIELD,
                        format!("'{path}' can't be used: {error}"),
                        "name the authority's own certificate, as PEM",
                    )
                })?;
            }
        }
    }
    let own = match (&files.certificate_file, &files.key_file) {
        (None, None) => None,
        (certificate_file, key_file) => {
            let fields = ("target_tls.certificate_file".to_owned(), "target_tls.key_file".to_owned());
            let path = |file: &Option<String>| file.as_deref().unwrap_or_default().into();
            let pair = CertificateFiles { certificate: path(certificate_file), key: path(key_file), fields };
            let read = certificate(&pair, &provider);
            Some(read.map_err(|flaws| {
                let first = flaws.into_iter().next();
                first.unwrap_or_else(|| flaw("target_tls", "can't be used".into(), "check the files"))
            })?)
        }
    };
    let unusable = |error: Error| flaw("target_tls", format!("TLS can't be set up: {error}"), "check the files");
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((own, _)) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::unwrap_or_clone(own))))
        }
    };
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(Arc::new(config))
}

/// What went wrong in a handshake, for whoever runs this.
fn words(error: &io::Error, security: &Security) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => "it closed the connection, and may not speak TLS".into(),
            _ => error.to_string(),
        };
    };
    let trusted = match &security.files.ca_file {
        Some(path) => format!("target_tls.ca_file '{path}'"),
        None => "the public authorities; name its own with target_tls.ca_file".into(),
    };
    match error {
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                format!("its certificate is signed by nobody that is trusted (trusted is: {trusted})")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("its certificate is not for '{}'; see target_tls.server_name", security.server_name)
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet".into()
            }
            other => format!("its certificate is no good: {other}"),
        },
        Error::InvalidMessage(_) => "it does not speak TLS on this port".into(),
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => "it does not speak HTTP/1.1 over TLS".into(),
        Error::AlertReceived(alert) => format!(
            "it refused the handshake ({alert:?}); it may ask for a certificate: see target_tls.certificate_file"
        ),
        other => other.to_string(),
    }
}
