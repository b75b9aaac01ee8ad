//! What h2 reads from and writes to: the transport behind what was read of it before, with bounds on callers who take
//! nothing, on those who only make noise, and on what h2 keeps of heads. Streams that h2 resets are counted and told.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::skim::{Heads, Skim};
use crate::connection::transport::Transport;
use crate::gateway::Gateway;
use crate::metrics::Count;
use crate::peer::Peer;

/// So much may be read without a call, a piece of a body or of an answer coming of it: settings, pings and the like.
const NOISE_MAX_BYTES: u64 = 2 * 1024 * 1024;
/// So much is read before the heads in it are looked at: h2 keeps all that came, and a byte of compressed head may be a
/// field that takes a hundred.
const AT_ONCE_BYTES: u64 = 64 * 1024;
/// Trailers as they are sent. They are dropped, but h2 keeps them as long as nobody reads the body before them.
const TRAILERS_MAX_BYTES: u32 = 4 * 1024;
/// What a connection of HTTP/2 begins with.
const PREFACE_BYTES: usize = 24;

/// What went over a connection.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    read_bytes: AtomicU64,
    /// `read_bytes` when something last came of it.
    used_bytes: AtomicU64,
    /// `read_bytes` when all streams that had come were last taken up.
    taken_up_bytes: AtomicU64,
    /// Whether nothing more is read before that is so again.
    is_held: AtomicBool,
}

impl Traffic {
    /// Bytes read so far.
    pub(super) fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Something came of what was read.
    pub(super) fn note_use(&self) {
        self.used_bytes.store(self.read_bytes(), Ordering::Relaxed);
    }

    /// No stream waits to be taken up. Whether there may be more to read because of that.
    pub(super) fn note_taken_up(&self) -> bool {
        self.taken_up_bytes.store(self.read_bytes(), Ordering::Relaxed);
        self.is_held.swap(false, Ordering::Relaxed)
    }

    /// Whether streams are to be taken up before more is read.
    fn holds(&self) -> bool {
        let holds = self.read_bytes().saturating_sub(self.taken_up_bytes.load(Ordering::Relaxed)) >= AT_ONCE_BYTES;
        if holds {
            self.is_held.store(true, Ordering::Relaxed);
        }
        holds
    }

    /// Whether it is still within bounds.
    fn note_read(&self, bytes: usize) -> bool {
        let read = self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed).saturating_add(bytes as u64);
        read.saturating_sub(self.used_bytes.load(Ordering::Relaxed)) <= NOISE_MAX_BYTES
    }
}

/// How long callers may leave us waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without taking anything of what waits for them.
    pub(super) stall: Duration,
    /// For the rest of a head.
    pub(super) head: Duration,
}

/// A transport with a past.
pub(super) struct Wire {
    transport: Transport,
    /// What was read before.
    received: BytesMut,
    traffic: Arc<Traffic>,
    patience: Patience,
    stalled: Option<Pin<Box<Sleep>>>,
    taken_bytes: u64,
    heads: Heads,
    /// Runs while a head is cut.
    cut: Option<Pin<Box<Sleep>>>,
    sent: Skim,
    gateway: Arc<Gateway>,
    peer: Arc<Peer>,
}

impl Wire {
    pub(super) fn new(
        transport: Transport,
        received: BytesMut,
        traffic: Arc<Traffic>,
        gateway: Arc<Gateway>,
        peer: Arc<Peer>,
    ) -> Self {
        // Small frames must not wait for the acknowledgement of those before.
        let _ = transport.tcp().set_nodelay(true);
        let edge = &gateway.settings.edge;
        let patience = Patience { stall: edge.slowest.timeout, head: edge.head_timeout };
        let (heads, sent) = (Heads::new(PREFACE_BYTES), Skim::default());
        Self {
            transport,
            received,
            traffic,
            patience,
            stalled: None,
            taken_bytes: 0,
            heads,
            cut: None,
            sent,
            gateway,
            peer,
        }
    }

    /// What was written, unless the caller has taken nothing for too long.
    fn unless_stalled<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let taken_bytes = self.transport.written_bytes();
        let has_moved = std::mem::replace(&mut self.taken_bytes, taken_bytes) != taken_bytes;
        if written.is_ready() || has_moved {
            self.stalled = None;
        }
        if written.is_ready() {
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience.stall)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// These were read.
    fn note_read(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.traffic.note_read(bytes.len()) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "too many frames of which nothing comes"));
        }
        if !self.heads.come(bytes, TRAILERS_MAX_BYTES) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "trailers are too large"));
        }
        if !self.heads.is_cut() {
            self.cut = None;
        }
        Ok(())
    }

    /// Nothing more has come: whether the rest of a head, where one is cut, is waited for.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.heads.is_cut() {
            return Poll::Pending;
        }
        let cut = self.cut.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience.head)));
        cut.as_mut().poll(context).map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "a head didn't come in time")))
    }

    /// These were written.
    fn note_written(&mut self, bytes: &[u8]) {
        let Self { sent, gateway, peer, .. } = self;
        sent.pass(bytes, |frame| {
            let Some((stream, reason)) = frame.reset() else { return };
            let reason = Reason::from(reason);
            // Those that we give ourselves, or for want of interest in the rest of a body, say nothing against the caller.
            if !matches!(reason, Reason::NO_ERROR | Reason::INTERNAL_ERROR | Reason::CANCEL) {
                gateway.metrics.count(Count::StreamsRefused);
                let from = peer.address;
                tracing::debug!(%from, stream, ?reason, "a stream of HTTP/2 was reset: {}", words(reason));
            }
        });
    }
}

/// What a caller did to have a stream reset.
fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::PROTOCOL_ERROR => {
            "its head or trailers are malformed (RFC 9113, 8.1.1), its length isn't that of its data, or its head unfolds \
             to more than is read"
        }
        Reason::FLOW_CONTROL_ERROR => "more data came, or more room was made, than may be",
        Reason::STREAM_CLOSED => "something came behind its end",
        Reason::REFUSED_STREAM => "too many were open",
        _ => "what came can't be taken",
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.traffic.holds() {
            // Whoever takes the streams up asks again.
            return Poll::Pending;
        }
        let before = into.filled().len();
        if this.received.is_empty() {
            match Pin::new(&mut this.transport).poll_read(context, into) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return this.wait(context),
            }
        } else {
            let count = this.received.len().min(into.remaining());
            into.put_slice(this.received.get(..count).unwrap_or_default());
            this.received.advance(count);
        }
        Poll::Ready(this.note_read(into.filled().get(before..).unwrap_or_default()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.transport).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = written {
            this.note_written(bytes.get(..count).unwrap_or_default());
        }
        this.unless_stalled(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.transport).poll_write_vectored(context, pieces);
        if let Poll::Ready(Ok(mut count)) = written {
            for piece in pieces {
                let taken = count.min(piece.len());
                this.note_written(piece.get(..taken).unwrap_or_default());
                count -= taken;
            }
        }
        this.unless_stalled(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.transport).poll_flush(context);
        this.unless_stalled(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = Pin::new(&mut this.transport).poll_shutdown(context);
        this.unless_stalled(context, ended)
    }
}
