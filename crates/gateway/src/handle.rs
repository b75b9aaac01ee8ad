//! The path of a call: an envelope that answers, and a spine of checks in the contract's order.
//!
//! Each check takes the proof that the one before returned; what a call needs to go on is in the types.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ORIGIN,
};
use http::{Method, StatusCode};
use limen_http1::head::{Target, TargetForm};
use limen_rules::contract::{BearerError, Cause, Refusal};
use limen_rules::explain::{Finding, Step, Text};
use limen_rules::header::Fields;
use limen_rules::key::{self, Subscribed};
use limen_rules::model::{KEY_QUERY_PARAMETER, Visibility};
use limen_rules::notice::{self, Open};
use limen_rules::parameter::Given;
use limen_rules::path::{self, Normalized};
use limen_rules::permission;
use limen_rules::policy::{self, Cleared, Judged};
use limen_rules::resource_metadata::{self, WELL_KNOWN};
use limen_rules::routing::{self, Located, Routed};
use limen_rules::snapshot::LiveApi;
use limen_rules::token::Identified;
use limen_rules::{cors, header, websocket};

use crate::answer::Answer;
use crate::call::Call;
use crate::charge::{self, Checked, Keyed};
use crate::collect::{self, Accepted, Begun, Collected};
use crate::drift::Watched;
use crate::failure::Failure;
use crate::forward::{self, Onward};
use crate::gateway::{Core, Gateway};
use crate::identify::identify;
use crate::inbound::{Head, Inbound};
use crate::peer::Peer;
use crate::relay::{self, Opening, Responded};
use crate::reply::Reply;
use crate::websocket::Expected;

/// The envelope: gives the call its id and its picture, walks it, answers it.
pub(crate) async fn handle(
    gateway: &Arc<Gateway>,
    core: &Arc<Core>,
    peer: &Arc<Peer>,
    head: Head,
    body: Inbound,
) -> Reply {
    let snapshot = gateway.current.pin();
    let mut call = Call::begin(gateway, &snapshot, peer, &head.method, &head.fields);
    let mut reply = match walk(&mut call, core, &head, body).await {
        Ok(reply) => reply,
        Err(failure) => call.refuse(failure),
    };
    call.decorate(&mut reply);
    reply.closes = call.closes;
    reply
}

/// The spine: the checks in the contract's order.
async fn walk<'g>(call: &mut Call<'g>, core: &Arc<Core>, parts: &Head, body: Inbound) -> Result<Reply, Failure> {
    let target = origin_form(&parts.target);
    let (path, located) =
        framing(call, parts, &target).inspect_err(|refusal| call.closes |= refusal.cause == Cause::MalformedRequest)?;
    if let Some(answer) = resource_metadata(call, parts, &path).or_else(|| private_preflight(call, parts, located)) {
        return Ok(answer);
    }
    let early = private_key(call, parts, &path, located)?;
    let routed =
        route(call, parts, &path, located).map_err(|refusal| charge::pace_refused(call, early.as_ref(), refusal))?;
    if let Some(answer) = preflight(call, routed.api, parts) {
        return Ok(answer);
    }
    let open = admit(call, &routed).map_err(|refusal| charge::pace_refused(call, early.as_ref(), refusal))?;
    let keyed = match early {
        Some(early) => early,
        None => {
            let subscribed = subscribe(call, &routed, parts, &path)?;
            charge::pace(call, subscribed)?
        }
    };
    let identified = identify(call, &routed, &parts.fields, &keyed.subscribed)
        .await
        .map_err(|refusal| charge::pace_refused(call, Some(&keyed), refusal))?;
    let (subscribed, paced) = charge::pace_identified(call, keyed, &identified)?;
    let given = given(&routed, parts, &path);
    let judged = permit(call, &routed, identified, &given)?;
    let accepted = match collect::collect(call, &routed, &parts.method, &given, &subscribed, body)? {
        Begun::Accepted(accepted) => accepted,
        // Boxed, as all that is seldom waited for: a call's future has room for it otherwise.
        Begun::Json(body) => Box::pin(collect::whole(call, &routed, &parts.method, body)).await?,
    };
    let opening = opening(call, &routed, parts, &accepted)?;
    let cleared = settle(call, judged)?;
    let onward = onward(&routed, parts, &path, opening.websocket.is_some());
    let mut checked = Checked { routed, _open: open, subscribed, paced, cleared, accepted };
    let mut charged = charge::charge(call, &mut checked).await?;
    let forwarded = forward::forward(call, core, &mut charged, &onward).await?;
    match relay::respond(call, core, routed.api, parts, forwarded, opening) {
        Responded::Answer(answer) => answer,
        Responded::Refused(refused) => Err(Box::pin(relay::refusal(call, routed.api, refused)).await.into()),
    }
}

