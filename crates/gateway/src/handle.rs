//! The path of a call: an envelope that answers, and a spine of checks in the contract's order.
//!
//! Each check takes the proof that the one before returned; what a call needs to go on is in the types.

use std::sync::Arc;

use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use limen_rules::answer::{Surroundings, answer};
use limen_rules::contract::{BearerError, Cause, Refusal};
use limen_rules::explain::{Finding, Outcome, Step};
use limen_rules::key::{self, Subscribed};
use limen_rules::model::{KEY_QUERY_PARAMETER, Visibility};
use limen_rules::notice::{self, Open};
use limen_rules::path::{self, Normalized};
use limen_rules::permission::{self, Permitted};
use limen_rules::rate_limit_header::{self, Figure, Policy, RATE_LIMIT, RATE_LIMIT_POLICY};
use limen_rules::routing::{self, Routed};
use limen_rules::snapshot::{LiveApi, Snapshot};
use limen_rules::token::Identified;
use limen_rules::{cors, header, media};

use crate::accounts::{AccountKey, Meter, MeterUsage, QuotaFigures, Reading};
use crate::answer::Answer;
use crate::charge::{self, Checked};
use crate::collect;
use crate::failure::Failure;
use crate::forward::{self, Onward};
use crate::gateway::{Core, Gateway};
use crate::identify::identify;
use crate::journal::CallRecord;
use crate::relay;

/// A call's line in the journal; written when dropped, also for a caller who left.
pub(crate) struct Draft {
    gateway: Arc<Gateway>,
    began_us: u64,
    record: CallRecord,
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.record.duration_us = self.gateway.clock.monotonic_us().saturating_sub(self.began_us);
        let empty = CallRecord {
            request_id: self.record.request_id,
            at_us: self.record.at_us,
            method: std::mem::take(&mut self.record.method),
            path: std::mem::take(&mut self.record.path),
            status: self.record.status,
            cause: self.record.cause,
            duration_us: self.record.duration_us,
            findings: std::mem::take(&mut self.record.findings),
        };
        self.gateway.journal.write(empty);
    }
}

/// What a call carries from check to check.
pub(crate) struct Call<'g> {
    pub(crate) gateway: &'g Arc<Gateway>,
    /// The one picture that the whole call is decided from.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Wall time at which the head came.
    pub(crate) now_us: i64,
    /// Monotonic time at which the head came.
    pub(crate) monotonic_us: u64,
    /// The call's id in hex.
    pub(crate) id_text: String,
    /// The check under way.
    pub(crate) step: Step,
    /// What is left of the subscription's limits, once its key was accepted.
    pub(crate) figures: Vec<Figure>,
    /// The account whose quota is told with a refusal, once the key was accepted.
    pub(crate) account: Option<AccountKey>,
    pub(crate) draft: Option<Draft>,
    api: Option<Arc<LiveApi>>,
    origin: Option<HeaderValue>,
    plain_json: bool,
    is_head: bool,
}

impl<'g> Call<'g> {
    fn begin(gateway: &'g Arc<Gateway>, method: &Method, headers: &HeaderMap) -> Self {
        let now_us = gateway.clock.wall_us();
        let monotonic_us = gateway.clock.monotonic_us();
        let request_id = uuid::Uuid::now_v7().as_u128();
        let record = CallRecord {
            request_id,
            at_us: now_us,
            method: method.clone(),
            path: "".into(),
            status: 0,
            cause: None,
            duration_us: 0,
            findings: Vec::with_capacity(10),
        };
        Self {
            gateway,
            snapshot: gateway.current.pin(),
            now_us,
            monotonic_us,
            id_text: format!("{request_id:032x}"),
            step: Step::Framing,
            figures: Vec::new(),
            account: None,
            draft: Some(Draft { gateway: Arc::clone(gateway), began_us: monotonic_us, record }),
            api: None,
            origin: headers.get(ORIGIN).cloned(),
            plain_json: headers
                .get(ACCEPT)
                .and_then(|accept| accept.to_str().ok())
                .is_some_and(media::prefers_plain_json),
            is_head: *method == Method::HEAD,
        }
    }

    /// Writes down what a check found.
    pub(crate) fn note(&mut self, finding: Finding) {
        if let Some(draft) = &mut self.draft {
            draft.record.findings.push(finding);
        }
    }

