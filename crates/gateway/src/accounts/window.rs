//! The rate windows of one shard of accounts: logs of `limen_rules::rate` in the window file, or in memory while the disk
//! is full. A call reads and writes its account's line of the file, and finds it by [`Places`]; nothing else is kept.

mod ring;

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use limen_rules::quota::AccountKey;
use limen_rules::rate::{CorruptLog, Paced, RateExceeded, RateLog, RateTerms, retry_after_s};

use self::ring::{AnyRing, InMemory};
use super::SHARDS;
use super::places::{Places, Rooms};
use super::slots::{MAX_WINDOW_MS, MappedRing};
use super::window_file::WindowFile;

/// A log begins with room for so many ticks, which together with its head are one cache line, and grows as it needs more:
/// most never do.
const FIRST_RUNS: usize = 5;

/// An account that is looked for.
#[derive(Clone, Copy)]
pub(super) struct Sought {
    pub(super) key: AccountKey,
    hash: u64,
}

impl Sought {
    pub(super) fn new(key: AccountKey, hasher: &RandomState) -> Sought {
        Sought { key, hash: hasher.hash_one(key.0) }
    }

    /// Its shard, of [`SHARDS`].
    pub(super) fn shard(self) -> usize {
        self.hash as usize % SHARDS
    }

    /// Its tag within the shard.
    fn tag(self) -> u32 {
        (self.hash >> 32) as u32
    }
}

/// What the windows of all shards are kept in.
pub(super) struct Cabinet {
    pub(super) file: WindowFile,
    pub(super) rooms: Rooms,
}

impl Cabinet {
    pub(super) fn new(file: WindowFile) -> Cabinet {
        Cabinet { file, rooms: Rooms::new(SHARDS) }
    }
}

type Window<'f> = RateLog<AnyRing<'f>>;

/// A log that isn't in the file.
struct Unmapped {
    ring: Box<InMemory>,
    window_ms: u32,
    total: u32,
}

/// The windows of one shard; its lock is held.
pub(super) struct Windows {
    /// The latest time that the shard was told: for an older reading, time stands still. So a window that begins anew
    /// begins no earlier than the moment at which one was found empty and let go.
    latest_us: u64,
    places: Places,
    #[expect(clippy::box_collection, reason = "hardly ever there; so all that a call reads of a shard is in one line")]
    unmapped: Option<Box<HashMap<AccountKey, Unmapped>>>,
}

/// Where an account's log was found.
enum Seat {
    Nowhere,
    At(usize),
    Unmapped,
}

impl Windows {
    pub(super) fn new(shard: u32, rooms: &Rooms, now_us: u64) -> Windows {
        Windows { latest_us: now_us, places: Places::new(shard, rooms), unmapped: None }
    }

    /// How many accounts have one.
    pub(super) fn len(&self) -> usize {
        self.places.len() + self.unmapped.as_ref().map_or(0, |unmapped| unmapped.len())
    }

    /// Counts a call, in a log that is made or enlarged as the terms need.
    pub(super) fn pace(
        &mut self,
        cabinet: &Cabinet,
        sought: Sought,
        terms: &RateTerms,
        now_us: u64,
    ) -> Result<Paced, RateExceeded> {
        let file = &cabinet.file;
        let terms = RateTerms { window_ms: terms.window_ms.min(MAX_WINDOW_MS), ..*terms };
        full_after_forgetting(file, &terms, now_us)?;
        self.latest_us = self.latest_us.max(now_us);
        let (seat, log) = self.open(file, sought);
        let mut log = match log {
            Some(log) => with_room(log, file, sought.key, &terms, now_us),
            None => begin(file, sought.key, &terms, self.latest_us),
        };
        let told = log.admit(terms.calls, now_us);
        self.keep(&cabinet.rooms, sought, seat, log);
        told
    }

    /// Calls in the account's window, if it has one.
    pub(super) fn calls_in_window(&mut self, cabinet: &Cabinet, sought: Sought, now_us: u64) -> Option<u32> {
        self.latest_us = self.latest_us.max(now_us);
        let (seat, log) = self.open(&cabinet.file, sought);
        let mut log = log?;
        let calls = log.calls_in_window(now_us);
        self.keep(&cabinet.rooms, sought, seat, log);
        Some(calls)
    }

    /// Whether the account has one.
    pub(super) fn has(&self, file: &WindowFile, sought: Sought) -> bool {
        let is_unmapped = |unmapped: &HashMap<_, _>| unmapped.contains_key(&sought.key);
        self.find(file, sought).is_some() || self.unmapped.as_deref().is_some_and(is_unmapped)
    }

