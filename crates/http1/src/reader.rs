//! The request's side of a connection: head, body, and the wait for the answer. It writes nothing.

use bytes::{Bytes, BytesMut};

use crate::body::{Body, Part};
use crate::connection::Limits;
use crate::flaw::{Flaw, Malformed};
use crate::head::{HeadScan, RequestHead};
use crate::input::Input;

/// What a read of a head has memory for at least; most requests are smaller.
const HEAD_READ_BYTES: usize = 4 * 1024;
/// What a read of a body has memory for at least.
const BODY_READ_BYTES: usize = 16 * 1024;

/// What a connection of HTTP/2 begins with (RFC 9113 §3.4), and how much of it is a line.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HTTP2_LINE_BYTES: usize = 16;

/// The request that is being read.
#[derive(Debug)]
pub(crate) struct Reader {
    limits: Limits,
    input: Input,
    state: State,
    begins_as_head: bool,
    /// Whether the caller sends nothing more.
    is_at_eof: bool,
}

#[derive(Debug)]
enum State {
    Head(HeadScan),
    Body(Body),
    /// The request is whole, its answer isn't.
    Whole,
    Failed(Malformed),
    /// Nothing more is read.
    Closed,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Step {
    Head(RequestHead),
    Data(Bytes),
    End,
    NeedMore,
    Whole,
    Closed,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        let state = State::Head(HeadScan::default());
        Self { limits, input: Input::default(), state, begins_as_head: false, is_at_eof: false }
    }

    /// How many bytes there is room for.
    pub(crate) fn room(&self) -> usize {
        match self.state {
            _ if self.is_at_eof => 0,
            State::Failed(_) | State::Closed => 0,
            _ => self.limits.buffered_max_bytes().saturating_sub(self.input.len()),
        }
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.input.put(bytes.get(..count).unwrap_or_default());
        count
    }

    pub(crate) fn space(&mut self) -> bytes::buf::Limit<&mut BytesMut> {
        let room = self.room();
        let wanted = if matches!(self.state, State::Body(_)) { BODY_READ_BYTES } else { HEAD_READ_BYTES };
        self.input.space(room, wanted)
    }

    pub(crate) fn receive_eof(&mut self) {
        self.is_at_eof = true;
    }

    /// Whether a head is being read or awaited.
    pub(crate) fn is_at_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }

    /// Whether not a byte of the next request has come.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(&self.state, State::Head(scan) if scan.is_at_start() && self.input.len() == 0)
    }

    /// Whether all of the request's body was read, or it has none.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.state {
            State::Whole => true,
            State::Body(body) => body.is_at_end(),
            State::Head(_) | State::Failed(_) | State::Closed => false,
        }
    }

    /// Whether the request's end was told.
    pub(crate) fn has_told_end(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// Whether something has arrived and waits to be read.
    pub(crate) fn has_unread(&self) -> bool {
        self.input.len() > 0
    }

    /// Reads on.
    pub(crate) fn next(&mut self) -> Result<Step, Malformed> {
        let read = match &mut self.state {
            State::Head(scan) => {
                let bytes = self.input.bytes();
                self.begins_as_head |= bytes.strip_prefix(b"\r\n").unwrap_or(bytes).starts_with(b"HEAD ");
                scan.next(&mut self.input, &self.limits).map(|head| head.map(Step::Head))
            }
            State::Body(body) => body.next(&mut self.input, &self.limits).map(|part| {
                part.map(|part| match part {
                    Part::Data(bytes) => Step::Data(bytes),
                    Part::End => Step::End,
                })
            }),
            State::Whole => Ok(Some(Step::Whole)),
            State::Closed => Ok(Some(Step::Closed)),
            State::Failed(malformed) => return Err(*malformed),
        };
        match read {
            Ok(Some(step)) => {
                match &step {
                    Step::Head(head) => self.state = State::Body(head.body.into()),
                    Step::End => self.state = State::Whole,
                    _ => {}
                }
                Ok(step)
            }
            Ok(None) if self.is_at_eof => self.end(),
            Ok(None) => Ok(Step::NeedMore),
            Err(malformed) => Err(self.fail(malformed)),
        }
    }

    /// Nothing more comes.
    fn end(&mut self) -> Result<Step, Malformed> {
        if self.is_idle() {
            self.state = State::Closed;
            return Ok(Step::Closed);
        }
        let flaw = if self.is_at_head() { Flaw::TruncatedHead } else { Flaw::TruncatedBody };
        Err(self.fail(self.input.flaw(flaw, self.input.len())))
    }

    fn fail(&mut self, malformed: Malformed) -> Malformed {
        self.state = State::Failed(malformed);
        malformed
    }

    /// Begins with the next request, once the last one is whole and answered.
    pub(crate) fn begin_next(&mut self) {
        self.input.begin_request();
        self.begins_as_head = false;
        self.state = State::Head(HeadScan::default());
    }

    /// Reads nothing more; what was received and not read is given back.
    pub(crate) fn close(&mut self) -> BytesMut {
        if !self.has_failed() {
            self.state = State::Closed;
        }
        self.input.take(usize::MAX)
    }

    /// All that was received, where it begins with the preface of HTTP/2 or its line that is no request's.
    pub(crate) fn take_http2(&mut self) -> Option<BytesMut> {
        let received = self.input.bytes();
        let known = received.len().min(HTTP2_PREFACE.len());
        let is_preface = received.get(..known) == HTTP2_PREFACE.get(..known) && known >= HTTP2_LINE_BYTES;
        (is_preface && self.input.offset(0) == 0).then(|| self.input.take(usize::MAX))
    }

    /// Whether what has come of the request, which may not be one, begins as `HEAD` does.
    pub(crate) fn begins_as_head(&self) -> bool {
        self.begins_as_head
    }

    #[cfg(test)]
    pub(crate) fn held_bytes(&mut self) -> usize {
        self.input.held_bytes()
    }
}
