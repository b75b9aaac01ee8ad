//! A bound on the bytes of bodies that the process holds at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be held at a time by all calls together.
#[derive(Debug)]
pub struct Budget {
    free_bytes: AtomicU64,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self { free_bytes: AtomicU64::new(bytes) })
    }

    /// A hold of no bytes yet.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Hold {
        Hold { budget: Arc::clone(self), bytes: 0 }
    }
}

/// Bytes held by one call; given back when dropped.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Hold {
    /// Holds more; false if there is no room, and then nothing changed.
    #[must_use]
    pub fn grow(&mut self, bytes: u64) -> bool {
        let free = &self.budget.free_bytes;
        let taken = free.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(bytes)).is_ok();
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.budget.free_bytes.fetch_add(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let budget = Budget::new(10);
        let mut first = budget.hold();
        assert!(first.grow(6) && !first.grow(5) && first.grow(4));
        assert!(!budget.hold().grow(1));
        drop(first);
        assert!(budget.hold().grow(10));
    }
}
