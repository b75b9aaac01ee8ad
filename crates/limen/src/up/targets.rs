//! Services' targets, joined to the rest: what watches them, where the notices of outages go, how people see them.

use std::sync::Arc;

use limen_gateway::gateway::Gateway;
use limen_gateway::targets::outage::{Notices, NoticesUnavailable, Pending};
use limen_gateway::targets::{WeightedTarget, health, outage};
use limen_portal::wire::TargetLine;
use limen_rules::breaker::Position;
use limen_rules::health::Verdict;
use limen_rules::record::Notice;
use limen_store::Store;
use tokio::task::JoinSet;

/// Services are looked after here, so that nothing of it stalls a core that carries calls.
pub(super) fn watch(gateway: &Arc<Gateway>, store: &Store) -> JoinSet<()> {
    let mut watching = JoinSet::new();
    watching.spawn(health::run(Arc::clone(gateway)));
    watching.spawn(outage::run(Arc::clone(gateway), Arc::new(StoreNotices(store.clone()))));
    watching
}

/// So many of the latest notices are looked at for one that opened by itself.
const NOTICES_MAX: u32 = 1_000;

/// The store as the place of notices that open by themselves.
pub(super) struct StoreNotices(pub(super) Store);

fn unkept(error: impl std::fmt::Display) -> NoticesUnavailable {
    NoticesUnavailable(error.to_string())
}

impl Notices for StoreNotices {
    fn latest(&self) -> Pending<'_, Vec<Notice>> {
        Box::pin(async move { self.0.notices(NOTICES_MAX).await.map_err(unkept) })
    }

    fn open(&self, notice: Notice) -> Pending<'_, ()> {
        Box::pin(async move { self.0.insert_notice(&notice).await.map(drop).map_err(unkept) })
    }

    fn replace(&self, present: Notice, next: Notice) -> Pending<'_, ()> {
        Box::pin(async move { self.0.replace_notice(&present, &next).await.map(drop).map_err(unkept) })
    }
}

/// How the targets of an API stand.
pub(super) fn lines(gateway: &Gateway, api: &str) -> Vec<TargetLine> {
    let now_us = gateway.clock.monotonic_us();
    let all = gateway.targets.all();
    let Some(api) = all.iter().find(|one| *one.api.api.name == *api) else { return Vec::new() };
    let line = |one: &WeightedTarget| {
        let (status, target) = (one.state.status(now_us), &one.state.target);
        let (breaker, next_try_in_ms) = match status.position {
            Position::Closed => ("closed", None),
            Position::Open { until_us } => ("open", Some(until_us.saturating_sub(now_us) / 1_000)),
            Position::HalfOpen => ("half-open", Some(0)),
        };
        let health = match status.verdict {
            _ if api.api.api.health.is_none() => "not checked",
            Verdict::Unknown => "unknown",
            Verdict::Healthy => "healthy",
            Verdict::Unhealthy => "unhealthy",
        };
        TargetLine {
            url: target.url(),
            weight: one.weight,
            in_flight: status.in_flight,
            answered: status.answered,
            breaker: breaker.into(),
            next_try_in_ms,
            health: health.into(),
        }
    };
    api.targets.iter().map(line).collect()
}
