//! The table as the path of a call sees it: what survives a restart, what the ledger's failing does, who waits.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use limen_rules::period::Period;
use limen_rules::quota::{LeaseRequest, QuotaRow, debit};
use tokio::runtime::Runtime;

use super::*;

pub(super) const KEY: AccountKey = AccountKey(42);
pub(super) const STANDARD: RateTerms = RateTerms { calls: 5, window_ms: 1_000 };

#[derive(Default)]
pub(super) struct FakeLedger {
    rows: Mutex<HashMap<(AccountKey, Meter, i64), QuotaRow>>,
    pub(super) is_down: AtomicBool,
    requests: AtomicU64,
}

impl QuotaLedger for FakeLedger {
    fn lease(&self, request: LeaseRequest) -> Lease<'_> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.requests.fetch_add(1, Ordering::SeqCst);
            if self.is_down.load(Ordering::SeqCst) {
                return Err(LedgerUnavailable);
            }
            let mut rows = self.rows.lock().unwrap();
            let row = rows.entry((request.account, request.meter, request.period_begin_us)).or_default();
            let (next, grant) = debit(*row, &request);
            *row = next;
            Ok(grant)
        })
    }
}

impl FakeLedger {
    pub(super) fn row(&self, meter: Meter, begin_us: i64) -> QuotaRow {
        self.rows.lock().unwrap().get(&(KEY, meter, begin_us)).copied().unwrap_or_default()
    }
}

pub(super) struct World {
    folder: tempfile::TempDir,
    pub(super) runtime: Runtime,
    pub(super) ledger: Arc<FakeLedger>,
}

impl World {
    pub(super) fn new() -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        World { folder: tempfile::tempdir().unwrap(), runtime, ledger: Arc::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("windows")
    }

    pub(super) fn open(&self, boot_id: &str, is_fresh: bool, now: Reading) -> Accounts {
        let runtime = self.runtime.handle().clone();
        Accounts::open(&self.path(), boot_id, is_fresh, now, self.ledger.clone(), runtime).unwrap()
    }

    /// Waits until the ledger has nothing more to answer.
    pub(super) fn settle(&self, accounts: &Accounts) {
        self.runtime.block_on(async {
            loop {
                let waits = lock(&accounts.inner.account(KEY).quota).under_way();
                if waits.is_empty() {
                    return;
                }
                for mut done in waits {
                    drop(done.changed().await);
                }
            }
        });
    }
}

pub(super) fn at(us: u64) -> Reading {
    Reading { monotonic_us: 50_000_000 + us, wall_us: us as i64 }
}

pub(super) fn terms(calls: Option<u64>, bytes: Option<u64>) -> QuotaTerms {
    QuotaTerms { calls, bytes, period: Arc::new(Period::Seconds { seconds: 100 }), start_us: 0 }
}

#[test]
fn a_window_survives_a_kill_and_counts_as_full_where_nothing_is_known() {
    let world = World::new();
    let admitted = |accounts: &Accounts, us| (0..9).filter(|_| accounts.pace(KEY, &STANDARD, at(us)).is_ok()).count();
    let accounts = world.open("first", true, at(0));
    assert_eq!(admitted(&accounts, 0), 5);
    drop(accounts);

    // Killed: the five calls are remembered for as long as they count.
    let accounts = world.open("first", false, at(900_000));
    assert_eq!(admitted(&accounts, 1_000_999), 0);
    assert_eq!(accounts.usage(KEY, at(1_000_999)).unwrap().calls_in_window, Some(5));
    assert_eq!(admitted(&accounts, 1_001_000), 5);
    drop(accounts);

    // Another boot: full for W from the start, also after being killed in that time.
    let accounts = world.open("second", false, at(5_000_000));
    let refused = accounts.pace(KEY, &STANDARD, at(5_000_000)).unwrap_err();
    assert_eq!((refused.retry_after_s, refused.calls_in_window), (1, 5));
    drop(accounts);
    let accounts = world.open("second", false, at(5_500_000));
    assert_eq!((admitted(&accounts, 5_999_999), admitted(&accounts, 6_000_000)), (0, 5));
    drop(accounts);

    // Missing, and cut short.
    std::fs::remove_file(world.path()).unwrap();
    let accounts = world.open("second", false, at(9_000_000));
    assert_eq!((admitted(&accounts, 9_999_999), admitted(&accounts, 10_000_000)), (0, 5));
    drop(accounts);
    std::fs::write(world.path(), [0; 5_000]).unwrap();
    let accounts = world.open("second", true, at(20_000_000));
    assert_eq!((admitted(&accounts, 20_999_999), admitted(&accounts, 21_000_000)), (0, 5));
    assert!(!world.path().with_extension("new").exists());
}

