//! mimalloc as the allocator of the whole program (`docs/decisions/0014-mimalloc-as-the-allocator.md`).
//!
//! The crate that is made for this asks for an alignment with every piece, and mimalloc then often takes a slow way and
//! larger pieces, although all that it gives is aligned for anything of the language. Here it is asked only where a piece
//! wants more. Nothing else is decided here.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys::{
    mi_free, mi_malloc, mi_malloc_aligned, mi_realloc, mi_realloc_aligned, mi_zalloc, mi_zalloc_aligned,
};

/// What every piece of at least so many bytes is aligned to (mimalloc's `MI_MAX_ALIGN_SIZE`); a smaller one to 8, which is
/// the smallest there is.
const ALIGNED_ANYWAY: usize = 16;
const SMALL_ALIGNED_ANYWAY: usize = 8;

/// Allocates with mimalloc.
pub(crate) struct Allocator;

fn is_aligned_anyway(bytes: usize, alignment: usize) -> bool {
    alignment <= SMALL_ALIGNED_ANYWAY || (alignment <= ALIGNED_ANYWAY && bytes >= ALIGNED_ANYWAY)
}

// SAFETY: mimalloc keeps the contract of an allocator, from any thread: a piece is as large as asked for and nobody else's
// until it is freed, none is given where there is no memory, and what is zeroed is zeros. It frees a piece whatever it was
// asked for with, and keeps what was in one whose size changes. Alignment is its own up to `is_aligned_anyway`, and asked
// for beyond. It doesn't unwind.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (bytes, alignment) = (layout.size(), layout.align());
        // SAFETY: any size may be asked for; an alignment of a layout is a power of two.
        let piece = unsafe {
            if is_aligned_anyway(bytes, alignment) { mi_malloc(bytes) } else { mi_malloc_aligned(bytes, alignment) }
        };
        piece.cast()
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (bytes, alignment) = (layout.size(), layout.align());
        // SAFETY: as in `alloc`.
        let piece = unsafe {
            if is_aligned_anyway(bytes, alignment) { mi_zalloc(bytes) } else { mi_zalloc_aligned(bytes, alignment) }
        };
        piece.cast()
    }

    unsafe fn dealloc(&self, piece: *mut u8, _: Layout) {
        // SAFETY: the caller says that it is a piece of ours that nobody uses any more.
        unsafe { mi_free(piece.cast()) }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let alignment = layout.align();
        // SAFETY: the caller says that it is a piece of ours, and uses only what is returned.
        let piece = unsafe {
            if is_aligned_anyway(bytes, alignment) {
                mi_realloc(piece.cast(), bytes)
            } else {
                mi_realloc_aligned(piece.cast(), bytes, alignment)
            }
        };
        piece.cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_aligned_and_keeps_what_is_in_it() {
        let sizes = (1_usize..300).chain([1_000, 1_032, 1_704, 4_097, 70_000, 3 << 20]);
        for (bytes, alignment) in sizes.flat_map(|bytes| (0..8).map(move |power| (bytes, 1_usize << power))) {
            let layout = Layout::from_size_align(bytes, alignment).unwrap();
            // SAFETY: a piece is written within its size, and freed once, by its last layout.
            unsafe {
                let piece = Allocator.alloc_zeroed(layout);
                assert_eq!(piece.align_offset(alignment), 0, "{bytes} {alignment}");
                assert!((0..bytes).all(|at| piece.add(at).read() == 0));
                piece.write_bytes(7, bytes);
                let larger = Allocator.realloc(piece, layout, bytes * 3);
                assert_eq!(larger.align_offset(alignment), 0, "{bytes} {alignment}");
                assert!((0..bytes).all(|at| larger.add(at).read() == 7));
                let other = Allocator.alloc(layout);
                assert_eq!(other.align_offset(alignment), 0, "{bytes} {alignment}");
                Allocator.dealloc(other, layout);
                Allocator.dealloc(larger, Layout::from_size_align(bytes * 3, alignment).unwrap());
            }
        }
    }
}
