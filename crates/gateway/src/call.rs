//! What a call carries from check to check, and how it ends: its findings, its line in the journal, its answer.

use std::cell::RefCell;
use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_LENGTH, DATE, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use limen_rules::answer::{Surroundings, answer};
use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Outcome, Step, Text};
use limen_rules::model::{Name, Visibility};
use limen_rules::period::Span;
use limen_rules::rate_limit_header::{self, Figure, Policy};
use limen_rules::snapshot::{LiveApi, Snapshot};
use limen_rules::{cors, media, notice};

use crate::accounts::{AccountKey, Meter, QuotaTerms, Reading, Usage};
use crate::answer::Answer;
use crate::draft::{Draft, unknown_method};
use crate::ended::Traffic;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::metrics::Count;
use crate::peer::Peer;
use crate::request_id::{IdText, new_request_id};

/// The call's id, as callers, services and pages know it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static(rate_limit_header::RATE_LIMIT_POLICY);
const RATE_LIMIT: HeaderName = HeaderName::from_static(rate_limit_header::RATE_LIMIT);
/// So many products' limits are kept in words on each core.
const POLICIES_KEPT: usize = 8;
/// The most fields that every answer carries.
const DECORATIONS: usize = 7;

/// What a call carries from check to check.
pub(crate) struct Call<'g> {
    pub(crate) gateway: &'g Arc<Gateway>,
    /// Where the call comes from.
    pub(crate) peer: Arc<Peer>,
    /// The one picture that the whole call is decided from.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Wall time at which the head came.
    pub(crate) now_us: i64,
    /// Monotonic time at which the head came.
    pub(crate) monotonic_us: u64,
    /// The call's id in hex.
    pub(crate) id_text: IdText,
    /// The check under way.
    pub(crate) step: Step,
    /// What is left of the subscription's limits, once its key was accepted.
    pub(crate) figures: Vec<Figure>,
    /// The account whose quota is told with a refusal, once the key was accepted.
    pub(crate) account: Option<(AccountKey, QuotaTerms)>,
    pub(crate) draft: Option<Draft>,
    /// The API, as soon as the path told it: whose CORS rules and challenges an answer carries.
    pub(crate) api: Option<Arc<LiveApi>>,
    /// The operation, once the route is known and where the API declares any.
    pub(crate) operation: Option<Name>,
    origin: Option<HeaderValue>,
    /// What the caller accepts: looked at only where it is refused.
    accept: Option<HeaderValue>,
    more_accepts: Vec<HeaderValue>,
    is_head: bool,
}

impl<'g> Call<'g> {
    pub(crate) fn begin(gateway: &'g Arc<Gateway>, peer: &Arc<Peer>, method: &Method, headers: &HeaderMap) -> Self {
        gateway.metrics.count(Count::CallsBegun);
        let now = Reading { wall_us: gateway.clock.wall_us(), monotonic_us: gateway.clock.monotonic_us() };
        let request_id = new_request_id(now.wall_us);
        let peer = peer.of_call(headers, &gateway.settings.edge);
        let draft = Draft::begin(gateway, request_id, now, method, peer.address);
        let mut accepts = headers.get_all(ACCEPT).iter();
        Self {
            gateway,
            peer,
            snapshot: gateway.current.pin(),
            now_us: now.wall_us,
            monotonic_us: now.monotonic_us,
            id_text: IdText::new(request_id),
            step: Step::Framing,
            figures: Vec::new(),
            account: None,
            draft: Some(draft),
            api: None,
            operation: None,
            origin: headers.get(ORIGIN).cloned(),
            accept: accepts.next().cloned(),
            more_accepts: accepts.cloned().collect(),
            is_head: *method == Method::HEAD,
        }
    }

    /// Writes down what a check found.
    pub(crate) fn note(&mut self, finding: Finding<'_>) {
        if let Some(draft) = &mut self.draft {
            draft.note(finding);
        }
    }

    /// Writes down the path, without its query.
    pub(crate) fn set_path(&mut self, path: &str) {
        if let Some(draft) = &mut self.draft {
            draft.set_path(path);
        }
    }

    /// What is told of the call in the access log and the counters besides its findings.
    pub(crate) fn traffic(&mut self) -> Option<&mut Traffic> {
        self.draft.as_mut()?.traffic()
    }

    /// Counts the call as one of this API.
    pub(crate) fn count_for(&mut self, api: &LiveApi) {
        let counted_as = self.gateway.metrics.number_of(api);
        if let Some(traffic) = self.traffic() {
            traffic.counted_as = counted_as;
        }
    }

