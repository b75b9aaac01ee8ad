//! What an issuer said of tokens that say nothing themselves (RFC 7662): asked once for all calls that wait, at most so
//! many at a time, and remembered for a short while. Made-up tokens have a small place of their own, so that they push
//! out no good ones.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use limen_rules::issuer::{LiveIssuer, introspection};
use limen_rules::token::foreign::{Foreign, vouched};
use tokio::sync::{Semaphore, watch};

use super::state::{Counts, IssuerState};
use super::{Answered, Introspector};
use crate::clock::Clock;
use crate::token_cache::{Halves, TokenHash};

/// Questions to one issuer that are under way at a time.
const AT_ONCE_MAX: usize = 64;
/// The same with those that wait for a place.
const WAITING_MAX: usize = 256;
/// From the wait for a place to the answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Tokens of which an answer is remembered, in each of two halves.
const ACTIVE_HALF: usize = 4_096;
/// The same of tokens that aren't active.
const INACTIVE_HALF: usize = 512;
/// So long is remembered that a token isn't active.
const INACTIVE_US: u64 = 5_000_000;

/// What an issuer says of a token.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    /// It is active.
    Active(Arc<Foreign>),
    /// It isn't.
    Inactive,
    /// Nobody knows: the words are for operators.
    Unknown(Arc<str>),
    /// Too many ask already.
    Full,
}

/// An issuer's word on one token, for as long as its holder says.
#[derive(Clone, Debug)]
pub(crate) struct Vouched {
    pub(crate) hash: TokenHash,
    pub(crate) word: Word,
}

type Flight = watch::Receiver<Option<Word>>;
type Teller = watch::Sender<Option<Word>>;

struct Known {
    active: Halves<(Arc<Foreign>, u64)>,
    inactive: Halves<u64>,
    under_way: HashMap<TokenHash, Flight, RandomState>,
    failure: Option<(i64, String)>,
}

/// What one issuer said.
pub(super) struct Answers {
    known: Mutex<Known>,
    places: Semaphore,
    active: AtomicU64,
    inactive: AtomicU64,
    unanswered: AtomicU64,
    remembered: AtomicU64,
}

impl Default for Answers {
    fn default() -> Self {
        let known = Known {
            active: Halves::new(ACTIVE_HALF),
            inactive: Halves::new(INACTIVE_HALF),
            under_way: HashMap::default(),
            failure: None,
        };
        let zero = || AtomicU64::new(0);
        Self {
            known: Mutex::new(known),
            places: Semaphore::new(AT_ONCE_MAX),
            active: zero(),
            inactive: zero(),
            unanswered: zero(),
            remembered: zero(),
        }
    }
}

impl Answers {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            active: read(&self.active),
            inactive: read(&self.inactive),
            unanswered: read(&self.unanswered),
            remembered: read(&self.remembered),
            ..Counts::default()
        }
    }

    pub(super) fn failure(&self) -> Option<(i64, String)> {
        self.known().failure.clone()
    }
}

impl IssuerState {
    /// What is remembered of a token, by what `issuer` allows to remember now.
    pub(crate) fn remembered(&self, issuer: &LiveIssuer, hash: &TokenHash, now_us: u64) -> Option<Word> {
        let word = self.answers.known().remembered(issuer, hash, now_us)?;
        self.answers.remembered.fetch_add(1, Ordering::Relaxed);
        Some(word)
    }

