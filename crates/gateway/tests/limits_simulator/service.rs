//! The service that counts what is handed to it, the calls, and the promises that each of them checks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use limen_gateway::accounts::{AccountKey, Accounts, ChargeRefused, Meter, QuotaTerms, RateTerms, Reading};

use crate::ledger::{FakeLedger, RowKey};

/// What may go wrong under a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Faults {
    /// Clocks jump and limits change, but nothing breaks: the books are exact to the right.
    None,
    /// SIGKILL within one long period: still exact, and what is lost is known.
    Kills,
    /// All at once.
    All,
}

#[derive(Debug, Default)]
pub(crate) struct Clocks {
    pub(crate) true_us: u64,
    /// True time at the boot's zero.
    pub(crate) booted_us: u64,
    pub(crate) wall_us: i64,
}

impl Clocks {
    pub(crate) fn reading(&self) -> Reading {
        Reading { monotonic_us: self.true_us - self.booted_us, wall_us: self.wall_us }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) handed_over: u64,
    pub(crate) given_back: u64,
}

impl Tally {
    pub(crate) fn net(&self) -> u64 {
        self.handed_over - self.given_back
    }
}

/// What the service saw, and every broken promise.
#[derive(Default)]
pub(crate) struct Service {
    pub(crate) paced_us: HashMap<AccountKey, Vec<u64>>,
    pub(crate) tallies: HashMap<RowKey, Tally>,
    /// Bytes that a crash took before they could be debited.
    pub(crate) forgiven_bytes: HashMap<RowKey, u64>,
    /// No rate refusal needs a reason before then.
    pub(crate) blind_until_us: u64,
    pub(crate) broken: Vec<String>,
    pub(crate) calls_under_way: u64,
}

impl Service {
    pub(crate) fn expect(&mut self, kept: bool, promise: impl FnOnce() -> String) {
        if !kept {
            self.broken.push(promise());
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) key: AccountKey,
    pub(crate) rate: RateTerms,
    pub(crate) quota: QuotaTerms,
}

/// What a call will do.
pub(crate) struct Fate {
    pub(crate) steps: u64,
    pub(crate) bytes: u64,
    pub(crate) is_given_back: bool,
}

/// All that a call's task may use.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clocks: Arc<Mutex<Clocks>>,
    pub(crate) ledger: Arc<FakeLedger>,
    pub(crate) service: Arc<Mutex<Service>>,
    pub(crate) faults: Faults,
}

impl Shared {
    pub(crate) fn now(&self) -> (Reading, u64) {
        let clocks = self.clocks.lock().unwrap();
        (clocks.reading(), clocks.true_us)
    }

    pub(crate) async fn call(self, accounts: Accounts, subscription: Subscription, fate: Fate) {
        let (now, true_us) = self.now();
        let paced = accounts.pace(subscription.key, &subscription.rate, now);
        self.check_pace(&subscription, true_us, paced.is_ok());
        if paced.is_err() {
            return;
        }
        let (now, _) = self.now();
        let mut right = match accounts.charge(subscription.key, &subscription.quota, now).await {
            Ok(right) => right,
            Err(refused) => return self.check_refusal(&subscription, refused),
        };
        let taken: Vec<RowKey> = right.figures().map(|f| (subscription.key, f.meter, f.span.begin_us)).collect();
        for figure in right.figures() {
            self.check_charge(&subscription, figure.meter, figure.span.begin_us, figure.remaining);
        }
        for _ in 0..fate.steps {
            tokio::task::yield_now().await;
            right.add_bytes(fate.bytes);
            if let Some(row) = taken.iter().find(|row| row.1 == Meter::Bytes) {
                self.service.lock().unwrap().tallies.entry(*row).or_default().handed_over += fate.bytes;
            }
        }
        if fate.is_given_back {
            right.give_back();
            for row in taken {
                let rights = if row.1 == Meter::Calls { 1 } else { fate.steps * fate.bytes };
                self.service.lock().unwrap().tallies.entry(row).or_default().given_back += rights;
            }
        }
    }

    pub(crate) fn check_pace(&self, subscription: &Subscription, now_us: u64, is_admitted: bool) {
        let mut service = self.service.lock().unwrap();
        let (limit, window_us) = (subscription.rate.calls as usize, subscription.rate.window_us());
        let blind_until_us = service.blind_until_us;
        let admitted = service.paced_us.entry(subscription.key).or_default();
        if is_admitted {
            admitted.push(now_us);
            let in_window = admitted.iter().filter(|&&at_us| at_us + window_us >= now_us).count();
            service.expect(in_window <= limit, || format!("{in_window} calls within {:?}", subscription.rate));
        } else if now_us >= blind_until_us {
            let tick_us = subscription.rate.tick_us();
            let reasons = admitted.iter().filter(|&&at_us| at_us + window_us + tick_us > now_us).count();
            service.expect(reasons >= limit, || format!("paced after {reasons} calls, {:?}", subscription.rate));
        }
    }

    pub(crate) fn check_charge(&self, subscription: &Subscription, meter: Meter, begin_us: i64, remaining: u64) {
        let row = (subscription.key, meter, begin_us);
        let debited = self.ledger.row(row).debited;
        let mut service = self.service.lock().unwrap();
        let forgiven = service.forgiven_bytes.get(&row).copied().unwrap_or(0);
        let tally = service.tallies.entry(row).or_default();
        tally.handed_over += u64::from(meter == Meter::Calls);
        let used = tally.net() - forgiven.min(tally.net());
        let limit = subscription.quota.limit(meter).unwrap();
        let kept = match meter {
            Meter::Calls => used <= limit && used <= debited && used + remaining <= limit,
            Meter::Bytes => used < limit,
        };
        service.expect(kept, || format!("{meter:?}: {used} used of {limit}, {debited} debited, {remaining} remain"));
        let span = subscription.quota.period.span(subscription.quota.start_us, begin_us).unwrap();
        service.expect(span.begin_us == begin_us, || format!("{begin_us} begins no period"));
    }

    pub(crate) fn check_refusal(&self, subscription: &Subscription, refused: ChargeRefused) {
        let (meter, limit) = match refused {
            ChargeRefused::QuotaExceeded { limit, .. } => (Meter::Calls, limit),
            ChargeRefused::BandwidthExceeded { limit, .. } => (Meter::Bytes, limit),
            ChargeRefused::LimitsUnavailable { .. } => {
                let mut service = self.service.lock().unwrap();
                return service.expect(self.faults == Faults::All, || "limits unavailable without reason".into());
            }
        };
        let rows = self.ledger.state.lock().unwrap();
        let is_used_up = rows.rows.iter().any(|(row, figures)| {
            // Bytes are debited a moment after they were carried.
            row.0 == subscription.key && row.1 == meter && (figures.debited >= limit || meter == Meter::Bytes)
        });
        drop(rows);
        let mut service = self.service.lock().unwrap();
        service.expect(is_used_up || limit == 0, || format!("{meter:?} refused with rights left of {limit}"));
    }
}
