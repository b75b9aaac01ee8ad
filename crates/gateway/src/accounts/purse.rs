//! One meter's rights in one period: what is in hand, what was spent, and when to ask the ledger for more.
//!
//! A state machine without waiting; `quota.rs` holds the purses of an account, `refill.rs` talks to the ledger.

use limen_rules::period::Span;
use limen_rules::quota::{AccountKey, LeaseGrant, LeaseRequest, MAX_FIGURE, Meter, Spent};
use tokio::sync::watch;

use super::LedgerUnavailable;
use super::slots::{Counted, Counters};

const MINUTE_US: u64 = 60_000_000;
const FIRST_RETRY_US: u64 = 100_000;
const LONGEST_RETRY_US: u64 = 5_000_000;

/// Whether a call may be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A right is in hand.
    Ready,
    /// The limit leaves some, but none is in hand.
    NeedsLease,
    /// The limit is used up.
    Exceeded,
}

/// How much was used lately: this minute, and the part of the one before that is less than 60 s ago.
#[derive(Clone, Copy, Debug, Default)]
struct LastMinute {
    began_us: u64,
    current: u64,
    previous: u64,
}

impl LastMinute {
    fn add(&mut self, now_us: u64, used: u64) {
        let elapsed_us = now_us.saturating_sub(self.began_us);
        if elapsed_us >= MINUTE_US {
            self.previous = if elapsed_us < 2 * MINUTE_US { self.current } else { 0 };
            self.began_us = now_us - now_us % MINUTE_US;
            self.current = 0;
        }
        self.current = self.current.saturating_add(used);
    }

    fn used(&self, now_us: u64) -> u64 {
        let elapsed_us = now_us.saturating_sub(self.began_us);
        if elapsed_us >= 2 * MINUTE_US {
            return 0;
        }
        let within = |used: u64, left_us: u64| (u128::from(used) * u128::from(left_us) / u128::from(MINUTE_US)) as u64;
        if elapsed_us >= MINUTE_US {
            return within(self.current, 2 * MINUTE_US - elapsed_us);
        }
        self.current.saturating_add(within(self.previous, MINUTE_US - elapsed_us))
    }
}

/// A request under way. Whoever waits for it is woken when the sender is dropped.
struct InFlight {
    done: watch::Receiver<()>,
    /// Bytes owed that the request makes good.
    covers: u64,
    /// What was in hand when it was sent.
    held: u64,
}

/// The rights of one account, meter and period.
pub(super) struct Purse {
    pub(super) meter: Meter,
    pub(super) span: Span,
    limit: u64,
    /// The ledger has answered: the figures are the row's and not just this process's.
    opened: bool,
    /// What survived of an earlier process's spending, until the ledger has answered.
    survived: Option<Spent>,
    debited: u64,
    lost: u64,
    handed_over: u64,
    given_back: u64,
    /// Rights given up, whether or not the ledger's answer came: it counts them once.
    returned: u64,
    /// Negative while bytes are owed.
    held: i64,
    /// How many rights the ledger last let this purse hold: the lease.
    level: u64,
    rights_out: u32,
    /// Something was spent or given back that the ledger wasn't told of.
    unrecorded: bool,
    in_flight: Option<InFlight>,
    failures: u32,
    retry_at_us: u64,
    last_minute: LastMinute,
    counters: Option<Counters>,
}

impl Purse {
    /// A purse that knows nothing of its row but what survived in the counters, if that is of the same period.
    pub(super) fn new(meter: Meter, span: Span, survived: Option<Counted>) -> Purse {
        let survived = survived.filter(|counted| counted.span.begin_us == span.begin_us);
        Purse {
            meter,
            span,
            limit: 0,
            opened: false,
            survived: survived.map(|c| Spent { handed_over: c.handed_over, given_back: c.given_back, held: 0 }),
            debited: 0,
            lost: 0,
            handed_over: 0,
            given_back: 0,
            returned: 0,
            held: 0,
            level: 0,
            rights_out: 0,
            unrecorded: false,
            in_flight: None,
            failures: 0,
            retry_at_us: 0,
            last_minute: LastMinute::default(),
            counters: None,
        }
    }

