//! The rate window: a run-length log of admitted calls that never lets more than N into any window of W.
//!
//! Time is cut into ticks; all calls of a tick leave the log together, W after the tick's end. A log lives in a
//! [`Ring`] that its owner provides, which may outlive the process: stores are ordered so that an admitted call is
//! counted whenever the process ends. This module knows no clock, no file and no account.

const MICROSECONDS_PER_MILLISECOND: u64 = 1_000;
const MICROSECONDS_PER_SECOND: u64 = 1_000_000;
const SHORTEST_TICK_US: u64 = 1_000;
const TICKS_PER_WINDOW: u64 = 4_096;

/// Bits of a run's word that hold its count; the others hold its tick.
const COUNT_BITS: u32 = 20;

/// The most calls that a window can admit; a higher limit counts as this one.
pub const MAX_CALLS: u32 = (1 << COUNT_BITS) - 1;

/// How far in the future a restored log's last tick may lie: a tick of the longest window, and some.
const FUTURE_ALLOWED_US: u64 = MICROSECONDS_PER_SECOND;

/// What a product allows: so many calls in any window of so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateTerms {
    /// Calls admitted in any window, N; more than [`MAX_CALLS`] counts as that.
    pub calls: u32,
    /// Length of the window in milliseconds, W.
    pub window_ms: u32,
}

impl RateTerms {
    /// Length of the window in microseconds.
    pub fn window_us(&self) -> u64 {
        u64::from(self.window_ms) * MICROSECONDS_PER_MILLISECOND
    }

    /// How many runs a ring needs for these terms: one for each call or for each live tick.
    pub fn runs_needed(&self) -> usize {
        let live_ticks = self.window_us().div_ceil(self.tick_us()) + 1;
        usize::try_from(live_ticks.min(u64::from(self.limit()))).unwrap_or(usize::MAX).max(1)
    }

    /// Length of a tick in microseconds: at least 1 ms, at most a 4096th of the window, rounded up.
    pub fn tick_us(&self) -> u64 {
        self.window_us().div_ceil(TICKS_PER_WINDOW).max(SHORTEST_TICK_US)
    }

    fn limit(&self) -> u32 {
        self.calls.min(MAX_CALLS)
    }

    /// When a call of this tick no longer counts.
    fn leaves_us(&self, tick: u64) -> u64 {
        (tick + 1).saturating_mul(self.tick_us()).saturating_add(self.window_us())
    }
}

/// A call may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paced {
    /// Calls that a window admits.
    pub limit: u32,
    /// Calls that would be admitted now, after this one.
    pub remaining: u32,
    /// Whole seconds, rounded up, until the oldest call in the window leaves it.
    pub reset_s: u64,
}

/// The window is full. The call isn't counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateExceeded {
    /// Calls that a window admits.
    pub limit: u32,
    /// Length of the window in milliseconds.
    pub window_ms: u32,
    /// Calls in the window, without the refused one.
    pub calls_in_window: u32,
    /// Whole seconds, rounded up and at least 1, until a call is admitted again.
    pub retry_after_s: u64,
}

/// Microseconds as whole seconds, rounded up and at least 1: what `Retry-After` says.
pub fn retry_after_s(wait_us: u64) -> u64 {
    wait_us.div_ceil(MICROSECONDS_PER_SECOND).max(1)
}

/// The calls admitted within one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The tick's number since the clock's zero.
    pub tick: u64,
    /// How many calls, at most [`MAX_CALLS`].
    pub count: u32,
}

impl Run {
    /// The run in one word, so that it is stored at once or not at all.
    pub fn to_word(self) -> u64 {
        self.tick << COUNT_BITS | u64::from(self.count.min(MAX_CALLS))
    }

    /// The run that [`Run::to_word`] wrote.
    pub fn from_word(word: u64) -> Run {
        Run { tick: word >> COUNT_BITS, count: (word as u32) & MAX_CALLS }
    }
}

/// Which part of a ring is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the oldest run.
    pub first: usize,
    /// Number of runs in use.
    pub length: usize,
}

