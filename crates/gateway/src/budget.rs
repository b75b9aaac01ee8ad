//! A bound on the bytes of bodies that the process holds at a time, and on the share of one caller.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use limen_rules::quota::AccountKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One owner may hold at most this part of all room: nobody alone can shut the others out.
const SHARE: u64 = 8;

/// Bytes that may be held at a time by all calls together.
#[derive(Debug)]
pub struct Budget {
    free_bytes: AtomicU64,
    share_bytes: u64,
    held_bytes: Mutex<HashMap<Option<AccountKey>, u64>>,
    turns: Arc<Semaphore>,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Arc<Self> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Arc::new(Self {
            free_bytes: AtomicU64::new(bytes),
            share_bytes: bytes / SHARE,
            held_bytes: Mutex::default(),
            turns: Arc::new(Semaphore::new((cores / 2).max(1))),
        })
    }

    /// A hold of no bytes yet, for a subscription or, without one, for all keyless calls together.
    #[must_use]
    pub fn hold(self: &Arc<Self>, owner: Option<AccountKey>) -> Hold {
        Hold { budget: Arc::clone(self), owner, bytes: 0 }
    }

    /// A turn to work on a large body away from the cores' threads, first come, first served; half as many at a time as
    /// there are cores, so that calls go on. None only if there are no turns any more.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Adds to what an owner holds; false if that were more than its share.
    fn share(&self, owner: Option<AccountKey>, bytes: u64) -> bool {
        let mut held = self.held_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let now = held.get(&owner).copied().unwrap_or(0).saturating_add(bytes);
        if now > self.share_bytes {
            return false;
        }
        held.insert(owner, now);
        true
    }

    fn unshare(&self, owner: Option<AccountKey>, bytes: u64) {
        let mut held = self.held_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let left = held.get(&owner).copied().unwrap_or(0).saturating_sub(bytes);
        // An owner who holds nothing is forgotten, so the table holds no more than the calls under way.
        if left == 0 {
            held.remove(&owner)
        } else {
            held.insert(owner, left)
        };
    }
}

/// Bytes held by one call; given back when dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    owner: Option<AccountKey>,
    bytes: u64,
}

impl Hold {
    /// Holds more; false if there is no room, and then nothing changed.
    #[must_use]
    pub fn grow(&mut self, bytes: u64) -> bool {
        if !self.budget.share(self.owner, bytes) {
            return false;
        }
        let free = &self.budget.free_bytes;
        let taken = free.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(bytes)).is_ok();
        if taken {
            self.bytes += bytes;
        } else {
            self.budget.unshare(self.owner, bytes);
        }
        taken
    }
}

impl Hold {
    /// Waits for a turn to work on what is held.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.budget.turn().await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.budget.free_bytes.fetch_add(self.bytes, Ordering::AcqRel);
        self.budget.unshare(self.owner, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(16);
        let mut holds: Vec<_> = (0..8).map(|owner| budget.hold(Some(AccountKey(owner)))).collect();
        assert!(holds.iter_mut().all(|hold| hold.grow(2)));
        assert!(!budget.hold(None).grow(1), "all room is taken");
        holds.pop();
        assert!(budget.hold(None).grow(2));
        drop(holds);
        assert_eq!(budget.free_bytes.load(Ordering::Relaxed), 16);
        assert!(budget.held_bytes.lock().unwrap().is_empty());
    }

    #[test]
    fn nobody_holds_more_than_a_share() {
        let budget = Budget::new(80);
        let (mut first, mut second) = (budget.hold(None), budget.hold(None));
        assert!(first.grow(6) && second.grow(4) && !first.grow(1));
        assert!(budget.hold(Some(AccountKey(1))).grow(10));
        drop(second);
        assert!(first.grow(4));
    }
}