/// Path and query of a target, in whichever form it came; the engine has seen that its authority is the Host's.
pub(crate) fn origin_form(target: &Target) -> Cow<'_, str> {
    match target.form() {
        TargetForm::Absolute => path::split_absolute(target.as_str()).map_or("/".into(), |parts| parts.origin_form),
        TargetForm::Origin | TargetForm::Authority | TargetForm::Asterisk => target.as_str().into(),
    }
}

/// What the engine leaves to us of syntax and framing, and the one path that is decided on.
fn framing<'g, 't>(
    call: &mut Call<'g>,
    parts: &Head,
    target: &'t str,
) -> Result<(Normalized<'t>, Option<Located<'g>>), Refusal> {
    let (raw_path, _) = path::split(target);
    call.set_path(raw_path);
    // A refusal from here on carries the CORS fields and the realm of the API that is meant, if it may be known.
    let meant = routing::locate(&call.snapshot.catalog, raw_path);
    let public = meant.as_ref().filter(|meant| meant.api.api.visibility == Visibility::Public);
    call.api = public.map(|meant| meant.api);
    header::check_framing(&parts.fields, parts.version)?;
    if matches!(parts.target.form(), TargetForm::Authority | TargetForm::Asterisk) {
        call.step = Step::Route;
        let words = format!("{} is not an operation of any API.", parts.method);
        return Err(Refusal::new(Cause::ResourceNotFound).detail(words));
    }
    let path = path::normalize(target)?;
    let located = match &path.path {
        // As most: written as they are decided on.
        Cow::Borrowed(_) => meant,
        Cow::Owned(decided) => {
            call.set_path(decided);
            routing::locate(&call.snapshot.catalog, decided)
        }
    };
    Ok((path, located))
}

/// What a public API says of itself, answered before route and key (RFC 9728).
fn resource_metadata(call: &mut Call<'_>, parts: &Head, path: &Normalized<'_>) -> Option<Reply> {
    if !matches!(parts.method, Method::GET | Method::HEAD) || !path.path.starts_with(WELL_KNOWN) {
        return None;
    }
    let snapshot = call.snapshot;
    let api = resource_metadata::asked_for(&snapshot.catalog, &path.path)?;
    let settings = &call.gateway.settings;
    let text =
        resource_metadata::document(&snapshot.catalog, api, &settings.gateway_url, &settings.web_url).to_string();
    call.ended_as(200, None);
    let mut reply = Reply::new(StatusCode::OK, Answer::empty());
    reply.lines.put(&CONTENT_TYPE, b"application/json");
    reply.lines.put(&CACHE_CONTROL, b"public, max-age=300");
    if call.api.is_none() {
        reply.lines.put(&ACCESS_CONTROL_ALLOW_ORIGIN, b"*");
    }
    reply.told_bytes = Some(text.len() as u64);
    if parts.method == Method::GET {
        reply.body = Answer::Whole(Some(text.into()));
    }
    Some(reply)
}

/// A private API answers every preflight before its routes are looked at: a browser sends no key with one, and which
/// operations there are is for subscribers.
fn private_preflight<'g>(call: &mut Call<'g>, parts: &Head, located: Option<Located<'g>>) -> Option<Reply> {
    let api = located?.api;
    if api.api.visibility == Visibility::Public {
        return None;
    }
    preflight(call, api, parts)
}

