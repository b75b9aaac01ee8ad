//! One connection of a caller: HTTP/1.1 by hyper, its deadlines, and our own words for what hyper can't parse.
//!
//! hyper answers a request that it can't parse by itself, with an empty body. [`Wire`] holds that answer back and the
//! connection then ends with the contract's.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use limen_rules::contract::{Cause, Refusal};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::answer::{Answer, Cut};
use crate::call;
use crate::gateway::{Core, Gateway};
use crate::handle;

/// The largest head of a request.
pub(crate) const HEAD_MAX_BYTES: usize = 32 * 1024;
/// The most header fields.
const HEAD_MAX_FIELDS: usize = 100;
/// For a head to arrive, and for a connection to stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// For a caller to take more of an answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// For a refused caller to read our words before the connection is closed.
const LINGER: Duration = Duration::from_secs(1);
/// What is read and thrown away of a refused request, so that closing does not destroy our words on their way.
const LINGER_BYTES: usize = 256 * 1024;

/// What is seen of the bytes of a connection.
#[derive(Default)]
struct Seen {
    /// The status of an answer that hyper made by itself; 0: none.
    held_back: AtomicU16,
    /// Whether something came since the last answer began.
    head_begun: AtomicBool,
    /// Whether a call is being answered: what is written then was never made by hyper itself.
    answering: AtomicBool,
    /// Whether that answer's body has ended; what is left of it is written by the next flush.
    body_ended: AtomicBool,
}

/// Tells the wire when an answer's body has ended, by being dropped with it.
pub(crate) struct Ending(Arc<Seen>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.body_ended.store(true, Ordering::Relaxed);
    }
}

/// The stream between hyper and the socket.
struct Wire {
    stream: TcpStream,
    seen: Arc<Seen>,
    /// When a write that waits is given up.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Wire {
    /// A caller who reads nothing must not hold its connection and the service's for ever.
    fn unless_stalled<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIMEOUT)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// The status of an answer that hyper made by itself: ours carry an id.
fn by_hyper_itself(bytes: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= 400)?;
    let status = text.strip_prefix("HTTP/1.1 4").or_else(|| text.strip_prefix("HTTP/1.0 4"))?;
    let status = status.get(..2)?.parse::<u16>().ok()?;
    let bare = text.ends_with("\r\n\r\n") && text.contains("content-length: 0\r\n") && !text.contains("x-request-id: ");
    bare.then_some(400 + status)
}

/// An answer's body that tells of its end.
struct Ended {
    body: Answer,
    _ending: Ending,
}

impl Body for Ended {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.seen.head_begun.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.seen.answering.load(Ordering::Relaxed)
            && let Some(status) = by_hyper_itself(bytes)
        {
            this.seen.held_back.store(status, Ordering::Relaxed);
            return Poll::Ready(Ok(bytes.len()));
        }
        this.seen.head_begun.store(false, Ordering::Relaxed);
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.unless_stalled(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        if let Some(first) = first
            && slices.iter().map(|slice| slice.len()).sum::<usize>() == first.len()
        {
            return self.poll_write(context, first);
        }
        let this = self.get_mut();
        this.seen.head_begun.store(false, Ordering::Relaxed);
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.unless_stalled(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        // hyper flushes when it has written all that it holds, so after a body's end nothing of the answer is left.
        if flushed.is_ready() && this.seen.body_ended.swap(false, Ordering::Relaxed) {
            this.seen.answering.store(false, Ordering::Relaxed);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Serves one connection until it ends, or until `stopping` and the call under way is answered.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    stream: TcpStream,
    mut stopping: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let seen = Arc::<Seen>::default();
    let io = TokioIo::new(Wire { stream, seen: Arc::clone(&seen), stalled: None });
    let service = service_fn(|request| {
        let (gateway, core) = (Arc::clone(&gateway), Arc::clone(&core));
        seen.answering.store(true, Ordering::Relaxed);
        let ending = Ending(Arc::clone(&seen));
        // hyper gives the socket back after an error only where the future may be moved.
        Box::pin(async move {
            let response = handle::handle(&gateway, &core, request).await;
            Ok::<_, std::convert::Infallible>(response.map(|body| Ended { body, _ending: ending }))
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX_BYTES)
        .max_headers(HEAD_MAX_FIELDS)
        .serve_connection(io, service);
    let mut told_to_stop = false;
    let ended = loop {
        tokio::select! {
            ended = std::future::poll_fn(|context| connection.poll_without_shutdown(context)) => break ended,
            _ = stopping.changed(), if !told_to_stop => {
                told_to_stop = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let mut stream = connection.into_parts().io.into_inner().stream;
    let refusal = ended.err().and_then(|error| refusal_for(&error, &seen));
    if let Some(refusal) = refusal {
        let bytes = call::refuse_unparsed(&gateway, refusal);
        if stream.write_all(&bytes).await.is_ok() {
            linger(&mut stream).await;
        }
    } else {
        linger(&mut stream).await;
    }
}

/// Says that there is no room for a connection, and closes it.
pub(crate) async fn turn_away(gateway: &Arc<Gateway>, mut stream: TcpStream) {
    let refusal = Refusal::new(Cause::Overloaded).detail("Too many connections are open.").retry_after_s(1);
    let bytes = call::refuse_unparsed(gateway, refusal);
    if tokio::time::timeout(LINGER, stream.write_all(&bytes)).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

/// The 400 for a head over its bounds.
pub(crate) fn head_too_large() -> Refusal {
    Refusal::new(Cause::HeadersTooLarge)
        .message("The request line and headers are larger than 32 KiB, or there are more than 100 headers.")
}

/// What a caller is told whose request could not be parsed; none where nobody waits for words.
fn refusal_for(error: &hyper::Error, seen: &Seen) -> Option<Refusal> {
    let words = error.to_string();
    if error.is_parse_too_large() || seen.held_back.load(Ordering::Relaxed) == 431 {
        return Some(head_too_large().operator_words(words));
    }
    if error.is_parse() {
        return Some(
            Refusal::new(Cause::MalformedRequest)
                .message("The request could not be read as HTTP/1.1.")
                .detail(format!("The request line or a header is not of HTTP's form ({words})."))
                .operator_words(words),
        );
    }
    (error.is_timeout() && seen.head_begun.load(Ordering::Relaxed)).then(|| {
        Refusal::new(Cause::RequestTimeout)
            .message("The request's head did not arrive in time.")
            .detail(format!("The head was not complete after {} s.", HEAD_TIMEOUT.as_secs()))
            .operator_words(words)
    })
}

/// Closes our side and reads on for a moment: closing with unread bytes would reset the connection and destroy what
/// was just written (RFC 9112 §9.6).
async fn linger(stream: &mut TcpStream) {
    let drain = async {
        stream.shutdown().await?;
        let mut buffer = [0_u8; 4096];
        let mut drained = 0;
        while drained < LINGER_BYTES {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => drained += read,
            }
        }
        Ok::<_, io::Error>(())
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_s_own_answers_are_told_from_ours() {
        let own = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Sun\r\n\r\n";
        assert_eq!(by_hyper_itself(own), Some(400));
        let large = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(by_hyper_itself(large), Some(431));
        let ours = b"HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(by_hyper_itself(ours), None);
        assert_eq!(by_hyper_itself(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), None);
        assert_eq!(by_hyper_itself(b""), None);
    }
}