    /// Writes down the final status.
    pub(crate) fn ended_as(&mut self, status: u16, cause: Option<Cause>) {
        if let Some(draft) = &mut self.draft {
            if let (Some(api), Some(traffic)) = (&self.api, draft.traffic()) {
                traffic.counted_as = self.gateway.metrics.number_of(api);
            }
            draft.ended_as(status, cause);
        }
    }

    /// Both clocks, read when the head came.
    pub(crate) fn reading(&self) -> Reading {
        Reading { monotonic_us: self.monotonic_us, wall_us: self.now_us }
    }

    /// Tells what is left of a quota with the answer.
    pub(crate) fn show(&mut self, meter: Meter, limit: u64, remaining: Option<u64>, span: Span) {
        let policy = match meter {
            Meter::Calls => Policy::Quota,
            Meter::Bytes => Policy::Bandwidth,
        };
        self.figures.retain(|figure| figure.policy != policy);
        self.figures.push(Figure {
            policy,
            limit,
            window_s: u64::try_from(span.end_us - span.begin_us).unwrap_or(0) / 1_000_000,
            remaining,
            reset_s: span.replenished_in_us(self.now_us).div_ceil(1_000_000),
        });
    }

    /// Tells what is left of the subscription's quota as far as this process knows, for calls that end before a charge.
    fn show_known_quota(&mut self, account: AccountKey, terms: &QuotaTerms) {
        let Ok(span) = terms.period.span(terms.start_us, self.now_us) else { return };
        let usage = self.gateway.accounts.usage(account, self.reading());
        let usage = usage.unwrap_or(Usage { calls_in_window: None, calls: None, bytes: None });
        for (meter, usage) in [(Meter::Calls, usage.calls), (Meter::Bytes, usage.bytes)] {
            let Some(limit) = terms.limit(meter) else { continue };
            // An account that this process counts has used nothing of a period that it has not touched.
            let used = usage.map(|usage| if usage.span == span { usage.used } else { 0 });
            self.show(meter, limit, used.map(|used| limit.saturating_sub(used)), span);
        }
    }

    pub(crate) fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            web_url: &self.gateway.settings.web_url,
            gateway_url: &self.gateway.settings.gateway_url,
            api: self.api.as_deref(),
            request_id: &self.id_text,
            plain_json: self.prefers_plain_json(),
        }
    }

    /// Several `Accept` fields are one list (RFC 9110 §5.3).
    fn prefers_plain_json(&self) -> bool {
        let fields = self.accept.iter().chain(&self.more_accepts);
        let fields: Vec<_> = fields.filter_map(|accept| accept.to_str().ok()).collect();
        !fields.is_empty() && media::prefers_plain_json(&fields.join(", "))
    }

    /// Turns a failure into the contract's answer, logged once.
    pub(crate) fn refuse(&mut self, failure: Failure) -> Response<Answer> {
        if let Some((account, terms)) = self.account.take() {
            self.show_known_quota(account, &terms);
        }
        let retry_after_s = self.api.as_ref().map_or(10, |api| api.api.retry_after_s);
        let is_fault = matches!(failure, Failure::Fault(_));
        let next_try_s = if matches!(failure, Failure::Service(_)) { self.next_try_s() } else { None };
        let (mut refusal, outcome) = failure.told(self.jittered_s(next_try_s.unwrap_or(retry_after_s)));
        self.tell_standing_notice(&mut refusal);
        if is_fault {
            tracing::error!(id = %self.id_text, words = %refusal.operator_words, "fault");
        } else if outcome == Outcome::Failed && refusal.notice_id.is_none() {
            // What a notice tells of is known; a line a call would bury what isn't.
            tracing::warn!(id = %self.id_text, code = refusal.cause.code(), words = %refusal.operator_words, "failed");
        } else {
            tracing::debug!(id = %self.id_text, code = refusal.cause.code(), words = %refusal.operator_words, "refused");
        }
        // The detail says the place of what is wrong; where it is a sentence of the table, the message is enough.
        let told = match refusal.detail.as_ref() {
            detail if detail == refusal.cause.entry().meaning || detail == refusal.message => {
                refusal.message.to_string()
            }
            detail if refusal.message.ends_with(['.', '!', '?']) => format!("{} {detail}", refusal.message),
            detail => format!("{}. {detail}", refusal.message),
        };
        self.note(Finding::Ended {
            step: self.step,
            outcome,
            cause: refusal.cause,
            told: Text::of(&told),
            operator_words: Text::of(&refusal.operator_words),
        });
        self.ended_as(refusal.status, Some(refusal.cause));
        let response = answer(&refusal, &self.surroundings());
        let (mut parts, bytes) = response.into_parts();
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let is_head = self.is_head;
        if let Some(traffic) = self.traffic().filter(|_| !is_head) {
            traffic.response_bytes = bytes.len() as u64;
        }
        let body = if is_head { Answer::empty() } else { Answer::Whole(Some(bytes.into())) };
        Response::from_parts(parts, body)
    }

    /// Whole seconds until a target of the API may be tried, where none may be now.
    fn next_try_s(&self) -> Option<u64> {
        let now_us = self.gateway.clock.monotonic_us();
        let next_try_us = self.gateway.targets.with(self.api.as_ref()?, |targets| targets.next_try_us(now_us));
        Some(next_try_us?.div_ceil(1_000_000).max(1))
    }

    /// A 503 of a service that a notice tells about has the notice's title and link, also where the notice closes nothing.
    fn tell_standing_notice(&self, refusal: &mut Refusal) {
        let Some(api) = self.api.as_ref().filter(|api| api.api.visibility == Visibility::Public) else { return };
        if !matches!(refusal.cause, Cause::ServiceUnavailable | Cause::ServiceTimeout) || refusal.notice_id.is_some() {
            return;
        }
        let notices = &self.snapshot.catalog.notices;
        if let Some(notice) = notice::standing(notices, &api.api.name, self.operation.as_deref(), self.now_us) {
            refusal.message = notice.title.clone().into();
            refusal.notice_id = Some(notice.id.to_string());
        }
    }

    /// Up to a tenth more, so that callers who were refused together don't come back together.
    pub(crate) fn jittered_s(&self, seconds: u64) -> u64 {
        let random = u64::from(self.id_text.as_bytes().last().copied().unwrap_or(0) & 15);
        seconds + (seconds.div_ceil(10) * random + 7) / 15
    }

    /// What every answer carries, refusals too.
    pub(crate) fn decorate(&self, headers: &mut HeaderMap) {
        headers.reserve(DECORATIONS);
        if let Ok(id) = HeaderValue::from_str(&self.id_text) {
            headers.insert(X_REQUEST_ID, id);
        }
        if !headers.contains_key(DATE)
            && let Some(date) = date(self.now_us)
        {
            headers.insert(DATE, date);
        }
        if self.gateway.settings.rate_limit_fields && !self.figures.is_empty() {
            if let Some(policy) = policy(&self.figures) {
                headers.insert(RATE_LIMIT_POLICY, policy);
            }
            if let Some(left) = rate_limit_header::left(&self.figures) {
                headers.insert(RATE_LIMIT, left);
            }
        }
        if let Some(api) = &self.api {
            cors::decorate(headers, self.origin.as_ref(), &api.cors);
        }
    }
}

