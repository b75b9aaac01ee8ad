//! Who calls: a signature is verified once and remembered, everything else is looked at on every call.

use std::sync::Arc;

use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::key::Subscribed;
use limen_rules::routing::Routed;
use limen_rules::snapshot::Snapshot;
use limen_rules::token::{self, Identified, Identity};

use crate::call::Call;
use crate::gateway::Gateway;
use crate::metrics::Count;
use crate::token_cache::TokenCache;

/// Reads and judges the access token, where the operation asks for one.
pub(crate) fn identify(
    call: &mut Call<'_>,
    routed: &Routed,
    headers: &http::HeaderMap,
    subscribed: &Subscribed,
) -> Result<Identified, Refusal> {
    call.step = Step::Token;
    let (identified, remembered) = judge(call.gateway, &call.snapshot, call.now_us, routed, headers, subscribed)?;
    match identified.identity() {
        Some(identity) => {
            call.note(Finding::Token {
                user: identity.user.clone(),
                application: identity.application.clone(),
                environment: identity.environment.clone(),
                grant: identity.grant.clone(),
                mode: identity.mode(),
                remembered,
            });
            note_limits(call, identity);
        }
        None => call.note(Finding::NotRequired(Step::Token)),
    }
    Ok(identified)
}

/// Writes down what narrows the roles, where anything does.
fn note_limits(call: &mut Call<'_>, identity: &Identity) {
    let Some(limits) = &identity.limits else { return };
    call.note(Finding::Limited {
        connection: limits.of_connection.as_ref().map(|limit| Arc::clone(&limit.permission_names)),
        token: limits.of_token.as_ref().map(|limit| Arc::clone(&limit.permission_names)),
        left: Arc::clone(&identity.permission_names),
    });
}

/// Judges the access token by a snapshot and a moment; and whether its signature was known to be good.
pub(crate) fn judge(
    gateway: &Gateway,
    snapshot: &Snapshot,
    now_us: i64,
    routed: &Routed,
    headers: &http::HeaderMap,
    subscribed: &Subscribed,
) -> Result<(Identified, bool), Refusal> {
    if let Some(not_required) = Identified::not_required(routed.operation().access) {
        return Ok((not_required, false));
    }
    let token = token::presented(headers, subscribed)?;
    let catalog = &snapshot.catalog;
    let hash = TokenCache::hash(token.as_bytes());
    let (verified, remembered) = match gateway.tokens.get(&hash) {
        Some(verified) => {
            gateway.metrics.count(Count::SignaturesRemembered);
            (verified, true)
        }
        None => {
            let text = token.text()?;
            gateway.metrics.count(Count::SignaturesChecked);
            let verified = token::verify(text, &catalog.trusted_keys, &catalog.issuer)
                .map_err(|words| token::refuse(Cause::TokenInvalid, words))?;
            let verified = Arc::new(verified);
            gateway.tokens.put(hash, Arc::clone(&verified));
            (verified, false)
        }
    };
    Ok((token::identify(catalog, &routed.api, &verified, subscribed, now_us)?, remembered))
}