    fn find<'f>(&self, file: &'f WindowFile, sought: Sought) -> Option<(usize, MappedRing<'f>)> {
        let is_its = |ring: &MappedRing<'f>| ring.slot().key() == sought.key;
        self.places.find(sought.tag(), |place| file.ring_at(place).filter(is_its))
    }

    fn open<'f>(&mut self, file: &'f WindowFile, sought: Sought) -> (Seat, Option<Window<'f>>) {
        if let Some((at, ring)) = self.find(file, sought) {
            return (Seat::At(at), Some(resume(ring, self.latest_us)));
        }
        match self.unmapped.as_mut().and_then(|unmapped| unmapped.remove(&sought.key)) {
            Some(Unmapped { ring, window_ms, total }) => {
                let log = RateLog::resume(AnyRing::InMemory(ring), window_ms, total, self.latest_us);
                (Seat::Unmapped, Some(log))
            }
            None => (Seat::Nowhere, None),
        }
    }

    /// Keeps a log for the next call; its account's seat is as [`Windows::open`] said.
    fn keep(&mut self, rooms: &Rooms, sought: Sought, seat: Seat, log: Window<'_>) {
        let (window_ms, total) = (log.window_ms(), log.total());
        match log.into_ring() {
            AnyRing::Mapped(ring) => {
                ring.keep_total(total);
                match seat {
                    Seat::At(at) => self.places.replace(at, ring.slot().place()),
                    Seat::Nowhere | Seat::Unmapped => self.places.insert(sought.tag(), ring.slot().place(), rooms),
                }
            }
            AnyRing::InMemory(ring) => {
                if let Seat::At(at) = seat {
                    self.places.remove(at);
                }
                let unmapped = self.unmapped.get_or_insert_default();
                unmapped.insert(sought.key, Unmapped { ring, window_ms, total });
            }
        }
    }

    /// Lets go of the logs in which no call is any more, and tells whose.
    pub(super) fn let_go_of_empty(&mut self, cabinet: &Cabinet, now_us: u64, mut of: impl FnMut(AccountKey)) {
        self.latest_us = self.latest_us.max(now_us);
        let (file, latest_us) = (&cabinet.file, self.latest_us);
        self.places.retain(|place| {
            let Some(ring) = file.ring_at(place) else { return true };
            let key = ring.slot().key();
            let mut log = resume(ring, latest_us);
            let calls = log.calls_in_window(latest_us);
            if calls == 0 {
                release(log, file);
                of(key);
            } else if let AnyRing::Mapped(ring) = log.ring() {
                ring.keep_total(calls);
            }
            calls > 0
        });
        self.places.shrink(&cabinet.rooms);
        let Some(unmapped) = self.unmapped.as_mut() else { return };
        let keys: Vec<AccountKey> = unmapped.keys().copied().collect();
        for key in keys {
            let Some(Unmapped { ring, window_ms, total }) = unmapped.remove(&key) else { continue };
            let mut log = RateLog::resume(AnyRing::InMemory(ring), window_ms, total, latest_us);
            let total = log.calls_in_window(latest_us);
            match log.into_ring() {
                AnyRing::InMemory(ring) if total > 0 => drop(unmapped.insert(key, Unmapped { ring, window_ms, total })),
                _ => of(key),
            }
        }
    }

    /// Takes over the log that an earlier process left. A process that ended while it carried a log over leaves two, which
    /// say the same unless one's ticks are coarser: the fuller is kept. An error if it contradicts itself.
    pub(super) fn adopt(
        &mut self,
        cabinet: &Cabinet,
        sought: Sought,
        (place, window_ms): (u32, u32),
        now_us: u64,
    ) -> Result<(), CorruptLog> {
        let file = &cabinet.file;
        let ring = file.ring_at(place).ok_or(CorruptLog)?;
        let mut log = RateLog::restore(AnyRing::Mapped(ring), window_ms, now_us)?;
        let calls = log.calls_in_window(now_us);
        let (seat, other) = self.open(file, sought);
        let mut other = other;
        let is_fuller = calls > other.as_mut().map_or(0, |other| other.calls_in_window(now_us));
        let (kept, spare) = if is_fuller { (Some(log), other) } else { (other, Some(log)) };
        if let Some(kept) = kept {
            self.keep(&cabinet.rooms, sought, seat, kept);
        }
        if let Some(spare) = spare {
            release(spare, file);
        }
        Ok(())
    }
}

fn resume(ring: MappedRing<'_>, latest_us: u64) -> Window<'_> {
    let (window_ms, total) = (ring.window_ms(), ring.total());
    RateLog::resume(AnyRing::Mapped(ring), window_ms, total, latest_us)
}

fn begin<'f>(file: &'f WindowFile, key: AccountKey, terms: &RateTerms, latest_us: u64) -> Window<'f> {
    let ring = AnyRing::new(file, key, FIRST_RUNS.min(terms.runs_needed()));
    let log = RateLog::resume(ring, terms.window_ms, 0, latest_us);
    publish(&log);
    log
}

/// Where nothing is known of the calls before some instant, a window counts as full until all of them have left it.
fn full_after_forgetting(file: &WindowFile, terms: &RateTerms, now_us: u64) -> Result<(), RateExceeded> {
    let Some(at_us) = file.forgotten_at_us() else { return Ok(()) };
    let until_us = at_us.saturating_add(terms.window_us());
    if now_us >= until_us {
        return Ok(());
    }
    Err(RateExceeded {
        limit: terms.calls,
        window_ms: terms.window_ms,
        calls_in_window: terms.calls,
        retry_after_s: retry_after_s(until_us - now_us),
    })
}

/// The log, in another ring where the terms need it. The new ring is published whole before the old one is let go; in
/// between, both say the same.
fn with_room<'f>(
    mut log: Window<'f>,
    file: &'f WindowFile,
    key: AccountKey,
    terms: &RateTerms,
    now_us: u64,
) -> Window<'f> {
    if log.has_room(terms, now_us) {
        return log;
    }
    let carried = log.copy_into(AnyRing::new(file, key, log.room_for(terms)), terms.window_ms);
    publish(&carried);
    release(log, file);
    carried
}

fn publish(log: &Window<'_>) {
    if let AnyRing::Mapped(ring) = log.ring() {
        ring.publish(log.window_ms());
    }
}

fn release(log: Window<'_>, file: &WindowFile) {
    if let AnyRing::Mapped(ring) = log.into_ring() {
        file.release(ring);
    }
}

#[cfg(test)]
mod tests;
