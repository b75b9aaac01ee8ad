//! The quota of one account: its purses of the current period, and those of past periods until their books are closed.
//!
//! Nothing waits here: what is to be asked of the ledger is handed back as [`Job`]s, to be sent after the account's
//! lock is released.

use std::sync::Arc;

use limen_rules::period::{Period, Span};
use limen_rules::quota::{AccountKey, LeaseGrant, LeaseRequest, Meter, QuotaTerms};
use tokio::sync::watch;

use super::purse::{Purse, Standing};
use super::slots::Counters;
use super::window_file::WindowFile;
use super::{ChargeRefused, LedgerUnavailable, MeterUsage, QuotaFigures, Reading};

const METERS: [Meter; 2] = [Meter::Calls, Meter::Bytes];

/// Purses of past periods that are kept for calls still under way or while the ledger fails; the oldest go first.
const MOST_PAST: usize = 16;

/// How soon to try again where no period can be told.
const PERIOD_RETRY_US: u64 = 1_000_000;

/// A request to send to the ledger; `done` is dropped after its answer was taken in.
pub(super) struct Job {
    pub(super) request: LeaseRequest,
    pub(super) done: watch::Sender<()>,
}

/// A meter and the period that a right was taken in.
pub(super) type Taken = (Meter, i64);

/// What came of an attempt to charge a call.
pub(super) enum Charge {
    Charged { taken: [Option<Taken>; 2], figures: [Option<QuotaFigures>; 2] },
    Refused(ChargeRefused),
    Wait(watch::Receiver<()>),
}

/// What an attempt to charge may use.
pub(super) struct Attempt<'a> {
    pub(super) key: AccountKey,
    pub(super) terms: &'a QuotaTerms,
    pub(super) now: Reading,
    /// The call's first attempt, not one after waiting.
    pub(super) first: bool,
    pub(super) file: &'a WindowFile,
}

#[derive(Default)]
pub(super) struct Quota {
    placed: Option<(Arc<Period>, i64, Span)>,
    // Boxed: most accounts have one of the two.
    calls: Option<Box<Purse>>,
    bytes: Option<Box<Purse>>,
    past: Vec<Purse>,
    survived: [Option<Counters>; 2],
    /// Places of purses that are done, by meter: the next one's.
    spare: [Option<Counters>; 2],
    /// The latest monotonic time that it was told.
    now_us: u64,
}

impl Quota {
    /// Takes over the counters that an earlier process left.
    pub(super) fn survives(&mut self, meter: Meter, counters: Counters, now_us: u64) {
        *self.survivor(meter) = Some(counters);
        self.now_us = self.now_us.max(now_us);
    }

    /// Whether no call was charged for so long, and the ledger isn't to be left alone.
    pub(super) fn is_idle(&self, now_us: u64, idle_us: u64) -> bool {
        now_us.saturating_sub(self.now_us) >= idle_us && self.purses().all(|purse| purse.backoff_us(now_us) == 0)
    }

    /// Whether the ledger's books tell all that is known here, and nothing is in hand.
    pub(super) fn is_settled(&self) -> bool {
        self.survived.iter().all(Option::is_none) && self.purses().all(|purse| purse.is_done() && purse.held() == 0)
    }

    /// Gives the counters' room back, which a later process would read; to be called where all is settled.
    pub(super) fn let_go(&mut self, file: &WindowFile) {
        for purse in self.calls.iter_mut().chain(&mut self.bytes).map(|purse| &mut **purse).chain(&mut self.past) {
            if let Some(counters) = purse.take_counters() {
                file.release_counters(counters);
            }
        }
        self.spare.iter_mut().filter_map(Option::take).for_each(|counters| file.release_counters(counters));
    }

    fn purses(&self) -> impl Iterator<Item = &Purse> {
        self.calls.iter().chain(&self.bytes).map(|purse| &**purse).chain(&self.past)
    }

