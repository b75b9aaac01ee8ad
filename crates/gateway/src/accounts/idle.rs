//! Lets accounts that nobody uses leave memory: those of which nothing would be forgotten. Whoever calls again gets a
//! new account that knows as much.
//!
//! A window leaves once no call is in it; a quota once what it spent is in the ledger's books and nothing is in hand,
//! which an account that is idle for long gives back for that. It goes through the table in small parts.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::quota::Job;
use super::shard::Shard;
use super::window_file::WindowFile;
use super::{Account, AccountKey, Accounts, Inner, Reading, SHARDS, lock, refill};
use crate::clock::Clock;

/// The table is gone through in so many parts, one at a time, in about a minute: to look at an account that nobody calls
/// costs a call's worth of cache misses, and so does making it anew for one who does.
const PARTS: usize = 256;
const PART_EVERY: Duration = Duration::from_millis(250);
/// An account gives its rights back when no call came for so long: its next call has to take one durably.
const IDLE_US: u64 = 600_000_000;
/// The same while there are more than so many accounts.
const CROWDED_IDLE_US: u64 = 60_000_000;
const CROWDED_ACCOUNTS: usize = 65_536;
/// Accounts of a part that give their rights back at the same time; others do later.
const RETURNED_AT_ONCE: usize = 256;

impl Accounts {
    /// Lets idle accounts go from now on, for as long as the table is used.
    pub fn rest(&self, clock: Arc<dyn Clock>) {
        let inner = Arc::downgrade(&self.inner);
        self.inner.outlet.runtime.spawn(async move {
            loop {
                tokio::time::sleep(PART_EVERY).await;
                let Some(inner) = Weak::upgrade(&inner) else { return };
                if inner.is_closing.load(Ordering::Acquire) {
                    return;
                }
                let now = Reading { monotonic_us: clock.monotonic_us(), wall_us: clock.wall_us() };
                Accounts { inner }.let_go(now);
            }
        });
    }

    /// Looks at the next part of the table, and lets those of its accounts go that nobody uses. They come back as they
    /// were; which ones went is seen in [`Accounts::count`] only.
    pub fn let_go(&self, now: Reading) {
        let inner = &self.inner;
        let is_crowded = inner.count.load(Ordering::Relaxed) > CROWDED_ACCOUNTS;
        let idle_us = if is_crowded { CROWDED_IDLE_US } else { IDLE_US };
        let begin = inner.part.fetch_add(1, Ordering::Relaxed) % PARTS * (SHARDS / PARTS);
        let mut returning = Vec::new();
        for shard in inner.shards.iter().skip(begin).take(SHARDS / PARTS) {
            let gone = inner.let_go_of(&mut lock(&shard.0), now, idle_us, &mut returning);
            inner.count.fetch_sub(gone, Ordering::Relaxed);
        }
        for (account, jobs) in returning {
            refill::send(&account, jobs);
        }
    }
}

type Returning = Vec<(Arc<Account>, Vec<Job>)>;

impl Inner {
    /// Lets go whoever may leave a shard, which is locked: nobody can come by it meanwhile. Tells how many left.
    fn let_go_of(&self, shard: &mut Shard, now: Reading, idle_us: u64, returning: &mut Returning) -> usize {
        let Shard { windows, charged } = shard;
        let (file, mut gone) = (&self.cabinet.file, 0);
        windows.let_go_of_empty(&self.cabinet, now.monotonic_us, |key| {
            gone += usize::from(!charged.contains_key(&key.0));
        });
        charged.retain(|key, account| {
            let stays = stays(file, account, now, idle_us, returning);
            gone += usize::from(!stays && !windows.has(file, self.sought(AccountKey(*key))));
            stays
        });
        if charged.capacity() > 64 && charged.capacity() / 4 > charged.len() {
            charged.shrink_to(charged.len() * 2);
        }
        gone
    }
}

/// Whether an account's quota stays in the table.
fn stays(file: &WindowFile, account: &mut Arc<Account>, now: Reading, idle_us: u64, returning: &mut Returning) -> bool {
    // Whoever else holds it is a call, a right that is out, or a request to the ledger.
    let Some(alone) = Arc::get_mut(account) else { return true };
    let key = alone.key;
    let rests = alone.quota.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !rests.is_idle(now.monotonic_us, idle_us) {
        return true;
    }
    if rests.is_settled() {
        rests.let_go(file);
        return false;
    }
    let mut jobs = Vec::new();
    if returning.len() < RETURNED_AT_ONCE {
        rests.close(key, &mut jobs);
    }
    if !jobs.is_empty() {
        returning.push((Arc::clone(account), jobs));
    }
    true
}

#[cfg(test)]
mod tests;
