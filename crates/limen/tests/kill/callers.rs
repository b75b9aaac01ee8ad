//! The load: connections that call all subjects as fast as answers come, through every death of the process.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use limen_testbed::{Answer, Connection, Http, eventually_within};

use crate::dice::Dice;
use crate::tally::Call;
use crate::world::{Subject, World};

/// How many connections call at the same time.
pub(crate) const CALLERS: usize = 6;
/// The header that the key goes in.
pub(crate) const KEY: &str = "Limen-Subscription-Key";
/// A caller changes its connection after so many calls at most.
const LONGEST_CONNECTION: u64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Calling,
    Parked,
    Over,
}

/// What the test and its callers tell one another.
pub(crate) struct Control {
    phase: Mutex<(Phase, usize)>,
    changed: Condvar,
    /// Even while a process that said that it was ready is alive, odd from just before it is killed.
    life: AtomicU64,
    /// How often a subject may still be called before the next kill.
    budgets: Vec<AtomicI64>,
}

impl Control {
    pub(crate) fn new(subjects: usize) -> Self {
        let budgets = std::iter::repeat_with(|| AtomicI64::new(i64::MAX)).take(subjects).collect();
        Self { phase: Mutex::new((Phase::Calling, 0)), changed: Condvar::new(), life: AtomicU64::new(0), budgets }
    }

    fn phase(&self) -> MutexGuard<'_, (Phase, usize)> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once it is over, it stays over.
    fn enter(&self, phase: Phase) {
        let mut present = self.phase();
        if present.0 != Phase::Over {
            present.0 = phase;
        }
        self.changed.notify_all();
    }

    /// Ends the load.
    pub(crate) fn end(&self) {
        self.enter(Phase::Over);
    }

    /// Lets the callers call (again).
    pub(crate) fn resume(&self) {
        self.enter(Phase::Calling);
    }

    /// Waits until no call is under way, nor will be before `resume`.
    pub(crate) fn park(&self) {
        self.enter(Phase::Parked);
        eventually_within(Duration::from_secs(30), "all callers are parked", || {
            let (phase, parked) = *self.phase();
            (phase == Phase::Over || parked == CALLERS).then_some(())
        });
    }

    /// The process is about to be killed (connections may break from now on), or has said that it is ready.
    pub(crate) fn turn(&self) {
        self.life.fetch_add(1, Ordering::SeqCst);
    }

    /// How often a subject may be called from now on.
    pub(crate) fn allow(&self, subject: usize, calls: u64) {
        self.budgets[subject].store(i64::try_from(calls).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Whether to make one more call; waits while the callers are parked.
    fn goes_on(&self) -> bool {
        let mut phase = self.phase();
        phase.1 += 1;
        let mut phase =
            self.changed.wait_while(phase, |phase| phase.0 == Phase::Parked).unwrap_or_else(PoisonError::into_inner);
        phase.1 -= 1;
        phase.0 != Phase::Over
    }

    fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }
}

/// Ends the load also where the test ends early.
pub(crate) struct EndsLoad<'c>(pub(crate) &'c Control);

impl Drop for EndsLoad<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Makes one call on an open connection, with these header fields.
pub(crate) fn call(
    world: &World,
    connection: &mut Connection,
    subject: &Subject,
    base_path: &str,
    fields: &[(&str, &str)],
) -> (Call, std::io::Result<Answer>) {
    let (mut call, target) = world.tally.send(subject.number, base_path);
    let answer = connection.try_call("GET", &target, fields, None);
    call.answered = answer.as_ref().ok().map(|answer| answer.status);
    (call, answer)
}

/// Calls the first `crowd` subjects until the load ends, and gives all calls that it made. What may not happen is
/// told to `problems`.
pub(crate) fn hammer(
    world: &World,
    control: &Control,
    crowd: &[&Subject],
    mut dice: Dice,
    problems: &mpsc::Sender<String>,
) -> Vec<Call> {
    let http = Http::to(world.gateway.parse().expect("an address"));
    let mut calls = Vec::new();
    while control.goes_on() {
        let life = control.life();
        let Ok(mut connection) = http.try_open() else {
            // Nobody listens just now: a look every few milliseconds is enough.
            let _ = control.changed.wait_timeout(control.phase(), Duration::from_millis(2));
            continue;
        };
        for _ in 0..dice.between(1, LONGEST_CONNECTION) {
            if !control.goes_on() {
                break;
            }
            let subject = choose(control, crowd, &mut dice);
            let (made, answer) = call(world, &mut connection, subject, "/plain", &[(KEY, &subject.key)]);
            calls.push(made);
            // Opened while a process was being replaced, a connection may be to the one that dies.
            let is_dying = life % 2 == 1 || control.life() != life;
            if let Some(problem) = problem(subject, &answer, is_dying) {
                let _ = problems.send(problem);
                return calls;
            }
            if answer.is_ok_and(|answer| answer.cut) || made.answered.is_none() {
                break;
            }
        }
    }
    calls
}

/// The first subject is the one that is always called where another's budget is spent.
fn choose<'s>(control: &Control, crowd: &[&'s Subject], dice: &mut Dice) -> &'s Subject {
    let subject = crowd[dice.between(0, crowd.len() as u64 - 1) as usize];
    let budget = &control.budgets[subject.number];
    if budget.fetch_sub(1, Ordering::SeqCst) > 0 { subject } else { crowd[0] }
}

/// What is wrong with an answer, if anything: only limits may refuse, and only a kill may break a connection.
fn problem(subject: &Subject, answer: &std::io::Result<Answer>, is_dying: bool) -> Option<String> {
    let limits = subject.product;
    match answer {
        Ok(answer) if answer.cut && is_dying => None,
        Ok(answer) if answer.cut => Some(format!("cut in a living process: {answer:?}")),
        Ok(answer) => match answer.status {
            200 => None,
            429 if limits.rate.is_some() => None,
            403 if limits.quota.is_some() && answer.json()["code"] == "quota-exceeded" => None,
            _ => Some(format!("{}: {} {}", limits.name, answer.status, answer.text())),
        },
        Err(_) if is_dying => None,
        Err(error) => Some(format!("a living process broke the connection: {error}")),
    }
}
