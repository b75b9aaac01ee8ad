//! How values are written (OpenAPI 3.1 §4.8.12.3, RFC 6570): a text into its elements or members, before escapes are
//! decoded, so that what is escaped is no delimiter.

use super::text::{Escapes, decoded};
use crate::model::{ParameterPlace, ParameterStyle};

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) style: ParameterStyle,
    pub(super) explode: bool,
    pub(super) escapes: Escapes,
}

/// What is wrong with how a value is written, in words that follow the parameter's name.
pub(super) type Wrong = String;

impl Written {
    /// As declared, or as is usual for the place and the style.
    pub(super) fn new(place: ParameterPlace, style: Option<ParameterStyle>, explode: Option<bool>) -> Self {
        let style = style.unwrap_or(match place {
            ParameterPlace::Path | ParameterPlace::Header => ParameterStyle::Simple,
            ParameterPlace::Query | ParameterPlace::Cookie => ParameterStyle::Form,
        });
        let escapes = match place {
            ParameterPlace::Path => Escapes::Percent,
            ParameterPlace::Query => Escapes::Form,
            ParameterPlace::Header => Escapes::None,
            ParameterPlace::Cookie => Escapes::Lenient,
        };
        Self { style, explode: explode.unwrap_or(style == ParameterStyle::Form), escapes }
    }

    /// Whether each element is a parameter of its own, by repetition.
    pub(super) fn repeats(self) -> bool {
        use ParameterStyle::{Form, PipeDelimited, SpaceDelimited};
        self.explode && matches!(self.style, Form | SpaceDelimited | PipeDelimited)
    }

    /// The text without what stands before a value in this style. In a matrix each piece has the name before it: only
    /// that of a single value is taken off.
    pub(super) fn bare<'t>(self, name: &str, text: &'t str) -> Result<&'t str, Wrong> {
        match self.style {
            ParameterStyle::Label => {
                text.strip_prefix('.').ok_or_else(|| format!("must begin with a dot, as in .{name}"))
            }
            ParameterStyle::Matrix => {
                let (named, value) =
                    text.strip_prefix(';').map(|text| text.split_once('=').unwrap_or((text, ""))).unzip();
                let is_it = named.and_then(|named| decoded(named, self.escapes)).is_some_and(|named| named == name);
                value.filter(|_| is_it).ok_or_else(|| format!("must be written as ;{name}=VALUE"))
            }
            _ => Ok(text),
        }
    }

    /// The texts of a list's elements. `lax`: an escaped comma is a delimiter too.
    pub(super) fn elements<'t>(self, name: &str, text: &'t str, lax: bool) -> Result<Vec<&'t str>, Wrong> {
        match (self.style, self.explode) {
            (ParameterStyle::Label, true) => Ok(self.bare(name, text)?.split('.').collect()),
            (ParameterStyle::Matrix, true) => match text.strip_prefix(';') {
                Some(pieces) => pieces.split(';').map(|piece| self.named(name, piece)).collect(),
                None => self.named(name, "").map(|_| Vec::new()),
            },
            _ => Ok(self.split(self.bare(name, text)?, lax)),
        }
    }

    /// One `name=value` of an exploded matrix.
    fn named<'t>(self, name: &str, piece: &'t str) -> Result<&'t str, Wrong> {
        let (named, value) = piece.split_once('=').unwrap_or((piece, ""));
        let is_it = decoded(named, self.escapes).is_some_and(|named| named == name);
        is_it.then_some(value).ok_or_else(|| format!("must be written as ;{name}=VALUE;{name}=VALUE"))
    }

    /// The names and texts of an object's members.
    pub(super) fn members<'t>(self, name: &str, text: &'t str, lax: bool) -> Result<Vec<(&'t str, &'t str)>, Wrong> {
        let pieces = match (self.style, self.explode) {
            (ParameterStyle::Label, true) => self.bare(name, text)?.split('.').collect(),
            (ParameterStyle::Matrix, true) => {
                let rest = text.strip_prefix(';').ok_or_else(|| "must be written as ;MEMBER=VALUE".to_owned())?;
                rest.split(';').collect()
            }
            _ => self.split(self.bare(name, text)?, lax),
        };
        if self.explode {
            let pairs = pieces.iter().map(|piece| piece.split_once('='));
            let wrong = || "must be written as MEMBER=VALUE, each with its own equals sign".to_owned();
            return pairs.collect::<Option<Vec<_>>>().ok_or_else(wrong);
        }
        let pairs = pieces.chunks(2).map(|pair| match pair {
            [member, value] => Some((*member, *value)),
            _ => None,
        });
        pairs.collect::<Option<Vec<_>>>().ok_or_else(|| "must have a value after each member's name".to_owned())
    }

    fn split(self, text: &str, lax: bool) -> Vec<&str> {
        match self.style {
            ParameterStyle::SpaceDelimited => split_at(text, &["%20", "+"]),
            // A bar can't stand in a URL as it is, and many send it all the same.
            ParameterStyle::PipeDelimited => split_at(text, &["|", "%7C", "%7c"]),
            _ if self.escapes == Escapes::None => {
                // Empty elements of a header's list don't count (RFC 9110 §5.6.1.2).
                text.split(',').map(|piece| piece.trim_matches([' ', '\t'])).filter(|piece| !piece.is_empty()).collect()
            }
            _ if lax => split_at(text, &[",", "%2C", "%2c"]),
            _ => text.split(',').collect(),
        }
    }
}

/// Cuts a text at every delimiter, in one pass.
fn split_at<'t>(text: &'t str, delimiters: &[&str]) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        match delimiters.iter().find(|one| rest.starts_with(**one)) {
            Some(delimiter) => {
                pieces.push(text.get(start..at).unwrap_or_default());
                at += delimiter.len();
                start = at;
            }
            None => at += 1,
        }
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}
