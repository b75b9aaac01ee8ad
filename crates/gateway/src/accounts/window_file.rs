//! The window file: slots for rate logs and quota counters that survive a killed process on the same boot.
//!
//! A page of head (magic, version, boot id), then chunks of growing size that are mapped one by one and never moved.
//! A slot's place is the number of its first cache line in the file. After another boot, of another version, or if
//! anything in it contradicts itself, it is made anew and remembers from when on nothing is known. It knows no limits.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use limen_rules::quota::{AccountKey, Meter};

use super::mapping::{Chunk, reserve};
use super::slots::{self, Counters, Frame, Kind, LINE_WORDS, MappedRing, Slot};

const MAGIC: u64 = u64::from_be_bytes(*b"LimenWin");
const VERSION: u64 = 2;
const HEAD_BYTES: usize = 4_096;
const SMALLEST_CHUNK_BYTES: u64 = 64 * 1_024;
const DOUBLINGS: usize = 10;
/// More than 60 GB; beyond that there is as little room as on a full disk.
const MOST_CHUNKS: usize = 1_024;
const LINE_BYTES: usize = LINE_WORDS * 8;
const HEAD_LINES: usize = HEAD_BYTES / LINE_BYTES;
const SMALLEST_CHUNK_LINES: usize = SMALLEST_CHUNK_BYTES as usize / LINE_BYTES;
const LONGEST_BOOT_ID: usize = 64;

// Words of the head.
const AT_MAGIC: usize = 0;
const AT_VERSION: usize = 1;
const AT_FORGOTTEN: usize = 2;
const AT_INCOMPLETE: usize = 3;
const AT_BOOT_ID: usize = 8;

/// The file, open.
pub(super) struct WindowFile {
    head: Chunk,
    /// Filled from the first on, and never changed then: a call finds its slot without a lock.
    chunks: Chunks,
    space: Mutex<Space>,
}

type Chunks = Box<[OnceLock<Arc<Chunk>>]>;

struct Space {
    file: File,
    length_bytes: u64,
    /// How many chunks there are.
    chunks: usize,
    /// Words in use at the beginning of the last chunk.
    used_words: usize,
    /// Places of free slots by class.
    free: Vec<Vec<u32>>,
}

/// A slot that an earlier process left.
pub(super) enum Left {
    Rate { key: AccountKey, window_ms: u32, place: u32 },
    Counters { key: AccountKey, meter: Meter, counters: Counters },
}