#[test]
fn a_log_that_contradicts_itself_counts_as_knowing_nothing() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    accounts.pace(KEY, &STANDARD, at(0)).unwrap();
    drop(accounts);
    // The first run of the first slot, behind its frame and key: a tick far in the future.
    let file = std::fs::OpenOptions::new().write(true).open(world.path()).unwrap();
    file.write_all_at(&u64::MAX.to_ne_bytes(), 4_096 + 3 * 8).unwrap();
    let accounts = world.open("boot", false, at(100));
    assert_eq!(accounts.usage(KEY, at(100)), None);
    assert!(accounts.pace(KEY, &STANDARD, at(1_000_099)).is_err());
    assert!(accounts.pace(KEY, &STANDARD, at(1_000_100)).is_ok());
}

#[test]
fn a_file_that_misses_some_log_counts_as_knowing_nothing() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    accounts.inner.cabinet.file.set_incomplete(true);
    drop(accounts);
    let accounts = world.open("boot", false, at(2_000_000));
    assert!(accounts.pace(KEY, &STANDARD, at(2_999_999)).is_err());
    assert!(accounts.pace(KEY, &STANDARD, at(3_000_000)).is_ok());
    drop(accounts);
    let accounts = world.open("boot", false, at(3_000_001));
    assert!(accounts.pace(KEY, &STANDARD, at(3_000_001)).is_ok());
}

#[test]
fn a_million_calls_a_window() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let rate = RateTerms { calls: 1_000_000, window_ms: 1_000 };
    let admitted = (0..1_000_100).filter(|call| accounts.pace(KEY, &rate, at(call / 2)).is_ok()).count();
    assert_eq!(admitted, 1_000_000);
    drop(accounts);
    let accounts = world.open("boot", false, at(600_000));
    assert!(accounts.pace(KEY, &rate, at(600_000)).is_err());
}

#[test]
fn an_account_is_small() {
    assert!(std::mem::offset_of!(Shard, charged) + 8 <= 64, "lock and windows are a cache line");
    assert_eq!(size_of::<Locked>(), 128);
    assert!(size_of::<Account>() <= 208, "{}", size_of::<Account>());
    assert!(size_of::<Quota>() <= 176, "{}", size_of::<Quota>());
    assert!(size_of::<purse::Purse>() <= 224, "{}", size_of::<purse::Purse>());
}

#[test]
fn callers_on_many_threads_get_exactly_the_limit() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let (quota, rate) = (terms(Some(700), None), RateTerms { calls: 800, window_ms: 1_000 });
    let charged = Arc::new(AtomicU64::new(0));
    world.runtime.block_on(async {
        let mut callers = JoinSet::new();
        for _ in 0..8 {
            let (accounts, quota, charged) = (accounts.clone(), quota.clone(), charged.clone());
            callers.spawn(async move {
                for _ in 0..125 {
                    if accounts.pace(KEY, &rate, at(0)).is_err() {
                        continue;
                    }
                    match accounts.charge(KEY, &quota, at(0)).await {
                        Ok(_) => charged.fetch_add(1, Ordering::SeqCst),
                        Err(refused) => {
                            assert!(matches!(refused, ChargeRefused::QuotaExceeded { limit: 700, .. }), "{refused:?}");
                            0
                        }
                    };
                }
            });
        }
        while let Some(joined) = callers.join_next().await {
            joined.unwrap();
        }
        accounts.shutdown().await;
    });
    assert_eq!(charged.load(Ordering::SeqCst), 700);
    assert_eq!(accounts.usage(KEY, at(0)).unwrap().calls_in_window, Some(800));
    let row = world.ledger.row(Meter::Calls, 0);
    assert_eq!((row.debited, row.handed_over, row.unspent(), row.lost), (700, 700, 0, 0));
}

#[test]
fn a_charge_takes_of_both_meters_or_of_none() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let quota = terms(Some(10), Some(100));
    let charge = |terms: &QuotaTerms| world.runtime.block_on(accounts.charge(KEY, terms, at(5_000_000)));
    let mut right = charge(&quota).unwrap();
    assert_eq!(right.figures().map(|f| f.remaining).collect::<Vec<_>>(), [9, 100]);
    right.add_bytes(60);
    right.add_bytes(70);
    drop(right);
    let refused = charge(&quota).map(drop).unwrap_err();
    assert_eq!(refused, ChargeRefused::BandwidthExceeded { limit: 100, replenished_in_us: 95_000_000 });
    let usage = accounts.usage(KEY, at(0)).unwrap();
    assert_eq!((usage.calls.unwrap().used, usage.bytes.unwrap().used), (1, 130));
    let refused = charge(&terms(Some(1), Some(100))).map(drop).unwrap_err();
    assert_eq!(refused, ChargeRefused::QuotaExceeded { limit: 1, replenished_in_us: 95_000_000 });
    assert!(charge(&terms(None, None)).unwrap().figures().next().is_none());

    // What is given back is as if it had never been.
    let mut right = charge(&terms(Some(10), Some(1_000))).unwrap();
    right.add_bytes(500);
    right.give_back();
    world.settle(&accounts);
    let usage = accounts.usage(KEY, at(0)).unwrap();
    assert_eq!((usage.calls.unwrap().used, usage.bytes.unwrap().used), (1, 130));
    world.runtime.block_on(accounts.shutdown());
    let row = world.ledger.row(Meter::Bytes, 0);
    assert_eq!((row.debited, row.handed_over, row.given_back), (130, 630, 500));
}

