//! Other issuers, asked through the one way out: for their keys beside the calls, whenever that is due, and about tokens
//! that say nothing themselves. When it is due is `limen_rules::issuer`'s.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use limen_gateway::clock::{Clock as _, SystemClock};
use limen_gateway::gateway::Gateway;
use limen_gateway::issuers::{Answered, Introspector, IssuerState};
use limen_portal::ports::{Fetched, Outbound as _};
use limen_portal::wire::IssuerLine;
use limen_rules::issuer::{LiveIssuer, introspection, keys_url, metadata_urls};
use limen_rules::jose::KeySet;
use limen_rules::model::{Introspection, TokenForm};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::outbound::Way;
use crate::secret_file;

/// It is looked at least so often whether a fetch is due.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Questions about tokens that are under way at a time, to all issuers.
const QUESTIONS_MAX: usize = 256;
/// So long the start waits for issuers' keys.
const FIRST_KEYS_WITHIN: Duration = Duration::from_secs(3);
const FIRST_LOOK_EVERY: Duration = Duration::from_millis(10);
const JSON: (&str, &str) = ("accept", "application/json");

/// Keeps the keys of all issuers. Ends when it is aborted.
pub(super) async fn keep_keys(gateway: Arc<Gateway>, way: Way) {
    let way = Arc::new(way);
    let mut fetching = JoinSet::new();
    loop {
        let now_us = SystemClock.monotonic_us();
        let all = gateway.issuers.all();
        for state in all.iter().filter(|state| state.begin_fetch(now_us)) {
            fetching.spawn(fetch_and_tell(Arc::clone(state), Arc::clone(&way)));
        }
        let next_us = all.iter().filter_map(|state| state.due_at_us()).min();
        let wait = next_us.map_or(LOOK_EVERY, |due_us| Duration::from_micros(due_us.saturating_sub(now_us)));
        tokio::select! {
            () = tokio::time::sleep(wait.min(LOOK_EVERY)) => {}
            () = gateway.issuers.became_due() => {}
            _ = fetching.join_next(), if !fetching.is_empty() => {}
        }
    }
}

/// Waits until each issuer was asked once for its keys, for a short while at most: a process that begins, or follows
/// another, doesn't turn away what it would accept a moment later.
pub(super) async fn first_keys(gateway: &Gateway) {
    let asked = |state: &Arc<IssuerState>| {
        let counts = state.standing(0).counts;
        !state.has_keys() || counts.fetched + counts.failed > 0
    };
    let all_asked = async {
        while !gateway.issuers.all().iter().all(asked) {
            tokio::time::sleep(FIRST_LOOK_EVERY).await;
        }
    };
    if tokio::time::timeout(FIRST_KEYS_WITHIN, all_asked).await.is_err() {
        tracing::warn!("some issuers' keys are not there yet; their tokens are answered with 503 until they are");
    }
}

async fn fetch_and_tell(state: Arc<IssuerState>, way: Arc<Way>) {
    let fetched = fetch(&state, &way).await;
    let (now_us, wall_us, issuer) = (SystemClock.monotonic_us(), SystemClock.wall_us(), state.name());
    match fetched {
        Ok((keys, max_age_s)) => {
            let number = keys.len();
            state.fetched(keys, max_age_s, now_us, wall_us);
            tracing::debug!(%issuer, keys = number, "the keys of an issuer were fetched");
        }
        Err(words) => {
            if state.not_fetched(words.clone(), wall_us) {
                tracing::warn!(%issuer, "the keys of an issuer could not be fetched; those of before are kept: {words}");
            }
        }
    }
}

/// Asks for the keys where they are said to be; without that, where the issuer's own document says.
async fn fetch(state: &IssuerState, way: &Way) -> Result<(KeySet, Option<u64>), String> {
    let url = match state.jwks_url() {
        Some(url) => url.to_owned(),
        None => discover(state.issuer(), way).await?,
    };
    let answer = get(way, &url).await?;
    Ok((KeySet::read(&answer.body).map_err(|words| format!("{url}: {words}"))?, answer.max_age_s))
}

/// The first of the issuer's documents that is there counts: one of another issuer is none.
async fn discover(issuer: &str, way: &Way) -> Result<String, String> {
    let mut failures = Vec::new();
    for url in metadata_urls(issuer) {
        match get(way, &url).await {
            Ok(answer) => return keys_url(&answer.body, issuer).map_err(|words| format!("{url}: {words}")),
            Err(words) => failures.push(words),
        }
    }
    Err(failures.join("; "))
}

async fn get(way: &Way, url: &str) -> Result<Fetched, String> {
    match way.get(url, &[JSON]).await {
        Ok(answer) if answer.status == 200 => Ok(answer),
        Ok(answer) => Err(format!("{url} answered {}", answer.status)),
        Err(fault) => Err(format!("{url} {fault}")),
    }
}

/// How all issuers stand, in the order in which they were declared.
pub(super) fn lines(gateway: &Gateway) -> Vec<IssuerLine> {
    let (now_us, snapshot, all) = (gateway.clock.monotonic_us(), gateway.current.pin(), gateway.issuers.all());
    let line = |issuer: &LiveIssuer| {
        let settings = &issuer.settings;
        let state = all.iter().find(|state| *state.name() == settings.name);
        let standing = state.map(|state| state.standing(now_us)).unwrap_or_default();
        let (failed_at_us, failure) = standing.failure.unzip();
        IssuerLine {
            name: settings.name.clone(),
            issuer: settings.issuer.clone(),
            form: settings.form,
            environments: settings.environments.clone(),
            apis: settings.apis.clone(),
            keys: (settings.form == TokenForm::Signed).then_some(standing.keys),
            fetched_at_us: standing.fetched_at_us,
            age_s: standing.age_us.map(|us| us / 1_000_000),
            next_fetch_in_s: standing.next_in_us.map(|us| us.div_ceil(1_000_000)),
            fetches: standing.counts.fetched,
            failed_fetches: standing.counts.failed,
            questions: standing.counts.active + standing.counts.inactive,
            unanswered_questions: standing.counts.unanswered,
            failed_at_us,
            failure,
        }
    };
    snapshot.catalog.issuers.iter().map(|issuer| line(issuer)).collect()
}

/// Asks about tokens, on the runtime that it was made on and not on the callers' cores.
pub(super) struct Asker {
    way: Arc<Way>,
    runtime: Handle,
}

impl Asker {
    pub(super) fn new(way: &Way) -> Self {
        Self { way: Arc::new(way.beside(QUESTIONS_MAX)), runtime: Handle::current() }
    }
}

impl Introspector for Asker {
    fn ask(&self, introspection: &Introspection, token: &str) -> Answered {
        let (way, asked, token) = (Arc::clone(&self.way), introspection.clone(), token.to_owned());
        let asking = self.runtime.spawn(async move {
            // Read at use, so that a new secret needs no restart.
            let path = PathBuf::from(asked.secret_file);
            let secret = tokio::task::spawn_blocking(move || secret_file::read(&path)).await;
            let secret = secret.unwrap_or_else(|error| Err(error.to_string()));
            let secret = secret.map_err(|words| format!("introspection.secret_file: {words}"))?;
            let (form, authorization) = introspection::question(&asked.application_id, &secret, &token);
            let fields = [JSON, ("authorization", authorization.as_str())];
            let answer = way.post_form(&asked.url, &fields, form).await;
            let answer = answer.map_err(|fault| format!("{} {fault}", asked.url))?;
            Ok((answer.status, answer.body))
        });
        Box::pin(async move { asking.await.unwrap_or_else(|error| Err(error.to_string())) })
    }
}
