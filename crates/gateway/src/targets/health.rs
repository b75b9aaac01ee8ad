//! Active health checks: a task for each target that is to be checked, on the runtime that starts them and never on a
//! core that carries calls. What follows from a check is decided in `limen_rules::health`.

use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::{ACCEPT, USER_AGENT};
use limen_http1::service::{FieldLines, Request, RequestBody};
use limen_rules::health::passes;
use limen_rules::model::{Deadlines, Health};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::state::TargetState;
use crate::debts::Debts;
use crate::gateway::Gateway;
use crate::outbound::Outbound;
use crate::pool::Pool;

/// How often it is looked whether there are other targets to check.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Checks under way at a time; more wait.
const CHECKS_MAX: usize = 64;
/// What a target sees of us.
const NAME: &str = concat!("Limen-Health/", env!("CARGO_PKG_VERSION"));

/// A target that is checked, and how.
struct Watched {
    state: Arc<TargetState>,
    health: Health,
    task: tokio::task::AbortHandle,
}

/// Checks what is to be checked, following what is published, until it is dropped.
pub async fn run(gateway: Arc<Gateway>) {
    let places = Arc::new(Semaphore::new(CHECKS_MAX));
    let mut tasks = JoinSet::new();
    // By the state itself: it is the same one as long as API and address are.
    let mut watched: HashMap<usize, Watched> = HashMap::new();
    loop {
        let mut wanted: HashMap<usize, (Arc<TargetState>, Health)> = HashMap::new();
        for api in gateway.targets.all() {
            let Some(health) = &api.api.api.health else { continue };
            for one in &api.targets {
                wanted.insert(Arc::as_ptr(&one.state).addr(), (Arc::clone(&one.state), health.clone()));
            }
        }
        watched.retain(|key, one| {
            let same = wanted.get(key).is_some_and(|(_, health)| *health == one.health);
            if !same {
                one.task.abort();
                if !wanted.contains_key(key) {
                    one.state.forget_checks();
                }
            }
            same
        });
        for (key, (state, health)) in wanted {
            watched.entry(key).or_insert_with(|| {
                let check = check_on(Arc::clone(&gateway), Arc::clone(&state), health.clone(), Arc::clone(&places));
                Watched { state, health, task: tasks.spawn(check) }
            });
        }
        while tasks.try_join_next().is_some() {}
        sleep(LOOK_EVERY).await;
    }
}

async fn check_on(gateway: Arc<Gateway>, state: Arc<TargetState>, health: Health, places: Arc<Semaphore>) {
    let timeout = Duration::from_millis(health.timeout_ms);
    // Many targets that begin together are not all checked in one moment, and stay apart.
    let mut wait = Duration::from_millis(jitter_ms(1_000.min(health.interval_s * 100)));
    loop {
        let now_us = gateway.clock.monotonic_us();
        state.will_be_checked_at(now_us.saturating_add(u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)));
        sleep(wait).await;
        let Ok(_place) = places.acquire().await else { return };
        let outcome = match tokio::time::timeout(timeout, ask(&state, &health.path, health.timeout_ms)).await {
            Ok(Ok(status)) if passes(status) => Ok(()),
            Ok(Ok(status)) => Err(format!("it answered {status}")),
            Ok(Err(words)) => Err(words),
            Err(_) => Err(format!("no answer within {} ms", health.timeout_ms)),
        };
        state.checked(outcome.err().as_deref(), &health, gateway.clock.monotonic_us());
        wait = Duration::from_millis(health.interval_s * 1_000 + jitter_ms(health.interval_s * 100));
    }
}

/// A number below `most`, or 0.
fn jitter_ms(most: u64) -> u64 {
    RandomState::new().build_hasher().finish().checked_rem(most).unwrap_or(0)
}

/// The status of an answer to `GET path`.
async fn ask(state: &TargetState, path: &str, timeout_ms: u64) -> Result<u16, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let target = &state.target;
    let mut link =
        Pool::connect(&target.address, state.tls.as_ref(), timeout_ms).await.map_err(|error| words(&error))?;
    let mut fields = FieldLines::default();
    fields.put(&USER_AGENT, NAME.as_bytes());
    fields.put(&ACCEPT, b"*/*");
    let host = target.authority.as_bytes();
    let body = RequestBody::None;
    let request = Request { method: &Method::GET, target: path, host, fields: &fields, body, upgrade: false };
    link.begin(&request, Outbound::None).map_err(|error| words(&error))?;
    let deadlines = Deadlines { response_timeout_ms: timeout_ms, idle_timeout_ms: timeout_ms, ..Deadlines::default() };
    // A check owes nothing to anybody; what comes behind the head of its answer is not read.
    let mut debts = Debts::new(None, None);
    let head = poll_fn(|context| link.poll_head(context, &mut debts, &deadlines)).await;
    head.map(|head| head.status.as_u16()).map_err(|error| words(&error))
}
