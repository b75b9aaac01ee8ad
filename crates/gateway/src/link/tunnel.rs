//! What a connection to a service carries once its protocol was switched: bytes, as they are.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::time::Instant;

use super::Link;

impl Link {
    /// What came behind the head.
    pub(crate) fn take_switched(&mut self) -> BytesMut {
        self.engine.take_switched()
    }

    /// What waits to be written.
    pub(crate) fn waiting(&mut self) -> &mut BytesMut {
        &mut self.out
    }

    /// Writes what waits, as far as it is taken; whether anything was.
    pub(crate) fn poll_pass(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let mut has_moved = false;
        while !self.out.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &self.out)? {
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => self.out.advance(written),
                Poll::Pending => break,
            }
            has_moved = true;
        }
        if self.out.is_empty()
            && self.stream.has_unwritten()
            && let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(context)
        {
            flushed?;
        }
        Ok(has_moved)
    }

    /// Receives; 0 bytes at the service's end.
    pub(crate) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        space: &mut impl BufMut,
    ) -> Poll<io::Result<usize>> {
        pin!(self.stream.read_buf(space)).poll(context)
    }

    /// Ends our side.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    /// Ready at `at`.
    pub(crate) fn poll_silence(&mut self, context: &mut Context<'_>, at: Instant) -> Poll<()> {
        self.timer.poll(context, at)
    }
}
