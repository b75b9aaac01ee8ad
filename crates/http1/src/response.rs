//! What an answer is told by, and what can be wrong with it. It holds no state of a connection.

mod lines;

use std::fmt;

pub use self::lines::AnswerLines;

/// The body of an answer; the engine chooses its framing by method, status and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// There is none.
    None,
    /// So many bytes. For `HEAD`: what `GET` would have got.
    Length(u64),
    /// A length that isn't known: chunks, or for HTTP/1.0 up to the connection's end.
    Streamed,
}

/// What stands around a piece of an answer's body on the wire, so that the piece itself needn't be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataFrame {
    prefix: [u8; Self::PREFIX_MAX_BYTES],
    prefix_len: usize,
    suffix: &'static [u8],
    is_sent: bool,
}

impl DataFrame {
    /// 16 digits and CR LF.
    const PREFIX_MAX_BYTES: usize = 18;

    /// The piece stands alone.
    pub(crate) const BARE: Self =
        Self { prefix: [0; Self::PREFIX_MAX_BYTES], prefix_len: 0, suffix: b"", is_sent: true };
    /// The piece isn't sent.
    pub(crate) const OMITTED: Self = Self { is_sent: false, ..Self::BARE };

    /// The piece is a chunk of so many bytes, more than none.
    pub(crate) fn chunk(len: u64) -> Self {
        let digits = (u64::BITS - len.leading_zeros()).div_ceil(4) as usize;
        let mut frame = Self { prefix_len: digits + 2, suffix: b"\r\n", ..Self::BARE };
        let mut left = len;
        for (index, byte) in frame.prefix.iter_mut().enumerate().take(digits + 2).rev() {
            *byte = match index.checked_sub(digits) {
                Some(0) => b'\r',
                Some(_) => b'\n',
                None => {
                    let digit = char::from_digit((left & 15) as u32, 16).unwrap_or_default();
                    left >>= 4;
                    digit as u8
                }
            };
        }
        frame
    }

    /// What is written before the piece.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.prefix.get(..self.prefix_len).unwrap_or_default()
    }

    /// What is written after the piece.
    #[must_use]
    pub fn suffix(&self) -> &'static [u8] {
        self.suffix
    }

    /// Whether the piece is written at all: not for `HEAD`, nor where it is empty.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.is_sent
    }
}

/// Why an answer can't be written so. Where the head was already written, the connection must be closed: nothing cut
/// looks whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A head while an answer is under way or finished, or data or an end without one.
    OutOfOrder,
    /// A status that no final answer has: below 200, above 599, or 2xx for `CONNECT`.
    Status,
    /// A body, or data, where the status has none (204, 205, 304).
    BodyForbidden,
    /// A field's value holds CR, LF or NUL.
    FieldValue,
    /// More data than announced.
    TooLong,
    /// So many bytes fewer than announced.
    TooShort {
        /// What is missing.
        missing: u64,
    },
    /// A switch of protocols that the caller didn't ask for, before its request was whole, or without `Upgrade`.
    NoUpgrade,
}

impl fmt::Display for WriteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfOrder => formatter.write_str("the parts of the answer come out of order"),
            Self::Status => formatter.write_str("the status isn't one of a final answer to this request"),
            Self::BodyForbidden => formatter.write_str("the status has no body"),
            Self::FieldValue => formatter.write_str("a header's value holds a line end or NUL"),
            Self::TooLong => formatter.write_str("the body is longer than announced"),
            Self::TooShort { missing } => write!(formatter, "the body is {missing} bytes shorter than announced"),
            Self::NoUpgrade => formatter.write_str("this request can't be upgraded"),
        }
    }
}

impl std::error::Error for WriteError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_bear_their_size() {
        for len in [1, 9, 10, 15, 16, 255, 256, 0xdead_beef, u64::from(u32::MAX) + 1, u64::MAX] {
            assert_eq!(DataFrame::chunk(len).prefix(), format!("{len:x}\r\n").as_bytes());
        }
    }
}
