//! What subscriptions have used: rate windows and quota rights in memory, shared by all cores.
//!
//! Rate logs and counters live in a memory-mapped file, so that a killed process forgets nothing; quota rights are
//! leased through the port [`QuotaLedger`] before they are spent. Locks are short and never held across an await.
//! This module knows no store, no product and no call beyond its right; the caller reads the clocks.

mod idle;
mod ledger;
mod mapping;
mod places;
mod purse;
mod quota;
mod refill;
mod right;
mod shard;
mod slots;
mod window;
mod window_file;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use limen_rules::period::Span;
pub use limen_rules::quota::{AccountKey, Meter, QuotaTerms};
pub use limen_rules::rate::{Paced, RateExceeded, RateTerms};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use self::ledger::{Lease, LedgerUnavailable, QuotaLedger};
use self::quota::{Attempt, Charge, Job, Quota};
use self::refill::Outlet;
pub use self::right::Right;
use self::shard::{Locked, Shard};
use self::window::{Cabinet, Sought};
use self::window_file::WindowFile;

/// So many that going through one takes no while, with a million accounts too.
const SHARDS: usize = 1_024;

/// How often a call waits for the ledger before it is told that limits are unavailable: others may take what it got.
const MOST_WAITS: usize = 1_000;

/// Accounts that return their rights at the same time when the process stops, and how often each tries.
const CLOSED_AT_ONCE: usize = 256;
const CLOSING_TRIES: usize = 3;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Microseconds of a clock that never goes back and lives as long as the machine's boot.
    pub monotonic_us: u64,
    /// Microseconds since the epoch.
    pub wall_us: i64,
}

/// Why a call isn't charged. Nothing was taken then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeRefused {
    /// The calls of the period are used up.
    QuotaExceeded {
        /// Calls per period.
        limit: u64,
        /// Microseconds until the next period.
        replenished_in_us: u64,
    },
    /// The body bytes of the period are used up.
    BandwidthExceeded {
        /// Bytes per period.
        limit: u64,
        /// Microseconds until the next period.
        replenished_in_us: u64,
    },
    /// No right is in hand and the ledger gives none.
    LimitsUnavailable {
        /// Microseconds until the ledger is asked again.
        retry_in_us: u64,
    },
}

/// A call that has no right yet: the ledger was asked for one.
pub struct Waiting {
    account: Arc<Account>,
    done: watch::Receiver<()>,
}

/// One quota right after a call was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaFigures {
    /// What is counted.
    pub meter: Meter,
    /// Rights per period.
    pub limit: u64,
    /// Rights left.
    pub remaining: u64,
    /// The period.
    pub span: Span,
}

/// What was used of a quota in the current period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterUsage {
    /// The period.
    pub span: Span,
    /// Rights per period, as of the last call.
    pub limit: u64,
    /// Rights that are gone: spent and not given back, or lost.
    pub used: u64,
    /// Rights in this process's hand.
    pub held: u64,
    /// Rights that crashes took.
    pub lost: u64,
}

/// What an account has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Calls in the rate window, if the account was ever paced.
    pub calls_in_window: Option<u32>,
    /// The call quota, if this process charged a call.
    pub calls: Option<MeterUsage>,
    /// The bandwidth quota, if this process charged a call.
    pub bytes: Option<MeterUsage>,
}

/// The table of accounts; cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Vec<Locked>,
    hasher: RandomState,
    cabinet: Cabinet,
    outlet: Arc<Outlet>,
    is_closing: AtomicBool,
    /// Accounts in all shards.
    count: AtomicUsize,
    /// The part of the table that is looked at next for accounts that may leave.
    part: AtomicUsize,
}

/// The quota of an account that was charged. Its rate window stands by itself.
struct Account {
    key: AccountKey,
    outlet: Arc<Outlet>,
    quota: Mutex<Quota>,
}