/// An API that only subscribers may know of asks for the key before anything of it is told.
fn private_key<'g>(
    call: &mut Call<'g>,
    parts: &Head,
    path: &Normalized<'_>,
    located: Option<Located<'g>>,
) -> Result<Option<Keyed<'g>>, Refusal> {
    let Some(Located { api, .. }) = located else { return Ok(None) };
    call.api = Some(api);
    if api.api.visibility == Visibility::Public {
        return Ok(None);
    }
    // Before the key: an old picture must not make a false 401.
    call.step = Step::Notice;
    check_age(call, api)?;
    call.step = Step::Key;
    let subscribed = check_key(call, api, api.api.access.needs_token(), parts, path)?;
    charge::pace(call, subscribed).map(Some)
}

fn check_key<'g>(
    call: &mut Call<'g>,
    api: &LiveApi,
    needs_token: bool,
    parts: &Head,
    path: &Normalized<'_>,
) -> Result<Subscribed<'g>, Refusal> {
    let fields: &dyn Fields = &parts.fields;
    let presented = key::presented(api, fields, path.query)?;
    let subscribed = key::subscription(call.snapshot, api, presented.as_deref(), call.now_us);
    let subscribed = subscribed.map_err(|mut refusal| {
        if needs_token && !fields.has(&AUTHORIZATION) {
            refusal.detail =
                format!("{} No access token came in the Authorization header either.", refusal.detail).into();
            refusal.challenges.token = Some(BearerError::None);
        }
        refusal
    })?;
    if let Some(granted) = subscribed.granted() {
        call.note(Finding::Key {
            subscription: Text::of(&granted.subscription.id),
            product: Text::of(&granted.product.product.name),
            which: granted.which,
        });
    }
    Ok(subscribed)
}

fn route<'g>(
    call: &mut Call<'g>,
    parts: &Head,
    path: &Normalized<'_>,
    located: Option<Located<'g>>,
) -> Result<Routed<'g>, Refusal> {
    call.step = Step::Route;
    // A preflight asks for the operation that the browser means to call.
    let fields: &dyn Fields = &parts.fields;
    let method = match fields.text(&ACCESS_CONTROL_REQUEST_METHOD) {
        Some(asked) if parts.method == Method::OPTIONS && fields.has(&ORIGIN) => asked,
        _ => parts.method.as_str(),
    };
    let routed = routing::route(located, method, &path.path)?;
    call.count_for(routed.api);
    let operation = &routed.operation().name;
    call.operation = operation.as_ref();
    call.note(Finding::Route { api: Text::of(&routed.api.api.name), operation: Text::maybe(operation.as_ref()) });
    Ok(routed)
}

fn preflight<'g>(call: &mut Call<'g>, api: &'g Arc<LiveApi>, parts: &Head) -> Option<Reply> {
    let headers = cors::preflight(&parts.method, &parts.fields, &api.cors)?;
    call.api = Some(api);
    call.note(Finding::Preflight);
    call.ended_as(200, None);
    let mut reply = Reply::of(StatusCode::OK, &headers, Answer::empty());
    reply.lines.put(&CACHE_CONTROL, b"private");
    Some(reply)
}

/// Whether the operation is open: our own picture is fresh enough, and no notice closes it.
fn admit(call: &mut Call<'_>, routed: &Routed<'_>) -> Result<Open, Refusal> {
    call.step = Step::Notice;
    check_age(call, routed.api)?;
    let (api, operation) = (&routed.api.api, routed.operation().name.as_deref());
    let retry_after_s = || call.jittered_s(api.retry_after_s);
    let open = notice::admit(&call.snapshot.catalog.notices, &api.name, operation, retry_after_s, call.now_us);
    let open = open.map_err(|mut refusal| {
        // The page of a private API's notice is not public, and no link in a refusal may be dead.
        if api.visibility == Visibility::Private {
            refusal.notice_id = None;
        }
        refusal
    })?;
    call.note(Finding::NoticeOpen);
    Ok(open)
}