impl WindowFile {
    /// The file that an earlier process of this boot left, and what is in it. `None` if there is none, it is of
    /// another boot or version, or it contradicts itself.
    pub(super) fn open(path: &Path, boot_id: &str) -> io::Result<Option<(WindowFile, Vec<Left>)>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length_bytes = file.metadata()?.len();
        if length_bytes < HEAD_BYTES as u64 {
            return Ok(None);
        }
        let head = Chunk::map(&file, 0, HEAD_BYTES)?;
        let is_ours = head.load(AT_MAGIC) == MAGIC
            && head.load(AT_VERSION) == VERSION
            && boot_id_words(boot_id)?.iter().enumerate().all(|(at, &word)| head.load(AT_BOOT_ID + at) == word);
        if !is_ours {
            return Ok(None);
        }
        let (chunks, mut space) = (no_chunks(), Space::new(file));
        let mut left = Vec::new();
        while space.chunks < MOST_CHUNKS && space.length_bytes + space.next_chunk_bytes() <= length_bytes {
            space.map_next_chunk(&chunks)?;
            if space.walk_last_chunk(&chunks, &mut left).is_none() {
                return Ok(None);
            }
        }
        Ok(Some((WindowFile { head, chunks, space: Mutex::new(space) }, left)))
    }

    /// A new, empty file in the place of any older one. With `forgotten_at_us`, calls admitted before then are not
    /// known of. The older file stays until the new one is whole.
    pub(super) fn create(path: &Path, boot_id: &str, forgotten_at_us: Option<u64>) -> io::Result<WindowFile> {
        let boot_id = boot_id_words(boot_id)?;
        let mut being_made = PathBuf::from(path).into_os_string();
        being_made.push(".new");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&being_made)?;
        rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o600))?;
        reserve(&file, 0, HEAD_BYTES as u64)?;
        let head = Chunk::map(&file, 0, HEAD_BYTES)?;
        for (at, word) in boot_id.into_iter().enumerate() {
            head.store(AT_BOOT_ID + at, word);
        }
        head.store(AT_VERSION, VERSION);
        head.store(AT_MAGIC, MAGIC);
        let made = WindowFile { head, chunks: no_chunks(), space: Mutex::new(Space::new(file)) };
        if let Some(at_us) = forgotten_at_us {
            made.set_forgotten_at(at_us);
        }
        std::fs::rename(&being_made, path)?;
        Ok(made)
    }

    /// The instant before which nothing is known, if there is one.
    pub(super) fn forgotten_at_us(&self) -> Option<u64> {
        self.head.load(AT_FORGOTTEN).checked_sub(1)
    }

    /// Remembers that nothing before this instant is known.
    pub(super) fn set_forgotten_at(&self, at_us: u64) {
        self.head.store(AT_FORGOTTEN, at_us.saturating_add(1));
    }

    /// Whether some log of the earlier process had no room here.
    pub(super) fn is_incomplete(&self) -> bool {
        self.head.load(AT_INCOMPLETE) != 0
    }

    /// Says whether some log has no room here, so that a later process doesn't take it for empty.
    pub(super) fn set_incomplete(&self, incomplete: bool) {
        self.head.store(AT_INCOMPLETE, u64::from(incomplete));
    }

    /// Room for a rate log of so many runs, not yet published; `None` if the disk is full.
    pub(super) fn ring(&self, key: AccountKey, runs: usize) -> Option<MappedRing<'_>> {
        let place = self.lock().take(slots::class_for_runs(runs)?, &self.chunks)?;
        let slot = slot(&self.chunks, place)?;
        slot.set_key(key);
        MappedRing::of(slot)
    }

    /// The ring at a place that one was made at.
    pub(super) fn ring_at(&self, place: u32) -> Option<MappedRing<'_>> {
        MappedRing::of(slot(&self.chunks, place)?)
    }

    /// Room for an account's counters, published by [`Counters::begin`]; `None` if the disk is full.
    pub(super) fn counters(&self, key: AccountKey, meter: Meter) -> Option<Counters> {
        let place = self.lock().take(slots::class_for_meter(meter), &self.chunks)?;
        let slot = kept_slot(&self.chunks, place)?;
        slot.set_key(key);
        Some(Counters::of(slot))
    }

    /// Gives a ring's room back; its log is forgotten.
    pub(super) fn release(&self, ring: MappedRing<'_>) {
        self.lock().release(ring.slot());
    }

    /// Gives the room of counters back that nobody needs any more.
    pub(super) fn release_counters(&self, counters: Counters) {
        self.lock().release(counters.slot());
    }

    fn lock(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_chunks() -> Chunks {
    (0..MOST_CHUNKS).map(|_| OnceLock::new()).collect()
}

/// Which chunk a line of the file behind its head is in, and which of the chunk's lines it is.
fn chunk_of(line: usize) -> (usize, usize) {
    // In units of the smallest chunk, chunk N begins at 2^N - 1 for as long as they double.
    let doubled = (1 << DOUBLINGS) - 1;
    let unit = line / SMALLEST_CHUNK_LINES;
    let (chunk, begin) = if unit < doubled {
        let chunk = (unit + 1).ilog2() as usize;
        (chunk, (1 << chunk) - 1)
    } else {
        let further = (unit - doubled) >> DOUBLINGS;
        (DOUBLINGS + further, doubled + (further << DOUBLINGS))
    };
    (chunk, line - begin * SMALLEST_CHUNK_LINES)
}

/// The chunk that a place is in, and the place's first word there.
fn locate(chunks: &[OnceLock<Arc<Chunk>>], place: u32) -> Option<(&Arc<Chunk>, usize)> {
    let (chunk, line) = chunk_of((place as usize).checked_sub(HEAD_LINES)?);
    Some((chunks.get(chunk)?.get()?, line * LINE_WORDS))
}

fn slot(chunks: &[OnceLock<Arc<Chunk>>], place: u32) -> Option<Slot<&Chunk>> {
    let (chunk, offset) = locate(chunks, place)?;
    Some(Slot::new(&**chunk, offset, place))
}

fn kept_slot(chunks: &[OnceLock<Arc<Chunk>>], place: u32) -> Option<Slot<Arc<Chunk>>> {
    let (chunk, offset) = locate(chunks, place)?;
    Some(Slot::new(Arc::clone(chunk), offset, place))
}

impl Space {
    fn new(file: File) -> Space {
        Space { file, length_bytes: HEAD_BYTES as u64, chunks: 0, used_words: 0, free: vec![Vec::new(); 64] }
    }

    fn next_chunk_bytes(&self) -> u64 {
        SMALLEST_CHUNK_BYTES << self.chunks.min(DOUBLINGS)
    }

    fn map_next_chunk(&mut self, chunks: &[OnceLock<Arc<Chunk>>]) -> io::Result<()> {
        let bytes = self.next_chunk_bytes();
        let chunk = Chunk::map(&self.file, self.length_bytes, usize::try_from(bytes).map_err(io::Error::other)?)?;
        let next = chunks.get(self.chunks).ok_or(io::ErrorKind::StorageFull)?;
        // Only who holds the lock comes here, so it isn't set yet.
        drop(next.set(Arc::new(chunk)));
        self.chunks += 1;
        self.length_bytes += bytes;
        self.used_words = 0;
        Ok(())
    }

    /// Words of the last chunk; none where there is no chunk.
    fn last_words(&self) -> usize {
        let last = self.chunks.checked_sub(1);
        last.map_or(0, |last| (SMALLEST_CHUNK_BYTES << last.min(DOUBLINGS)) as usize / 8)
    }

    /// The place of the first unused word of the last chunk; `None` past what a place can tell.
    fn next_place(&self) -> Option<u32> {
        let used_bytes = self.length_bytes as usize - (self.last_words() - self.used_words) * 8;
        u32::try_from(used_bytes / LINE_BYTES).ok()
    }

    /// Reads the slots of the chunk that was mapped last. `None` if they can't be what was written.
    fn walk_last_chunk(&mut self, chunks: &[OnceLock<Arc<Chunk>>], left: &mut Vec<Left>) -> Option<()> {
        while self.used_words < self.last_words() {
            let place = self.next_place()?;
            let slot = slot(chunks, place)?;
            let frame = slot.frame();
            if frame.kind == Kind::Unused {
                break;
            }
            let words = slots::words_of_class(frame.class)?;
            if self.used_words + words > self.last_words() {
                return None;
            }
            self.used_words += words;
            let key = slot.key();
            match frame.kind {
                Kind::Rate => {
                    MappedRing::of(slot)?;
                    left.push(Left::Rate { key, window_ms: frame.window_ms, place });
                }
                Kind::Counters => {
                    let counters = Counters::of(kept_slot(chunks, place)?);
                    left.push(Left::Counters { key, meter: counters.meter()?, counters });
                }
                Kind::Free | Kind::Unused => self.free.get_mut(usize::from(frame.class))?.push(place),
            }
        }
        Some(())
    }

    /// The place of a free slot of this class. Its frame says so before the next slot is taken: a later reader finds its
    /// way past one that was never published.
    fn take(&mut self, class: u8, chunks: &[OnceLock<Arc<Chunk>>]) -> Option<u32> {
        if let Some(place) = self.free.get_mut(usize::from(class)).and_then(Vec::pop) {
            return Some(place);
        }
        let words = slots::words_of_class(class)?;
        if self.used_words + words > self.last_words() {
            if self.chunks == MOST_CHUNKS {
                return None;
            }
            reserve(&self.file, self.length_bytes, self.next_chunk_bytes()).ok()?;
            self.map_next_chunk(chunks).ok()?;
        }
        let place = self.next_place()?;
        slot(chunks, place)?.set_frame(Frame::free(class));
        self.used_words += words;
        Some(place)
    }

    fn release<C: Deref<Target = Chunk>>(&mut self, slot: &Slot<C>) {
        let class = slot.frame().class;
        slot.set_frame(Frame::free(class));
        if let Some(free) = self.free.get_mut(usize::from(class)) {
            free.push(slot.place());
        }
    }
}

fn boot_id_words(boot_id: &str) -> io::Result<[u64; LONGEST_BOOT_ID / 8]> {
    if boot_id.is_empty() || boot_id.len() > LONGEST_BOOT_ID {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a boot id has 1 to 64 bytes"));
    }
    let mut words = [0; LONGEST_BOOT_ID / 8];
    for (word, bytes) in words.iter_mut().zip(boot_id.as_bytes().chunks(8)) {
        *word = bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    }
    Ok(words)
}

#[cfg(test)]
impl WindowFile {
    /// From now on there is no room for another slot, as on a full disk.
    pub(super) fn fill(&self) {
        let mut space = self.lock();
        (space.chunks, space.used_words) = (MOST_CHUNKS, usize::MAX / 2);
    }
}

#[cfg(test)]
mod tests;
