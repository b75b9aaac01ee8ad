//! One connection of a caller: requests are read in order, each is answered before the next one is shown.
//!
//! It knows no socket and no clock: whoever holds it brings bytes and takes bytes.

use bytes::buf::Limit;
use bytes::{Bytes, BytesMut};
use http::StatusCode;

use crate::flaw::Malformed;
use crate::head::RequestHead;
use crate::reader::{Reader, Step};
use crate::response::{AnswerLines, DataFrame, ResponseBody, WriteError};
use crate::writer::Writer;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest head: request line, fields and the line ends.
    pub head_max_bytes: usize,
    /// The most fields of a head or a trailer section.
    pub fields_max: usize,
    /// The largest trailer section.
    pub trailers_max_bytes: usize,
    /// What is held of what was received and not yet read; at least a head and a trailer section find room.
    pub buffered_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_max_bytes: 32 * 1024, fields_max: 100, trailers_max_bytes: 8 * 1024, buffered_max_bytes: 64 * 1024 }
    }
}

impl Limits {
    /// The least buffer that never gets stuck: a chunk's size and its line end need 18 bytes.
    const BUFFERED_LEAST_BYTES: usize = 64;

    pub(crate) fn buffered_max_bytes(&self) -> usize {
        let whole = self.head_max_bytes.max(self.trailers_max_bytes).max(Self::BUFFERED_LEAST_BYTES);
        self.buffered_max_bytes.max(whole)
    }
}

/// What happened on the caller's side.
#[derive(Debug)]
pub enum Event {
    /// A request began.
    Head(RequestHead),
    /// A piece of its body, never empty, cut out of the buffer without a copy. How a body is cut depends on how it
    /// arrived; what it is does not.
    Data(Bytes),
    /// The request is whole. Comes once for each head, with or without a body; trailers were checked and dropped.
    End,
    /// Nothing more can be said before more is received.
    NeedMore,
    /// The request is whole and the next one isn't shown before the answer is finished.
    AwaitResponse,
    /// Nothing more is read of this connection; write what is left, and close it.
    Close,
}

/// The state of one connection.
///
/// Feed it with [`receive`](Self::receive) (or [`space`](Self::space)) and [`receive_eof`](Self::receive_eof), and call
/// [`next_event`](Self::next_event) until it needs more. Any split of the bytes gives the same events.
#[derive(Debug)]
pub struct Connection {
    reader: Reader,
    writer: Writer,
}

