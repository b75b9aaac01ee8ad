//! Cases of the breaker, and its law against a reading of its history that keeps everything.

use proptest::prelude::*;

use super::*;

const SETTINGS: BreakerSettings = BreakerSettings { enabled: true, failures: 3, window_s: 10, open_s: 5 };
const S: u64 = 1_000_000;

fn fail(breaker: &mut Breaker, at_s: u64) -> bool {
    breaker.passed(Outcome::Failed, false, &SETTINGS, at_s * S)
}

fn opened_at(at_s: u64) -> Breaker {
    let mut breaker = Breaker::default();
    assert!(!fail(&mut breaker, at_s) && !fail(&mut breaker, at_s) && fail(&mut breaker, at_s));
    breaker
}

#[test]
fn what_counts_is_a_table() {
    for status in 100..=599 {
        let expected = match status {
            502..=504 => Outcome::Failed,
            408 | 507 => Outcome::Unknown,
            _ => Outcome::Answered,
        };
        assert_eq!(outcome_of(status), expected, "{status}");
    }
}

#[test]
fn so_many_in_a_row_within_the_window_open_it() {
    let mut breaker = Breaker::default();
    assert!(breaker.is_quiet());
    assert!(!fail(&mut breaker, 0) && !fail(&mut breaker, 1));
    assert!(!breaker.is_quiet());
    assert!(!breaker.passed(Outcome::Answered, false, &SETTINGS, 2 * S));
    assert!(breaker.is_quiet(), "an answer ends the row");
    assert!(!fail(&mut breaker, 20) && !fail(&mut breaker, 25) && !fail(&mut breaker, 31), "too far apart");
    assert!(fail(&mut breaker, 32));
    assert_eq!(breaker.position(32 * S), Position::Open { until_us: 37 * S });
    assert_eq!(breaker.admit(&SETTINGS, 33 * S), Admission::Out { next_try_us: 4 * S });
}

#[test]
fn what_callers_bring_about_does_not_open_it() {
    let mut breaker = Breaker::default();
    let ways = [(Outcome::Unknown, false, "a caller left"), (Outcome::Failed, true, "others were answered meanwhile")];
    for (outcome, meanwhile, why) in ways.into_iter().chain([(outcome_of(500), false, "it answered 500")]) {
        assert!((0..100).all(|_| !breaker.passed(outcome, meanwhile, &SETTINGS, 0)), "{why}");
    }
    assert!(breaker.is_quiet());
    let off = BreakerSettings { enabled: false, ..SETTINGS };
    assert!((0..100).all(|_| !breaker.passed(Outcome::Failed, false, &off, 0)));
}

#[test]
fn one_at_a_time_tries_and_an_answer_closes_it() {
    let mut breaker = opened_at(0);
    assert_eq!(breaker.admit(&SETTINGS, 5 * S - 1), Admission::Out { next_try_us: 1 });
    assert_eq!(breaker.position(5 * S), Position::HalfOpen);
    assert_eq!(breaker.admit(&SETTINGS, 5 * S), Admission::Try);
    assert_eq!(breaker.admit(&SETTINGS, 5 * S), Admission::Out { next_try_us: 5 * S });
    assert!(!breaker.tried(Outcome::Unknown, &SETTINGS, 5 * S), "its caller left");
    assert_eq!(breaker.admit(&SETTINGS, 6 * S), Admission::Try);
    assert!(!fail(&mut breaker, 6), "what was under way before says nothing new");
    assert!(!breaker.passed(Outcome::Answered, false, &SETTINGS, 6 * S));
    assert_eq!(breaker.position(6 * S), Position::HalfOpen);
    assert!(breaker.tried(Outcome::Answered, &SETTINGS, 6 * S));
    assert!(breaker.is_quiet());
}

#[test]
fn who_tries_without_end_does_not_keep_the_others_out() {
    let mut breaker = opened_at(0);
    assert_eq!(breaker.admit(&SETTINGS, 5 * S), Admission::Try);
    assert_eq!(breaker.admit(&SETTINGS, 10 * S - 1), Admission::Out { next_try_us: 1 });
    assert_eq!(breaker.admit(&SETTINGS, 10 * S), Admission::Try);
    assert!(!breaker.tried(Outcome::Failed, &SETTINGS, 11 * S));
    assert!(!breaker.tried(Outcome::Failed, &SETTINGS, 12 * S), "the first one, late");
    assert_eq!(breaker.position(12 * S), Position::Open { until_us: 21 * S });
    assert!(breaker.tried(Outcome::Answered, &SETTINGS, 13 * S), "an answer is news at any time");
}

