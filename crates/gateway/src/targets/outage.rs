//! Watches whether APIs have a target that can be used, and has the incident opened and ended that says so.
//!
//! What is done when is decided in `limen_rules::outage`; notices are kept behind a port.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use limen_rules::model::Name;
use limen_rules::outage::{Standing, Step, lasts, step};
use limen_rules::record::Notice;

use super::ApiTargets;
use crate::gateway::Gateway;

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A future behind a pointer, so that a port can be an object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoticesUnavailable>> + Send + 'a>>;

/// Notices could not be read or written. The words are for operators.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoticesUnavailable(pub String);

/// Where notices are kept.
pub trait Notices: Send + Sync {
    /// The latest notices.
    fn latest(&self) -> Pending<'_, Vec<Notice>>;

    /// Keeps a new notice, under an id that is made for it.
    fn open(&self, notice: Notice) -> Pending<'_, ()>;

    /// Puts `next` in the place of `present`, unless that was changed meanwhile.
    fn replace(&self, present: Notice, next: Notice) -> Pending<'_, ()>;
}

/// Watches until it is dropped.
pub async fn run(gateway: Arc<Gateway>, notices: Arc<dyn Notices>) {
    let mut out_since_us = HashMap::new();
    let mut was_told = false;
    loop {
        let looked = look(&gateway, &*notices, &mut out_since_us).await;
        if let Err(error) = &looked
            && !was_told
        {
            tracing::warn!(%error, "the incident of an outage can't be opened or ended; it is tried again");
        }
        was_told = looked.is_err();
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How an API stands; remembers since when, on the monotonic clock, it is out.
fn standing(api: &ApiTargets, out_since_us: &mut HashMap<Name, u64>, now_us: i64, monotonic_us: u64) -> Standing {
    let statuses: Vec<_> = api.targets.iter().map(|one| one.state.status(monotonic_us)).collect();
    let name = &api.api.api.name;
    if statuses.is_empty() || statuses.iter().any(super::TargetStatus::is_in) {
        out_since_us.remove(name);
        let proven = statuses.iter().any(super::TargetStatus::is_proven);
        return if proven { Standing::Up } else { Standing::Unknown };
    }
    // The wall clock may jump meanwhile; how long it lasts is told by the other.
    let lasts_us = monotonic_us.saturating_sub(*out_since_us.entry(name.clone()).or_insert(monotonic_us));
    Standing::Out { since_us: now_us.saturating_sub(i64::try_from(lasts_us).unwrap_or(i64::MAX)) }
}

async fn look(
    gateway: &Gateway,
    notices: &dyn Notices,
    out_since_us: &mut HashMap<Name, u64>,
) -> Result<(), NoticesUnavailable> {
    // Not knowing what is published is no reason to end a notice.
    if !gateway.targets.is_ready() {
        return Ok(());
    }
    let (now_us, monotonic_us) = (gateway.clock.wall_us(), gateway.clock.monotonic_us());
    let snapshot = gateway.current.pin();
    let apis = gateway.targets.all();
    out_since_us.retain(|name, _| apis.iter().any(|api| api.api.api.name == *name));
    let published = apis.iter().map(|api| {
        let standing = standing(api, out_since_us, now_us, monotonic_us);
        (api.api.api.name.clone(), Some(&api.api.api), standing)
    });
    let mut questions: Vec<_> = published.collect();
    for name in snapshot.catalog.notices.iter().filter(|notice| lasts(notice)).filter_map(|notice| notice.api.as_ref())
    {
        if !apis.iter().any(|api| api.api.api.name == *name) {
            questions.push((name.clone(), None, Standing::Unknown));
        }
    }
    for (name, declared, standing) in questions {
        if step(&name, declared, standing, &snapshot.catalog.notices, now_us) == Step::Rest {
            continue;
        }
        // The picture may be older than what was written a moment ago.
        match step(&name, declared, standing, &notices.latest().await?, now_us) {
            Step::Rest => {}
            Step::Open(notice) => {
                notices.open(*notice).await?;
                tracing::warn!(api = &*name, "no target of the API can be used; an incident opened by itself");
            }
            Step::End { present, next } => {
                notices.replace(*present, *next).await?;
                tracing::info!(api = &*name, "the incident of the API's outage ended by itself");
            }
        }
    }
    Ok(())
}