impl Connection {
    /// A connection of which nothing was read.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { reader: Reader::new(limits), writer: Writer::new() }
    }

    /// How many bytes are taken now. It is 0 while enough waits to be read, and after the connection's end.
    #[must_use]
    pub fn room(&self) -> usize {
        self.reader.room()
    }

    /// Takes what was received, at most [`room`](Self::room) bytes, and says how many were taken.
    #[must_use]
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        self.reader.receive(bytes)
    }

    /// The buffer to receive into without a copy, limited to [`room`](Self::room). Where there is no room, reading into
    /// it says 0 bytes and must not be taken for the caller's end.
    pub fn space(&mut self) -> Limit<&mut BytesMut> {
        self.reader.space()
    }

    /// The caller sends nothing more; what was received is still read, and answers can be written.
    pub fn receive_eof(&mut self) {
        self.reader.receive_eof();
    }

    /// Whether no request is under way and not a byte of one has come, so that closing harms nobody.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.reader.is_idle()
    }

    /// Whether something was received and not yet read.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.reader.has_unread()
    }

    /// Whether the connection must be closed after what was written. Where the request isn't whole by then, reading on
    /// for a moment keeps the answer from being lost (RFC 9112 §9.6).
    #[must_use]
    pub fn must_close(&self) -> bool {
        self.writer.must_close()
    }

    /// The next event.
    ///
    /// # Errors
    /// What is wrong with the request, and the same ever after; nothing more is read. If no answer was begun, one can
    /// still be written; it closes the connection.
    pub fn next_event(&mut self) -> Result<Event, Malformed> {
        // An answer that nobody asked for (too many connections, a head that took too long) is the last one.
        if self.writer.is_broken() || (self.reader.is_at_head() && !self.writer.is_awaited()) {
            self.reader.close();
        }
        if self.reader.has_told_end() && self.writer.is_finished() {
            if self.writer.must_close() {
                self.reader.close();
            } else {
                self.reader.begin_next();
                self.writer.begin_next();
            }
        }
        Ok(match self.reader.next().inspect_err(|_| self.writer.close_after())? {
            Step::Head(head) => {
                self.writer.begin(&head);
                Event::Head(head)
            }
            Step::Data(bytes) => {
                self.writer.note_body();
                Event::Data(bytes)
            }
            Step::End => Event::End,
            Step::NeedMore => Event::NeedMore,
            Step::Whole => Event::AwaitResponse,
            Step::Closed => Event::Close,
        })
    }

    /// Writes `100 Continue` and says whether it did: once, where the caller waits for it, nothing of its body has come
    /// (RFC 9110 §10.1.1) and no final answer was begun. To be called when the body is first wanted.
    pub fn write_continue(&mut self, out: &mut BytesMut) -> bool {
        !self.reader.has_failed() && !self.reader.has_unread() && self.writer.write_continue(out)
    }

    /// Writes the head of the final answer: besides `lines` what the engine alone knows, framing and the connection's
    /// end. `Date` is the caller's of this function. The connection lives on only where `keep_alive` says so and the
    /// request allows.
    ///
    /// An answer without a request (a head that couldn't be read or didn't come) closes the connection. It has no body
    /// where what came begins with `HEAD`.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`], [`Status`](WriteError::Status), [`BodyForbidden`](WriteError::BodyForbidden) or
    /// [`FieldValue`](WriteError::FieldValue). Nothing was written, and another head can be.
    pub fn write_head(
        &mut self,
        out: &mut BytesMut,
        status: StatusCode,
        lines: &AnswerLines,
        body: ResponseBody,
        keep_alive: bool,
    ) -> Result<(), WriteError> {
        if !self.writer.has_request() && self.reader.begins_as_head() {
            self.writer.omit_body();
        }
        self.writer.write_head(out, status, lines, body, keep_alive, self.reader.is_whole())
    }

    /// Writes a piece of the answer's body; for `HEAD` it is left out.
    ///
    /// # Errors
    /// As [`frame_data`](Self::frame_data); nothing of this piece was written.
    pub fn write_data(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), WriteError> {
        let frame = self.frame_data(data.len() as u64)?;
        if frame.is_sent() {
            out.reserve(frame.prefix().len() + data.len() + frame.suffix().len());
            out.extend_from_slice(frame.prefix());
            out.extend_from_slice(data);
            out.extend_from_slice(frame.suffix());
        }
        Ok(())
    }

    /// What stands around a piece of `len` bytes, for whoever writes the piece itself. The piece counts as written.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`], [`TooLong`](WriteError::TooLong) or [`BodyForbidden`](WriteError::BodyForbidden). The
    /// last two break the answer off.
    pub fn frame_data(&mut self, len: u64) -> Result<DataFrame, WriteError> {
        self.writer.frame(len)
    }

    /// Ends the answer; the next request may be read.
    ///
    /// # Errors
    /// [`WriteError::OutOfOrder`], or [`TooShort`](WriteError::TooShort), which breaks the answer off.
    pub fn write_end(&mut self, out: &mut BytesMut) -> Result<(), WriteError> {
        self.writer.write_end(out)
    }

    /// Breaks the answer off: no end is written, so that what was sent doesn't look whole, and nothing more is read.
    pub fn abort(&mut self) {
        self.writer.abort();
    }

    /// Writes `101 Switching Protocols` with `lines`, among them `Upgrade`, and hands the connection over: what was
    /// received after the request is given back as it came, and nothing more is read.
    ///
    /// # Errors
    /// [`WriteError::NoUpgrade`], [`OutOfOrder`](WriteError::OutOfOrder) or [`FieldValue`](WriteError::FieldValue).
    /// Nothing was written, and a head can be.
    pub fn write_upgrade(&mut self, out: &mut BytesMut, lines: &AnswerLines) -> Result<BytesMut, WriteError> {
        if !self.reader.is_whole() {
            return Err(WriteError::NoUpgrade);
        }
        self.writer.write_upgrade(out, lines)?;
        Ok(self.reader.close())
    }

    /// Where the connection began with HTTP/2 (RFC 9113 §3.4), or with as much of its preface as tells it from every
    /// request: all that was received, and nothing more is read. To be asked when the first request was refused.
    pub fn take_http2(&mut self) -> Option<BytesMut> {
        self.reader.take_http2()
    }

    /// What the buffer takes of memory.
    #[cfg(test)]
    pub(crate) fn held_bytes(&mut self) -> usize {
        self.reader.held_bytes()
    }
}
