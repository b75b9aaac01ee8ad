//! A request as it is written to a service: its head, and a body that is as long as was announced. It reads nothing.

use std::fmt;

use bytes::BytesMut;
use http::Method;

use super::lines::FieldLines;
use crate::response::DataFrame;
use crate::writer::{has_only_lines, put_line, put_number};

/// Room for the request line and what the engine says itself.
const ENGINES_BYTES: usize = 192;

/// What a head is made from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query.
    pub target: &'a str,
    /// `Host`.
    pub host: &'a [u8],
    /// The other fields.
    pub fields: &'a FieldLines,
    /// How the body is framed.
    pub body: RequestBody,
    /// Whether the protocol of the field `Upgrade` is asked for (RFC 9110 §7.8).
    pub upgrade: bool,
}

/// How a request's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// Why a request can't be written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// A head while an exchange is under way or after the connection's end, or data without a head.
    OutOfOrder,
    /// The target is empty, or holds white space, a control character or a byte that isn't ASCII.
    Target,
    /// `Host` is empty, or holds white space or a control character.
    Host,
    /// A switch of protocols without the field `Upgrade`.
    Upgrade,
    /// A field's value holds CR, LF or NUL.
    FieldValue,
    /// More data than announced.
    TooLong,
    /// So many bytes fewer than announced.
    TooShort {
        /// What is missing.
        missing: u64,
    },
}

impl fmt::Display for RequestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfOrder => formatter.write_str("the parts of the request come out of order"),
            Self::Target => formatter.write_str("the request's target is not one"),
            Self::Host => formatter.write_str("the request has no Host, or more than one"),
            Self::Upgrade => formatter.write_str("the request asks for no protocol to switch to"),
            Self::FieldValue => formatter.write_str("a header's value holds a line end or NUL"),
            Self::TooLong => formatter.write_str("the body is longer than announced"),
            Self::TooShort { missing } => write!(formatter, "the body is {missing} bytes shorter than announced"),
        }
    }
}

impl std::error::Error for RequestError {}

/// How far a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// No request was begun.
    Idle,
    /// So many bytes of its body are missing.
    Length(u64),
    /// Chunks follow.
    Chunked,
    /// It is whole.
    Whole,
}

impl Sending {
    /// Writes a head; nothing, where there is an error.
    pub(super) fn begin(out: &mut BytesMut, request: &Request<'_>) -> Result<Self, RequestError> {
        let start = out.len();
        put_head(out, request).inspect_err(|_| out.truncate(start))?;
        Ok(match request.body {
            RequestBody::None | RequestBody::Length(0) => Self::Whole,
            RequestBody::Length(length) => Self::Length(length),
            RequestBody::Chunked => Self::Chunked,
        })
    }

    /// Writes a piece of the body.
    pub(super) fn put(&mut self, out: &mut BytesMut, data: &[u8]) -> Result<(), RequestError> {
        let frame = match self {
            // An empty chunk would be the last one.
            Self::Length(_) | Self::Chunked | Self::Whole if data.is_empty() => return Ok(()),
            Self::Idle => return Err(RequestError::OutOfOrder),
            Self::Whole => return Err(RequestError::TooLong),
            Self::Chunked => DataFrame::chunk(data.len() as u64),
            Self::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(RequestError::TooLong)?;
                DataFrame::BARE
            }
        };
        out.reserve(frame.prefix().len() + data.len() + frame.suffix().len());
        out.extend_from_slice(frame.prefix());
        out.extend_from_slice(data);
        out.extend_from_slice(frame.suffix());
        if *self == Self::Length(0) {
            *self = Self::Whole;
        }
        Ok(())
    }

    /// Ends the body.
    pub(super) fn end(&mut self, out: &mut BytesMut) -> Result<(), RequestError> {
        match self {
            Self::Idle => return Err(RequestError::OutOfOrder),
            Self::Length(missing) => return Err(RequestError::TooShort { missing: *missing }),
            Self::Chunked => out.extend_from_slice(b"0\r\n\r\n"),
            Self::Whole => {}
        }
        *self = Self::Whole;
        Ok(())
    }
}

fn put_head(out: &mut BytesMut, request: &Request<'_>) -> Result<(), RequestError> {
    let Request { method, target, host, fields, body, upgrade } = *request;
    if target.is_empty() || !target.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic()) {
        return Err(RequestError::Target);
    }
    if host.is_empty() || host.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return Err(RequestError::Host);
    }
    let start = out.len();
    out.reserve(ENGINES_BYTES + target.len() + host.len() + fields.as_bytes().len());
    out.extend_from_slice(method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    put_line(out, b"host", host);
    out.extend_from_slice(fields.as_bytes());
    let mut lines = 2 + fields.count();
    let mut put = |out: &mut BytesMut, name: &[u8], value: &[u8]| {
        put_line(out, name, value);
        lines += 1;
    };
    match body {
        RequestBody::Chunked => put(out, b"transfer-encoding", b"chunked"),
        RequestBody::Length(length) => put_number(length, |digits| put(out, b"content-length", digits)),
        // Of these a body is expected, so its absence is told (RFC 9110 §8.6).
        RequestBody::None if [Method::POST, Method::PUT, Method::PATCH].contains(method) => {
            put(out, b"content-length", b"0");
        }
        RequestBody::None => {}
    }
    if upgrade {
        put(out, b"upgrade", fields.upgrade().ok_or(RequestError::Upgrade)?);
        put(out, b"connection", b"upgrade");
    }
    let is_whole = has_only_lines(out.get(start..).unwrap_or_default(), lines);
    out.extend_from_slice(b"\r\n");
    if is_whole { Ok(()) } else { Err(RequestError::FieldValue) }
}
