//! One connection to a service and the exchange under way on it: polled by the call's own future, without a task or a
//! channel. HTTP/1.1 itself is the engine's affair ([`limen_http1::service`]).

#[cfg(test)]
mod tests;
pub(crate) mod timer;
mod tunnel;

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use limen_http1::service::{
    ANSWER_LIMITS, AnswerEvent, Defect, Request, RequestError, ResponseHead, ServiceConnection,
};
use limen_rules::contract::Refusal;
use limen_rules::model::Deadlines;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _};
use tokio::time::Instant;

use self::timer::Timer;
use crate::debts::Debts;
use crate::outbound::Outbound;
use crate::pool::ServiceStream;

/// No more of a request waits to be written than this.
const WAITING_BYTES: usize = 64 * 1024;
/// What an idle connection keeps of memory for its next request.
const KEPT_BYTES: usize = 16 * 1024;

/// Why an exchange came to nothing, or to no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The caller's body was at fault.
    #[error("the request's body broke off")]
    Caller(Refusal),
    /// What came isn't HTTP.
    #[error("its answer is not HTTP: {0}")]
    Garbage(Defect),
    /// The connection ended.
    #[error("{0}")]
    Closed(Defect),
    /// The connection broke.
    #[error("{0}")]
    Io(io::Error),
    /// It ended, or something came over it, while no request was under way.
    #[error("the connection was closed while it was idle")]
    Stale,
    /// Nothing came, or nothing was taken.
    #[error("{0}")]
    TimedOut(String),
    /// A bug of ours.
    #[error("{0}")]
    Request(RequestError),
}

/// Who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The service, to read more of the request.
    Reading,
    /// The caller, to send more of its body.
    Caller,
    /// The service, to answer.
    Answer,
    /// Either side, to go on while an answer is relayed.
    Progress,
}

/// A connection to a service.
pub(crate) struct Link {
    stream: ServiceStream,
    engine: ServiceConnection,
    /// What waits to be written.
    out: BytesMut,
    body: Outbound,
    /// Whether the request's first write still waits for its turn: see [`Link::poll_head`].
    is_deferred: bool,
    /// Whether it was idle before this request, so that it is looked at before the first write.
    was_idle: bool,
    /// Whether anything of the request was written.
    has_written: bool,
    /// Whether a part of the request was never sent: the service stopped reading, or refused before its end.
    is_cut: bool,
    /// Who is waited for, and since when.
    waiting: Option<(Wait, Instant)>,
    timer: Timer,
}

impl Link {
    pub(crate) fn new(stream: ServiceStream) -> Self {
        Self {
            stream,
            engine: ServiceConnection::new(ANSWER_LIMITS),
            out: BytesMut::new(),
            body: Outbound::None,
            is_deferred: false,
            was_idle: false,
            has_written: false,
            is_cut: false,
            waiting: None,
            timer: Timer::default(),
        }
    }

    /// Whether the connection is open and nothing waits to be read from it.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// The connection comes out of the pool.
    pub(crate) fn note_idle(&mut self) {
        self.was_idle = true;
    }

    /// Whether a request of which nothing came back may be sent over another connection: nothing of it was written.
    pub(crate) fn is_unsent(&self) -> bool {
        !self.has_written && !self.engine.has_answered()
    }

    /// Whether not a byte of an answer has come.
    pub(crate) fn is_unanswered(&self) -> bool {
        !self.engine.has_answered()
    }

    /// Begins a request; it is written as it is polled.
    pub(crate) fn begin(&mut self, request: &Request<'_>, body: Outbound) -> Result<(), RequestError> {
        self.engine.write_head(&mut self.out, request)?;
        self.body = body;
        self.is_deferred = true;
        self.has_written = false;
        self.waiting = None;
        Ok(())
    }

    /// Takes the request of a connection that turned out to be closed before anything of it was written. False where that
    /// can't be, and then nothing changed.
    pub(crate) fn take_over(&mut self, other: &mut Self) -> bool {
        if !other.is_unsent() || !self.engine.take_over(&mut other.engine) {
            return false;
        }
        self.out = std::mem::take(&mut other.out);
        self.body = std::mem::replace(&mut other.body, Outbound::None);
        true
    }

