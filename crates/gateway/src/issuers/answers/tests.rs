//! Answers are asked for once, remembered in bounds, and made-up tokens push out no good ones.

use std::sync::LazyLock;
use std::sync::atomic::AtomicUsize;

use limen_rules::record::Directory;
use limen_rules::snapshot::Snapshot;
use limen_rules::token::Issuer;

use super::*;
use crate::token_cache::TokenCache;

static TOKENS: LazyLock<TokenCache> = LazyLock::new(TokenCache::default);

/// A clock that stands where it was put.
#[derive(Default)]
struct Stopped(AtomicU64);

impl Clock for Stopped {
    fn monotonic_us(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn wall_us(&self) -> i64 {
        0
    }
}

/// Says that tokens beginning with `good` are active; waits for a permit before each answer.
struct Scripted {
    asked: AtomicUsize,
    gate: Arc<Semaphore>,
}

impl Introspector for Scripted {
    fn ask(&self, _: &limen_rules::model::Introspection, token: &str) -> Answered {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (gate, is_good) = (Arc::clone(&self.gate), token.starts_with("good"));
        Box::pin(async move {
            gate.acquire().await.map_err(|error| error.to_string())?.forget();
            Ok((200, format!(r#"{{"active":{is_good},"sub":"u"}}"#).into_bytes()))
        })
    }
}

struct World {
    issuer: Arc<LiveIssuer>,
    state: Arc<IssuerState>,
    clock: Arc<Stopped>,
    scripted: Arc<Scripted>,
}

impl World {
    fn new(remember_s: u64) -> Self {
        let declared = serde_json::json!({"issuers": [{"name": "i", "issuer": "https://i", "form": "opaque",
            "environments": ["e"], "introspection": {"url": "https://i/i", "application_id": "l", "secret_file": "s",
            "remember_s": remember_s}}]});
        let declared = serde_json::from_value(declared).unwrap();
        let snapshot = Snapshot::new(1, &Directory { declared, ..Directory::default() }, Issuer::default());
        let issuer = Arc::clone(&snapshot.catalog.issuers[0]);
        let state = Arc::new(IssuerState::new(&issuer.settings));
        let scripted = Arc::new(Scripted { asked: AtomicUsize::new(0), gate: Arc::new(Semaphore::new(1 << 20)) });
        Self { issuer, state, clock: Arc::default(), scripted }
    }

    fn known(&self, token: &str) -> Option<Word> {
        self.state.remembered(&self.issuer, &TOKENS.hash(token.as_bytes()), self.clock.monotonic_us())
    }

    async fn ask(&self, token: &str) -> Word {
        let (introspector, clock) =
            (Arc::clone(&self.scripted) as Arc<dyn Introspector>, Arc::clone(&self.clock) as Arc<dyn Clock>);
        let hash = TOKENS.hash(token.as_bytes());
        self.state.ask(&self.issuer, &introspector, &clock, (hash, token)).await
    }

    fn asked(&self) -> usize {
        self.scripted.asked.load(Ordering::Relaxed)
    }

    fn pass(&self, seconds: u64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn answers_are_remembered_for_as_long_as_was_told() {
    let world = World::new(30);
    assert!(world.known("good").is_none());
    assert!(matches!(world.ask("good").await, Word::Active(_)) && matches!(world.ask("bad").await, Word::Inactive));
    world.pass(4);
    assert!(matches!(world.known("good"), Some(Word::Active(_))) && matches!(world.known("bad"), Some(Word::Inactive)));
    world.pass(1);
    assert!(world.known("good").is_some() && world.known("bad").is_none());
    world.pass(25);
    assert!(world.known("good").is_none());
    let never = World::new(0);
    assert!(matches!(never.ask("good").await, Word::Active(_)) && never.known("good").is_none());
}

#[tokio::test]
async fn all_who_wait_are_answered_by_one_question_and_more_than_may_wait_by_none() {
    let mut world = World::new(30);
    let gate = Arc::new(Semaphore::new(0));
    world.scripted = Arc::new(Scripted { asked: AtomicUsize::new(0), gate: Arc::clone(&gate) });
    let world = Arc::new(world);
    let ask = |token: String| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.ask(&token).await })
    };
    let alike: Vec<_> = (0..100).map(|_| ask("good".into())).collect();
    let others: Vec<_> = (1..WAITING_MAX).map(|n| ask(format!("good{n}"))).collect();
    while world.asked() < WAITING_MAX {
        tokio::task::yield_now().await;
    }
    assert!(matches!(world.ask("one more").await, Word::Full));
    gate.add_permits(WAITING_MAX);
    for one in alike.into_iter().chain(others) {
        assert!(matches!(one.await.unwrap(), Word::Active(_)));
    }
    assert_eq!(world.asked(), WAITING_MAX);
    assert!(world.state.answers.known().under_way.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_gets_no_answer_is_told_so_and_asks_again() {
    let mut world = World::new(30);
    let gate = Arc::new(Semaphore::new(0));
    world.scripted = Arc::new(Scripted { asked: AtomicUsize::new(0), gate: Arc::clone(&gate) });
    assert!(matches!(world.ask("good").await, Word::Unknown(words) if words.contains("within 5 s")));
    assert!(world.state.answers.failure().is_some() && world.known("good").is_none());
    gate.add_permits(1);
    assert!(matches!(world.ask("good").await, Word::Active(_)));
    assert!(world.state.answers.failure().is_none());
}

#[tokio::test]
async fn made_up_tokens_push_out_no_good_ones() {
    let world = World::new(300);
    world.ask("good").await;
    for n in 0..5_000 {
        world.ask(&format!("made up {n}")).await;
    }
    assert!(matches!(world.known("good"), Some(Word::Active(_))));
    let known = world.state.answers.known();
    assert!(known.inactive.len() <= 2 * INACTIVE_HALF && known.active.len() == 1);
}
