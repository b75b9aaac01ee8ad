//! One shard of keys: half hashes in order, and where each one's record is. Knows no subscription.

use subtle::ConstantTimeEq;

use super::Place;
use crate::record::StoredKey;

/// Shards of keys: four times those of records, so that a search ends within two or three cache lines of its guess.
pub(super) const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 10;
/// Bytes of a hash that are kept.
const KEPT_BYTES: usize = 16;
/// New room comes in steps of so many keys, since the whole shard is copied anyway when one is put in.
const STEP: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: [u8; KEPT_BYTES],
    /// A packed [`Place`].
    place: u32,
}

/// Keys whose hashes begin alike.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyShard {
    /// In order of their hashes.
    entries: Vec<Entry>,
    /// Until when the few that have an end are good, in order.
    ends: Vec<(Entry, i64)>,
}

/// The shard of a hash: its first bits.
pub(super) fn shard_of(hash: &[u8; 32]) -> usize {
    usize::from(u16::from_be_bytes([hash[0], hash[1]]) >> (16 - SHARD_BITS)) % SHARDS
}

fn kept(hash: &[u8; 32]) -> [u8; KEPT_BYTES] {
    let mut kept = [0; KEPT_BYTES];
    kept.copy_from_slice(&hash[..KEPT_BYTES]);
    kept
}

impl KeyShard {
    /// The packed place of a key's record and until when it is good.
    pub(super) fn find(&self, hash: &[u8; 32]) -> Option<(u32, Option<i64>)> {
        let wanted = kept(hash);
        let entry = self.entries.get(self.lower_bound(&wanted))?;
        if !bool::from(entry.hash.ct_eq(&wanted)) {
            return None;
        }
        let ends = self.ends.binary_search_by_key(entry, |(entry, _)| *entry);
        Some((entry.place, ends.ok().and_then(|at| self.ends.get(at)).map(|(_, until_us)| *until_us)))
    }

    /// The first entry whose hash isn't smaller. Hashes are even: where one belongs can be told from its bits, and the
    /// search goes on from there over neighbours, which the processor has already.
    fn lower_bound(&self, wanted: &[u8; KEPT_BYTES]) -> usize {
        let mut first = [0; 8];
        first.copy_from_slice(&wanted[..8]);
        let share = u64::from_be_bytes(first) << SHARD_BITS;
        let mut at = ((u128::from(share) * self.entries.len() as u128) >> 64) as usize;
        while at > 0 && self.entries.get(at - 1).is_some_and(|entry| entry.hash >= *wanted) {
            at -= 1;
        }
        while self.entries.get(at).is_some_and(|entry| entry.hash < *wanted) {
            at += 1;
        }
        at
    }

    pub(super) fn insert(&mut self, hash: &[u8; 32], place: u32, valid_until_us: Option<i64>) {
        let entry = Entry { hash: kept(hash), place };
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(STEP);
        }
        // Of two with the same half the earlier stays first, whichever that is: no key of 178 random bits has a twin.
        self.entries.insert(self.entries.partition_point(|other| *other < entry), entry);
        if let Some(until_us) = valid_until_us {
            let at = self.ends.partition_point(|(other, _)| *other < entry);
            self.ends.insert(at, (entry, until_us));
        }
    }

    /// Takes out the keys whose record is there.
    pub(super) fn remove_all_of(&mut self, place: Place) {
        self.entries.retain(|entry| Place::unpack(entry.place).0 != place);
        self.ends.retain(|(entry, _)| Place::unpack(entry.place).0 != place);
    }

    /// Keys with and without an end, each counted once.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.entries.len().max(self.ends.len())
    }

    /// Every key with the place of its record; of its hash the half that is kept.
    pub(super) fn all(&self) -> impl Iterator<Item = (Place, StoredKey)> {
        self.entries.iter().map(|entry| {
            let (place, which) = Place::unpack(entry.place);
            let mut hash = [0; 32];
            hash.iter_mut().zip(entry.hash).for_each(|(to, from)| *to = from);
            let ends = self.ends.binary_search_by_key(entry, |(entry, _)| *entry).ok();
            let valid_until_us = ends.and_then(|at| self.ends.get(at)).map(|(_, until_us)| *until_us);
            (place, StoredKey { which, hash, made_at_us: 0, valid_until_us })
        })
    }
}
