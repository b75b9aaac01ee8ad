//! The `RateLimit-Policy` and `RateLimit` response fields (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! The draft may change: its whole syntax is here, and whether it is sent is the caller's one switch. This module
//! knows figures, not how they were counted.

use std::fmt::Write;

use http::HeaderValue;

/// `RateLimit-Policy`: what is allowed.
pub const RATE_LIMIT_POLICY: &str = "ratelimit-policy";

/// `RateLimit`: what is left of it.
pub const RATE_LIMIT: &str = "ratelimit";

/// The largest integer of a structured field (RFC 9651 §3.3.1).
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// Which of a subscription's limits a [`Figure`] is about; its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Calls in any window: `"rate"`.
    Rate,
    /// Calls per period: `"quota"`.
    Quota,
    /// Body bytes per period: `"bandwidth"`.
    Bandwidth,
}

/// One limit and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Which limit.
    pub policy: Policy,
    /// Calls or bytes allowed, `q`.
    pub limit: u64,
    /// Whole seconds in which they are allowed, `w`.
    pub window_s: u64,
    /// Calls or bytes left, `r`; unknown before the first charge after a restart, and then only the policy is told.
    pub remaining: Option<u64>,
    /// Whole seconds until more is available, `t`.
    pub reset_s: u64,
}

/// The two fields' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitFields {
    /// For [`RATE_LIMIT_POLICY`].
    pub policy: HeaderValue,
    /// For [`RATE_LIMIT`].
    pub limit: Option<HeaderValue>,
}

/// Both fields for the limits of one call, or none where nothing is limited.
pub fn fields(figures: &[Figure]) -> Option<RateLimitFields> {
    let (mut policies, mut limits) = (String::new(), String::new());
    for figure in figures {
        let separator = |list: &str| if list.is_empty() { "" } else { ", " };
        let (name, unit) = match figure.policy {
            Policy::Rate => ("rate", ""),
            Policy::Quota => ("quota", ""),
            Policy::Bandwidth => ("bandwidth", ";qu=\"content-bytes\""),
        };
        let [limit, window_s, reset_s] =
            [figure.limit, figure.window_s, figure.reset_s].map(|figure| figure.min(MAX_INTEGER));
        // Writing to a string can't fail.
        let _ = write!(policies, "{}\"{name}\";q={limit}{unit};w={window_s}", separator(&policies));
        if let Some(remaining) = figure.remaining {
            let remaining = remaining.min(MAX_INTEGER);
            let _ = write!(limits, "{}\"{name}\";r={remaining};t={reset_s}", separator(&limits));
        }
    }
    if policies.is_empty() {
        return None;
    }
    let limit = if limits.is_empty() { None } else { Some(HeaderValue::try_from(limits).ok()?) };
    Some(RateLimitFields { policy: HeaderValue::try_from(policies).ok()?, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_for_each_limit() {
        let rate = Figure { policy: Policy::Rate, limit: 5, window_s: 1, remaining: Some(4), reset_s: 1 };
        let quota =
            Figure { policy: Policy::Quota, limit: 25_000, window_s: 86_400, remaining: Some(24_999), reset_s: 406 };
        let bytes = Figure {
            policy: Policy::Bandwidth,
            limit: u64::MAX,
            window_s: 86_400,
            remaining: Some(u64::MAX),
            reset_s: 406,
        };
        let all = fields(&[rate, quota, bytes]).unwrap();
        assert_eq!(
            all.policy,
            "\"rate\";q=5;w=1, \"quota\";q=25000;w=86400, \
             \"bandwidth\";q=999999999999999;qu=\"content-bytes\";w=86400"
        );
        assert_eq!(
            all.limit.unwrap(),
            "\"rate\";r=4;t=1, \"quota\";r=24999;t=406, \"bandwidth\";r=999999999999999;t=406"
        );
        assert_eq!(fields(&[rate]).unwrap().limit.unwrap(), "\"rate\";r=4;t=1");
        let unknown = fields(&[Figure { remaining: None, ..quota }]).unwrap();
        assert_eq!((unknown.policy.to_str().unwrap(), unknown.limit), ("\"quota\";q=25000;w=86400", None));
        assert_eq!(fields(&[]), None);
    }
}
