//! Broken off between any two writes, by a statement that fails, a log that is cut or a process that is killed, an
//! exchange or a refresh was done or wasn't: no second winner, no dead family, and the same answer to whoever asks again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use limen_rules::model::ApplicationKind::Confidential;
use limen_rules::sign_in::record::Rotation;
use limen_store::{DataFolder, Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

use super::sign_in::{S, by, code, declared, grant, hash, house, new, presented};

/// Some way past the steps, and well within the time for repeats.
const LATER: i64 = 5 * S;

async fn exchange(store: &Store, family: u8, who: u8, now_us: i64) -> Result<bool, StoreError> {
    let given = grant(&format!("g{family}-{who}"), "app", "ann", now_us);
    let first = Some(new(family, who, 1_000 * S));
    let told = store.exchange_code([family; 32], &presented("app"), &given, first, now_us).await?;
    Ok(told.is_ok())
}

/// Presents one token and brings another, whose answer is its number.
async fn refresh(store: &Store, family: u8, present: u8, next: u8, now_us: i64) -> Result<Rotation, StoreError> {
    let confidential = by("app", Confidential, false);
    let brought = new(family, next, 1_000 * S);
    store.rotate_refresh(&hash(family, present), &confidential, brought, vec![next], 3_600 * S, now_us).await
}

/// What a step that was broken off left: a store in which `present` was presented and `next` brought. It goes on
/// either way; says whether the step was done.
async fn goes_on(store: &Store, family: u8, present: u8, next: u8) -> bool {
    let (done, good) = match refresh(store, family, present, 200, LATER).await.unwrap() {
        Rotation::Rotated => (false, 200),
        Rotation::Repeat(answer) => {
            assert_eq!(answer, [next], "the very same answer");
            (true, next)
        }
        other => panic!("a dead family: {other:?}"),
    };
    assert_eq!(refresh(store, family, good, 201, LATER).await.unwrap(), Rotation::Rotated);
    done
}

/// What an exchange by 1 that was broken off left. Whoever asks again wins, or finds that the first one did.
async fn is_won_once(store: &Store, family: u8) -> bool {
    let again = exchange(store, family, 2, LATER).await.unwrap();
    let (first, second) = (store.grant(&format!("g{family}-1")).await, store.grant(&format!("g{family}-2")).await);
    assert_eq!((first.is_ok(), second.is_ok()), (!again, again), "one winner, and of the other nothing");
    let winner = if again { 2 } else { 1 };
    assert_eq!(refresh(store, family, winner, 100, LATER).await.unwrap(), Rotation::Rotated);
    !again
}

#[tokio::test]
async fn a_statement_that_fails_undoes_those_before_it() {
    let writes = [
        ("exchange", "INSERT ON issued_grant"),
        ("exchange", "UPDATE ON authorization_code"),
        ("exchange", "INSERT ON refresh_token"),
        ("refresh", "UPDATE ON refresh_token"),
        ("refresh", "INSERT ON refresh_token"),
        ("refresh", "DELETE ON refresh_token"),
        ("refresh", "UPDATE ON issued_grant"),
    ];
    for (step, write) in writes {
        for moment in ["BEFORE", "AFTER"] {
            let (folder, store) = house().await;
            for family in [1, 2] {
                store.insert_code([family; 32], &code("app", "ann", 0)).await.unwrap();
            }
            assert!(exchange(&store, 2, 1, 0).await.unwrap());
            // So that there is a predecessor to forget.
            assert_eq!(refresh(&store, 2, 1, 2, 0).await.unwrap(), Rotation::Rotated);
            behind(
                folder.path(),
                &format!("CREATE TRIGGER off {moment} {write} BEGIN SELECT RAISE(ABORT, 'broken off'); END"),
            )
            .await;
            let failed = match step {
                "exchange" => exchange(&store, 1, 1, S).await.map(drop),
                _ => refresh(&store, 2, 2, 3, S).await.map(drop),
            };
            assert!(failed.is_err_and(|error| error.to_string().contains("broken off")), "{moment} {write}");
            behind(folder.path(), "DROP TRIGGER off").await;
            assert!(!is_won_once(&store, 1).await && !goes_on(&store, 2, 2, 3).await, "{moment} {write}");
        }
    }
}

async fn behind(folder: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(folder.join("limen.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
}

/// As after a loss of power: of what the step wrote to the log, any beginning is there.
#[tokio::test]
async fn a_log_that_is_cut_anywhere() {
    for step in ["exchange", "refresh"] {
        let (folder, store) = house().await;
        store.insert_code([1; 32], &code("app", "ann", 0)).await.unwrap();
        if step == "refresh" {
            assert!(exchange(&store, 1, 1, 0).await.unwrap());
        }
        let log = folder.path().join("limen.db-wal");
        let before = fs::read(&log).unwrap().len();
        match step {
            "exchange" => assert!(exchange(&store, 1, 1, 0).await.unwrap()),
            _ => assert_eq!(refresh(&store, 1, 1, 2, 0).await.unwrap(), Rotation::Rotated),
        }
        let whole = fs::read(&log).unwrap();
        assert!(whole.len() > before + 5 * 4_096, "{step} writes several pages");
        let mut outcomes = Vec::new();
        // In each frame of the log: at its end, and in its middle.
        for end in (before..=whole.len()).step_by((4_096 + 24) / 2) {
            let copy = tempfile::tempdir().unwrap();
            for name in ["limen.db", "LIMEN-DATA"] {
                fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
            }
            fs::write(copy.path().join("limen.db-wal"), &whole[..end]).unwrap();
            let store = Store::open(DataFolder::open(copy.path()).unwrap()).await.unwrap();
            outcomes.push(match step {
                "exchange" => is_won_once(&store, 1).await,
                _ => goes_on(&store, 1, 1, 2).await,
            });
        }
        let done = outcomes.iter().filter(|done| **done).count();
        assert_eq!((done, outcomes.last()), (1, Some(&true)), "{step}: only the whole log has it: {outcomes:?}");
    }
}

const CHILD_FOLDER: &str = "LIMEN_STORE_TEST_SIGN_IN_FOLDER";
const FIRST_FAMILY: &str = "LIMEN_STORE_TEST_FIRST_FAMILY";
/// Callers that exchange the same code and refresh the same token.
const AT_ONCE: u8 = 3;
/// Refreshes of each family.
const TURNS: u8 = 12;

/// Not a test by itself: the process that [`killed_processes_leave_one_winner_and_no_dead_family`] kills. Says what it
/// was told as soon as it is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let first: u8 = std::env::var(FIRST_FAMILY).unwrap().parse().unwrap();
    let store = Store::open(DataFolder::open(Path::new(&folder)).unwrap()).await.unwrap();
    store.apply(&declared(), 1, false).await.unwrap();
    for family in first.. {
        store.insert_code([family; 32], &code("app", "ann", 0)).await.unwrap();
        println!("said code {family}");
        let tasks: Vec<_> =
            (1..=AT_ONCE).map(|who| tokio::spawn(exchange_and_say(store.clone(), family, who))).collect();
        let mut present = 0;
        for (who, task) in (1..).zip(tasks) {
            if task.await.unwrap() {
                present = who;
            }
        }
        for turn in 1..=TURNS {
            let tasks: Vec<_> = (0..AT_ONCE)
                .map(|who| tokio::spawn(refresh_and_say(store.clone(), family, present, turn * 10 + who)))
                .collect();
            let mut next = present;
            for task in tasks {
                next = task.await.unwrap();
            }
            present = next;
        }
    }
}

async fn exchange_and_say(store: Store, family: u8, who: u8) -> bool {
    let won = exchange(&store, family, who, 0).await.unwrap();
    if won {
        println!("said won {family} {who}");
    }
    won
}

async fn refresh_and_say(store: Store, family: u8, present: u8, next: u8) -> u8 {
    let good = match refresh(&store, family, present, next, 0).await.unwrap() {
        Rotation::Rotated => next,
        Rotation::Repeat(answer) => answer[0],
        other => panic!("{other:?}"),
    };
    println!("said next {family} {present} {good}");
    good
}

#[tokio::test]
async fn killed_processes_leave_one_winner_and_no_dead_family() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut in_doubt) = (0, [0, 0]);
    for round in 0..16_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::the_process_that_is_killed", "--nocapture"])
            .env(CHILD_FOLDER, folder.path())
            .env(FIRST_FAMILY, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = |line: String| {
            let words: Vec<String> = line.split("said ").nth(1)?.split(' ').map(str::to_owned).collect();
            let figures = words[1..].iter().map(|word| word.parse().unwrap_or(0)).collect::<Vec<u8>>();
            Some((words[0].clone(), figures))
        };
        let mut told: Vec<_> = lines.by_ref().filter_map(said).take(3 + round * 11 % 90).collect();
        // At some moment of the step that follows.
        let until = Instant::now() + Duration::from_micros(u64::try_from(round).unwrap() * 130);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        told.extend(lines.filter_map(said));
        child.wait().unwrap();

        let store = Store::open(DataFolder::open(folder.path()).unwrap()).await.unwrap();
        let last = told.iter().map(|(_, figures)| figures[0]).max().unwrap();
        for family in first..=last {
            let of: Vec<_> = told.iter().filter(|(_, figures)| figures[0] == family).collect();
            if let Some(done) = look_at(&store, family, &of).await {
                in_doubt[usize::from(done)] += 1;
            }
        }
        store.close().await.unwrap();
        first = last + 1;
    }
    eprintln!("steps in doubt that were not done, and that were: {in_doubt:?}");
}

