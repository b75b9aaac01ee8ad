//! The socket below TLS: it knows where a record ends (RFC 8446 §5.1) and how much was written, which no session tells.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Type, version, and the length of what follows.
const HEADER_BYTES: usize = 5;

/// A socket that carries records.
pub(super) struct Records {
    stream: TcpStream,
    /// The last bytes of a header that were read, its length at the end.
    length: [u8; 2],
    /// So many bytes of a header were read.
    header_bytes: usize,
    /// So many bytes of a record are still to come.
    left_bytes: usize,
    written_bytes: u64,
}

impl Records {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, length: [0; 2], header_bytes: 0, left_bytes: 0, written_bytes: 0 }
    }

    /// Whether all that was read were whole records.
    pub(super) fn is_between(&self) -> bool {
        self.header_bytes == 0 && self.left_bytes == 0
    }

    /// Bytes that the system took so far.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    fn passed(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left_bytes > 0 {
                let count = self.left_bytes.min(bytes.len());
                self.left_bytes -= count;
                bytes = bytes.get(count..).unwrap_or_default();
                continue;
            }
            self.length = [self.length[1], *first];
            self.header_bytes += 1;
            if self.header_bytes == HEADER_BYTES {
                self.left_bytes = usize::from(u16::from_be_bytes(self.length));
                self.header_bytes = 0;
            }
            bytes = rest;
        }
    }
}

/// Reads what the system has received, without waiting for more.
pub(super) struct Received<'r>(pub(super) &'r mut Records);

impl io::Read for Received<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (count, _) = match recv(&self.0.stream, &mut *buffer, RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => return Err(io::ErrorKind::WouldBlock.into()),
            received => received?,
        };
        self.0.passed(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

impl AsyncRead for Records {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        this.passed(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for Records {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            this.written_bytes = this.written_bytes.wrapping_add(*count as u64);
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
