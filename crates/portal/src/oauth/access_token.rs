//! What a token that an application shows us is: an access token that we signed, or a refresh token that we keep.

use std::collections::HashMap;

use limen_rules::model::{ApplicationKind, Name};
use limen_rules::sign_in::record::{RefreshPresented, StoredRefresh};
use limen_rules::sign_in::refresh::{self, Verdict, judge};
use limen_rules::token::{Claims, TrustedKey, verify};
use limen_store::StoreError;

use crate::ports::Portal;

/// A token of ours, whoever shows it.
pub(super) enum Known {
    /// An access token whose signature and time are good; its grant isn't looked at.
    Access(Claims),
    /// A refresh token whose family is kept; whether it is the good one isn't looked at.
    Refresh(Box<StoredRefresh>),
}

/// What the token is; none where it isn't one of ours, or its time is over.
pub(super) async fn find(portal: &Portal, token: &str) -> Result<Option<Known>, StoreError> {
    if let Some(hash) = refresh::hash(token) {
        return Ok(portal.store.refresh_token(&hash).await?.map(|stored| Known::Refresh(Box::new(stored))));
    }
    let now_us = portal.clock.now_us();
    let keys = portal.store.signing_keys().await?;
    let trusted = keys.iter().filter(|key| key.trusted_until_us.is_none_or(|until_us| now_us < until_us));
    let trusted: HashMap<Name, TrustedKey> =
        trusted.map(|key| (key.kid.clone(), TrustedKey::new(&key.public_point, key.trusted_until_us))).collect();
    let verified = verify(token, &trusted, &portal.signer.issuer()).ok();
    let now_s = now_us.div_euclid(1_000_000);
    let in_time = |claims: &Claims| now_s < claims.exp && claims.nbf.is_none_or(|nbf| nbf <= now_s);
    Ok(verified.map(|verified| verified.claims).filter(in_time).map(Known::Access))
}

/// Whether a refresh token would be exchanged for new tokens now.
pub(super) fn is_good(stored: &StoredRefresh, application: &Name, kind: ApplicationKind, now_us: i64) -> bool {
    let presented = RefreshPresented { application: application.clone(), kind, preserve: false };
    judge(stored, &presented, now_us) == Verdict::Rotate
}
