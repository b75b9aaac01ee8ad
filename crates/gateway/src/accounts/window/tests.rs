//! Logs that grow, move and are found again, wherever a kill comes, and without room in the file.

use std::path::{Path, PathBuf};

use super::super::mapping::kill;
use super::super::window_file::Left;
use super::*;

const BOOT: &str = "a boot";
const KEY: AccountKey = AccountKey(3);
const SOUGHT: Sought = Sought { key: KEY, hash: 0 };

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("windows");
    (folder, path)
}

/// The windows of a new file.
fn fresh(path: &Path) -> (Cabinet, Windows) {
    let cabinet = Cabinet::new(WindowFile::create(path, BOOT, None).unwrap());
    let windows = Windows::new(0, &cabinet.rooms, 0);
    (cabinet, windows)
}

/// What a later process makes of the file, and the windows of the logs that it found there.
fn adopted(path: &Path, now_us: u64) -> (Cabinet, Windows, Vec<u32>) {
    let (file, left) = WindowFile::open(path, BOOT).unwrap().unwrap();
    let cabinet = Cabinet::new(file);
    let mut windows = Windows::new(0, &cabinet.rooms, now_us);
    let mut found = Vec::new();
    for left in left {
        let Left::Rate { key: KEY, window_ms, place } = left else { panic!("nothing else was made") };
        windows.adopt(&cabinet, SOUGHT, (place, window_ms), now_us).unwrap();
        found.push(window_ms);
    }
    (cabinet, windows, found)
}

#[test]
fn a_log_that_outgrows_its_ring_takes_its_calls_along() {
    let (_folder, path) = folder();
    let (cabinet, mut windows) = fresh(&path);
    let (mut admitted, mut now_us) = (0, 1_000_000);
    for (calls, window_ms) in [(5, 1_000), (9, 1_000), (9, 60_000), (100, 60_000), (100, 1_000), (120, 300_000)] {
        let terms = RateTerms { calls, window_ms };
        while windows.pace(&cabinet, SOUGHT, &terms, now_us).is_ok() {
            admitted += 1;
            now_us += 1_000;
        }
        assert_eq!(admitted, calls);
        let (cabinet, mut later, found) = adopted(&path, now_us);
        assert_eq!(found, [terms.window_ms]);
        assert_eq!(later.calls_in_window(&cabinet, SOUGHT, now_us), Some(calls));
        assert_eq!((later.len(), windows.len()), (1, 1));
    }
}

#[test]
fn of_two_logs_of_an_account_one_is_kept() {
    let (_folder, path) = folder();
    let (cabinet, mut windows) = fresh(&path);
    let terms = RateTerms { calls: 5, window_ms: 1_000 };
    for _ in 0..3 {
        windows.pace(&cabinet, SOUGHT, &terms, 1_000_000).unwrap();
    }
    // The process ends before the old ring is let go.
    let (_, log) = windows.open(&cabinet.file, SOUGHT);
    let carried = log.unwrap().copy_into(AnyRing::new(&cabinet.file, KEY, 20), 2_000);
    publish(&carried);
    drop((cabinet, windows));

    let (cabinet, mut windows, found) = adopted(&path, 1_500_000);
    assert_eq!(found.len(), 2);
    assert_eq!((windows.len(), windows.calls_in_window(&cabinet, SOUGHT, 1_500_000)), (1, Some(3)));
    assert_eq!(adopted(&path, 1_500_000).2.len(), 1);
}

#[test]
fn a_kill_between_any_two_stores_forgets_no_call() {
    let (_folder, path) = folder();
    let script = [(2, 1_000, 0), (4, 1_000, 400_000), (9, 2_000, 300_000), (3, 2_000, 2_500_000), (9, 1_000, 100)];
    for stores in 0..140 {
        let (cabinet, mut windows) = fresh(&path);
        kill::after(Some(stores));
        let (mut now_us, mut admitted_us, mut last_window_us) = (5_000_000, Vec::new(), 0);
        'process: for (calls, window_ms, pause_us) in script {
            now_us += pause_us;
            last_window_us = u64::from(window_ms) * 1_000;
            for _ in 0..8 {
                let terms = RateTerms { calls, window_ms };
                let is_admitted = windows.pace(&cabinet, SOUGHT, &terms, now_us).is_ok();
                if kill::has_come() {
                    break 'process;
                }
                if is_admitted {
                    admitted_us.push(now_us);
                }
                now_us += 1_500;
            }
        }
        let has_come = kill::has_come();
        kill::after(None);
        drop((cabinet, windows));

        let (cabinet, mut windows, _) = adopted(&path, now_us);
        let known = windows.calls_in_window(&cabinet, SOUGHT, now_us).unwrap_or(0) as usize;
        let counted = admitted_us.iter().filter(|&&at_us| at_us + last_window_us >= now_us).count();
        assert!(known >= counted && known <= admitted_us.len() + 1, "{known} of {counted} after {stores} stores");
        assert!(has_come || stores > 60);
    }
}

#[test]
fn without_room_in_the_file_a_log_is_kept_in_memory_and_the_file_says_so() {
    let (_folder, path) = folder();
    let (cabinet, mut windows) = fresh(&path);
    let pace = |windows: &mut Windows, terms, now_us| windows.pace(&cabinet, SOUGHT, terms, now_us).is_ok();
    let few = RateTerms { calls: 5, window_ms: 1_000 };
    let in_memory = |windows: &Windows| windows.unmapped.as_ref().is_some_and(|unmapped| !unmapped.is_empty());
    assert!(pace(&mut windows, &few, 1_000_000) && !cabinet.file.is_incomplete() && !in_memory(&windows));
    cabinet.file.fill();
    // There is room for these where they are.
    assert_eq!((0..6).filter(|_| pace(&mut windows, &few, 1_001_000)).count(), 4);
    assert!(!cabinet.file.is_incomplete());
    let many = RateTerms { calls: 9, window_ms: 1_000 };
    assert_eq!((0..12).filter(|at| pace(&mut windows, &many, 1_003_000 + at * 1_000)).count(), 4);
    assert!(cabinet.file.is_incomplete() && in_memory(&windows));
    assert_eq!((windows.len(), windows.places.len()), (1, 0));
    assert_eq!(windows.calls_in_window(&cabinet, SOUGHT, 1_006_000), Some(9));
    let mut gone = Vec::new();
    windows.let_go_of_empty(&cabinet, 1_500_000, |key| gone.push(key));
    assert!(gone.is_empty() && windows.has(&cabinet.file, SOUGHT));
    windows.let_go_of_empty(&cabinet, 3_000_000, |key| gone.push(key));
    assert_eq!((gone, windows.len()), (vec![KEY], 0));
    // What the first log had is free again.
    assert!(pace(&mut windows, &few, 3_000_000) && !in_memory(&windows));
}

#[test]
fn accounts_of_one_tag_have_a_window_each() {
    let (_folder, path) = folder();
    let (cabinet, mut windows) = fresh(&path);
    let terms = RateTerms { calls: 5, window_ms: 1_000 };
    let sought = |key| Sought { key: AccountKey(key), hash: 7 << 32 };
    for key in 0..30 {
        for _ in 0..=key % 5 {
            windows.pace(&cabinet, sought(key), &terms, 1_000_000).unwrap();
        }
    }
    for key in 0..30 {
        assert_eq!(windows.calls_in_window(&cabinet, sought(key), 1_000_000), Some(key as u32 % 5 + 1));
    }
    assert_eq!(windows.calls_in_window(&cabinet, sought(30), 1_000_000), None);
}
