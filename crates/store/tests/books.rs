//! The books of quotas: never above the limit, whoever asks at the same time, whatever fails, wherever it is cut.
#![allow(clippy::unwrap_used, reason = "the exemption for tests does not reach the functions that they share")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use limen_rules::quota::{AccountKey, LeaseRequest, Meter, QuotaRow, Spent};
use limen_store::{DataFolder, Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

const DAY_US: i64 = 24 * 3_600 * 1_000_000;

async fn open(path: &Path) -> Store {
    Store::open(DataFolder::open(path).unwrap()).await.unwrap()
}

async fn behind(folder: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(folder.join("limen.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// Asks for rights of the day with that number; knows of `handed_over` and `held` ones.
fn request(account: u128, day: i64, limit: u64, handed_over: u64, held: u64) -> LeaseRequest {
    LeaseRequest {
        account: AccountKey(account),
        meter: Meter::Calls,
        period_begin_us: day * DAY_US,
        period_end_us: (day + 1) * DAY_US,
        limit,
        used_last_minute: 60,
        minimum: 1,
        spent: Some(Spent { handed_over, given_back: 0, held }),
        returned: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_accounts_at_once_never_exceed() {
    const LIMIT: u64 = 500;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let tasks: Vec<_> = (0..50_u128)
        .map(|account| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut handed_over = 0;
                loop {
                    let grant = store.lease(request(account, 0, LIMIT, handed_over, 0)).await.unwrap();
                    handed_over += grant.granted;
                    assert!(handed_over <= LIMIT && grant.row.debited == handed_over);
                    if grant.granted == 0 {
                        return handed_over;
                    }
                }
            })
        })
        .collect();
    for (account, task) in (0..).zip(tasks) {
        assert_eq!(task.await.unwrap(), LIMIT);
        let row = store.quota_row(AccountKey(account), Meter::Calls, 0).await.unwrap();
        assert_eq!(row, QuotaRow { debited: LIMIT, handed_over: LIMIT, ..QuotaRow::default() });
    }
}

/// 50 askers of one account that know nothing of each other: what one doesn't know of, the books call lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_askers_of_one_account_never_exceed() {
    const LIMIT: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut granted = 0;
                loop {
                    match store.lease(request(1, 0, LIMIT, 0, 0)).await.unwrap().granted {
                        0 => return granted,
                        more => granted += more,
                    }
                    assert!(granted <= LIMIT);
                }
            })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += task.await.unwrap();
    }
    assert_eq!(granted, LIMIT);
    let row = store.quota_row(AccountKey(1), Meter::Calls, 0).await.unwrap();
    assert_eq!((row.debited, row.unspent() + row.lost), (LIMIT, LIMIT));
}

#[tokio::test]
async fn an_orderly_end_returns_what_was_not_spent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let granted = store.lease(request(1, 0, 6_400, 0, 0)).await.unwrap().granted;
    assert_eq!(granted, 60);
    let last = LeaseRequest { minimum: 0, returned: 40, ..request(1, 0, 6_400, 20, 0) };
    let closing = store.lease(last).await.unwrap();
    let expected = QuotaRow { debited: 20, handed_over: 20, returned: 40, ..QuotaRow::default() };
    assert_eq!((closing.granted, closing.row), (0, expected));
    store.close().await.unwrap();
    drop(store);
    let store = open(folder.path()).await;
    let usage = store.quota_usage(AccountKey(1)).await.unwrap();
    assert_eq!(usage.len(), 1);
    assert_eq!((usage[0].meter, usage[0].period_end_us, usage[0].row), (Meter::Calls, DAY_US, expected));
    assert_eq!(store.quota_usage(AccountKey(2)).await.unwrap(), []);
}

#[tokio::test]
async fn a_failing_writer_answers_everybody_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.lease(request(0, 0, 100, 0, 0)).await.unwrap();
    behind(
        folder.path(),
        "CREATE TRIGGER refuse BEFORE INSERT ON quota_row WHEN hex(NEW.account) LIKE '%07'
         BEGIN SELECT RAISE(ABORT, 'out of order'); END",
    )
    .await;
    let (mut refused, mut granted) = (0, 0);
    let tasks: Vec<_> = (1..=20_u128)
        .map(|account| {
            let store = store.clone();
            tokio::spawn(async move { store.lease(request(account, 0, 100, 0, 0)).await })
        })
        .collect();
    for (account, task) in (1..).zip(tasks) {
        let row = store.quota_row(AccountKey(account), Meter::Calls, 0);
        match task.await.unwrap() {
            Ok(grant) => {
                granted += 1;
                assert_eq!(row.await.unwrap().debited, grant.granted);
            }
            Err(error) => {
                refused += 1;
                assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
                assert_eq!(row.await.unwrap(), QuotaRow::default(), "nothing of it stays");
            }
        }
    }
    assert!(refused >= 1 && refused + granted == 20);
    // Settings don't touch the trouble.
    store.set_setting("a", "b").await.unwrap();
    behind(folder.path(), "DROP TRIGGER refuse").await;
    assert_eq!(store.lease(request(7, 0, 100, 0, 0)).await.unwrap().granted, 1);
}