impl Accounts {
    /// Opens the table over the window file at `path`, which is made if it isn't there. `boot_id` (1 to 64 bytes)
    /// names the machine's boot, which is also the monotonic clock's; `is_fresh` says that no call was ever admitted
    /// with this data folder. Requests to the ledger run on `runtime`.
    ///
    /// # Errors
    /// When the file can't be read, made or mapped.
    pub fn open(
        path: &Path,
        boot_id: &str,
        is_fresh: bool,
        now: Reading,
        ledger: Arc<dyn QuotaLedger>,
        runtime: Handle,
    ) -> io::Result<Accounts> {
        let outlet = Arc::new(Outlet::new(ledger, runtime));
        let hasher = RandomState::default();
        let kept = match WindowFile::open(path, boot_id)? {
            Some((file, left)) => shard::adopted(Cabinet::new(file), left, &hasher, &outlet, now),
            None => None,
        };
        let (cabinet, shards) = match kept {
            Some(kept) => kept,
            None => {
                let forgotten = !is_fresh || path.exists();
                let file = WindowFile::create(path, boot_id, forgotten.then_some(now.monotonic_us))?;
                let cabinet = Cabinet::new(file);
                let shards = shard::empty(&cabinet, now);
                (cabinet, shards)
            }
        };
        if cabinet.file.is_incomplete() {
            cabinet.file.set_forgotten_at(now.monotonic_us);
            cabinet.file.set_incomplete(false);
        }
        let count = AtomicUsize::new(shards.iter().map(|shard| shard.count(&cabinet, &hasher)).sum());
        let shards = shards.into_iter().map(|shard| Locked(Mutex::new(shard))).collect();
        let (is_closing, part) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok(Accounts { inner: Arc::new(Inner { shards, hasher, cabinet, outlet, is_closing, count, part }) })
    }

    /// Counts a call in the account's rate window.
    ///
    /// # Errors
    /// [`RateExceeded`]; the call isn't counted then.
    pub fn pace(&self, key: AccountKey, terms: &RateTerms, now: Reading) -> Result<Paced, RateExceeded> {
        let inner = &self.inner;
        let sought = inner.sought(key);
        let mut shard = lock(inner.shard(sought));
        let before = shard.windows.len();
        let told = shard.windows.pace(&inner.cabinet, sought, terms, now.monotonic_us);
        if shard.windows.len() > before && !shard.charged.contains_key(&key.0) {
            inner.count.fetch_add(1, Ordering::Relaxed);
        }
        told
    }

    /// Takes the right to hand a call to a service. Waits for the ledger only if no right is in hand.
    ///
    /// # Errors
    /// [`ChargeRefused`]; nothing was taken then.
    pub async fn charge(&self, key: AccountKey, terms: &QuotaTerms, now: Reading) -> Result<Right, ChargeRefused> {
        match self.charge_at_once(key, terms, now) {
            Ok(charged) => charged,
            Err(waiting) => self.charge_after(waiting, terms, now).await,
        }
    }

    /// As [`Accounts::charge`], where no right has to be waited for.
    ///
    /// # Errors
    /// What is to be waited for, by [`Accounts::charge_after`].
    pub fn charge_at_once(
        &self,
        key: AccountKey,
        terms: &QuotaTerms,
        now: Reading,
    ) -> Result<Result<Right, ChargeRefused>, Waiting> {
        if terms.calls.is_none() && terms.bytes.is_none() {
            return Ok(Ok(Right::unlimited()));
        }
        let account = self.inner.account(key);
        self.attempt(&account, terms, now, true).map_err(|done| Waiting { account, done })
    }

    /// Waits for the ledger's answer, and takes the right then.
    ///
    /// # Errors
    /// [`ChargeRefused`]; nothing was taken then.
    pub async fn charge_after(
        &self,
        waiting: Waiting,
        terms: &QuotaTerms,
        now: Reading,
    ) -> Result<Right, ChargeRefused> {
        let Waiting { account, mut done } = waiting;
        for _ in 1..MOST_WAITS {
            // An error says that the sender is gone, which is as good an answer.
            drop(done.changed().await);
            match self.attempt(&account, terms, now, false) {
                Ok(charged) => return charged,
                Err(next) => done = next,
            }
        }
        Err(ChargeRefused::LimitsUnavailable { retry_in_us: 0 })
    }

