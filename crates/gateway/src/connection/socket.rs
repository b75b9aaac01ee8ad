//! The socket of a caller with its engine and what waits to be written; bounded waits for a caller who takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use limen_http1::connection::{Connection, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// For a caller to take more of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// For a caller to read our last words before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
/// What is read and thrown away then, so that closing does not destroy those words on their way.
const LINGER_BYTES: usize = 256 * 1024;

/// A caller's socket.
pub(super) struct Socket {
    stream: TcpStream,
    pub(super) engine: Connection,
    /// What waits to be written.
    pub(super) out: BytesMut,
    /// Whether the answer must end with a reset: its end is told by the connection's, and it was cut.
    pub(super) resets: bool,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, limits: Limits) -> Self {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let engine = Connection::new(limits);
        Self { stream, engine, out: BytesMut::with_capacity(1024), resets: false, stalled: None }
    }

    /// Takes what has already come; false if nothing has.
    pub(super) fn try_fill(&mut self) -> bool {
        if self.engine.room() == 0 {
            return false;
        }
        match self.stream.try_read_buf(&mut self.engine.space()) {
            Ok(0) => {
                self.engine.receive_eof();
                true
            }
            Ok(_) => true,
            // Other errors come again where they are waited for.
            Err(_) => false,
        }
    }

    /// Waits for more of what the caller sends.
    pub(super) async fn fill(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_fill(context)).await
    }

    /// Waits for more of what the caller sends; its end is told to the engine. Must not be called without room.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Not by `try_read_buf`: only this way tokio notes that a short read emptied the socket, and asks no second time.
        let mut space = self.engine.space();
        let read = ready!(std::pin::pin!(self.stream.read_buf(&mut space)).poll(context))?;
        if read == 0 {
            self.engine.receive_eof();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what waits; ready when all of it is written.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            match self.stream.try_write(&self.out) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.out.advance(written);
                    self.stalled = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.stream.poll_write_ready(context)?.is_pending() {
                        return self.unless_stalled(context);
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// A caller who takes nothing must not hold its connection and the service's for ever.
    fn unless_stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIMEOUT)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Closes our side and reads on for a moment: closing with unread bytes would reset the connection and destroy what
    /// was just written (RFC 9112 §9.6).
    pub(super) async fn close(mut self) {
        if self.resets {
            // Without this the caller of HTTP/1.0 would take a cut answer for a whole one.
            let _ = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
            return;
        }
        let drain = async {
            self.stream.shutdown().await?;
            let mut buffer = [0_u8; 4096];
            let mut drained = 0;
            while drained < LINGER_BYTES {
                self.stream.readable().await?;
                match self.stream.try_read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => drained += read,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            Ok::<_, io::Error>(())
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}
