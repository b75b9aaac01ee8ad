//! How long a call may wait for its service.

use serde::{Deserialize, Serialize};

/// Deadlines of a call on the service's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// To connect to a target.
    pub connect_timeout_ms: u64,
    /// From the request's last byte to the response's head.
    pub response_timeout_ms: u64,
    /// Between two pieces of a body.
    pub idle_timeout_ms: u64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect_timeout_ms: 2_000, response_timeout_ms: 30_000, idle_timeout_ms: 60_000 }
    }
}