    /// Sends the request and waits for the head of its answer, which may come before the request is whole.
    ///
    /// The first write waits until the other calls of this core that are ready had their turn: what leaves together wakes
    /// its receivers once, and waking is the dearest part of a write.
    ///
    /// The response's deadline runs from the request's end; before that, a caller who pauses and a service that stops
    /// reading each have the idle time.
    pub(crate) fn poll_head(
        &mut self,
        context: &mut Context<'_>,
        debts: &mut Debts,
        deadlines: &Deadlines,
    ) -> Poll<Result<ResponseHead, Broken>> {
        if std::mem::take(&mut self.is_deferred) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        // At the last moment: what has come by now can't be the answer, and a close that is noticed costs nobody anything.
        if std::mem::take(&mut self.was_idle) && !self.is_quiet() {
            return Poll::Ready(Err(Broken::Stale));
        }
        let sending = match self.poll_send(context, debts) {
            Err(broken @ Broken::Caller(_)) => return Poll::Ready(Err(broken)),
            sending => sending,
        };
        // An answer that has come says more than what befell the request.
        if let Poll::Ready(event) = self.poll_event(context) {
            return Poll::Ready(match event? {
                AnswerEvent::Head(head) => {
                    self.waiting = None;
                    // Who refuses has no use for the rest of the body (RFC 9112 §9.5).
                    if !head.status.is_success() {
                        self.stop_sending();
                    }
                    Ok(head)
                }
                _ => Err(Broken::Request(RequestError::OutOfOrder)),
            });
        }
        let waits_for = sending?;
        let timeout_ms = match waits_for {
            Wait::Answer => deadlines.response_timeout_ms,
            Wait::Reading | Wait::Caller | Wait::Progress => deadlines.idle_timeout_ms,
        };
        ready!(self.poll_deadline(context, waits_for, Duration::from_millis(timeout_ms)));
        Poll::Ready(Err(match waits_for {
            Wait::Caller => {
                let refusal = crate::outbound::timed_out(Duration::from_millis(timeout_ms));
                Broken::Caller(refusal)
            }
            Wait::Reading => Broken::TimedOut(format!("the service read nothing of the request for {timeout_ms} ms")),
            Wait::Answer | Wait::Progress => Broken::TimedOut(format!("no answer within {timeout_ms} ms")),
        }))
    }