/// The contract's answer to what is no request yet; the connection is closed after it.
pub(crate) fn refuse_unparsed(gateway: &Arc<Gateway>, peer: &Arc<Peer>, refusal: Refusal) -> Response<Answer> {
    refuse_head(gateway, peer, &unknown_method(), &HeaderMap::new(), refusal)
}

/// The contract's answer to a head that could be read, and is refused as such.
pub(crate) fn refuse_head(
    gateway: &Arc<Gateway>,
    peer: &Arc<Peer>,
    method: &Method,
    headers: &HeaderMap,
    refusal: Refusal,
) -> Response<Answer> {
    let mut call = Call::begin(gateway, peer, method, headers);
    let mut response = call.refuse(refusal.into());
    call.decorate(response.headers_mut());
    response
}

/// `RateLimit-Policy` of an answer: the same for all calls of a product, so it is made for the first of them.
fn policy(figures: &[Figure]) -> Option<HeaderValue> {
    thread_local! {
        static KEPT: RefCell<Vec<(Box<[Figure]>, HeaderValue)>> = const { RefCell::new(Vec::new()) };
    }
    KEPT.with_borrow_mut(|kept| {
        let is_alike = |known: &[Figure]| {
            known.len() == figures.len() && known.iter().zip(figures).all(|(known, figure)| known.has_policy_of(figure))
        };
        if let Some((_, value)) = kept.iter().find(|(known, _)| is_alike(known)) {
            return Some(value.clone());
        }
        let value = rate_limit_header::policy(figures)?;
        if kept.len() >= POLICIES_KEPT {
            kept.remove(0);
        }
        kept.push((figures.into(), value.clone()));
        Some(value)
    })
}

/// `Date` of an answer (RFC 9110 §6.6.1), made once a second on each core.
fn date(now_us: i64) -> Option<HeaderValue> {
    thread_local! {
        static LAST: RefCell<(u64, Option<HeaderValue>)> = const { RefCell::new((0, None)) };
    }
    let now_s = u64::try_from(now_us.div_euclid(1_000_000)).ok()?;
    LAST.with_borrow_mut(|(made_s, made)| {
        if *made_s != now_s || made.is_none() {
            let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(now_s);
            *made = HeaderValue::from_str(&httpdate::fmt_http_date(now)).ok();
            *made_s = now_s;
        }
        made.clone()
    })
}
