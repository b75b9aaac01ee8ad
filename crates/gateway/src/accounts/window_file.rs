//! The window file: slots for rate logs and quota counters that survive a killed process on the same boot.
//!
//! A page of head (magic, version, boot id), then chunks of growing size that are mapped one by one and never moved.
//! After another boot, or if anything in it contradicts itself, it is made anew and remembers from when on nothing is
//! known. It knows no limits and no time but the one it is told.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limen_rules::quota::{AccountKey, Meter};

use super::mapping::{Chunk, reserve};
use super::slots::{self, Counters, Frame, Kind, MappedRing, Slot};

const MAGIC: u64 = u64::from_be_bytes(*b"LimenWin");
const VERSION: u64 = 1;
const HEAD_BYTES: usize = 4_096;
const SMALLEST_CHUNK_BYTES: u64 = 64 * 1_024;
const DOUBLINGS: usize = 10;
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
    space: Mutex<Space>,
    emptied_at_us: AtomicU64,
}

struct Space {
    file: File,
    length_bytes: u64,
    chunks: Vec<Arc<Chunk>>,
    /// Words in use at the beginning of the last chunk.
    used_words: usize,
    /// Free slots by class.
    free: Vec<Vec<Slot>>,
}

/// A slot that an earlier process left.
pub(super) enum Left {
    Rate { key: AccountKey, window_ms: u32, ring: MappedRing },
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
        let mut space = Space::new(file);
        let mut left = Vec::new();
        while space.length_bytes + space.next_chunk_bytes() <= length_bytes {
            space.map_next_chunk()?;
            if space.walk_last_chunk(&mut left).is_none() {
                return Ok(None);
            }
        }
        Ok(Some((WindowFile { head, space: Mutex::new(space), emptied_at_us: AtomicU64::new(0) }, left)))
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
        let made = WindowFile { head, space: Mutex::new(Space::new(file)), emptied_at_us: AtomicU64::new(0) };
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
    pub(super) fn ring(&self, key: AccountKey, runs: usize) -> Option<MappedRing> {
        let slot = self.lock().take(slots::class_for_runs(runs)?)?;
        slot.set_key(key);
        MappedRing::of(slot)
    }

    /// Room for an account's counters, published by [`Counters::begin`]; `None` if the disk is full.
    pub(super) fn counters(&self, key: AccountKey, meter: Meter) -> Option<Counters> {
        let slot = self.lock().take(slots::class_for_meter(meter))?;
        slot.set_key(key);
        Some(Counters::of(slot))
    }

    /// Gives a ring's room back; its log is forgotten.
    pub(super) fn release(&self, ring: MappedRing) {
        self.lock().release(ring.into_slot());
    }

    /// Gives the room of counters back that nobody needs any more.
    pub(super) fn release_counters(&self, counters: Counters) {
        self.lock().release(counters.into_slot());
    }

    /// The latest moment at which a window was found empty and let go: a new one begins no earlier.
    pub(super) fn emptied_at_us(&self) -> u64 {
        self.emptied_at_us.load(Ordering::Acquire)
    }

    /// Remembers that windows were let go that were empty at this moment.
    pub(super) fn note_emptied(&self, at_us: u64) {
        self.emptied_at_us.fetch_max(at_us, Ordering::AcqRel);
    }

