//! What h2 reads from and writes to: the transport behind what was read of it before, with bounds on callers who take
//! nothing and on those who only make noise.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::connection::transport::Transport;

/// So much may be read without a call, a piece of a body or of an answer coming of it: settings, pings and the like.
const NOISE_MAX_BYTES: u64 = 2 * 1024 * 1024;

/// What went over a connection.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    read_bytes: AtomicU64,
    /// `read_bytes` when something last came of it.
    used_bytes: AtomicU64,
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

    /// Whether it is still within bounds.
    fn note_read(&self, bytes: usize) -> bool {
        let read = self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed).saturating_add(bytes as u64);
        read.saturating_sub(self.used_bytes.load(Ordering::Relaxed)) <= NOISE_MAX_BYTES
    }
}

/// A transport with a past.
pub(super) struct Wire {
    transport: Transport,
    /// What was read before.
    received: BytesMut,
    traffic: Arc<Traffic>,
    /// For how long a caller may take nothing at all.
    stall_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    taken_bytes: u64,
}

impl Wire {
    pub(super) fn new(
        transport: Transport,
        received: BytesMut,
        traffic: Arc<Traffic>,
        stall_timeout: Duration,
    ) -> Self {
        // Small frames must not wait for the acknowledgement of those before.
        let _ = transport.tcp().set_nodelay(true);
        Self { transport, received, traffic, stall_timeout, stalled: None, taken_bytes: 0 }
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
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.stall_timeout)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.received.is_empty() {
            let count = this.received.len().min(into.remaining());
            into.put_slice(this.received.get(..count).unwrap_or_default());
            this.received.advance(count);
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        let read = Pin::new(&mut this.transport).poll_read(context, into);
        let count = into.filled().len().saturating_sub(before);
        if this.traffic.note_read(count) { read } else { Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into())) }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.transport).poll_write(context, bytes);
        this.unless_stalled(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.transport).poll_write_vectored(context, pieces);
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
