//! An account's rate window: the log of `limen_rules::rate`, in the window file, or in memory while the disk is full.

use std::sync::MutexGuard;

use limen_rules::quota::AccountKey;
use limen_rules::rate::{Cursor, Paced, RateExceeded, RateLog, RateTerms, Ring, Run, retry_after_s};

use super::slots::{MAX_WINDOW_MS, MappedRing};
use super::window_file::WindowFile;

/// A log begins with room for so many ticks, which together with its head are one cache line, and grows as it needs more:
/// most never do.
const FIRST_RUNS: usize = 5;

/// A ring that this process forgets.
pub(super) struct InMemory {
    cursor: Cursor,
    runs: Vec<Run>,
}

/// Where a log's runs are.
pub(super) enum AnyRing {
    Mapped(MappedRing),
    /// For want of room in the file; the file is marked, so that a later process doesn't take the window for empty.
    InMemory(Box<InMemory>),
}

impl Ring for AnyRing {
    fn capacity(&self) -> usize {
        match self {
            AnyRing::Mapped(ring) => ring.capacity(),
            AnyRing::InMemory(ring) => ring.runs.len(),
        }
    }

    fn cursor(&self) -> Cursor {
        match self {
            AnyRing::Mapped(ring) => ring.cursor(),
            AnyRing::InMemory(ring) => ring.cursor,
        }
    }

    fn set_cursor(&mut self, cursor: Cursor) {
        match self {
            AnyRing::Mapped(ring) => ring.set_cursor(cursor),
            AnyRing::InMemory(ring) => ring.cursor = cursor,
        }
    }

    fn run(&self, index: usize) -> Run {
        match self {
            AnyRing::Mapped(ring) => ring.run(index),
            AnyRing::InMemory(ring) => ring.runs.get(index).copied().unwrap_or(Run { tick: 0, count: 0 }),
        }
    }

