//! The socket of a caller with its engine and what waits to be written; bounded waits for a caller who takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BufMut, BytesMut};
use limen_http1::connection::{Connection, Limits};
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// For a caller to take more of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// For a caller to finish sending and read our last words before the connection is closed, and for a pause in that.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_PAUSE: Duration = Duration::from_secs(1);
/// What is read and thrown away then, so that closing does not destroy those words on their way.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// What is held ready for answers of an idle connection.
const OUT_BYTES: usize = 1024;

/// A caller's socket.
pub(crate) struct Socket {
    stream: TcpStream,
    pub(super) engine: Connection,
    /// What waits to be written.
    pub(crate) out: BytesMut,
    /// Whether closing resets the connection: see [`Socket::set_resets`].
    resets: bool,
    /// Whether `out` held much at a time, and so keeps much memory.
    pub(super) has_grown: bool,
    /// Whether nothing more can be learnt from what comes while a call is handled.
    is_unwatched: bool,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, limits: Limits) -> Self {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let engine = Connection::new(limits);
        Self {
            stream,
            engine,
            out: BytesMut::with_capacity(OUT_BYTES),
            resets: false,
            has_grown: false,
            is_unwatched: false,
            stalled: None,
        }
    }

    /// Makes every way in which the connection can end a reset, also the process's death, or takes that back. An answer
    /// to HTTP/1.0 ends with its connection: an orderly close before its end would make a cut one look whole.
    pub(super) fn set_resets(&mut self, resets: bool) {
        if self.resets != resets {
            self.resets = resets;
            let _ = rustix::net::sockopt::set_socket_linger(&self.stream, resets.then_some(Duration::ZERO));
        }
    }

    /// Begins another request: what the last one made large is made small again.
    pub(super) fn renew(&mut self) {
        if std::mem::take(&mut self.has_grown) && self.out.is_empty() {
            self.out = BytesMut::with_capacity(OUT_BYTES);
        }
        self.is_unwatched = false;
    }

    /// Ready when the caller's connection was reset while nothing is read from it. A caller who only ended its side is
    /// still there for the answer.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.is_unwatched {
            ready!(self.stream.poll_read_ready(context)).ok();
            let peeked = self.stream.try_io(Interest::READABLE, || {
                let mut byte = [0_u8; 1];
                Ok(recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT)?)
            });
            match peeked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
                // The next request, or the end of what it sends: either stays readable, so there is nothing to wait for.
                Ok(_) => self.is_unwatched = true,
            }
        }
        Poll::Pending
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

    /// Receives what is not HTTP any more; 0 bytes at its end.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        space: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        std::pin::pin!(self.stream.read_buf(space)).poll(context)
    }

    /// Ends our side of what is not HTTP any more.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    /// Writes what waits; ready when all of it is written.
    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
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
            return;
        }
        let drain = async {
            self.stream.shutdown().await?;
            let mut buffer = vec![0_u8; 16 * 1024];
            let mut drained = 0;
            while drained < LINGER_BYTES {
                let read = tokio::time::timeout(LINGER_PAUSE, self.stream.read(&mut buffer)).await??;
                if read == 0 {
                    break;
                }
                drained += read;
            }
            Ok::<_, io::Error>(())
        };
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
}
