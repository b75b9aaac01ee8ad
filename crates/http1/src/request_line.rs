//! The request line (RFC 9112 §3): method, target and version, and which forms of target go with which method.
//!
//! It decides on the target's form only; what its path means is for others.

use std::ops::Range;

use http::{Method, Version};

use crate::authority;
use crate::fields::is_token_byte;
use crate::flaw::Flaw;
use crate::head::TargetForm;

/// The longest method.
const METHOD_MAX_BYTES: usize = 32;

/// A request line.
#[derive(Debug)]
pub(crate) struct RequestLine {
    pub(crate) method: Method,
    /// Where the target is.
    pub(crate) target: Range<usize>,
    pub(crate) form: TargetForm,
    pub(crate) version: Version,
    /// The line's length without its end.
    pub(crate) len: usize,
}

/// Reads a line, which has no end and no line feed any more.
///
/// # Errors
/// The first flaw and its index.
pub(crate) fn read(line: &[u8]) -> Result<RequestLine, (Flaw, usize)> {
    read_usual(line).map_or_else(|| read_any(line), Ok)
}

/// Reads what nearly every line is: a method that everybody knows, a path, HTTP/1.1. None says nothing of the line.
fn read_usual(line: &[u8]) -> Option<RequestLine> {
    let (name_len, method) = match line {
        [b'G', b'E', b'T', b' ', ..] => (3, Method::GET),
        [b'P', b'U', b'T', b' ', ..] => (3, Method::PUT),
        [b'P', b'O', b'S', b'T', b' ', ..] => (4, Method::POST),
        [b'H', b'E', b'A', b'D', b' ', ..] => (4, Method::HEAD),
        [b'P', b'A', b'T', b'C', b'H', b' ', ..] => (5, Method::PATCH),
        [b'D', b'E', b'L', b'E', b'T', b'E', b' ', ..] => (6, Method::DELETE),
        _ => return None,
    };
    let range = name_len + 1..line.len().checked_sub(b" HTTP/1.1".len())?;
    let (target, version) = (line.get(range.clone())?, line.get(range.end..)?);
    // Each byte without a way out at the first wrong one, so that many are looked at at once.
    let is_usual = target.iter().fold(true, |all, byte| all & is_target_byte(*byte));
    (is_usual && target.first() == Some(&b'/') && version == b" HTTP/1.1").then_some(RequestLine {
        method,
        target: range,
        form: TargetForm::Origin,
        version: Version::HTTP_11,
        len: line.len(),
    })
}

fn read_any(line: &[u8]) -> Result<RequestLine, (Flaw, usize)> {
    check_separators(line)?;
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(name), Some(target), Some(version)) = (parts.next(), parts.next(), parts.next()) else {
        return Err((Flaw::RequestLine, line.len()));
    };
    let target_start = name.len() + 1;
    let version_start = target_start + target.len() + 1;
    if target.is_empty() {
        return Err((Flaw::Separator, target_start));
    }
    if version.is_empty() || parts.next().is_some() {
        return Err((Flaw::Separator, version_start + version.len()));
    }
    let method = read_method(name)?;
    let version = match version {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        _ => return Err((Flaw::Version, version_start)),
    };
    let form = read_target(&method, target).map_err(|(flaw, index)| (flaw, target_start + index))?;
    Ok(RequestLine { method, target: target_start..target_start + target.len(), form, version, len: line.len() })
}

/// White space other than a space: RFC 9112 §3 lets a reader take it for a separator, so another one might.
fn check_separators(line: &[u8]) -> Result<(), (Flaw, usize)> {
    let Some(index) = line.iter().position(|byte| matches!(byte, b'\t' | b'\r' | 0x0b | 0x0c)) else { return Ok(()) };
    let flaw = if line.get(index) == Some(&b'\r') { Flaw::BareCarriageReturn } else { Flaw::Separator };
    Err((flaw, index))
}

fn read_method(name: &[u8]) -> Result<Method, (Flaw, usize)> {
    if let Some(index) = name.iter().position(|byte| !is_token_byte(*byte)) {
        return Err((Flaw::Method, index));
    }
    let method = Method::from_bytes(name).map_err(|_| (Flaw::Method, 0))?;
    check_method(&method).map_err(|flaw| (flaw, METHOD_MAX_BYTES))?;
    Ok(method)
}

/// Whether a method is short enough.
pub(crate) fn check_method(method: &Method) -> Result<(), Flaw> {
    if method.as_str().len() > METHOD_MAX_BYTES { Err(Flaw::MethodTooLong) } else { Ok(()) }
}

/// Visible ASCII without `#`.
fn is_target_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'"' | b'$'..=b'~')
}

/// Which form a target has, if it is one that goes with the method.
pub(crate) fn read_target(method: &Method, target: &[u8]) -> Result<TargetForm, (Flaw, usize)> {
    if let Some(index) = target.iter().position(|byte| !is_target_byte(*byte)) {
        let flaw = if target.get(index) == Some(&b'#') { Flaw::TargetFragment } else { Flaw::TargetCharacter };
        return Err((flaw, index));
    }
    if *method == Method::CONNECT {
        let is_authority = authority::is_authority(target, true);
        return if is_authority { Ok(TargetForm::Authority) } else { Err((Flaw::TargetForm, 0)) };
    }
    if target == b"*" && *method == Method::OPTIONS {
        return Ok(TargetForm::Asterisk);
    }
    if target.first() == Some(&b'/') {
        return Ok(TargetForm::Origin);
    }
    let (start, authority) = authority::of_absolute_form(target).ok_or((Flaw::TargetForm, 0))?;
    if !authority::is_authority(authority, false) {
        return Err((Flaw::TargetAuthority, start));
    }
    Ok(TargetForm::Absolute)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_read_as_usual_would_be_read_alike(
            line in "(GET|PUT|POST|HEAD|PATCH|DELETE|CONNECT|OPTIONS|get)[ \t]{1,2}[/*]?[a#é\u{7f}?/:]{0,3}[ ]{1,2}HTTP/1\\.[012]",
        ) {
            if let Some(usual) = read_usual(line.as_bytes()) {
                prop_assert_eq!(format!("{:?}", Ok::<_, ()>(usual)), format!("{:?}", read_any(line.as_bytes())));
            }
        }
    }

    #[test]
    fn every_day_s_lines_are_usual() {
        for line in ["GET / HTTP/1.1", "POST /a?b=~!\"$ HTTP/1.1", "DELETE /%20 HTTP/1.1", "PATCH // HTTP/1.1"] {
            assert!(read_usual(line.as_bytes()).is_some(), "{line}");
        }
        for line in
            ["GET / HTTP/1.0", "GET /# HTTP/1.1", "GET  / HTTP/1.1", "GET / / HTTP/1.1", "GET HTTP/1.1", "GET /"]
        {
            assert!(read_usual(line.as_bytes()).is_none(), "{line}");
        }
    }
}
