//! The path of a call: an envelope that answers, and a spine of checks in the contract's order.
//!
//! Each check takes the proof that the one before returned; what a call needs to go on is in the types.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use limen_rules::contract::{BearerError, Cause, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::key::{self, Subscribed};
use limen_rules::model::{KEY_QUERY_PARAMETER, Visibility};
use limen_rules::notice::{self, Open};
use limen_rules::path::{self, Normalized};
use limen_rules::permission::{self, Permitted};
use limen_rules::routing::{self, Routed};
use limen_rules::snapshot::LiveApi;
use limen_rules::token::Identified;
use limen_rules::{cors, header};

use crate::answer::Answer;
use crate::connection::{HEAD_MAX_BYTES, head_too_large};
use crate::call::Call;
use crate::charge::{self, Checked};
use crate::collect;
use crate::failure::Failure;
use crate::forward::{self, Onward};
use crate::gateway::{Core, Gateway};
use crate::identify::identify;
use crate::relay;

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
    call.set_path(raw_path);
    // hyper bounds its buffer, and takes a head that came in one piece up to twice as large.
    if head_bytes(parts) > HEAD_MAX_BYTES {
        return Err(head_too_large());
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
    call.set_path(&path.path);
    Ok(path)
}

/// How many bytes the head had on the wire, whitespace around values left out.
fn head_bytes(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(1, |target| target.as_str().len());
    let fields: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    parts.method.as_str().len() + target + " HTTP/1.1\r\n ".len() + fields + 2
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
            refusal.detail =
                format!("{} No access token came in the Authorization header either.", refusal.detail).into();
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
