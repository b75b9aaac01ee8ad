//! How an API's service is reached: its targets, deadlines, when one is left alone, how one is checked.

use serde::{Deserialize, Serialize};

use super::Api;

/// One target of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTarget {
    /// Its address: `http://HOST[:PORT][/PATH]`, or the same with `https`.
    pub url: String,
    /// Its part of the calls, compared with the others' weights; 1 to 100.
    #[serde(default = "one")]
    pub weight: u32,
}

/// How targets over TLS are verified, and what they are shown. Nothing told: the bundled public authorities, no certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetTls {
    /// The authorities that may have signed a target's certificate, in PEM; no other is trusted then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// The certificate that targets are shown, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_file: Option<String>,
    /// Its private key, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// The name that is asked for and that the certificate must be for, where it isn't the target's host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

/// When a target that fails is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// Whether it ever is.
    pub enabled: bool,
    /// So many failures in a row open it.
    pub failures: u32,
    /// The time from the first to the last of them, at most.
    pub window_s: u64,
    /// How long it is left alone the first time; twice as long after each try that fails, up to a minute.
    pub open_s: u64,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { enabled: true, failures: 5, window_s: 10, open_s: 5 }
    }
}

/// How a target is checked while nobody calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked for with GET, on the target itself (not below its path); 200 to 299 is well.
    pub path: String,
    /// From one check to the next.
    #[serde(default = "ten")]
    pub interval_s: u64,
    /// For a check's answer.
    #[serde(default = "two_thousand")]
    pub timeout_ms: u64,
    /// So many in a row that pass, and it gets calls again.
    #[serde(default = "two")]
    pub healthy: u32,
    /// So many in a row that don't, and it gets none.
    #[serde(default = "three")]
    pub unhealthy: u32,
}

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

impl Api {
    /// The addresses of its service as they were told.
    pub fn target_urls(&self) -> impl Iterator<Item = &str> {
        self.target.as_deref().into_iter().chain(self.targets.iter().map(|target| target.url.as_str()))
    }
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn three() -> u32 {
    3
}

pub(super) fn thirty() -> u64 {
    30
}

fn ten() -> u64 {
    10
}

fn two_thousand() -> u64 {
    2_000
}
