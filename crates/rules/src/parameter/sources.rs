//! Where parameters stand in a request: pairs of the query, field lines, cookies.

use std::borrow::Cow;

use http::HeaderName;

use super::text::{Escapes, decoded};
use crate::header::Fields;

/// A pair of the query: its name decoded, its text as it came.
#[derive(Clone, Debug)]
pub(super) struct Pair<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) text: &'r str,
    /// Whether the name's bytes were UTF-8; else it is nobody's name.
    is_text: bool,
}

/// The query's pairs, as forms are read; empty pieces are passed over.
pub(super) fn pairs(query: &str) -> Vec<Pair<'_>> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    let pairs = pieces.map(|piece| {
        let (written, text) = piece.split_once('=').unwrap_or((piece, ""));
        match decoded(written, Escapes::Form) {
            Some(name) => Pair { name, text, is_text: true },
            None => Pair { name: Cow::Borrowed(written), text, is_text: false },
        }
    });
    pairs.collect()
}

impl<'r> Pair<'r> {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.is_text && self.name == name
    }

    /// The path of members that follows `name` in a deep object's name, such as `a` and `b` of `name[a][b]`.
    pub(super) fn members<'n>(&'n self, name: &str) -> Option<Vec<&'n str>> {
        let mut rest = self.name.strip_prefix(name).filter(|rest| self.is_text && rest.starts_with('['))?;
        let mut members = Vec::new();
        while !rest.is_empty() {
            let (member, after) = rest.strip_prefix('[')?.split_once(']')?;
            members.push(member);
            rest = after;
        }
        Some(members)
    }
}

/// The texts of a header field's lines; none for one that isn't UTF-8.
pub(super) fn lines<'r>(fields: &'r dyn Fields, name: &HeaderName) -> Option<Vec<&'r str>> {
    fields.all(name).map(|line| std::str::from_utf8(line).ok().map(|line| line.trim_matches([' ', '\t']))).collect()
}

/// The texts of the cookies of that name (RFC 6265 §4.2.1), however many field lines there are.
pub(super) fn cookies<'r>(fields: &'r dyn Fields, name: &str) -> Option<Vec<&'r str>> {
    let mut found = Vec::new();
    for line in fields.all(&http::header::COOKIE) {
        let line = std::str::from_utf8(line).ok()?;
        let pairs = line.split(';').filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='));
        found.extend(pairs.filter(|(named, _)| *named == name).map(|(_, text)| text));
    }
    Some(found)
}
