//! Which notice stands at a moment, and whether it closes an operation.
//!
//! A window begins and ends by itself: each call is compared with the clock that it brings.

use crate::contract::{Cause, Refusal};
use crate::record::{Notice, NoticeKind};

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its begin is still to come.
    Planned,
    /// It lasts.
    Standing,
    /// It was resolved, or its end has passed.
    Over,
}

/// Where `notice` stands at `now_us`: from the microsecond of its begin up to, and without, that of its end.
#[must_use]
pub fn phase(notice: &Notice, now_us: i64) -> Phase {
    let ended =
        notice.resolved_at_us.is_some_and(|at| now_us >= at) || notice.ends_at_us.is_some_and(|at| now_us >= at);
    if ended {
        Phase::Over
    } else if now_us < notice.begins_at_us {
        Phase::Planned
    } else {
        Phase::Standing
    }
}

/// Whether the notice is about this operation of this API.
#[must_use]
pub fn concerns(notice: &Notice, api: &str, operation: Option<&str>) -> bool {
    notice.api.as_deref().is_none_or(|name| name == api)
        && notice.operation.as_deref().is_none_or(|name| Some(name) == operation)
}

/// The notice that stands over an operation now, whether it closes or not; of several the one that began last.
#[must_use]
pub fn standing<'n>(notices: &'n [Notice], api: &str, operation: Option<&str>, now_us: i64) -> Option<&'n Notice> {
    notices
        .iter()
        .filter(|notice| phase(notice, now_us) == Phase::Standing && concerns(notice, api, operation))
        .max_by_key(|notice| notice.begins_at_us)
}

/// The proof that no notice closes the operation now.
#[derive(Clone, Copy, Debug)]
pub struct Open(());

/// Refuses the call while a notice closes its operation.
///
/// What `default_retry_after_s` gives is told where the notice has no end. Of several the one that lasts longest decides.
///
/// # Errors
/// 503 with the notice's title, its id and the seconds until its end, rounded up.
pub fn admit(
    notices: &[Notice],
    api: &str,
    operation: Option<&str>,
    default_retry_after_s: impl FnOnce() -> u64,
    now_us: i64,
) -> Result<Open, Refusal> {
    let standing = notices
        .iter()
        .filter(|notice| notice.closes && phase(notice, now_us) == Phase::Standing && concerns(notice, api, operation));
    let Some(notice) = standing.max_by_key(|notice| notice.ends_at_us.unwrap_or(i64::MAX)) else {
        return Ok(Open(()));
    };
    let cause = match notice.kind {
        NoticeKind::Incident => Cause::ServiceUnavailable,
        NoticeKind::Maintenance => Cause::PlannedMaintenance,
    };
    let retry_after_s = match notice.ends_at_us {
        Some(end) => u64::try_from(end - now_us).unwrap_or(0).div_ceil(1_000_000),
        None => default_retry_after_s(),
    };
    let mut refusal = Refusal::new(cause)
        .message(notice.title.clone())
        .detail(if notice.message.is_empty() { notice.title.clone() } else { notice.message.clone() })
        .operator_words(format!("notice {} closes it", notice.id))
        .retry_after_s(retry_after_s);
    refusal.notice_id = Some(notice.id.to_string());
    Err(refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(begin_s: i64, end_s: Option<i64>) -> Notice {
        Notice {
            id: "n1".into(),
            kind: NoticeKind::Maintenance,
            title: "Database move".into(),
            message: String::new(),
            api: Some("constituent".into()),
            operation: None,
            closes: true,
            begins_at_us: begin_s * 1_000_000,
            ends_at_us: end_s.map(|s| s * 1_000_000),
            resolved_at_us: None,
            updates: Vec::new(),
            outage: None,
        }
    }

    #[test]
    fn it_closes_from_its_first_microsecond_to_its_last() {
        let notices = [notice(10, Some(20))];
        let at = |now_us| admit(&notices, "constituent", None, || 9, now_us);
        assert!(at(9_999_999).is_ok());
        let refusal = at(10_000_000).unwrap_err();
        assert_eq!((refusal.status, refusal.retry_after_s), (503, Some(10)));
        assert_eq!(refusal.message, "Database move");
        assert_eq!(at(19_999_999).unwrap_err().retry_after_s, Some(1));
        assert!(at(20_000_000).is_ok());
    }

    #[test]
    fn only_what_it_is_about_is_closed_and_the_longest_decides() {
        let mut one = notice(0, Some(5));
        one.operation = Some("list".into());
        let mut open_end = notice(0, None);
        open_end.kind = NoticeKind::Incident;
        let notices = [one, open_end];
        assert!(admit(&notices[..1], "constituent", Some("get"), || 9, 1).is_ok());
        assert!(admit(&notices[..1], "other", Some("list"), || 9, 1).is_ok());
        let refusal = admit(&notices, "constituent", Some("list"), || 9, 1).unwrap_err();
        assert_eq!((refusal.cause, refusal.retry_after_s), (Cause::ServiceUnavailable, Some(9)));
    }

    #[test]
    fn announced_or_resolved_notices_close_nothing() {
        let mut announced = notice(0, None);
        announced.closes = false;
        let mut resolved = notice(0, None);
        resolved.resolved_at_us = Some(5);
        assert!(admit(&[announced], "constituent", None, || 9, 1).is_ok());
        assert!(admit(std::slice::from_ref(&resolved), "constituent", None, || 9, 5).is_ok());
        assert!(admit(&[resolved], "constituent", None, || 9, 4).is_err());
    }
}
