//! TLS in front of a scripted service: ends it and passes bytes on, so that a service over TLS answers as a test says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::tls::{Authority, Certificate};

/// How the door behaves.
#[derive(Clone)]
pub struct DoorSettings {
    config: Arc<ServerConfig>,
    truncates: bool,
}

impl DoorSettings {
    /// One that shows this certificate.
    pub fn new(shown: &Certificate) -> Self {
        Self { config: config(shown, None), truncates: false }
    }

    /// One that also asks for a certificate signed by this authority.
    pub fn asking(shown: &Certificate, authority: &Authority) -> Self {
        Self { config: config(shown, Some(authority)), truncates: false }
    }

    /// Ends connections as somebody who cuts them would: without the word that nothing follows.
    #[must_use]
    pub fn truncating(self) -> Self {
        Self { truncates: true, ..self }
    }
}

fn config(shown: &Certificate, asks: Option<&Authority>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match asks {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM")).expect("a root");
            let provider = Arc::new(aws_lc_rs::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let chain = vec![CertificateDer::from_pem_slice(shown.certificate.as_bytes()).expect("PEM")];
    let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).expect("PEM");
    let mut config = builder.with_single_cert(chain, key).expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// What a door has seen.
struct Shared {
    settings: Mutex<DoorSettings>,
    opened: AtomicU64,
    protocols: Mutex<Vec<Option<Vec<u8>>>>,
    names: Mutex<Vec<Option<String>>>,
}

/// A running door. Dropped, it ends with all its connections.
pub struct TlsDoor {
    address: SocketAddr,
    shared: Arc<Shared>,
    _end: oneshot::Sender<()>,
}

impl TlsDoor {
    /// Starts one in front of `service`, on 127.0.0.1.
    pub fn before(service: SocketAddr, settings: DoorSettings) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            settings: Mutex::new(settings),
            opened: AtomicU64::new(0),
            protocols: Mutex::default(),
            names: Mutex::default(),
        });
        let (end, ended) = oneshot::channel::<()>();
        let of_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, service, of_thread) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, shared, _end: end }
    }

    /// How it behaves to connections from now on.
    pub fn set(&self, settings: DoorSettings) {
        *self.shared.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Handshakes that were finished.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::SeqCst)
    }

    /// The protocol agreed on and the name asked for, by handshake.
    pub fn agreed(&self) -> Vec<(Option<Vec<u8>>, Option<String>)> {
        let protocols = self.shared.protocols.lock().unwrap_or_else(PoisonError::into_inner);
        let names = self.shared.names.lock().unwrap_or_else(PoisonError::into_inner);
        protocols.iter().cloned().zip(names.iter().cloned()).collect()
    }
}

async fn accept(listener: TcpListener, service: SocketAddr, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        tokio::spawn(pass(stream, service, Arc::clone(&shared)));
    }
}

async fn pass(stream: TcpStream, service: SocketAddr, shared: Arc<Shared>) {
    let settings = shared.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let Ok(mut secured) = TlsAcceptor::from(settings.config).accept(stream).await else { return };
    {
        let session = secured.get_ref().1;
        let (protocol, name) = (session.alpn_protocol().map(<[u8]>::to_vec), session.server_name().map(str::to_owned));
        shared.protocols.lock().unwrap_or_else(PoisonError::into_inner).push(protocol);
        shared.names.lock().unwrap_or_else(PoisonError::into_inner).push(name);
    }
    shared.opened.fetch_add(1, Ordering::SeqCst);
    let Ok(mut plain) = TcpStream::connect(service).await else { return };
    if !settings.truncates {
        let _ = copy_bidirectional(&mut secured, &mut plain).await;
        return;
    }
    let (mut from, mut to) = (vec![0; 16_384], vec![0; 16_384]);
    loop {
        tokio::select! {
            read = secured.read(&mut from) => match read {
                Ok(count) if count > 0 && plain.write_all(&from[..count]).await.is_ok() => {}
                _ => return,
            },
            read = plain.read(&mut to) => match read {
                Ok(count) if count > 0 && secured.write_all(&to[..count]).await.is_ok() => {}
                _ => {
                    let _ = secured.flush().await;
                    return;
                }
            },
        }
    }
}
