//! What every answer carries, refusals too: written as lines, and what many answers have alike made once.

use std::cell::RefCell;

use http::HeaderName;
use http::header::{DATE, ORIGIN};
use limen_http1::response::AnswerLines;
use limen_rules::cors;
use limen_rules::rate_limit_header::{self, Figure};

use super::{Call, X_REQUEST_ID};
use crate::reply::Reply;

const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static(rate_limit_header::RATE_LIMIT_POLICY);
const RATE_LIMIT: HeaderName = HeaderName::from_static(rate_limit_header::RATE_LIMIT);
/// So many products' limits are kept in words on each core.
const POLICIES_KEPT: usize = 8;

impl Call<'_> {
    /// Adds what every answer carries.
    pub(crate) fn decorate(&self, reply: &mut Reply) {
        let Reply { lines, has_date, varies_by_origin, .. } = reply;
        lines.put(&X_REQUEST_ID, self.id_text.as_bytes());
        if !*has_date {
            put_date(lines, self.now_us);
        }
        if self.gateway.settings.rate_limit_fields && !self.figures.is_empty() {
            put_policy(lines, &self.figures);
            lines.put_with(&RATE_LIMIT, |value| rate_limit_header::put_left(&self.figures, value));
        }
        if let Some(api) = &self.api {
            let origin = self.fields.first(&ORIGIN);
            cors::decorate(&api.cors, origin, *varies_by_origin, |name, value| lines.put(name, value));
        }
    }
}

/// Figures, and the words of their policies.
type Kept = (Box<[Figure]>, Vec<u8>);

/// `RateLimit-Policy`: the same for all calls of a product, so its words are made for the first of them.
fn put_policy(lines: &mut AnswerLines, figures: &[Figure]) {
    thread_local! {
        static KEPT: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
    }
    KEPT.with_borrow_mut(|kept| {
        let is_alike = |known: &[Figure]| {
            known.len() == figures.len() && known.iter().zip(figures).all(|(known, figure)| known.has_policy_of(figure))
        };
        if let Some((_, words)) = kept.iter().find(|(known, _)| is_alike(known)) {
            return lines.put(&RATE_LIMIT_POLICY, words);
        }
        let mut words = Vec::new();
        rate_limit_header::put_policy(figures, &mut words);
        lines.put(&RATE_LIMIT_POLICY, &words);
        if kept.len() >= POLICIES_KEPT {
            kept.remove(0);
        }
        kept.push((figures.into(), words));
    });
}

/// `Date` (RFC 9110 §6.6.1), made once a second on each core.
fn put_date(lines: &mut AnswerLines, now_us: i64) {
    thread_local! {
        static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let Ok(now_s) = u64::try_from(now_us.div_euclid(1_000_000)) else { return };
    LAST.with_borrow_mut(|(made_s, made)| {
        if *made_s != now_s || made.is_empty() {
            let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(now_s);
            *made = httpdate::fmt_http_date(now);
            *made_s = now_s;
        }
        lines.put(&DATE, made.as_bytes());
    });
}
