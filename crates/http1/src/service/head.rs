//! A service's status line and fields, read as they arrive, and what they say of the body and of the connection.

use http::{StatusCode, Version};

use super::flaw::AnswerFlaw;
use crate::connection::Limits;
use crate::field_table::Fields;
use crate::fields::FieldScan;
use crate::flaw::Flaw;
use crate::framing::{BodyFields, Options, is_alike};
use crate::input::Input;
use crate::lines::{Found, Lines};

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status, from 100 to 999: what HTTP has no meaning for is for others to judge.
    pub status: StatusCode,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: Version,
    /// The fields, as they came.
    pub fields: Fields,
    /// What `Content-Length` tells, also where there is no body.
    pub length: Option<u64>,
    /// How the body is framed.
    pub body: AnswerBody,
}

/// How an answer's body is framed (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBody {
    /// There is none: to `HEAD`, or with 204 or 304.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// All that comes before the connection's end.
    UntilClose,
}

/// What a head says beside what it shows.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) head: ResponseHead,
    /// Whether the connection can serve another request after this answer.
    pub(super) keep_alive: bool,
    /// Whether a length or chunks were announced, other than a length of nothing.
    pub(super) announces_body: bool,
}

/// A flaw and its index.
type Flawed = (AnswerFlaw, usize);

/// A head of which a part has arrived.
#[derive(Debug, Default)]
pub(super) struct AnswerScan {
    lines: Lines,
    status_line: Option<(Version, StatusCode, usize)>,
    fields: FieldScan,
}

impl AnswerScan {
    /// Reads on; a head once it is whole.
    pub(super) fn next(&mut self, input: &mut Input, limits: &Limits, is_head: bool) -> Result<Option<Read>, Flawed> {
        if self.status_line.is_none() {
            check_first(input.bytes())?;
        }
        loop {
            let found = self.lines.next(input.bytes(), limits.head_max_bytes);
            let line = match found.map_err(|(flaw, index)| (AnswerFlaw::Form(flaw), index))? {
                Found::Line(line) => line,
                Found::Partial => return Ok(None),
                Found::OverLimit => return Err((AnswerFlaw::HeadTooLarge, limits.head_max_bytes)),
            };
            match self.status_line {
                None => {
                    let text = input.bytes().get(line.clone()).unwrap_or_default();
                    let (version, status) = read_status_line(text)?;
                    self.status_line = Some((version, status, line.len()));
                }
                Some(status_line) if line.is_empty() => return self.finish(status_line, input, is_head).map(Some),
                Some(_) => {
                    if self.fields.count() >= limits.fields_max {
                        return Err((AnswerFlaw::TooManyFields, line.start));
                    }
                    self.fields.line(input.bytes_mut(), line);
                }
            }
        }
    }

    fn finish(
        &mut self,
        (version, status, status_line_len): (Version, StatusCode, usize),
        input: &mut Input,
        is_head: bool,
    ) -> Result<Read, Flawed> {
        let head = input.take(self.lines.end()).freeze();
        let first_field = status_line_len + 2;
        let mut framing = Framing::default();
        let note = |name: &[u8], value: &[u8]| framing.note(name, value);
        let formed = |(flaw, index)| (AnswerFlaw::Form(flaw), index);
        let fields = std::mem::take(&mut self.fields).finish(head, first_field, note).map_err(formed)?;
        framing.body.check(version).map_err(|flaw| (AnswerFlaw::Form(flaw), first_field))?;
        let is_bodiless = is_head || status.is_informational() || matches!(status.as_u16(), 204 | 304);
        let body = match (framing.body.is_chunked, framing.body.content_length) {
            _ if is_bodiless => AnswerBody::None,
            (true, _) => AnswerBody::Chunked,
            (false, Some(length)) => AnswerBody::Length(length),
            (false, None) => AnswerBody::UntilClose,
        };
        let announces_body = framing.body.is_chunked || framing.body.content_length.is_some_and(|length| length > 0);
        let may_stay = match version {
            Version::HTTP_11 => true,
            _ => framing.options.keep_alive,
        };
        // Some services send a body where there is none: what may still come must not be the next answer.
        let is_certain = body != AnswerBody::UntilClose && !(is_bodiless && announces_body);
        let keep_alive = may_stay && is_certain && !framing.options.close && !framing.is_unclear;
        let head = ResponseHead { status, version, fields, length: framing.body.content_length, body };
        Ok(Read { head, keep_alive, announces_body })
    }
}

/// What the fields said so far.
#[derive(Debug, Default)]
struct Framing {
    body: BodyFields,
    options: Options,
    /// Whether `Connection` can't be read: then the connection isn't used again.
    is_unclear: bool,
}

impl Framing {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Flaw> {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.is_unclear |= self.options.note(value).is_err();
                Ok(())
            }
            14 if is_alike(name, b"content-length") => self.body.note_length(name, value),
            17 if is_alike(name, b"transfer-encoding") => self.body.note_encoding(name, value),
            _ => Ok(()),
        }
    }
}

/// What can't become a status line is found before the line's end, which may never come.
fn check_first(bytes: &[u8]) -> Result<(), Flawed> {
    const NAME: &[u8] = b"HTTP/";
    const VERSION: &[u8] = b"1.";
    let differs = bytes.iter().zip(NAME.iter().chain(VERSION)).position(|(byte, wanted)| byte != wanted);
    match differs {
        None => Ok(()),
        Some(index) if index < NAME.len() => Err((AnswerFlaw::StatusLine, index)),
        Some(index) => Err((AnswerFlaw::Version, index)),
    }
}

/// `HTTP-version SP status-code [ SP reason-phrase ]`: many services leave the last space out.
fn read_status_line(line: &[u8]) -> Result<(Version, StatusCode), Flawed> {
    let version = match line.get(..8) {
        Some(b"HTTP/1.1") => Version::HTTP_11,
        Some(b"HTTP/1.0") => Version::HTTP_10,
        _ => return Err((AnswerFlaw::Version, 5)),
    };
    if line.get(8) != Some(&b' ') {
        return Err((AnswerFlaw::StatusLine, 8));
    }
    let digits = line.get(9..12).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let status = digits.and_then(|digits| StatusCode::from_bytes(digits).ok()).ok_or((AnswerFlaw::Status, 9))?;
    let reason = match line.get(12..) {
        None | Some([]) => &[],
        Some([b' ', reason @ ..]) => reason,
        Some(_) => return Err((AnswerFlaw::Status, 12)),
    };
    match reason.iter().position(|byte| byte.is_ascii_control() && *byte != b'\t') {
        None => Ok((version, status)),
        Some(index) if reason.get(index) == Some(&b'\r') => {
            Err((AnswerFlaw::Form(Flaw::BareCarriageReturn), 13 + index))
        }
        Some(index) => Err((AnswerFlaw::StatusLine, 13 + index)),
    }
}
