//! Finds lines that end in CR LF in what arrives bit by bit, looking at each byte once. It knows no field.

use std::ops::Range;

use crate::flaw::Flaw;

/// How far lines were found.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Where the line that isn't whole yet begins.
    start: usize,
    /// Up to where there is no further line feed.
    scanned: usize,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A line, without its end.
    Line(Range<usize>),
    /// No whole line yet.
    Partial,
    /// The line isn't whole within the limit.
    OverLimit,
}

impl Lines {
    /// Whether nothing was looked at yet.
    pub(crate) fn is_at_start(&self) -> bool {
        self.scanned == 0
    }

    /// The end of the last line, its line feed included.
    pub(crate) fn end(&self) -> usize {
        self.start
    }

    /// The next whole line of `bytes` that ends within the first `bytes_max`.
    ///
    /// # Errors
    /// A line feed without a carriage return before it, and its index.
    pub(crate) fn next(&mut self, bytes: &[u8], bytes_max: usize) -> Result<Found, (Flaw, usize)> {
        let window = bytes.get(..bytes_max).unwrap_or(bytes);
        let Some(found) = window.get(self.scanned..).and_then(|rest| memchr::memchr(b'\n', rest)) else {
            self.scanned = window.len();
            return Ok(if bytes.len() >= bytes_max { Found::OverLimit } else { Found::Partial });
        };
        let feed = self.scanned + found;
        let line = self.start..feed.saturating_sub(1);
        if feed == self.start || window.get(line.end) != Some(&b'\r') {
            return Err((Flaw::BareLineFeed, feed));
        }
        self.start = feed + 1;
        self.scanned = self.start;
        Ok(Found::Line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_however_they_arrive() {
        let bytes = b"one\r\n\r\ntwo\r\nthr";
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for end in 0..=bytes.len() {
            while let Found::Line(line) = lines.next(&bytes[..end], 100).unwrap() {
                found.push(bytes[line].to_vec());
            }
            assert_eq!(lines.scanned, end, "each byte is looked at once");
        }
        assert_eq!(found, [&b"one"[..], b"", b"two"]);
        assert_eq!(lines.end(), 12);
    }

    #[test]
    fn a_line_feed_alone_is_found() {
        for (bytes, at) in [(&b"\n"[..], 0), (b"a\n", 1), (b"a\r\n\n", 3), (b"a\rb\n", 3)] {
            let mut lines = Lines::default();
            let flaw = loop {
                match lines.next(bytes, 100) {
                    Ok(Found::Line(_)) => {}
                    other => break other,
                }
            };
            assert_eq!(flaw, Err((Flaw::BareLineFeed, at)), "{bytes:?}");
        }
    }

    #[test]
    fn a_line_ends_within_the_limit_or_is_over_it() {
        assert_eq!(Lines::default().next(b"a\r\n", 3), Ok(Found::Line(0..1)));
        assert_eq!(Lines::default().next(b"ab\r\n", 3), Ok(Found::OverLimit));
        assert_eq!(Lines::default().next(b"ab\r", 3), Ok(Found::OverLimit));
        assert_eq!(Lines::default().next(b"ab", 3), Ok(Found::Partial));
    }
}
