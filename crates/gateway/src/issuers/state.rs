//! What is known of one issuer: its keys as they were fetched last, when they are fetched next, and what was counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use limen_rules::issuer::KeyFetches;
use limen_rules::jose::KeySet;
use limen_rules::model::{Name, TokenForm, TrustedIssuer};

use super::answers::Answers;

/// Where an issuer's keys and word come from: what was known of it stands while this is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    name: Name,
    issuer: String,
    form: TokenForm,
    jwks_url: Option<String>,
    asked_at: Option<(String, String)>,
}

impl Source {
    fn is_of(&self, settings: &TrustedIssuer) -> bool {
        let asked_at = settings.introspection.as_ref();
        self.name == settings.name
            && self.issuer == settings.issuer
            && self.form == settings.form
            && self.jwks_url == settings.jwks_url
            && self.asked_at.as_ref().map(|(url, id)| (url, id)) == asked_at.map(|one| (&one.url, &one.application_id))
    }
}

/// What was counted of one issuer since the process began, or since its source changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fetches that brought keys.
    pub fetched: u64,
    /// Fetches that failed.
    pub failed: u64,
    /// Answers that a token is active.
    pub active: u64,
    /// Answers that a token isn't.
    pub inactive: u64,
    /// Questions without an answer.
    pub unanswered: u64,
    /// Tokens about which an answer was remembered.
    pub remembered: u64,
}

/// How an issuer stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How many keys are known.
    pub keys: usize,
    /// When they came, of the wall clock.
    pub fetched_at_us: Option<i64>,
    /// How old they are.
    pub age_us: Option<u64>,
    /// When the next fetch begins, from now.
    pub next_in_us: Option<u64>,
    /// The last failure with its time, if nothing went well after it.
    pub failure: Option<(i64, String)>,
    /// What was counted.
    pub counts: Counts,
}

#[derive(Default)]
struct Fetching {
    fetches: KeyFetches,
    fetched_at_us: Option<i64>,
    failure: Option<(i64, String)>,
}

/// What is known of one issuer.
pub struct IssuerState {
    source: Source,
    keys: ArcSwapOption<KeySet>,
    fetching: Mutex<Fetching>,
    pub(super) answers: Answers,
    fetched: AtomicU64,
    failed: AtomicU64,
}

impl IssuerState {
    pub(super) fn new(settings: &TrustedIssuer) -> Self {
        let asked_at = settings.introspection.as_ref().map(|one| (one.url.clone(), one.application_id.clone()));
        let source = Source {
            name: settings.name.clone(),
            issuer: settings.issuer.clone(),
            form: settings.form,
            jwks_url: settings.jwks_url.clone(),
            asked_at,
        };
        let mut fetching = Fetching::default();
        fetching.fetches.set_pause(settings.jwks_pause_s);
        Self {
            source,
            keys: ArcSwapOption::empty(),
            fetching: Mutex::new(fetching),
            answers: Answers::default(),
            fetched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    pub(super) fn is_of(&self, settings: &TrustedIssuer) -> bool {
        self.source.is_of(settings)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.source.name
    }

    /// `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.source.issuer
    }

    /// Where its keys are, where that was told.
    #[must_use]
    pub fn jwks_url(&self) -> Option<&str> {
        self.source.jwks_url.as_deref()
    }

    /// Whether it has keys at all.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.source.form == TokenForm::Signed
    }

    /// Its keys, once they were fetched.
    pub(crate) fn keys(&self) -> Option<Arc<KeySet>> {
        self.keys.load_full()
    }

    fn fetching(&self) -> MutexGuard<'_, Fetching> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over how often its keys may be asked for; whether that is news.
    pub(super) fn set_pause(&self, settings: &TrustedIssuer) -> bool {
        self.fetching().fetches.set_pause(settings.jwks_pause_s)
    }

    /// Whether that is news.
    pub(super) fn want_keys(&self) -> bool {
        let mut fetching = self.fetching();
        let before = fetching.fetches.clone();
        fetching.fetches.want();
        before != fetching.fetches
    }

    /// When its keys are to be fetched, of the monotonic clock; none while they are, and of an issuer without any.
    #[must_use]
    pub fn due_at_us(&self) -> Option<u64> {
        self.fetching().fetches.due_at_us().filter(|_| self.has_keys())
    }

    /// Whether its keys are to be fetched now; whoever is told so must, and tell how it ended.
    #[must_use]
    pub fn begin_fetch(&self, now_us: u64) -> bool {
        self.has_keys() && self.fetching().fetches.begin(now_us)
    }

    /// Keys came, which the issuer called good for so many seconds.
    pub fn fetched(&self, keys: KeySet, max_age_s: Option<u64>, now_us: u64, wall_us: i64) {
        let mut fetching = self.fetching();
        fetching.fetches.succeeded(now_us, max_age_s);
        (fetching.fetched_at_us, fetching.failure) = (Some(wall_us), None);
        self.keys.store(Some(Arc::new(keys)));
        self.fetched.fetch_add(1, Ordering::Relaxed);
    }

    /// No keys came. Those of before are kept. Gives whether the fetch before had gone well: what is told once.
    #[must_use]
    pub fn not_fetched(&self, words: String, wall_us: i64) -> bool {
        let mut fetching = self.fetching();
        fetching.failure = Some((wall_us, words));
        self.failed.fetch_add(1, Ordering::Relaxed);
        fetching.fetches.failed()
    }

    /// Whole seconds until the next fetch, for callers who wait for one.
    pub(crate) fn retry_after_s(&self, now_us: u64) -> u64 {
        let due_us = self.due_at_us().unwrap_or(now_us);
        due_us.saturating_sub(now_us).div_ceil(1_000_000) + 1
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, now_us: u64) -> Standing {
        let fetching = self.fetching();
        let good_at_us = fetching.fetches.good_at_us();
        let due_us = fetching.fetches.due_at_us().filter(|_| self.has_keys());
        Standing {
            keys: self.keys().map_or(0, |keys| keys.len()),
            fetched_at_us: fetching.fetched_at_us,
            age_us: good_at_us.map(|at_us| now_us.saturating_sub(at_us)),
            next_in_us: due_us.map(|due_us| due_us.saturating_sub(now_us)),
            failure: fetching.failure.clone().or_else(|| self.answers.failure()),
            counts: Counts {
                fetched: self.fetched.load(Ordering::Relaxed),
                failed: self.failed.load(Ordering::Relaxed),
                ..self.answers.counts()
            },
        }
    }
}