    fn lock(&self) -> MutexGuard<'_, Space> {
        self.space.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Space {
    fn new(file: File) -> Space {
        Space { file, length_bytes: HEAD_BYTES as u64, chunks: Vec::new(), used_words: 0, free: vec![Vec::new(); 64] }
    }

    fn next_chunk_bytes(&self) -> u64 {
        SMALLEST_CHUNK_BYTES << self.chunks.len().min(DOUBLINGS)
    }

    fn map_next_chunk(&mut self) -> io::Result<()> {
        let bytes = self.next_chunk_bytes();
        let chunk = Chunk::map(&self.file, self.length_bytes, usize::try_from(bytes).map_err(io::Error::other)?)?;
        self.chunks.push(Arc::new(chunk));
        self.length_bytes += bytes;
        self.used_words = 0;
        Ok(())
    }

    /// Reads the slots of the chunk that was mapped last. `None` if they can't be what was written.
    fn walk_last_chunk(&mut self, left: &mut Vec<Left>) -> Option<()> {
        let chunk = self.chunks.last()?.clone();
        while self.used_words < chunk.len() {
            let slot = Slot::new(chunk.clone(), self.used_words);
            let frame = slot.frame();
            if frame.kind == Kind::Unused {
                break;
            }
            let words = slots::words_of_class(frame.class)?;
            if self.used_words + words > chunk.len() {
                return None;
            }
            self.used_words += words;
            let key = slot.key();
            match frame.kind {
                Kind::Rate => {
                    left.push(Left::Rate { key, window_ms: frame.window_ms, ring: MappedRing::of(slot)? });
                }
                Kind::Counters => {
                    let counters = Counters::of(slot);
                    left.push(Left::Counters { key, meter: counters.meter()?, counters });
                }
                Kind::Free | Kind::Unused => self.free.get_mut(usize::from(frame.class))?.push(slot),
            }
        }
        Some(())
    }

    /// A free slot of this class. Its frame says so before the next slot is taken: a later reader finds its way past
    /// one that was never published.
    fn take(&mut self, class: u8) -> Option<Slot> {
        if let Some(slot) = self.free.get_mut(usize::from(class)).and_then(Vec::pop) {
            return Some(slot);
        }
        let words = slots::words_of_class(class)?;
        if self.chunks.last().is_none_or(|chunk| self.used_words + words > chunk.len()) {
            reserve(&self.file, self.length_bytes, self.next_chunk_bytes()).ok()?;
            self.map_next_chunk().ok()?;
        }
        let slot = Slot::new(self.chunks.last()?.clone(), self.used_words);
        slot.set_frame(Frame::free(class));
        self.used_words += words;
        Some(slot)
    }

    fn release(&mut self, slot: Slot) {
        let class = slot.frame().class;
        slot.set_frame(Frame::free(class));
        if let Some(free) = self.free.get_mut(usize::from(class)) {
            free.push(slot);
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
mod tests {
    use super::super::mapping::kill;
    use super::super::slots::Counted;
    use super::*;
    use limen_rules::period::Span;
    use limen_rules::rate::RateLog;
    use std::os::unix::fs::{FileExt, PermissionsExt};

    const BOOT: &str = "6d3b8a4e-0000-4000-8000-000000000000";

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn slots_are_found_again_on_the_same_boot_only() {
        let folder = folder();
        let path = folder.path().join("windows");
        let file = WindowFile::create(&path, BOOT, None).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let unpublished = file.ring(AccountKey(1), 5).unwrap();
        for account in 2..5_000 {
            let ring = file.ring(AccountKey(account), 1 + account as usize % 20).unwrap();
            let mut log = RateLog::new(ring, 1_000);
            log.admit(5, 1_000_000 + account as u64).unwrap();
            log.ring().publish(1_000);
        }
        let counted = Counted { span: Span { begin_us: -5, end_us: 7 }, handed_over: 3, given_back: 1 };
        file.counters(AccountKey(9), Meter::Bytes).unwrap().begin(counted);
        drop(unpublished);
        drop(file);

        let (file, left) = WindowFile::open(&path, BOOT).unwrap().unwrap();
        assert_eq!(left.len(), 4_999);
        let mut keys = Vec::new();
        for slot in left {
            match slot {
                Left::Rate { key, window_ms, ring } => {
                    let mut log = RateLog::restore(ring, window_ms, 1_500_000).unwrap();
                    assert_eq!(log.calls_in_window(1_500_000), 1);
                    keys.push(key.0);
                }
                Left::Counters { key, meter, counters } => {
                    assert_eq!((key, meter, counters.read()), (AccountKey(9), Meter::Bytes, Some(counted)));
                }
            }
        }
        assert_eq!(keys, (2..5_000).collect::<Vec<_>>());
        // The slot that was never published is free.
        assert_eq!(file.lock().free.iter().map(Vec::len).sum::<usize>(), 1);
        assert_eq!(file.forgotten_at_us(), None);

        assert!(WindowFile::open(&path, "another boot").unwrap().is_none());
        assert!(WindowFile::open(&folder.path().join("missing"), BOOT).unwrap().is_none());
    }

    #[test]
    fn a_damaged_file_is_not_read() {
        let folder = folder();
        let path = folder.path().join("windows");
        let damage = |at: u64, word: u64| {
            let file = WindowFile::create(&path, BOOT, Some(5)).unwrap();
            assert_eq!(file.forgotten_at_us(), Some(5));
            drop(file.ring(AccountKey(1), 5).unwrap());
            drop(file);
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(&word.to_ne_bytes(), at).unwrap();
            WindowFile::open(&path, BOOT).unwrap().is_some()
        };
        assert!(damage(4_000, 0));
        assert!(!damage(0, 1));
        assert!(!damage(8, 2));
        assert!(!damage(8 * AT_BOOT_ID as u64, 0));
        // A class that there is none of.
        assert!(!damage(HEAD_BYTES as u64, 1 | 40 << 2));
        std::fs::write(&path, [0; 100]).unwrap();
        assert!(WindowFile::open(&path, BOOT).unwrap().is_none());
    }

    #[test]
    fn released_room_is_used_again() {
        let folder = folder();
        let file = WindowFile::create(&folder.path().join("windows"), BOOT, None).unwrap();
        for account in 0..100_000 {
            let ring = file.ring(AccountKey(account), 4_097).unwrap();
            ring.publish(1_000);
            file.release(ring);
        }
        assert_eq!(file.lock().chunks.len(), 1);
    }

    #[test]
    fn counters_are_of_one_period_wherever_a_kill_comes() {
        let folder = folder();
        let path = folder.path().join("windows");
        let counted = |begin_us, handed_over, given_back| Counted {
            span: Span { begin_us, end_us: begin_us + 10 },
            handed_over,
            given_back,
        };
        for stores in 0..20 {
            let file = WindowFile::create(&path, BOOT, None).unwrap();
            kill::after(Some(stores));
            let counters = file.counters(AccountKey(1), Meter::Calls).unwrap();
            counters.begin(counted(0, 5, 2));
            counters.set_handed_over(6);
            counters.set_given_back(3);
            counters.begin(counted(10, 1, 0));
            kill::after(None);
            drop((counters, file));
            let (_, left) = WindowFile::open(&path, BOOT).unwrap().unwrap();
            let read = left.into_iter().find_map(|left| match left {
                Left::Counters { counters, .. } => counters.read(),
                Left::Rate { .. } => None,
            });
            let whole = [counted(0, 5, 2), counted(0, 6, 2), counted(0, 6, 3), counted(10, 1, 0)];
            assert!(read.is_none_or(|read| whole.contains(&read)), "{read:?} after {stores} stores");
            assert!(stores < 16 || read == Some(counted(10, 1, 0)));
        }
    }
}
