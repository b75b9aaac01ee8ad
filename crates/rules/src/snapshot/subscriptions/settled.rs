//! The subscriptions that there were when the picture was made from the store: flat, never changed, one cache line each.
//!
//! A key is found by the first 32 bits of its hash, mostly within one more cache line; the rest of what is kept of the
//! hash stands with the subscription. What doesn't fit the form (a long id, a third key, a key with an end) isn't taken in.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use subtle::ConstantTimeEq;

use super::super::{LiveSubscription, account_of};
use super::flat::Flat;
use super::marks::{self, Marks};
use super::{FoundKey, SubscriptionRow};
use crate::model::Name;
use crate::record::{StoredKey, SubscriptionState, Which};

/// Bytes of a hash in the table, and in the record.
const MARK_BYTES: usize = 4;
const REST_BYTES: usize = 12;
const LONGEST_ID: usize = 16;
const KEYS: usize = 2;
/// Stands for no end of a subscription.
const NEVER_US: i64 = i64::MAX;
/// So many developers' names are looked for when one is added, so that it stands there once.
const NAMES_SHARED: usize = 4_096;

const STATES: [SubscriptionState; 6] = [
    SubscriptionState::Requested,
    SubscriptionState::Active,
    SubscriptionState::Suspended,
    SubscriptionState::Cancelled,
    SubscriptionState::Rejected,
    SubscriptionState::Expired,
];
const STATE_BITS: u32 = 3;

const RECORD_BYTES: usize = 64;

/// A subscription, as it is written into a cache line.
struct Record {
    /// What the table doesn't hold of its keys' hashes.
    rests: [[u8; REST_BYTES]; KEYS],
    /// Its id, zeros behind it.
    id: [u8; LONGEST_ID],
    started_at_us: i64,
    ends_at_us: i64,
    /// Where its developer's name stands in the text.
    text_at: u32,
    product: u16,
    developer_bytes: u8,
    /// Its state, and for each key whether it is the secondary one.
    flags: u8,
}

