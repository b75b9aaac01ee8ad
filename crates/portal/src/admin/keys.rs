//! A subscription's keys: a new value for one of them, with grace for the old one, and ending one at once.

use axum::Json;
use axum::extract::State;
use limen_rules::record::Which;

use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered};
use crate::audit::Who;
use crate::wire::{KeyLine, MadeKey, RegenerateKey, RevokeKey};

/// The longest time that an old value stays good beside the new one: thirty days.
const GRACE_MAX_S: u64 = 30 * 24 * 60 * 60;

/// `POST /v1/subscriptions/ID/keys/regenerate`
pub(super) async fn regenerate(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<RegenerateKey>,
) -> Answered<MadeKey> {
    let _turn = admin.turn().await;
    if asked.grace_s > GRACE_MAX_S {
        return Err(AdminFailure::wrong(
            format!("The old key can't stay good for {} seconds.", asked.grace_s),
            "Tell 0 to 2592000 seconds (30 days). A subscription has two keys: move to the other one meanwhile.",
        ));
    }
    let subscription = admin.living_subscription(&id).await?;
    let has_current = subscription.keys.iter().any(|key| key.which == asked.which && key.valid_until_us.is_none());
    let now_us = admin.now_us();
    let grace_us = i64::try_from(asked.grace_s).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let old_valid_until_us = (grace_us > 0 && has_current).then(|| now_us.saturating_add(grace_us));
    let (key, stored) = admin.new_key(asked.which);
    admin.portal.store.replace_key(&id, asked.which, stored.hash, old_valid_until_us, now_us).await?;
    who.did("regenerate key", &format!("{} of {id}", word(asked.which)));
    admin.live().await?;
    Ok(Json(MadeKey { which: asked.which, key, old_valid_until_us }))
}

/// `POST /v1/subscriptions/ID/keys/revoke`: what keys are left.
pub(super) async fn revoke(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<RevokeKey>,
) -> Answered<Vec<KeyLine>> {
    let _turn = admin.turn().await;
    let left = admin.portal.store.revoke_key(&id, asked.which, admin.now_us()).await?.keys;
    who.did("revoke key", &format!("{} of {id}", word(asked.which)));
    admin.live().await?;
    let line = |key: limen_rules::record::StoredKey| KeyLine {
        which: key.which,
        made_at_us: key.made_at_us,
        valid_until_us: key.valid_until_us,
    };
    Ok(Json(left.into_iter().map(line).collect()))
}

fn word(which: Which) -> &'static str {
    match which {
        Which::Primary => "primary key",
        Which::Secondary => "secondary key",
    }
}
