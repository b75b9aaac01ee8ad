//! Whether a target passes its health checks: a few in a row turn the verdict, so that one lost packet doesn't.

use crate::model::Health;

/// What a target's checks have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    verdict: Verdict,
    /// Checks in a row that speak against the verdict, or for the first one.
    streak: u32,
    /// Whether the streak is of checks that passed.
    passing: bool,
}

/// The verdict on a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// Not known yet; it gets calls.
    #[default]
    Unknown,
    /// It gets calls.
    Healthy,
    /// It gets none.
    Unhealthy,
}

impl Checked {
    /// The verdict so far.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        self.verdict
    }

    /// Takes in one check's outcome; whether the verdict is another now.
    pub fn step(&mut self, passed: bool, health: &Health) -> bool {
        if passed != self.passing {
            self.streak = 0;
            self.passing = passed;
        }
        self.streak = self.streak.saturating_add(1);
        let (needed, next) =
            if passed { (health.healthy, Verdict::Healthy) } else { (health.unhealthy, Verdict::Unhealthy) };
        if self.streak < needed || self.verdict == next {
            return false;
        }
        self.verdict = next;
        true
    }

    /// Checks that must still pass, one after the other, before an unhealthy target gets calls.
    #[must_use]
    pub fn checks_missing(self, health: &Health) -> u32 {
        match self.verdict {
            Verdict::Unhealthy if self.passing => health.healthy.saturating_sub(self.streak).max(1),
            Verdict::Unhealthy => health.healthy,
            Verdict::Unknown | Verdict::Healthy => 0,
        }
    }
}

/// Whether a status is that of a healthy target.
#[must_use]
pub fn passes(status: u16) -> bool {
    (200..=299).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(outcomes: &str) -> Vec<Verdict> {
        let health: Health = serde_json::from_value(serde_json::json!({"path": "/", "healthy": 2, "unhealthy": 3}))
            .expect("a health check");
        let mut checked = Checked::default();
        let step = |outcome| {
            let before = checked.verdict();
            assert_eq!(checked.step(outcome == '+', &health), checked.verdict() != before);
            checked.verdict()
        };
        outcomes.chars().map(step).collect()
    }

    #[test]
    fn only_several_in_a_row_turn_the_verdict() {
        use Verdict::{Healthy, Unhealthy, Unknown};
        assert_eq!(run("+-+-+-"), [Unknown; 6]);
        assert_eq!(run("++--+--"), [Unknown, Healthy, Healthy, Healthy, Healthy, Healthy, Healthy]);
        assert_eq!(run("---+-++"), [Unknown, Unknown, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Healthy]);
    }

    #[test]
    fn what_is_missing_is_counted_down() {
        let health: Health =
            serde_json::from_value(serde_json::json!({"path": "/", "healthy": 3, "unhealthy": 1})).expect("a check");
        let mut checked = Checked::default();
        assert_eq!(checked.checks_missing(&health), 0);
        let mut missing = Vec::new();
        for passed in [false, true, true, false, true] {
            checked.step(passed, &health);
            missing.push(checked.checks_missing(&health));
        }
        assert_eq!(missing, [3, 2, 1, 3, 2]);
    }

    #[test]
    fn only_2xx_is_healthy() {
        let healthy: Vec<u16> = (100..=599).filter(|status| passes(*status)).collect();
        assert_eq!((healthy.first(), healthy.last(), healthy.len()), (Some(&200), Some(&299), 100));
    }
}
