//! The fields that say where a request ends, who it is for and what becomes of the connection (RFC 9112 §§3.2, 6, 9).
//!
//! It looks at each field once, as it is read, and then at what they say together. It keeps no other field.

use http::header::HOST;
use http::{Method, Version};

use crate::authority;
use crate::field_table::Fields;
use crate::fields::is_token_byte;
use crate::flaw::Flaw;
use crate::head::{BodyKind, TargetForm};
use crate::request_line::RequestLine;

/// The largest length that every reader can hold: 63 bits.
pub(crate) const LENGTH_MAX: u64 = i64::MAX as u64;

/// What `Content-Length` and `Transfer-Encoding` said so far; the same for requests and answers.
#[derive(Debug, Default)]
pub(crate) struct BodyFields {
    pub(crate) content_length: Option<u64>,
    pub(crate) is_chunked: bool,
}

impl BodyFields {
    pub(crate) fn note_length(&mut self, name: &[u8], value: &[u8]) -> Result<(), Flaw> {
        if name.contains(&b'_') {
            return Err(Flaw::Lookalike);
        }
        if self.content_length.is_some() || value.contains(&b',') {
            return Err(Flaw::ContentLengthRepeated);
        }
        self.content_length = Some(read_length(value)?);
        Ok(())
    }

    pub(crate) fn note_encoding(&mut self, name: &[u8], value: &[u8]) -> Result<(), Flaw> {
        if name.contains(&b'_') {
            return Err(Flaw::Lookalike);
        }
        if self.is_chunked || value.contains(&b',') {
            return Err(Flaw::TransferEncodingRepeated);
        }
        self.is_chunked = value.eq_ignore_ascii_case(b"chunked");
        if self.is_chunked { Ok(()) } else { Err(Flaw::TransferEncodingUnsupported) }
    }

    /// What both say together, in a message of this version.
    pub(crate) fn check(&self, version: Version) -> Result<(), Flaw> {
        if self.is_chunked && version != Version::HTTP_11 {
            return Err(Flaw::TransferEncodingInHttp10);
        }
        if self.is_chunked && self.content_length.is_some() {
            return Err(Flaw::LengthAndTransferEncoding);
        }
        Ok(())
    }
}

/// What `Connection` said so far.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
}

impl Options {
    pub(crate) fn note(&mut self, value: &[u8]) -> Result<(), Flaw> {
        for option in value.split(|byte| *byte == b',').map(trim) {
            if !option.iter().all(|byte| is_token_byte(*byte)) {
                return Err(Flaw::ConnectionMalformed);
            }
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
        Ok(())
    }
}

/// What the fields of a request said so far.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    has_host: bool,
    body: BodyFields,
    expects_continue: bool,
    options: Options,
    has_upgrade: bool,
}

/// What they say together.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) body: BodyKind,
    pub(crate) expects_continue: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
}

impl Framing {
    /// Looks at a field.
    pub(crate) fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Flaw> {
        // By their lengths, so that most fields cost one comparison.
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.note_host(value),
            6 if name.eq_ignore_ascii_case(b"expect") => self.note_expect(value),
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.has_upgrade |= !value.is_empty();
                Ok(())
            }
            10 if name.eq_ignore_ascii_case(b"connection") => self.options.note(value),
            14 if is_alike(name, b"content-length") => self.body.note_length(name, value),
            17 if is_alike(name, b"transfer-encoding") => self.body.note_encoding(name, value),
            _ => Ok(()),
        }
    }

    fn note_host(&mut self, value: &[u8]) -> Result<(), Flaw> {
        if std::mem::replace(&mut self.has_host, true) {
            return Err(Flaw::HostRepeated);
        }
        if authority::is_authority(value, false) { Ok(()) } else { Err(Flaw::HostMalformed) }
    }

    fn note_expect(&mut self, value: &[u8]) -> Result<(), Flaw> {
        let is_repeated = std::mem::replace(&mut self.expects_continue, true);
        if is_repeated || !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Flaw::ExpectUnsupported);
        }
        Ok(())
    }

    /// The length that was told.
    pub(crate) fn length(&self) -> Option<u64> {
        self.body.content_length
    }

    /// Whether `Expect: 100-continue` was told.
    pub(crate) fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// What all fields say together, and with the request line.
    ///
    /// # Errors
    /// A flaw, and its index in the head where it isn't among the fields.
    pub(crate) fn finish(
        self,
        line: &RequestLine,
        target: &[u8],
        fields: &Fields,
    ) -> Result<Exchange, (Flaw, Option<usize>)> {
        let is_http11 = line.version == Version::HTTP_11;
        self.body.check(line.version).map_err(|flaw| (flaw, None))?;
        if !self.has_host && is_http11 {
            return Err((Flaw::HostMissing, None));
        }
        let authority = match line.form {
            TargetForm::Absolute => authority::of_absolute_form(target).map(|(_, authority)| authority),
            TargetForm::Authority => Some(target),
            TargetForm::Origin | TargetForm::Asterisk => None,
        };
        if let Some(authority) = authority
            && fields.get(&HOST).is_some_and(|host| !authority.eq_ignore_ascii_case(host))
        {
            return Err((Flaw::TargetHost, Some(line.target.start)));
        }
        let body = match (self.body.is_chunked, self.body.content_length) {
            (true, _) => BodyKind::Chunked,
            (false, Some(length)) => BodyKind::Length(length),
            (false, None) => BodyKind::None,
        };
        let has_body = !matches!(body, BodyKind::None | BodyKind::Length(0));
        Ok(Exchange {
            body,
            expects_continue: self.expects_continue && is_http11 && has_body,
            // What follows CONNECT may be meant for the tunnel, so it is never read as a request.
            keep_alive: !self.options.close && (is_http11 || self.options.keep_alive) && line.method != Method::CONNECT,
            upgrade: is_http11 && self.options.upgrade && self.has_upgrade,
        })
    }
}

/// Whether a name is `wanted`, also with underscores for hyphens.
pub(crate) fn is_alike(name: &[u8], wanted: &[u8]) -> bool {
    name.len() == wanted.len()
        && name
            .iter()
            .zip(wanted)
            .all(|(byte, wanted)| byte.eq_ignore_ascii_case(wanted) || (*byte == b'_' && *wanted == b'-'))
}

/// Without the white space around it; HTTP's is space and tab alone (RFC 9110 §5.6.3).
fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// `Content-Length` as every reader reads it: decimal digits; no zero before others, which some take for octal.
fn read_length(value: &[u8]) -> Result<u64, Flaw> {
    let is_plain =
        !value.is_empty() && value.iter().all(u8::is_ascii_digit) && (value == b"0" || !value.starts_with(b"0"));
    if !is_plain {
        return Err(Flaw::ContentLengthMalformed);
    }
    let digits = std::str::from_utf8(value).map_err(|_| Flaw::ContentLengthMalformed)?;
    digits.parse().ok().filter(|length| *length <= LENGTH_MAX).ok_or(Flaw::ContentLengthTooLarge)
}