    /// Takes a right of each meter that has a limit, or of none.
    pub(super) fn charge(&mut self, attempt: &Attempt<'_>, jobs: &mut Vec<Job>) -> Charge {
        self.now_us = self.now_us.max(attempt.now.monotonic_us);
        let Some(span) = self.place(attempt, jobs) else {
            return Charge::Refused(ChargeRefused::LimitsUnavailable { retry_in_us: PERIOD_RETRY_US });
        };
        let limited = METERS.map(|meter| attempt.terms.limit(meter).map(|limit| (meter, limit)));
        let replenished_in_us = span.replenished_in_us(attempt.now.wall_us);
        let mut wait = None;
        for (meter, limit) in limited.into_iter().flatten() {
            let now_us = self.now_us;
            let Some(purse) = self.current(meter) else { continue };
            if attempt.first && meter == Meter::Calls {
                purse.arrived(now_us);
            }
            match (purse.standing(limit), meter) {
                (Standing::Ready, _) => {}
                (Standing::Exceeded, Meter::Calls) => {
                    return Charge::Refused(ChargeRefused::QuotaExceeded { limit, replenished_in_us });
                }
                (Standing::Exceeded, Meter::Bytes) => {
                    return Charge::Refused(ChargeRefused::BandwidthExceeded { limit, replenished_in_us });
                }
                (Standing::NeedsLease, _) => match lease(purse, attempt.key, now_us, jobs) {
                    Ok(done) => wait = Some(done),
                    Err(retry_in_us) => return Charge::Refused(ChargeRefused::LimitsUnavailable { retry_in_us }),
                },
            }
        }
        if let Some(done) = wait {
            return Charge::Wait(done);
        }
        let (mut taken, mut figures) = ([None; 2], [None; 2]);
        for (at, (meter, limit)) in limited.into_iter().flatten().enumerate() {
            let now_us = self.now_us;
            let Some(purse) = self.current(meter) else { continue };
            purse.admit();
            if purse.is_low() {
                let _ = lease(purse, attempt.key, now_us, jobs);
            }
            let figure = QuotaFigures { meter, limit, remaining: purse.remaining(), span: purse.span };
            if let (Some(taken), Some(place)) = (taken.get_mut(at), figures.get_mut(at)) {
                *taken = Some((meter, purse.span.begin_us));
                *place = Some(figure);
            }
        }
        Charge::Charged { taken, figures }
    }

    /// Sees to it that the current purses are of the period that the call lies in. A call that waited stays with
    /// whatever period is current: its reading of the clock is old.
    fn place(&mut self, attempt: &Attempt<'_>, jobs: &mut Vec<Job>) -> Option<Span> {
        let QuotaTerms { period, start_us, .. } = attempt.terms;
        let is_same = self.placed.as_ref().is_some_and(|(placed, placed_start_us, span)| {
            (Arc::ptr_eq(placed, period) || placed == period)
                && placed_start_us == start_us
                && (!attempt.first || span.contains(attempt.now.wall_us))
        });
        if !is_same {
            let span = period.span(*start_us, attempt.now.wall_us).ok()?;
            self.placed = Some((period.clone(), *start_us, span));
        }
        let span = self.placed.as_ref()?.2;
        for meter in METERS {
            if attempt.terms.limit(meter).is_some() {
                self.place_purse(meter, span, attempt);
            }
        }
        self.close_past(attempt.key, jobs);
        Some(span)
    }

    fn place_purse(&mut self, meter: Meter, span: Span, attempt: &Attempt<'_>) {
        if let Some(purse) = self.current(meter).as_mut().filter(|purse| purse.span.begin_us == span.begin_us) {
            // A day that begins with the month may become the month.
            purse.span = span;
            return;
        }
        let mut old = self.current(meter).take();
        let mut survived = self.survivor(meter).take();
        let counted = survived.as_ref().and_then(Counters::read);
        if let Some(counted) = counted.filter(|counted| counted.span.begin_us != span.begin_us) {
            self.past.push(Purse::new(meter, counted.span, Some(counted)));
        }
        // An account has one place for a meter: of two, a later process could read the older.
        let of_past = self.past.iter_mut().filter(|past| past.meter == meter).find_map(Purse::take_counters);
        let of_done = self.spare[usize::from(meter == Meter::Bytes)].take();
        let counters =
            old.as_mut().and_then(|purse| purse.take_counters()).or(of_past).or(of_done).or_else(|| survived.take());
        let known = self.past.iter().position(|past| past.meter == meter && past.span.begin_us == span.begin_us);
        let mut purse = match known {
            Some(at) => Box::new(self.past.swap_remove(at)),
            None => Box::new(Purse::new(meter, span, counted)),
        };
        purse.span = span;
        purse.set_counters(counters.or_else(|| attempt.file.counters(attempt.key, meter)));
        *self.current(meter) = Some(purse);
        if let Some(old) = old {
            self.past.push(*old);
        }
    }

    /// Asks the ledger to take back what past periods did not use, and forgets the purses that are done.
    fn close_past(&mut self, key: AccountKey, jobs: &mut Vec<Job>) {
        if self.past.is_empty() {
            return;
        }
        let (done, mut left): (Vec<_>, Vec<_>) = self.past.drain(..).partition(Purse::is_done);
        let too_many = left.len().saturating_sub(MOST_PAST);
        for mut gone in left.drain(..too_many).chain(done) {
            if let Some(counters) = gone.take_counters() {
                self.spare[usize::from(gone.meter == Meter::Bytes)] = Some(counters);
            }
        }
        self.past = left;
        for purse in &mut self.past {
            if purse.needs_closing() && purse.waiting().is_none() && purse.backoff_us(self.now_us) == 0 {
                let (request, done) = purse.close(key, self.now_us);
                jobs.push(Job { request, done });
            }
        }
    }

