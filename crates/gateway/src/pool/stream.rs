//! The stream that a service is reached over: what carries bytes, and whether it is quiet.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::records::{Received, Records};
use super::secure::ServiceTls;

/// So often a quiet connection is read from at most: a service has a few tickets to give, and no more.
const READS_MAX: usize = 8;

/// A stream to a service. Another kind of it is a variant here and an arm in each function below.
pub(crate) enum ServiceStream {
    /// TCP alone.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<SecuredService>),
}

/// A connection to a service whose certificate was verified.
pub(crate) struct SecuredService {
    pub(super) stream: TlsStream<Records>,
    /// What it was verified with.
    pub(super) config: Arc<ClientConfig>,
    /// Who verified it.
    pub(super) tls: Arc<ServiceTls>,
}

impl SecuredService {
    /// Takes what came of TLS itself, such as tickets (RFC 8446 §4.6.1); anything else, also a part of a record, is not
    /// quiet. What was verified by files that have changed since is not used again either.
    fn is_quiet(&mut self) -> bool {
        if !self.tls.is_current(&self.config) {
            return false;
        }
        let (records, session) = self.stream.get_mut();
        for _ in 0..READS_MAX {
            match session.process_new_packets() {
                Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
                Ok(_) | Err(_) => return false,
            }
            match session.read_tls(&mut Received(records)) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock && records.is_between(),
            }
        }
        false
    }
}

impl ServiceStream {
    /// Whether the stream is open and not a byte waits in it, asked of the kernel: what it has received before a request
    /// is written can't be the answer to that request.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            Self::Plain(stream) => {
                let mut byte = [0_u8; 1];
                matches!(recv(stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
            }
            Self::Tls(secured) => secured.is_quiet(),
        }
    }

    /// Whether something that was taken to be written still waits here, until it is flushed.
    pub(crate) fn has_unwritten(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(secured) => secured.stream.get_ref().1.wants_write(),
        }
    }

    /// Bytes that left although they belong to no write that succeeded: where this grows, something may have arrived.
    pub(crate) fn hidden_bytes(&self) -> u64 {
        match self {
            Self::Plain(_) => 0,
            Self::Tls(secured) => secured.stream.get_ref().0.written_bytes(),
        }
    }
}

impl AsyncRead for ServiceStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ServiceStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(secured) => Pin::new(&mut secured.stream).poll_shutdown(context),
        }
    }
}