/// Whether our own picture is fresh enough to decide from.
fn check_age(call: &Call<'_>, api: &LiveApi) -> Result<(), Refusal> {
    let age_us = call.gateway.current.age_us(call.monotonic_us);
    if age_us <= call.gateway.settings.snapshot_max_age_us {
        return Ok(());
    }
    Err(Refusal::new(Cause::ServiceUnavailable)
        .operator_words(format!("the snapshot could not be confirmed for {} s", age_us / 1_000_000))
        .retry_after_s(call.jittered_s(api.api.retry_after_s)))
}

fn subscribe<'g>(
    call: &mut Call<'g>,
    routed: &Routed<'g>,
    parts: &Head,
    path: &Normalized<'_>,
) -> Result<Subscribed<'g>, Refusal> {
    call.step = Step::Key;
    let access = routed.operation().access;
    if let Some(not_required) = Subscribed::not_required(access) {
        call.note(Finding::NotRequired(Step::Key));
        return Ok(not_required);
    }
    check_key(call, routed.api, access.needs_token(), parts, path)
}

/// Whether the caller may perform the operation, and what the policies that may apply to it say of the record.
fn permit<'g>(
    call: &mut Call<'g>,
    routed: &Routed<'g>,
    identified: Identified<'g>,
    given: &Given<'_>,
) -> Result<Judged<'g>, Refusal> {
    call.step = Step::Permission;
    let permitted = permission::permit(&call.snapshot.catalog, routed.operation(), identified)?;
    match &routed.operation().permission {
        Some((_, permission)) => call.note(Finding::Permission { permission: Text::of(permission) }),
        None => call.note(Finding::NotRequired(Step::Permission)),
    }
    let snapshot = call.snapshot;
    policy::judge(&snapshot.catalog, routed, given, permitted, |finding| call.note(finding))
}

/// A refusal that must look like a missing record's comes where that would come.
fn settle<'g>(call: &mut Call<'_>, judged: Judged<'g>) -> Result<Cleared<'g>, Refusal> {
    judged.settle().inspect_err(|_| call.step = Step::Permission)
}

/// Where parameters are read from.
fn given<'r>(routed: &Routed<'_>, parts: &'r Head, path: &'r Normalized<'_>) -> Given<'r> {
    Given { rest: path.path.get(routed.rest_at..).unwrap_or_default(), query: path.query, headers: &parts.fields }
}

/// What is needed where the call stays open: the handshake, where it asks for a WebSocket and the API has any.
fn opening(call: &mut Call<'_>, routed: &Routed<'_>, parts: &Head, accepted: &Accepted) -> Result<Opening, Refusal> {
    let is_asked_for = parts.upgrade && websocket::is_asked_for(&parts.method, &parts.fields);
    let watched = watched(routed);
    if !is_asked_for || !routed.api.api.websocket {
        return Ok(Opening { websocket: None, watched });
    }
    call.step = Step::Body;
    let has_body = !matches!(accepted.body, Collected::None);
    let expected = Expected::of(websocket::key(&parts.fields, has_body)?);
    Ok(Opening { websocket: Some(expected), watched })
}

/// The operation, where its answers are compared with what is described.
fn watched(routed: &Routed<'_>) -> Option<Watched> {
    let operation = routed.operation();
    if operation.description.answers.is_empty() {
        return None;
    }
    let description = Arc::clone(&operation.description);
    Some(Watched { api: routed.api.api.name.clone(), operation: operation.name.clone()?, description })
}

/// What is sent on: exactly the path that was decided on, the query without the key.
fn onward<'r>(routed: &Routed<'_>, parts: &'r Head, path: &'r Normalized<'_>, websocket: bool) -> Onward<'r> {
    // Gone even where it isn't read: a key that a caller put there by mistake must not reach a service's logs.
    let query = path.query.map(|query| path::without_query_parameter(query, KEY_QUERY_PARAMETER));
    Onward {
        method: &parts.method,
        fields: &parts.fields,
        websocket,
        rest: path.path.get(routed.rest_at..).unwrap_or_default(),
        query: query.filter(|query| !query.is_empty()),
    }
}
