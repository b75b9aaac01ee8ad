//! What a call carries from check to check, and how it ends: its findings, its line in the journal, its answer.

mod decorations;

use std::sync::Arc;

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, Method};
use limen_rules::answer::{Surroundings, answer};
use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Outcome, Step, Text};
use limen_rules::header::{Fields, text};
use limen_rules::model::{Name, Visibility};
use limen_rules::period::Span;
use limen_rules::rate_limit_header::{Figure, Policy};
use limen_rules::snapshot::{LiveApi, LiveProduct, Snapshot};
use limen_rules::{media, notice};

use crate::accounts::{AccountKey, Meter, QuotaTerms, Reading, Usage};
use crate::answer::Answer;
use crate::draft::{Draft, unknown_method};
use crate::ended::Traffic;
use crate::failure::Failure;
use crate::gateway::Gateway;
use crate::metrics::Count;
use crate::peer::Peer;
use crate::reply::Reply;
use crate::request_id::{IdText, new_request_id};

/// The call's id, as callers, services and pages know it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An account, and what it may use.
pub(crate) struct KnownQuota<'g> {
    pub(crate) account: AccountKey,
    pub(crate) product: &'g LiveProduct,
    /// From when its periods of seconds are counted.
    pub(crate) start_us: i64,
}

/// What a call carries from check to check.
pub(crate) struct Call<'g> {
    pub(crate) gateway: &'g Arc<Gateway>,
    /// Where the call comes from.
    pub(crate) peer: Arc<Peer>,
    /// The one picture that the whole call is decided from.
    pub(crate) snapshot: &'g Snapshot,
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
    /// Whose quota is told with a refusal, once the key was accepted.
    pub(crate) quota: Option<KnownQuota<'g>>,
    pub(crate) draft: Option<Draft>,
    /// The API, as soon as the path told it: whose CORS rules and challenges an answer carries.
    pub(crate) api: Option<&'g Arc<LiveApi>>,
    /// The operation, once the route is known and where the API declares any.
    pub(crate) operation: Option<&'g Name>,
    /// The request's fields.
    fields: &'g dyn Fields,
    is_head: bool,
    /// Whether the request could be read in two ways, so that its connection ends with the answer.
    pub(crate) closes: bool,
}

impl<'g> Call<'g> {
    pub(crate) fn begin(
        gateway: &'g Arc<Gateway>,
        snapshot: &'g Snapshot,
        peer: &Arc<Peer>,
        method: &Method,
        fields: &'g dyn Fields,
    ) -> Self {
        gateway.metrics.count(Count::CallsBegun);
        let now = Reading { wall_us: gateway.clock.wall_us(), monotonic_us: gateway.clock.monotonic_us() };
        let request_id = new_request_id(now.wall_us);
        let peer = peer.of_call(fields, &gateway.settings.edge);
        let draft = Draft::begin(gateway, request_id, now, method, peer.address);
        Self {
            gateway,
            peer,
            snapshot,
            now_us: now.wall_us,
            monotonic_us: now.monotonic_us,
            id_text: IdText::new(request_id),
            step: Step::Framing,
            figures: Vec::new(),
            quota: None,
            draft: Some(draft),
            api: None,
            operation: None,
            fields,
            is_head: *method == Method::HEAD,
            closes: false,
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
            if let (Some(api), Some(traffic)) = (self.api, draft.traffic()) {
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
            api: self.api.map(|api| &**api),
            request_id: &self.id_text,
            plain_json: self.prefers_plain_json(),
        }
    }

    /// Several `Accept` fields are one list (RFC 9110 §5.3).
    fn prefers_plain_json(&self) -> bool {
        let accepts: Vec<_> = self.fields.all(&ACCEPT).filter_map(text).collect();
        !accepts.is_empty() && media::prefers_plain_json(&accepts.join(", "))
    }

    /// Turns a failure into the contract's answer, logged once.
    pub(crate) fn refuse(&mut self, failure: Failure) -> Reply {
        if let Some(KnownQuota { account, product, start_us }) = self.quota.take()
            && let Some(terms) = product.quota_terms(start_us)
        {
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
        let (parts, bytes) = response.into_parts();
        let told_bytes = Some(bytes.len() as u64);
        let is_head = self.is_head;
        if let Some(traffic) = self.traffic().filter(|_| !is_head) {
            traffic.response_bytes = bytes.len() as u64;
        }
        let body = if is_head { Answer::empty() } else { Answer::Whole(Some(bytes.into())) };
        Reply { told_bytes, ..Reply::of(parts.status, &parts.headers, body) }
    }

    /// Whole seconds until a target of the API may be tried, where none may be now.
    fn next_try_s(&self) -> Option<u64> {
        let now_us = self.gateway.clock.monotonic_us();
        let next_try_us = self.gateway.targets.with(self.api?, |targets| targets.next_try_us(now_us));
        Some(next_try_us?.div_ceil(1_000_000).max(1))
    }

    /// A 503 of a service that a notice tells about has the notice's title and link, also where the notice closes nothing.
    fn tell_standing_notice(&self, refusal: &mut Refusal) {
        let Some(api) = self.api.filter(|api| api.api.visibility == Visibility::Public) else { return };
        if !matches!(refusal.cause, Cause::ServiceUnavailable | Cause::ServiceTimeout) || refusal.notice_id.is_some() {
            return;
        }
        let notices = &self.snapshot.catalog.notices;
        if let Some(notice) = notice::standing(notices, &api.api.name, self.operation.map(|name| &**name), self.now_us)
        {
            refusal.message = notice.title.clone().into();
            refusal.notice_id = Some(notice.id.to_string());
        }
    }

    /// Up to a tenth more, so that callers who were refused together don't come back together.
    pub(crate) fn jittered_s(&self, seconds: u64) -> u64 {
        let random = u64::from(self.id_text.as_bytes().last().copied().unwrap_or(0) & 15);
        seconds + (seconds.div_ceil(10) * random + 7) / 15
    }
}

/// The contract's answer to what is no request yet; the connection is closed after it.
pub(crate) fn refuse_unparsed(gateway: &Arc<Gateway>, peer: &Arc<Peer>, refusal: Refusal) -> Reply {
    refuse_head(gateway, peer, &unknown_method(), &HeaderMap::new(), refusal)
}

/// The contract's answer to a head that could be read, and is refused as such.
pub(crate) fn refuse_head(
    gateway: &Arc<Gateway>,
    peer: &Arc<Peer>,
    method: &Method,
    fields: &dyn Fields,
    refusal: Refusal,
) -> Reply {
    let snapshot = gateway.current.pin();
    let mut call = Call::begin(gateway, &snapshot, peer, method, fields);
    let mut reply = call.refuse(refusal.into());
    call.decorate(&mut reply);
    reply
}
