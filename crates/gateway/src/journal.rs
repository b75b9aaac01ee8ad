//! What recent calls went through, for `limen explain`: two bounded rings, refusals kept longer than the rest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use limen_rules::contract::Cause;
use limen_rules::explain::Finding;

/// Calls kept that were answered well.
const ANSWERED_CALLS: usize = 8_192;
/// Calls kept that were refused or failed.
const REFUSED_CALLS: usize = 16_384;

/// A call's id: printed as 32 hex digits.
pub type RequestId = u128;

/// One call.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// Its id.
    pub request_id: RequestId,
    /// When it came, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Its method.
    pub method: http::Method,
    /// Its path, without the query.
    pub path: Box<str>,
    /// The final status.
    pub status: u16,
    /// Why it was refused or failed.
    pub cause: Option<Cause>,
    /// From the head's arrival to the end of the response's body.
    pub duration_us: u64,
    /// Each check.
    pub findings: Vec<Finding>,
}

/// The rings and the counts.
pub struct Journal {
    answered: Mutex<VecDeque<Arc<CallRecord>>>,
    refused: Mutex<VecDeque<Arc<CallRecord>>>,
    by_status: Box<[AtomicU64]>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            answered: Mutex::default(),
            refused: Mutex::default(),
            by_status: (0..1000).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Journal {
    /// Writes a call down.
    pub fn write(&self, record: CallRecord) {
        if let Some(count) = self.by_status.get(usize::from(record.status)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let (ring, bound) =
            if record.cause.is_some() { (&self.refused, REFUSED_CALLS) } else { (&self.answered, ANSWERED_CALLS) };
        let record = Arc::new(record);
        let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropped after the lock is free again: freeing a record's words takes a while.
        let _oldest = if ring.len() >= bound { ring.pop_front() } else { None };
        ring.push_back(record);
    }

    /// The call of that id, if it is still kept.
    #[must_use]
    pub fn find(&self, request_id: RequestId) -> Option<Arc<CallRecord>> {
        [&self.refused, &self.answered].into_iter().find_map(|ring| {
            let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.iter().rev().find(|record| record.request_id == request_id).cloned()
        })
    }

    /// How many calls are kept: answered well, and refused or failed.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        let count = |ring: &Mutex<VecDeque<_>>| ring.lock().unwrap_or_else(PoisonError::into_inner).len();
        (count(&self.answered), count(&self.refused))
    }

    /// Calls since the process began, by status.
    #[must_use]
    pub fn calls_by_status(&self) -> Vec<(u16, u64)> {
        let counts = self.by_status.iter().map(|count| count.load(Ordering::Relaxed));
        (0..).zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(request_id: RequestId, cause: Option<Cause>) -> CallRecord {
        CallRecord {
            request_id,
            at_us: 0,
            method: http::Method::GET,
            path: "/".into(),
            status: cause.map_or(200, Cause::status),
            cause,
            duration_us: 0,
            findings: Vec::new(),
        }
    }

    #[test]
    fn refusals_outlive_the_rest_and_both_are_bounded() {
        let journal = Journal::default();
        journal.write(record(1, Some(Cause::TokenMissing)));
        for id in 2..20_000 {
            journal.write(record(id, None));
        }
        assert!(journal.find(1).is_some() && journal.find(2).is_none() && journal.find(19_999).is_some());
        assert_eq!(journal.calls_by_status(), [(200, 19_998), (401, 1)]);
        assert_eq!(journal.answered.lock().unwrap().len(), ANSWERED_CALLS);
    }
}
