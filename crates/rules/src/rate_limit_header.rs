//! The `RateLimit-Policy` and `RateLimit` response fields (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! The draft may change: its whole syntax is here, and whether it is sent is the caller's one switch. This module
//! knows figures, not how they were counted.

use bytes::Bytes;
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
    if figures.is_empty() {
        return None;
    }
    let (mut policies, mut limits) = (Vec::with_capacity(96), Vec::with_capacity(96));
    for figure in figures {
        let (name, unit): (&[u8], &[u8]) = match figure.policy {
            Policy::Rate => (b"\"rate\"", b""),
            Policy::Quota => (b"\"quota\"", b""),
            Policy::Bandwidth => (b"\"bandwidth\"", b";qu=\"content-bytes\""),
        };
        begin_item(&mut policies, name);
        put_parameter(&mut policies, b";q=", figure.limit);
        policies.extend_from_slice(unit);
        put_parameter(&mut policies, b";w=", figure.window_s);
        if let Some(remaining) = figure.remaining {
            begin_item(&mut limits, name);
            put_parameter(&mut limits, b";r=", remaining);
            put_parameter(&mut limits, b";t=", figure.reset_s);
        }
    }
    let limit = if limits.is_empty() { None } else { Some(HeaderValue::from_maybe_shared(Bytes::from(limits)).ok()?) };
    Some(RateLimitFields { policy: HeaderValue::from_maybe_shared(Bytes::from(policies)).ok()?, limit })
}

fn begin_item(list: &mut Vec<u8>, name: &[u8]) {
    if !list.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(name);
}

/// Written digit by digit: on every answer's way, and formatting costs several times as much.
fn put_parameter(list: &mut Vec<u8>, name: &[u8], figure: u64) {
    list.extend_from_slice(name);
    let mut digits = [b'0'; 20];
    let (mut rest, mut begin) = (figure.min(MAX_INTEGER), digits.len());
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        begin -= 1;
        if rest == 0 {
            break;
        }
    }
    list.extend_from_slice(digits.get(begin..).unwrap_or_default());
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
