//! Active health checks: a task for each target that is to be checked, on the runtime that starts them and never on a
//! core that carries calls. What follows from a check is decided in `limen_rules::health`.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{Method, Request};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use limen_rules::health::passes;
use limen_rules::model::Health;
use limen_rules::target::Target;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::state::TargetState;
use crate::gateway::Gateway;

/// How often it is looked whether there are other targets to check.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Checks under way at a time; more wait.
const CHECKS_MAX: usize = 64;
/// The largest head of a check's answer; its body is not read.
const HEAD_BYTES: usize = 16 * 1024;
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
        let outcome = match tokio::time::timeout(timeout, ask(&state.target, &health.path)).await {
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
async fn ask(target: &Target, path: &str) -> Result<u16, String> {
    let stream = TcpStream::connect(&*target.address).await.map_err(|error| error.to_string())?;
    let handshake = http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(stream)).await;
    let (mut requests, connection) = handshake.map_err(|error| error.to_string())?;
    let request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(HOST, &*target.authority)
        .header(USER_AGENT, NAME)
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    // However the connection ends, whoever waits for the answer is told.
    let carried = async {
        let _ = connection.await;
        std::future::pending().await
    };
    let answer = tokio::select! {
        answer = requests.send_request(request) => answer,
        never = carried => never,
    };
    answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string())
}