    /// The ledger answered.
    pub(super) fn complete(
        &mut self,
        request: &LeaseRequest,
        answer: Result<LeaseGrant, LedgerUnavailable>,
        jobs: &mut Vec<Job>,
    ) {
        if let Some(purse) = self.find((request.meter, request.period_begin_us)) {
            purse.complete(answer);
        }
        if answer.is_ok() {
            self.trim(request.account, request.meter, jobs);
            self.close_past(request.account, jobs);
        }
    }

    /// Body bytes were carried for a call.
    pub(super) fn carried(&mut self, key: AccountKey, taken: Taken, bytes: u64, jobs: &mut Vec<Job>) {
        let now_us = self.now_us;
        if let Some(purse) = self.find(taken) {
            purse.carried(now_us, bytes);
        }
        if let Some(purse) = self.current(taken.0).as_mut().filter(|purse| purse.is_low()) {
            let _ = lease(purse, key, now_us, jobs);
        }
    }

    /// A right is settled, and so many rights of it are given back, to the period that it was taken in.
    pub(super) fn settle(&mut self, key: AccountKey, taken: Taken, given_back: u64, jobs: &mut Vec<Job>) {
        if let Some(purse) = self.find(taken) {
            if given_back > 0 {
                purse.give_back(given_back);
            }
            purse.settled();
        }
        self.trim(key, taken.0, jobs);
        self.close_past(key, jobs);
    }

    fn trim(&mut self, key: AccountKey, meter: Meter, jobs: &mut Vec<Job>) {
        let now_us = self.now_us;
        let Some(purse) = self.current(meter).as_mut().filter(|purse| purse.holds_too_many()) else { return };
        if purse.waiting().is_none() && purse.backoff_us(now_us) == 0 {
            let (request, done) = purse.trim(key, now_us);
            jobs.push(Job { request, done });
        }
    }

    /// Begins to return all that is in hand, and says what to wait for; nothing if all is returned.
    pub(super) fn close(&mut self, key: AccountKey, jobs: &mut Vec<Job>) -> Vec<watch::Receiver<()>> {
        let now_us = self.now_us;
        for meter in METERS {
            let survived = self.survivor(meter).take();
            if let Some(counted) = survived.as_ref().and_then(Counters::read) {
                let mut purse = Purse::new(meter, counted.span, Some(counted));
                purse.set_counters(survived);
                self.past.push(purse);
            }
        }
        let mut waits = Vec::new();
        for purse in self.calls.iter_mut().chain(&mut self.bytes).map(|purse| &mut **purse).chain(&mut self.past) {
            if purse.waiting().is_none() && purse.needs_closing() {
                let (request, done) = purse.close(key, now_us);
                jobs.push(Job { request, done });
            }
            waits.extend(purse.waiting());
        }
        waits
    }

    /// What to wait for until the ledger has answered all requests.
    #[cfg(test)]
    pub(super) fn under_way(&mut self) -> Vec<watch::Receiver<()>> {
        self.purses().filter_map(Purse::waiting).collect()
    }

    /// What was used of a meter in the current period.
    pub(super) fn usage(&self, meter: Meter) -> Option<MeterUsage> {
        let purse = match meter {
            Meter::Calls => self.calls.as_deref(),
            Meter::Bytes => self.bytes.as_deref(),
        };
        let purse = purse.filter(|purse| purse.is_opened())?;
        Some(MeterUsage {
            span: purse.span,
            limit: purse.limit(),
            used: purse.used(),
            held: purse.held(),
            lost: purse.lost(),
        })
    }

    fn current(&mut self, meter: Meter) -> &mut Option<Box<Purse>> {
        match meter {
            Meter::Calls => &mut self.calls,
            Meter::Bytes => &mut self.bytes,
        }
    }

    fn survivor(&mut self, meter: Meter) -> &mut Option<Counters> {
        let [calls, bytes] = &mut self.survived;
        match meter {
            Meter::Calls => calls,
            Meter::Bytes => bytes,
        }
    }

    fn find(&mut self, (meter, begin_us): Taken) -> Option<&mut Purse> {
        let purses = self.calls.iter_mut().chain(&mut self.bytes).map(|purse| &mut **purse).chain(&mut self.past);
        purses.into_iter().find(|purse| purse.meter == meter && purse.span.begin_us == begin_us)
    }
}

/// Joins the request under way or begins one; the time to wait if the ledger is to be left alone.
fn lease(purse: &mut Purse, key: AccountKey, now_us: u64, jobs: &mut Vec<Job>) -> Result<watch::Receiver<()>, u64> {
    if let Some(done) = purse.waiting() {
        return Ok(done);
    }
    match purse.backoff_us(now_us) {
        0 => {}
        backoff_us => return Err(backoff_us),
    }
    let (request, done) = purse.lease(key, now_us);
    let receiver = done.subscribe();
    jobs.push(Job { request, done });
    Ok(receiver)
}
