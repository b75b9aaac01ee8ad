//! A number for each thread, so that what cores count or write down stands apart and no line of memory is shared.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Stripes at most: more threads than that share some.
const STRIPES_MAX: usize = 64;

/// How many stripes this machine needs: one for each core, and one for threads that aren't a core's.
pub(crate) fn count() -> usize {
    (std::thread::available_parallelism().map_or(1, usize::from) + 1).min(STRIPES_MAX)
}

/// This thread's number, from 0 on.
pub(crate) fn mine() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    })
}