    /// Writes down the final status.
    pub(crate) fn ended_as(&mut self, status: u16, cause: Option<Cause>) {
        if let Some(draft) = &mut self.draft {
            draft.record.status = status;
            draft.record.cause = draft.record.cause.or(cause);
        }
    }

    /// Both clocks, read when the head came.
    pub(crate) fn reading(&self) -> Reading {
        Reading { monotonic_us: self.monotonic_us, wall_us: self.now_us }
    }

    /// Tells what is left of a quota with the answer.
    pub(crate) fn show(&mut self, figures: QuotaFigures) {
        let policy = match figures.meter {
            Meter::Calls => Policy::Quota,
            Meter::Bytes => Policy::Bandwidth,
        };
        self.figures.retain(|figure| figure.policy != policy);
        self.figures.push(Figure {
            policy,
            limit: figures.limit,
            window_s: u64::try_from(figures.span.end_us - figures.span.begin_us).unwrap_or(0) / 1_000_000,
            remaining: figures.remaining,
            reset_s: figures.span.replenished_in_us(self.now_us).div_ceil(1_000_000),
        });
    }

    /// Tells what is left of the subscription's quota as far as this process knows, for calls that end before a charge.
    pub(crate) fn show_known_quota(&mut self, account: AccountKey) {
        let Some(usage) = self.gateway.accounts.usage(account, self.reading()) else { return };
        for (meter, usage) in [(Meter::Calls, usage.calls), (Meter::Bytes, usage.bytes)] {
            let Some(MeterUsage { span, limit, used, .. }) = usage.filter(|usage| usage.span.contains(self.now_us))
            else {
                continue;
            };
            self.show(QuotaFigures { meter, limit, remaining: limit.saturating_sub(used), span });
        }
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            web_url: &self.gateway.settings.web_url,
            gateway_url: &self.gateway.settings.gateway_url,
            api: self.api.as_deref(),
            request_id: &self.id_text,
            plain_json: self.plain_json,
        }
    }

    /// Turns a failure into the contract's answer, logged once.
    fn refuse(&mut self, failure: Failure) -> Response<Answer> {
        if let Some(account) = self.account {
            self.show_known_quota(account);
        }
        let retry_after_s = self.api.as_ref().map_or(10, |api| api.api.retry_after_s);
        let is_fault = matches!(failure, Failure::Fault(_));
        let (refusal, outcome) = failure.told(self.jittered_s(retry_after_s));
        if is_fault {
            tracing::error!(id = %self.id_text, words = %refusal.operator_words, "fault");
        } else if outcome == Outcome::Failed {
            tracing::warn!(id = %self.id_text, code = refusal.cause.code(), words = %refusal.operator_words, "failed");
        } else {
            tracing::debug!(id = %self.id_text, code = refusal.cause.code(), words = %refusal.operator_words, "refused");
        }
        self.note(Finding::Ended {
            step: self.step,
            outcome,
            cause: refusal.cause,
            told: refusal.message.as_ref().into(),
            operator_words: refusal.operator_words.as_ref().into(),
        });
        self.ended_as(refusal.status, Some(refusal.cause));
        let response = answer(&refusal, &self.surroundings());
        let (mut parts, bytes) = response.into_parts();
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        let body = if self.is_head { Answer::empty() } else { Answer::Whole(Some(bytes.into())) };
        Response::from_parts(parts, body)
    }

    /// Up to a tenth more, so that callers who were refused together don't come back together.
    fn jittered_s(&self, seconds: u64) -> u64 {
        let random = u64::from(self.id_text.as_bytes().last().copied().unwrap_or(0) & 15);
        seconds + (seconds.div_ceil(10) * random + 7) / 15
    }

    /// What every answer carries, refusals too.
    fn decorate(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(&self.id_text) {
            headers.insert("x-request-id", id);
        }
        if self.gateway.settings.rate_limit_fields
            && let Some(fields) = rate_limit_header::fields(&self.figures)
        {
            headers.insert(RATE_LIMIT_POLICY, fields.policy);
            headers.insert(RATE_LIMIT, fields.limit);
        }
        if let Some(api) = &self.api {
            cors::decorate(headers, self.origin.as_ref(), &api.cors);
        }
    }
}

/// The envelope: gives the call its id and its picture, walks it, answers it.
pub(crate) async fn handle(gateway: &Arc<Gateway>, core: &Arc<Core>, request: Request<Incoming>) -> Response<Answer> {
    let mut call = Call::begin(gateway, request.method(), request.headers());
    let mut response = match walk(&mut call, core, request).await {
        Ok(response) => response,
        Err(failure) => call.refuse(failure),
    };
    call.decorate(response.headers_mut());
    response
}