    /// The issuer's word on a token, asked for once for all who wait for it.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        issuer: &Arc<LiveIssuer>,
        introspector: &Arc<dyn Introspector>,
        clock: &Arc<dyn Clock>,
        (hash, token): (TokenHash, &str),
    ) -> Word {
        let mut flight = match self.join(issuer, hash, clock.monotonic_us()) {
            Err(word) => return word,
            Ok((None, flight)) => flight,
            Ok((Some(teller), flight)) => {
                let Some(introspection) = &issuer.settings.introspection else {
                    return Word::Unknown("it has no introspection".into());
                };
                let answered = introspector.ask(introspection, token);
                let asking = Asking {
                    state: Arc::clone(self),
                    issuer: Arc::clone(issuer),
                    clock: Arc::clone(clock),
                    hash,
                    teller,
                };
                // To its end also where nobody waits any more: who comes next is answered from it.
                tokio::spawn(asking.carry_out(answered));
                flight
            }
        };
        let told = flight.wait_for(Option::is_some).await;
        told.ok().and_then(|word| word.clone()).unwrap_or_else(|| Word::Unknown("asking it was broken off".into()))
    }

    /// The question about a token that is under way; a new one comes with the end at which its answer is told.
    ///
    /// # Errors
    /// The word, where it came just now; or that too many wait.
    fn join(&self, issuer: &LiveIssuer, hash: TokenHash, now_us: u64) -> Result<(Option<Teller>, Flight), Word> {
        let mut known = self.answers.known();
        if let Some(flight) = known.under_way.get(&hash) {
            return Ok((None, flight.clone()));
        }
        if let Some(word) = known.remembered(issuer, &hash, now_us) {
            return Err(word);
        }
        if known.under_way.len() >= WAITING_MAX {
            return Err(Word::Full);
        }
        let (teller, flight) = watch::channel(None);
        known.under_way.insert(hash, flight.clone());
        Ok((Some(teller), flight))
    }
}

impl Known {
    fn remembered(&mut self, issuer: &LiveIssuer, hash: &TokenHash, now_us: u64) -> Option<Word> {
        let remember_s = issuer.settings.introspection.as_ref().map_or(0, |one| one.remember_s);
        let within = |asked_at_us: u64, span_us: u64| now_us.saturating_sub(asked_at_us) < span_us;
        match (self.active.get(hash), self.inactive.get(hash)) {
            (Some((foreign, at_us)), _) if within(at_us, remember_s * 1_000_000) => Some(Word::Active(foreign)),
            (_, Some(at_us)) if within(at_us, INACTIVE_US) => Some(Word::Inactive),
            _ => None,
        }
    }
}

/// A question that is under way. However it ends, those who wait are told.
struct Asking {
    state: Arc<IssuerState>,
    issuer: Arc<LiveIssuer>,
    clock: Arc<dyn Clock>,
    hash: TokenHash,
    teller: Teller,
}

impl Asking {
    async fn carry_out(self, answered: Answered) {
        let answers = &self.state.answers;
        let mut asked_at_us = 0;
        let asking = async {
            let _place = answers.places.acquire().await;
            asked_at_us = self.clock.monotonic_us();
            answered.await
        };
        let answer = tokio::time::timeout(TIMEOUT, asking).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("it did not answer within {} s", TIMEOUT.as_secs())));
        let read = answer.and_then(|(status, body)| introspection::read(status, &body));
        let (word, count) = match read {
            Ok(Some(claims)) => (Word::Active(Arc::new(vouched(&self.issuer, claims))), &answers.active),
            Ok(None) => (Word::Inactive, &answers.inactive),
            Err(words) => (Word::Unknown(words.into()), &answers.unanswered),
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.keep(&word, asked_at_us);
        self.teller.send_replace(Some(word));
    }

    fn keep(&self, word: &Word, asked_at_us: u64) {
        let name = self.state.name();
        let mut known = self.state.answers.known();
        match word {
            Word::Active(foreign) => {
                known.inactive.forget(&self.hash);
                known.active.put(self.hash, (Arc::clone(foreign), asked_at_us));
            }
            Word::Inactive => {
                known.active.forget(&self.hash);
                known.inactive.put(self.hash, asked_at_us);
            }
            Word::Unknown(words) => {
                // Told once, not for each call.
                if known.failure.is_none() {
                    tracing::warn!(issuer = %name, "the issuer can't be asked about tokens: {words}");
                }
                known.failure = Some((self.clock.wall_us(), words.to_string()));
                return;
            }
            Word::Full => return,
        }
        if known.failure.take().is_some() {
            tracing::info!(issuer = %name, "the issuer answers about tokens again");
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.state.answers.known().under_way.remove(&self.hash);
    }
}

#[cfg(test)]
mod tests;
