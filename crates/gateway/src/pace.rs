//! Whether a peer is too slow: only time that it lets us wait counts, and what it takes or sends makes up for it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::edge::Slowest;

/// Watches one direction of one peer.
#[derive(Debug)]
pub(crate) struct Pace {
    slowest: Slowest,
    debt: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What is owed after `waited` and then `bytes`; a fast peer saves nothing up.
fn debt_after(debt: Duration, waited: Duration, bytes: u64, bytes_per_s: u64) -> Duration {
    let paid_us = bytes.saturating_mul(1_000_000) / bytes_per_s.max(1);
    debt.saturating_add(waited).saturating_sub(Duration::from_micros(paid_us))
}

impl Pace {
    pub(crate) fn new(slowest: Slowest) -> Self {
        Self { slowest, debt: Duration::ZERO, since: None, timer: None }
    }

    /// For how long a peer that does nothing is waited for.
    pub(crate) fn timeout(&self) -> Duration {
        self.slowest.timeout
    }

    /// The peer took or sent so much.
    pub(crate) fn moved(&mut self, bytes: usize) {
        let waited = match self.since.take() {
            Some(since) => since.elapsed(),
            None if self.debt.is_zero() => return,
            None => Duration::ZERO,
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.debt = debt_after(self.debt, waited, bytes, self.slowest.bytes_per_s);
    }

    /// To be asked while it is waited for: ready when it has been too slow.
    pub(crate) fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            let deadline = now + self.slowest.timeout.saturating_sub(self.debt);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(deadline),
                None => self.timer = Some(Box::pin(tokio::time::sleep_until(deadline))),
            }
        }
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pieces of `bytes`, each after `pause_s`, a peer gets through.
    fn pieces(bytes: u64, pause_s: u64) -> usize {
        let Slowest { timeout, bytes_per_s } = Slowest { timeout: Duration::from_secs(60), bytes_per_s: 1024 };
        let mut debt = Duration::ZERO;
        (0..10_000)
            .take_while(|_| {
                let lasts = debt + Duration::from_secs(pause_s) < timeout;
                debt = debt_after(debt, Duration::from_secs(pause_s), bytes, bytes_per_s);
                lasts
            })
            .count()
    }

    #[test]
    fn a_trickle_ends_and_a_slow_line_goes_on() {
        assert_eq!(pieces(1, 59), 1);
        assert_eq!(pieces(1, 1), 60);
        assert_eq!(pieces(512, 1), 118);
        assert_eq!(pieces(1024, 1), 10_000);
        assert_eq!(pieces(1 << 20, 59), 10_000);
        assert_eq!(pieces(1 << 20, 60), 0);
    }

    #[test]
    fn a_fast_peer_saves_nothing_up() {
        assert_eq!(debt_after(Duration::ZERO, Duration::from_secs(1), 1 << 40, 1024), Duration::ZERO);
        assert_eq!(debt_after(Duration::ZERO, Duration::from_secs(5), u64::MAX, 0), Duration::ZERO);
    }
}
