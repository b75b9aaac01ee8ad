//! What the whole data plane shares, and what each core keeps for itself.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use limen_rules::snapshot::Snapshot;

use crate::access_log::AccessLog;
use crate::accounts::Accounts;
use crate::assertion::AssertionKey;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::current::Current;
use crate::drift::Drift;
use crate::edge::Edge;
use crate::issuers::Issuers;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::targets::Targets;
use crate::tls::Tls;
use crate::token_cache::TokenCache;

/// Bytes of bodies that all calls together may hold.
pub const BODIES_BYTES: u64 = 256 << 20;

/// What doesn't change while the process runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The gateway's public address, without a slash at the end.
    pub gateway_url: String,
    /// The web pages' public address, without a slash at the end.
    pub web_url: String,
    /// How long calls are decided from a snapshot that could not be confirmed, in microseconds.
    pub snapshot_max_age_us: u64,
    /// Whether answers tell `RateLimit` and `RateLimit-Policy`.
    pub rate_limit_fields: bool,
    /// How callers' connections are met.
    pub edge: Edge,
}

/// What the whole data plane shares.
pub struct Gateway {
    /// What doesn't change.
    pub settings: Settings,
    /// The picture that calls are decided from.
    pub current: Current,
    /// What is remembered of services' targets.
    pub targets: Targets,
    /// What subscriptions have used.
    pub accounts: Accounts,
    /// Tokens whose signature was good.
    pub tokens: TokenCache,
    /// What is known of other issuers.
    pub issuers: Issuers,
    /// What recent calls went through.
    pub journal: Journal,
    /// How answers differ from what is described.
    pub drift: Drift,
    /// What is counted.
    pub metrics: Metrics,
    /// Where calls are written down, if they are.
    pub access_log: Option<AccessLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What assertions are signed with.
    pub assertion_key: ArcSwapOption<AssertionKey>,
    /// TLS of the listener, where it has any.
    pub tls: Option<Arc<Tls>>,
    /// Room for bodies.
    pub bodies: Arc<Budget>,
}

impl Gateway {
    /// Decides from `snapshot` from now on; what the store says as of the monotonic `now_us`.
    pub fn decide_from(&self, snapshot: Snapshot, now_us: u64) {
        self.targets.follow(&snapshot.catalog);
        self.issuers.follow(&snapshot.catalog);
        self.current.swap(snapshot, now_us);
    }
}

/// What each core keeps for itself.
#[derive(Default)]
pub struct Core {
    pub(crate) pool: Pool,
}
