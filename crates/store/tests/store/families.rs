//! Codes and refresh families under random sequences of exchanges, refreshes, repeats, strangers, time and revocation,
//! beside an oracle that keeps everything and says the contract anew.

use limen_rules::model::ApplicationKind::{self, Confidential, Public};
use limen_rules::sign_in::record::{CodePresented, RefreshHash, Rotation};
use limen_rules::sign_in::trouble::Trouble::{self, CodeInvalid, CodeRedirectUriMismatch, RefreshTokenInvalid};
use limen_rules::sign_in::trouble::Trouble::{RefreshTokenReused, VerifierInvalid};
use limen_rules::sign_in::{pkce, record::NewRefresh};
use limen_store::Store;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::sign_in::{S, by, code, grant, house, presented};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const DAY: i64 = 86_400 * S;
/// Grants are kept for so long after their last token's end.
const KEPT: i64 = 30 * DAY;

/// What somebody does to one sign-in.
#[derive(Clone, Copy, Debug)]
enum Step {
    Exchange {
        own: bool,
        right_uri: bool,
        right_verifier: bool,
    },
    /// Presents the token that is so many places before the last.
    Refresh {
        back: usize,
        own: bool,
        preserve: bool,
    },
    Pass {
        time_us: i64,
    },
    Revoke,
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let mostly = || prop::bool::weighted(0.85);
    let exchange = (mostly(), mostly(), mostly()).prop_map(|(own, right_uri, right_verifier)| Step::Exchange {
        own,
        right_uri,
        right_verifier,
    });
    let back = prop_oneof![6 => Just(0_usize), 4 => Just(1), 1 => 2_usize..5];
    let refresh = (back, prop::bool::weighted(0.95), prop::bool::weighted(0.25))
        .prop_map(|(back, own, preserve)| Step::Refresh { back, own, preserve });
    let edges = [0, 1, S, 5 * S - 1, 5 * S, 5 * S + 1, 10 * S - 1, 10 * S, 10 * S + 1, 299 * S, 300 * S];
    let long = [DAY, 15 * DAY, 30 * DAY, 200 * DAY];
    let pass = prop_oneof![8 => prop::sample::select(edges.to_vec()), 1 => prop::sample::select(long.to_vec())];
    let pass = pass.prop_map(|time_us| Step::Pass { time_us });
    let step = prop_oneof![3 => exchange, 12 => refresh, 6 => pass, 1 => Just(Step::Revoke), 2 => Just(Step::Sweep)];
    prop::collection::vec(step, 1..40)
}

/// A refresh token as the oracle remembers it, for ever.
struct Token {
    hash: RefreshHash,
    expires_at_us: i64,
    replaced_at_us: Option<i64>,
    answer: Vec<u8>,
    preserved: bool,
}

/// One sign-in, from its code on, and what must be true of it.
struct Oracle {
    kind: ApplicationKind,
    issued_at_us: i64,
    used_at_us: Option<i64>,
    tokens: Vec<Token>,
    revoked: bool,
    access_expires_at_us: i64,
}

impl Oracle {
    fn life_us(&self) -> i64 {
        if self.kind == Public { 30 * DAY } else { 365 * DAY }
    }

    fn exchange(&mut self, own: bool, right_uri: bool, right_verifier: bool, now_us: i64) -> Result<(), Trouble> {
        match self.used_at_us {
            _ if !own => Err(CodeInvalid),
            Some(used_at_us) => {
                if now_us - used_at_us > 5 * S || !right_verifier {
                    self.revoked = true;
                }
                Err(CodeInvalid)
            }
            None if now_us - self.issued_at_us >= 300 * S => Err(CodeInvalid),
            None if !right_uri => Err(CodeRedirectUriMismatch),
            None if !right_verifier => Err(VerifierInvalid),
            None => {
                self.used_at_us = Some(now_us);
                self.access_expires_at_us = now_us + 3_600 * S;
                Ok(())
            }
        }
    }

    fn refresh(&mut self, place: usize, own: bool, preserve: bool, now_us: i64) -> Rotation {
        let confidential = self.kind == Confidential;
        if !own || self.revoked {
            return Rotation::Refused(RefreshTokenInvalid);
        }
        if place + 1 == self.tokens.len() {
            if now_us >= self.tokens[place].expires_at_us {
                return Rotation::Refused(RefreshTokenInvalid);
            }
            self.access_expires_at_us = now_us + 3_600 * S;
            if preserve && confidential {
                self.tokens[place].preserved = true;
                return Rotation::Preserved;
            }
            self.tokens[place].replaced_at_us = Some(now_us);
            return Rotation::Rotated;
        }
        let successor_is_fresh = place + 2 == self.tokens.len() && !self.tokens[place + 1].preserved;
        let soon = self.tokens[place].replaced_at_us.is_some_and(|at_us| now_us - at_us <= 10 * S);
        if confidential && successor_is_fresh && soon {
            return Rotation::Repeat(self.tokens[place].answer.clone());
        }
        self.revoked = true;
        Rotation::Refused(RefreshTokenReused)
    }

