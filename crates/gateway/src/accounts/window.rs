//! An account's rate window: the log of `limen_rules::rate`, in the window file, or in memory while the disk is full.

use std::sync::MutexGuard;

use limen_rules::quota::AccountKey;
use limen_rules::rate::{Cursor, Paced, RateExceeded, RateLog, RateTerms, Ring, Run, retry_after_s};

use super::slots::{MAX_WINDOW_MS, MappedRing};
use super::window_file::WindowFile;

/// Where a log's runs are.
pub(super) enum AnyRing {
    Mapped(MappedRing),
    /// For want of room in the file; the file is marked, so that a later process doesn't take the window for empty.
    InMemory(Cursor, Vec<Run>),
}

impl Ring for AnyRing {
    fn capacity(&self) -> usize {
        match self {
            AnyRing::Mapped(ring) => ring.capacity(),
            AnyRing::InMemory(_, runs) => runs.len(),
        }
    }

    fn cursor(&self) -> Cursor {
        match self {
            AnyRing::Mapped(ring) => ring.cursor(),
            AnyRing::InMemory(cursor, _) => *cursor,
        }
    }

    fn set_cursor(&mut self, cursor: Cursor) {
        match self {
            AnyRing::Mapped(ring) => ring.set_cursor(cursor),
            AnyRing::InMemory(old, _) => *old = cursor,
        }
    }

    fn run(&self, index: usize) -> Run {
        match self {
            AnyRing::Mapped(ring) => ring.run(index),
            AnyRing::InMemory(_, runs) => runs.get(index).copied().unwrap_or(Run { tick: 0, count: 0 }),
        }
    }

    fn set_run(&mut self, index: usize, run: Run) {
        match self {
            AnyRing::Mapped(ring) => ring.set_run(index, run),
            AnyRing::InMemory(_, runs) => {
                if let Some(old) = runs.get_mut(index) {
                    *old = run;
                }
            }
        }
    }
}

pub(super) type Window = RateLog<AnyRing>;

/// Counts a call, in a log that is made or enlarged as the terms need.
pub(super) fn pace(
    window: &mut Option<Window>,
    file: &WindowFile,
    key: AccountKey,
    terms: &RateTerms,
    now_us: u64,
) -> Result<Paced, RateExceeded> {
    let terms = RateTerms { window_ms: terms.window_ms.min(MAX_WINDOW_MS), ..*terms };
    full_after_forgetting(file, &terms, now_us)?;
    let log = match window.take() {
        Some(log) if log.fits(&terms) => log,
        Some(log) => carry_over(log, file, key, &terms),
        None => {
            let log = RateLog::new(ring(file, key, terms.runs_needed()), terms.window_ms);
            publish(&log);
            log
        }
    };
    window.insert(log).admit(terms.calls, now_us)
}

/// Where nothing is known of the calls before some instant, a window counts as full until all of them have left it.
fn full_after_forgetting(file: &WindowFile, terms: &RateTerms, now_us: u64) -> Result<(), RateExceeded> {
    let Some(at_us) = file.forgotten_at_us() else { return Ok(()) };
    let until_us = at_us.saturating_add(terms.window_us());
    if now_us >= until_us {
        return Ok(());
    }
    Err(RateExceeded {
        limit: terms.calls,
        window_ms: terms.window_ms,
        calls_in_window: terms.calls,
        retry_after_s: retry_after_s(until_us - now_us),
    })
}

/// The log in a ring that fits the terms. The new ring is published whole before the old one is let go; in between,
/// both say the same.
fn carry_over(log: Window, file: &WindowFile, key: AccountKey, terms: &RateTerms) -> Window {
    let carried = log.copy_into(ring(file, key, log.runs_needed(terms)), terms.window_ms);
    publish(&carried);
    release(log, file);
    carried
}

fn ring(file: &WindowFile, key: AccountKey, runs: usize) -> AnyRing {
    match file.ring(key, runs) {
        Some(ring) => AnyRing::Mapped(ring),
        None => {
            file.set_incomplete(true);
            AnyRing::InMemory(Cursor::default(), vec![Run { tick: 0, count: 0 }; runs])
        }
    }
}

fn publish(log: &Window) {
    if let AnyRing::Mapped(ring) = log.ring() {
        ring.publish(log.window_ms());
    }
}

fn release(log: Window, file: &WindowFile) {
    if let AnyRing::Mapped(ring) = log.into_ring() {
        file.release(ring);
    }
}

/// The log that an earlier process left; `None` if it contradicts itself.
pub(super) fn restore(ring: MappedRing, window_ms: u32, now_us: u64) -> Option<Window> {
    RateLog::restore(AnyRing::Mapped(ring), window_ms, now_us).ok()
}

/// The log if a call is in it; else its room is free.
pub(super) fn if_in_use(mut log: Window, file: &WindowFile, now_us: u64) -> Option<Window> {
    if log.calls_in_window(now_us) > 0 {
        return Some(log);
    }
    release(log, file);
    None
}

/// A process that ended while it carried a log over leaves two, which say the same unless one's ticks are coarser.
pub(super) fn keep_fuller(mut place: MutexGuard<'_, Option<Window>>, mut log: Window, file: &WindowFile, now_us: u64) {
    let (spare, kept) = match place.take() {
        None => (None, log),
        Some(mut other) => {
            let is_fuller = other.calls_in_window(now_us) > log.calls_in_window(now_us);
            if is_fuller { (Some(log), other) } else { (Some(other), log) }
        }
    };
    *place = Some(kept);
    if let Some(spare) = spare {
        release(spare, file);
    }
}