    /// Rights of the row that can't be taken any more.
    pub(super) fn used(&self) -> u64 {
        self.handed_over.saturating_sub(self.given_back).saturating_add(self.lost)
    }

    /// What the limit leaves.
    pub(super) fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used())
    }

    /// Whether the ledger has told what was used before.
    pub(super) fn is_opened(&self) -> bool {
        self.opened
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn held(&self) -> u64 {
        self.held.max(0).unsigned_abs()
    }

    /// Whether a call may be charged under this limit.
    pub(super) fn standing(&mut self, limit: u64) -> Standing {
        self.limit = limit;
        if !self.opened {
            return if limit == 0 { Standing::Exceeded } else { Standing::NeedsLease };
        }
        if self.used() >= limit {
            Standing::Exceeded
        } else if self.held > 0 {
            Standing::Ready
        } else if self.debited >= limit && self.in_flight.is_none() {
            Standing::Exceeded
        } else {
            Standing::NeedsLease
        }
    }

    /// A call arrived: what the next lease is measured by.
    pub(super) fn arrived(&mut self, now_us: u64) {
        self.last_minute.add(now_us, 1);
    }

    /// A call is admitted, which can be given back.
    pub(super) fn admit(&mut self) {
        self.rights_out += 1;
        if self.meter == Meter::Calls {
            self.spend(1);
        }
    }

    /// Bytes were carried; they may exceed what is in hand.
    pub(super) fn carried(&mut self, now_us: u64, bytes: u64) {
        self.last_minute.add(now_us, bytes);
        self.spend(bytes);
    }

    /// The counter is stored before the right is out of the purse's hands.
    fn spend(&mut self, rights: u64) {
        self.handed_over = self.handed_over.saturating_add(rights).min(MAX_FIGURE);
        if let Some(counters) = &self.counters {
            counters.set_handed_over(self.handed_over);
        }
        self.held = self.held.saturating_sub_unsigned(rights);
        self.unrecorded = true;
    }

    /// Rights come back and can be spent again.
    pub(super) fn give_back(&mut self, rights: u64) {
        self.given_back = self.given_back.saturating_add(rights).min(self.handed_over);
        if let Some(counters) = &self.counters {
            counters.set_given_back(self.given_back);
        }
        self.held = self.held.saturating_add_unsigned(rights);
        self.unrecorded = true;
    }

    /// A right is settled: nothing more comes of it.
    pub(super) fn settled(&mut self) {
        self.rights_out = self.rights_out.saturating_sub(1);
    }

    /// Whether the last moment to ask without making a call wait has come: half is spent, or bytes are owed.
    pub(super) fn is_low(&self) -> bool {
        self.opened && (self.held < 0 || (self.held() <= self.level / 2 && self.debited < self.limit))
    }

    /// Whether there is something to tell the ledger when the period is over.
    pub(super) fn needs_closing(&self) -> bool {
        self.survived.is_some() || (self.opened && (self.unrecorded || self.held > 0))
    }

    /// Whether nothing more can happen to it.
    pub(super) fn is_done(&self) -> bool {
        self.rights_out == 0 && self.in_flight.is_none() && !self.needs_closing()
    }

    /// The request under way, if there is one.
    pub(super) fn waiting(&self) -> Option<watch::Receiver<()>> {
        self.in_flight.as_ref().map(|request| request.done.clone())
    }

    /// How long the ledger is to be left alone after a failure; 0 if it may be asked.
    pub(super) fn backoff_us(&self, now_us: u64) -> u64 {
        if self.failures == 0 { 0 } else { self.retry_at_us.saturating_sub(now_us) }
    }

    /// Begins a request for more rights. The sender is to be dropped after [`Purse::complete`].
    pub(super) fn lease(&mut self, account: AccountKey, now_us: u64) -> (LeaseRequest, watch::Sender<()>) {
        self.begin(account, now_us, 1)
    }

    /// Whether rights that came back made it hold more than a lease: a crash is to take no more than that.
    pub(super) fn holds_too_many(&self) -> bool {
        self.opened && self.held() > self.level
    }

    /// Begins a request that returns what is beyond a lease.
    pub(super) fn trim(&mut self, account: AccountKey, now_us: u64) -> (LeaseRequest, watch::Sender<()>) {
        let returned = self.held().saturating_sub(self.level);
        self.give_up(account, now_us, returned)
    }

    /// Begins a request that returns what is in hand and records what was spent.
    pub(super) fn close(&mut self, account: AccountKey, now_us: u64) -> (LeaseRequest, watch::Sender<()>) {
        let returned = self.held();
        self.give_up(account, now_us, returned)
    }

    /// What is returned is out of hand at once, whatever the ledger answers.
    fn give_up(&mut self, account: AccountKey, now_us: u64, rights: u64) -> (LeaseRequest, watch::Sender<()>) {
        self.held = self.held.saturating_sub_unsigned(rights);
        self.returned = self.returned.saturating_add(rights).min(MAX_FIGURE);
        self.begin(account, now_us, 0)
    }

    fn spent(&self) -> Spent {
        Spent { handed_over: self.handed_over, given_back: self.given_back, held: self.held() }
    }

    fn begin(&mut self, account: AccountKey, now_us: u64, minimum: u64) -> (LeaseRequest, watch::Sender<()>) {
        let (sender, done) = watch::channel(());
        self.in_flight = Some(InFlight { done, covers: self.held.min(0).unsigned_abs(), held: self.held() });
        self.unrecorded = false;
        // Should the request fail, the ledger is left alone for longer each time.
        self.retry_at_us = now_us.saturating_add((FIRST_RETRY_US << self.failures.min(6)).min(LONGEST_RETRY_US));
        let request = LeaseRequest {
            account,
            meter: self.meter,
            period_begin_us: self.span.begin_us,
            period_end_us: self.span.end_us,
            limit: self.limit,
            used_last_minute: self.last_minute.used(now_us),
            minimum,
            spent: if self.opened { Some(self.spent()) } else { self.survived },
            returned: self.returned,
        };
        (request, sender)
    }

    /// The ledger's answer to the request under way.
    pub(super) fn complete(&mut self, answer: Result<LeaseGrant, LedgerUnavailable>) {
        let Some(request) = self.in_flight.take() else { return };
        let Ok(grant) = answer else {
            self.failures = self.failures.saturating_add(1);
            self.unrecorded = true;
            return;
        };
        self.failures = 0;
        if !self.opened {
            self.opened = true;
            self.survived = None;
            self.handed_over = grant.row.handed_over;
            self.given_back = grant.row.given_back;
            self.returned = grant.row.returned;
            self.store_counters();
        }
        self.debited = grant.row.debited;
        self.lost = grant.row.lost;
        self.held = self.held.saturating_add_unsigned(grant.granted).saturating_add_unsigned(request.covers);
        self.level = request.held.saturating_add(grant.granted);
    }

    /// Gives the purse a place for its counters; they are written once the purse knows its row.
    pub(super) fn set_counters(&mut self, counters: Option<Counters>) {
        self.counters = counters;
        if self.opened {
            self.store_counters();
        }
    }

    /// Takes the place of the counters away, for the purse of another period.
    pub(super) fn take_counters(&mut self) -> Option<Counters> {
        self.counters.take()
    }

    fn store_counters(&self) {
        if let Some(counters) = &self.counters {
            let Spent { handed_over, given_back, .. } = self.spent();
            counters.begin(Counted { span: self.span, handed_over, given_back });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use limen_rules::quota::{QuotaRow, debit};

    const SPAN: Span = Span { begin_us: 0, end_us: 1_000 };

    fn refill(purse: &mut Purse, row: &mut QuotaRow, now_us: u64) -> u64 {
        let (request, _done) = purse.lease(AccountKey(1), now_us);
        let (next, grant) = debit(*row, &request);
        *row = next;
        purse.complete(Ok(grant));
        grant.granted
    }

    #[test]
    fn the_last_minute() {
        let mut last_minute = LastMinute::default();
        last_minute.add(MINUTE_US, 60);
        assert_eq!(last_minute.used(MINUTE_US + 1), 60);
        assert_eq!(last_minute.used(2 * MINUTE_US + MINUTE_US / 2), 30);
        last_minute.add(2 * MINUTE_US, 5);
        assert_eq!(last_minute.used(2 * MINUTE_US + MINUTE_US / 2), 35);
        assert_eq!(last_minute.used(5 * MINUTE_US), 0);
    }

    #[test]
    fn a_lone_caller_gets_exactly_n() {
        let (mut purse, mut row) = (Purse::new(Meter::Calls, SPAN, None), QuotaRow::default());
        let mut admitted = 0;
        for now_us in 0..3_000 {
            purse.arrived(now_us);
            if purse.standing(1_000) == Standing::NeedsLease {
                refill(&mut purse, &mut row, now_us);
            }
            if purse.standing(1_000) == Standing::Ready {
                purse.admit();
                admitted += 1;
            }
            if purse.is_low() {
                refill(&mut purse, &mut row, now_us);
            }
            assert!(row.debited <= 1_000 && purse.held() <= 1_000 / 64);
        }
        assert_eq!((admitted, row.debited, purse.standing(1_000)), (1_000, 1_000, Standing::Exceeded));
        assert_eq!(purse.standing(1_001), Standing::NeedsLease);
        assert_eq!(purse.standing(10), Standing::Exceeded);
    }

    #[test]
    fn a_lowered_limit_stops_what_is_in_hand() {
        let (mut purse, mut row) = (Purse::new(Meter::Calls, SPAN, None), QuotaRow::default());
        for _ in 0..100 {
            purse.arrived(0);
        }
        purse.standing(6_400);
        assert_eq!(refill(&mut purse, &mut row, 0), 100);
        purse.admit();
        assert_eq!(purse.standing(2), Standing::Ready);
        purse.admit();
        assert_eq!(purse.standing(2), Standing::Exceeded);
        purse.give_back(1);
        assert_eq!(purse.standing(2), Standing::Ready);
    }

    #[test]
    fn bytes_owed_are_debited() {
        let (mut purse, mut row) = (Purse::new(Meter::Bytes, SPAN, None), QuotaRow::default());
        purse.standing(100);
        refill(&mut purse, &mut row, 0);
        purse.admit();
        purse.carried(0, 70);
        assert!(purse.is_low());
        refill(&mut purse, &mut row, 0);
        assert_eq!((purse.held(), row.debited, purse.standing(100)), (1, 71, Standing::Ready));
        purse.admit();
        purse.carried(0, 80);
        refill(&mut purse, &mut row, 0);
        assert_eq!((purse.held(), row.debited, purse.standing(100)), (0, 150, Standing::Exceeded));
        assert!(!purse.is_low());
    }

    #[test]
    fn what_is_returned_is_out_of_hand_at_once() {
        let (mut purse, mut row) = (Purse::new(Meter::Calls, SPAN, None), QuotaRow::default());
        purse.arrived(0);
        purse.arrived(0);
        purse.standing(640);
        refill(&mut purse, &mut row, 0);
        purse.admit();
        let (request, _done) = purse.close(AccountKey(1), 0);
        assert_eq!((request.returned, purse.held()), (1, 0));
        let (row, grant) = debit(row, &request);
        purse.complete(Ok(grant));
        assert_eq!(row, QuotaRow { debited: 1, handed_over: 1, returned: 1, ..QuotaRow::default() });
        assert!(!purse.needs_closing() && !purse.is_done());
        purse.give_back(1);
        purse.settled();
        assert!(purse.needs_closing());
    }

    #[test]
    fn a_failing_ledger_is_left_alone_for_longer_each_time() {
        let mut purse = Purse::new(Meter::Calls, SPAN, None);
        let mut now_us = 0;
        for expected_us in [100_000, 200_000, 400_000, 800_000, 1_600_000, 3_200_000, 5_000_000, 5_000_000] {
            assert_eq!(purse.backoff_us(now_us), 0);
            drop(purse.lease(AccountKey(1), now_us));
            purse.complete(Err(LedgerUnavailable));
            assert_eq!(purse.backoff_us(now_us), expected_us);
            now_us += expected_us;
        }
    }
}
