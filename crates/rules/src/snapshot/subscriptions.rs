//! Every subscription and key of a snapshot, small enough for millions: those of the start flat and never changed, those
//! that changed since in shards behind `Arc`s (`docs/decisions/0042-subscriptions-of-the-start-lie-flat.md`).
//!
//! A key is kept as the first half of its SHA-256. What a call gets is made when it asks. One changed subscription
//! replaces the shards of its record and its keys, and nothing else.

mod flat;
mod keys;
mod marks;
mod records;
mod settled;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use self::keys::KeyShard;
use self::records::RecordShard;
use self::settled::{Settled, Settling};
use super::LiveSubscription;
use crate::model::Name;
use crate::record::{StoredKey, Subscription, SubscriptionState, Which};

/// Shards of records; a power of two, at most 2^16.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 8;
/// How many records a shard can hold: a place is 8 bits of shard, 23 of slot, and one for which of the two keys.
const SLOT_BITS: u32 = 31 - SHARD_BITS;
/// All are laid flat anew when so many have changed since, or as many as a quarter of them, if that is more.
const SETTLED_AFTER: usize = if cfg!(test) { 40 } else { 65_536 };

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Copy, Debug)]
pub struct FoundKey<'s> {
    /// Which key it is.
    pub which: Which,
    /// Until when it is good.
    pub valid_until_us: Option<i64>,
    /// The subscription.
    pub subscription: LiveSubscription<'s>,
}

/// Every subscription and key of a snapshot. A clone shares what it is made of.
#[derive(Clone, Debug)]
pub struct Subscriptions {
    settled: Arc<Settled>,
    /// A bit for each slot of the settled ones that ended or changed since; short of those without any.
    gone: Arc<Vec<u64>>,
    /// Changes since all were laid flat.
    changes: usize,
    /// Keys and records of what changed since, or has another form.
    keys: Box<[Arc<KeyShard>]>,
    records: Box<[Arc<RecordShard>]>,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self {
            settled: Arc::default(),
            gone: Arc::default(),
            changes: 0,
            keys: (0..keys::SHARDS).map(|_| Arc::default()).collect(),
            records: (0..SHARDS).map(|_| Arc::default()).collect(),
        }
    }
}

impl Subscriptions {
    /// The key with that SHA-256.
    #[must_use]
    pub fn find(&self, hash: &[u8; 32]) -> Option<FoundKey<'_>> {
        self.settled.find(hash, |slot| !self.is_gone(slot)).or_else(|| self.find_changed(hash))
    }

    fn find_changed(&self, hash: &[u8; 32]) -> Option<FoundKey<'_>> {
        let (packed, valid_until_us) = self.keys.get(keys::shard_of(hash))?.find(hash)?;
        let (place, which) = Place::unpack(packed);
        let subscription = self.records.get(usize::from(place.shard))?.live(place.slot)?;
        Some(FoundKey { which, valid_until_us, subscription })
    }

    fn is_gone(&self, slot: u32) -> bool {
        self.gone.get(slot as usize / 64).is_some_and(|bits| bits >> (slot % 64) & 1 == 1)
    }

    /// Puts a subscription in the place of the one with its id, whose keys end. What doesn't fit into the form is left
    /// out, so that its keys open nothing: a name of 64 KiB, or eight million subscriptions in one of the shards.
    pub fn put(&mut self, row: &SubscriptionRow<'_>) {
        self.take_out(row.id);
        self.insert(row, &mut HashSet::new());
    }

    fn insert(&mut self, row: &SubscriptionRow<'_>, products: &mut HashSet<Name>) {
        let shard = shard_of_id(row.id);
        let Some(records) = self.records.get_mut(usize::from(shard)) else { return };
        let Some(slot) = Arc::make_mut(records).insert(row, products) else { return };
        for key in row.keys {
            if let Some(keys) = self.keys.get_mut(keys::shard_of(&key.hash)) {
                Arc::make_mut(keys).insert(&key.hash, Place { shard, slot }.pack(key.which), key.valid_until_us);
            }
        }
    }

    /// Takes a subscription out with its keys.
    pub fn take_out(&mut self, id: &str) {
        self.changes += 1;
        if self.changes > SETTLED_AFTER.max(self.settled.len() / 4) {
            *self = self.laid_flat();
        }
        if let Some(slot) = self.settled.slot(id).filter(|slot| !self.is_gone(*slot)) {
            let gone = Arc::make_mut(&mut self.gone);
            gone.resize(self.settled.len().div_ceil(64), 0);
            if let Some(bits) = gone.get_mut(slot as usize / 64) {
                *bits |= 1 << (slot % 64);
            }
        }
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

    /// The same subscriptions, all laid flat: else what ended would take room for as long as the process lives.
    fn laid_flat(&self) -> Self {
        let mut keys: HashMap<Place, Vec<StoredKey>> = HashMap::new();
        for (place, key) in self.keys.iter().flat_map(|shard| shard.all()) {
            keys.entry(place).or_default().push(key);
        }
        let later: usize = self.records.iter().map(|shard| shard.all().count()).sum();
        let mut builder = Builder::with_expected(self.settled.len() + later);
        self.settled.for_each(|slot, row| {
            if !self.is_gone(slot) {
                builder.add(row);
            }
        });
        for (shard, records) in (0_u16..).zip(&self.records) {
            for (slot, live) in records.all() {
                builder.add(&SubscriptionRow {
                    id: live.id,
                    product: live.product,
                    developer: live.developer(),
                    state: live.state,
                    started_at_us: live.started_at_us,
                    ends_at_us: live.ends_at_us,
                    keys: keys.get(&Place { shard, slot }).map_or(&[], Vec::as_slice),
                });
            }
        }
        builder.build()
    }
}

/// Makes [`Subscriptions`] from rows that come one by one, each id once.
#[derive(Debug, Default)]
pub struct Builder {
    settling: Settling,
    others: Subscriptions,
    products: HashSet<Name>,
}

impl Builder {
    /// With room for about so many: what comes beyond is held as what changes later.
    #[must_use]
    pub fn with_expected(count: usize) -> Self {
        Self { settling: Settling::with_room(count), ..Self::default() }
    }

    /// Adds a subscription whose id wasn't added before.
    pub fn add(&mut self, row: &SubscriptionRow<'_>) {
        if !self.settling.add(row) {
            self.others.insert(row, &mut self.products);
        }
    }

    /// All that was added.
    #[must_use]
    pub fn build(self) -> Subscriptions {
        Subscriptions { settled: Arc::new(self.settling.finish()), ..self.others }
    }
}

fn shard_of_id(id: &str) -> u16 {
    (crc32fast::hash(id.as_bytes()) as usize % SHARDS) as u16
}

#[cfg(test)]
mod tests;
