//! TLS towards callers: certificates from files, read again when they change, and handshakes under a deadline and a cap.
//!
//! It knows nothing of HTTP but the names by which the two ends agree on a version of it (ALPN).

mod counted;
mod load;
mod names;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub(crate) use self::counted::Counted;
pub use self::load::FileFlaw;
pub(crate) use self::load::{Stamp, certificate, read_certificates, stamp_of};
use self::load::{load, stamp};
pub(crate) use self::names::HTTP1;

/// From the connection's start to the handshake's end.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes under way at a time, over all cores; more wait within their deadline.
const HANDSHAKES_MAX: usize = 1_024;
/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is encrypted ahead of the socket, for one connection.
const ENCRYPTED_BYTES: usize = 64 * 1024;
/// The first byte of every handshake (RFC 8446 §5.1): its record's type.
const HANDSHAKE_RECORD: u8 = 0x16;

/// Which versions of HTTP a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// HTTP/2 and HTTP/1.1.
    Both,
    /// HTTP/1.1 alone.
    Http1,
}

/// A certificate and its key, each in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and those that lead to its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// What the two are called in the configuration.
    pub fields: (String, String),
}

/// Whether callers show certificates of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerCertificates {
    /// Those who may have signed them, in PEM.
    pub ca: PathBuf,
    /// What that is called in the configuration.
    pub field: String,
    /// Whether a caller without one is turned away.
    pub required: bool,
}

/// What a listener was told of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Never empty; the first is for callers who name no host, or none that is known.
    pub certificates: Vec<CertificateFiles>,
    /// Whether callers show certificates.
    pub callers: Option<CallerCertificates>,
    /// Which versions of HTTP are spoken.
    pub versions: Versions,
}

impl Files {
    /// Reads all files once, to see whether they are good.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn check(&self) -> Result<(), Vec<FileFlaw>> {
        load(self).map(|_| ())
    }
}

/// TLS of one listener.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    /// The files as they were when they were read first.
    opened: Vec<Option<Stamp>>,
    config: ArcSwap<ServerConfig>,
    handshakes: Semaphore,
}

/// How a connection began.
#[derive(Debug)]
pub(crate) enum Begun {
    /// With a handshake that was finished.
    Secure(Box<TlsStream<Counted>>),
    /// With something else.
    Plain(TcpStream),
    /// With nothing, too slowly, or with a handshake that failed.
    Failed,
}

/// A secured connection.
pub type Secured = Box<dyn SecuredStream>;

/// What can be done with a secured connection.
pub trait SecuredStream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl SecuredStream for TlsStream<Counted> {}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn open(files: Files) -> Result<Arc<Self>, Vec<FileFlaw>> {
        // Before they are read: what changes meanwhile is then found changed.
        let opened = stamp(&files);
        let config = ArcSwap::new(load(&files)?);
        Ok(Arc::new(Self { files, opened, config, handshakes: Semaphore::new(HANDSHAKES_MAX) }))
    }

    /// Reads the files again whenever they change, for ever. What can't be used is told, and what was read before stays.
    pub async fn watch(self: Arc<Self>) {
        let mut used = self.opened.clone();
        let mut seen = used.clone();
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            let now = look(&self.files).await;
            // Certificate and key are seldom written at once: what still changes is left for the next look.
            let is_still = std::mem::replace(&mut seen, now.clone()) == now;
            if !is_still || now == used {
                continue;
            }
            let files = self.files.clone();
            match tokio::task::spawn_blocking(move || load(&files)).await {
                Ok(Ok(config)) => {
                    self.config.store(config);
                    tracing::info!("certificates were read again");
                }
                Ok(Err(flaws)) => {
                    for flaw in flaws {
                        tracing::error!(field = %flaw.field, mend = %flaw.mend, "{}; the certificates read before stay in use", flaw.message);
                    }
                }
                Err(error) => tracing::error!(%error, "certificates could not be read again"),
            }
            used = now;
        }
    }

    /// Secures a connection; none where nothing comes of it.
    pub async fn accept(&self, stream: TcpStream) -> Option<Secured> {
        match self.begin(stream).await {
            Begun::Secure(stream) => Some(stream),
            Begun::Plain(_) | Begun::Failed => None,
        }
    }

    /// Finishes the handshake, unless the caller begins otherwise.
    pub(crate) async fn begin(&self, stream: TcpStream) -> Begun {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, self.handshake(stream)).await.unwrap_or(Begun::Failed)
    }

    async fn handshake(&self, stream: TcpStream) -> Begun {
        let mut first = [0_u8; 1];
        match stream.peek(&mut first).await {
            Ok(1) if first == [HANDSHAKE_RECORD] => {}
            Ok(1) => return Begun::Plain(stream),
            Ok(_) | Err(_) => return Begun::Failed,
        }
        let _ = stream.set_nodelay(true);
        let Ok(_place) = self.handshakes.acquire().await else { return Begun::Failed };
        let acceptor = TlsAcceptor::from(self.config.load_full());
        let bounded = |connection: &mut rustls::ServerConnection| connection.set_buffer_limit(Some(ENCRYPTED_BYTES));
        match acceptor.accept_with(Counted::new(stream), bounded).await {
            Ok(stream) => Begun::Secure(Box::new(stream)),
            Err(error) => {
                tracing::debug!(%error, "a handshake failed");
                Begun::Failed
            }
        }
    }
}

/// Whether HTTP/2 was agreed on.
pub(crate) fn speaks_http2(stream: &TlsStream<Counted>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(names::HTTP2)
}

async fn look(files: &Files) -> Vec<Option<Stamp>> {
    let files = files.clone();
    tokio::task::spawn_blocking(move || stamp(&files)).await.unwrap_or_default()
}
