//! Certificates that are made for a test, and a caller over TLS.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned, SupportedProtocolVersion};

/// Who signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Certificate {
    /// Writes both into a folder, as NAME.pem and NAME.key; a file that was there is replaced at once.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let put = |ending: &str, text: &str| {
            let (path, new) = (folder.join(format!("{name}.{ending}")), folder.join(format!("{name}.{ending}.new")));
            std::fs::write(&new, text).expect("a file");
            std::fs::rename(&new, &path).expect("a file");
            path
        };
        (put("pem", &self.certificate), put("key", &self.key))
    }
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        Self { issuer }
    }

    /// Its own certificate, as PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these names and addresses, of a server and of a caller alike.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.issue_until(names, 4096)
    }

    /// The same, valid until a year begins.
    pub fn issue_until(&self, names: &[&str], year: i32) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certificate { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

/// How a caller speaks TLS.
#[derive(Clone)]
pub struct TlsCaller {
    config: Arc<ClientConfig>,
}

/// A connection over TLS.
pub type TlsConnection = StreamOwned<ClientConnection, TcpStream>;

impl TlsCaller {
    /// One who trusts this authority and offers these protocols.
    pub fn new(authority: &Authority, protocols: &[&str]) -> Self {
        Self::made(authority, protocols, None, &[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    /// One who has a certificate of its own.
    pub fn with_certificate(authority: &Authority, protocols: &[&str], own: &Certificate) -> Self {
        Self::made(authority, protocols, Some(own), &[&rustls::version::TLS13, &rustls::version::TLS12])
    }

    /// One who speaks TLS 1.2 alone.
    pub fn old(authority: &Authority) -> Self {
        Self::made(authority, &[], None, &[&rustls::version::TLS12])
    }

    fn made(
        authority: &Authority,
        protocols: &[&str],
        own: Option<&Certificate>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM")).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match own {
            None => config.with_no_client_auth(),
            Some(own) => {
                let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).expect("PEM")];
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("PEM");
                config.with_client_auth_cert(chain, key).expect("a certificate")
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { config: Arc::new(config) }
    }

    /// The settings, for a library.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// Connects and finishes the handshake, asking for this name.
    ///
    /// # Errors
    /// What the system or TLS told.
    pub fn open(&self, address: SocketAddr, name: &str) -> std::io::Result<TlsConnection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_write_timeout(Some(Duration::from_secs(20)))?;
        let name = ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// Sends exactly these bytes and reads to the connection's end: what came, and whether the end was an orderly one.
    ///
    /// # Errors
    /// A handshake that fails, now or with the first bytes: in TLS 1.3 a refused certificate is told late.
    pub fn send(&self, address: SocketAddr, name: &str, bytes: &str) -> std::io::Result<(String, bool)> {
        let mut stream = self.open(address, name)?;
        stream.write_all(bytes.as_bytes())?;
        let mut came = Vec::new();
        let mut buffer = [0; 16_384];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok((String::from_utf8_lossy(&came).into_owned(), true)),
                Ok(count) => came.extend_from_slice(&buffer[..count]),
                Err(error) if came.is_empty() => return Err(error),
                Err(_) => return Ok((String::from_utf8_lossy(&came).into_owned(), false)),
            }
        }
    }
}

/// The certificate that the other side showed, as PEM without its line breaks.
pub fn shown(connection: &TlsConnection) -> Vec<u8> {
    let chain = connection.conn.peer_certificates().unwrap_or_default();
    chain.first().map(|certificate| certificate.as_ref().to_vec()).unwrap_or_default()
}

/// A certificate's bytes.
pub fn der(certificate: &Certificate) -> Vec<u8> {
    CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).expect("PEM").as_ref().to_vec()
}

/// Whether TLS 1.3 was agreed on.
pub fn is_new(connection: &TlsConnection) -> bool {
    connection.conn.protocol_version() == Some(ProtocolVersion::TLSv1_3)
}
