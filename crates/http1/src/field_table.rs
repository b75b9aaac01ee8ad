//! The fields of a head as they stand in its bytes: a table of places and no map, since a head is looked through a few
//! times and then written on. It knows no field's meaning.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName};

/// Where a field stands in its head.
#[derive(Clone, Copy, Debug)]
struct Place {
    name_at: u32,
    name_len: u32,
    value_at: u32,
    value_len: u32,
}

/// The fields of a head in the order in which they came: names in small letters, values without the white space around
/// them.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    head: Bytes,
    places: Vec<Place>,
}

impl Fields {
    /// The fields of a head of which name and value stand at these ranges; names are in small letters there already.
    pub(crate) fn with_capacity(count: usize) -> Self {
        Self { head: Bytes::new(), places: Vec::with_capacity(count) }
    }

    /// Notes where a field stands in the bytes that [`Fields::keep`] is given.
    pub(crate) fn push(&mut self, (name_at, name_len): (usize, usize), (value_at, value_len): (usize, usize)) {
        // A head is far below 4 GiB.
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.places.push(Place {
            name_at: small(name_at),
            name_len: small(name_len),
            value_at: small(value_at),
            value_len: small(value_len),
        });
    }

    /// Keeps the bytes in which the fields stand.
    pub(crate) fn keep(&mut self, head: Bytes) {
        self.head = head;
    }

    /// The same fields in bytes of their own.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut head = BytesMut::new();
        let mut fields = Self::with_capacity(headers.len());
        for (name, value) in headers {
            let name = name.as_str().as_bytes();
            fields.push((head.len(), name.len()), (head.len() + name.len(), value.len()));
            head.extend_from_slice(name);
            head.extend_from_slice(value.as_bytes());
        }
        fields.head = head.freeze();
        fields
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
        let is_it = |place: &Place| place.name_len as usize == wanted.len() && self.name(place) == wanted;
        let at = places.iter().position(is_it)?;
        Some((from + at, places.get(at).map(|place| self.value(place))?))
    }

    /// The first value of that name.
    #[must_use]
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        self.find(name, 0).map(|(_, value)| value)
    }

    /// Whether there is a field of that name.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.find(name, 0).is_some()
    }

    fn field(&self, place: &Place) -> (&[u8], &[u8]) {
        (self.name(place), self.value(place))
    }

    fn name(&self, place: &Place) -> &[u8] {
        self.piece(place.name_at, place.name_len)
    }

    fn value(&self, place: &Place) -> &[u8] {
        self.piece(place.value_at, place.value_len)
    }

    fn piece(&self, at: u32, len: u32) -> &[u8] {
        let at = at as usize;
        self.head.get(at..at + len as usize).unwrap_or_default()
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
