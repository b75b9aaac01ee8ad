//! A request as it is written to a service: its head, and a body that is as long as was announced. It reads nothing.

use std::fmt;

use bytes::BytesMut;
use http::header::{EXPECT, HOST, TE, UPGRADE};
use http::{HeaderMap, Method};

use crate::response::DataFrame;
use crate::writer::{is_engine_s, put_field, put_length};

/// What a head is made from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query.
    pub target: &'a str,
    /// The fields, `Host` among them. `Connection`, `Content-Length`, `Transfer-Encoding`, `Trailer`, `Upgrade`, `TE`,
    /// `Expect`, `Keep-Alive` and `Proxy-Connection` are left out: the engine writes what is true.
    pub headers: &'a HeaderMap,
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
    /// No `Host`, or more than one (RFC 9112 §3.2).
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
    let Request { method, target, headers, body, upgrade } = *request;
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RequestError::Target);
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(RequestError::Host) };
    out.reserve(512 + target.len());
    out.extend_from_slice(method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let put = |out: &mut BytesMut, name: &str, value: &[u8]| {
        put_field(out, name, value).map_err(|_| RequestError::FieldValue)
    };
    put(out, "host", host.as_bytes())?;
    for (name, value) in headers {
        if !is_engine_s(name) && ![HOST, TE, EXPECT].contains(name) {
            put(out, name.as_str(), value.as_bytes())?;
        }
    }
    match body {
        RequestBody::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        RequestBody::Length(length) => put_length(out, length),
        // Of these a body is expected, so its absence is told (RFC 9110 §8.6).
        RequestBody::None if [Method::POST, Method::PUT, Method::PATCH].contains(method) => put_length(out, 0),
        RequestBody::None => {}
    }
    if upgrade {
        let protocol = headers.get(UPGRADE).ok_or(RequestError::Upgrade)?;
        put(out, "upgrade", protocol.as_bytes())?;
        out.extend_from_slice(b"connection: upgrade\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
