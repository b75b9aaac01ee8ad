//! One connection to a service: requests are written to it one after the other, and the answer of each is read.
//!
//! It knows no socket and no clock: whoever holds it brings bytes and takes bytes. An answer may begin before its
//! request is whole. What comes when nothing was asked is nobody's answer and spoils the connection.

mod flaw;
mod head;
mod lines;
mod request;
#[cfg(test)]
mod tests;

use bytes::buf::Limit;
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};

pub use self::flaw::{AnswerFlaw, Defect};
pub use self::head::{AnswerBody, ResponseHead};
use self::head::{AnswerScan, Read};
pub use self::lines::FieldLines;
use self::request::Sending;
pub use self::request::{Request, RequestBody, RequestError};
use crate::body::{Body, Part};
use crate::connection::Limits;
use crate::input::Input;

/// What a read of a head has memory for at least: most answers are smaller, and then come in one read.
const HEAD_READ_BYTES: usize = 8 * 1024;
/// What a read of a body has memory for at least.
const BODY_READ_BYTES: usize = 32 * 1024;
/// What an idle connection keeps of memory at most.
const KEPT_BYTES: usize = 16 * 1024;
/// Interim answers to one request; a service has use for two.
const INTERIM_MAX: u32 = 16;

/// What an answer may cost.
pub const ANSWER_LIMITS: Limits =
    Limits { head_max_bytes: 64 * 1024, fields_max: 200, trailers_max_bytes: 8 * 1024, buffered_max_bytes: 64 * 1024 };

/// What the service said.
#[derive(Debug)]
pub enum AnswerEvent {
    /// A final answer began, or a switch of protocols that was asked for (101). Other interim answers are dropped.
    Head(ResponseHead),
    /// A piece of its body, never empty, cut out of the buffer without a copy.
    Data(Bytes),
    /// The answer is whole; trailers were checked and dropped.
    End,
    /// Nothing more can be said before more is received.
    NeedMore,
}

/// The state of one connection.
///
/// Write a request with [`write_head`](Self::write_head), [`write_data`](Self::write_data) and
/// [`write_end`](Self::write_end); receive into [`space`](Self::space), and call [`next_event`](Self::next_event) until it
/// needs more. Any split of the bytes gives the same events.
#[derive(Debug)]
pub struct ServiceConnection {
    limits: Limits,
    input: Input,
    sending: Sending,
    state: State,
    is_head: bool,
    asks_switch: bool,
    /// Whether the answer lets the connection live on.
    keep_alive: bool,
    interim: u32,
    is_at_eof: bool,
}

#[derive(Debug)]
enum State {
    /// Nothing is expected.
    Idle,
    Head(AnswerScan),
    Body(Body),
    UntilClose,
    Whole,
    /// Another protocol is spoken from here on.
    Switched,
    Failed(Defect),
}