#[test]
fn each_failed_try_doubles_the_wait_up_to_a_minute() {
    let mut breaker = opened_at(0);
    let mut now_us = 0;
    let mut waits = Vec::new();
    for _ in 0..80 {
        let Position::Open { until_us } = breaker.position(now_us) else { panic!("not open") };
        waits.push((until_us - now_us) / S);
        now_us = until_us;
        assert_eq!(breaker.admit(&SETTINGS, now_us), Admission::Try);
        assert!(!breaker.tried(Outcome::Failed, &SETTINGS, now_us));
    }
    assert_eq!(waits[..6], [5, 10, 20, 40, 60, 60]);
    assert!(waits[6..].iter().all(|wait| *wait == 60));
    let long = BreakerSettings { open_s: 300, ..SETTINGS };
    let mut breaker = Breaker::default();
    (0..3).for_each(|_| _ = breaker.passed(Outcome::Failed, false, &long, 0));
    assert_eq!(breaker.position(0), Position::Open { until_us: 300 * S }, "what was told is kept to");
}

#[test]
fn checks_that_pass_let_calls_pass_and_forget_no_failure() {
    let mut breaker = opened_at(0);
    assert!(!breaker.passes_checks(5 * S - 1));
    assert!(breaker.passes_checks(5 * S));
    assert_eq!(breaker.admit(&SETTINGS, 5 * S), Admission::Pass);
    assert!(!breaker.is_quiet());
    assert!(!fail(&mut breaker, 6) && !fail(&mut breaker, 6) && fail(&mut breaker, 6));
    assert_eq!(breaker.position(6 * S), Position::Open { until_us: 16 * S }, "longer than the first time");
}

/// Everything that happened since the last answer or opening, looked through anew at every step.
#[derive(Default)]
struct Oracle {
    failures_us: Vec<u64>,
    /// Until when it is open, and since when somebody tries.
    open: Option<(u64, Option<u64>)>,
    openings: u32,
}

impl Oracle {
    fn admit(&mut self, now_us: u64) -> Admission {
        match &mut self.open {
            None => Admission::Pass,
            Some((until_us, _)) if now_us < *until_us => Admission::Out { next_try_us: *until_us - now_us },
            Some((_, Some(since_us))) if now_us < *since_us + 5 * S => {
                Admission::Out { next_try_us: *since_us + 5 * S - now_us }
            }
            Some((_, trying)) => {
                *trying = Some(now_us);
                Admission::Try
            }
        }
    }

    fn open(&mut self, now_us: u64) {
        let waits_s = [5, 10, 20, 40];
        let wait_s = waits_s.get(self.openings as usize).copied().unwrap_or(60);
        self.openings += 1;
        self.failures_us.clear();
        self.open = Some((now_us + wait_s * S, None));
    }

    fn ended(&mut self, tries: bool, outcome: Outcome, meanwhile: bool, now_us: u64) {
        match (tries, outcome, self.open) {
            (true, Outcome::Answered, Some(_)) => *self = Self::default(),
            (true, Outcome::Failed, Some((until_us, _))) if now_us >= until_us => self.open(now_us),
            (true, Outcome::Unknown, Some((until_us, _))) => self.open = Some((until_us, None)),
            (true, ..) => {}
            (false, Outcome::Answered, None) => *self = Self::default(),
            (false, Outcome::Failed, None) if !meanwhile => {
                self.failures_us.push(now_us);
                if self.failures_us.iter().filter(|at| now_us - **at <= 10 * S).count() >= 3 {
                    self.open(now_us);
                }
            }
            (false, ..) => {}
        }
    }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![1 => Just(Outcome::Answered), 4 => Just(Outcome::Failed), 1 => Just(Outcome::Unknown)]
}

proptest! {
    /// Calls begin, and end later in any order; both say the same at every step.
    #[test]
    fn agrees_with_the_oracle(
        steps in prop::collection::vec((0_u64..6 * S, any::<bool>(), 0_usize..8, outcomes(), any::<bool>()), 1..200),
    ) {
        let (mut breaker, mut oracle) = (Breaker::default(), Oracle::default());
        let mut under_way: Vec<Admission> = Vec::new();
        let mut now_us = 0;
        for (later_us, begins, which, outcome, meanwhile) in steps {
            now_us += later_us;
            if begins || under_way.is_empty() {
                let admission = breaker.admit(&SETTINGS, now_us);
                prop_assert_eq!(admission, oracle.admit(now_us));
                if !matches!(admission, Admission::Out { .. }) {
                    under_way.push(admission);
                }
            } else {
                let tries = under_way.swap_remove(which % under_way.len()) == Admission::Try;
                oracle.ended(tries, outcome, meanwhile, now_us);
                if tries {
                    breaker.tried(outcome, &SETTINGS, now_us);
                } else {
                    breaker.passed(outcome, meanwhile, &SETTINGS, now_us);
                }
            }
            prop_assert_eq!(breaker.ask(now_us) == Admission::Pass, oracle.open.is_none());
            prop_assert!(!breaker.is_quiet() || oracle.failures_us.is_empty());
        }
    }
}
