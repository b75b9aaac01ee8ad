//! The service's answer on its way to the caller: what its status leaves as, and the body as it comes.
//!
//! The end of the body, or its drop, settles everything that the call still owes, exactly once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, LOCATION, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use limen_rules::answer::put_challenges;
use limen_rules::body::{SERVICE_BODY_LEN_MAX, service_message};
use limen_rules::contract::{BearerError, Cause, Challenges, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::header::{ResponsePassage, strip_response};
use limen_rules::mapping::{Mapped, MappingSettings, PassedBody, RewrittenLocation, map, rewrite_location};
use limen_rules::model::{ContractKind, ErrorBody};
use limen_rules::snapshot::LiveApi;
use limen_rules::target::Target;
use tokio::time::{Instant, Sleep};

use crate::answer::{Answer, Cut};
use crate::call::{Call, Draft};
use crate::debts::Debts;
use crate::failure::{Failure, ServiceFailure};
use crate::forward::Forwarded;
use crate::gateway::Core;
use crate::pool::Sender;

/// What is owed when a body ends: the call's debts, the connection, the journal's line.
struct Settlement {
    debts: Debts,
    connection: Option<(Sender, Arc<str>, Arc<Core>)>,
    /// Whether all of the answer was read.
    whole: bool,
    _draft: Option<Draft>,
}

impl Drop for Settlement {
    fn drop(&mut self) {
        // A service may answer before it has read the whole body; such a connection is not used again.
        if let Some((sender, address, core)) = self.connection.take()
            && self.whole
            && self.debts.is_sent()
        {
            core.pool.put(&address, sender);
        }
    }
}

/// A service's body, as it comes.
pub(crate) struct Relay {
    body: Incoming,
    idle_timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    settlement: Settlement,
}

impl Relay {
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => break,
                Poll::Ready(None) => {
                    self.settlement.whole = true;
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Cut { words: error.to_string() }))),
                Poll::Ready(Some(Ok(frame))) => {
                    self.deadline.as_mut().reset(Instant::now() + self.idle_timeout);
                    // Trailers end here: none that a service sends is part of the contract.
                    let Ok(data) = frame.into_data() else { continue };
                    self.settlement.debts.add_response_bytes(data.len());
                    self.settlement.whole = self.body.is_end_stream();
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            let words = format!("nothing came for {} ms", self.idle_timeout.as_millis());
            return Poll::Ready(Some(Err(Cut { words })));
        }
        Poll::Pending
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Makes the caller's answer of the service's (contract, section 5).
pub(crate) async fn respond(
    call: &mut Call<'_>,
    core: &Arc<Core>,
    api: &LiveApi,
    method: &Method,
    forwarded: Forwarded,
) -> Result<Response<Answer>, Failure> {
    let Forwarded { response, sender, target, debts } = forwarded;
    let status = response.status().as_u16();
    let strict = api.api.contract == ContractKind::Strict;
    let settings =
        MappingSettings { strict, pass_401: api.api.pass_401, pass_statuses: &api.api.pass_statuses, websocket: false };
    let connection = (!is_doubtful(method, &response)).then(|| (sender, Arc::clone(&target.address), Arc::clone(core)));
    let mut settlement = Settlement { debts, connection, whole: false, _draft: None };
    let failed =
        |cause: Cause| ServiceFailure { cause, words: format!("the service at {} answered {status}", target.address) };
    let headers = response.headers();
    let mapped = if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        // Two framings: whichever we read by, the caller would be told the other.
        Mapped::Unexpected
    } else {
        map(status, method, &settings)
    };
    let cause = match mapped {
        Mapped::Pass { status: leaves_as, body } => {
            call.note(Finding::Service { target: Arc::clone(&target.address), status, leaves_as });
            return Ok(pass(call, api, &target, response, leaves_as, body, settlement));
        }
        Mapped::Refuse { cause, status: leaves_as } if api.api.error_body == ErrorBody::Pass => {
            call.note(Finding::Service { target: Arc::clone(&target.address), status, leaves_as });
            call.ended_as(leaves_as, Some(cause));
            let mut response = pass(call, api, &target, response, leaves_as, PassedBody::Kept, settlement);
            if leaves_as == 401 {
                put_challenges(&challenges(api), None, &call.surroundings(), response.headers_mut());
            }
            return Ok(response);
        }
        Mapped::Refuse { cause, status: leaves_as } => {
            let refusal = refusal(call, api, cause, leaves_as, &target, response, &mut settlement).await;
            return Err(refusal.into());
        }
        Mapped::Unavailable => Cause::ServiceUnavailable,
        Mapped::Timeout => Cause::ServiceTimeout,
        Mapped::Unexpected | Mapped::Interim | Mapped::Upgrade => Cause::Unexpected,
    };
    // Our 5xx before anything left: the right goes back to the period that it was taken from.
    if settlement.debts.give_back() {
        call.note(Finding::GivenBack);
    }
    Err(failed(cause).into())
}

/// Whether bytes may still follow that belong to no answer: some services send a body where there is none, and the next
/// call over the connection would take it for its own answer.
fn is_doubtful(method: &Method, response: &Response<Incoming>) -> bool {
    let bodiless = *method == Method::HEAD || matches!(response.status().as_u16(), 204 | 304);
    let headers = response.headers();
    let announced = headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    bodiless && (announced || headers.contains_key(TRANSFER_ENCODING))
}

