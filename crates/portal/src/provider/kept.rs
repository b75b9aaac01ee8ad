//! Something of the provider's that is fetched seldom: at most once a minute, by one for all, and what was good last is
//! kept where a fetch fails.

use std::sync::Arc;

use tokio::sync::Mutex;

/// What is older is asked for anew, at the next use.
const FRESH_US: i64 = 3_600 * 1_000_000;
/// From fetch to fetch at least.
const PAUSE_US: i64 = 60 * 1_000_000;
/// The same while nothing good is known, so that a provider that comes back is found soon.
const PAUSE_WITHOUT_US: i64 = 10 * 1_000_000;

/// What is kept.
pub(super) struct Kept<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    value: Option<(Arc<T>, i64)>,
    tried_at_us: Option<i64>,
    failure: String,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { state: Arc::new(Mutex::new(State { value: None, tried_at_us: None, failure: String::new() })) }
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// What is known, after a fetch where it is old, or `is_new_wanted`, and the last one was long enough ago. The fetch
    /// runs to its end also where nobody waits for it any more: a browser that leaves leaves nothing undone.
    ///
    /// # Errors
    /// Why nothing is known.
    pub(super) async fn get(
        &self,
        now_us: i64,
        is_new_wanted: bool,
        fetch: impl Future<Output = Result<T, String>> + Send + 'static,
    ) -> Result<Arc<T>, String> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        // A clock that was set back makes nothing younger.
        let within = |at_us: i64, span_us: i64| (0..span_us).contains(&now_us.saturating_sub(at_us));
        let is_fresh = state.value.as_ref().is_some_and(|(_, at_us)| within(*at_us, FRESH_US));
        let pause_us = if state.value.is_some() { PAUSE_US } else { PAUSE_WITHOUT_US };
        let is_paused = state.tried_at_us.is_some_and(|at_us| within(at_us, pause_us));
        if (is_fresh && !is_new_wanted) || is_paused {
            return state.known();
        }
        let fetching = tokio::spawn(async move {
            state.tried_at_us = Some(now_us);
            match fetch.await {
                Ok(value) => state.value = Some((Arc::new(value), now_us)),
                Err(words) => {
                    tracing::warn!("the sign-in provider: {words}");
                    state.failure = words;
                }
            }
            state.known()
        });
        fetching.await.map_err(|error| error.to_string())?
    }
}

impl<T> State<T> {
    fn known(&self) -> Result<Arc<T>, String> {
        self.value.as_ref().map(|(value, _)| Arc::clone(value)).ok_or_else(|| self.failure.clone())
    }
}
