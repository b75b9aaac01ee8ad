//! Keeps the gateway's snapshot at the store's revision: only what changed is made anew.

use std::sync::Arc;
use std::time::Duration;

use limen_gateway::clock::{Clock as _, SystemClock};
use limen_gateway::gateway::Gateway;
use limen_portal::ports::{BoxFuture, SnapshotRefresh};
use limen_rules::snapshot::Snapshot;
use limen_rules::token::Issuer;
use limen_store::{Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::signing::Keys;

/// How often the store is asked although it told of nothing: what confirms the snapshot.
const CONFIRM_EVERY: Duration = Duration::from_millis(250);
/// How long a writer waits until calls see what was written.
const LIVE_WITHIN: Duration = Duration::from_secs(1);

/// Tells writers when calls see what they wrote.
pub(super) struct Refreshed(watch::Receiver<i64>);

impl SnapshotRefresh for Refreshed {
    fn changed(&self, revision: i64) -> BoxFuture<'_, bool> {
        let mut seen = self.0.clone();
        Box::pin(async move {
            let live = seen.wait_for(|seen| *seen >= revision);
            matches!(tokio::time::timeout(LIVE_WITHIN, live).await, Ok(Ok(_)))
        })
    }
}

/// Starts the refresher; it ends with the store, or when the handle is aborted.
pub(super) fn start(
    gateway: Arc<Gateway>,
    store: Store,
    issuer: Issuer,
    keys: Arc<Keys>,
) -> (Refreshed, JoinHandle<()>) {
    let (seen, watched) = watch::channel(gateway.current.pin().revision);
    let running = tokio::spawn(async move {
        let mut told = store.watch_revision();
        let mut was_confirmed = true;
        loop {
            match refresh(&gateway, &store, &issuer, &keys).await {
                Ok(revision) => {
                    if !was_confirmed {
                        tracing::info!("the snapshot is confirmed again");
                    }
                    was_confirmed = true;
                    seen.send_replace(revision);
                }
                Err(error) => {
                    // Told once, not four times a second: /readyz and 'limen status' say how old it is.
                    if was_confirmed {
                        tracing::warn!(%error, "the snapshot could not be confirmed; calls are decided from the last one");
                    }
                    was_confirmed = false;
                }
            }
            if let Ok(Err(_)) = tokio::time::timeout(CONFIRM_EVERY, told.changed()).await {
                return;
            }
        }
    });
    (Refreshed(watched), running)
}

async fn refresh(gateway: &Gateway, store: &Store, issuer: &Issuer, keys: &Keys) -> Result<i64, StoreError> {
    let asked_at_us = SystemClock.monotonic_us();
    let current = gateway.current.pin();
    let now_us = SystemClock.wall_us();
    let next = match store.changes_since(current.revision).await? {
        Some(changes) if changes.revision == current.revision => None,
        Some(changes) if !changes.rest => {
            let next =
                current.with_subscriptions(changes.revision, &changes.subscriptions, &changes.removed_subscriptions);
            // Revocations come often, and must not wait until everybody was read anew.
            Some(match changes.grants {
                true => next.with_revoked_grants(changes.revision, store.revoked_grants(now_us).await?),
                false => next,
            })
        }
        Some(changes) => {
            let (_, catalog) = store.catalog(now_us).await?;
            // Subscriptions are as of the changes' revision; what came later comes with the next round.
            let next = current.with_catalog(changes.revision, &catalog, issuer.clone());
            Some(next.with_subscriptions(changes.revision, &changes.subscriptions, &changes.removed_subscriptions))
        }
        None => {
            let (revision, catalog, subscriptions) = store.directory(now_us).await?;
            Some(Snapshot::of(revision, &catalog, subscriptions, issuer.clone()))
        }
    };
    let revision = next.as_ref().map_or(current.revision, |next| next.revision);
    match next {
        Some(next) => gateway.decide_from(next, asked_at_us),
        None => gateway.current.confirm(asked_at_us),
    }
    sign_with_current(gateway, keys);
    Ok(revision)
}

/// Hands the gateway the key whose time to sign has come.
pub(super) fn sign_with_current(gateway: &Gateway, keys: &Keys) {
    let loaded = gateway.assertion_key.load();
    if let Some(key) = keys.assertion_key(loaded.as_ref().map(|loaded| loaded.kid())) {
        gateway.assertion_key.store(Some(Arc::new(key)));
    }
}
