//! An answer's fields as the lines that its caller gets: made once and in one buffer, as they are decided on.

use http::{HeaderMap, HeaderName};

use super::WriteError;
use crate::field_table::Fields;
use crate::writer::{has_only_lines, put_line};

/// Field lines of an answer, all but those that the engine writes itself: `Connection`, `Content-Length`,
/// `Transfer-Encoding`, `Trailer`, `Keep-Alive` and `Proxy-Connection` are left out as they come, and `Upgrade` is kept
/// for a switch of protocols. Names are a type's or a read head's; whether a value ends its line is looked at when a
/// head is written.
#[derive(Clone, Debug, Default)]
pub struct AnswerLines {
    bytes: Vec<u8>,
    count: usize,
    /// The last `Upgrade`.
    upgrade: Option<Box<[u8]>>,
}

impl AnswerLines {
    /// None yet, and room for so many bytes of them.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// All fields of a map.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut lines = Self::default();
        headers.iter().for_each(|(name, value)| lines.put(name, value.as_bytes()));
        lines
    }

    /// One more field.
    pub fn put(&mut self, name: &HeaderName, value: &[u8]) {
        self.add(name.as_str().as_bytes(), value);
    }

    /// One more field, whose value is written by `write`; none where that writes nothing.
    pub fn put_with(&mut self, name: &HeaderName, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name.as_str().as_bytes());
        self.bytes.extend_from_slice(b": ");
        let value = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() > value && !is_engine_s(name.as_str().as_bytes()) {
            self.bytes.extend_from_slice(b"\r\n");
            self.count += 1;
        } else {
            self.bytes.truncate(start);
        }
    }

    /// Those fields of a head that pass: `passes` is shown name, in small letters, and value of each.
    pub fn put_those(&mut self, fields: &Fields, mut passes: impl FnMut(&[u8], &[u8]) -> bool) {
        for (name, value) in fields.iter() {
            if passes(name, value) {
                self.add(name, value);
            }
        }
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        if !is_engine_s(name) {
            put_line(&mut self.bytes, name, value);
            self.count += 1;
        } else if name == b"upgrade" {
            self.upgrade = Some(value.into());
        }
    }

    /// Name and value of each line, for whoever writes no lines.
    ///
    /// # Errors
    /// [`WriteError::FieldValue`] where a value isn't one.
    pub fn fields(&self) -> Result<impl Iterator<Item = (&[u8], &[u8])>, WriteError> {
        if !has_only_lines(&self.bytes, self.count) {
            return Err(WriteError::FieldValue);
        }
        // No value has a line's end in it, and no name a colon.
        let lines = self.bytes.split(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\r"));
        Ok(lines.filter_map(|line| {
            let (name, rest) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
            Some((name, rest.strip_prefix(b": ")?))
        }))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn upgrade(&self) -> Option<&[u8]> {
        self.upgrade.as_deref()
    }
}

/// What belongs to one connection or frames a body.
fn is_engine_s(name: &[u8]) -> bool {
    matches!(
        name,
        b"connection"
            | b"content-length"
            | b"transfer-encoding"
            | b"trailer"
            | b"upgrade"
            | b"keep-alive"
            | b"proxy-connection"
    )
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{CONNECTION, DATE, ETAG, SET_COOKIE, UPGRADE, VARY};

    use super::*;

    fn told(lines: &AnswerLines) -> Vec<(&[u8], &[u8])> {
        lines.fields().unwrap().collect()
    }

    #[test]
    fn lines_are_told_as_fields() {
        let mut lines = AnswerLines::with_capacity(8);
        assert!(told(&lines).is_empty());
        lines.put(&DATE, b"a: b");
        lines.put(&CONNECTION, b"close");
        lines.put(&SET_COOKIE, b"");
        lines.put(&SET_COOKIE, b"\t\xff");
        lines.put(&UPGRADE, b"x");
        assert_eq!(told(&lines), [(&b"date"[..], &b"a: b"[..]), (b"set-cookie", b""), (b"set-cookie", b"\t\xff")]);
        assert_eq!((lines.count(), lines.upgrade()), (3, Some(&b"x"[..])));
        lines.put(&ETAG, b"a\r\nb: c");
        assert_eq!(lines.fields().err(), Some(WriteError::FieldValue));
    }

    #[test]
    fn a_field_whose_value_is_written_to_no_avail_is_none() {
        let mut lines = AnswerLines::default();
        lines.put_with(&VARY, |_| ());
        lines.put_with(&CONNECTION, |value| value.extend_from_slice(b"close"));
        assert_eq!((lines.as_bytes(), lines.count()), (&b""[..], 0));
        lines.put_with(&VARY, |value| value.extend_from_slice(b"*"));
        assert_eq!((lines.as_bytes(), lines.count()), (&b"vary: *\r\n"[..], 1));
    }

    #[test]
    fn of_a_head_pass_those_that_may() {
        let values = [(ETAG, "1"), (CONNECTION, "x"), (VARY, "a"), (VARY, "b")];
        let map = values.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect();
        let mut lines = AnswerLines::default();
        lines.put_those(&Fields::of(&map), |name, value| name != b"vary" || value == b"b");
        assert_eq!(lines.as_bytes(), b"etag: 1\r\nvary: b\r\n");
        assert_eq!(AnswerLines::of(&map).as_bytes(), b"etag: 1\r\nvary: a\r\nvary: b\r\n");
    }
}
