//! What a request's head says, and how it is read as it arrives. It knows no body's bytes.

use bytes::Bytes;
use http::{Method, Version};

use crate::connection::Limits;
use crate::field_table::Fields;
use crate::fields::{FieldScan, is_token_byte};
use crate::flaw::{Flaw, Malformed};
use crate::framing::Framing;
use crate::input::Input;
use crate::lines::{Found, Lines};
use crate::request_line::{self, RequestLine};

/// The head of a request that no second reader takes for another one.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method; names are told apart by case.
    pub method: Method,
    /// The target, exactly as sent.
    pub target: Target,
    /// `HTTP/1.0` or `HTTP/1.1`; `HTTP/2` where it was [`translated`](crate::translated).
    pub version: Version,
    /// The fields. Values may hold bytes from 0x80 on, save in `Host` and the framing fields.
    pub fields: Fields,
    /// How the body is framed.
    pub body: BodyKind,
    /// Whether the caller waits for `100 Continue` before it sends its body.
    pub expects_continue: bool,
    /// Whether the connection can serve another request after this one.
    pub keep_alive: bool,
    /// Whether the caller asks for another protocol (RFC 9110 §7.8): `Upgrade`, and `Connection` names it.
    pub upgrade: bool,
}

/// How a request's body is framed (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// There is none.
    None,
    /// So many bytes; `Content-Length: 0` is `Length(0)`.
    Length(u64),
    /// Chunks, of a length that isn't known.
    Chunked,
}

/// The forms that a target has (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// A path, and perhaps a query.
    Origin,
    /// `http://` or `https://`, and an authority that `Host` repeats.
    Absolute,
    /// Host and port, for `CONNECT` only.
    Authority,
    /// `*`, for `OPTIONS` only.
    Asterisk,
}

/// A target as it was sent: visible ASCII without `#`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    bytes: Bytes,
    form: TargetForm,
}

impl Target {
    /// A target that was read; its bytes are ASCII.
    pub(crate) fn new(bytes: Bytes, form: TargetForm) -> Self {
        Self { bytes, form }
    }

    /// The form that it has.
    #[must_use]
    pub fn form(&self) -> TargetForm {
        self.form
    }

    /// The target as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // It was found to be ASCII when the request line was read.
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The target's bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

/// A head of which a part has arrived.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    lines: Lines,
    /// Whether the one empty line before it that is tolerated was there.
    is_after_empty_line: bool,
    request_line: Option<RequestLine>,
    fields: FieldScan,
}

impl HeadScan {
    /// Whether nothing of a head has arrived.
    pub(crate) fn is_at_start(&self) -> bool {
        self.request_line.is_none() && self.lines.is_at_start()
    }

    /// Reads on; a head once it is whole.
    pub(crate) fn next(&mut self, input: &mut Input, limits: &Limits) -> Result<Option<RequestHead>, Malformed> {
        if self.is_at_start() {
            check_first(input)?;
        }
        loop {
            let found = self.lines.next(input.bytes(), limits.head_max_bytes);
            let line = match found.map_err(|(flaw, index)| input.flaw(flaw, index))? {
                Found::Line(line) => line,
                Found::Partial => return Ok(None),
                Found::OverLimit => return Err(input.flaw(Flaw::HeadTooLarge, limits.head_max_bytes)),
            };
            match self.request_line.take() {
                None if line.is_empty() => {
                    if std::mem::replace(&mut self.is_after_empty_line, true) {
                        return Err(input.flaw(Flaw::EmptyLines, 0));
                    }
                    input.skip(self.lines.end());
                    self.lines = Lines::default();
                    check_first(input)?;
                }
                None => {
                    let read = request_line::read(input.bytes().get(line).unwrap_or_default());
                    self.request_line = Some(read.map_err(|(flaw, index)| input.flaw(flaw, index))?);
                }
                Some(request_line) if line.is_empty() => return self.finish(request_line, input).map(Some),
                Some(request_line) => {
                    self.request_line = Some(request_line);
                    if self.fields.count() >= limits.fields_max {
                        return Err(input.flaw(Flaw::TooManyFields, line.start));
                    }
                    self.fields.line(input.bytes_mut(), line);
                }
            }
        }
    }

    fn finish(&mut self, line: RequestLine, input: &mut Input) -> Result<RequestHead, Malformed> {
        let base = input.offset(0);
        let malformed = |(flaw, index): (Flaw, usize)| Malformed { flaw, offset: base.saturating_add(index as u64) };
        let head = input.take(self.lines.end()).freeze();
        let first_field = line.len + 2;
        let mut framing = Framing::default();
        let note = |name: &_, value: &_| framing.note(name, value);
        let target = head.slice(line.target.clone());
        let fields = std::mem::take(&mut self.fields).finish(head, first_field, note).map_err(malformed)?;
        let exchange = framing
            .finish(&line, &target, &fields)
            .map_err(|(flaw, index)| malformed((flaw, index.unwrap_or(first_field))))?;
        Ok(RequestHead {
            method: line.method,
            target: Target { bytes: target, form: line.form },
            version: line.version,
            fields,
            body: exchange.body,
            expects_continue: exchange.expects_continue,
            keep_alive: exchange.keep_alive,
            upgrade: exchange.upgrade,
        })
    }
}

/// The first byte tells much of what isn't HTTP (TLS, for one) before a line's end, which may never come.
fn check_first(input: &Input) -> Result<(), Malformed> {
    let flaw = match input.bytes().first() {
        Some(b' ' | b'\t') => Flaw::LeadingSpace,
        Some(b'\n') => Flaw::BareLineFeed,
        Some(byte) if *byte != b'\r' && !is_token_byte(*byte) => Flaw::Method,
        _ => return Ok(()),
    };
    Err(input.flaw(flaw, 0))
}
