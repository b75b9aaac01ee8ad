//! The request's body: held whole where it is looked at, else left to be streamed; both bounded.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use http::header::CONTENT_TYPE;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use limen_rules::body::{JsonLimits, check_json, is_blank};
use limen_rules::contract::{Cause, FieldError, Location, Refusal};
use limen_rules::description;
use limen_rules::explain::{Finding, Step};
use limen_rules::key::Subscribed;
use limen_rules::media::{self, Media, MediaType};
use limen_rules::model::Validate;
use limen_rules::parameter::Given;
use limen_rules::quota::AccountKey;
use limen_rules::routing::Routed;

use crate::budget::Hold;
use crate::call::Call;
use crate::compare;
use crate::inbound::Inbound;
use crate::outbound::{broken_body, timed_out, too_large};

/// For a whole body to arrive, and as much again as its bound takes at the slowest pace.
const TOTAL_TIMEOUT_S: u64 = 30;
const SLOWEST_BYTES_PER_S: u64 = 64 * 1024;

/// A body that passed its checks. Only this module makes one.
pub(crate) struct Accepted {
    pub(crate) body: Collected,
    /// Given back when the call ends.
    pub(crate) hold: Option<Hold>,
    /// Whether it was waited for, so that the clock has gone on since the head came.
    pub(crate) was_awaited: bool,
}

/// What there is of a body.
pub(crate) enum Collected {
    /// Nothing.
    None,
    /// All of it.
    Whole(Bytes),
    /// To be streamed.
    Stream(Inbound),
}

/// What comes of a look at a body before any of it is read.
pub(crate) enum Begun {
    /// It is accepted as it is.
    Accepted(Accepted),
    /// The whole of it is to be looked at, by [`whole`].
    Json(Json),
}

/// A body that is JSON, or should be.
pub(crate) struct Json {
    body: Inbound,
    hold: Hold,
    /// Whether it came without a media type, and so may only be blank.
    is_blank: bool,
    /// What is wrong with the parameters: told together with what is wrong with the body.
    found: Vec<FieldError>,
    /// The type by which it has a schema.
    compared: Option<MediaType>,
    /// Whose room it takes.
    owner: Option<AccountKey>,
}

/// Looks at the body's media type and at what is told of its length.
pub(crate) fn collect(
    call: &mut Call<'_>,
    routed: &Routed<'_>,
    method: &Method,
    given: &Given<'_>,
    subscribed: &Subscribed<'_>,
    body: Inbound,
) -> Result<Begun, Refusal> {
    call.step = Step::Media;
    let operation = routed.operation();
    let has_body = !body.is_end_stream();
    let reads_json = operation.validate != Validate::Off;
    let media = media::accept(method, given.headers, has_body, reads_json, &operation.media_types)?;
    call.note(Finding::Media { body: has_body });

    call.step = Step::Body;
    let mut found = match operation.validate {
        Validate::Schema => parameters(routed, given)?,
        Validate::Syntax | Validate::Off => Vec::new(),
    };
    if media == Media::None {
        found.extend(missing(routed));
    }
    if body.size_hint().lower() > operation.body_max_bytes {
        return Err(too_large(operation.body_max_bytes));
    }
    let is_blank = match media {
        _ if !found.is_empty() && !matches!(media, Media::Json) => return Err(description::refusal(found)),
        Media::None => {
            call.note(Finding::Body { bytes: 0 });
            return Ok(Begun::Accepted(Accepted { body: Collected::None, hold: None, was_awaited: false }));
        }
        Media::Other(_) => {
            call.note(Finding::NotRequired(Step::Body));
            return Ok(Begun::Accepted(Accepted { body: Collected::Stream(body), hold: None, was_awaited: false }));
        }
        Media::Json => false,
        Media::BlankJson => true,
    };
    let owner = subscribed.granted().map(|granted| granted.subscription.account);
    let compared = given.headers.text(&CONTENT_TYPE).filter(|_| operation.validate == Validate::Schema);
    let compared = compared.and_then(MediaType::parse);
    Ok(Begun::Json(Json { body, hold: call.gateway.bodies.hold(owner), is_blank, found, compared, owner }))
}