/// The spine: the checks in the contract's order.
async fn walk(call: &mut Call<'_>, core: &Arc<Core>, request: Request<Incoming>) -> Result<Response<Answer>, Failure> {
    let (parts, body) = request.into_parts();
    let path = framing(call, &parts)?;
    let early = private_key(call, &parts, &path)?;
    let routed = route(call, &parts, &path)?;
    if let Some(answer) = preflight(call, &routed, &parts) {
        return Ok(answer);
    }
    let open = admit(call, &routed)?;
    let subscribed = subscribe(call, &routed, &parts, &path, early)?;
    let paced = charge::pace(call, &subscribed)?;
    let identified = identify(call, &routed, &parts.headers, &subscribed)?;
    let permitted = permit(call, &routed, identified)?;
    let accepted = collect::collect(call, &routed, &parts.method, &parts.headers, body).await?;
    let api = Arc::clone(&routed.api);
    let onward = onward(&routed, &parts, &path);
    let checked = Checked { routed, _open: open, subscribed, _paced: paced, permitted, accepted };
    let charged = charge::charge(call, checked).await?;
    let forwarded = forward::forward(call, core, charged, onward).await?;
    relay::respond(call, core, &api, &parts.method, forwarded).await
}

/// Syntax and framing that hyper lets pass, and the one path that is decided on.
fn framing<'p>(call: &mut Call<'_>, parts: &'p Parts) -> Result<Normalized<'p>, Refusal> {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let raw_path = target.split('?').next().unwrap_or_default();
    if let Some(draft) = &mut call.draft {
        draft.record.path = raw_path.into();
    }
    header::check_framing(&parts.headers, parts.version)?;
    let host = parts.headers.get(http::header::HOST).map(HeaderValue::as_bytes);
    if let (Some(authority), Some(host)) = (parts.uri.authority(), host)
        && !authority.as_str().as_bytes().eq_ignore_ascii_case(host)
    {
        return Err(Refusal::new(Cause::MalformedRequest)
            .message("The request's target and its Host header name different hosts.")
            .detail("An absolute request target must name the same host as the Host header; send the path alone."));
    }
    if parts.method == Method::CONNECT {
        return Err(Refusal::new(Cause::ResourceNotFound).detail("CONNECT is not an operation of any API."));
    }
    let path = path::normalize(target)?;
    if let Some(draft) = &mut call.draft {
        draft.record.path = path.path.as_ref().into();
    }
    Ok(path)
}

/// An API that only subscribers may know of asks for the key before anything of it is told.
fn private_key(call: &mut Call<'_>, parts: &Parts, path: &Normalized<'_>) -> Result<Option<Subscribed>, Refusal> {
    let snapshot = Arc::clone(&call.snapshot);
    let Some(api) = routing::api_of(&snapshot.catalog, &path.path) else { return Ok(None) };
    call.api = Some(Arc::clone(api));
    if api.api.visibility == Visibility::Public || cors::preflight(&parts.method, &parts.headers, &api.cors).is_some() {
        return Ok(None);
    }
    call.step = Step::Key;
    check_key(call, api, true, parts, path).map(Some)
}

fn check_key(
    call: &mut Call<'_>,
    api: &LiveApi,
    needs_token: bool,
    parts: &Parts,
    path: &Normalized<'_>,
) -> Result<Subscribed, Refusal> {
    let presented = key::presented(api, &parts.headers, path.query)?;
    let subscribed = key::subscription(&call.snapshot, api, presented.as_deref(), call.now_us);
    let subscribed = subscribed.map_err(|mut refusal| {
        if needs_token && refusal.cause == Cause::SubscriptionKeyMissing && !parts.headers.contains_key(AUTHORIZATION) {
            refusal.detail = format!("{} No access token came in the Authorization header either.", refusal.detail).into();
            refusal.challenges.token = Some(BearerError::None);
        }
        refusal
    })?;
    if let Some(granted) = subscribed.granted() {
        call.note(Finding::Key {
            subscription: granted.subscription.id.clone(),
            product: granted.product.product.name.clone(),
            which: granted.which,
        });
    }
    Ok(subscribed)
}

