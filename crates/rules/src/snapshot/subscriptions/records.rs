//! One shard of subscriptions: records of one size, their names in one piece of text. Knows no hash.

use std::collections::HashSet;

use super::super::{LiveSubscription, account_of};
use super::{SLOT_BITS, SubscriptionRow, keys};
use crate::model::Name;
use crate::record::SubscriptionState;

/// New room comes in steps, since the whole shard is copied anyway when one is put in.
const STEP_RECORDS: usize = 8;
const STEP_BYTES: usize = 256;
/// Stands for no end of a subscription, and for no shard of a key.
const NEVER_US: i64 = i64::MAX;
const NO_SHARD: u16 = u16::MAX;

#[derive(Clone, Copy, Debug)]
struct Record {
    started_at_us: i64,
    ends_at_us: i64,
    /// Where its id begins in the text; the developer's name follows.
    text_at: u32,
    id_bytes: u16,
    developer_bytes: u16,
    /// Shards of its first two keys; more of them stand apart.
    key_shards: [u16; 2],
    /// Its product in the shard's list.
    product: u16,
    /// `None`: nothing is here, and the slot is free.
    state: Option<SubscriptionState>,
}

/// Subscriptions whose ids hash alike.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordShard {
    records: Vec<Record>,
    free: Vec<u32>,
    text: Vec<u8>,
    /// Bytes of text that nobody needs any more.
    unused_bytes: usize,
    products: Vec<Name>,
    /// Shards of keys beyond the second: old values in their time of grace.
    more_key_shards: Vec<(u32, u16)>,
}

impl RecordShard {
    /// What calls see of the subscription in a slot.
    pub(super) fn live(&self, slot: u32) -> Option<LiveSubscription<'_>> {
        let record = self.records.get(slot as usize)?;
        let state = record.state?;
        let (id, developer) = (self.id(record)?, self.developer(record)?);
        Some(LiveSubscription {
            id,
            account: account_of(id),
            product: self.products.get(usize::from(record.product))?,
            developer,
            state,
            started_at_us: record.started_at_us,
            ends_at_us: (record.ends_at_us != NEVER_US).then_some(record.ends_at_us),
        })
    }

    fn id(&self, record: &Record) -> Option<&str> {
        let id = self.text_of(record.text_at as usize, usize::from(record.id_bytes))?;
        std::str::from_utf8(id).ok()
    }

    fn developer(&self, record: &Record) -> Option<&[u8]> {
        let at = record.text_at as usize + usize::from(record.id_bytes);
        self.text_of(at, usize::from(record.developer_bytes))
    }

    fn text_of(&self, at: usize, bytes: usize) -> Option<&[u8]> {
        self.text.get(at..at + bytes)
    }

    /// The slot of the subscription with that id.
    pub(super) fn slot(&self, id: &str) -> Option<u32> {
        let has_id = |record: &Record| record.state.is_some() && self.id(record) == Some(id);
        self.records.iter().position(has_id).and_then(|slot| u32::try_from(slot).ok())
    }

    /// Puts a subscription into a free slot; `None` if it can't be held. `products` are names to share.
    pub(super) fn insert(&mut self, row: &SubscriptionRow<'_>, products: &mut HashSet<Name>) -> Option<u32> {
        let slot = self.free.last().copied().or_else(|| u32::try_from(self.records.len()).ok())?;
        if slot >> SLOT_BITS != 0 {
            return None;
        }
        let mut key_shards = row.keys.iter().map(|key| keys::shard_of(&key.hash) as u16);
        let record = Record {
            started_at_us: row.started_at_us,
            ends_at_us: row.ends_at_us.unwrap_or(NEVER_US),
            text_at: u32::try_from(self.text.len()).ok()?,
            id_bytes: u16::try_from(row.id.len()).ok()?,
            developer_bytes: u16::try_from(row.developer.len()).ok()?,
            key_shards: [key_shards.next().unwrap_or(NO_SHARD), key_shards.next().unwrap_or(NO_SHARD)],
            product: self.product(row.product, products)?,
            state: Some(row.state),
        };
        self.more_key_shards.extend(key_shards.map(|shard| (slot, shard)));
        let bytes = row.id.len() + row.developer.len();
        if self.text.capacity() - self.text.len() < bytes {
            self.text.reserve_exact(bytes + STEP_BYTES + self.text.len() / 16);
        }
        self.text.extend_from_slice(row.id.as_bytes());
        self.text.extend_from_slice(row.developer.as_bytes());
        match self.records.get_mut(slot as usize) {
            Some(place) => {
                *place = record;
                self.free.pop();
            }
            None => {
                if self.records.len() == self.records.capacity() {
                    self.records.reserve_exact(STEP_RECORDS + self.records.len() / 16);
                }
                self.records.push(record);
            }
        }
        Some(slot)
    }

    /// The number of a product in this shard's list.
    fn product(&mut self, name: &str, shared: &mut HashSet<Name>) -> Option<u16> {
        let known = self.products.iter().position(|known| **known == *name);
        let at = match known {
            Some(at) => at,
            None => {
                let name = match shared.get(name) {
                    Some(name) => name.clone(),
                    None => {
                        let name = Name::from(name);
                        shared.insert(name.clone());
                        name
                    }
                };
                self.products.push(name);
                self.products.len() - 1
            }
        };
        u16::try_from(at).ok()
    }

    /// Frees a slot, and says where its keys are.
    pub(super) fn remove(&mut self, slot: u32) -> Vec<u16> {
        let Some(record) = self.records.get_mut(slot as usize) else { return Vec::new() };
        if record.state.take().is_none() {
            return Vec::new();
        }
        let mut key_shards: Vec<u16> = record.key_shards.into_iter().filter(|shard| *shard != NO_SHARD).collect();
        self.unused_bytes += usize::from(record.id_bytes) + usize::from(record.developer_bytes);
        key_shards.extend(self.more_key_shards.iter().filter(|(of, _)| *of == slot).map(|(_, shard)| *shard));
        self.more_key_shards.retain(|(of, _)| *of != slot);
        self.free.push(slot);
        if self.unused_bytes > STEP_BYTES + self.text.len() / 8 {
            self.compact();
        }
        key_shards
    }

    /// Leaves out the text and the products that nobody needs any more.
    fn compact(&mut self) {
        let text = std::mem::take(&mut self.text);
        let products = std::mem::take(&mut self.products);
        self.text.reserve_exact(text.len().saturating_sub(self.unused_bytes) + STEP_BYTES);
        for record in self.records.iter_mut().filter(|record| record.state.is_some()) {
            let begin = record.text_at as usize;
            let end = begin + usize::from(record.id_bytes) + usize::from(record.developer_bytes);
            record.text_at = self.text.len() as u32;
            self.text.extend_from_slice(text.get(begin..end).unwrap_or_default());
            let Some(product) = products.get(usize::from(record.product)) else { continue };
            let known = self.products.iter().position(|known| known == product);
            let at = known.unwrap_or_else(|| {
                self.products.push(product.clone());
                self.products.len() - 1
            });
            record.product = at as u16;
        }
        self.unused_bytes = 0;
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let products: usize = self.products.iter().map(|name| name.len() + 32).sum();
        self.records.capacity() * size_of::<Record>() + self.text.capacity() + products + self.free.capacity() * 4
    }

    /// Every subscription with its slot.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, LiveSubscription<'_>)> {
        (0..self.records.len() as u32).filter_map(|slot| Some((slot, self.live(slot)?)))
    }
}