/// That there is no body, where the operation needs one.
fn missing(routed: &Routed<'_>) -> Option<FieldError> {
    let operation = routed.operation();
    let is_wrong = operation.validate == Validate::Schema && operation.description.body.is_required();
    let message = "is missing: a body is needed".to_owned();
    is_wrong.then(|| FieldError { pointer: String::new(), location: Location::Body, message })
}

/// What is wrong with the parameters.
fn parameters(routed: &Routed<'_>, given: &Given<'_>) -> Result<Vec<FieldError>, Refusal> {
    let description = &routed.operation().description;
    match &description.broken {
        Some(words) => Err(Refusal::new(Cause::Unexpected).operator_words(words.clone())),
        None => Ok(description.parameters.check(given)),
    }
}

/// Reads a whole body and looks at it.
pub(crate) async fn whole(
    call: &mut Call<'_>,
    routed: &Routed<'_>,
    method: &Method,
    Json { body, hold, is_blank: may_be_blank_only, mut found, compared, owner }: Json,
) -> Result<Accepted, Refusal> {
    let operation = routed.operation();
    let idle_timeout = Duration::from_millis(routed.api.api.deadlines.idle_timeout_ms);
    let collecting = read(hold, body, operation.body_max_bytes, idle_timeout);
    // One byte a minute would keep the idle deadline away for ever.
    let total_timeout = Duration::from_secs(TOTAL_TIMEOUT_S + operation.body_max_bytes / SLOWEST_BYTES_PER_S);
    let collected = tokio::time::timeout(total_timeout, collecting).await;
    let (bytes, hold) = collected.map_err(|_| timed_out(total_timeout))??;
    if bytes.is_empty() {
        found.extend(missing(routed));
    }
    if bytes.is_empty() && !found.is_empty() {
        return Err(description::refusal(found));
    }
    if bytes.is_empty() {
        // A chunked body of no bytes is as good as none.
        call.note(Finding::Body { bytes: 0 });
        return Ok(Accepted { body: Collected::None, hold: None, was_awaited: true });
    }
    if may_be_blank_only {
        media::check_blank(&bytes, &operation.media_types)?;
    } else if !(is_as_good_as_none(method, &bytes) && missing(routed).is_none()) {
        match compared {
            None => {
                check_json(&bytes, JsonLimits::default())?;
            }
            Some(media_type) => {
                let hold = call.gateway.bodies.hold(owner);
                found.extend(compare::body(&operation.description, media_type, &bytes, hold).await?);
            }
        }
    }
    if !found.is_empty() {
        return Err(description::refusal(found));
    }
    call.note(Finding::Body { bytes: bytes.len() as u64 });
    Ok(Accepted { body: Collected::Whole(bytes), hold: Some(hold), was_awaited: true })
}

/// Whether it is one that old callers send with a GET or DELETE.
fn is_as_good_as_none(method: &Method, bytes: &[u8]) -> bool {
    matches!(*method, Method::GET | Method::DELETE) && is_blank(bytes)
}

async fn read(
    mut hold: Hold,
    mut body: Inbound,
    max_bytes: u64,
    idle_timeout: Duration,
) -> Result<(Bytes, Hold), Refusal> {
    let mut collected = BytesMut::new();
    loop {
        let frame = tokio::time::timeout(idle_timeout, body.frame()).await.map_err(|_| timed_out(idle_timeout))?;
        let data = match frame {
            None => return Ok((collected.freeze(), hold)),
            Some(Err(error)) => return Err(broken_body(&error)),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if (collected.len() as u64).saturating_add(data.len() as u64) > max_bytes {
            return Err(too_large(max_bytes));
        }
        if !hold.grow(data.len() as u64) {
            return Err(compare::no_room());
        }
        collected.extend_from_slice(&data);
    }
}