fn route(call: &mut Call<'_>, parts: &Parts, path: &Normalized<'_>) -> Result<Routed, Refusal> {
    call.step = Step::Route;
    // A preflight asks for the operation that the browser means to call.
    let asked = parts.headers.get(http::header::ACCESS_CONTROL_REQUEST_METHOD);
    let method = match asked.and_then(|asked| asked.to_str().ok()) {
        Some(asked) if parts.method == Method::OPTIONS && parts.headers.contains_key(ORIGIN) => asked,
        _ => parts.method.as_str(),
    };
    let routed = routing::route(&call.snapshot.catalog, method, &path.path)?;
    call.api = Some(Arc::clone(&routed.api));
    call.note(Finding::Route { api: routed.api.api.name.clone(), operation: routed.operation().name.clone() });
    Ok(routed)
}

fn preflight(call: &mut Call<'_>, routed: &Routed, parts: &Parts) -> Option<Response<Answer>> {
    let fields = cors::preflight(&parts.method, &parts.headers, &routed.api.cors)?;
    call.note(Finding::Preflight);
    call.ended_as(200, None);
    let mut response = Response::new(Answer::empty());
    *response.headers_mut() = fields;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

/// Whether the operation is open: our own picture is fresh enough, and no notice closes it.
fn admit(call: &mut Call<'_>, routed: &Routed) -> Result<Open, Refusal> {
    call.step = Step::Notice;
    let age_us = call.gateway.current.age_us(call.monotonic_us);
    if age_us > call.gateway.settings.snapshot_max_age_us {
        return Err(Refusal::new(Cause::ServiceUnavailable)
            .operator_words(format!("the snapshot could not be confirmed for {} s", age_us / 1_000_000))
            .retry_after_s(call.jittered_s(routed.api.api.retry_after_s)));
    }
    let (api, operation) = (&routed.api.api, routed.operation().name.as_deref());
    let retry_after_s = call.jittered_s(api.retry_after_s);
    let open = notice::admit(&call.snapshot.catalog.notices, &api.name, operation, retry_after_s, call.now_us)?;
    call.note(Finding::NoticeOpen);
    Ok(open)
}

fn subscribe(
    call: &mut Call<'_>,
    routed: &Routed,
    parts: &Parts,
    path: &Normalized<'_>,
    early: Option<Subscribed>,
) -> Result<Subscribed, Refusal> {
    if let Some(subscribed) = early {
        return Ok(subscribed);
    }
    call.step = Step::Key;
    let access = routed.operation().access;
    if let Some(not_required) = Subscribed::not_required(access) {
        call.note(Finding::NotRequired(Step::Key));
        return Ok(not_required);
    }
    check_key(call, &routed.api, access.needs_token(), parts, path)
}

fn permit(call: &mut Call<'_>, routed: &Routed, identified: Identified) -> Result<Permitted, Refusal> {
    call.step = Step::Permission;
    let permitted = permission::permit(&call.snapshot.catalog, routed.operation(), identified)?;
    match &routed.operation().permission {
        Some((_, permission)) => call.note(Finding::Permission { permission: permission.clone() }),
        None => call.note(Finding::NotRequired(Step::Permission)),
    }
    Ok(permitted)
}

/// What is sent on: exactly the path that was decided on, the query without the key.
fn onward(routed: &Routed, parts: &Parts, path: &Normalized<'_>) -> Onward {
    let query = path.query.map(|query| {
        if routed.api.api.key.query_parameter {
            path::without_query_parameter(query, KEY_QUERY_PARAMETER).into_owned()
        } else {
            query.to_owned()
        }
    });
    Onward {
        method: parts.method.clone(),
        headers: parts.headers.clone(),
        rest: path.path.get(routed.rest_at..).unwrap_or_default().to_owned(),
        query: query.filter(|query| !query.is_empty()),
    }
}

/// The contract's answer to what could not be parsed, as bytes; the connection is closed after it.
pub(crate) fn refuse_unparsed(gateway: &Arc<Gateway>, refusal: Refusal) -> Vec<u8> {
    let unknown = Method::from_bytes(b"-").unwrap_or_default();
    let mut call = Call::begin(gateway, &unknown, &HeaderMap::new());
    let mut response = call.refuse(refusal.into());
    call.decorate(response.headers_mut());
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    if let Answer::Whole(Some(body)) = response.into_body() {
        bytes.extend_from_slice(&body);
    }
    bytes
}
