//! When a target is left alone because it fails, and when it is tried again.

use std::collections::VecDeque;

use crate::model::BreakerSettings;

/// The longest time that a target is left alone before it is tried again, unless `open_s` itself is longer.
pub const OPEN_MAX_S: u64 = 60;

/// What one try of a target came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Answered,
    /// It failed in a way that counts.
    Failed,
    /// Nothing can be told: the caller left, or the connection broke in a way that a single request can bring about.
    Unknown,
}

/// What an answer's status says of the target.
#[must_use]
pub fn outcome_of(status: u16) -> Outcome {
    match status {
        502..=504 => Outcome::Failed,
        // Callers are told 503, but what lies behind may be their own.
        408 | 507 => Outcome::Unknown,
        _ => Outcome::Answered,
    }
}

/// A target's breaker.
///
/// What counts: a connection that can't be made, an answer that doesn't come in time, and the answers 502, 503 and 504,
/// so many in a row within the window. Any other answer ends the row, a 500 too: whatever one caller can provoke with a
/// request of its own must not shut out the others. A call that its caller ended counts for nothing, and neither does
/// a failure during whose call another one got an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    /// How many times in a row it opened without an answered call in between.
    openings: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Calls pass. Times of failures since the last answer, the latest `failures` of them.
    Closed { failed_at_us: VecDeque<u64> },
    /// No call passes before that time; then one at a time. While one tries, no other does before `held_until_us`.
    Open { until_us: u64, held_until_us: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failed_at_us: VecDeque::new() }
    }
}

/// What people are shown of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Calls pass.
    Closed,
    /// No call passes before that time.
    Open {
        /// When it is tried again, on the monotonic clock.
        until_us: u64,
    },
    /// One call at a time passes, to try.
    HalfOpen,
}

/// What a breaker says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It passes.
    Pass,
    /// It passes, as the one that tries.
    Try,
    /// It doesn't; in so many microseconds one may, or earlier where the one that tries now has ended.
    Out {
        /// Microseconds.
        next_try_us: u64,
    },
}

impl Breaker {
    /// Whether it has nothing to remember: calls pass, and the last one was answered.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.openings == 0 && matches!(&self.state, State::Closed { failed_at_us } if failed_at_us.is_empty())
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self, now_us: u64) -> Position {
        match self.state {
            State::Closed { .. } => Position::Closed,
            State::Open { until_us, .. } if now_us < until_us => Position::Open { until_us },
            State::Open { .. } => Position::HalfOpen,
        }
    }

    /// What it would say to a call, without letting it pass yet.
    #[must_use]
    pub fn ask(&self, now_us: u64) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until_us, held_until_us } => match until_us.max(held_until_us).checked_sub(now_us) {
                None | Some(0) => Admission::Try,
                Some(next_try_us) => Admission::Out { next_try_us },
            },
        }
    }

    /// Lets a call pass if one may; for [`Admission::Try`], [`Breaker::tried`] must follow.
    ///
    /// Whoever tries keeps others from it for `open_s` at most: a caller who sends its body drop by drop must not hold
    /// the target closed for all.
    pub fn admit(&mut self, settings: &BreakerSettings, now_us: u64) -> Admission {
        let admission = self.ask(now_us);
        if let (Admission::Try, State::Open { held_until_us, .. }) = (admission, &mut self.state) {
            *held_until_us = now_us.saturating_add(settings.open_s.saturating_mul(1_000_000));
        }
        admission
    }

    /// What a call came to that passed as one of many.
    ///
    /// `answered_meanwhile`: whether the target answered another call while this one was under way. Whoever sends calls
    /// that take for ever beside others that are answered shows that the target lives.
    ///
    /// Whether the breaker opened.
    pub fn passed(
        &mut self,
        outcome: Outcome,
        answered_meanwhile: bool,
        settings: &BreakerSettings,
        now_us: u64,
    ) -> bool {
        // What was under way before it opened says nothing new.
        let State::Closed { failed_at_us } = &mut self.state else { return false };
        match outcome {
            Outcome::Unknown => return false,
            Outcome::Answered => {
                failed_at_us.clear();
                self.openings = 0;
                return false;
            }
            Outcome::Failed if answered_meanwhile || !settings.enabled => return false,
            Outcome::Failed => {}
        }
        failed_at_us.push_back(now_us);
        let needed = usize::try_from(settings.failures.max(1)).unwrap_or(usize::MAX);
        while failed_at_us.len() > needed {
            failed_at_us.pop_front();
        }
        let window_us = settings.window_s.saturating_mul(1_000_000);
        let in_window = failed_at_us.front().is_some_and(|first| now_us.saturating_sub(*first) <= window_us);
        let opens = failed_at_us.len() >= needed && in_window;
        if opens {
            self.open(settings, now_us);
        }
        opens
    }

    /// What the call came to that tried. Whether the breaker closed.
    pub fn tried(&mut self, outcome: Outcome, settings: &BreakerSettings, now_us: u64) -> bool {
        let State::Open { until_us, held_until_us } = &mut self.state else { return false };
        match outcome {
            Outcome::Answered => *self = Self::default(),
            // One that tried before it failed again says nothing new.
            Outcome::Failed if now_us < *until_us => {}
            Outcome::Failed => self.open(settings, now_us),
            // The next call may try at once.
            Outcome::Unknown => *held_until_us = 0,
        }
        outcome == Outcome::Answered
    }

    /// The target passes its health checks. Where the time to try has come, calls pass again; that it failed is
    /// remembered until one is answered. Whether the breaker closed.
    pub fn passes_checks(&mut self, now_us: u64) -> bool {
        let due = matches!(self.state, State::Open { until_us, .. } if now_us >= until_us);
        if due {
            self.state = State::default();
        }
        due
    }

    fn open(&mut self, settings: &BreakerSettings, now_us: u64) {
        let longest_s = settings.open_s.max(OPEN_MAX_S);
        let factor = 1_u64.checked_shl(self.openings).unwrap_or(u64::MAX);
        let open_s = settings.open_s.saturating_mul(factor).min(longest_s);
        self.openings = self.openings.saturating_add(1);
        self.state =
            State::Open { until_us: now_us.saturating_add(open_s.saturating_mul(1_000_000)), held_until_us: 0 };
    }
}

#[cfg(test)]
mod tests;