/// The service's answer, under the status that leaves.
fn pass(
    call: &mut Call<'_>,
    api: &LiveApi,
    target: &Target,
    response: Response<Incoming>,
    leaves_as: u16,
    passed: PassedBody,
    mut settlement: Settlement,
) -> Response<Answer> {
    let transparent = api.api.contract == ContractKind::Transparent;
    let (mut parts, body) = response.into_parts();
    // The service's protocol version and reason phrase are its own affair.
    parts.version = http::Version::HTTP_11;
    parts.extensions.clear();
    strip_response(&mut parts.headers, &ResponsePassage { cookies: api.api.cookies, transparent });
    rewrite(&mut parts.headers, api, target, &call.gateway.settings.gateway_url);
    if !transparent && !parts.headers.contains_key(CACHE_CONTROL) {
        let value = if leaves_as < 400 { "private" } else { "no-store" };
        parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
    }
    parts.status = StatusCode::from_u16(leaves_as).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    call.ended_as(leaves_as, None);
    settlement._draft = call.draft.take();
    let answer = match passed {
        PassedBody::Kept => {
            let idle_timeout = Duration::from_millis(api.api.deadlines.idle_timeout_ms);
            let deadline = Box::pin(tokio::time::sleep(idle_timeout));
            settlement.whole = body.is_end_stream();
            Answer::Relay(Box::new(Relay { body, idle_timeout, deadline, settlement }))
        }
        PassedBody::Empty => {
            parts.headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            settlement.whole = body.is_end_stream();
            Answer::empty()
        }
        PassedBody::HeadersOnly => {
            settlement.whole = body.is_end_stream();
            Answer::empty()
        }
    };
    Response::from_parts(parts, answer)
}

/// What an API asks for, said with a 401 of its service that may leave.
fn challenges(api: &LiveApi) -> Challenges {
    let access = api.api.access;
    Challenges { key: access.needs_key(), token: access.needs_token().then_some(BearerError::InvalidToken) }
}

fn rewrite(headers: &mut HeaderMap, api: &LiveApi, target: &Target, gateway_url: &str) {
    let Some(location) = headers.get(LOCATION) else { return };
    let target_base = format!("http://{}{}", target.authority, target.path);
    let public_base = format!("{gateway_url}{}", api.api.base_path.trim_end_matches('/'));
    let rewritten = location.to_str().map(|location| rewrite_location(location, &target_base, &public_base));
    match rewritten {
        Ok(RewrittenLocation::Kept) => {}
        Ok(RewrittenLocation::Public(location)) => {
            if let Ok(location) = HeaderValue::from_str(&location) {
                headers.insert(LOCATION, location);
            }
        }
        Ok(RewrittenLocation::Dropped) | Err(_) => {
            headers.remove(LOCATION);
        }
    }
}

/// `Retry-After` of a service in seconds: it may be told as such or as a date (RFC 9110 §10.2.3).
fn seconds_until(told: &str, now_us: i64) -> Option<u64> {
    if let Ok(seconds) = told.trim().parse::<u64>() {
        return Some(seconds);
    }
    let at = httpdate::parse_http_date(told.trim()).ok()?;
    let at_us = i64::try_from(at.duration_since(std::time::UNIX_EPOCH).ok()?.as_micros()).ok()?;
    Some(u64::try_from(at_us.saturating_sub(now_us)).unwrap_or(0).div_ceil(1_000_000))
}

/// The service's own refusal in the contract's form, with its words.
async fn refusal(
    call: &mut Call<'_>,
    api: &LiveApi,
    cause: Cause,
    leaves_as: u16,
    target: &Target,
    response: Response<Incoming>,
    settlement: &mut Settlement,
) -> Refusal {
    let status = response.status().as_u16();
    call.note(Finding::Service { target: Arc::clone(&target.address), status, leaves_as });
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after_s = retry_after.and_then(|told| seconds_until(told, call.now_us));
    let mut body = response.into_body();
    let mut collected = Vec::new();
    // What is longer, slower or broken is left: the status alone is answered.
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            settlement.debts.add_response_bytes(data.len());
            if collected.len() + data.len() > SERVICE_BODY_LEN_MAX {
                return false;
            }
            collected.extend_from_slice(&data);
        }
        true
    };
    let complete = tokio::time::timeout(Duration::from_secs(10), read).await.unwrap_or(false);
    settlement.whole = complete && body.is_end_stream();
    let words = if complete { service_message(&collected) } else { None };
    let mut refusal = Refusal::new(cause)
        .detail("The service behind this API refused the call.")
        .operator_words(format!("the service at {} answered {status}", target.address));
    refusal.status = leaves_as;
    if let Some(words) = words {
        // A cause whose words old callers parse keeps them.
        if let Some(message) = words.message.filter(|_| cause.entry().message.is_empty()) {
            refusal = refusal.message(message);
        }
        refusal.service = Some(words.body);
    }
    if leaves_as == 401 {
        refusal.challenges = challenges(api);
    }
    refusal.retry_after_s = retry_after_s;
    call.step = Step::Service;
    refusal
}
