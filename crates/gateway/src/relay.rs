//! The service's answer on its way to the caller: what its status leaves as, and the body as it comes.
//!
//! The end of the body, or its drop, settles everything that the call still owes, exactly once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER, UPGRADE};
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use limen_http1::field_table::Fields;
use limen_http1::service::{AnswerBody, ResponseHead};
use limen_rules::answer::put_challenges;
use limen_rules::body::{SERVICE_BODY_LEN_MAX, service_message};
use limen_rules::contract::{BearerError, Cause, Challenges, Refusal};
use limen_rules::explain::{Finding, Step, Text};
use limen_rules::header::{ResponseFilter, ResponsePassage, text};
use limen_rules::mapping::{Mapped, MappingSettings, PassedBody, RewrittenLocation, map, rewrite_location};
use limen_rules::model::{ContractKind, ErrorBody};
use limen_rules::policy;
use limen_rules::snapshot::LiveApi;
use limen_rules::target::Target;

use crate::answer::{Answer, Cut};
use crate::call::Call;
use crate::debts::Debts;
use crate::draft::Draft;
use crate::drift::{Tap, Watched};
use crate::failure::{Failure, ServiceFailure};
use crate::forward::Forwarded;
use crate::gateway::Core;
use crate::inbound::Head;
use crate::link::Link;
use crate::reply::Reply;
use crate::standing::{Presented, Standing};
use crate::websocket::{Expected, Tunnel};

/// For the body of a service's refusal to come.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What is needed of a call where its answer stays open.
pub(crate) struct Opening {
    /// The proof that its handshake asks for, if it is one.
    pub(crate) websocket: Option<Expected>,
    /// The operation, where its answers are compared with what is described.
    pub(crate) watched: Option<Watched>,
}

/// What is owed when a body ends: the call's debts, the connection, the journal's line.
pub(crate) struct Settlement {
    pub(crate) debts: Debts,
    /// None only while it is dropped.
    pub(crate) link: Option<Box<Link>>,
    core: Arc<Core>,
    draft: Option<Draft>,
    /// Copies what passes, to be compared.
    tap: Option<Box<Tap>>,
}

impl Settlement {
    /// The next piece of the service's answer.
    fn poll_piece(&mut self, context: &mut Context<'_>, idle_timeout: Duration) -> Poll<Option<Result<Bytes, Cut>>> {
        let Some(link) = &mut self.link else { return Poll::Ready(None) };
        let piece = link.poll_piece(context, &mut self.debts, idle_timeout);
        if let (Some(tap), Poll::Ready(piece)) = (&mut self.tap, &piece) {
            match piece {
                Some(Ok(piece)) => tap.piece(piece),
                None => tap.end(),
                Some(Err(_)) => {}
            }
        }
        piece.map_err(|broken| Cut { words: broken.to_string() })
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if let Some(traffic) = self.draft.as_mut().and_then(Draft::traffic) {
            (traffic.request_bytes, traffic.response_bytes) = self.debts.body_bytes();
        }
        if let (Some(mut link), Some(under_way)) = (self.link.take(), &self.debts.under_way)
            && link.finish()
        {
            self.core.pool.put(&under_way.target().connection_key, link);
        }
    }
}

/// A service's body, as it comes.
pub(crate) struct Relay {
    /// Bytes that are still to come, where that is known.
    left_bytes: Option<u64>,
    idle_timeout: Duration,
    /// For streams: whether the call would still be let in.
    standing: Option<Box<Standing>>,
    settlement: Settlement,
}

