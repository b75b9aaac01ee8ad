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
use tokio::task::coop::has_budget_remaining;

use super::transport::Transport;
use crate::edge::Slowest;
use crate::link::forget;
use crate::pace::Pace;

/// For a caller to finish sending and read our last words before the connection is closed, and for a pause in that.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_PAUSE: Duration = Duration::from_secs(1);
/// What is read and thrown away then, so that closing does not destroy those words on their way.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// What is held ready for answers of an idle connection.
const OUT_BYTES: usize = 1024;

/// A caller's socket.
pub(crate) struct Socket {
    stream: Transport,
    pub(super) engine: Connection,
    /// What waits to be written.
    pub(crate) out: BytesMut,
    /// Whether closing resets the connection: see [`Socket::set_resets`].
    resets: bool,
    /// Whether `out` held much at a time, and so keeps much memory.
    pub(super) has_grown: bool,
    /// Whether nothing more can be learnt from what comes while a call is handled.
    is_unwatched: bool,
    /// Whether the task is told already when something comes: nothing was read since it asked for that.
    is_told: bool,
    /// How slowly answers are taken.
    pace: Pace,
    /// What the system had taken when it was last looked at, over TLS.
    taken_bytes: u64,
}

impl Socket {
    pub(super) fn new(stream: Transport, limits: Limits, slowest: Slowest) -> Self {
        // Small answers must not wait for the acknowledgement of the one before.
        let _ = stream.tcp().set_nodelay(true);
        let engine = Connection::new(limits);
        Self {
            stream,
            engine,
            out: BytesMut::with_capacity(OUT_BYTES),
            resets: false,
            has_grown: false,
            is_unwatched: false,
            is_told: false,
            pace: Pace::new(slowest),
            taken_bytes: 0,
        }
    }

    /// The transport, for whoever speaks another protocol over it.
    pub(super) fn into_transport(self) -> Transport {
        self.stream
    }

    /// Whether it isn't over TLS.
    pub(super) fn is_in_clear(&self) -> bool {
        matches!(self.stream, Transport::Plain(_))
    }

    /// Makes every way in which the connection can end a reset, also the process's death, or takes that back. An answer
    /// to HTTP/1.0 ends with its connection: an orderly close before its end would make a cut one look whole.
    pub(super) fn set_resets(&mut self, resets: bool) {
        if self.resets != resets {
            self.resets = resets;
            let _ = rustix::net::sockopt::set_socket_linger(self.stream.tcp(), resets.then_some(Duration::ZERO));
        }
    }

    /// Begins another request: what the last one made large is made small again.
    pub(super) fn renew(&mut self) {
        if std::mem::take(&mut self.has_grown) && self.out.is_empty() {
            self.out = BytesMut::with_capacity(OUT_BYTES);
        }
        self.is_unwatched = false;
        self.is_told = false;
    }

    /// Ready when the caller's connection was reset while nothing is read from it, as the connection's own task is told. A
    /// caller who only ended its side is still there for the answer.
    pub(super) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.is_unwatched {
            // Below TLS, for what counts is a reset alone.
            let tcp = self.stream.tcp();
            // A task that has used up its turn is told to come again, and of nothing else.
            let is_asked = has_budget_remaining();
            if !self.is_told && tcp.poll_read_ready(context).is_pending() {
                self.is_told = is_asked;
                return Poll::Pending;
            }
            let mut has_come = false;
            let peeked = tcp.try_io(Interest::READABLE, || {
                has_come = true;
                let mut byte = [0_u8; 1];
                Ok(recv(tcp, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT)?)
            });
            match peeked {
                Err(_) if self.is_told && !has_come => return Poll::Pending,
                // What was told to have come is not there: to be told of the next, it must be asked for.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.is_told = false,
                Err(_) => return Poll::Ready(()),
                // The next request, or the end of what it sends: either stays readable, so there is nothing to wait for.
                Ok(_) => self.is_unwatched = true,
            }
        }
        Poll::Pending
    }

    /// Takes what has already come; false if nothing has.
    pub(super) fn try_fill(&mut self, context: &mut Context<'_>) -> bool {
        self.is_told = false;
        if self.engine.room() == 0 {
            return false;
        }
        let Transport::Plain(stream) = &self.stream else {
            return matches!(self.poll_fill(context), Poll::Ready(Ok(())));
        };
        match stream.try_read_buf(&mut self.engine.space()) {
            Ok(0) => {
                self.engine.receive_eof();
                true
            }
            Ok(_) => true,
            // Other errors come again where they are waited for.
            Err(_) => false,
        }
    }

    /// Waits for more of what the caller sends; its end is told to the engine. Must not be called without room.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Not by `try_read_buf`: only this way tokio notes that a short read emptied the socket, and asks no second time.
        self.is_told = false;
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
        let Transport::Plain(stream) = &self.stream else { return self.poll_flush_secured(context) };
        while !self.out.is_empty() {
            match stream.try_write(&self.out) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    forget(&mut self.out, written);
                    self.pace.moved(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if stream.poll_write_ready(context)?.is_pending() {
                        return self.unless_stalled(context);
                    }
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What was encrypted and not yet taken by the system waits below, and isn't flushed before it is.
    fn poll_flush_secured(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = loop {
            if self.out.is_empty() {
                break Pin::new(&mut self.stream).poll_flush(context)?;
            }
            match Pin::new(&mut self.stream).poll_write(context, &self.out)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => self.out.advance(written),
                Poll::Pending => break Poll::Pending,
            }
        };
        let taken_bytes = self.stream.written_bytes();
        let moved = taken_bytes.saturating_sub(std::mem::replace(&mut self.taken_bytes, taken_bytes));
        if moved > 0 {
            self.pace.moved(usize::try_from(moved).unwrap_or(usize::MAX));
        }
        if flushed.is_ready() { Poll::Ready(Ok(())) } else { self.unless_stalled(context) }
    }

    /// A caller who takes nothing, or next to nothing, must not hold its connection and the service's for ever.
    fn unless_stalled(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pace.poll_too_slow(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Whether more has come than the request under way.
    pub(super) fn has_more(&mut self, context: &mut Context<'_>) -> bool {
        self.engine.has_unread() || (self.try_fill(context) && self.engine.has_unread())
    }

    /// The connection without the engine, which must be idle: for the process that follows.
    pub(super) fn into_stream(self) -> Option<TcpStream> {
        let Transport::Plain(stream) = self.stream else { return None };
        (self.engine.is_idle() && self.out.is_empty()).then_some(stream)
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
                let read = tokio::time::timeout(LINGER_PAUSE, self.stream.tcp_mut().read(&mut buffer)).await??;
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
