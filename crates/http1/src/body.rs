//! A request's body as it arrives: so many bytes, or chunks (RFC 9112 §7.1). It knows no head.
//!
//! Chunk sizes are read here: httparse's reader lets spaces, extensions and leading line ends pass.

use bytes::Bytes;

use crate::connection::Limits;
use crate::fields;
use crate::flaw::{Flaw, Malformed};
use crate::framing::LENGTH_MAX;
use crate::head::BodyKind;
use crate::input::Input;
use crate::lines::{Found, Lines};

/// The most digits of a chunk's size.
const SIZE_DIGITS_MAX: usize = 16;

/// What comes next of a body.
#[derive(Debug)]
pub(crate) enum Body {
    /// So many bytes, and nothing after them.
    Length(u64),
    /// A chunk's size.
    ChunkSize,
    /// So many bytes of a chunk.
    ChunkData(u64),
    /// The line end after a chunk's data.
    ChunkEnd,
    /// The trailers, of which so many are whole.
    Trailers(Lines, usize),
}

/// A part of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Data(Bytes),
    End,
}

impl From<BodyKind> for Body {
    fn from(kind: BodyKind) -> Self {
        match kind {
            BodyKind::None => Self::Length(0),
            BodyKind::Length(length) => Self::Length(length),
            BodyKind::Chunked => Self::ChunkSize,
        }
    }
}

impl Body {
    /// Whether nothing more of it can come.
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    /// Reads on.
    pub(crate) fn next(&mut self, input: &mut Input, limits: &Limits) -> Result<Option<Part>, Malformed> {
        loop {
            match self {
                Self::Length(0) => return Ok(Some(Part::End)),
                Self::ChunkData(0) => *self = Self::ChunkEnd,
                Self::Length(left) | Self::ChunkData(left) => return Ok(take(input, left).map(Part::Data)),
                Self::ChunkSize => {
                    let read = read_size(input.bytes()).map_err(|(flaw, index)| input.flaw(flaw, index))?;
                    let Some((size, len)) = read else { return Ok(None) };
                    input.skip(len);
                    *self = if size == 0 { Self::Trailers(Lines::default(), 0) } else { Self::ChunkData(size) };
                }
                Self::ChunkEnd => match input.bytes() {
                    [b'\r', b'\n', ..] => {
                        input.skip(2);
                        *self = Self::ChunkSize;
                    }
                    [] | [b'\r'] => return Ok(None),
                    [b'\r', ..] => return Err(input.flaw(Flaw::BareCarriageReturn, 0)),
                    [b'\n', ..] => return Err(input.flaw(Flaw::BareLineFeed, 0)),
                    _ => return Err(input.flaw(Flaw::ChunkEnd, 0)),
                },
                Self::Trailers(lines, count) => {
                    if !drop_trailers(lines, count, input, limits)? {
                        return Ok(None);
                    }
                    *self = Self::Length(0);
                }
            }
        }
    }
}

/// Takes what is there of the `left` bytes.
fn take(input: &mut Input, left: &mut u64) -> Option<Bytes> {
    let count = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left = left.saturating_sub(count as u64);
    (count > 0).then(|| input.take(count).freeze())
}

/// A chunk's size and the length of its line; none while the line isn't whole. At most 18 bytes are looked at.
fn read_size(bytes: &[u8]) -> Result<Option<(u64, usize)>, (Flaw, usize)> {
    let mut size = 0_u64;
    for (index, byte) in bytes.iter().enumerate() {
        if let Some(digit) = char::from(*byte).to_digit(16) {
            if index >= SIZE_DIGITS_MAX {
                return Err((Flaw::ChunkSizeTooLarge, index));
            }
            let larger = size.checked_mul(16).map(|size| size | u64::from(digit));
            size = larger.filter(|size| *size <= LENGTH_MAX).ok_or((Flaw::ChunkSizeTooLarge, index))?;
            continue;
        }
        let flaw = match (byte, bytes.get(index + 1)) {
            (b'\r' | b';', _) if index == 0 => Flaw::ChunkSizeEmpty,
            (b'\r', None) => return Ok(None),
            (b'\r', Some(b'\n')) => return Ok(Some((size, index + 2))),
            (b'\r', Some(_)) => Flaw::BareCarriageReturn,
            (b'\n', _) => Flaw::BareLineFeed,
            (b';', _) => Flaw::ChunkExtension,
            _ => Flaw::ChunkSizeMalformed,
        };
        return Err((flaw, index));
    }
    Ok(None)
}

/// Whether the trailer section was whole: then it is checked and dropped (RFC 9112 §7.1.2).
fn drop_trailers(lines: &mut Lines, count: &mut usize, input: &mut Input, limits: &Limits) -> Result<bool, Malformed> {
    loop {
        let found = lines.next(input.bytes(), limits.trailers_max_bytes);
        match found.map_err(|(flaw, index)| input.flaw(flaw, index))? {
            Found::Line(line) if line.is_empty() => break,
            Found::Line(line) => {
                *count += 1;
                if *count > limits.fields_max {
                    return Err(input.flaw(Flaw::TrailersTooLarge, line.start));
                }
            }
            Found::Partial => return Ok(false),
            Found::OverLimit => return Err(input.flaw(Flaw::TrailersTooLarge, limits.trailers_max_bytes)),
        }
    }
    let section = input.bytes().get(..lines.end()).unwrap_or_default();
    fields::check(section).map_err(|(flaw, index)| input.flaw(flaw, index))?;
    input.skip(lines.end());
    Ok(true)
}
