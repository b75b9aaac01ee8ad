//! One shard of the table of accounts: the rate windows of its accounts, and the quotas of those that were charged.
//!
//! An account is in memory while it has either.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use foldhash::fast::RandomState;

use super::refill::Outlet;
use super::window::{Cabinet, Sought, Windows};
use super::window_file::Left;
use super::{Account, AccountKey, Reading, SHARDS, lock};

/// What a call needs to find its window comes first, in one cache line with the lock.
#[repr(C)]
pub(super) struct Shard {
    pub(super) windows: Windows,
    pub(super) charged: HashMap<u128, Arc<Account>, RandomState>,
}

/// A shard with its lock, which begins a cache line.
#[repr(C, align(64))]
pub(super) struct Locked(pub(super) Mutex<Shard>);

impl Shard {
    /// Accounts that have a window, a quota or both.
    pub(super) fn count(&self, cabinet: &Cabinet, hasher: &RandomState) -> usize {
        let keys = self.charged.keys().map(|key| Sought::new(AccountKey(*key), hasher));
        self.windows.len() + keys.filter(|sought| !self.windows.has(&cabinet.file, *sought)).count()
    }
}

/// A table without accounts.
pub(super) fn empty(cabinet: &Cabinet, now: Reading) -> Vec<Shard> {
    let windows = |shard| Windows::new(shard, &cabinet.rooms, now.monotonic_us);
    (0..SHARDS as u32).map(|shard| Shard { windows: windows(shard), charged: HashMap::default() }).collect()
}

/// A table with the accounts that an earlier process left; `None` if what it left contradicts itself.
pub(super) fn adopted(
    cabinet: Cabinet,
    left: Vec<Left>,
    hasher: &RandomState,
    outlet: &Arc<Outlet>,
    now: Reading,
) -> Option<(Cabinet, Vec<Shard>)> {
    let mut shards = empty(&cabinet, now);
    for left in left {
        let (Left::Rate { key, .. } | Left::Counters { key, .. }) = left;
        let sought = Sought::new(key, hasher);
        let shard = shards.get_mut(sought.shard())?;
        match left {
            Left::Rate { window_ms, place, .. } => {
                shard.windows.adopt(&cabinet, sought, (place, window_ms), now.monotonic_us).ok()?;
            }
            Left::Counters { meter, counters, .. } => {
                let account = shard.charged.entry(key.0).or_insert_with(|| Arc::new(Account::new(key, outlet.clone())));
                lock(&account.quota).survives(meter, counters, now.monotonic_us);
            }
        }
    }
    Some((cabinet, shards))
}
