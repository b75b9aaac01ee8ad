//! Every subscription and key of a snapshot, small enough for millions: flat arrays in shards behind `Arc`s.
//!
//! A key is kept as the first half of its SHA-256 (`docs/decisions/0027`). What a call gets is made when it asks. One
//! changed subscription replaces the shards of its record and its keys, and nothing else.

mod keys;
mod records;

use std::collections::HashSet;
use std::sync::Arc;

use self::keys::KeyShard;
use self::records::RecordShard;
use super::LiveSubscription;
use crate::model::Name;
use crate::record::{StoredKey, Subscription, SubscriptionState, Which};

/// Shards of records; a power of two, at most 2^16.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 10;
/// How many records a shard can hold: a place is 10 bits of shard, 21 of slot, and one for which of the two keys.
const SLOT_BITS: u32 = 31 - SHARD_BITS;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    shard: u16,
    slot: u32,
}

impl Place {
    fn pack(self, which: Which) -> u32 {
        u32::from(which == Which::Secondary) | u32::from(self.shard) << 1 | self.slot << (1 + SHARD_BITS)
    }

    fn unpack(packed: u32) -> (Self, Which) {
        let which = if packed & 1 == 0 { Which::Primary } else { Which::Secondary };
        let shard = (packed >> 1 & (SHARDS as u32 - 1)) as u16;
        (Self { shard, slot: packed >> (1 + SHARD_BITS) }, which)
    }
}

/// A subscription as it is put in: borrowed, so that a million rows need no allocation of their own.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its product.
    pub product: &'a str,
    /// Whose it is.
    pub developer: &'a str,
    /// Where it stands.
    pub state: SubscriptionState,
    /// From when periods are counted.
    pub started_at_us: i64,
    /// When it expires by itself.
    pub ends_at_us: Option<i64>,
    /// Its keys.
    pub keys: &'a [StoredKey],
}

impl<'a> From<&'a Subscription> for SubscriptionRow<'a> {
    fn from(one: &'a Subscription) -> Self {
        Self {
            id: &one.id,
            product: &one.product,
            developer: &one.developer,
            state: one.state,
            started_at_us: one.started_at_us,
            ends_at_us: one.ends_at_us,
            keys: &one.keys,
        }
    }
}

/// A key that was found.
#[derive(Clone, Debug)]
pub struct FoundKey {
    /// Which key it is.
    pub which: Which,
    /// Until when it is good.
    pub valid_until_us: Option<i64>,
    /// The subscription.
    pub subscription: LiveSubscription,
}

/// Every subscription and key of a snapshot. A clone shares the shards.
#[derive(Clone, Debug)]
pub struct Subscriptions {
    keys: Box<[Arc<KeyShard>]>,
    records: Box<[Arc<RecordShard>]>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            keys: (0..keys::SHARDS).map(|_| Arc::default()).collect(),
            records: (0..SHARDS).map(|_| Arc::default()).collect(),
        }
    }
}

impl Subscriptions {
    /// The key with that SHA-256.
    #[must_use]
    pub fn find(&self, hash: &[u8; 32]) -> Option<FoundKey> {
        let (packed, valid_until_us) = self.keys.get(keys::shard_of(hash))?.find(hash)?;
        let (place, which) = Place::unpack(packed);
        let subscription = self.records.get(usize::from(place.shard))?.live(place.slot)?;
        Some(FoundKey { which, valid_until_us, subscription })
    }

    /// Puts a subscription in the place of the one with its id, whose keys end. What doesn't fit into the form is left
    /// out, so that its keys open nothing: a name of 64 KiB, or two million subscriptions in one of the shards.
    pub fn put(&mut self, row: &SubscriptionRow<'_>) {
        self.take_out(row.id);
        let shard = shard_of_id(row.id);
        let Some(records) = self.records.get_mut(usize::from(shard)) else { return };
        let Some(slot) = Arc::make_mut(records).insert(row, &mut HashSet::new()) else { return };
        for key in row.keys {
            if let Some(keys) = self.keys.get_mut(keys::shard_of(&key.hash)) {
                Arc::make_mut(keys).insert(&key.hash, Place { shard, slot }.pack(key.which), key.valid_until_us);
            }
        }
    }

    /// Takes a subscription out with its keys.
    pub fn take_out(&mut self, id: &str) {
        let shard = shard_of_id(id);
        let Some(records) = self.records.get_mut(usize::from(shard)) else { return };
        let Some(slot) = records.slot(id) else { return };
        let key_shards = Arc::make_mut(records).remove(slot);
        for at in key_shards {
            if let Some(keys) = self.keys.get_mut(usize::from(at)) {
                Arc::make_mut(keys).remove_all_of(Place { shard, slot });
            }
        }
    }
}

/// Makes [`Subscriptions`] from rows that come one by one, each id once.
#[derive(Debug, Default)]
pub struct Builder {
    made: Subscriptions,
    products: HashSet<Name>,
}

impl Builder {
    /// With room for about so many, so that little is moved while they come.
    #[must_use]
    pub fn with_expected(count: usize) -> Self {
        let mut builder = Self::default();
        // The shards differ by chance; past three deviations one grows.
        let room = |mean: usize| mean + 3 * mean.isqrt();
        let (records, keys) = (room(count / SHARDS), room(2 * count / keys::SHARDS));
        builder.made.records.iter_mut().for_each(|shard| Arc::make_mut(shard).reserve(records));
        builder.made.keys.iter_mut().for_each(|shard| Arc::make_mut(shard).reserve(keys));
        builder
    }

    /// Adds a subscription whose id wasn't added before.
    pub fn add(&mut self, row: &SubscriptionRow<'_>) {
        let shard = shard_of_id(row.id);
        let Some(records) = self.made.records.get_mut(usize::from(shard)) else { return };
        let Some(slot) = Arc::make_mut(records).insert(row, &mut self.products) else { return };
        for key in row.keys {
            if let Some(keys) = self.made.keys.get_mut(keys::shard_of(&key.hash)) {
                Arc::make_mut(keys).append(&key.hash, Place { shard, slot }.pack(key.which), key.valid_until_us);
            }
        }
    }

    /// All that was added.
    #[must_use]
    pub fn build(mut self) -> Subscriptions {
        self.made.records.iter_mut().for_each(|shard| Arc::make_mut(shard).finish());
        self.made.keys.iter_mut().for_each(|shard| Arc::make_mut(shard).finish());
        self.made
    }
}

fn shard_of_id(id: &str) -> u16 {
    (crc32fast::hash(id.as_bytes()) as usize % SHARDS) as u16
}

#[cfg(test)]
mod tests;
