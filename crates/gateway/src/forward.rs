//! Hands a charged call to its service and waits for the head of the answer.
//!
//! Nothing here decides: it connects, sends, waits and says what went wrong. Any method is sent again where none of
//! its bytes was written; reads also while nothing of an answer came. Nothing else is repeated.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use limen_rules::contract::Cause;
use limen_rules::explain::{Finding, Step};
use limen_rules::header::{RequestPassage, strip_request};
use limen_rules::model::{ContractKind, Deadlines};
use limen_rules::target::Target;

use crate::assertion::{Assertion, LIFETIME_S};
use crate::call::Call;
use crate::charge::Charged;
use crate::collect::Collected;
use crate::debts::Debts;
use crate::failure::{Failure, ServiceFailure};
use crate::gateway::Core;
use crate::outbound::{Outbound, Upload, UploadState};
use crate::pool::{Pool, Sender};

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
}

/// A service's answer, its body still to come.
pub(crate) struct Forwarded {
    pub(crate) response: Response<Incoming>,
    pub(crate) sender: Sender,
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
        Ok((response, sender, target)) => Ok(Forwarded { response, sender, target, debts }),
        Err(failure) => {
            if !matches!(failure, Failure::Refused(_)) && debts.give_back() {
                call.note(Finding::GivenBack);
            }
            Err(failure)
        }
    }
}

/// A body that can be sent again: none or a whole one.
type Replay = Option<Option<Bytes>>;

/// The body as it is sent, and whether it can be sent again.
fn outbound(charged: &Charged, body: Collected, debts: &mut Debts) -> (Outbound, Replay) {
    match body {
        Collected::None => (Outbound::Whole(None), Some(None)),
        Collected::Whole(bytes) => {
            debts.whole_bytes = bytes.len() as u64;
            (Outbound::Whole(Some(bytes.clone())), Some(Some(bytes)))
        }
        Collected::Stream(body) => {
            let state = Arc::<UploadState>::default();
            debts.upload = Some(Arc::clone(&state));
            let max_bytes = charged.routed.operation().body_max_bytes;
            let idle_timeout = Duration::from_millis(charged.routed.api.api.deadlines.idle_timeout_ms);
            (Outbound::Stream(Box::new(Upload::new(body, max_bytes, idle_timeout, state))), None)
        }
    }
}

async fn attempt(
    call: &Call<'_>,
    core: &Core,
    mut charged: Charged,
    onward: Onward,
    debts: &mut Debts,
) -> Result<(Response<Incoming>, Sender, Target), Failure> {
    let api = Arc::clone(&charged.routed.api);
    let target = api.target.clone().or_else(|| call.gateway.settings.sample_target.clone());
    let target = target.ok_or_else(|| Failure::fault(format!("API {} has no target", api.api.name)))?;
    let head = head(call, &charged, &target, onward)?;
    let body = std::mem::replace(&mut charged.accepted.body, Collected::None);
    let (body, replay) = outbound(&charged, body, debts);
    let deadlines = api.api.deadlines;
    let is_read = matches!(*head.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let mut request = head.map(|()| body);
    for attempt in 1..=ATTEMPTS_MAX {
        let reused = if attempt == ATTEMPTS_MAX { None } else { core.pool.take(&target.address).await };
        let was_reused = reused.is_some();
        let mut sender = match reused {
            Some(sender) => sender,
            None => Pool::connect(&target.address, deadlines.connect_timeout_ms).await.map_err(unavailable)?,
        };
        // Reads over a connection that may be stale are kept, so that they can be sent again.
        let kept = (was_reused && is_read).then(|| copy(&request));
        let error = match send(&mut sender, request, debts, &deadlines).await? {
            Ok(response) => return Ok((response, sender, target)),
            Err(error) => error,
        };
        if let Some(refusal) = debts.upload.as_ref().and_then(|upload| upload.fault()) {
            return Err(refusal.into());
        }
        let (error, unsent) = error;
        request = match (unsent, kept, &replay) {
            (Some(unsent), _, _) if was_reused => unsent,
            (None, Some(kept), Some(body)) if !error.is_parse() => kept.map(|()| Outbound::Whole(body.clone())),
            _ => return Err(broken(&error, &target).into()),
        };
    }
    Err(ServiceFailure { cause: Cause::ServiceUnavailable, words: format!("{} kept closing", target.address) }.into())
}

type SendError = (hyper::Error, Option<Request<Outbound>>);

/// Sends and waits for the head. The response's deadline runs from the request's end; before that, a caller who
/// pauses is the upload's own affair, and a service that stops reading has the idle time.
async fn send(
    sender: &mut Sender,
    request: Request<Outbound>,
    debts: &Debts,
    deadlines: &Deadlines,
) -> Result<Result<Response<Incoming>, SendError>, Failure> {
    let mut answer = std::pin::pin!(sender.requests.try_send_request(request));
    let mut sent_bytes = debts.request_bytes();
    let mut was_sent = debts.is_sent();
    loop {
        let timeout_ms = if was_sent { deadlines.response_timeout_ms } else { deadlines.idle_timeout_ms };
        match tokio::time::timeout(Duration::from_millis(timeout_ms), &mut answer).await {
            Ok(Ok(response)) => return Ok(Ok(response)),
            Ok(Err(mut error)) => {
                let unsent = error.take_message();
                return Ok(Err((error.into_error(), unsent)));
            }
            Err(_) => {}
        }
        let waits_for_caller = debts.upload.as_ref().is_some_and(|upload| upload.waits_for_caller());
        let progressed = debts.request_bytes() > sent_bytes || debts.is_sent() != was_sent;
        if !progressed && !waits_for_caller {
            let words = match was_sent {
                true => format!("no answer within {timeout_ms} ms"),
                false => format!("the service read nothing of the body for {timeout_ms} ms"),
            };
            return Err(ServiceFailure { cause: Cause::ServiceTimeout, words }.into());
        }
        sent_bytes = debts.request_bytes();
        was_sent = debts.is_sent();
    }
}

fn copy(request: &Request<Outbound>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn unavailable(error: crate::pool::ConnectError) -> Failure {
    ServiceFailure { cause: Cause::ServiceUnavailable, words: error.to_string() }.into()
}

/// Garbage is a fault of the service that nobody planned for; a connection that ends is a service that is down.
fn broken(error: &hyper::Error, target: &Target) -> ServiceFailure {
    let cause = if error.is_parse() { Cause::Unexpected } else { Cause::ServiceUnavailable };
    let reason = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    ServiceFailure { cause, words: format!("{} failed before it answered: {error}{reason}", target.address) }
}

/// The request's head as the service gets it: nothing that only we may say survives, then we say it.
fn head(call: &Call<'_>, charged: &Charged, target: &Target, onward: Onward) -> Result<Request<()>, Failure> {
    let api = &charged.routed.api.api;
    let Onward { method, mut headers, rest, query } = onward;
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
    match charged.accepted.body {
        Collected::Whole(_) => {
            headers.remove(CONTENT_LENGTH);
        }
        // Said by us: hyper takes a GET of unknown length for one without a body.
        Collected::Stream(_) if !headers.contains_key(CONTENT_LENGTH) => {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Collected::None | Collected::Stream(_) => {}
    }
    if !api.preserve_host {
        headers.insert(HOST, value(&target.authority)?);
    }
    identify(call, charged, &method, &path, &mut headers)?;
    let uri: Uri = path.parse().map_err(|_| Failure::fault("the decided path is not a request target"))?;
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
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
