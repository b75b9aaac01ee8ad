//! Media types: whether a body is of a type that the operation accepts, and in which of two types a caller reads a
//! refusal. It reads header fields, never a body.

mod accept;
mod syntax;
#[cfg(test)]
mod tests;

use std::fmt;

use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

pub use accept::prefers_plain_json;

use crate::body::is_blank;
use crate::contract::{Cause, Location, Refusal};
use crate::header::{Fields, text};

/// A media type with its parameters (RFC 9110 §8.3.1). Type, subtype and parameter names are lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// Such as `application`.
    pub type_name: String,
    /// Such as `json`.
    pub subtype: String,
    /// Names and values, quoted values as they are meant.
    pub parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads the value of a `Content-Type`. `None` where the syntax is wrong or a parameter is repeated.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        syntax::media_type(value)
    }

    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the body is announced as JSON: subtype `json`, or the suffix `+json` (RFC 6839 §3.1).
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.subtype == "json" || self.subtype.ends_with("+json")
    }
}

/// What an API accepts: one type, `type/*`, or `*/*`. Lower-case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaRange {
    type_name: String,
    subtype: String,
}

impl MediaRange {
    /// Reads a range; parameters aren't part of one.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let MediaType { type_name, subtype, parameters } = MediaType::parse(value)?;
        let is_range = parameters.is_empty() && (type_name != "*" || subtype == "*");
        is_range.then_some(Self { type_name, subtype })
    }

    /// `application/json`, what an operation accepts unless its API says otherwise.
    #[must_use]
    pub fn json() -> Self {
        Self { type_name: "application".to_owned(), subtype: "json".to_owned() }
    }

    /// The range of a type that may have parameters, such as `application/json; charset=utf-8`, which say nothing here.
    #[must_use]
    pub fn of_type(value: &str) -> Option<Self> {
        let MediaType { type_name, subtype, .. } = MediaType::parse(value)?;
        (type_name != "*" || subtype == "*").then_some(Self { type_name, subtype })
    }

    /// Whether a type that is JSON can be in the range.
    #[must_use]
    pub fn may_be_json(&self) -> bool {
        self.subtype == "*" || self.subtype == "json" || self.subtype.ends_with("+json")
    }

    /// How much it says: 2 for one type, 1 for `type/*`, 0 for `*/*`.
    #[must_use]
    pub fn specificity(&self) -> u8 {
        u8::from(self.type_name != "*") + u8::from(self.subtype != "*")
    }

    /// Whether a type is in the range. A suffix doesn't count: `application/json` doesn't hold `application/x+json`.
    #[must_use]
    pub fn holds(&self, media_type: &MediaType) -> bool {
        (self.type_name == "*" || self.type_name == media_type.type_name)
            && (self.subtype == "*" || self.subtype == media_type.subtype)
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.type_name, self.subtype)
    }
}

/// What a body is announced as, and accepted as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Media {
    /// There is no body.
    None,
    /// JSON in UTF-8, not compressed: to be checked with [`crate::body::check_json`], unless the method is GET or
    /// DELETE and [`is_blank`] holds.
    Json,
    /// JSON that isn't accepted, on a GET or DELETE: fine only where [`check_blank`] says so.
    BlankJson,
    /// Another accepted type, passed on unread.
    Other(MediaType),
}

/// Decides whether a body's announcement is acceptable (RFC 9110 §15.5.16).
///
/// A `charset` other than UTF-8 and a `Content-Encoding` other than `identity` are refused for JSON where it is read
/// (`reads_json`); bodies of other accepted types are passed on as they are.
///
/// # Errors
///
/// [`Cause::MediaTypeUnsupported`] for a body without `Content-Type`, with one that can't be read or isn't accepted, or
/// compressed. [`Cause::MalformedRequest`] for several `Content-Type` fields, even equal ones: which of them counts
/// differs from reader to reader.
pub fn accept(
    method: &Method,
    fields: &dyn Fields,
    has_body: bool,
    reads_json: bool,
    accepted: &[MediaRange],
) -> Result<Media, Refusal> {
    let content_type = fields.first(&CONTENT_TYPE);
    if content_type.is_some() && fields.single(&CONTENT_TYPE).is_none() {
        let words = "There is more than one Content-Type header; send one.";
        return Err(Refusal::new(Cause::MalformedRequest).message(words).detail(words).error(
            "/Content-Type",
            Location::Header,
            words,
        ));
    }
    if !has_body {
        return Ok(Media::None);
    }
    let Some(content_type) = content_type else {
        return Err(unsupported("The body came without a Content-Type.", accepted));
    };
    let Some(media_type) = text(content_type).and_then(MediaType::parse) else {
        return Err(unsupported("The Content-Type can't be read as a media type.", accepted));
    };
    let is_accepted = accepted.iter().any(|range| range.holds(&media_type));
    let may_be_blank = media_type.is_json() && matches!(*method, Method::GET | Method::DELETE);
    if !is_accepted && !may_be_blank {
        let words = format!("The body's type {}/{} is not accepted.", media_type.type_name, media_type.subtype);
        return Err(unsupported(&words, accepted));
    }
    if !media_type.is_json() || !reads_json {
        return Ok(if is_accepted { Media::Other(media_type) } else { Media::BlankJson });
    }
    let charset = media_type.parameter("charset");
    if charset.is_some_and(|charset| !charset.eq_ignore_ascii_case("utf-8") && !charset.eq_ignore_ascii_case("utf8")) {
        return Err(unsupported("The body's charset is not UTF-8.", accepted));
    }
    if !fields.all(&CONTENT_ENCODING).all(is_identity) {
        let mut refusal = unsupported("The body is compressed; send it without a Content-Encoding.", accepted);
        refusal.accept_identity = true;
        return Err(refusal);
    }
    Ok(if is_accepted { Media::Json } else { Media::BlankJson })
}

/// Settles [`Media::BlankJson`] when the body is there.
///
/// # Errors
///
/// [`Cause::MediaTypeUnsupported`] unless the body [`is_blank`].
pub fn check_blank(body: &[u8], accepted: &[MediaRange]) -> Result<(), Refusal> {
    if is_blank(body) {
        Ok(())
    } else {
        Err(unsupported("The body's type application/json is not accepted.", accepted))
    }
}

fn is_identity(value: &[u8]) -> bool {
    let is_identity = |token: &str| token.trim().is_empty() || token.trim().eq_ignore_ascii_case("identity");
    text(value).is_some_and(|value| value.split(',').all(is_identity))
}

fn unsupported(what: &str, accepted: &[MediaRange]) -> Refusal {
    let names: Vec<_> = accepted.iter().map(ToString::to_string).collect();
    let mend = match names.as_slice() {
        [] => "This operation takes no body.".to_owned(),
        [name] => format!("Send Content-Type: {name}."),
        [names @ .., last] => format!("Send a Content-Type of {} or {last}.", names.join(", ")),
    };
    let words = format!("{what} {mend}");
    let mut refusal = Refusal::new(Cause::MediaTypeUnsupported).message(words.clone()).detail(words);
    refusal.accept = (!names.is_empty()).then(|| names.join(", ").into());
    refusal
}
