//! The answer's side of a connection: heads, framing, and that nothing cut looks whole. It reads nothing.

use bytes::BytesMut;
use http::{Method, StatusCode, Version};

use crate::head::RequestHead;
use crate::response::{AnswerLines, DataFrame, ResponseBody, WriteError};

/// What a head takes besides its lines.
const HEAD_BYTES: usize = 128;

/// What an answer must know of its request.
#[derive(Debug)]
struct Exchange {
    method: Method,
    version: Version,
    keep_alive: bool,
    upgrade: bool,
    /// Whether the caller waits for `100 Continue` and hasn't got it.
    awaits_continue: bool,
    /// Whether a part of the body has come.
    has_begun_body: bool,
}

/// How far the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its head isn't written.
    Awaited,
    /// So many bytes of it are missing.
    Length(u64),
    Chunked,
    UntilClose,
    /// The method has no answer's body: data are left out.
    Omitted,
    /// The status has no body.
    Bodiless,
    Finished,
    /// It broke off, and stays so.
    Broken,
}

/// The answer that is being written.
#[derive(Debug)]
pub(crate) struct Writer {
    /// None before a request, and where it couldn't be read.
    exchange: Option<Exchange>,
    state: State,
    /// Whether the request that couldn't be read was for no body (RFC 9110 §9.3.2).
    omits_body: bool,
    must_close: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { exchange: None, state: State::Awaited, omits_body: false, must_close: false }
    }

    /// Begins the answer to a request.
    pub(crate) fn begin(&mut self, head: &RequestHead) {
        self.exchange = Some(Exchange {
            method: head.method.clone(),
            version: head.version,
            keep_alive: head.keep_alive,
            upgrade: head.upgrade,
            awaits_continue: head.expects_continue,
            has_begun_body: false,
        });
    }

    /// Whether there is a request that is answered.
    pub(crate) fn has_request(&self) -> bool {
        self.exchange.is_some()
    }

    /// The answer tells its length and has no body.
    pub(crate) fn omit_body(&mut self) {
        self.omits_body = true;
    }

    /// The caller sends its body.
    pub(crate) fn note_body(&mut self) {
        if let Some(exchange) = &mut self.exchange {
            exchange.has_begun_body = true;
        }
    }

    /// Awaits the next request.
    pub(crate) fn begin_next(&mut self) {
        *self = Self { must_close: self.must_close, ..Self::new() };
    }

    /// Whether no final answer was begun.
    pub(crate) fn is_awaited(&self) -> bool {
        self.state == State::Awaited
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    pub(crate) fn must_close(&self) -> bool {
        self.must_close
    }

    /// No further request is read after this answer.
    pub(crate) fn close_after(&mut self) {
        self.must_close = true;
    }

    /// No further request is read after this answer, which breaks off where it has begun.
    pub(crate) fn abort(&mut self) {
        self.must_close = true;
        if !self.is_finished() {
            self.state = State::Broken;
        }
    }

    /// Whether `100 Continue` was written: once, where it is awaited and the final answer hasn't begun.
    pub(crate) fn write_continue(&mut self, out: &mut BytesMut) -> bool {
        let Some(exchange) = &mut self.exchange else { return false };
        if self.state != State::Awaited || !exchange.awaits_continue || exchange.has_begun_body {
            return false;
        }
        exchange.awaits_continue = false;
        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        true
    }

    /// See [`crate::connection::Connection::write_head`]; `is_whole`: the request was read to its end.
    pub(crate) fn write_head(
        &mut self,
        out: &mut BytesMut,
        status: StatusCode,
        lines: &AnswerLines,
        body: ResponseBody,
        keep_alive: bool,
        is_whole: bool,
    ) -> Result<(), WriteError> {
        if self.state != State::Awaited {
            return Err(WriteError::OutOfOrder);
        }
        let state = self.state_after_head(status, body)?;
        // A caller that was never told to go on may send its body or not: what follows could be read in two ways.
        let keeps = self.exchange.as_ref().is_some_and(|exchange| {
            exchange.keep_alive && (is_whole || !exchange.awaits_continue) && state != State::UntilClose
        });
        let keeps = keeps && keep_alive && !self.must_close;
        put_head(out, status, lines, None)?;
        match (state, body) {
            (State::Chunked, _) => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            // 204 and 304 have no Content-Length (RFC 9110 §8.6); 205 says that it is empty (§15.3.6).
            (State::Bodiless, _) if status != StatusCode::RESET_CONTENT => {}
            (_, ResponseBody::Length(length)) => put_length(out, length),
            (_, ResponseBody::None) => put_length(out, 0),
            (_, ResponseBody::Streamed) => {}
        }
        let is_http10 = self.exchange.as_ref().is_some_and(|exchange| exchange.version == Version::HTTP_10);
        if !keeps {
            out.extend_from_slice(b"connection: close\r\n");
        } else if is_http10 {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
        out.extend_from_slice(b"\r\n");
        self.must_close = !keeps;
        self.state = state;
        Ok(())
    }

    fn state_after_head(&self, status: StatusCode, body: ResponseBody) -> Result<State, WriteError> {
        let is_method = |method: &Method| self.exchange.as_ref().is_some_and(|exchange| exchange.method == *method);
        let is_tunnel = is_method(&Method::CONNECT) && status.is_success();
        if !(200..600).contains(&status.as_u16()) || is_tunnel {
            return Err(WriteError::Status);
        }
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED) {
            let is_empty = matches!(body, ResponseBody::None | ResponseBody::Length(0));
            return if is_empty { Ok(State::Bodiless) } else { Err(WriteError::BodyForbidden) };
        }
        if is_method(&Method::HEAD) || self.omits_body {
            return Ok(State::Omitted);
        }
        let is_http11 = self.exchange.as_ref().is_none_or(|exchange| exchange.version == Version::HTTP_11);
        Ok(match body {
            ResponseBody::None => State::Length(0),
            ResponseBody::Length(length) => State::Length(length),
            ResponseBody::Streamed if is_http11 => State::Chunked,
            ResponseBody::Streamed => State::UntilClose,
        })
    }

    /// What stands around a piece of `len` bytes, which counts as written.
    pub(crate) fn frame(&mut self, len: u64) -> Result<DataFrame, WriteError> {
        match &mut self.state {
            State::Awaited | State::Finished | State::Broken => Err(WriteError::OutOfOrder),
            // An empty chunk would be the last one.
            _ if len == 0 => Ok(DataFrame::OMITTED),
            State::Omitted => Ok(DataFrame::OMITTED),
            State::Bodiless => self.broken(WriteError::BodyForbidden),
            State::Chunked => Ok(DataFrame::chunk(len)),
            State::UntilClose => Ok(DataFrame::BARE),
            State::Length(left) => match left.checked_sub(len) {
                Some(less) => {
                    *left = less;
                    Ok(DataFrame::BARE)
                }
                None => self.broken(WriteError::TooLong),
            },
        }
    }

    /// Ends the answer.
    pub(crate) fn write_end(&mut self, out: &mut BytesMut) -> Result<(), WriteError> {
        match self.state {
            State::Awaited | State::Finished | State::Broken => return Err(WriteError::OutOfOrder),
            State::Length(missing) if missing > 0 => return self.broken(WriteError::TooShort { missing }),
            State::Chunked => out.extend_from_slice(b"0\r\n\r\n"),
            State::Length(_) | State::UntilClose | State::Omitted | State::Bodiless => {}
        }
        self.state = State::Finished;
        Ok(())
    }

    /// Writes `101 Switching Protocols`.
    pub(crate) fn write_upgrade(&mut self, out: &mut BytesMut, lines: &AnswerLines) -> Result<(), WriteError> {
        if self.state != State::Awaited {
            return Err(WriteError::OutOfOrder);
        }
        let is_asked_for = self.exchange.as_ref().is_some_and(|exchange| exchange.upgrade);
        let Some(protocol) = lines.upgrade().filter(|_| is_asked_for) else { return Err(WriteError::NoUpgrade) };
        put_head(out, StatusCode::SWITCHING_PROTOCOLS, lines, Some(protocol))?;
        out.extend_from_slice(b"connection: upgrade\r\n\r\n");
        self.must_close = true;
        self.state = State::Finished;
        Ok(())
    }

    fn broken<T>(&mut self, error: WriteError) -> Result<T, WriteError> {
        self.abort();
        Err(error)
    }
}

