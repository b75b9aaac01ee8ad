//! Who calls: a signature is verified once and remembered, everything else is looked at on every call.

use std::sync::Arc;

use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::key::Subscribed;
use limen_rules::routing::Routed;
use limen_rules::token::{self, Identified};

use crate::call::Call;
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
    if let Some(not_required) = Identified::not_required(routed.operation().access) {
        call.note(Finding::NotRequired(Step::Token));
        return Ok(not_required);
    }
    let token = token::presented(headers, subscribed)?;
    let catalog = &call.snapshot.catalog;
    let hash = TokenCache::hash(token);
    let (verified, remembered) = match call.gateway.tokens.get(&hash) {
        Some(verified) => {
            call.gateway.metrics.count(Count::SignaturesRemembered);
            (verified, true)
        }
        None => {
            call.gateway.metrics.count(Count::SignaturesChecked);
            let verified = token::verify(token, &catalog.trusted_keys, &catalog.issuer)
                .map_err(|words| token::refuse(Cause::TokenInvalid, words))?;
            let verified = Arc::new(verified);
            call.gateway.tokens.put(hash, Arc::clone(&verified));
            (verified, false)
        }
    };
    let identified = token::identify(catalog, &routed.api, &verified, subscribed, call.now_us)?;
    if let Some(identity) = identified.identity() {
        call.note(Finding::Token {
            user: identity.user.clone(),
            application: identity.application.clone(),
            environment: identity.environment.clone(),
            grant: identity.grant.clone(),
            remembered,
        });
    }
    Ok(identified)
}
