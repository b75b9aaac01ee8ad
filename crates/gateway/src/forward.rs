//! Hands a charged call to its service and waits for the head of the answer.
//!
//! Nothing here decides: it connects, sends, waits and says what went wrong. Any method is sent again where none of
//! its bytes was written; reads also while nothing of an answer came. Nothing else is repeated.

use std::future::poll_fn;
use std::sync::Arc;

use http::header::{HOST, UPGRADE};
use http::{HeaderMap, HeaderValue, Method};
use limen_http1::service::{Request, RequestBody, ResponseHead};
use limen_rules::contract::Cause;
use limen_rules::explain::{Finding, Step};
use limen_rules::header::{RequestPassage, strip_request};
use limen_rules::model::ContractKind;
use limen_rules::target::Target;

use crate::assertion::{Assertion, LIFETIME_S};
use crate::call::Call;
use crate::charge::Charged;
use crate::collect::Collected;
use crate::debts::Debts;
use crate::failure::{Failure, ServiceFailure};
use crate::gateway::Core;
use crate::link::{Broken, Link};
use crate::outbound::Outbound;
use crate::pool::Pool;

/// Attempts for one call, the first included.
const ATTEMPTS_MAX: u32 = 2;

/// What of the request is sent on.
pub(crate) struct Onward {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// The path after the base path, as it was decided on.
    pub(crate) rest: String,
    /// The query without the key.
    pub(crate) query: Option<String>,
    /// Whether it is a WebSocket's handshake.
    pub(crate) websocket: bool,
}

/// A service's answer, its body still to come.
pub(crate) struct Forwarded {
    pub(crate) head: ResponseHead,
    pub(crate) link: Box<Link>,
    pub(crate) target: Target,
    pub(crate) debts: Debts,
}

/// Sends the call to its service. Where it fails by the service's or our fault, its right is given back.
pub(crate) async fn forward(
    call: &mut Call<'_>,
    core: &Core,
    mut charged: Charged,
    onward: Onward,
) -> Result<Forwarded, Failure> {
    call.step = Step::Service;
    let mut debts = Debts::new(charged.right.take(), charged.accepted.hold.take());
    match attempt(call, core, charged, onward, &mut debts).await {
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
fn outbound(charged: &mut Charged, debts: &mut Debts) -> Outbound {
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
struct Head {
    method: Method,
    path: String,
    headers: HeaderMap,
    /// Whether the protocol of `Upgrade` is asked for.
    upgrade: bool,
}

impl Head {
    fn request(&self, body: RequestBody) -> Request<'_> {
        Request { method: &self.method, target: &self.path, headers: &self.headers, body, upgrade: self.upgrade }
    }
}

async fn attempt(
    call: &Call<'_>,
    core: &Core,
    mut charged: Charged,
    onward: Onward,
    debts: &mut Debts,
) -> Result<(ResponseHead, Box<Link>, Target), Failure> {
    let api = Arc::clone(&charged.routed.api);
    let target = api.target.clone().or_else(|| call.gateway.settings.sample_target.clone());
    let target = target.ok_or_else(|| Failure::fault(format!("API {} has no target", api.api.name)))?;
    let head = head(call, &charged, &target, onward)?;
    let mut body = outbound(&mut charged, debts);
    let deadlines = api.api.deadlines;
    let is_read = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let begin = |link: &mut Link, body: Outbound| {
        let request = head.request(body.framing());
        link.begin(&request, body).map_err(|error| Failure::fault(error.to_string()))
    };
    let mut unsent: Option<Box<Link>> = None;
    for attempt in 1..=ATTEMPTS_MAX {
        let reused = if attempt == ATTEMPTS_MAX { None } else { core.pool.take(&target.address) };
        let was_reused = reused.is_some();
        let mut link = match reused {
            Some(link) => link,
            None => Pool::connect(&target.address, deadlines.connect_timeout_ms).await.map_err(unavailable)?,
        };
        // What can be sent a second time is kept; a body that streams can't.
        let again = body.again();
        match unsent.take() {
            None => begin(&mut link, std::mem::replace(&mut body, Outbound::None))?,
            Some(mut other) => {
                if !link.take_over(&mut other) {
                    return Err(Failure::fault("an unsent request can't be moved to another connection"));
                }
            }
        }
        let broken = match poll_fn(|context| link.poll_head(context, debts, &deadlines)).await {
            Ok(head) => return Ok((head, link, target)),
            Err(broken) => broken,
        };
        let is_lost = was_reused && matches!(broken, Broken::Closed(_) | Broken::Io(_)) && link.is_unanswered();
        match again {
            _ if is_lost && link.is_unsent() => unsent = Some(link),
            Some(again) if is_lost && is_read => body = again,
            _ => return Err(failed(broken, &target)),
        }
    }
    Err(ServiceFailure { cause: Cause::ServiceUnavailable, words: format!("{} kept closing", target.address) }.into())
}

fn unavailable(error: crate::pool::ConnectError) -> Failure {
    ServiceFailure { cause: Cause::ServiceUnavailable, words: error.to_string() }.into()
}

/// Garbage is a fault of the service that nobody planned for; a connection that ends is a service that is down.
fn failed(broken: Broken, target: &Target) -> Failure {
    let cause = match &broken {
        Broken::Caller(refusal) => return (**refusal).clone().into(),
        Broken::Request(error) => return Failure::fault(error.to_string()),
        Broken::Garbage(_) => Cause::Unexpected,
        Broken::Closed(_) | Broken::Io(_) => Cause::ServiceUnavailable,
        Broken::TimedOut(_) => Cause::ServiceTimeout,
    };
    ServiceFailure { cause, words: format!("{} failed before it answered: {broken}", target.address) }.into()
}

/// The request's head as the service gets it: nothing that only we may say survives, then we say it.
fn head(call: &Call<'_>, charged: &Charged, target: &Target, onward: Onward) -> Result<Head, Failure> {
    let api = &charged.routed.api.api;
    let Onward { method, mut headers, rest, query, websocket } = onward;
    let mut path = format!("{}{rest}", target.path);
    if path.is_empty() {
        path.push('/');
    }
    if let Some(query) = query {
        path.push('?');
        path.push_str(&query);
    }
    // What would make the service answer 206 or 304 passes only where such an answer may leave.
    let passes = |status| api.contract == ContractKind::Transparent || api.pass_statuses.contains(&status);
    let passage = RequestPassage {
        cookies: api.cookies,
        forward_token: api.forward_token,
        key_headers: &charged.routed.api.key_headers,
        ranges: passes(206),
        conditions: passes(304),
    };
    strip_request(&mut headers, &method, &passage);
    if websocket {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }
    if !api.preserve_host {
        headers.insert(HOST, value(&target.authority)?);
    }
    identify(call, charged, &method, &path, &mut headers)?;
    Ok(Head { method, path, headers, upgrade: websocket })
}

fn value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Failure::fault("a name can't stand in a header"))
}

