//! Memory of one size for millions of pieces, in large pages where the system has them. Knows nothing of what it holds.
//!
//! A call of one among a million finds nothing of its subscription in the processor's caches; with small pages it finds
//! not even where in memory that is (`docs/decisions/0042-subscriptions-of-the-start-lie-flat.md`).

use memmap2::{Advice, MmapMut};

/// From so many bytes on it is mapped by itself, and goes back to the system whole. As much is a large page.
const MAPPED_FROM_BYTES: usize = 2 << 20;

/// So many pieces of `SIZE` bytes, all zeros at first.
#[derive(Debug)]
pub(super) struct Flat<const SIZE: usize> {
    memory: Memory,
    /// Pieces that were asked for.
    room: usize,
    /// Pieces in use, from the first on.
    used: usize,
}

#[derive(Debug)]
enum Memory {
    Mapped(MmapMut),
    Heap(Vec<u8>),
}

impl<const SIZE: usize> Default for Flat<SIZE> {
    fn default() -> Self {
        Self { memory: Memory::Heap(Vec::new()), room: 0, used: 0 }
    }
}

impl<const SIZE: usize> Flat<SIZE> {
    /// Room for so many pieces. What isn't used of it takes no memory where it is mapped.
    pub(super) fn with_room(pieces: usize) -> Self {
        let bytes = pieces.saturating_mul(SIZE);
        // Newer kernels begin at a large page where all is a number of them. The rest is never touched.
        let whole = bytes.checked_next_multiple_of(MAPPED_FROM_BYTES).unwrap_or(bytes);
        let mapped = if bytes >= MAPPED_FROM_BYTES { MmapMut::map_anon(whole).ok() } else { None };
        let memory = match mapped {
            Some(mapped) => {
                // A wish: where the system has no large pages, all works as well, and slower.
                drop(mapped.advise(Advice::HugePage));
                Memory::Mapped(mapped)
            }
            None => Memory::Heap(vec![0; bytes]),
        };
        Self { memory, room: pieces, used: 0 }
    }

    /// So many pieces, all in use.
    pub(super) fn zeros(pieces: usize) -> Self {
        Self { used: pieces, ..Self::with_room(pieces) }
    }

    /// Adds a piece; `false` if there is no room: as much as was asked for, also where more is mapped.
    pub(super) fn push(&mut self, piece: [u8; SIZE]) -> bool {
        let used = self.used;
        if used >= self.room {
            return false;
        }
        let Some(place) = self.room_mut().get_mut(used) else { return false };
        *place = piece;
        self.used += 1;
        true
    }

    fn room_mut(&mut self) -> &mut [[u8; SIZE]] {
        let bytes = match &mut self.memory {
            Memory::Mapped(mapped) => &mut mapped[..],
            Memory::Heap(bytes) => bytes,
        };
        bytes.as_chunks_mut::<SIZE>().0
    }

    /// The pieces in use.
    pub(super) fn pieces(&self) -> &[[u8; SIZE]] {
        let bytes = match &self.memory {
            Memory::Mapped(mapped) => &mapped[..],
            Memory::Heap(bytes) => bytes,
        };
        let pieces = bytes.as_chunks::<SIZE>().0;
        pieces.get(..self.used).unwrap_or_default()
    }

    /// The same, to be changed.
    pub(super) fn pieces_mut(&mut self) -> &mut [[u8; SIZE]] {
        let used = self.used;
        self.room_mut().get_mut(..used).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_was_asked_and_no_more() {
        for pieces in [0, 3, MAPPED_FROM_BYTES / 64, MAPPED_FROM_BYTES / 64 + 1] {
            let mut flat = Flat::<64>::with_room(pieces);
            assert!((0..pieces).all(|at| flat.push([at as u8; 64])), "{pieces}");
            assert!(!flat.push([0; 64]), "{pieces}");
            assert_eq!(flat.pieces().len(), pieces);
        }
    }
}