impl Record {
    fn write(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let parts: [&[u8]; 9] = [
            &self.rests[0],
            &self.rests[1],
            &self.id,
            &self.started_at_us.to_le_bytes(),
            &self.ends_at_us.to_le_bytes(),
            &self.text_at.to_le_bytes(),
            &self.product.to_le_bytes(),
            &[self.developer_bytes],
            &[self.flags],
        ];
        bytes.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    fn read(bytes: &[u8; RECORD_BYTES]) -> Self {
        let mut rest = bytes.as_slice();
        Self {
            rests: [take(&mut rest), take(&mut rest)],
            id: take(&mut rest),
            started_at_us: i64::from_le_bytes(take(&mut rest)),
            ends_at_us: i64::from_le_bytes(take(&mut rest)),
            text_at: u32::from_le_bytes(take(&mut rest)),
            product: u16::from_le_bytes(take(&mut rest)),
            developer_bytes: take::<1>(&mut rest)[0],
            flags: take::<1>(&mut rest)[0],
        }
    }

    fn id(&self) -> &str {
        trimmed(&self.id)
    }

    fn state(&self) -> SubscriptionState {
        let number = usize::from(self.flags & ((1 << STATE_BITS) - 1));
        STATES.get(number).copied().unwrap_or(SubscriptionState::Suspended)
    }

    fn which(&self, key: usize) -> Which {
        if self.flags >> (STATE_BITS + key as u32) & 1 == 0 { Which::Primary } else { Which::Secondary }
    }
}

/// An id without the zeros behind it.
fn trimmed(id: &[u8]) -> &str {
    let length = id.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    std::str::from_utf8(id.get(..length).unwrap_or_default()).unwrap_or_default()
}

/// The id of a record as it is written.
fn id_of(piece: &[u8; RECORD_BYTES]) -> &str {
    trimmed(piece.get(KEYS * REST_BYTES..KEYS * REST_BYTES + LONGEST_ID).unwrap_or_default())
}

/// The first bytes, which are left out then.
fn take<const COUNT: usize>(from: &mut &[u8]) -> [u8; COUNT] {
    let Some((first, rest)) = from.split_first_chunk::<COUNT>() else { return [0; COUNT] };
    *from = rest;
    *first
}

fn mark(hash: &[u8; 32]) -> u32 {
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

fn rest(hash: &[u8; 32]) -> [u8; REST_BYTES] {
    take(&mut hash.get(MARK_BYTES..).unwrap_or_default())
}

/// The subscriptions of the start.
#[derive(Debug, Default)]
pub(super) struct Settled {
    records: Flat<RECORD_BYTES>,
    keys: Marks,
    /// Slots in the order of their ids' checksums.
    ids: Flat<4>,
    text: Vec<u8>,
    products: Vec<Name>,
}

impl Settled {
    /// The slot of a key's subscription, and what calls see of it, where a slot is good.
    pub(super) fn find(&self, hash: &[u8; 32], is_good: impl Fn(u32) -> bool) -> Option<FoundKey<'_>> {
        let wanted_rest = rest(hash);
        self.keys.find(mark(hash), |slot, key| {
            let piece = self.records.pieces().get(slot as usize)?;
            let record = Record::read(piece);
            if !bool::from(record.rests.get(key)?.ct_eq(&wanted_rest)) || !is_good(slot) {
                return None;
            }
            let subscription = self.live(piece, &record)?;
            Some(FoundKey { which: record.which(key), valid_until_us: None, subscription })
        })
    }

    fn live<'s>(&'s self, piece: &'s [u8; RECORD_BYTES], record: &Record) -> Option<LiveSubscription<'s>> {
        let id = id_of(piece);
        Some(LiveSubscription {
            id,
            account: account_of(id),
            product: self.products.get(usize::from(record.product))?,
            developer: self.developer(record)?,
            state: record.state(),
            started_at_us: record.started_at_us,
            ends_at_us: (record.ends_at_us != NEVER_US).then_some(record.ends_at_us),
        })
    }

    fn developer(&self, record: &Record) -> Option<&[u8]> {
        let at = record.text_at as usize;
        self.text.get(at..at + usize::from(record.developer_bytes))
    }

    /// The slot of the subscription with that id. Only changes ask, so the checksums aren't kept.
    pub(super) fn slot(&self, id: &str) -> Option<u32> {
        let sum = crc32fast::hash(id.as_bytes());
        let ids = self.ids.pieces();
        let record = |slot: u32| self.records.pieces().get(slot as usize).map(Record::read);
        let sum_of = |slot: u32| record(slot).map(|record| crc32fast::hash(record.id().as_bytes()));
        let first = ids.partition_point(|slot| sum_of(u32::from_ne_bytes(*slot)) < Some(sum));
        let slots = ids.get(first..)?.iter().map(|slot| u32::from_ne_bytes(*slot));
        let mut alike = slots.take_while(|slot| sum_of(*slot) == Some(sum));
        alike.find(|slot| record(*slot).is_some_and(|record| record.id() == id))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.records.pieces().len()
    }

    /// Each with its keys, for whoever makes another of these.
    pub(super) fn for_each(&self, mut act: impl FnMut(u32, &SubscriptionRow<'_>)) {
        let mut marks = Flat::<12>::with_room(self.len() * KEYS);
        for (mark, slot, key) in self.keys.all() {
            let order = (u64::from(slot) << 1 | key as u64).to_be_bytes();
            let mut piece = [0; 12];
            piece.iter_mut().zip(order.iter().chain(&mark.to_be_bytes())).for_each(|(to, from)| *to = *from);
            marks.push(piece);
        }
        marks.pieces_mut().sort_unstable();
        let mut marks = marks.pieces().iter().peekable();
        for (slot, bytes) in (0_u32..).zip(self.records.pieces()) {
            let record = Record::read(bytes);
            let mut keys = Vec::with_capacity(KEYS);
            while let Some(piece) = marks.next_if(|piece| order(piece) >> 1 == u64::from(slot)) {
                let key = (order(piece) & 1) as usize;
                let mut hash = [0; 32];
                let kept = piece.iter().skip(8).chain(record.rests.get(key).into_iter().flatten());
                hash.iter_mut().zip(kept).for_each(|(to, from)| *to = *from);
                keys.push(StoredKey { which: record.which(key), hash, made_at_us: 0, valid_until_us: None });
            }
            let product = self.products.get(usize::from(record.product));
            let developer = self.developer(&record).and_then(|name| std::str::from_utf8(name).ok());
            if let (Some(product), Some(developer)) = (product, developer) {
                let row = SubscriptionRow {
                    id: record.id(),
                    product,
                    developer,
                    state: record.state(),
                    started_at_us: record.started_at_us,
                    ends_at_us: (record.ends_at_us != NEVER_US).then_some(record.ends_at_us),
                    keys: &keys,
                };
                act(slot, &row);
            }
        }
    }
}

fn order(piece: &[u8; 12]) -> u64 {
    u64::from_be_bytes(take(&mut piece.as_slice()))
}

/// Makes [`Settled`] from rows that come one by one.
#[derive(Debug, Default)]
pub(super) struct Settling {
    made: Settled,
    /// Checksum of each id and its slot.
    sums: Flat<8>,
    hasher: RandomState,
    /// The numbers of products.
    products: HashMap<Name, u16, RandomState>,
    /// Where the developers' names stand that came first, by their hash.
    developers: HashMap<u64, (u32, u8), RandomState>,
}

impl Settling {
    /// With room for so many.
    pub(super) fn with_room(count: usize) -> Self {
        let count = count.min(marks::MOST_SLOTS);
        let (records, keys) = (Flat::with_room(count), Marks::with_room(count * KEYS));
        let made = Settled { records, keys, ..Settled::default() };
        Self { made, sums: Flat::with_room(count), ..Self::default() }
    }

    /// Takes one in; `false` if it doesn't fit.
    pub(super) fn add(&mut self, row: &SubscriptionRow<'_>) -> bool {
        let Some(record) = self.record(row) else { return false };
        let slot = self.made.records.pieces().len() as u32;
        if !self.made.records.push(record.write()) {
            return false;
        }
        // There is room for these where there was for the record.
        let sum = crc32fast::hash(row.id.as_bytes());
        self.sums.push((u64::from(sum) << 32 | u64::from(slot)).to_be_bytes());
        for (at, key) in row.keys.iter().enumerate() {
            self.made.keys.insert(mark(&key.hash), slot, at);
        }
        true
    }

    fn record(&mut self, row: &SubscriptionRow<'_>) -> Option<Record> {
        let has_form = row.keys.len() <= KEYS
            && row.keys.iter().all(|key| key.valid_until_us.is_none())
            && (1..=LONGEST_ID).contains(&row.id.len())
            && !row.id.contains('\0');
        if !has_form {
            return None;
        }
        let mut id = [0; LONGEST_ID];
        id.iter_mut().zip(row.id.bytes()).for_each(|(to, from)| *to = from);
        let mut flags = STATES.iter().position(|state| *state == row.state)? as u8;
        let mut rests = [[0; REST_BYTES]; KEYS];
        for (at, (key, place)) in row.keys.iter().zip(&mut rests).enumerate() {
            *place = rest(&key.hash);
            flags |= u8::from(key.which == Which::Secondary) << (STATE_BITS + at as u32);
        }
        let product = self.product(row.product)?;
        let (text_at, developer_bytes) = self.name(row.developer)?;
        Some(Record {
            rests,
            id,
            started_at_us: row.started_at_us,
            ends_at_us: row.ends_at_us.unwrap_or(NEVER_US),
            text_at,
            product,
            developer_bytes,
            flags,
        })
    }

    fn product(&mut self, name: &str) -> Option<u16> {
        if let Some(number) = self.products.get(name) {
            return Some(*number);
        }
        let number = u16::try_from(self.made.products.len()).ok()?;
        let name = Name::from(name);
        self.made.products.push(name.clone());
        self.products.insert(name, number);
        Some(number)
    }

    /// Where a developer's name stands.
    fn name(&mut self, name: &str) -> Option<(u32, u8)> {
        let bytes = u8::try_from(name.len()).ok()?;
        let hash = self.hasher.hash_one(name);
        if let Some((at, known_bytes)) = self.developers.get(&hash)
            && self.made.text.get(*at as usize..*at as usize + usize::from(*known_bytes)) == Some(name.as_bytes())
        {
            return Some((*at, bytes));
        }
        let at = u32::try_from(self.made.text.len()).ok()?;
        self.made.text.extend_from_slice(name.as_bytes());
        if self.developers.len() < NAMES_SHARED {
            self.developers.insert(hash, (at, bytes));
        }
        Some((at, bytes))
    }

    /// All that was taken in.
    pub(super) fn finish(mut self) -> Settled {
        self.sums.pieces_mut().sort_unstable();
        self.made.ids = Flat::with_room(self.sums.pieces().len());
        for sum in self.sums.pieces() {
            self.made.ids.push((u64::from_be_bytes(*sum) as u32).to_ne_bytes());
        }
        self.made.text.shrink_to_fit();
        self.made
    }
}
