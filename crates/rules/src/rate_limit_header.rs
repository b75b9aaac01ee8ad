//! The `RateLimit-Policy` and `RateLimit` response fields (draft-ietf-httpapi-ratelimit-headers-11).
//!
//! The draft may change: its whole syntax is here, and whether it is sent is the caller's one switch. This module
//! knows figures, not how they were counted.

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

impl Figure {
    /// Whether two figures are told alike by `RateLimit-Policy`.
    #[must_use]
    pub fn has_policy_of(&self, other: &Self) -> bool {
        (self.policy, self.limit, self.window_s) == (other.policy, other.limit, other.window_s)
    }

    fn name(&self) -> &'static [u8] {
        match self.policy {
            Policy::Rate => b"\"rate\"",
            Policy::Quota => b"\"quota\"",
            Policy::Bandwidth => b"\"bandwidth\"",
        }
    }
}

/// Appends what [`RATE_LIMIT_POLICY`] tells of these limits; nothing where nothing is limited. It is the same for every
/// call of a product, but for periods of several lengths.
pub fn put_policy(figures: &[Figure], list: &mut Vec<u8>) {
    let mut separator: &[u8] = b"";
    for figure in figures {
        begin_item(list, &mut separator, figure.name());
        put_parameter(list, b";q=", figure.limit);
        if figure.policy == Policy::Bandwidth {
            list.extend_from_slice(b";qu=\"content-bytes\"");
        }
        put_parameter(list, b";w=", figure.window_s);
    }
}

/// Appends what [`RATE_LIMIT`] tells of these limits; nothing where nothing is known to be left.
pub fn put_left(figures: &[Figure], list: &mut Vec<u8>) {
    let mut separator: &[u8] = b"";
    for figure in figures {
        if let Some(remaining) = figure.remaining {
            begin_item(list, &mut separator, figure.name());
            put_parameter(list, b";r=", remaining);
            put_parameter(list, b";t=", figure.reset_s);
        }
    }
}

fn begin_item(list: &mut Vec<u8>, separator: &mut &'static [u8], name: &[u8]) {
    list.extend_from_slice(std::mem::replace(separator, b", "));
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

    /// Whatever stands before it.
    fn told(put: fn(&[Figure], &mut Vec<u8>), figures: &[Figure]) -> String {
        let mut list = b"before".to_vec();
        put(figures, &mut list);
        String::from_utf8(list.split_off(6)).unwrap()
    }

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
        assert_eq!(
            told(put_policy, &[rate, quota, bytes]),
            "\"rate\";q=5;w=1, \"quota\";q=25000;w=86400, \
             \"bandwidth\";q=999999999999999;qu=\"content-bytes\";w=86400"
        );
        assert_eq!(
            told(put_left, &[rate, quota, bytes]),
            "\"rate\";r=4;t=1, \"quota\";r=24999;t=406, \"bandwidth\";r=999999999999999;t=406"
        );
        assert_eq!(told(put_left, &[rate]), "\"rate\";r=4;t=1");
        let unknown = Figure { remaining: None, ..quota };
        assert_eq!(told(put_policy, &[unknown]), "\"quota\";q=25000;w=86400");
        assert_eq!(told(put_left, &[unknown, rate]), "\"rate\";r=4;t=1");
        assert_eq!((told(put_left, &[unknown]), told(put_policy, &[]), told(put_left, &[])), Default::default());
    }

    #[test]
    fn figures_have_one_policy_where_only_what_is_left_differs() {
        let one = Figure { policy: Policy::Rate, limit: 5, window_s: 1, remaining: Some(4), reset_s: 1 };
        assert!(one.has_policy_of(&Figure { remaining: None, reset_s: 7, ..one }));
        for other in
            [Figure { limit: 6, ..one }, Figure { window_s: 2, ..one }, Figure { policy: Policy::Quota, ..one }]
        {
            assert!(!one.has_policy_of(&other), "{other:?}");
        }
    }
}
