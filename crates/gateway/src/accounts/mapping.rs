//! A piece of memory as words that are stored at once or not at all. The only unsafe code of the accounts.
//!
//! What a process stored in a file's is in the kernel's hands: it survives the process, not the machine.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::FallocateFlags;

const BYTES_PER_WORD: usize = size_of::<u64>();

/// A mapped, never moved piece of a file.
pub(super) struct Chunk {
    map: MmapRaw,
}

impl Chunk {
    /// Maps `bytes` of the file from `offset` on; both are multiples of the word size, and the file is that long.
    pub(super) fn map(file: &File, offset: u64, bytes: usize) -> io::Result<Chunk> {
        if file.metadata()?.len() < offset.saturating_add(bytes as u64) {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        let map = MmapOptions::new().offset(offset).len(bytes).map_raw(file)?;
        if map.as_ptr().align_offset(align_of::<AtomicU64>()) != 0 {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        Ok(Chunk { map })
    }

    /// Zeros that are no file's, in large pages where the system has them.
    pub(super) fn anonymous(bytes: usize) -> io::Result<Chunk> {
        let map = MmapRaw::from(MmapOptions::new().len(bytes).map_anon()?);
        // A wish: without large pages all works as well, and slower.
        drop(map.advise(Advice::HugePage));
        Ok(Chunk { map })
    }

    /// All of it. What a file keeps goes by [`Chunk::store`].
    pub(super) fn words(&self) -> &[AtomicU64] {
        let words = self.map.len() / BYTES_PER_WORD;
        // SAFETY: the mapping is readable and writable, aligned (checked in `map`, and to a
        // page where it is no file's), `words` words long, and lives as long as `self`. Any bits are a valid AtomicU64.
        // This process only touches it through these atomics; the data folder's lock and the file's mode (0600) keep
        // others from writing to it or cutting it short.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), words) }
    }

    /// The word at an index; 0 beyond the end.
    pub(super) fn load(&self, index: usize) -> u64 {
        self.words().get(index).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Stores a word, after all that this thread stored before: a process killed in between leaves the older stores.
    pub(super) fn store(&self, index: usize, value: u64) {
        #[cfg(test)]
        if !kill::may_store() {
            return;
        }
        if let Some(word) = self.words().get(index) {
            word.store(value, Ordering::Release);
        }
    }
}

/// Makes the file longer by zeros that have their place on the disk, so that a full disk is an error here and not a
/// signal at the first store.
pub(super) fn reserve(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), offset, bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => write_zeros(file, offset, bytes),
        Err(error) => Err(error.into()),
    }
}

fn write_zeros(file: &File, offset: u64, bytes: u64) -> io::Result<()> {
    let zeros = [0u8; 4_096];
    let mut done = 0;
    while done < bytes {
        let step = (bytes - done).min(zeros.len() as u64);
        file.write_all_at(zeros.get(..step as usize).unwrap_or(&zeros), offset + done)?;
        done += step;
    }
    (&*file).flush()
}

/// Ends a thread's stores after so many, as a SIGKILL would.
#[cfg(test)]
pub(super) mod kill {
    use std::cell::Cell;

    thread_local! {
        static STORES_LEFT: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// From now on this thread stores so many words more, or without end.
    pub(in super::super) fn after(stores: Option<u64>) {
        STORES_LEFT.set(stores);
    }

    /// Whether a store was left out.
    pub(in super::super) fn has_come() -> bool {
        STORES_LEFT.get() == Some(u64::MAX)
    }

    pub(super) fn may_store() -> bool {
        match STORES_LEFT.get() {
            None => true,
            Some(0 | u64::MAX) => {
                STORES_LEFT.set(Some(u64::MAX));
                false
            }
            Some(left) => {
                STORES_LEFT.set(Some(left - 1));
                true
            }
        }
    }
}