/// Judges a family by what was said of it; whether the refresh that nobody was told of was done.
async fn look_at(store: &Store, family: u8, said: &[&(String, Vec<u8>)]) -> Option<bool> {
    let winners: Vec<u8> = said.iter().filter(|(word, _)| word == "won").map(|(_, figures)| figures[1]).collect();
    let mut kept = Vec::new();
    for who in 1..=AT_ONCE {
        kept.extend(store.grant(&format!("g{family}-{who}")).await.ok().map(|grant| (who, grant.revoked_at_us)));
    }
    assert!(winners.len() <= 1 && kept.len() <= 1, "{winners:?} were told that they won, {kept:?} did");
    let Some((winner, revoked_at_us)) = kept.first().copied() else {
        assert!(winners.is_empty(), "whoever was told so has won");
        assert!(exchange(store, family, 9, LATER).await.unwrap(), "a code that nobody exchanged is good");
        return None;
    };
    assert!(revoked_at_us.is_none() && winners.iter().all(|who| *who == winner));
    // From each token one other was said to follow, to everybody.
    let mut good = winner;
    while let Some(next) = said.iter().find(|(word, figures)| word == "next" && figures[1] == good) {
        let all = said.iter().filter(|(word, figures)| word == "next" && figures[1] == good);
        assert!(all.map(|(_, figures)| figures[2]).all(|one| one == next.1[2]), "two successors of one token");
        good = next.1[2];
    }
    match refresh(store, family, good, 250, LATER).await.unwrap() {
        Rotation::Rotated => Some(false),
        Rotation::Repeat(answer) => {
            assert_eq!(refresh(store, family, answer[0], 250, LATER).await.unwrap(), Rotation::Rotated);
            Some(true)
        }
        other => panic!("a dead family: {other:?}"),
    }
}
