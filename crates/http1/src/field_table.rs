//! The fields of a head as they stand in its bytes: a table of places and no map, since a head is looked through a few
//! times and then written on. It knows no field's meaning.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Where a field stands in its head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    name_at: u32,
    name_len: u32,
    value_at: u32,
    value_len: u32,
}

impl Place {
    pub(crate) fn new(name: Range<usize>, value: Range<usize>) -> Self {
        // A head is far below 4 GiB.
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            name_at: small(name.start),
            name_len: small(name.len()),
            value_at: small(value.start),
            value_len: small(value.len()),
        }
    }

    /// Where the name begins.
    pub(crate) fn start(&self) -> usize {
        self.name_at as usize
    }

    pub(crate) fn name<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        piece(head, self.name_at, self.name_len)
    }

    pub(crate) fn value<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        piece(head, self.value_at, self.value_len)
    }
}

fn piece(head: &[u8], at: u32, len: u32) -> &[u8] {
    let at = at as usize;
    head.get(at..at + len as usize).unwrap_or_default()
}

/// The fields of a head in the order of their first occurrence, those of one name together: names in small letters,
/// values without the white space around them.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    head: Bytes,
    places: Vec<Place>,
}

impl Fields {
    /// The fields of a head that stand at these places in the order in which they came; names are in small letters.
    pub(crate) fn new(head: Bytes, mut places: Vec<Place>) -> Self {
        bring_together(&head, &mut places);
        Self { head, places }
    }

    /// The same fields in bytes of their own.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let mut head = BytesMut::with_capacity(bytes);
        let mut places = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let name_at = head.len();
            head.extend_from_slice(name.as_str().as_bytes());
            let value_at = head.len();
            head.extend_from_slice(value.as_bytes());
            places.push(Place::new(name_at..value_at, value_at..head.len()));
        }
        Self { head: head.freeze(), places }
    }

    /// The same fields as a map.
    #[must_use]
    pub fn to_map(&self) -> HeaderMap {
        let made = |(name, value)| Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?));
        self.iter().filter_map(made).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Name and value of the field at a place; none past the last.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.places.get(place).map(|place| self.field(place))
    }

    /// All fields: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|place| self.field(place))
    }

    /// The first field of that name at `from` or after it: its place and its value.
    #[must_use]
    pub fn find(&self, name: &HeaderName, from: usize) -> Option<(usize, &[u8])> {
        let wanted = name.as_str().as_bytes();
        let places = self.places.get(from..)?;
        let is_it = |place: &Place| place.name_len as usize == wanted.len() && place.name(&self.head) == wanted;
        let at = places.iter().position(is_it)?;
        Some((from + at, places.get(at).map(|place| place.value(&self.head))?))
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        self.find(name, 0).map(|(_, value)| value)
    }

    /// All values of that name.
    pub fn all<'f>(&'f self, name: &HeaderName) -> impl Iterator<Item = &'f [u8]> {
        let wanted = name.as_str().as_bytes();
        self.iter().filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    }

    /// Whether there is a field of that name.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.find(name, 0).is_some()
    }

    fn field(&self, place: &Place) -> (&[u8], &[u8]) {
        (place.name(&self.head), place.value(&self.head))
    }
}

/// Puts each further field of a name behind those before it.
fn bring_together(head: &[u8], places: &mut Vec<Place>) {
    // Few names come twice: a bit for each that came, by what is known of it at once, tells most that don't.
    let mut seen = 0_u64;
    for at in 0..places.len() {
        let Some(place) = places.get(at).copied() else { break };
        let name = place.name(head);
        let mark = name.len()
            ^ usize::from(name.first().copied().unwrap_or(0)) << 1
            ^ usize::from(name.last().copied().unwrap_or(0)) << 3;
        let bit = 1 << (mark % 64);
        if seen & bit != 0
            && let Some(last) = places.iter().take(at).rposition(|other| other.name(head) == name)
            && last + 1 < at
        {
            places.remove(at);
            places.insert(last + 1, place);
        }
        seen |= bit;
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    #[test]
    fn a_map_s_fields_are_found_by_name_and_place() {
        let mut map = HeaderMap::new();
        for (name, value) in [(HOST, &b"h"[..]), (ACCEPT, b"a"), (ACCEPT, b""), (COOKIE, b"\xff")] {
            map.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let fields = Fields::of(&map);
        assert_eq!(fields.len(), 4);
        assert_eq!((fields.get(&HOST), fields.get(&COOKIE)), (Some(&b"h"[..]), Some(&b"\xff"[..])));
        assert_eq!(fields.find(&ACCEPT, 0), Some((1, &b"a"[..])));
        assert_eq!(fields.find(&ACCEPT, 2), Some((2, &b""[..])));
        assert_eq!((fields.find(&ACCEPT, 3), fields.find(&HOST, 9), fields.at(4)), (None, None, None));
        assert!(!fields.contains(&http::header::TE));
    }
}