    fn set_run(&mut self, index: usize, run: Run) {
        match self {
            AnyRing::Mapped(ring) => ring.set_run(index, run),
            AnyRing::InMemory(ring) => {
                if let Some(old) = ring.runs.get_mut(index) {
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
    if let Some(log) = window
        && log.has_room(&terms, now_us)
    {
        return log.admit(terms.calls, now_us);
    }
    // A call that read its clock before an account was let go must not find a window from before that.
    let mut now_us = now_us;
    let log = match window.take() {
        Some(log) => carry_over(log, file, key, &terms),
        None => {
            now_us = now_us.max(file.emptied_at_us());
            let log = RateLog::new(ring(file, key, FIRST_RUNS.min(terms.runs_needed())), terms.window_ms);
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
    let carried = log.copy_into(ring(file, key, log.room_for(terms)), terms.window_ms);
    publish(&carried);
    release(log, file);
    carried
}

fn ring(file: &WindowFile, key: AccountKey, runs: usize) -> AnyRing {
    match file.ring(key, runs) {
        Some(ring) => AnyRing::Mapped(ring),
        None => {
            file.set_incomplete(true);
            let runs = vec![Run { tick: 0, count: 0 }; runs];
            AnyRing::InMemory(Box::new(InMemory { cursor: Cursor::default(), runs }))
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

/// Lets go of a log in which no call is any more. A call that read its clock earlier begins the next one where this ended.
pub(super) fn let_go_if_empty(window: &mut Option<Window>, file: &WindowFile, now_us: u64) {
    if window.as_mut().is_some_and(|log| log.calls_in_window(now_us) == 0) {
        file.note_emptied(now_us);
        if let Some(log) = window.take() {
            release(log, file);
        }
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

#[cfg(test)]
mod tests {
    use super::super::mapping::kill;
    use super::super::window_file::Left;
    use super::*;
    use std::sync::Mutex;

    const BOOT: &str = "a boot";
    const KEY: AccountKey = AccountKey(3);

    fn left(path: &std::path::Path) -> Vec<(u32, MappedRing)> {
        let (_, left) = WindowFile::open(path, BOOT).unwrap().unwrap();
        let rate = |left| match left {
            Left::Rate { window_ms, ring, .. } => (window_ms, ring),
            Left::Counters { .. } => panic!("no counters were made"),
        };
        left.into_iter().map(rate).collect()
    }

    #[test]
    fn a_log_that_outgrows_its_ring_takes_its_calls_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windows");
        let file = WindowFile::create(&path, BOOT, None).unwrap();
        let mut window = None;
        let mut admitted = 0;
        for (calls, window_ms) in [(5, 1_000), (9, 1_000), (9, 60_000), (100, 60_000), (100, 1_000), (120, 300_000)] {
            let terms = RateTerms { calls, window_ms };
            while pace(&mut window, &file, KEY, &terms, 1_000_000).is_ok() {
                admitted += 1;
            }
            assert_eq!(admitted, calls);
            let left = left(&path);
            assert_eq!(left.len(), 1);
            for (window_ms, ring) in left {
                let mut log = restore(ring, window_ms, 1_000_000).unwrap();
                assert_eq!((log.window_ms(), log.calls_in_window(1_000_000)), (terms.window_ms, calls));
            }
        }
    }

    #[test]
    fn of_two_logs_of_an_account_one_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windows");
        let file = WindowFile::create(&path, BOOT, None).unwrap();
        let mut window = None;
        let terms = RateTerms { calls: 5, window_ms: 1_000 };
        for _ in 0..3 {
            pace(&mut window, &file, KEY, &terms, 1_000_000).unwrap();
        }
        // The process ends before the old ring is let go.
        let log = window.unwrap();
        let carried = log.copy_into(ring(&file, KEY, 20), 2_000);
        publish(&carried);
        drop((log, carried, file));

        let (file, _) = WindowFile::open(&path, BOOT).unwrap().unwrap();
        let place = Mutex::new(None);
        let both = left(&path);
        assert_eq!(both.len(), 2);
        for (window_ms, ring) in both {
            let log = restore(ring, window_ms, 1_500_000).unwrap();
            let log = if_in_use(log, &file, 1_500_000).unwrap();
            keep_fuller(place.lock().unwrap(), log, &file, 1_500_000);
        }
        assert_eq!(place.into_inner().unwrap().unwrap().calls_in_window(1_500_000), 3);
        assert_eq!(left(&path).len(), 1);
    }

    #[test]
    fn a_kill_between_any_two_stores_forgets_no_call() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windows");
        let script = [(2, 1_000, 0), (4, 1_000, 400_000), (4, 2_000, 300_000), (3, 2_000, 2_500_000), (9, 1_000, 100)];
        for stores in 0..120 {
            let file = WindowFile::create(&path, BOOT, None).unwrap();
            kill::after(Some(stores));
            let (mut window, mut now_us, mut admitted_us) = (None, 5_000_000, Vec::new());
            let mut last_window_us = 0;
            'process: for (calls, window_ms, pause_us) in script {
                now_us += pause_us;
                last_window_us = u64::from(window_ms) * 1_000;
                for _ in 0..4 {
                    let is_admitted = pace(&mut window, &file, KEY, &RateTerms { calls, window_ms }, now_us).is_ok();
                    if kill::has_come() {
                        break 'process;
                    }
                    if is_admitted {
                        admitted_us.push(now_us);
                    }
                    now_us += 1_500;
                }
            }
            let has_come = kill::has_come();
            kill::after(None);
            drop((window, file));

            let (file, _) = WindowFile::open(&path, BOOT).unwrap().unwrap();
            let place = Mutex::new(None);
            for (window_ms, ring) in left(&path) {
                keep_fuller(place.lock().unwrap(), restore(ring, window_ms, now_us).unwrap(), &file, now_us);
            }
            let known = place.into_inner().unwrap().map_or(0, |mut log| log.calls_in_window(now_us) as usize);
            let counted = admitted_us.iter().filter(|&&at_us| at_us + last_window_us >= now_us).count();
            assert!(known >= counted && known <= admitted_us.len() + 1, "{known} of {counted} after {stores} stores");
            assert!(has_come || stores > 60);
        }
    }

    #[test]
    fn without_room_in_the_file_a_log_is_kept_in_memory_and_the_file_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = WindowFile::create(&folder.path().join("windows"), BOOT, None).unwrap();
        assert!(!file.is_incomplete());
        // No slot is as large as that.
        let mut log = RateLog::new(ring(&file, KEY, 5_000), 1_000);
        assert!(file.is_incomplete());
        assert!((0..6).map(|_| log.admit(5, 1_000_000)).filter(Result::is_ok).count() == 5);
        assert!(log.admit(5, 2_001_000).is_ok());
        let terms = RateTerms { calls: 5, window_ms: 1_000 };
        assert!(pace(&mut Some(log), &file, KEY, &terms, 2_001_000).is_ok());
    }
}
