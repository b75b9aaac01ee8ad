//! Hands a charged call to its service and waits for the head of the answer.
//!
//! Nothing here decides: it connects, sends, waits and says what went wrong. Any method is sent again where none of
//! its bytes was written; reads also while nothing of an answer came; to another target, where there is one. Nothing
//! else is repeated.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;

use http::header::{HOST, UPGRADE};
use http::{HeaderName, Method};
use limen_http1::service::{FieldLines, Request, ResponseHead};
use limen_rules::contract::Cause;
use limen_rules::explain::{Finding, Step};
use limen_rules::header::{Fields, RequestFilter, RequestPassage};
use limen_rules::model::ContractKind;
use limen_rules::target::Target;

use crate::assertion::{Assertion, LIFETIME_S};
use crate::call::{Call, X_REQUEST_ID};
use crate::charge::Charged;
use crate::collect::Collected;
use crate::debts::Debts;
use crate::failure::{Failure, ServiceFailure};
use crate::gateway::Core;
use crate::link::{Broken, Link};
use crate::metrics::Count;
use crate::outbound::Outbound;
use crate::pool::Pool;
use crate::targets;

/// Attempts for one call, the first included.
const ATTEMPTS_MAX: u32 = 2;

/// What most requests' fields take, ours among them.
const FIELDS_BYTES: usize = 768;

/// Who calls, in plain words and signed.
const LIMEN_SUBSCRIPTION: HeaderName = HeaderName::from_static("limen-subscription");
const LIMEN_APPLICATION: HeaderName = HeaderName::from_static("limen-application");
const LIMEN_USER: HeaderName = HeaderName::from_static("limen-user");
const LIMEN_ENVIRONMENT: HeaderName = HeaderName::from_static("limen-environment");
const LIMEN_PERMISSIONS: HeaderName = HeaderName::from_static("limen-permissions");
const LIMEN_ASSERTION: HeaderName = HeaderName::from_static("limen-assertion");

/// What of the request is sent on.
pub(crate) struct Onward<'r> {
    pub(crate) method: &'r Method,
    pub(crate) fields: &'r dyn Fields,
    /// The path after the base path, as it was decided on.
    pub(crate) rest: &'r str,
    /// The query without the key.
    pub(crate) query: Option<Cow<'r, str>>,
    /// Whether it is a WebSocket's handshake.
    pub(crate) websocket: bool,
}

/// A service's answer, its body still to come.
pub(crate) struct Forwarded {
    pub(crate) head: ResponseHead,
    pub(crate) link: Box<Link>,
    pub(crate) target: Arc<Target>,
    pub(crate) debts: Debts,
}

/// Sends the call to its service. Where it fails by the service's or our fault, its right is given back.
pub(crate) async fn forward(
    call: &mut Call<'_>,
    core: &Core,
    // Borrowed, as in what follows: a future keeps room for each place that a value is moved through.
    charged: &mut Charged<'_>,
    onward: &Onward<'_>,
) -> Result<Forwarded, Failure> {
    call.step = Step::Service;
    let mut debts = Debts::new(charged.right.take(), charged.accepted.hold.take());
    let began_us = call.gateway.clock.monotonic_us();
    let attempted = attempt(call, core, charged, onward, &mut debts).await;
    let service_us = call.gateway.clock.monotonic_us().saturating_sub(began_us);
    if let Some(traffic) = call.traffic() {
        traffic.service_us = Some(service_us);
        traffic.request_bytes = debts.body_bytes().0;
    }
    match attempted {
        Ok((head, link, target)) => Ok(Forwarded { head, link, target, debts }),
        Err(failure) => {
            if !matches!(failure, Failure::Refused(_)) && debts.give_back() {
                call.note(Finding::GivenBack);
            }
            Err(failure)
        }
    }
}

/// The body as it is sent.
fn outbound(charged: &mut Charged<'_>, debts: &mut Debts) -> Outbound {
    match std::mem::replace(&mut charged.accepted.body, Collected::None) {
        Collected::None => Outbound::None,
        Collected::Whole(bytes) => {
            debts.add_request_bytes(bytes.len() as u64);
            Outbound::Whole(bytes)
        }
        Collected::Stream(body) => Outbound::stream(body, charged.routed.operation().body_max_bytes),
    }
}

/// A request's head as the service gets it.
struct Head<'r> {
    method: &'r Method,
    path: String,
    /// `Host` as the caller told it, where that is sent on.
    kept_host: Option<&'r [u8]>,
    /// What doesn't depend on the target.
    fields: FieldLines,
    /// The same with the assertion, which names the path, where the API asks for one.
    asserted: Option<FieldLines>,
    /// Whether the protocol of `Upgrade` is asked for.
    upgrade: bool,
}