#[test]
fn a_right_belongs_to_the_period_that_it_was_taken_in() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let quota = terms(Some(2), None);
    let charge = |us| world.runtime.block_on(accounts.charge(KEY, &quota, at(us)));
    let late = charge(99_999_999).unwrap();
    drop(charge(99_999_999).unwrap());
    assert!(charge(99_999_999).is_err());
    drop(charge(100_000_000).unwrap());
    drop(charge(100_000_000).unwrap());
    assert!(charge(100_000_000).is_err());
    late.give_back();
    world.settle(&accounts);
    assert!(charge(100_000_000).is_err());
    let row = world.ledger.row(Meter::Calls, 0);
    assert_eq!((row.debited, row.handed_over, row.given_back), (1, 2, 1));
    // Should the clock go back, the right is there again.
    drop(charge(99_000_000).unwrap());
    assert!(charge(99_000_000).is_err());
}

#[test]
fn without_the_ledger_what_is_held_is_spent_and_then_limits_are_unavailable() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let quota = terms(Some(64 * 64), None);
    let charge = |us| world.runtime.block_on(accounts.charge(KEY, &quota, at(us)));
    for _ in 0..40 {
        drop(charge(0).unwrap());
        world.settle(&accounts);
    }
    let held = accounts.usage(KEY, at(0)).unwrap().calls.unwrap().held;
    assert!(held > 10);
    world.ledger.is_down.store(true, Ordering::SeqCst);
    for _ in 0..held {
        drop(charge(1).unwrap());
        world.settle(&accounts);
    }
    // The ledger is not asked again by every call, and others go on.
    let asked = world.ledger.requests.load(Ordering::SeqCst);
    for _ in 0..100 {
        assert!(matches!(charge(2), Err(ChargeRefused::LimitsUnavailable { retry_in_us: 1.. })));
    }
    assert!(world.ledger.requests.load(Ordering::SeqCst) - asked <= 1);
    assert!(world.runtime.block_on(accounts.charge(KEY, &terms(None, None), at(2))).is_ok());
    world.ledger.is_down.store(false, Ordering::SeqCst);
    let Err(ChargeRefused::LimitsUnavailable { retry_in_us }) = charge(3) else { panic!("the ledger was asked") };
    drop(charge(3 + retry_in_us).unwrap());
}

#[test]
fn rights_that_come_back_are_not_hoarded() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let quota = terms(Some(640), None);
    let mut rights = Vec::new();
    for _ in 0..50 {
        rights.push(world.runtime.block_on(accounts.charge(KEY, &quota, at(0))).unwrap());
        world.settle(&accounts);
    }
    for right in rights {
        right.give_back();
    }
    world.settle(&accounts);
    let usage = accounts.usage(KEY, at(0)).unwrap().calls.unwrap();
    assert_eq!(usage.used, 0);
    assert!(usage.held <= 640 / 64, "{usage:?}");
    assert!(world.ledger.row(Meter::Calls, 0).returned >= 40);
}

#[test]
fn a_kill_loses_what_was_in_hand_and_the_books_say_so() {
    let world = World::new();
    let quota = terms(Some(6_400), None);
    let mut spent = 0;
    for kill in 0..5u64 {
        let accounts = world.open("boot", kill == 0, at(kill));
        for _ in 0..30 {
            drop(world.runtime.block_on(accounts.charge(KEY, &quota, at(kill))).unwrap());
            world.settle(&accounts);
            spent += 1;
        }
    }
    let accounts = world.open("boot", false, at(9));
    drop(world.runtime.block_on(accounts.charge(KEY, &quota, at(9))).unwrap());
    world.runtime.block_on(accounts.shutdown());
    let row = world.ledger.row(Meter::Calls, 0);
    assert_eq!((row.handed_over, row.unspent(), row.debited), (spent + 1, 0, spent + 1 + row.lost));
    assert!(row.lost > 0 && row.lost <= 5 * 100, "{row:?}");

    // Charged again after it was stopped: nothing more is lost.
    let accounts = world.open("boot", false, at(10));
    drop(world.runtime.block_on(accounts.charge(KEY, &quota, at(10))).unwrap());
    assert_eq!(world.ledger.row(Meter::Calls, 0).lost, row.lost);
    world.runtime.block_on(accounts.shutdown());
    assert!(world.runtime.block_on(accounts.charge(KEY, &quota, at(10))).is_err());
}