fn put_status(out: &mut BytesMut, status: StatusCode) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes status line and fields, and `Upgrade` with the protocol that is switched to.
fn put_head(
    out: &mut BytesMut,
    status: StatusCode,
    lines: &AnswerLines,
    protocol: Option<&[u8]>,
) -> Result<(), WriteError> {
    let start = out.len();
    let mut count = 1 + lines.count();
    out.reserve(HEAD_BYTES + lines.as_bytes().len());
    put_status(out, status);
    if let Some(protocol) = protocol {
        put_line(out, b"upgrade", protocol);
        count += 1;
    }
    out.extend_from_slice(lines.as_bytes());
    if has_only_lines(out.get(start..).unwrap_or_default(), count) {
        return Ok(());
    }
    out.truncate(start);
    Err(WriteError::FieldValue)
}

/// Writes a field. Whether its value ends the line is for [`has_only_lines`] to see.
pub(crate) fn put_line(out: &mut impl Out, name: &[u8], value: &[u8]) {
    out.room(name.len() + value.len() + 4);
    out.put(name);
    out.put(b": ");
    out.put(value);
    out.put(b"\r\n");
}

/// What lines are written to.
pub(crate) trait Out {
    /// Makes room for so many bytes.
    fn room(&mut self, bytes: usize);
    /// Writes bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Out for BytesMut {
    fn room(&mut self, bytes: usize) {
        self.reserve(bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Out for Vec<u8> {
    fn room(&mut self, bytes: usize) {
        self.reserve(bytes);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Whether what was written is so many lines and nothing else: a value's type should hold line ends off; it can be made
/// without its check, and a split message is too dear. Looked at as a whole, since that costs less than each value.
pub(crate) fn has_only_lines(written: &[u8], lines: usize) -> bool {
    let mut controls = 0_usize;
    // So short that a byte holds the count of each, and of a length that is looked at in whole steps.
    for piece in written.chunks(224) {
        let count = piece.iter().fold(0_u8, |count, byte| count.wrapping_add(u8::from(is_control(*byte))));
        controls += usize::from(count);
    }
    // Every line ends in CR LF, which we wrote.
    controls == 2 * lines
}

/// What no value may hold (RFC 9110 §5.5).
fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Shows a number in digits.
pub(crate) fn put_number(mut number: u64, show: impl FnOnce(&[u8])) {
    let mut digits = [b'0'; 20];
    let mut begin = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
        begin -= 1;
        if number == 0 {
            break;
        }
    }
    show(digits.get(begin..).unwrap_or_default());
}

fn put_length(out: &mut BytesMut, length: u64) {
    put_number(length, |digits| put_line(out, b"content-length", digits));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_splits_an_answer() {
        for value in [&b"a\r\nset-cookie: b"[..], b"a\n", b"\r", b"a\0b", b"\x7f"] {
            let mut out = BytesMut::new();
            put_line(&mut out, b"x", value);
            assert!(!has_only_lines(&out, 1), "{value:?}");
        }
        let mut out = BytesMut::new();
        put_line(&mut out, b"x", b"a\t\xff");
        assert_eq!(out, &b"x: a\t\xff\r\n"[..]);
        assert!(has_only_lines(&out, 1));
        // More than a byte counts to.
        for _ in 0..999 {
            put_line(&mut out, b"x", b"a");
        }
        assert!(has_only_lines(&out, 1_000) && !has_only_lines(&out, 1_000 - 128));
        out.extend_from_slice(&[b'\n'; 256]);
        assert!(!has_only_lines(&out, 1_000));
    }

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 4_096, u64::MAX] {
            put_number(number, |digits| assert_eq!(digits, number.to_string().as_bytes()));
        }
    }
}
