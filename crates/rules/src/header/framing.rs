//! What a parsed head must be before anything else is read of it (RFC 9112 §§3.2, 6; RFC 9113 §8.2.2).

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, Version};

use super::{Fields, text};
use crate::contract::{BearerError, Cause, Location, Refusal};

/// The longest host.
const HOST_MAX_BYTES: usize = 255;

/// Fields that the rules decide on before those that `Connection` names are removed.
const NOT_HOP_BY_HOP: [&str; 9] = [
    "host",
    "content-type",
    "content-length",
    "content-encoding",
    "authorization",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
];

/// Checks what two readers of a head could understand in two ways.
///
/// HTTP/1.1 needs exactly one `Host`; any version has at most one, of the form of an authority. At most one
/// `Content-Length`, of digits that fit 64 bits, and never beside `Transfer-Encoding`, which is exactly `chunked` and
/// only in HTTP/1.1. HTTP/2 has no fields of one connection. At most one `Authorization`. `Connection` names no field
/// that is decided on here.
///
/// # Errors
///
/// [`Cause::MalformedRequest`] with everything that is wrong, a sentence for each; the `Bearer` challenge
/// `invalid_request` where there are two `Authorization` fields.
pub fn check_framing(fields: &dyn Fields, version: Version) -> Result<(), Refusal> {
    if is_plain(fields, version) {
        return Ok(());
    }
    let mut flaws: Flaws = Vec::new();
    check_host(fields, version, &mut flaws);
    check_length(fields, version, &mut flaws);
    check_connection(fields, version, &mut flaws);
    let has_two_tokens = fields.all(&AUTHORIZATION).nth(1).is_some();
    if has_two_tokens {
        flaws.push((&AUTHORIZATION, "There is more than one Authorization header; send one."));
    }
    let Some((_, first)) = flaws.first() else { return Ok(()) };
    let words: Vec<_> = flaws.iter().map(|(_, words)| *words).collect();
    let mut refusal = Refusal::new(Cause::MalformedRequest).message(*first).detail(words.join(" "));
    for (name, words) in flaws {
        refusal = refusal.error(format!("/{name}"), Location::Header, words);
    }
    if has_two_tokens {
        refusal.challenges.token = Some(BearerError::InvalidRequest);
    }
    Err(refusal)
}

/// Whether there is nothing to check but one `Host` that is right, as in most heads: one walk instead of a search for
/// each field.
fn is_plain(fields: &dyn Fields, version: Version) -> bool {
    let (mut hosts, mut tokens) = (0_u32, 0_u32);
    for (name, value) in fields.each() {
        match name {
            b"host" if is_authority_in(value) => hosts += 1,
            b"authorization" => tokens += 1,
            b"host" | b"content-length" | b"transfer-encoding" | b"connection" | b"upgrade" => return false,
            _ => {}
        }
    }
    version == Version::HTTP_11 && hosts == 1 && tokens <= 1
}

type Flaws = Vec<(&'static HeaderName, &'static str)>;

fn check_host(fields: &dyn Fields, version: Version, flaws: &mut Flaws) {
    let mut hosts = fields.all(&HOST);
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => {
            flaws.push((&HOST, "There is no Host header; HTTP/1.1 needs one."));
        }
        (None, _) => {}
        (Some(_), Some(_)) => flaws.push((&HOST, "There is more than one Host header; send one.")),
        (Some(host), None) => {
            if !is_authority_in(host) {
                flaws.push((&HOST, "The Host header isn't a host name or address with an optional port."));
            }
        }
    }
}

fn check_length(fields: &dyn Fields, version: Version, flaws: &mut Flaws) {
    let mut lengths = fields.all(&CONTENT_LENGTH);
    let length = lengths.next();
    if lengths.next().is_some() {
        flaws.push((&CONTENT_LENGTH, "There is more than one Content-Length header; send one."));
    } else if let Some(length) = length {
        let digits = text(length).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        if digits.and_then(|digits| digits.parse::<u64>().ok()).is_none() {
            flaws.push((&CONTENT_LENGTH, "The Content-Length isn't one decimal number."));
        }
    }
    let mut encodings = fields.all(&TRANSFER_ENCODING);
    let Some(encoding) = encodings.next() else { return };
    if version != Version::HTTP_11 {
        flaws.push((&TRANSFER_ENCODING, "Transfer-Encoding exists in HTTP/1.1 only."));
    } else if encodings.next().is_some() || !encoding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
        flaws.push((&TRANSFER_ENCODING, "The Transfer-Encoding is not exactly chunked."));
    }
    if length.is_some() {
        flaws.push((&TRANSFER_ENCODING, "There are both a Content-Length and a Transfer-Encoding; send one of them."));
    }
}

fn check_connection(fields: &dyn Fields, version: Version, flaws: &mut Flaws) {
    if version >= Version::HTTP_2 && (fields.has(&CONNECTION) || fields.has(&UPGRADE)) {
        flaws.push((&CONNECTION, "HTTP/2 has no Connection and Upgrade headers."));
        return;
    }
    let mut options = fields.all(&CONNECTION).flat_map(|value| value.split(|byte| *byte == b','));
    let is_end_to_end =
        |option: &[u8]| NOT_HOP_BY_HOP.iter().any(|name| option.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
    if options.any(is_end_to_end) {
        flaws.push((&CONNECTION, "The Connection header names a field that is not of this connection alone."));
    }
}

/// Whether a text is `host` or `host:port` (RFC 3986 §3.2) without user information: a registered name, an IPv4
/// address, or an IPv6 address in brackets. The host isn't empty; a port fits 16 bits and may be empty.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    is_authority_in(text.as_bytes())
}

fn is_authority_in(text: &[u8]) -> bool {
    let after = if let Some(bracketed) = text.strip_prefix(b"[") {
        let end = bracketed.iter().position(|byte| *byte == b']');
        let address = end.and_then(|end| std::str::from_utf8(bracketed.get(..end)?).ok());
        if address.is_none_or(|address| address.parse::<std::net::Ipv6Addr>().is_err()) {
            return false;
        }
        end.and_then(|end| bracketed.get(end + 1..))
    } else {
        // A name of the DNS's letters, digits, hyphens, dots and underscores. RFC 3986 would allow escapes and
        // `!$&'()*+,;=` too; no host has them, and readers differ on them.
        let end = text.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(text.len());
        if end == 0 || end > HOST_MAX_BYTES {
            return false;
        }
        text.get(end..)
    };
    after.is_some_and(is_port)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether what follows a host is nothing, or its port.
fn is_port(port: &[u8]) -> bool {
    let Some(digits) = port.strip_prefix(b":") else { return port.is_empty() };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u16, |number, digit| number.checked_mul(10)?.checked_add(u16::from(digit - b'0')))
    };
    digits.iter().all(u8::is_ascii_digit) && number(digits).is_some()
}