/// Where a log's runs are kept. Each setter stores at once or not at all, and in the order of the calls.
pub trait Ring {
    /// Runs that fit, at least 1.
    fn capacity(&self) -> usize;
    /// Which part is in use.
    fn cursor(&self) -> Cursor;
    /// Changes which part is in use.
    fn set_cursor(&mut self, cursor: Cursor);
    /// The run at an index below the capacity.
    fn run(&self, index: usize) -> Run;
    /// Replaces the run at an index below the capacity.
    fn set_run(&mut self, index: usize, run: Run);
}

/// A ring's contents contradict themselves or the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rate log contradicts itself")]
pub struct CorruptLog;

/// The log of one account.
#[derive(Clone, Debug)]
pub struct RateLog<R> {
    ring: R,
    window_ms: u32,
    total: u32,
    latest_us: u64,
}

impl<R: Ring> RateLog<R> {
    /// An empty log; empties the ring.
    pub fn new(mut ring: R, window_ms: u32) -> RateLog<R> {
        ring.set_cursor(Cursor::default());
        RateLog { ring, window_ms, total: 0, latest_us: 0 }
    }

    /// The log of a ring whose owner keeps the rest of it: `total` as [`RateLog::total`] said, and a time that is no
    /// earlier than any that the log was told.
    pub fn resume(ring: R, window_ms: u32, total: u32, latest_us: u64) -> RateLog<R> {
        RateLog { ring, window_ms, total, latest_us }
    }

    /// The log that an earlier process left in this ring, for the same window and on the same clock.
    ///
    /// # Errors
    /// [`CorruptLog`]; nothing is known of the window then.
    pub fn restore(ring: R, window_ms: u32, now_us: u64) -> Result<RateLog<R>, CorruptLog> {
        let cursor = ring.cursor();
        if cursor.first >= ring.capacity() || cursor.length > ring.capacity() {
            return Err(CorruptLog);
        }
        let mut log = RateLog { ring, window_ms, total: 0, latest_us: now_us };
        let (mut previous, mut total) = (None, 0u32);
        for run in log.runs() {
            let in_order = previous.is_none_or(|tick| tick < run.tick);
            total = total.saturating_add(run.count);
            if !in_order || run.count == 0 || total > MAX_CALLS {
                return Err(CorruptLog);
            }
            previous = Some(run.tick);
        }
        log.total = total;
        let newest_us = previous.unwrap_or(0).saturating_mul(log.terms(0).tick_us());
        if newest_us > now_us.saturating_add(FUTURE_ALLOWED_US) { Err(CorruptLog) } else { Ok(log) }
    }

    /// Admits a call at `now_us` of a monotonic clock, or says when to try again. Should the clock go back, time
    /// stands still until it has caught up.
    ///
    /// # Errors
    /// [`RateExceeded`]; nothing is counted then.
    pub fn admit(&mut self, calls: u32, now_us: u64) -> Result<Paced, RateExceeded> {
        let terms = self.terms(calls);
        self.expire(now_us);
        let limit = terms.limit();
        if self.total >= limit {
            return Err(RateExceeded {
                limit,
                window_ms: self.window_ms,
                calls_in_window: self.total,
                retry_after_s: retry_after_s(self.frees_in_us(&terms, now_us)),
            });
        }
        self.append(Run { tick: self.latest_us / terms.tick_us(), count: 1 });
        self.total += 1;
        let oldest = self.runs().next().map_or(0, |run| terms.leaves_us(run.tick));
        let reset_s = retry_after_s(oldest.saturating_sub(now_us));
        Ok(Paced { limit, remaining: limit - self.total, reset_s })
    }

    /// Calls in the window at `now_us`.
    pub fn calls_in_window(&mut self, now_us: u64) -> u32 {
        self.expire(now_us);
        self.total
    }

    /// Whether a call at this moment can be counted where the log is, under these terms; else see
    /// [`RateLog::copy_into`]. A ring that holds less than the terms may need is enough until it is full.
    pub fn has_room(&mut self, terms: &RateTerms, now_us: u64) -> bool {
        if self.window_ms != terms.window_ms {
            return false;
        }
        let (capacity, length) = (self.ring.capacity(), self.ring.cursor().length);
        if length < capacity || capacity >= terms.runs_needed() {
            return true;
        }
        self.expire(now_us);
        self.ring.cursor().length < capacity || self.total >= terms.limit()
    }

