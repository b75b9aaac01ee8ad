//! What is remembered of one target, and the handle of a call that was given it.
//!
//! A target that answers costs a call a few atomics; only one that failed is looked at under its lock, which is never
//! held while anything waits.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limen_rules::breaker::{Admission, Breaker, Outcome, Position, outcome_of};
use limen_rules::health::{Checked, Verdict};
use limen_rules::model::{Api, BreakerSettings, Health, Name};
use limen_rules::target::Target;

use crate::pool::ServiceTls;

/// What is remembered of one target of one API.
#[derive(Debug)]
pub struct TargetState {
    /// Where it is.
    pub target: Arc<Target>,
    /// How it is verified, where it is spoken to over TLS.
    pub(crate) tls: Option<Arc<ServiceTls>>,
    api: Name,
    in_flight: AtomicU32,
    /// Calls that it answered since the process began.
    answered: AtomicU64,
    /// The breaker has nothing to remember and no check speaks against the target: no lock is needed.
    is_quiet: AtomicBool,
    guarded: Mutex<Guarded>,
}

#[derive(Debug, Default)]
struct Guarded {
    breaker: Breaker,
    checked: Checked,
    /// When it is checked next.
    next_check_at_us: u64,
}

/// What people are shown of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetStatus {
    /// Calls that it carries.
    pub in_flight: u32,
    /// Calls that it answered since the process began.
    pub answered: u64,
    /// Where its breaker stands.
    pub position: Position,
    /// What its checks say.
    pub verdict: Verdict,
}

impl TargetStatus {
    /// Whether it gets calls as usual.
    #[must_use]
    pub fn is_in(&self) -> bool {
        self.position == Position::Closed && self.verdict != Verdict::Unhealthy
    }

    /// Whether it was seen to answer.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.is_in() && (self.answered > 0 || self.verdict == Verdict::Healthy)
    }
}