    /// Whether the store may have forgotten all of it.
    fn is_old(&self, now_us: i64) -> bool {
        let refresh_us = self.tokens.last().map_or(0, |token| token.expires_at_us);
        self.used_at_us.is_some() && now_us > refresh_us.max(self.access_expires_at_us) + KEPT
    }
}

/// A token of that number in a family that nobody else has.
fn hash(case: u64, token: usize) -> RefreshHash {
    let mut family = [0; 32];
    family[..8].copy_from_slice(&case.to_be_bytes());
    let mut hash = RefreshHash { token: family, family };
    hash.token[8..16].copy_from_slice(&(token as u64 + 1).to_be_bytes());
    hash
}

struct Trial<'s> {
    store: &'s Store,
    case: u64,
    now_us: i64,
    oracle: Oracle,
}

impl Trial<'_> {
    fn grant(&self) -> String {
        format!("grant-{}", self.case)
    }

    async fn take(&mut self, step: Step) {
        let now_us = self.now_us;
        match step {
            Step::Exchange { own, right_uri, right_verifier } => self.exchange(own, right_uri, right_verifier).await,
            Step::Refresh { back, own, preserve } => self.refresh(back, own, preserve).await,
            Step::Pass { time_us } => self.now_us += time_us,
            Step::Revoke if self.oracle.used_at_us.is_some() && !self.oracle.is_old(now_us) => {
                self.store.revoke_grant(&self.grant(), now_us).await.unwrap();
                self.oracle.revoked = true;
            }
            Step::Revoke => {}
            Step::Sweep => while self.store.sweep_sign_in(now_us).await.unwrap() > 0 {},
        }
        self.compare().await;
    }

    async fn exchange(&mut self, own: bool, right_uri: bool, right_verifier: bool) {
        let (now_us, store, case) = (self.now_us, self.store, self.case);
        let by = presented(if own { "app" } else { "other" });
        let verifier = if right_verifier { VERIFIER.to_owned() } else { "x".repeat(43) };
        let redirect_uri = by.redirect_uri.filter(|_| right_uri).or(Some("https://thief.example/".into()));
        let by = CodePresented { redirect_uri, verifier: Some(verifier), ..by };
        let first = NewRefresh { hash: hash(case, 0), expires_at_us: now_us + self.oracle.life_us() };
        let given = grant(&self.grant(), "app", "ann", now_us);
        let told = store.exchange_code(hash(case, 0).family, &by, &given, Some(first), now_us).await.unwrap();
        assert_eq!(told, self.oracle.exchange(own, right_uri, right_verifier, now_us));
        if told.is_ok() {
            assert!(self.oracle.tokens.is_empty(), "a second winner");
            self.remember(first);
        }
    }

    async fn refresh(&mut self, back: usize, own: bool, preserve: bool) {
        let (now_us, store, count) = (self.now_us, self.store, self.oracle.tokens.len());
        let Some(place) = count.checked_sub(back + 1) else { return };
        let by = by(if own { "app" } else { "other" }, self.oracle.kind, preserve);
        let next = NewRefresh { hash: hash(self.case, count), expires_at_us: now_us + self.oracle.life_us() };
        let present = self.oracle.tokens[place].hash;
        let answer = answer(self.case, count);
        let told = store.rotate_refresh(&present, &by, next, answer, now_us + 3_600 * S, now_us).await.unwrap();
        if self.oracle.is_old(now_us) {
            assert!(matches!(told, Rotation::Refused(RefreshTokenInvalid | RefreshTokenReused)), "{told:?}");
            self.oracle.revoked |= told == Rotation::Refused(RefreshTokenReused);
            return;
        }
        assert_eq!(told, self.oracle.refresh(place, own, preserve, now_us));
        if told == Rotation::Rotated {
            self.oracle.tokens[place].answer = answer_of(&next, self.case, count);
            self.remember(next);
        }
    }

    fn remember(&mut self, new: NewRefresh) {
        let NewRefresh { hash, expires_at_us } = new;
        let token = Token { hash, expires_at_us, replaced_at_us: None, answer: vec![], preserved: false };
        self.oracle.tokens.push(token);
    }

    /// What can be read agrees with the oracle; what may not be repeated any more isn't there.
    async fn compare(&self) {
        let (oracle, now_us) = (&self.oracle, self.now_us);
        let known = self.store.grant(&self.grant()).await;
        if oracle.is_old(now_us) {
            return;
        }
        assert_eq!(known.is_ok(), oracle.used_at_us.is_some());
        let Ok(known) = known else { return };
        assert_eq!(known.revoked_at_us.is_some(), oracle.revoked);
        assert_eq!(known.expires_at_us, oracle.access_expires_at_us);
        assert_eq!(known.refresh_expires_at_us, oracle.tokens.last().map(|token| token.expires_at_us));
        for (place, token) in oracle.tokens.iter().enumerate() {
            let stored = self.store.refresh_token(&token.hash).await.unwrap().unwrap();
            let last = place + 1 == oracle.tokens.len();
            assert_eq!(stored.successor.is_none(), last && !oracle.revoked);
            let repeatable = place + 2 == oracle.tokens.len() && !oracle.tokens[place + 1].preserved && !oracle.revoked;
            if !repeatable {
                assert_eq!(stored.sealed_answer, None, "an answer outlived its use");
            }
        }
    }
}