#[tokio::test]
async fn old_periods_are_forgotten_and_present_ones_never() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.lease(request(2, 0, 100, 0, 0)).await.unwrap();
    for day in 0..100 {
        store.lease(request(1, day, 100, 0, 0)).await.unwrap();
    }
    let days = |usage: Vec<limen_store::QuotaUsage>| -> Vec<i64> {
        usage.iter().map(|usage| usage.period_begin_us / DAY_US).collect()
    };
    // The day that ended 62 days before the newest began is the last.
    assert_eq!(days(store.quota_usage(AccountKey(1)).await.unwrap()), (36..100).rev().collect::<Vec<_>>());
    assert_eq!(days(store.quota_usage(AccountKey(2)).await.unwrap()), [0], "another account's");
    // A clock that ran ahead for a few days and came back.
    for day in [5_000, 5_001, 5_002] {
        store.lease(request(1, day, 100, 0, 0)).await.unwrap();
    }
    let usage = days(store.quota_usage(AccountKey(1)).await.unwrap());
    assert_eq!(usage, [5_002, 5_001, 5_000, 99, 98, 97, 96, 95]);
    assert_eq!(store.quota_row(AccountKey(1), Meter::Calls, 99 * DAY_US).await.unwrap().debited, 1);
}

#[tokio::test]
async fn short_periods_leave_a_bounded_number_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    behind(
        folder.path(),
        "WITH RECURSIVE period(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM period WHERE n < 2000)
         INSERT INTO quota_row SELECT zeroblob(16), 0, 1000000 * n, 1000000 * (n + 1), 1, 1, 0, 0, 0 FROM period",
    )
    .await;
    // Even on a clock that went back, the row that was just made is never the one that goes.
    store.lease(request(0, 0, 100, 0, 0)).await.unwrap();
    let usage = store.quota_usage(AccountKey(0)).await.unwrap();
    assert_eq!((usage.len(), usage[0].period_begin_us), (1_501, 2_000_000_000));
    assert_eq!((usage[1_499].period_begin_us, usage[1_500].period_begin_us), (501_000_000, 0));
}

#[tokio::test]
async fn figures_that_make_no_sense_grant_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.lease(request(1, 0, 100, 0, 0)).await.unwrap();
    behind(folder.path(), "PRAGMA ignore_check_constraints = ON; UPDATE quota_row SET debited = -5").await;
    // Asked at the same time, so that they share a transaction: the neighbour isn't harmed.
    let neighbour = tokio::spawn({
        let store = store.clone();
        async move { store.lease(request(2, 0, 100, 0, 0)).await }
    });
    let damaged = store.lease(request(1, 0, 100, 0, 0)).await.unwrap_err();
    assert!(damaged.to_string().contains("below zero"), "{damaged}");
    assert_eq!(neighbour.await.unwrap().unwrap().granted, 1);
}

/// A copy of the database and its log, taken while it is written, opens and holds what was answered before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_taken_in_the_middle_of_writing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            // Few enough to stay in the log: a file that is copied while it is moved there would be torn.
            for handed_over in 0..200 {
                store.lease(request(1, 0, u64::MAX, handed_over, 0)).await.unwrap();
            }
        })
    };
    while !writing.is_finished() {
        let before = store.quota_row(AccountKey(1), Meter::Calls, 0).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        for name in ["limen.db", "limen.db-wal", "LIMEN-DATA"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        let copied = open(copy.path()).await.quota_row(AccountKey(1), Meter::Calls, 0).await.unwrap();
        assert!(copied.debited >= before.debited, "{copied:?} {before:?}");
        let after = store.quota_row(AccountKey(1), Meter::Calls, 0).await.unwrap();
        assert!(copied.debited <= after.debited + 60);
    }
    writing.await.unwrap();
}

const CHILD_FOLDER: &str = "LIMEN_STORE_TEST_FOLDER";

/// Not a test by itself: the process that [`killed_processes_leave_true_books`] kills.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let store = open(Path::new(&folder)).await;
    let mut spent = None;
    loop {
        let grant = store.lease(LeaseRequest { spent, ..request(1, 0, 1 << 40, 0, 0) }).await.unwrap();
        let handed_over = grant.row.handed_over + grant.granted;
        // Once it is said, it counts as spent.
        println!("granted {}", grant.granted);
        spent = Some(Spent { handed_over, given_back: 0, held: 0 });
    }
}

#[tokio::test]
async fn killed_processes_leave_true_books() {
    let folder = tempfile::tempdir().unwrap();
    let mut granted = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--nocapture"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut grants = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| line.split("granted ").nth(1).and_then(|figure| figure.parse::<u64>().ok()));
        granted += grants.by_ref().take(5 + round * 7).sum::<u64>();
        child.kill().unwrap();
        granted += grants.sum::<u64>();
        child.wait().unwrap();

        let store = open(folder.path()).await;
        let row = store.quota_row(AccountKey(1), Meter::Calls, 0).await.unwrap();
        // Everything said was booked before; beyond it at most one grant of each killed process.
        assert!(row.debited >= granted, "{row:?} {granted}");
        assert!(row.debited <= granted + 60 * (u64::try_from(round).unwrap() + 1), "{row:?} {granted}");
        store.close().await.unwrap();
    }
    assert!(granted > 0);
}
