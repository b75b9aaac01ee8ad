//! How the data plane comes to its end, as every connection sees it.

use tokio::sync::watch;

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// All is well.
    Serving,
    /// Whoever calls is answered, and told that its connection ends.
    LastCalls,
    /// Connections without a call under way are closed.
    Closing,
    /// Connections without a call under way are kept open for the process that follows.
    HandingOver,
}

/// Tells the phase.
#[derive(Clone, Debug)]
pub(crate) struct Stopping {
    told: watch::Receiver<Phase>,
    /// What `told` said when it was looked at last. While nothing else was said, its lock, which all cores share, is left
    /// alone.
    seen: Phase,
}

impl Stopping {
    /// A way to change the phase, and what tells it.
    pub(crate) fn begin() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self { told: receiver, seen: Phase::Serving })
    }

    /// The phase now.
    pub(crate) fn phase(&self) -> Phase {
        match self.told.has_changed() {
            Ok(false) => self.seen,
            Ok(true) | Err(_) => *self.told.borrow(),
        }
    }

    /// Whether an answer ends its connection.
    pub(crate) fn is_last_call(&self) -> bool {
        matches!(self.phase(), Phase::LastCalls | Phase::Closing)
    }

    /// Whether an idle connection is kept for the process that follows.
    pub(crate) fn hands_over(&self) -> bool {
        self.phase() == Phase::HandingOver
    }

    /// Ready when the phase has changed.
    pub(crate) async fn changed(&mut self) {
        if self.told.changed().await.is_err() {
            // Nobody is left to change it.
            std::future::pending::<()>().await;
        }
        self.seen = *self.told.borrow_and_update();
    }

    /// Ready when idle connections end.
    pub(crate) async fn idle_ends(&mut self) {
        while !matches!(self.phase(), Phase::Closing | Phase::HandingOver) {
            self.changed().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_phase_is_the_last_that_was_told_whoever_looked_before() {
        let (sender, mut stopping) = Stopping::begin();
        let early = stopping.clone();
        assert_eq!(stopping.phase(), Phase::Serving);
        sender.send_replace(Phase::LastCalls);
        assert_eq!((stopping.phase(), early.phase()), (Phase::LastCalls, Phase::LastCalls));
        stopping.changed().await;
        let late = stopping.clone();
        assert_eq!((stopping.phase(), late.phase()), (Phase::LastCalls, Phase::LastCalls));
        sender.send_replace(Phase::HandingOver);
        for one in [stopping, early, late] {
            assert!(one.hands_over());
        }
        let (sender, stopping) = Stopping::begin();
        drop(sender);
        assert_eq!(stopping.phase(), Phase::Serving);
    }
}