fn answer(case: u64, token: usize) -> Vec<u8> {
    format!("answer {case} {token}").into_bytes()
}

fn answer_of(new: &NewRefresh, case: u64, token: usize) -> Vec<u8> {
    assert_eq!(new.hash, hash(case, token));
    answer(case, token)
}

#[test]
fn codes_and_families_live_and_die_as_the_contract_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_folder, store) = runtime.block_on(house());
    let cases = std::sync::atomic::AtomicU64::new(0);
    let mut runner = TestRunner::new(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() });
    let kinds = prop::sample::select(vec![Confidential, Public]);
    let outcome = runner.run(&(kinds, steps()), |(kind, steps)| {
        runtime.block_on(async {
            let case = cases.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let oracle = Oracle {
                kind,
                issued_at_us: 0,
                used_at_us: None,
                tokens: Vec::new(),
                revoked: false,
                access_expires_at_us: 0,
            };
            let mut kept = code("app", "ann", 0);
            kept.code_challenge = pkce::challenge_of(VERIFIER);
            store.insert_code(hash(case, 0).family, &kept).await.unwrap();
            let mut trial = Trial { store: &store, case, now_us: 0, oracle };
            for step in steps {
                trial.take(step).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Nothing sealed stays in the file once it can't be repeated, and nothing at all once all is long over.
#[tokio::test]
async fn what_is_over_is_forgotten() {
    let (folder, store) = house().await;
    let rows = async |table: &str| -> i64 {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("limen.db"));
        let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
    };
    for case in 0..40 {
        store.insert_code(hash(case, 9).token, &code("app", "ben", 0)).await.unwrap();
        store.insert_code(hash(case, 0).family, &code("app", "ann", 0)).await.unwrap();
        let first = NewRefresh { hash: hash(case, 0), expires_at_us: DAY };
        let given = grant(&format!("g{case}"), "app", "ann", 0);
        let exchanged = store.exchange_code(hash(case, 0).family, &presented("app"), &given, Some(first), 0).await;
        exchanged.unwrap().unwrap();
        let next = NewRefresh { hash: hash(case, 1), expires_at_us: DAY };
        let by = by("app", Confidential, false);
        let rotated = store.rotate_refresh(&hash(case, 0), &by, next, vec![7], DAY, 0).await.unwrap();
        assert_eq!(rotated, Rotation::Rotated);
    }
    let sweep = async |now_us| {
        let mut batches = 0;
        while store.sweep_sign_in(now_us).await.unwrap() > 0 {
            batches += 1;
        }
        batches
    };
    assert_eq!(sweep(10 * S).await, 0);
    assert_eq!(rows("refresh_token WHERE sealed_answer IS NOT NULL").await, 40);
    assert_eq!(sweep(10 * S + 1).await, 2, "in bounded batches");
    assert_eq!((rows("refresh_token").await, rows("authorization_code").await), (40, 80));
    assert_eq!(sweep(300 * S + 1).await, 0, "a code that nobody used is kept for an hour, so that it can be told");
    assert_eq!(sweep(3_900 * S + 1).await, 2);
    assert_eq!(rows("authorization_code").await, 40, "what was used stays, to be known when it comes again");
    assert_eq!(sweep(DAY + KEPT).await, 0);
    assert_eq!(sweep(DAY + KEPT + 1).await, 2);
    for table in ["refresh_token", "authorization_code", "issued_grant"] {
        assert_eq!(rows(table).await, 0, "{table}");
    }
}
