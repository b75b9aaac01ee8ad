//! The log against an oracle that keeps every admitted call, and against a process that ends between two stores.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct VecRing {
    cursor: Cursor,
    words: Vec<u64>,
}

impl VecRing {
    fn new(runs: usize) -> VecRing {
        VecRing { cursor: Cursor::default(), words: vec![0; runs] }
    }
}

impl Ring for VecRing {
    fn capacity(&self) -> usize {
        self.words.len()
    }
    fn cursor(&self) -> Cursor {
        self.cursor
    }
    fn set_cursor(&mut self, cursor: Cursor) {
        self.cursor = cursor;
    }
    fn run(&self, index: usize) -> Run {
        Run::from_word(self.words[index])
    }
    fn set_run(&mut self, index: usize, run: Run) {
        self.words[index] = run.to_word();
    }
}

/// Keeps a picture of itself after every store: what a process that is killed then leaves behind.
struct PhotographedRing {
    ring: VecRing,
    pictures: Rc<RefCell<Vec<VecRing>>>,
}

impl Ring for PhotographedRing {
    fn capacity(&self) -> usize {
        self.ring.capacity()
    }
    fn cursor(&self) -> Cursor {
        self.ring.cursor()
    }
    fn set_cursor(&mut self, cursor: Cursor) {
        self.ring.set_cursor(cursor);
        self.pictures.borrow_mut().push(self.ring.clone());
    }
    fn run(&self, index: usize) -> Run {
        self.ring.run(index)
    }
    fn set_run(&mut self, index: usize, run: Run) {
        self.ring.set_run(index, run);
        self.pictures.borrow_mut().push(self.ring.clone());
    }
}

fn log_for(terms: &RateTerms) -> RateLog<VecRing> {
    RateLog::new(VecRing::new(terms.runs_needed()), terms.window_ms)
}

const STANDARD: RateTerms = RateTerms { calls: 5, window_ms: 1_000 };

#[test]
fn a_fresh_window_gives_exactly_n_and_a_slot_frees_a_tick_late_at_most() {
    let mut log = log_for(&STANDARD);
    let start_us = 7_000_500;
    for remaining in (0..5).rev() {
        assert_eq!(log.admit(5, start_us), Ok(Paced { limit: 5, remaining, reset_s: 2 }));
    }
    let exceeded = RateExceeded { limit: 5, window_ms: 1_000, calls_in_window: 5, retry_after_s: 2 };
    assert_eq!(log.admit(5, start_us), Err(exceeded));
    // The tick of 1 ms ended at 7_001_000; a second later its calls leave.
    let exceeded = RateExceeded { retry_after_s: 1, ..exceeded };
    assert_eq!(log.admit(5, 8_000_999), Err(exceeded));
    assert_eq!(log.admit(5, 8_001_000), Ok(Paced { limit: 5, remaining: 4, reset_s: 2 }));
}

#[test]
fn hammering_does_not_prolong_the_wait() {
    let mut log = log_for(&STANDARD);
    for call in 0..1_000 {
        assert_eq!(log.admit(5, call * 1_000).is_ok(), call < 5);
    }
    assert!(log.admit(5, 1_001_000).is_ok());
}

#[test]
fn ticks_and_runs_are_bounded() {
    for (calls, window_ms, tick_us, runs) in [
        (5, 1_000, 1_000, 5),
        (1_000_000, 1_000, 1_000, 1_001),
        (1_000_000, 10_000, 2_442, 4_096 + 1),
        (1_000_000, 300_000, 73_243, 4_096 + 1),
        (0, 300_000, 73_243, 1),
    ] {
        let terms = RateTerms { calls, window_ms };
        assert_eq!(terms.tick_us(), tick_us);
        assert!(terms.runs_needed() <= runs && terms.runs_needed() + 2 > runs, "{terms:?}");
    }
}

#[test]
fn a_million_calls_in_a_window() {
    let terms = RateTerms { calls: 1_000_000, window_ms: 1_000 };
    let mut log = log_for(&terms);
    for call in 0..1_000_000u64 {
        assert!(log.admit(terms.calls, call / 2).is_ok());
    }
    assert_eq!(log.admit(terms.calls, 500_000).unwrap_err().calls_in_window, 1_000_000);
    assert!(log.admit(u32::MAX, 500_000).is_ok());
}