    /// Runs that the ring should have that takes this log over under these terms: twice as many as are in use, and no
    /// more than the terms may need.
    pub fn room_for(&self, terms: &RateTerms) -> usize {
        let length = self.ring.cursor().length;
        terms.runs_needed().min(2 * length.max(1)).max(length)
    }

    /// This log in another ring and under another window. A call's new tick ends no earlier than its old one, so no
    /// call leaves too soon; where the ring is too small, calls are kept longer.
    pub fn copy_into<S: Ring>(&self, ring: S, window_ms: u32) -> RateLog<S> {
        let mut copy = RateLog::new(ring, window_ms);
        let (old_tick_us, new_tick_us) = (self.terms(0).tick_us(), copy.terms(0).tick_us());
        for run in self.runs() {
            let tick = if old_tick_us == new_tick_us {
                run.tick
            } else {
                ((run.tick + 1).saturating_mul(old_tick_us) - 1) / new_tick_us
            };
            copy.append(Run { tick, count: run.count });
            copy.total += run.count;
        }
        copy.latest_us = self.latest_us;
        copy
    }

    /// Length of the window in milliseconds.
    pub fn window_ms(&self) -> u32 {
        self.window_ms
    }

    /// Calls in the log as it stands.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// The ring, for whoever keeps it.
    pub fn ring(&self) -> &R {
        &self.ring
    }

    /// Gives the ring back.
    pub fn into_ring(self) -> R {
        self.ring
    }

    fn terms(&self, calls: u32) -> RateTerms {
        RateTerms { calls, window_ms: self.window_ms }
    }

    fn runs(&self) -> impl Iterator<Item = Run> {
        let Cursor { first, length } = self.ring.cursor();
        (0..length).map(move |offset| self.ring.run((first + offset) % self.ring.capacity().max(1)))
    }

    /// Lets go of the runs whose time has come: one store, of the cursor.
    fn expire(&mut self, now_us: u64) {
        self.latest_us = self.latest_us.max(now_us);
        let terms = self.terms(0);
        let (mut runs, mut calls) = (0, 0);
        for run in self.runs().take_while(|run| terms.leaves_us(run.tick) <= self.latest_us) {
            runs += 1;
            calls += run.count;
        }
        if runs > 0 {
            let Cursor { first, length } = self.ring.cursor();
            let first = (first + runs) % self.ring.capacity().max(1);
            self.ring.set_cursor(Cursor { first, length: length - runs });
            self.total = self.total.saturating_sub(calls);
        }
    }

    /// Counts calls in a tick. Either one store changes a run, or the new run is stored before the cursor that shows it.
    fn append(&mut self, new: Run) {
        let Cursor { first, length } = self.ring.cursor();
        let capacity = self.ring.capacity().max(1);
        if length > 0 {
            let index = (first + length - 1) % capacity;
            let last = self.ring.run(index);
            // A full ring keeps the last run's calls longer than needed rather than forget any.
            if new.tick <= last.tick || length == capacity {
                self.ring.set_run(index, Run { tick: new.tick.max(last.tick), count: last.count + new.count });
                return;
            }
        }
        self.ring.set_run((first + length) % capacity, new);
        self.ring.set_cursor(Cursor { first, length: length + 1 });
    }

    /// How long until one more call would be admitted.
    fn frees_in_us(&self, terms: &RateTerms, now_us: u64) -> u64 {
        let mut excess = u64::from(self.total) + 1 - u64::from(terms.limit());
        for run in self.runs() {
            excess = excess.saturating_sub(u64::from(run.count));
            if excess == 0 {
                return terms.leaves_us(run.tick).saturating_sub(now_us);
            }
        }
        // A limit of no calls: nothing frees a slot.
        terms.window_us()
    }
}

#[cfg(test)]
mod tests;