    fn attempt(
        &self,
        account: &Arc<Account>,
        terms: &QuotaTerms,
        now: Reading,
        first: bool,
    ) -> Result<Result<Right, ChargeRefused>, watch::Receiver<()>> {
        if self.inner.is_closing.load(Ordering::Acquire) {
            return Ok(Err(ChargeRefused::LimitsUnavailable { retry_in_us: 0 }));
        }
        let attempt = Attempt { key: account.key, terms, now, first, file: &self.inner.cabinet.file };
        match account.with_quota(|quota, jobs| quota.charge(&attempt, jobs)) {
            Charge::Charged { taken, figures } => Ok(Ok(Right::new(Arc::clone(account), taken, figures))),
            Charge::Refused(refused) => Ok(Err(refused)),
            Charge::Wait(done) => Err(done),
        }
    }

    /// Returns all rights in hand to the ledger. Calls that are charged afterwards are refused; rights that are still
    /// out may be settled.
    pub async fn shutdown(&self) {
        self.inner.is_closing.store(true, Ordering::Release);
        let mut closing = JoinSet::new();
        for shard in &self.inner.shards {
            let accounts: Vec<_> = lock(&shard.0).charged.values().cloned().collect();
            for account in accounts {
                if closing.len() >= CLOSED_AT_ONCE {
                    closing.join_next().await;
                }
                closing.spawn_on(close(account), &self.inner.outlet.runtime);
            }
        }
        while closing.join_next().await.is_some() {}
    }

    /// How many accounts are in memory.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inner.count.load(Ordering::Relaxed)
    }

    /// Requests to the ledger since the start: those that it answered, and those that failed.
    #[must_use]
    pub fn leases(&self) -> (u64, u64) {
        self.inner.outlet.answers()
    }

    /// What an account has used, if anything is known of it.
    pub fn usage(&self, key: AccountKey, now: Reading) -> Option<Usage> {
        let sought = self.inner.sought(key);
        let mut shard = lock(self.inner.shard(sought));
        let calls_in_window = shard.windows.calls_in_window(&self.inner.cabinet, sought, now.monotonic_us);
        let account = shard.charged.get(&key.0).cloned();
        drop(shard);
        if calls_in_window.is_none() && account.is_none() {
            return None;
        }
        let quota = account.as_ref().map(|account| lock(&account.quota));
        let usage = |meter| quota.as_ref().and_then(|quota| quota.usage(meter));
        Some(Usage { calls_in_window, calls: usage(Meter::Calls), bytes: usage(Meter::Bytes) })
    }
}

async fn close(account: Arc<Account>) {
    for _ in 0..CLOSING_TRIES {
        let waits = account.with_quota(|quota, jobs| quota.close(account.key, jobs));
        if waits.is_empty() {
            return;
        }
        for mut done in waits {
            drop(done.changed().await);
        }
    }
}

impl Inner {
    fn sought(&self, key: AccountKey) -> Sought {
        Sought::new(key, &self.hasher)
    }

    fn shard(&self, sought: Sought) -> &Mutex<Shard> {
        // There are SHARDS shards, and `Sought::shard` stays below that.
        &self.shards[sought.shard()].0
    }

    /// The account of a call that is charged.
    fn account(&self, key: AccountKey) -> Arc<Account> {
        let sought = self.sought(key);
        let mut shard = lock(self.shard(sought));
        if let Some(account) = shard.charged.get(&key.0) {
            return Arc::clone(account);
        }
        if !shard.windows.has(&self.cabinet.file, sought) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        let account = Arc::new(Account::new(key, self.outlet.clone()));
        shard.charged.insert(key.0, Arc::clone(&account));
        account
    }
}

impl Account {
    fn new(key: AccountKey, outlet: Arc<Outlet>) -> Account {
        Account { key, outlet, quota: Mutex::default() }
    }

    /// Does something to the account's quota under its lock, and after that sends what the ledger is to be asked.
    fn with_quota<T>(self: &Arc<Self>, act: impl FnOnce(&mut Quota, &mut Vec<Job>) -> T) -> T {
        let mut jobs = Vec::new();
        let outcome = act(&mut lock(&self.quota), &mut jobs);
        refill::send(self, jobs);
        outcome
    }
}

/// A lock whose holder panicked is taken all the same: every change under it is complete at each store.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
