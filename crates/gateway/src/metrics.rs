//! Counts what happens, a stripe of counters for each core: a call pays a few additions to memory of its own core.
//!
//! Labels are bounded: APIs by number, statuses and causes by the contract's table. [`exposition`] puts it into text.

pub mod exposition;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use limen_rules::contract::Cause;
use limen_rules::model::Name;
use limen_rules::snapshot::LiveApi;

use crate::ended::Traffic;
use crate::journal::CallRecord;
use crate::stripe;

/// APIs that are told apart over the life of the process, number 0 aside; the rest is counted as `other`.
const APIS_MAX: usize = 254;
/// What is counted for no API, and for those that came after [`APIS_MAX`] others.
const NO_API: usize = 0;
const OTHER_API: usize = APIS_MAX + 1;
/// Statuses that are told apart; the last stands for all others.
const STATUSES: [u16; 12] = [0, 101, 200, 400, 401, 403, 404, 415, 429, 500, 503, u16::MAX];
/// Causes, and none.
const CAUSES: usize = Cause::ALL.len() + 1;
/// The first bucket of durations ends at 2^6 µs, each next one at the double, the last before infinity at 2^26 µs.
const FIRST_BUCKET_BITS: u32 = 6;
const BUCKETS: usize = 22;

/// What is counted without labels of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    CallsBegun,
    CallsEnded,
    ConnectionsServed,
    ConnectionsClosed,
    ConnectionsTurnedAway,
    StreamsRefused,
    Http2ConnectionsRefused,
    SignaturesRemembered,
    SignaturesChecked,
    ServiceConnectionsOpened,
    ServiceConnectionsReused,
}

impl Count {
    /// What a connection to a service counts as.
    pub(crate) fn of_connection(was_reused: bool) -> Self {
        if was_reused { Self::ServiceConnectionsReused } else { Self::ServiceConnectionsOpened }
    }
}

const COUNTS: usize = Count::ServiceConnectionsReused as usize + 1;

/// What is counted of an API's calls on one core.
struct ApiCounters {
    outcomes: [[AtomicU64; STATUSES.len()]; CAUSES],
    durations: [AtomicU64; BUCKETS],
    duration_us: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
}

impl ApiCounters {
    fn new() -> Box<Self> {
        let zero = |_: usize| AtomicU64::new(0);
        Box::new(Self {
            outcomes: std::array::from_fn(|_| std::array::from_fn(zero)),
            durations: std::array::from_fn(zero),
            duration_us: AtomicU64::new(0),
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
        })
    }
}

/// A core's counters, on cache lines of their own.
#[repr(align(128))]
struct Stripe {
    counts: [AtomicU64; COUNTS],
    apis: Box<[OnceLock<Box<ApiCounters>>]>,
}

/// All that is counted.
pub struct Metrics {
    stripes: Box<[Stripe]>,
    /// Names of the APIs by number, from 1 on.
    apis: Mutex<Vec<Name>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let stripe = |_| Stripe {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            apis: (0..=OTHER_API).map(|_| OnceLock::new()).collect(),
        };
        Self { stripes: (0..stripe::count()).map(stripe).collect(), apis: Mutex::default() }
    }
}

impl Metrics {
    fn stripe(&self) -> Option<&Stripe> {
        self.stripes.get(stripe::mine() % self.stripes.len().max(1))
    }

    /// Counts one.
    pub(crate) fn count(&self, what: Count) {
        if let Some(count) = self.stripe().and_then(|stripe| stripe.counts.get(what as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number under which an API is counted: looked up by name once for each picture, then kept with it.
    pub(crate) fn number_of(&self, api: &LiveApi) -> usize {
        *api.counted_as.get_or_init(|| {
            let mut apis = self.apis.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = apis.iter().position(|known| *known == api.api.name) {
                return at + 1;
            }
            if apis.len() >= APIS_MAX {
                return OTHER_API;
            }
            apis.push(api.api.name.clone());
            apis.len()
        })
    }

    /// A call has ended.
    pub(crate) fn ended(&self, record: &CallRecord, traffic: &Traffic) {
        self.count(Count::CallsEnded);
        let Some(place) = self.stripe().and_then(|stripe| stripe.apis.get(traffic.counted_as)) else { return };
        let counters = place.get_or_init(ApiCounters::new);
        let status = STATUSES.iter().position(|status| *status == record.status).unwrap_or(STATUSES.len() - 1);
        let cause = record.cause.map_or(0, |cause| cause as usize + 1);
        if let Some(count) = counters.outcomes.get(cause).and_then(|causes| causes.get(status)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(count) = counters.durations.get(bucket(record.duration_us)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        counters.duration_us.fetch_add(record.duration_us, Ordering::Relaxed);
        if traffic.request_bytes > 0 {
            counters.request_bytes.fetch_add(traffic.request_bytes, Ordering::Relaxed);
        }
        counters.response_bytes.fetch_add(traffic.response_bytes, Ordering::Relaxed);
    }
}

/// The bucket of a duration: the first whose end isn't below it.
fn bucket(duration_us: u64) -> usize {
    let bits = u64::BITS - duration_us.saturating_sub(1).leading_zeros();
    (bits.saturating_sub(FIRST_BUCKET_BITS) as usize).min(BUCKETS - 1)
}

/// A connection of a caller, counted while it lives.
pub(crate) struct OpenConnection<'m>(&'m Metrics);

impl<'m> OpenConnection<'m> {
    pub(crate) fn begin(metrics: &'m Metrics) -> Self {
        metrics.count(Count::ConnectionsServed);
        Self(metrics)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.count(Count::ConnectionsClosed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_has_the_bucket_whose_end_is_not_below_it() {
        for (duration_us, expected) in
            [(0, 0), (64, 0), (65, 1), (128, 1), (129, 2), (1 << 26, 20), ((1 << 26) + 1, 21), (u64::MAX, 21)]
        {
            assert_eq!(bucket(duration_us), expected, "{duration_us}");
        }
    }

    #[test]
    fn every_cause_has_a_place_of_its_own() {
        let mut places: Vec<usize> = Cause::ALL.into_iter().map(|cause| cause as usize).collect();
        places.sort_unstable();
        assert_eq!(places, (0..CAUSES - 1).collect::<Vec<_>>());
    }
}