/// Tells the service who calls: plain fields for what trusts the network, an assertion for what doesn't.
fn identify(
    call: &Call<'_>,
    charged: &Charged,
    method: &Method,
    path: &str,
    headers: &mut HeaderMap,
) -> Result<(), Failure> {
    let subscription = charged.subscribed.subscription_id().map(|id| &**id);
    let identity = charged.permitted.identity();
    let assertion = Assertion {
        iss: &call.snapshot.catalog.issuer.issuer,
        aud: &charged.routed.api.api.name,
        iat: call.now_us.div_euclid(1_000_000),
        exp: call.now_us.div_euclid(1_000_000) + LIFETIME_S,
        jti: &call.id_text,
        method: method.as_str(),
        path,
        subscription,
        application: identity.and_then(|identity| identity.application.as_deref()),
        user: identity.map(|identity| &*identity.user),
        environment: identity.map(|identity| &*identity.environment),
        permissions: identity.map(|identity| &*identity.permission_names),
    };
    let fields = [
        ("limen-subscription", assertion.subscription),
        ("limen-application", assertion.application),
        ("limen-user", assertion.user),
        ("limen-environment", assertion.environment),
        ("limen-permissions", assertion.permissions),
        ("x-request-id", Some(&*call.id_text)),
    ];
    for (name, text) in fields {
        if let Some(text) = text {
            headers.insert(http::HeaderName::from_static(name), value(text)?);
        }
    }
    if charged.routed.api.api.assertion {
        let key = call.gateway.assertion_key.load();
        let signed = key.as_ref().and_then(|key| key.sign(&assertion));
        let signed = signed.ok_or_else(|| Failure::fault("the assertion could not be signed"))?;
        headers.insert(http::HeaderName::from_static("limen-assertion"), value(&signed)?);
    }
    Ok(())
}