impl Head<'_> {
    fn begin(&self, link: &mut Link, target: &Target, body: Outbound) -> Result<(), Failure> {
        let request = Request {
            method: self.method,
            target: &self.path,
            host: self.kept_host.unwrap_or(target.authority.as_bytes()),
            fields: self.asserted.as_ref().unwrap_or(&self.fields),
            body: body.framing(),
            upgrade: self.upgrade,
        };
        link.begin(&request, body).map_err(|error| Failure::fault(error.to_string()))
    }

    /// Puts in what depends on the target: the path, and the assertion that names it.
    fn aim(
        &mut self,
        call: &Call<'_>,
        charged: &Charged<'_>,
        target: &Target,
        onward: &Onward<'_>,
    ) -> Result<(), Failure> {
        let query = onward.query.as_deref();
        self.path.clear();
        self.path.reserve(target.path.len() + onward.rest.len() + query.map_or(1, |query| query.len() + 1));
        self.path.push_str(&target.path);
        self.path.push_str(onward.rest);
        if self.path.is_empty() {
            self.path.push('/');
        }
        if let Some(query) = query {
            self.path.push('?');
            self.path.push_str(query);
        }
        if charged.routed.api.api.assertion {
            let key = call.gateway.assertion_key.load();
            let signed = key.as_ref().and_then(|key| key.sign(&assertion(call, charged, self.method, &self.path)));
            let signed = signed.ok_or_else(|| Failure::fault("the assertion could not be signed"))?;
            let mut fields = self.fields.clone();
            fields.put(&LIMEN_ASSERTION, signed.as_bytes());
            self.asserted = Some(fields);
        }
        Ok(())
    }
}

async fn attempt(
    call: &Call<'_>,
    core: &Core,
    charged: &mut Charged<'_>,
    onward: &Onward<'_>,
    debts: &mut Debts,
) -> Result<(ResponseHead, Box<Link>, Arc<Target>), Failure> {
    let api = charged.routed.api;
    let mut picked = targets::first(call, api)?;
    let now_us = || call.gateway.clock.monotonic_us();
    let mut head = head(call, charged, picked.target(), onward)?;
    let mut body = outbound(charged, debts);
    let deadlines = api.api.deadlines;
    let is_read = matches!(*head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut unsent: Option<Box<Link>> = None;
    for attempt in 1..=ATTEMPTS_MAX {
        let is_last = attempt == ATTEMPTS_MAX;
        let reused = if is_last { None } else { core.pool.take(&picked.target().connection_key) };
        let was_reused = reused.is_some();
        call.gateway.metrics.count(Count::of_connection(was_reused));
        let mut link = match reused {
            Some(link) => link,
            None => {
                let (target, tls) = (picked.target(), picked.state().tls.as_ref());
                // Boxed: connecting is rare, and its timer is large.
                match Box::pin(Pool::connect(&target.address, tls, deadlines.connect_timeout_ms)).await {
                    Ok(link) => link,
                    Err(error) => {
                        if !error.is_our_want() {
                            picked.failed(now_us);
                        }
                        // Nothing was sent, so any method may go elsewhere.
                        let next = if is_last { None } else { targets::other(call, api, &picked) };
                        picked = next.ok_or_else(|| unavailable(error))?;
                        head.aim(call, charged, picked.target(), onward)?;
                        continue;
                    }
                }
            }
        };
        // What can be sent a second time is kept; a body that streams can't.
        let again = body.again();
        match unsent.take() {
            None => head.begin(&mut link, picked.target(), std::mem::replace(&mut body, Outbound::None))?,
            Some(mut other) => {
                if !link.take_over(&mut other) {
                    return Err(Failure::fault("an unsent request can't be moved to another connection"));
                }
            }
        }
        let broken = match poll_fn(|context| link.poll_head(context, debts, &deadlines)).await {
            Ok(answer) => {
                let target = Arc::clone(picked.target());
                debts.under_way = Some(picked.answered(answer.status.as_u16(), now_us));
                return Ok((answer, link, target));
            }
            Err(broken) => broken,
        };
        // A caller who pauses ends otherwise: whatever timed out here took the service too long.
        if matches!(broken, Broken::TimedOut(_)) {
            picked.failed(now_us);
        }
        let is_lost =
            !is_last && matches!(broken, Broken::Closed(_) | Broken::Io(_) | Broken::Stale) && link.is_unanswered();
        let may_repeat = is_lost && again.is_some() && (is_read || link.is_unsent());
        let next = if may_repeat { targets::other(call, api, &picked) } else { None };
        match (again, next) {
            (Some(again), Some(next)) => {
                body = again;
                picked = next;
                head.aim(call, charged, picked.target(), onward)?;
            }
            _ if is_lost && was_reused && link.is_unsent() => unsent = Some(link),
            (Some(again), None) if may_repeat && was_reused => body = again,
            _ => return Err(failed(broken, picked.target())),
        }
    }
    let words = format!("{} kept closing", picked.target().address);
    Err(ServiceFailure { cause: Cause::ServiceUnavailable, words }.into())
}

fn unavailable(error: crate::pool::ConnectError) -> Failure {
    ServiceFailure { cause: Cause::ServiceUnavailable, words: error.to_string() }.into()
}

fn failed(broken: Broken, target: &Target) -> Failure {
    match (cause_of(&broken), broken) {
        (_, Broken::Caller(refusal)) => refusal.into(),
        (Some(cause), broken) => {
            ServiceFailure { cause, words: format!("{} failed before it answered: {broken}", target.address) }.into()
        }
        (None, broken) => Failure::fault(broken.to_string()),
    }
}

/// What callers are told where the service is to blame. Garbage is a fault of the service that nobody planned for; a
/// connection that ends is a service that is down.
pub(crate) fn cause_of(broken: &Broken) -> Option<Cause> {
    match broken {
        Broken::Caller(_) | Broken::Request(_) => None,
        Broken::Garbage(_) => Some(Cause::Unexpected),
        Broken::Closed(_) | Broken::Io(_) | Broken::Stale => Some(Cause::ServiceUnavailable),
        Broken::TimedOut(_) => Some(Cause::ServiceTimeout),
    }
}

/// The request's head as the service gets it: nothing that only we may say passes, then we say it.
fn head<'r>(call: &Call<'_>, charged: &Charged<'_>, target: &Target, onward: &Onward<'r>) -> Result<Head<'r>, Failure> {
    let api = &charged.routed.api.api;
    let Onward { method, fields: asked, websocket, .. } = *onward;
    // What would make the service answer 206 or 304 passes only where such an answer may leave.
    let passes = |status| api.contract == ContractKind::Transparent || api.pass_statuses.contains(&status);
    let passage = RequestPassage {
        cookies: api.cookies,
        forward_token: api.forward_token,
        key_headers: &charged.routed.api.key_headers,
        ranges: passes(206),
        conditions: passes(304),
    };
    let filter = RequestFilter::new(asked, method, passage);
    let mut fields = FieldLines::with_capacity(FIELDS_BYTES);
    for (name, value) in asked.each().filter(|(name, _)| filter.passes(name)) {
        fields.put_read(name, value);
    }
    let asked_host = asked.first(&HOST);
    call.peer.tell(&mut fields, asked_host);
    tell_identity(call, charged, &mut fields)?;
    if websocket {
        fields.put(&UPGRADE, b"websocket");
    }
    // HTTP/1.0 has no need of a `Host`; HTTP/1.1, which a service is spoken to in, has (RFC 9112 §3.2).
    let kept_host = asked_host.filter(|_| api.preserve_host && filter.passes(b"host"));
    let mut head = Head { method, path: String::new(), kept_host, fields, asserted: None, upgrade: websocket };
    head.aim(call, charged, target, onward)?;
    Ok(head)
}

