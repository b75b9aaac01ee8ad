//! The one normaliser: what path a call asks for, decided once, and byte for byte what the service is sent.
//!
//! Whatever two readers could understand in two ways is refused instead of repaired. It knows no API and no route.

mod query;
mod segment;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use query::{query_pairs, without_query_parameter};

use crate::contract::{Cause, Location, Refusal};

/// The longest request target in bytes.
pub const TARGET_LEN_MAX: usize = 16 * 1024;

/// A request target that every reader understands alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalized<'a> {
    /// The path: begins with a slash, has no empty segment and, the root aside, no slash at its end.
    pub path: Cow<'a, str>,
    /// The query without its question mark, byte for byte as it came.
    pub query: Option<&'a str>,
}

impl Normalized<'_> {
    /// Path and query as one request target in origin form (RFC 9112 §3.2.1).
    #[must_use]
    pub fn target(&self) -> Cow<'_, str> {
        match self.query {
            None => Cow::Borrowed(&self.path),
            Some(query) => Cow::Owned(format!("{}?{query}", self.path)),
        }
    }
}

/// A request target in absolute form (RFC 9112 §3.2.2), taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsoluteTarget<'a> {
    /// `http` or `https`, in the case in which it came.
    pub scheme: &'a str,
    /// The authority, not yet checked; see [`crate::header::is_authority`].
    pub authority: &'a str,
    /// What [`normalize`] takes.
    pub origin_form: Cow<'a, str>,
}

/// What is wrong at one byte of a target, and how to mend it.
#[derive(Debug, PartialEq, Eq)]
struct Flaw {
    offset: usize,
    what: &'static str,
    mend: &'static str,
}

/// Normalises a request target in origin form (RFC 9112 §3.2.1): a path and, after a question mark, a query.
///
/// Empty segments and a slash at the end are dropped, so `//a//b/` is `/a/b`. Escapes of unreserved characters are
/// decoded (RFC 3986 §6.2.2.2), other escapes get upper-case digits. The result normalises to itself. The query is
/// checked and left as it is; it may hold unencoded what browsers send so: `[ ] { } | ^ \` and the grave accent.
///
/// # Errors
///
/// [`Cause::HeadersTooLarge`] past [`TARGET_LEN_MAX`]. [`Cause::MalformedRequest`] for dot segments, slashes,
/// backslashes and control characters (raw, encoded, or encoded more than once), for a segment with nothing or a dot
/// segment before a `;`, for escapes that are not `%` and two hex digits or not UTF-8, for a fragment, and for
/// characters that must be encoded. The words name the byte's place and never repeat what the query holds.
pub fn normalize(raw_target: &str) -> Result<Normalized<'_>, Refusal> {
    if raw_target.len() > TARGET_LEN_MAX {
        let words = format!("The request target is {} bytes long; {TARGET_LEN_MAX} are accepted.", raw_target.len());
        return Err(Refusal::new(Cause::HeadersTooLarge).message("The URL is too long.").detail(words));
    }
    let (raw_path, query) = split(raw_target);
    let path = normalize_path(raw_path)?;
    if let Some(query) = query {
        query::check(query).map_err(|flaw| {
            let place = format!("byte {} of the query", flaw.offset + 1);
            refusal(Location::Query, "query", &place, &flaw)
        })?;
    }
    Ok(Normalized { path, query })
}

/// The path of a request target in origin form, as it came, and its query.
#[must_use]
pub fn split(raw_target: &str) -> (&str, Option<&str>) {
    // Targets are short: a search for one byte costs less than what is made for long texts.
    let end = raw_target.bytes().position(|byte| byte == b'?').unwrap_or(raw_target.len());
    let (path, rest) = raw_target.split_at_checked(end).unwrap_or((raw_target, ""));
    (path, rest.strip_prefix('?'))
}

/// Takes a request target in absolute form apart, or `None` where it isn't `http://` or `https://` with an authority.
#[must_use]
pub fn split_absolute(target: &str) -> Option<AbsoluteTarget<'_>> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    if authority.is_empty() {
        return None;
    }
    let origin_form = if rest.starts_with('/') { Cow::Borrowed(rest) } else { Cow::Owned(format!("/{rest}")) };
    Some(AbsoluteTarget { scheme, authority, origin_form })
}

fn normalize_path(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    if !raw.starts_with('/') {
        let flaw = Flaw { offset: 0, what: "it does not begin with a slash", mend: "Begin the path with /" };
        return Err(refusal(Location::Path, "path", "byte 1", &flaw));
    }
    if is_plainly_normal(raw) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut path = String::with_capacity(raw.len());
    let mut offset = 0;
    let mut number = 0;
    for segment in raw.split('/') {
        if !segment.is_empty() {
            number += 1;
            path.push('/');
            segment::append(segment, &mut path).map_err(|flaw| {
                let place = format!("byte {}, in segment {number}", offset + flaw.offset + 1);
                refusal(Location::Path, "path", &place, &flaw)
            })?;
        }
        offset += segment.len() + 1;
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(Cow::Owned(path))
}

/// Whether nothing has to be looked at closely: the case of almost every call, without an allocation.
fn is_plainly_normal(path: &str) -> bool {
    let mut previous = 0;
    for byte in path.bytes() {
        let is_plain = match PLAIN[usize::from(byte)] {
            Plain::Always => true,
            Plain::NotAfterSlash => previous != b'/',
            Plain::Never => false,
        };
        if !is_plain {
            return false;
        }
        previous = byte;
    }
    path == "/" || previous != b'/'
}

/// Where a byte of a path needs no closer look.
#[derive(Clone, Copy)]
enum Plain {
    Always,
    NotAfterSlash,
    Never,
}

/// By byte, since every byte of every path is looked at.
const PLAIN: [Plain; 256] = {
    let mut table = [Plain::Never; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'/' | b'.' => Plain::NotAfterSlash,
            b';' => Plain::Never,
            other if segment::is_pchar(other) => Plain::Always,
            _ => Plain::Never,
        };
        byte += 1;
    }
    table
};

fn refusal(location: Location, part: &str, place: &str, flaw: &Flaw) -> Refusal {
    let words = format!("The {part} can't be read at {place}: {}. {}.", flaw.what, flaw.mend);
    Refusal::new(Cause::MalformedRequest)
        .message(format!("The request's {part} is malformed: {}.", flaw.what))
        .detail(words.clone())
        .error("", location, words)
}
