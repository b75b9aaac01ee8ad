//! Sends an account's requests to the ledger, each in a task of its own, and delivers exactly one answer to each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use limen_rules::quota::{LeaseGrant, LeaseRequest};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::quota::Job;
use super::{Account, LedgerUnavailable, QuotaLedger};

/// How long the ledger may take. A request that is made durable later than this only loses rights.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(5);

/// The way to the ledger, shared by all accounts.
pub(super) struct Outlet {
    pub(super) ledger: Arc<dyn QuotaLedger>,
    pub(super) runtime: Handle,
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Outlet {
    pub(super) fn new(ledger: Arc<dyn QuotaLedger>, runtime: Handle) -> Outlet {
        Outlet { ledger, runtime, answered: AtomicU64::new(0), failed: AtomicU64::new(0) }
    }

    /// Requests that were answered, and that failed.
    pub(super) fn answers(&self) -> (u64, u64) {
        (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// Sends the requests. Not to be called while the account is locked.
pub(super) fn send(account: &Arc<Account>, jobs: Vec<Job>) {
    for Job { request, done } in jobs {
        let ledger = account.outlet.ledger.clone();
        let pending = Pending { account: account.clone(), request, done, answered: false };
        account.outlet.runtime.spawn(async move {
            let answer = tokio::time::timeout(LEDGER_TIMEOUT, ledger.lease(request)).await;
            pending.answer(answer.unwrap_or(Err(LedgerUnavailable)));
        });
    }
}

/// A request whose answer is due. If its task ends without one, it counts as failed, so that nobody waits for ever.
struct Pending {
    account: Arc<Account>,
    request: LeaseRequest,
    /// Dropped last, which wakes whoever waits.
    done: watch::Sender<()>,
    answered: bool,
}

impl Pending {
    fn answer(mut self, answer: Result<LeaseGrant, LedgerUnavailable>) {
        self.deliver(answer);
    }

    fn deliver(&mut self, answer: Result<LeaseGrant, LedgerUnavailable>) {
        if !std::mem::replace(&mut self.answered, true) {
            let request = self.request;
            let outlet = &self.account.outlet;
            let count = if answer.is_ok() { &outlet.answered } else { &outlet.failed };
            count.fetch_add(1, Ordering::Relaxed);
            self.account.with_quota(|quota, jobs| quota.complete(&request, answer, jobs));
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.deliver(Err(LedgerUnavailable));
        // Waiters look at the account only after the answer is in.
        let _ = self.done.send(());
    }
}
