//! A body compared with its schema: a small one at once, a large one on a thread of its own, so that no call of the core
//! waits for it.

use std::sync::Arc;

use bytes::Bytes;
use limen_rules::body::{JsonLimits, check_json, kept_bytes_max, read_json};
use limen_rules::contract::{Cause, FieldError, Refusal};
use limen_rules::description::LiveDescription;
use limen_rules::media::MediaType;

use crate::budget::Hold;

/// Up to so many bytes a body is compared at once. More than that could keep the core from its other calls for longer
/// than a change of threads costs: what a comparison may take grows with the values in it.
const AT_ONCE_MAX: usize = 4 * 1024;

/// What is wrong with a JSON body; `hold` is to hold what is kept of it meanwhile.
///
/// # Errors
/// It isn't JSON, or there is no room.
pub(crate) async fn body(
    description: &Arc<LiveDescription>,
    media_type: MediaType,
    bytes: &Bytes,
    mut hold: Hold,
) -> Result<Vec<FieldError>, Refusal> {
    if description.body.schema(&media_type).is_none() {
        return check_json(bytes, JsonLimits::default()).map(|_| Vec::new());
    }
    if bytes.len() <= AT_ONCE_MAX {
        return errors(description, &media_type, bytes);
    }
    if !hold.grow(kept_bytes_max(bytes) as u64) {
        return Err(no_room());
    }
    let turn = hold.turn().await;
    let (description, bytes) = (Arc::clone(description), bytes.clone());
    let comparing = tokio::task::spawn_blocking(move || {
        let found = errors(&description, &media_type, &bytes);
        // Whoever asked may be gone; what was taken is given back here all the same.
        drop((hold, turn));
        found
    });
    let fault = |error| Refusal::new(Cause::Unexpected).operator_words(format!("comparing a body broke off: {error}"));
    comparing.await.unwrap_or_else(|error| Err(fault(error)))
}

fn errors(description: &LiveDescription, media_type: &MediaType, bytes: &[u8]) -> Result<Vec<FieldError>, Refusal> {
    let (_, tree) = read_json(bytes, JsonLimits::default())?;
    Ok(description.body.check(media_type, &tree))
}

/// The 503 where too much is held already.
pub(crate) fn no_room() -> Refusal {
    Refusal::new(Cause::Overloaded)
        .detail("Too many bodies are being read at the moment.")
        .operator_words("the bound on collected bodies, of the process or of this caller, is reached")
        .retry_after_s(1)
}
