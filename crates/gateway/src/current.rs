//! The snapshot that calls are decided from now, and how long ago it was confirmed against the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use limen_rules::snapshot::Snapshot;

/// A pointer to the current snapshot, swapped whole.
pub struct Current {
    snapshot: ArcSwap<Snapshot>,
    confirmed_at_us: AtomicU64,
}

impl Current {
    /// Begins with `snapshot`, confirmed at the monotonic `now_us`.
    #[must_use]
    pub fn new(snapshot: Snapshot, now_us: u64) -> Self {
        Self { snapshot: ArcSwap::from_pointee(snapshot), confirmed_at_us: AtomicU64::new(now_us) }
    }

    /// The snapshot, pinned for as long as the caller holds it.
    pub fn pin(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Swaps the snapshot.
    pub fn swap(&self, snapshot: Snapshot, now_us: u64) {
        self.snapshot.store(Arc::new(snapshot));
        self.confirm(now_us);
    }

    /// The store still says the same.
    pub fn confirm(&self, now_us: u64) {
        self.confirmed_at_us.store(now_us, Ordering::Relaxed);
    }

    /// Microseconds since the snapshot was last confirmed.
    pub fn age_us(&self, now_us: u64) -> u64 {
        now_us.saturating_sub(self.confirmed_at_us.load(Ordering::Relaxed))
    }
}
