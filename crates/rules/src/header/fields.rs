//! The fields of a head, read by name wherever they are kept: the rules need no map of them, and a call makes none.

use std::fmt;

use http::{HeaderMap, HeaderName};

/// The fields of a head in the order in which they are kept, each at a place from 0 on.
///
/// Whoever needs more than one field of a name takes [`find`](Self::find) on from the place after the last one;
/// `dyn Fields` has the usual ways of asking.
pub trait Fields: Sync + fmt::Debug {
    /// Name, in small letters, and value of the field at a place; none past the last.
    fn at(&self, place: usize) -> Option<(&[u8], &[u8])>;

    /// The first field of that name at `from` or after it: its place and its value.
    fn find(&self, name: &HeaderName, from: usize) -> Option<(usize, &[u8])>;
}

impl<'f> dyn Fields + 'f {
    /// The first value of that name.
    #[must_use]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.find(name, 0).map(|(_, value)| value)
    }

    /// The first value of that name as text; none where it isn't visible ASCII, spaces and tabs.
    #[must_use]
    pub fn text(&self, name: &HeaderName) -> Option<&str> {
        self.first(name).and_then(text)
    }

    /// Whether there is a field of that name.
    #[must_use]
    pub fn has(&self, name: &HeaderName) -> bool {
        self.find(name, 0).is_some()
    }

    /// The value of that name, where there is exactly one.
    #[must_use]
    pub fn single(&self, name: &HeaderName) -> Option<&[u8]> {
        let (place, value) = self.find(name, 0)?;
        if self.find(name, place + 1).is_none() { Some(value) } else { None }
    }

    /// All values of that name, in order.
    pub fn all<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (place, value) = self.find(name, from)?;
            from = place + 1;
            Some(value)
        })
    }

    /// All fields: name, in small letters, and value.
    pub fn each(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..).map_while(|place| self.at(place))
    }
}

impl Fields for HeaderMap {
    fn at(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.iter().nth(place).map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
    }

    fn find(&self, name: &HeaderName, from: usize) -> Option<(usize, &[u8])> {
        let mut fields = self.iter().enumerate().skip(from);
        fields.find(|(_, (other, _))| *other == name).map(|(place, (_, value))| (place, value.as_bytes()))
    }
}

/// A value as text; none where it isn't visible ASCII, spaces and tabs.
#[must_use]
pub fn text(value: &[u8]) -> Option<&str> {
    // Without a way out at the first wrong byte, so that many are looked at at once.
    let is_text = value.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~' | b'\t'));
    if is_text { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    #[test]
    fn fields_of_a_map_are_found_by_name_and_place() {
        let mut map = HeaderMap::new();
        for (name, value) in [(HOST, &b"h"[..]), (ACCEPT, b"a"), (ACCEPT, b"b"), (COOKIE, b"\xff")] {
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let fields: &dyn Fields = &map;
        assert_eq!(fields.all(&ACCEPT).collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!((fields.text(&HOST), fields.text(&COOKIE), fields.has(&COOKIE)), (Some("h"), None, true));
        let names: Vec<_> = fields.each().map(|(name, _)| name).collect();
        assert_eq!(names, [&b"host"[..], b"accept", b"accept", b"cookie"]);
    }
}