impl ServiceConnection {
    /// A connection over which nothing was sent.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            input: Input::default(),
            sending: Sending::Idle,
            state: State::Idle,
            is_head: false,
            asks_switch: false,
            keep_alive: true,
            interim: 0,
            is_at_eof: false,
        }
    }

    /// Writes a request's head. The one before must be answered as a whole, and no byte may have come since.
    ///
    /// # Errors
    /// [`RequestError`], except for `TooLong` and `TooShort`. Nothing was written, and another head can be.
    pub fn write_head(&mut self, out: &mut BytesMut, request: &Request<'_>) -> Result<(), RequestError> {
        if !matches!(self.state, State::Idle) && !self.is_reusable() {
            return Err(RequestError::OutOfOrder);
        }
        if self.is_at_eof || self.input.len() > 0 {
            return Err(RequestError::OutOfOrder);
        }
        self.sending = Sending::begin(out, request)?;
        self.is_head = *request.method == Method::HEAD;
        self.asks_switch = request.upgrade;
        self.interim = 0;
        self.input.begin_request();
        self.state = State::Head(AnswerScan::default());
        Ok(())
    }

    /// Writes a piece of the request's body.
    ///
    /// # Errors
    /// [`RequestError::OutOfOrder`] or [`TooLong`](RequestError::TooLong): nothing of this piece was written.
    pub fn write_data(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), RequestError> {
        self.sending.put(out, data)
    }

    /// Ends the request.
    ///
    /// # Errors
    /// [`RequestError::OutOfOrder`] or [`TooShort`](RequestError::TooShort).
    pub fn write_end(&mut self, out: &mut BytesMut) -> Result<(), RequestError> {
        self.sending.end(out)
    }

    /// Whether the whole request was written.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sending == Sending::Whole
    }

    /// Takes the place of a connection whose request was written to memory and not sent: the bytes that it wrote can be
    /// sent over this one. False, and then nothing changed, where either has received something.
    #[must_use]
    pub fn take_over(&mut self, other: &mut Self) -> bool {
        let is_fresh = matches!(self.state, State::Idle) && self.input.len() == 0 && !self.is_at_eof;
        if !is_fresh || other.has_answered() {
            return false;
        }
        self.sending = std::mem::replace(&mut other.sending, Sending::Idle);
        self.is_head = other.is_head;
        self.asks_switch = other.asks_switch;
        self.state = State::Head(AnswerScan::default());
        true
    }

    /// Whether a byte has come since the request was begun.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.input.offset(self.input.len()) > 0 || matches!(self.state, State::Whole)
    }

    /// How many bytes are taken now. It is 0 while no answer is awaited, and after the connection's end.
    #[must_use]
    pub fn room(&self) -> usize {
        match self.state {
            _ if self.is_at_eof => 0,
            State::Head(_) | State::Body(_) | State::UntilClose => {
                self.limits.buffered_max_bytes().saturating_sub(self.input.len())
            }
            State::Idle | State::Whole | State::Switched | State::Failed(_) => 0,
        }
    }

    /// The buffer to receive into without a copy, limited to [`room`](Self::room). Where there is no room, reading into
    /// it says 0 bytes and must not be taken for the service's end.
    pub fn space(&mut self) -> Limit<&mut BytesMut> {
        let room = self.room();
        let wanted = if matches!(self.state, State::Head(_)) { HEAD_READ_BYTES } else { BODY_READ_BYTES };
        self.input.space(room, wanted)
    }

    /// The service sends nothing more, and said so in an orderly way.
    pub fn receive_eof(&mut self) {
        self.is_at_eof = true;
    }

    /// The next event.
    ///
    /// # Errors
    /// What is wrong with the answer, and the same ever after.
    pub fn next_event(&mut self) -> Result<AnswerEvent, Defect> {
        loop {
            let base = self.input.offset(0);
            let read = match &mut self.state {
                State::Idle | State::Switched => return Ok(AnswerEvent::NeedMore),
                State::Whole => return Ok(AnswerEvent::End),
                State::Failed(defect) => return Err(*defect),
                State::Head(scan) => match scan.next(&mut self.input, &self.limits, self.is_head) {
                    Ok(None) => Ok(None),
                    Ok(Some(read)) => match self.begin_answer(read) {
                        Ok(None) => continue,
                        Ok(Some(head)) => Ok(Some(AnswerEvent::Head(head))),
                        Err(flaw) => Err(Defect { flaw, offset: base }),
                    },
                    Err((flaw, index)) => Err(Defect { flaw, offset: base.saturating_add(index as u64) }),
                },
                State::Body(body) => match body.next(&mut self.input, &self.limits) {
                    Ok(part) => Ok(part.map(|part| match part {
                        Part::Data(bytes) => AnswerEvent::Data(bytes),
                        Part::End => AnswerEvent::End,
                    })),
                    Err(malformed) => Err(Defect { flaw: AnswerFlaw::Form(malformed.flaw), offset: malformed.offset }),
                },
                State::UntilClose if self.input.len() > 0 => {
                    Ok(Some(AnswerEvent::Data(self.input.take(usize::MAX).freeze())))
                }
                State::UntilClose => Ok(self.is_at_eof.then_some(AnswerEvent::End)),
            };
            return match read {
                Ok(Some(event)) => {
                    if matches!(event, AnswerEvent::End) {
                        self.state = State::Whole;
                    }
                    Ok(event)
                }
                Ok(None) if self.is_at_eof => Err(self.end()),
                Ok(None) => Ok(AnswerEvent::NeedMore),
                Err(defect) => Err(self.fail(defect)),
            };
        }
    }

    /// What becomes of a head: none for an interim one.
    fn begin_answer(
        &mut self,
        Read { head, keep_alive, announces_body }: Read,
    ) -> Result<Option<ResponseHead>, AnswerFlaw> {
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            if !self.asks_switch || head.version != http::Version::HTTP_11 {
                return Err(AnswerFlaw::UnaskedSwitch);
            }
            if announces_body {
                return Err(AnswerFlaw::InterimBody);
            }
            self.keep_alive = false;
            self.state = State::Switched;
            return Ok(Some(head));
        }
        if head.status.is_informational() {
            self.interim += 1;
            if announces_body {
                return Err(AnswerFlaw::InterimBody);
            }
            if self.interim > INTERIM_MAX || self.input.offset(0) > self.limits.head_max_bytes as u64 {
                return Err(AnswerFlaw::TooManyInterim);
            }
            self.state = State::Head(AnswerScan::default());
            return Ok(None);
        }
        self.keep_alive = keep_alive;
        self.state = match head.body {
            AnswerBody::None => State::Body(Body::Length(0)),
            AnswerBody::Length(length) => State::Body(Body::Length(length)),
            AnswerBody::Chunked => State::Body(Body::ChunkSize),
            AnswerBody::UntilClose => State::UntilClose,
        };
        Ok(Some(head))
    }

    /// Nothing more comes, and the answer isn't whole.
    fn end(&mut self) -> Defect {
        let flaw =
            if matches!(self.state, State::Head(_)) { AnswerFlaw::TruncatedHead } else { AnswerFlaw::TruncatedBody };
        self.fail(Defect { flaw, offset: self.input.offset(self.input.len()) })
    }

    fn fail(&mut self, defect: Defect) -> Defect {
        self.state = State::Failed(defect);
        defect
    }

    /// Whether the service ends the connection after this answer, as far as it has said.
    #[must_use]
    pub fn must_close(&self) -> bool {
        !self.keep_alive
    }

    /// Whether another request may be sent: the last one and its answer are whole, and nothing came after them.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        matches!(self.state, State::Whole)
            && self.keep_alive
            && self.is_sent()
            && self.input.len() == 0
            && !self.is_at_eof
    }

    /// What came after a switch of protocols (101), in that protocol.
    pub fn take_switched(&mut self) -> BytesMut {
        match self.state {
            State::Switched => self.input.take(usize::MAX),
            _ => BytesMut::new(),
        }
    }

    /// Gives back memory that an idle connection has no use for.
    pub fn shrink(&mut self) {
        self.input.shrink(KEPT_BYTES);
    }

    /// What the buffer takes of memory.
    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.input.held_bytes()
    }
}