#[test]
fn a_limit_of_no_calls_refuses() {
    let mut log = log_for(&RateTerms { calls: 0, window_ms: 2_000 });
    assert_eq!(log.admit(0, 0).unwrap_err().retry_after_s, 2);
}

#[test]
fn what_contradicts_itself_is_not_restored() {
    let ring = |first, length, runs: &[(u64, u32)]| VecRing {
        cursor: Cursor { first, length },
        words: runs.iter().map(|&(tick, count)| Run { tick, count }.to_word()).collect(),
    };
    let restore = |ring| RateLog::restore(ring, 1_000, 10_000_000).map(|log| log.total);
    assert_eq!(restore(ring(1, 2, &[(9_001, 2), (9_000, 1)])), Ok(3));
    assert_eq!(restore(ring(0, 2, &[(9_001, 2), (9_000, 1)])), Err(CorruptLog));
    assert_eq!(restore(ring(0, 2, &[(9_000, 2), (9_000, 1)])), Err(CorruptLog));
    assert_eq!(restore(ring(0, 1, &[(9_000, 0)])), Err(CorruptLog));
    assert_eq!(restore(ring(2, 0, &[(0, 0), (0, 0)])), Err(CorruptLog));
    assert_eq!(restore(ring(0, 3, &[(1, 1), (2, 1)])), Err(CorruptLog));
    assert_eq!(restore(ring(0, 1, &[(u64::MAX >> 20, 1)])), Err(CorruptLog));
}

/// What happens in the property tests.
#[derive(Clone, Debug)]
enum Step {
    Advance(u64),
    Back(u64),
    Calls(u32),
    Terms(RateTerms),
    Restart,
}

fn terms() -> impl Strategy<Value = RateTerms> {
    let windows = prop_oneof![Just(1_000u32), Just(4_000), Just(5_000), Just(60_000), Just(300_000), 1_000u32..300_000];
    (0u32..12, windows).prop_map(|(calls, window_ms)| RateTerms { calls, window_ms })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0u64..3_000).prop_map(Step::Advance),
        4 => (0u64..400_000).prop_map(Step::Advance),
        2 => (0u64..2_000_000).prop_map(Step::Advance),
        1 => (0u64..400_000_000).prop_map(Step::Advance),
        1 => (0u64..2_000_000).prop_map(Step::Back),
        8 => (1u32..4).prop_map(Step::Calls),
        1 => terms().prop_map(Step::Terms),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..200)
}

/// Keeps the time of every admitted call, by a clock that stands still where the given one goes back.
struct Oracle {
    admitted_us: Vec<u64>,
    /// Calls until then left a shorter window: the log may have forgotten them when the window grew.
    forgotten_until_us: u64,
    latest_us: u64,
    slack_us: u64,
}