/// Who calls, as the service is told.
fn assertion<'c>(call: &'c Call<'_>, charged: &'c Charged<'_>, method: &'c Method, path: &'c str) -> Assertion<'c> {
    let identity = charged.cleared.identity();
    let bearer = identity.map(|identity| &identity.bearer);
    Assertion {
        iss: &call.snapshot.catalog.issuer.issuer,
        aud: &charged.routed.api.api.name,
        iat: call.now_us.div_euclid(1_000_000),
        exp: call.now_us.div_euclid(1_000_000) + LIFETIME_S,
        jti: &call.id_text,
        method: method.as_str(),
        path,
        subscription: charged.subscribed.subscription_id(),
        application: bearer.and_then(|bearer| bearer.application.as_deref()),
        user: bearer.and_then(|bearer| bearer.user.as_deref()),
        environment: bearer.map(|bearer| &*bearer.environment),
        permissions: identity.map(|identity| &**identity.permission_names()),
    }
}

/// Tells the service who calls in plain fields, for what trusts the network; the assertion is for what doesn't.
fn tell_identity(call: &Call<'_>, charged: &Charged<'_>, fields: &mut FieldLines) -> Result<(), Failure> {
    let told = assertion(call, charged, &Method::GET, "");
    for (name, text) in [
        (&LIMEN_SUBSCRIPTION, told.subscription),
        (&LIMEN_APPLICATION, told.application),
        (&LIMEN_USER, told.user),
        (&LIMEN_ENVIRONMENT, told.environment),
        (&LIMEN_PERMISSIONS, told.permissions),
        (&X_REQUEST_ID, Some(&*call.id_text)),
    ] {
        if let Some(text) = text {
            if !text.is_ascii() {
                return Err(Failure::fault("a name can't stand in a header"));
            }
            fields.put(name, text.as_bytes());
        }
    }
    Ok(())
}