impl TargetState {
    pub(super) fn new(api: &Name, target: Target) -> Self {
        Self {
            tls: target.security.clone().map(|security| Arc::new(ServiceTls::new(security))),
            target: Arc::new(target),
            api: Arc::clone(api),
            in_flight: AtomicU32::new(0),
            answered: AtomicU64::new(0),
            is_quiet: AtomicBool::new(true),
            guarded: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called before a lock is let go of under which something changed.
    fn settle(&self, guarded: &Guarded) {
        let is_quiet = guarded.breaker.is_quiet() && guarded.checked.verdict() != Verdict::Unhealthy;
        self.is_quiet.store(is_quiet, Ordering::Release);
    }

    fn is_quiet(&self) -> bool {
        self.is_quiet.load(Ordering::Acquire)
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether a call may be given it now.
    pub(super) fn may_pass(&self, now_us: impl Fn() -> u64) -> bool {
        if self.is_quiet() {
            return true;
        }
        let guarded = self.lock();
        let is_out = guarded.checked.verdict() == Verdict::Unhealthy;
        !is_out && !matches!(guarded.breaker.ask(now_us()), Admission::Out { .. })
    }

    /// Gives it to a call, if one may have it.
    pub(super) fn admit(self: &Arc<Self>, settings: BreakerSettings, now_us: impl Fn() -> u64) -> Option<Picked> {
        let mut tries = false;
        if !self.is_quiet() {
            let mut guarded = self.lock();
            if guarded.checked.verdict() == Verdict::Unhealthy {
                return None;
            }
            match guarded.breaker.admit(&settings, now_us()) {
                Admission::Pass => {}
                Admission::Try => tries = true,
                Admission::Out { .. } => return None,
            }
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let answered_before = self.answered.load(Ordering::Relaxed);
        Some(Picked { state: Arc::clone(self), settings, tries, answered_before })
    }

    /// Microseconds until it may be tried; `None`: now.
    pub(super) fn next_try_us(&self, api: &Api, now_us: u64) -> Option<u64> {
        if self.is_quiet() {
            return None;
        }
        let guarded = self.lock();
        let by_breaker = match guarded.breaker.ask(now_us) {
            Admission::Pass | Admission::Try => None,
            Admission::Out { next_try_us } => Some(next_try_us),
        };
        let missing = api.health.as_ref().map_or(0, |health| guarded.checked.checks_missing(health));
        if missing == 0 {
            return by_breaker;
        }
        // A check is made up to a tenth of its interval late, and takes its time.
        let interval_us = api.health.as_ref().map_or(0, |health| health.interval_s * 1_100_000);
        let next_check_us = guarded.next_check_at_us.saturating_sub(now_us);
        let by_checks = next_check_us + u64::from(missing - 1) * interval_us + 500_000;
        Some(by_checks.max(by_breaker.unwrap_or(0)))
    }

    /// As people are shown it.
    #[must_use]
    pub fn status(&self, now_us: u64) -> TargetStatus {
        let guarded = self.lock();
        TargetStatus {
            in_flight: self.in_flight(),
            answered: self.answered.load(Ordering::Relaxed),
            position: guarded.breaker.position(now_us),
            verdict: guarded.checked.verdict(),
        }
    }

    /// When the next check is made.
    pub(super) fn will_be_checked_at(&self, at_us: u64) {
        self.lock().next_check_at_us = at_us;
    }

    /// Takes in the outcome of a check.
    pub(super) fn checked(&self, failure: Option<&str>, health: &Health, now_us: u64) {
        let mut guarded = self.lock();
        let turned = guarded.checked.step(failure.is_none(), health);
        let verdict = guarded.checked.verdict();
        let closed = verdict == Verdict::Healthy && failure.is_none() && guarded.breaker.passes_checks(now_us);
        self.settle(&guarded);
        drop(guarded);
        let (api, target) = (&*self.api, &*self.target.address);
        match failure {
            Some(words) if turned => tracing::warn!(api, target, words, "a target fails its health checks"),
            None if turned || closed => tracing::info!(api, target, "a target passes its health checks"),
            _ => {}
        }
    }

    /// Its breaker was switched off.
    pub(super) fn forget_failures(&self) {
        let mut guarded = self.lock();
        guarded.breaker = Breaker::default();
        self.settle(&guarded);
    }

    /// Nobody checks it any longer.
    pub(super) fn forget_checks(&self) {
        let mut guarded = self.lock();
        guarded.checked = Checked::default();
        self.settle(&guarded);
    }

    fn ended(&self, outcome: Outcome, tries: bool, answered_before: u64, settings: BreakerSettings, now_us: u64) {
        let answered_meanwhile = self.answered.load(Ordering::Relaxed) != answered_before;
        if outcome == Outcome::Answered {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        let says_nothing_new = match outcome {
            Outcome::Answered => self.is_quiet(),
            Outcome::Unknown => true,
            Outcome::Failed => false,
        };
        if says_nothing_new && !tries {
            return;
        }
        let mut guarded = self.lock();
        let was_open = guarded.breaker.position(now_us) != Position::Closed;
        if tries {
            guarded.breaker.tried(outcome, &settings, now_us);
        } else {
            guarded.breaker.passed(outcome, answered_meanwhile, &settings, now_us);
        }
        let position = guarded.breaker.position(now_us);
        self.settle(&guarded);
        drop(guarded);
        let (api, target) = (&*self.api, &*self.target.address);
        match position {
            Position::Open { until_us } if !was_open => {
                let open_s = until_us.saturating_sub(now_us) / 1_000_000;
                tracing::warn!(api, target, open_s, "a target failed too often and is left alone");
            }
            Position::Closed if was_open => tracing::info!(api, target, "a target answers again"),
            Position::Closed | Position::Open { .. } | Position::HalfOpen => {}
        }
    }
}

/// A call that a target carries, once the head of its answer came, to the end of the answer's body.
#[derive(Debug)]
pub(crate) struct UnderWay(Picked);

impl UnderWay {
    /// Where it went.
    pub(crate) fn target(&self) -> &Arc<Target> {
        self.0.target()
    }
}

/// A target that a call was given, and that carries it until this is dropped. Whoever has it tells what came of it;
/// dropped without a word, the call was ended by its caller, or in a way that says nothing of the target.
#[derive(Debug)]
pub(crate) struct Picked {
    state: Arc<TargetState>,
    settings: BreakerSettings,
    tries: bool,
    answered_before: u64,
}

impl Picked {
    /// Where to go.
    pub(crate) fn target(&self) -> &Arc<Target> {
        &self.state.target
    }

    pub(crate) fn state(&self) -> &Arc<TargetState> {
        &self.state
    }

    /// The head of an answer came. The target carries the call until what is given back is dropped.
    pub(crate) fn answered(mut self, status: u16, now_us: impl FnOnce() -> u64) -> UnderWay {
        self.end(outcome_of(status), now_us);
        UnderWay(self)
    }

    /// No connection could be made, or no answer came in time.
    pub(crate) fn failed(&mut self, now_us: impl FnOnce() -> u64) {
        self.end(Outcome::Failed, now_us);
    }

    fn end(&mut self, outcome: Outcome, now_us: impl FnOnce() -> u64) {
        // The clock is read only where the breaker has something to remember.
        let needs_time = self.tries || outcome == Outcome::Failed || !self.state.is_quiet();
        let now_us = if needs_time { now_us() } else { 0 };
        self.state.ended(outcome, self.tries, self.answered_before, self.settings, now_us);
        self.tries = false;
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        if self.tries {
            self.end(Outcome::Unknown, || 0);
        }
        self.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
