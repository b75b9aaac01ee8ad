//! A stream that its connection reads and writes while the pool may look at what waits in it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The connection's side.
pub(super) struct SharedStream {
    stream: Arc<TcpStream>,
    /// Bytes written since something was last read.
    unanswered_bytes: usize,
    /// Whether the service has stopped reading what we write.
    is_deaf: Arc<AtomicBool>,
}

/// The pool's side; does not keep the stream open.
#[derive(Debug)]
pub(crate) struct Watched {
    stream: Weak<TcpStream>,
    is_deaf: Arc<AtomicBool>,
}

impl SharedStream {
    pub(super) fn new(stream: TcpStream) -> (Self, Watched) {
        let (stream, is_deaf) = (Arc::new(stream), Arc::<AtomicBool>::default());
        let watched = Watched { stream: Arc::downgrade(&stream), is_deaf: Arc::clone(&is_deaf) };
        (Self { stream, unanswered_bytes: 0, is_deaf }, watched)
    }
}

impl Watched {
    /// Whether nothing waits to be read. Bytes that come after an answer's end belong to nobody: the next caller would
    /// take them for its answer.
    pub(crate) fn is_quiet(&self) -> bool {
        let Some(stream) = self.stream.upgrade().filter(|_| !self.is_deaf.load(Ordering::Relaxed)) else {
            return false;
        };
        let mut byte = [0_u8; 1];
        matches!(recv(&*stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT), Err(Errno::AGAIN))
    }
}

impl AsyncRead for SharedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.stream.poll_read_ready(context))?;
            let room = buffer.remaining();
            match this.stream.try_read_buf(buffer) {
                Ok(read) => {
                    this.unanswered_bytes = 0;
                    if read < room {
                        this.note_empty();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl SharedStream {
    /// A short read emptied the socket: noted, so that it isn't asked a second time to hear so. New bytes are told by an
    /// event of their own; none can be lost, since events are taken by this very thread.
    fn note_empty(&self) {
        let _ = self.stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    }

    fn poll_write_with(
        &mut self,
        context: &mut Context<'_>,
        offered: usize,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.is_deaf.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(offered));
            }
            ready!(self.stream.poll_write_ready(context))?;
            match write(&self.stream) {
                Ok(written) => {
                    self.unanswered_bytes = self.unanswered_bytes.saturating_add(written);
                    return Poll::Ready(Ok(written));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A service may answer and close before it has read the whole request: its answer, or its end, is still
                // to be read. Where nothing of the request was written, the error must be seen, so that it is resent.
                Err(error) if is_closed(&error) && self.unanswered_bytes > 0 => {
                    self.is_deaf.store(true, Ordering::Relaxed);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl AsyncWrite for SharedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write_with(context, bytes.len(), |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        self.get_mut().poll_write_with(context, offered, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown(&*self.stream, Shutdown::Write).map_err(io::Error::from))
    }
}