    /// The next piece of the answer's body. What is left of the request is sent meanwhile.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        debts: &mut Debts,
        idle_timeout: Duration,
    ) -> Poll<Option<Result<Bytes, Broken>>> {
        if let Err(broken) = self.poll_send(context, debts) {
            return Poll::Ready(Some(Err(broken)));
        }
        if let Poll::Ready(event) = self.poll_event(context) {
            self.waiting = None;
            return Poll::Ready(match event {
                Ok(AnswerEvent::Data(bytes)) => {
                    debts.add_response_bytes(bytes.len());
                    Some(Ok(bytes))
                }
                Ok(AnswerEvent::End) => None,
                Ok(AnswerEvent::Head(_) | AnswerEvent::NeedMore) => {
                    Some(Err(Broken::Request(RequestError::OutOfOrder)))
                }
                Err(broken) => Some(Err(broken)),
            });
        }
        ready!(self.poll_deadline(context, Wait::Progress, idle_timeout));
        let words = format!("nothing came for {} ms", idle_timeout.as_millis());
        Poll::Ready(Some(Err(Broken::TimedOut(words))))
    }

    /// Nothing more of the request is sent; the connection is not used again unless all of it was.
    fn stop_sending(&mut self) {
        self.is_cut |= !self.out.is_empty() || !self.engine.is_sent();
        self.body = Outbound::None;
        self.out.clear();
    }

    /// Throws away what has come of an answer that nobody reads on; whether the connection is good for another request.
    pub(crate) fn finish(&mut self) -> bool {
        while let Ok(AnswerEvent::Data(_)) = self.engine.next_event() {}
        let is_good = self.engine.is_reusable() && self.out.is_empty() && !self.is_cut && !self.stream.has_unwritten();
        if is_good {
            self.body = Outbound::None;
            self.engine.shrink();
            if self.out.capacity() > KEPT_BYTES {
                self.out = BytesMut::new();
            }
        }
        is_good
    }

    /// Writes what there is of the request, and says who is waited for then.
    fn poll_send(&mut self, context: &mut Context<'_>, debts: &mut Debts) -> Result<Wait, Broken> {
        loop {
            let waits_for_caller = self.poll_fill(context, debts)?;
            if self.out.is_empty() && (self.is_cut || !self.stream.has_unwritten()) {
                return Ok(if waits_for_caller { Wait::Caller } else { Wait::Answer });
            }
            if self.poll_flush(context)?.is_pending() {
                return Ok(Wait::Reading);
            }
        }
    }

    /// Fetches what there is of the body and has room; whether the caller is waited for.
    fn poll_fill(&mut self, context: &mut Context<'_>, debts: &mut Debts) -> Result<bool, Broken> {
        while !self.engine.is_sent() && !self.is_cut && self.out.len() < WAITING_BYTES {
            let room = WAITING_BYTES - self.out.len();
            match self.body.poll_piece(context, room, debts) {
                Poll::Pending => return Ok(true),
                Poll::Ready(Some(Ok(piece))) => {
                    self.waiting = None;
                    self.engine.write_data(&mut self.out, &piece).map_err(Broken::Request)?;
                }
                Poll::Ready(None) => self.engine.write_end(&mut self.out).map_err(Broken::Request)?,
                Poll::Ready(Some(Err(refusal))) => return Err(Broken::Caller(refusal)),
            }
        }
        Ok(false)
    }

    /// Writes what waits; ready when all of it is written.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, Broken> {
        while !self.out.is_empty() {
            let before = self.stream.hidden_bytes();
            let written = Pin::new(&mut self.stream).poll_write(context, &self.out);
            self.has_written |= self.stream.hidden_bytes() != before;
            match written {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Ok(0)) => return Err(Broken::Io(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    forget(&mut self.out, written);
                    self.has_written = true;
                    self.waiting = None;
                }
                // A service may answer and close before it has read the whole request: its answer, or its end, is still to
                // be read. Where nothing of the request was written, the error must be seen, so that it is resent.
                Poll::Ready(Err(error)) if is_closed(&error) && self.has_written => {
                    self.stop_sending();
                }
                Poll::Ready(Err(error)) => return Err(Broken::Io(error)),
            }
        }
        if self.stream.has_unwritten() {
            match Pin::new(&mut self.stream).poll_flush(context) {
                Poll::Ready(Ok(())) => self.waiting = None,
                Poll::Ready(Err(error)) if is_closed(&error) && !self.is_cut => {
                    self.stop_sending();
                    self.is_cut = true;
                }
                Poll::Ready(Err(error)) => return Err(Broken::Io(error)),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Reads on.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<AnswerEvent, Broken>> {
        loop {
            match self.engine.next_event() {
                Ok(AnswerEvent::NeedMore) => {}
                Ok(event) => return Poll::Ready(Ok(event)),
                Err(defect) if defect.flaw.is_truncated() => return Poll::Ready(Err(Broken::Closed(defect))),
                Err(defect) => return Poll::Ready(Err(Broken::Garbage(defect))),
            }
            // As a whole read, so that tokio notes that a short one emptied the socket, and asks no second time.
            let mut space = self.engine.space();
            match ready!(pin!(self.stream.read_buf(&mut space)).poll(context)) {
                Ok(0) => self.engine.receive_eof(),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(Broken::Io(error))),
            }
        }
    }

    /// Ready when `wait` has taken so long.
    fn poll_deadline(&mut self, context: &mut Context<'_>, wait: Wait, timeout: Duration) -> Poll<()> {
        let since = match self.waiting {
            Some((waits_for, since)) if waits_for == wait => since,
            _ => Instant::now(),
        };
        self.waiting = Some((wait, since));
        self.timer.poll(context, since + timeout)
    }
}

/// Drops what was written. Where that is all, what comes next is put where it stood: that memory is warm.
pub(crate) fn forget(out: &mut BytesMut, written: usize) {
    if written >= out.len() {
        out.clear();
    } else {
        out.advance(written);
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}
