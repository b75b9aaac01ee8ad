//! One run: kills, starts and single calls, with the account of what each kill may have cost.

use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use limen_testbed::{Answer, Http, Limen};

use crate::callers::{CALLERS, Control, KEY, call};
use crate::dice::Dice;
use crate::tally::Call;
use crate::verdict::MayBeLost;
use crate::world::{BINARY, Subject, World};

/// The smallest part of what remains that is no lease any more.
const LEASE_FRACTION: u64 = 64;

/// What is known of a quota's losses.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    /// The service's count when a process died last.
    counted: u64,
    may_be_lost: MayBeLost,
    /// As of the last look: what the gateway said to be gone beyond the service's count, and what might have been.
    gone: u64,
    might_be_gone: u64,
    /// The most that was found gone between two looks with one kill in between.
    largest: u64,
    kills: u32,
}

/// A run under way.
pub(crate) struct Run<'w> {
    pub(crate) world: &'w World,
    pub(crate) control: &'w Control,
    pub(crate) limen: Limen,
    pub(crate) dice: Dice,
    /// What callers found wrong.
    pub(crate) problems: mpsc::Receiver<String>,
    /// The calls made by the run itself.
    pub(crate) calls: Vec<Call>,
    /// How long each start took.
    pub(crate) ready: Vec<Duration>,
    pub(crate) kills: u32,
    losses: Vec<Losses>,
}

impl<'w> Run<'w> {
    pub(crate) fn new(
        world: &'w World,
        control: &'w Control,
        limen: Limen,
        dice: Dice,
        problems: mpsc::Receiver<String>,
    ) -> Self {
        let losses = vec![Losses::default(); world.subjects.len()];
        Self { world, control, limen, dice, problems, calls: Vec::new(), ready: Vec::new(), kills: 0, losses }
    }

    /// Lets the load run for so long. Ends the test where a caller found something wrong.
    #[track_caller]
    pub(crate) fn load_for(&self, time: Duration) {
        match self.problems.recv_timeout(time) {
            Ok(problem) => panic!("after {} kills: {problem}", self.kills),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => panic!("all callers are gone"),
        }
    }

    /// Kills the process with SIGKILL; at times also the next one or two, while they start.
    pub(crate) fn kill(&mut self) {
        self.control.turn();
        self.limen.kill();
        self.died();
        while self.dice.chance(20) {
            let after = self.dice.time_ms(0, 80);
            self.kill_a_start(after);
        }
    }

    /// Starts again what `kill` ended: amid calls, or with a look at all quotas before the callers go on.
    pub(crate) fn start(&mut self) {
        let looks = self.dice.chance(60);
        if looks {
            self.control.park();
        }
        let took = self.limen.restart().took;
        self.control.turn();
        self.ready.push(took);
        if looks {
            let limited = self.world.subjects.iter().filter(|subject| subject.product.quota.is_some());
            for subject in limited {
                self.look(subject);
            }
            self.control.resume();
        }
    }

    fn kill_a_start(&mut self, after: Duration) {
        let mut command = limen_testbed::program(BINARY);
        command.arg("up").arg("--no-sample").arg("--data-dir").arg(self.limen.data_dir());
        command.args(["--gateway", &self.world.gateway, "--web", &self.world.web]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        self.load_for(after);
        let ended = child.try_wait().expect("a wait");
        assert!(ended.is_none(), "a start ended by itself: {ended:?}");
        child.kill().expect("it can be killed");
        child.wait().expect("a wait");
        self.died();
    }

    /// What this death may cost: the rights in hand, which are at most one lease, and the calls that were charged and
    /// on their way to the service.
    fn died(&mut self) {
        self.kills += 1;
        for subject in &self.world.subjects {
            let sent = self.world.tally.take_sent(subject.number);
            let (Some(limit), losses) = (subject.product.quota, &mut self.losses[subject.number]) else { continue };
            // No lease is larger than a 64th of what remained when the process started, nor than the calls that came
            // to it, but it may always be 1. Without a call there is none.
            let lease = (limit.saturating_sub(losses.counted) / LEASE_FRACTION).min(sent).max(1).min(sent);
            losses.may_be_lost.leases += lease;
            losses.may_be_lost.under_way += sent.min(CALLERS as u64);
            losses.counted = self.world.tally.count(subject.number);
            losses.kills += 1;
        }
    }

    /// One call with these header fields, answered.
    #[track_caller]
    pub(crate) fn call(&mut self, subject: &Subject, base_path: &str, fields: &[(&str, &str)]) -> Answer {
        let http = Http::to(self.limen.gateway());
        let (made, answer) = call(self.world, &mut http.open(), subject, base_path, fields);
        self.calls.push(made);
        answer.unwrap_or_else(|error| panic!("no answer to {made:?}: {error}"))
    }

    /// One call with the subject's own key.
    #[track_caller]
    pub(crate) fn lone(&mut self, subject: &Subject) -> Answer {
        self.call(subject, "/plain", &[(KEY, &subject.key)])
    }

    /// Looks with one call at what the gateway says to be used of a quota, while nobody else calls: no less than the
    /// service counted, and no more than that and what the kills since the last look may have cost. Where the rate
    /// refuses the call there is nothing to be seen, and false is told.
    pub(crate) fn look(&mut self, subject: &Subject) -> bool {
        let limit = subject.product.quota.expect("a quota");
        let answer = self.lone(subject);
        let used = match answer.status {
            200 => limit - remaining(&answer),
            403 => limit,
            429 if subject.product.rate.is_some() => return false,
            _ => panic!("{}: {} {}", subject.product.name, answer.status, answer.text()),
        };
        let counted = self.world.tally.count(subject.number);
        assert!(used >= counted, "{}: {counted} at the service, {used} debited", subject.product.name);
        let losses = &mut self.losses[subject.number];
        let (gone, might_be_gone) = (used - counted, losses.may_be_lost.leases + losses.may_be_lost.under_way);
        assert!(
            gone <= losses.gone + (might_be_gone - losses.might_be_gone),
            "{}: {counted} at the service, {used} debited, {losses:?}",
            subject.product.name
        );
        if losses.kills == 1 {
            losses.largest = losses.largest.max(gone.saturating_sub(losses.gone));
        }
        (losses.gone, losses.might_be_gone, losses.kills) = (gone, might_be_gone, 0);
        true
    }

    /// What the kills so far may have cost a subject, and the most that a single one was seen to.
    pub(crate) fn may_be_lost(&self, subject: &Subject) -> (MayBeLost, u64) {
        let losses = self.losses[subject.number];
        (losses.may_be_lost, losses.largest)
    }
}

/// What the `RateLimit` field says to be left of the quota.
fn remaining(answer: &Answer) -> u64 {
    let field = answer.header("ratelimit").unwrap_or_else(|| panic!("no RateLimit: {answer:?}"));
    let quota = field.split(", ").find_map(|item| item.strip_prefix("\"quota\";"));
    let left = quota.and_then(|parameters| parameters.split(';').find_map(|one| one.strip_prefix("r=")?.parse().ok()));
    left.unwrap_or_else(|| panic!("no quota in {field}"))
}
