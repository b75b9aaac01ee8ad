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
pub(crate) struct Stopping(watch::Receiver<Phase>);

impl Stopping {
    /// A way to change the phase, and what tells it.
    pub(crate) fn begin() -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Self(receiver))
    }

    /// The phase now.
    pub(crate) fn phase(&self) -> Phase {
        *self.0.borrow()
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
        if self.0.changed().await.is_err() {
            // Nobody is left to change it.
            std::future::pending::<()>().await;
        }
    }

    /// Ready when idle connections end.
    pub(crate) async fn idle_ends(&mut self) {
        while !matches!(self.phase(), Phase::Closing | Phase::HandingOver) {
            self.changed().await;
        }
    }
}
