//! What was used of a product's limits, as it is told.

use limen_rules::model::Name;
use serde::{Deserialize, Serialize};

/// What an application in an environment has used of a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionUsage {
    /// The application.
    pub application: Name,
    /// The environment.
    pub environment: Name,
    /// What it has used; none where nothing limits it.
    pub usage: Option<UsageLine>,
}

/// What an account, a subscription's or a connection's, has used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageLine {
    /// Calls in the current rate window.
    pub window_calls: Option<u64>,
    /// The rate limit.
    pub window_limit: Option<u64>,
    /// Calls in the period.
    pub period_calls: Option<u64>,
    /// The quota of calls.
    pub period_calls_limit: Option<u64>,
    /// Bytes in the period.
    pub period_bytes: Option<u64>,
    /// The quota of bytes.
    pub period_bytes_limit: Option<u64>,
    /// When the period ends.
    pub period_ends_at_us: Option<i64>,
}
