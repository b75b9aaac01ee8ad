//! The books of the test itself: which call was sent when, and which reached the service when. What the service
//! counted is the truth; nothing here is told by Limen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A call as its caller saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) number: u64,
    /// Just before its first byte was written.
    pub(crate) sent: Instant,
    /// The status, if an answer came.
    pub(crate) answered: Option<u16>,
}

/// A call as the service saw it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) number: u64,
    pub(crate) subject: usize,
    /// Just after its head had been read.
    pub(crate) at: Instant,
}

#[derive(Debug, Default)]
struct Counts {
    /// Calls sent to the living process, or to the one that was killed last.
    sent: AtomicU64,
    arrived: AtomicU64,
}

/// Counts for each subject.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Vec<Counts>,
    next: AtomicU64,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Tally {
    /// No calls to so many subjects.
    pub(crate) fn new(subjects: usize) -> Self {
        let counts = std::iter::repeat_with(Counts::default).take(subjects).collect();
        Self { counts, next: AtomicU64::new(0), arrivals: Mutex::default() }
    }

    /// A call is about to be written to an open connection. The call, and its target.
    pub(crate) fn send(&self, subject: usize, base_path: &str) -> (Call, String) {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        self.counts[subject].sent.fetch_add(1, Ordering::SeqCst);
        let target = format!("{base_path}/x?number={number}&subject={subject}");
        (Call { number, sent: Instant::now(), answered: None }, target)
    }

    /// A call reached the service.
    pub(crate) fn arrived(&self, target: &str) {
        let at = Instant::now();
        let field = |name: &str| {
            let query = target.split_once('?').map_or("", |(_, query)| query);
            let value = query.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            value.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("the service was sent {target}"))
        };
        let (number, subject) = (field("number"), field("subject") as usize);
        self.counts[subject].arrived.fetch_add(1, Ordering::SeqCst);
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(Arrival { number, subject, at });
    }

    /// How many calls of a subject the service has counted.
    pub(crate) fn count(&self, subject: usize) -> u64 {
        self.counts[subject].arrived.load(Ordering::SeqCst)
    }

    /// How many calls of a subject were sent since this was last asked: to be asked when a process is dead and the
    /// next one isn't there, so that every call falls to the process that it was sent to.
    pub(crate) fn take_sent(&self, subject: usize) -> u64 {
        self.counts[subject].sent.swap(0, Ordering::SeqCst)
    }

    /// All that reached the service.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
