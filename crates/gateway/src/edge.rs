//! How the gateway meets its callers' connections: whom it believes, how many it takes, how long it waits.

use std::time::Duration;

use limen_rules::forwarded::ForwardedField;
use limen_rules::network::Networks;

/// What doesn't change while the process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Proxies that may tell where a call comes from.
    pub trusted_proxies: Networks,
    /// Which field they write.
    pub forwarded_field: ForwardedField,
    /// Whether each connection begins with a header of the PROXY protocol, from a trusted proxy.
    pub proxy_protocol: bool,
    /// Connections open at a time, over all cores, however many files the process may open.
    pub connections_max: usize,
    /// Connections open at a time for one caller's address.
    pub connections_per_address_max: usize,
    /// Whether addresses of this machine are counted too.
    pub counts_loopback: bool,
    /// For a head to arrive, from its first byte.
    pub head_timeout: Duration,
    /// For a connection to stay without a request.
    pub idle_timeout: Duration,
    /// How slow a caller may send a body or take an answer.
    pub slowest: Slowest,
    /// For callers to learn from an answer that the process stops, before idle connections are closed.
    pub drain_grace: Duration,
    /// For calls under way to end once the process stops.
    pub drain_timeout: Duration,
}

/// How slow a peer may be: the time that it has let us wait, less what it would have taken at this pace, must stay
/// below the timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowest {
    /// How long.
    pub timeout: Duration,
    /// Bytes in a second.
    pub bytes_per_s: u64,
}

impl Default for Slowest {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(60), bytes_per_s: 1024 }
    }
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            trusted_proxies: Networks::default(),
            forwarded_field: ForwardedField::Either,
            proxy_protocol: false,
            connections_max: 16_384,
            connections_per_address_max: 1_024,
            counts_loopback: false,
            head_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            slowest: Slowest::default(),
            drain_grace: Duration::from_secs(1),
            // Longer than a service has for its answer.
            drain_timeout: Duration::from_secs(35),
        }
    }
}