impl Oracle {
    fn check(&mut self, terms: &RateTerms, now_us: u64, outcome: Result<Paced, RateExceeded>) {
        self.latest_us = self.latest_us.max(now_us);
        let (now_us, window_us) = (self.latest_us, terms.window_us());
        match outcome {
            Ok(paced) => {
                self.admitted_us.push(now_us);
                let is_in = |&&at_us: &&u64| at_us + window_us >= now_us && at_us > self.forgotten_until_us;
                let in_window = self.admitted_us.iter().filter(is_in).count();
                assert!(in_window <= terms.calls as usize, "over: {in_window} in {terms:?}");
                assert!(paced.remaining as usize + in_window <= terms.calls as usize);
            }
            Err(_) => {
                let reason = self.admitted_us.iter().filter(|&&at_us| at_us + window_us + self.slack_us > now_us);
                assert!(reason.count() >= terms.calls as usize, "refused without reason under {terms:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Under any terms, changed at any time: never over, refused only for a reason, and who waits gets through.
    #[test]
    fn agrees_with_the_oracle(mut terms in terms(), steps in steps()) {
        let mut log = RateLog::new(VecRing::new(1), terms.window_ms);
        let mut now_us = 5_000_000u64;
        let mut oracle =
            Oracle { admitted_us: Vec::new(), forgotten_until_us: 0, latest_us: 0, slack_us: terms.tick_us() };
        for step in steps {
            match step {
                Step::Advance(by_us) => now_us += by_us,
                Step::Back(by_us) => now_us = now_us.saturating_sub(by_us),
                Step::Calls(count) => for _ in 0..count {
                    // As its owner does: it grows as it must, and no further than the terms may need.
                    if !log.has_room(&terms, now_us) {
                        let room = log.room_for(&terms);
                        prop_assert!(room <= terms.runs_needed().max(log.ring().cursor().length));
                        log = log.copy_into(VecRing::new(room), terms.window_ms);
                    }
                    let outcome = log.admit(terms.calls, now_us);
                    oracle.check(&terms, now_us, outcome);
                    if let Err(exceeded) = outcome && terms.calls > 0 {
                        let later_us = now_us + exceeded.retry_after_s * 1_000_000;
                        prop_assert!(log.clone().admit(terms.calls, later_us).is_ok());
                    }
                },
                Step::Terms(changed) => {
                    let forgotten_us = oracle.latest_us.saturating_sub(terms.window_us() + 1);
                    oracle.forgotten_until_us = oracle.forgotten_until_us.max(forgotten_us);
                    terms = changed;
                    // A run carried over leaves by the end of its old tick and of the new one that this falls into.
                    oracle.slack_us += terms.tick_us();
                }
                Step::Restart => {
                    now_us = now_us.max(oracle.latest_us);
                    oracle.latest_us = now_us;
                    let window_ms = log.window_ms();
                    log = RateLog::restore(log.into_ring(), window_ms, now_us).unwrap();
                }
            }
        }
    }

    /// A ring that is too small keeps calls too long, and never forgets one.
    #[test]
    fn a_small_ring_is_never_over(capacity in 1usize..4, steps in steps()) {
        let terms = RateTerms { calls: 8, window_ms: 1_000 };
        let mut log = RateLog::new(VecRing::new(capacity), terms.window_ms);
        let mut now_us = 0;
        let mut admitted_us = Vec::new();
        for step in steps {
            match step {
                Step::Advance(by_us) => now_us += by_us,
                Step::Calls(_) if log.admit(terms.calls, now_us).is_ok() => admitted_us.push(now_us),
                Step::Restart => log = RateLog::restore(log.into_ring(), terms.window_ms, now_us).unwrap(),
                _ => {}
            }
        }
        for window in admitted_us.windows(terms.calls as usize + 1) {
            prop_assert!(window.last().unwrap() - window[0] > terms.window_us());
        }
    }

    /// Killed after any store: what was admitted is counted, and only what was admitted or was about to be.
    #[test]
    fn a_kill_between_two_stores_forgets_nothing(terms in terms(), steps in steps()) {
        let pictures = Rc::new(RefCell::new(Vec::new()));
        let ring = PhotographedRing { ring: VecRing::new(terms.runs_needed()), pictures: pictures.clone() };
        let mut log = RateLog::new(ring, terms.window_ms);
        let mut now_us = 5_000_000;
        for step in steps {
            match step {
                Step::Advance(by_us) => now_us += by_us,
                Step::Calls(_) => {
                    let before = RateLog::restore(log.ring().ring.clone(), terms.window_ms, now_us);
                    let before = before.unwrap().calls_in_window(now_us);
                    pictures.borrow_mut().clear();
                    let admitted = log.admit(terms.calls, now_us).is_ok();
                    let restored: Vec<u32> = pictures.borrow().iter().map(|ring| {
                        RateLog::restore(ring.clone(), terms.window_ms, now_us).unwrap().calls_in_window(now_us)
                    }).collect();
                    prop_assert!(restored.iter().all(|&total| total == before || total == before + 1));
                    prop_assert!(restored.is_sorted());
                    prop_assert_eq!(admitted, restored.last().is_some_and(|&total| total == before + 1));
                }
                _ => {}
            }
        }
    }
}
