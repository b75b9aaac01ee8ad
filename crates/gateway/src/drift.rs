//! Answers compared with what is described of them, beside the call: what passes is copied, bounded, and judged by a
//! thread of its own once the answer has gone. No call waits for it and no byte of an answer is changed.

mod sample;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use limen_rules::description::LiveDescription;
use limen_rules::drift::{Compared, DriftReport, DriftTable};
use limen_rules::model::Name;

use sample::Sample;
pub(crate) use sample::Tap;

/// Of an answer's body is compared what is no larger.
const BODY_MAX_BYTES: usize = 1 << 20;
/// Bytes of bodies that are copied or wait, all together.
const WAITING_MAX_BYTES: usize = 16 << 20;
/// Answers that wait.
const WAITING_MAX: usize = 1_024;

/// What the gateway knows of answers that differ.
#[derive(Default)]
pub struct Drift {
    shared: Arc<Shared>,
    /// To the thread that judges; none where it could not be started.
    judge: OnceLock<Option<SyncSender<Sample>>>,
}

#[derive(Default)]
struct Shared {
    table: Mutex<DriftTable>,
    dropped: AtomicU64,
    waiting_bytes: AtomicUsize,
}

/// An operation whose answers are compared.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) api: Name,
    pub(crate) operation: Name,
    pub(crate) description: Arc<LiveDescription>,
}

impl Drift {
    /// What was found of an API's answers, or of all.
    #[must_use]
    pub fn report(&self, api: Option<&str>) -> DriftReport {
        self.shared.table().report(api, self.shared.dropped())
    }

    /// What became of the answers that were to be compared.
    #[must_use]
    pub fn compared(&self) -> Compared {
        self.shared.table().compared(self.shared.dropped())
    }

    /// Answers that differ, by API.
    #[must_use]
    pub fn drifted(&self) -> Vec<(Name, u64)> {
        self.shared.table().drifted().map(|(api, answers)| (Name::clone(api), answers)).collect()
    }

    /// Where samples go; the thread is started for the first.
    fn judge(&self) -> Option<&SyncSender<Sample>> {
        let start = || {
            let (sender, receiver) = sync_channel(WAITING_MAX);
            let shared = Arc::clone(&self.shared);
            let started = std::thread::Builder::new().name("answers".into()).spawn(move || shared.judge(&receiver));
            started.inspect_err(|error| tracing::error!(%error, "answers can't be compared")).ok().map(|_| sender)
        };
        self.judge.get_or_init(start).as_ref()
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, DriftTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Until nobody is left to send any.
    fn judge(&self, samples: &Receiver<Sample>) {
        while let Ok(sample) = samples.recv() {
            let differences = sample.differences();
            // The table is locked for the entry alone: a report never waits for a schema.
            let news = self.table().take(&sample.answered(), differences, sample.is_whole());
            for words in &news.words {
                let (api, operation, id) = (&*sample.watched.api, &*sample.watched.operation, &*sample.request_id);
                tracing::warn!(
                    api,
                    operation,
                    request_id = id,
                    "the service answers otherwise than described: {words}"
                );
            }
            if news.untold > 0 {
                let untold = news.untold;
                tracing::warn!(untold, "more kinds were found; 'limen api drift' lists them");
            }
        }
    }
}
