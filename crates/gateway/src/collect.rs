//! The request's body: held whole where it is looked at, else left to be streamed; both bounded.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use limen_rules::body::{JsonLimits, check_json, is_blank};
use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::key::Subscribed;
use limen_rules::media::{self, Media};
use limen_rules::model::Validate;
use limen_rules::routing::Routed;

use crate::budget::Hold;
use crate::call::Call;
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

/// Looks at the body's media type and, where it is JSON and the API wants it, at the whole body.
pub(crate) async fn collect(
    call: &mut Call<'_>,
    routed: &Routed,
    method: &Method,
    headers: &HeaderMap,
    subscribed: &Subscribed,
    body: Inbound,
) -> Result<Accepted, Refusal> {
    call.step = Step::Media;
    let operation = routed.operation();
    let has_body = !body.is_end_stream();
    let types = headers.get_all(http::header::CONTENT_TYPE);
    let encodings = headers.get_all(http::header::CONTENT_ENCODING);
    let reads_json = routed.api.api.validate == Validate::Syntax;
    let media = media::accept(method, &types, &encodings, has_body, reads_json, &operation.media_types)?;
    call.note(Finding::Media { body: has_body });

    call.step = Step::Body;
    if body.size_hint().lower() > operation.body_max_bytes {
        return Err(too_large(operation.body_max_bytes));
    }
    let looked_at = match media {
        Media::None => {
            call.note(Finding::Body { bytes: 0 });
            return Ok(Accepted { body: Collected::None, hold: None, was_awaited: false });
        }
        Media::Json | Media::BlankJson => true,
        Media::Other(_) => false,
    };
    if !looked_at {
        call.note(Finding::NotRequired(Step::Body));
        return Ok(Accepted { body: Collected::Stream(body), hold: None, was_awaited: false });
    }
    let idle_timeout = Duration::from_millis(routed.api.api.deadlines.idle_timeout_ms);
    let owner = subscribed.granted().map(|granted| granted.subscription.account);
    let hold = call.gateway.bodies.hold(owner);
    let collecting = whole(hold, body, operation.body_max_bytes, idle_timeout);
    // One byte a minute would keep the idle deadline away for ever.
    let total_timeout = Duration::from_secs(TOTAL_TIMEOUT_S + operation.body_max_bytes / SLOWEST_BYTES_PER_S);
    // Boxed: timers are large, and most calls have no body that is waited for.
    let collected = Box::pin(tokio::time::timeout(total_timeout, collecting)).await;
    let (bytes, hold) = collected.map_err(|_| timed_out(total_timeout))??;
    if bytes.is_empty() {
        // A chunked body of no bytes is as good as none.
        call.note(Finding::Body { bytes: 0 });
        return Ok(Accepted { body: Collected::None, hold: None, was_awaited: true });
    }
    if media == Media::BlankJson {
        media::check_blank(&bytes, &operation.media_types)?;
    } else if !(matches!(*method, Method::GET | Method::DELETE) && is_blank(&bytes)) {
        check_json(&bytes, JsonLimits::default())?;
    }
    call.note(Finding::Body { bytes: bytes.len() as u64 });
    Ok(Accepted { body: Collected::Whole(bytes), hold: Some(hold), was_awaited: true })
}

async fn whole(
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
            return Err(Refusal::new(Cause::Overloaded)
                .detail("Too many bodies are being read at the moment.")
                .operator_words("the bound on collected bodies, of the process or of this caller, is reached")
                .retry_after_s(1));
        }
        collected.extend_from_slice(&data);
    }
}
