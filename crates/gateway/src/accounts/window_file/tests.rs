//! Slots that are found again, room that is used again, and files that aren't read.

use super::super::mapping::kill;
use super::super::slots::Counted;
use super::*;
use limen_rules::period::Span;
use limen_rules::rate::RateLog;
use std::os::unix::fs::{FileExt, PermissionsExt};

const BOOT: &str = "6d3b8a4e-0000-4000-8000-000000000000";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn slots_are_found_again_on_the_same_boot_only() {
    let folder = folder();
    let path = folder.path().join("windows");
    let file = WindowFile::create(&path, BOOT, None).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // Not published.
    file.ring(AccountKey(1), 5).unwrap();
    for account in 2..5_000 {
        let ring = file.ring(AccountKey(account), 1 + account as usize % 20).unwrap();
        let mut log = RateLog::new(ring, 1_000);
        log.admit(5, 1_000_000 + account as u64).unwrap();
        log.ring().publish(1_000);
    }
    let counted = Counted { span: Span { begin_us: -5, end_us: 7 }, handed_over: 3, given_back: 1 };
    file.counters(AccountKey(9), Meter::Bytes).unwrap().begin(counted);
    drop(file);

    let (file, left) = WindowFile::open(&path, BOOT).unwrap().unwrap();
    assert_eq!(left.len(), 4_999);
    let mut keys = Vec::new();
    for slot in left {
        match slot {
            Left::Rate { key, window_ms, place } => {
                let ring = file.ring_at(place).unwrap();
                assert_eq!((ring.slot().key(), ring.slot().place()), (key, place));
                let mut log = RateLog::restore(ring, window_ms, 1_500_000).unwrap();
                assert_eq!(log.calls_in_window(1_500_000), 1);
                keys.push(key.0);
            }
            Left::Counters { key, meter, counters } => {
                assert_eq!((key, meter, counters.read()), (AccountKey(9), Meter::Bytes, Some(counted)));
            }
        }
    }
    assert_eq!(keys, (2..5_000).collect::<Vec<_>>());
    // The slot that was never published is free.
    assert_eq!(file.lock().free.iter().map(Vec::len).sum::<usize>(), 1);
    assert_eq!(file.forgotten_at_us(), None);

    assert!(WindowFile::open(&path, "another boot").unwrap().is_none());
    assert!(WindowFile::open(&folder.path().join("missing"), BOOT).unwrap().is_none());
}

#[test]
fn every_line_is_in_one_chunk() {
    let (mut begin, mut chunk) = (0, 0);
    for expected in 0..DOUBLINGS + 20 {
        let lines = SMALLEST_CHUNK_LINES << expected.min(DOUBLINGS);
        for line in [begin, begin + 1, begin + lines / 2, begin + lines - 1] {
            assert_eq!(chunk_of(line), (expected, line - begin));
        }
        begin += lines;
        chunk += 1;
    }
    assert_eq!(chunk_of(begin), (chunk, 0));
}

#[test]
fn a_damaged_file_is_not_read() {
    let folder = folder();
    let path = folder.path().join("windows");
    let damage = |at: u64, word: u64| {
        let file = WindowFile::create(&path, BOOT, Some(5)).unwrap();
        assert_eq!(file.forgotten_at_us(), Some(5));
        file.ring(AccountKey(1), 5).unwrap();
        drop(file);
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&word.to_ne_bytes(), at).unwrap();
        WindowFile::open(&path, BOOT).unwrap().is_some()
    };
    assert!(damage(4_000, 0));
    assert!(!damage(0, 1));
    // An older version, and a newer.
    assert!(!damage(8, 1) && !damage(8, 3));
    assert!(!damage(8 * AT_BOOT_ID as u64, 0));
    // A class that there is none of.
    assert!(!damage(HEAD_BYTES as u64, 1 | 40 << 2));
    std::fs::write(&path, [0; 100]).unwrap();
    assert!(WindowFile::open(&path, BOOT).unwrap().is_none());
}

#[test]
fn released_room_is_used_again() {
    let folder = folder();
    let file = WindowFile::create(&folder.path().join("windows"), BOOT, None).unwrap();
    for account in 0..100_000 {
        let ring = file.ring(AccountKey(account), 4_097).unwrap();
        ring.publish(1_000);
        file.release(ring);
    }
    assert_eq!(file.lock().chunks, 1);
}

#[test]
fn counters_are_of_one_period_wherever_a_kill_comes() {
    let folder = folder();
    let path = folder.path().join("windows");
    let counted = |begin_us, handed_over, given_back| Counted {
        span: Span { begin_us, end_us: begin_us + 10 },
        handed_over,
        given_back,
    };
    for stores in 0..20 {
        let file = WindowFile::create(&path, BOOT, None).unwrap();
        kill::after(Some(stores));
        let counters = file.counters(AccountKey(1), Meter::Calls).unwrap();
        counters.begin(counted(0, 5, 2));
        counters.set_handed_over(6);
        counters.set_given_back(3);
        counters.begin(counted(10, 1, 0));
        kill::after(None);
        drop((counters, file));
        let (_, left) = WindowFile::open(&path, BOOT).unwrap().unwrap();
        let read = left.into_iter().find_map(|left| match left {
            Left::Counters { counters, .. } => counters.read(),
            Left::Rate { .. } => None,
        });
        let whole = [counted(0, 5, 2), counted(0, 6, 2), counted(0, 6, 3), counted(10, 1, 0)];
        assert!(read.is_none_or(|read| whole.contains(&read)), "{read:?} after {stores} stores");
        assert!(stores < 16 || read == Some(counted(10, 1, 0)));
    }
}
