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

/// Which form a target has, if it is one that goes with the method.
pub(crate) fn read_target(method: &Method, target: &[u8]) -> Result<TargetForm, (Flaw, usize)> {
    if let Some(index) = target.iter().position(|byte| !matches!(byte, b'!' | b'"' | b'$'..=b'~')) {
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