impl Relay {
    /// Ready when whoever gets a stream may not have it any more.
    pub(crate) fn poll_revoked(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.standing.as_mut().map_or(Poll::Pending, |standing| standing.poll_end(context))
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let piece = std::task::ready!(self.settlement.poll_piece(context, self.idle_timeout));
        Poll::Ready(piece.map(|piece| {
            piece.map(|piece| {
                self.left_bytes = self.left_bytes.map(|left| left.saturating_sub(piece.len() as u64));
                Frame::data(piece)
            })
        }))
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.left_bytes == Some(0)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.left_bytes.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// What is made of the service's answer.
pub(crate) enum Responded {
    /// The caller's answer, or why there is none.
    Answer(Result<Reply, Failure>),
    /// The service's refusal, whose words are still to be read, by [`refusal`].
    Refused(Box<Refused>),
}

/// A refusal by the service.
pub(crate) struct Refused {
    cause: Cause,
    leaves_as: u16,
    target: Arc<Target>,
    head: ResponseHead,
    settlement: Settlement,
}

/// Makes the caller's answer of the service's (contract, section 5).
pub(crate) fn respond(
    call: &mut Call<'_>,
    core: &Arc<Core>,
    api: &LiveApi,
    asked: &Head,
    forwarded: Forwarded,
    opening: Opening,
) -> Responded {
    let method = &asked.method;
    let Forwarded { head, link, target, debts } = forwarded;
    let status = head.status.as_u16();
    let strict = api.api.contract == ContractKind::Strict;
    let settings = MappingSettings {
        strict,
        pass_401: api.api.pass_401,
        pass_statuses: &api.api.pass_statuses,
        websocket: opening.websocket.as_ref().is_some_and(|expected| expected.is_met_by(&head)),
    };
    let core = Arc::clone(core);
    let tap = opening.watched.and_then(|watched| Tap::new(call, watched, method, &head));
    let mut settlement = Settlement { debts, link: Some(link), core, draft: None, tap };
    let failed =
        |cause: Cause| ServiceFailure { cause, words: format!("the service at {} answered {status}", target.address) };
    let mapped = match map(status, method, &settings) {
        // The service's 404 may not differ from the one for a record that a policy hides, however else it would leave.
        Mapped::Pass { status: 404, .. } | Mapped::Refuse { cause: Cause::RecordNotFound, .. }
            if policy::hides(api) =>
        {
            let cause = Cause::RecordNotFound;
            return Responded::Refused(Box::new(Refused { cause, leaves_as: 404, target, head, settlement }));
        }
        mapped => mapped,
    };
    let cause = match mapped {
        Mapped::Pass { status: leaves_as, body } => {
            call.note(Finding::Service { target: Text::of(&target.address), status, leaves_as });
            return Responded::Answer(Ok(pass(call, api, &target, asked, head, (leaves_as, body), settlement)));
        }
        Mapped::Refuse { cause, status: leaves_as } if api.api.error_body == ErrorBody::Pass => {
            call.note(Finding::Service { target: Text::of(&target.address), status, leaves_as });
            call.ended_as(leaves_as, Some(cause));
            let mut reply = pass(call, api, &target, asked, head, (leaves_as, PassedBody::Kept), settlement);
            if leaves_as == 401 {
                let mut headers = HeaderMap::new();
                put_challenges(&challenges(api), None, &call.surroundings(), &mut headers);
                reply.put_those(&Fields::of(&headers), |_, _| true);
            }
            return Responded::Answer(Ok(reply));
        }
        Mapped::Refuse { cause, status: leaves_as } => {
            return Responded::Refused(Box::new(Refused { cause, leaves_as, target, head, settlement }));
        }
        Mapped::Unavailable => Cause::ServiceUnavailable,
        Mapped::Timeout => Cause::ServiceTimeout,
        Mapped::Upgrade => {
            call.note(Finding::Service { target: Text::of(&target.address), status, leaves_as: status });
            return Responded::Answer(Ok(switch(call, api, asked, head, settlement)));
        }
        Mapped::Unexpected | Mapped::Interim => Cause::Unexpected,
    };
    // Our 5xx before anything left: the right goes back to the period that it was taken from.
    if settlement.debts.give_back() {
        call.note(Finding::GivenBack);
    }
    Responded::Answer(Err(failed(cause).into()))
}

/// The service's consent to a WebSocket.
fn switch(call: &mut Call<'_>, api: &LiveApi, asked: &Head, head: ResponseHead, mut settlement: Settlement) -> Reply {
    if let Some(mut tap) = settlement.tap.take() {
        tap.forget();
    }
    call.ended_as(head.status.as_u16(), None);
    settlement.draft = call.draft.take();
    let idle_timeout = Duration::from_millis(api.api.deadlines.idle_timeout_ms);
    let standing = Some(Standing::new(call.gateway, Presented::of(asked, api)));
    let tunnel = Tunnel::new(settlement, standing, idle_timeout);
    let mut reply = Reply::new(head.status, Answer::Switch(Box::new(tunnel)));
    let filter = filter(api, &head.fields);
    reply.put_those(&head.fields, |name, _| filter.passes(name));
    reply.lines.put(&UPGRADE, b"websocket");
    reply
}

/// Which of the service's fields reach its caller.
fn filter(api: &LiveApi, fields: &Fields) -> ResponseFilter {
    let transparent = api.api.contract == ContractKind::Transparent;
    ResponseFilter::new(fields.all(&CONNECTION), ResponsePassage { cookies: api.api.cookies, transparent })
}

/// Whether an answer stays open for as long as there is something to tell.
fn is_stream(fields: &Fields) -> bool {
    let media_type = fields.get(&CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// The service's answer, under the status that leaves.
fn pass(
    call: &mut Call<'_>,
    api: &LiveApi,
    target: &Target,
    asked: &Head,
    head: ResponseHead,
    (leaves_as, passed): (u16, PassedBody),
    mut settlement: Settlement,
) -> Reply {
    call.ended_as(leaves_as, None);
    settlement.draft = call.draft.take();
    let body = match passed {
        PassedBody::Kept => {
            let idle_timeout = Duration::from_millis(api.api.deadlines.idle_timeout_ms);
            let left_bytes = match head.body {
                AnswerBody::None => Some(0),
                AnswerBody::Length(length) => Some(length),
                AnswerBody::Chunked | AnswerBody::UntilClose => None,
            };
            let stands = || Box::new(Standing::new(call.gateway, Presented::of(asked, api)));
            let standing = is_stream(&head.fields).then(stands);
            Answer::Relay(Box::new(Relay { left_bytes, idle_timeout, standing, settlement }))
        }
        PassedBody::Empty | PassedBody::HeadersOnly => Answer::empty(),
    };
    let status = StatusCode::from_u16(leaves_as).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = Reply::new(status, body);
    put_fields(&mut reply, api, target, &head, &call.gateway.settings.gateway_url);
    if passed == PassedBody::Empty {
        reply.told_bytes = Some(0);
    }
    reply
}

/// The service's fields, as far as they pass, and where it is told to be private what says nothing of it.
fn put_fields(reply: &mut Reply, api: &LiveApi, target: &Target, head: &ResponseHead, gateway_url: &str) {
    let filter = filter(api, &head.fields);
    let (mut has_cache_control, mut tells_length) = (false, false);
    // What becomes of the first `Location`. There is one at most (RFC 9110 §10.2.2): others are dropped, so that none
    // tells where the service is, and no caller follows another one than ours does.
    let mut location = None;
    reply.put_those(&head.fields, |name, value| {
        if !filter.passes(name) {
            return false;
        }
        match name {
            b"cache-control" => has_cache_control = true,
            b"content-length" => tells_length = true,
            b"location" => {
                let is_first = location.is_none();
                let rewritten = location.get_or_insert_with(|| rewritten(value, api, target, gateway_url));
                return is_first && *rewritten == RewrittenLocation::Kept;
            }
            _ => {}
        }
        true
    });
    reply.told_bytes = head.length.filter(|_| tells_length);
    if let Some(RewrittenLocation::Public(location)) = location {
        reply.lines.put(&LOCATION, location.as_bytes());
    }
    if !has_cache_control && api.api.contract == ContractKind::Strict {
        let value: &[u8] = if reply.status.as_u16() < 400 { b"private" } else { b"no-store" };
        reply.lines.put(&CACHE_CONTROL, value);
    }
}

/// What an API asks for, said with a 401 of its service that may leave.
fn challenges(api: &LiveApi) -> Challenges {
    let access = api.api.access;
    Challenges { key: access.needs_key(), token: access.needs_token().then_some(BearerError::InvalidToken) }
}

/// Where a service's `Location` leads its caller.
fn rewritten(location: &[u8], api: &LiveApi, target: &Target, gateway_url: &str) -> RewrittenLocation {
    let public_base = format!("{gateway_url}{}", api.api.base_path.trim_end_matches('/'));
    text(location).map_or(RewrittenLocation::Dropped, |told| rewrite_location(told, &target.url(), &public_base))
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
pub(crate) async fn refusal(call: &mut Call<'_>, api: &LiveApi, refused: Box<Refused>) -> Refusal {
    let Refused { cause, leaves_as, target, head, mut settlement } = *refused;
    let status = head.status.as_u16();
    call.note(Finding::Service { target: Text::of(&target.address), status, leaves_as });
    let retry_after = head.fields.get(&RETRY_AFTER).and_then(text);
    let retry_after_s = retry_after.and_then(|told| seconds_until(told, call.now_us));
    let idle_timeout = Duration::from_millis(api.api.deadlines.idle_timeout_ms);
    let mut collected = Vec::new();
    // What is longer, slower or broken is left: the status alone is answered.
    let read = async {
        while let Some(piece) = poll_fn(|context| settlement.poll_piece(context, idle_timeout)).await {
            let Ok(piece) = piece else { return false };
            if collected.len() + piece.len() > SERVICE_BODY_LEN_MAX {
                return false;
            }
            collected.extend_from_slice(&piece);
        }
        true
    };
    let complete = tokio::time::timeout(REFUSAL_TIMEOUT, read).await.unwrap_or(false);
    call.step = Step::Service;
    let operator_words = format!("the service at {} answered {status}", target.address);
    if cause == Cause::RecordNotFound && policy::hides(api) {
        return policy::not_found().operator_words(operator_words);
    }
    let words = if complete { service_message(&collected) } else { None };
    let mut refusal =
        Refusal::new(cause).detail("The service behind this API refused the call.").operator_words(operator_words);
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
    refusal
}
