//! The incident that opens by itself while none of an API's targets can be used, and ends when one answers again.
//!
//! It looks at notices that were opened this way and at no other: what people wrote is theirs.

use jiff::Timestamp;

use crate::model::Api;
use crate::record::{Notice, NoticeKind, NoticeUpdate, Outage};

/// How an API's service stands, all targets taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A target can be used, and it answered since the process began and since it was last out.
    Up,
    /// A target can be used as far as known; whether it answers was not seen yet.
    Unknown,
    /// No target can be used.
    Out {
        /// Since when.
        since_us: i64,
    },
}

/// What to do about an API's notices.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing.
    Rest,
    /// A new notice opens; the store numbers it.
    Open(Box<Notice>),
    /// The notice is replaced: the outage is over.
    End {
        /// As it is.
        present: Box<Notice>,
        /// As it will be.
        next: Box<Notice>,
    },
}

/// Decides on one API. `api` is its name, `declared` the API unless it is no longer published; of `notices` only those
/// that were opened for an outage of this API are looked at.
///
/// One that a person resolved stays resolved: the same outage opens no second one, also after a restart.
#[must_use]
pub fn step(api: &str, declared: Option<&Api>, standing: Standing, notices: &[Notice], now_us: i64) -> Step {
    let lasting = notices.iter().find(|notice| notice.api.as_deref() == Some(api) && lasts(notice));
    match (standing, declared, lasting) {
        (_, None, Some(notice)) => end(notice, "The API is no longer published.", now_us),
        (Standing::Up, _, Some(notice)) => end(notice, "The service answers again.", now_us),
        (Standing::Out { since_us }, Some(declared), None) if declared.auto_incident => {
            let after_us = i64::try_from(declared.auto_incident_after_s.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
            if now_us.saturating_sub(since_us) < after_us {
                return Step::Rest;
            }
            Step::Open(Box::new(opened(declared, since_us)))
        }
        _ => Step::Rest,
    }
}

/// Whether the notice was opened for an outage that isn't over.
#[must_use]
pub fn lasts(notice: &Notice) -> bool {
    notice.outage.is_some_and(|outage| outage.ended_at_us.is_none())
}

fn opened(api: &Api, since_us: i64) -> Notice {
    let since = Timestamp::from_microsecond(since_us).map(|at| at.strftime(" since %Y-%m-%d %H:%M:%S UTC").to_string());
    Notice {
        id: "n0".into(),
        kind: NoticeKind::Incident,
        title: format!("API {}: its service does not answer", api.name),
        message: format!(
            "The service behind this API has not answered{}. Calls are answered 503 and tried again at intervals. This notice opened by itself and ends when the service answers.",
            since.unwrap_or_default()
        ),
        api: Some(api.name.clone()),
        operation: None,
        closes: false,
        begins_at_us: since_us,
        ends_at_us: None,
        resolved_at_us: None,
        updates: Vec::new(),
        outage: Some(Outage::default()),
    }
}

fn end(present: &Notice, words: &str, now_us: i64) -> Step {
    let mut next = present.clone();
    next.outage = Some(Outage { ended_at_us: Some(now_us) });
    let is_over = next.resolved_at_us.is_some() || next.ends_at_us.is_some_and(|end| end <= now_us);
    if !is_over {
        next.resolved_at_us = Some(now_us);
        next.updates.push(NoticeUpdate { at_us: now_us, message: words.to_owned() });
    }
    Step::End { present: Box::new(present.clone()), next: Box::new(next) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn orders() -> Api {
        serde_json::from_value(serde_json::json!({
            "name": "orders", "base_path": "/orders", "target": "http://o", "auto_incident_after_s": 30
        }))
        .expect("an API")
    }

    fn after(standing: Standing, notices: &[Notice], now_us: i64) -> Step {
        step("orders", Some(&orders()), standing, notices, now_us)
    }

    fn opened_at(now_us: i64) -> Notice {
        match after(Standing::Out { since_us: 0 }, &[], now_us) {
            Step::Open(notice) => *notice,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_opens_after_its_time_and_says_since_when() {
        let out = Standing::Out { since_us: 0 };
        assert_eq!(after(out, &[], 30 * S - 1), Step::Rest);
        let notice = opened_at(30 * S);
        assert_eq!(notice.title, "API orders: its service does not answer");
        assert!(notice.message.contains("since 1970-01-01 00:00:00 UTC"), "{}", notice.message);
        assert_eq!((notice.begins_at_us, notice.closes, notice.api.as_deref()), (0, false, Some("orders")));
        let off = Api { auto_incident: false, ..orders() };
        assert_eq!(step("orders", Some(&off), out, &[], 60 * S), Step::Rest);
        for standing in [Standing::Up, Standing::Unknown] {
            assert_eq!(after(standing, &[], 60 * S), Step::Rest);
        }
    }

    #[test]
    fn one_outage_has_one_notice_also_where_a_person_resolved_it() {
        let mut notice = opened_at(30 * S);
        let out = Standing::Out { since_us: 40 * S };
        assert_eq!(after(out, std::slice::from_ref(&notice), 90 * S), Step::Rest);
        notice.resolved_at_us = Some(50 * S);
        assert_eq!(after(out, std::slice::from_ref(&notice), 90 * S), Step::Rest);
        assert_eq!(after(Standing::Unknown, std::slice::from_ref(&notice), 90 * S), Step::Rest, "not seen to answer");
        let Step::End { next, .. } = after(Standing::Up, std::slice::from_ref(&notice), 95 * S) else { panic!() };
        assert_eq!((next.resolved_at_us, next.updates.len()), (Some(50 * S), 0), "a person's word stands");
        assert!(matches!(after(out, &[*next], 99 * S), Step::Open(_)), "the next outage has its own");
    }

    #[test]
    fn it_ends_with_the_time_when_the_service_answers() {
        let notice = opened_at(30 * S);
        let Step::End { present, next } = after(Standing::Up, std::slice::from_ref(&notice), 70 * S) else { panic!() };
        assert_eq!(*present, notice);
        assert_eq!(next.resolved_at_us, Some(70 * S));
        assert_eq!(next.updates[0].message, "The service answers again.");
        assert_eq!(after(Standing::Up, &[*next], 71 * S), Step::Rest);
        let gone = step("orders", None, Standing::Unknown, &[notice], 70 * S);
        assert!(matches!(gone, Step::End { next, .. } if next.resolved_at_us == Some(70 * S)));
    }

    #[test]
    fn what_people_wrote_and_what_is_of_others_is_left_alone() {
        let by_hand = Notice { outage: None, ..opened_at(30 * S) };
        let of_another = Notice { api: Some("prices".into()), ..opened_at(30 * S) };
        let notices = [by_hand, of_another];
        assert_eq!(after(Standing::Up, &notices, 70 * S), Step::Rest);
        assert!(matches!(after(Standing::Out { since_us: 0 }, &notices, 70 * S), Step::Open(_)));
    }
}
