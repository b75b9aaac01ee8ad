//! What a line says, what can't forge one, and where the file goes.

use std::net::IpAddr;

use limen_rules::contract::Cause;
use limen_rules::explain::notes::Notes;
use limen_rules::explain::{Finding, Text};
use limen_rules::record::Which;
use limen_rules::token::Mode;

use super::*;

fn record(path: &str) -> CallRecord {
    let mut record = CallRecord {
        request_id: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
        at_us: 1_795_368_727_000_789,
        method: http::Method::GET,
        path: path.into(),
        status: 200,
        cause: None,
        duration_us: 1_234,
        notes: Notes::default(),
    };
    for finding in [
        Finding::Route { api: Text::of("orders"), operation: Some(Text::of("list")) },
        Finding::Key { subscription: Text::of("sub_1"), product: Text::of("gold"), which: Which::Primary },
        Finding::Token {
            user: Some(Text::of("bo")),
            application: Some(Text::of("shop")),
            environment: Text::of("north"),
            issuer: None,
            grant: Some(Text::of("g1")),
            mode: Mode::Full,
            by: limen_rules::explain::Known::Remembered,
        },
        Finding::Service { target: Text::of("127.0.0.1:9000"), status: 204, leaves_as: 200 },
    ] {
        record.notes.note(finding);
    }
    record
}

fn traffic() -> Traffic {
    let caller = IpAddr::from([192, 0, 2, 17]);
    Traffic { caller: Some(caller), counted_as: 1, request_bytes: 0, response_bytes: 120, service_us: Some(900) }
}

fn formatted(record: &CallRecord, traffic: &Traffic, format: Format) -> String {
    let (mut out, mut second) = (Vec::new(), Second::default());
    let line = Line { record, traffic, ended: &Ended::of(record), second: &mut second };
    match format {
        Format::Json => line.json(&mut out),
        Format::Text => line.text(&mut out),
    }
    String::from_utf8(out).expect("text")
}

#[test]
fn a_line_tells_who_called_what_and_how_it_ended() {
    assert_eq!(
        formatted(&record("/orders/7"), &traffic(), Format::Json),
        "{\"time\":\"2026-11-22T17:32:07.000789Z\",\"id\":\"0123456789abcdef0011223344556677\",\"from\":\"192.0.2.17\",\
         \"method\":\"GET\",\"path\":\"/orders/7\",\"status\":200,\"api\":\"orders\",\"operation\":\"list\",\
         \"subscription\":\"sub_1\",\"application\":\"shop\",\"user\":\"bo\",\"target\":\"127.0.0.1:9000\",\
         \"in_bytes\":0,\"out_bytes\":120,\"duration_us\":1234,\"service_us\":900}\n"
    );
    let mut refused = record("/orders/7");
    refused.notes.clear();
    refused.status = 401;
    refused.cause = Some(Cause::SubscriptionKeyMissing);
    let traffic = Traffic { caller: Some("2001:db8::1".parse().expect("an address")), ..Traffic::default() };
    assert_eq!(
        formatted(&refused, &traffic, Format::Text),
        "2001:db8::1 - - [22/Nov/2026:17:32:07 +0000] \"GET /orders/7\" 401 0 id=0123456789abcdef0011223344556677 \
         code=subscription-key-missing in_bytes=0 duration_us=1234\n"
    );
}

#[test]
fn nothing_from_outside_ends_a_line_or_a_field() {
    for path in ["/a\nb", "/a\"b\\", "/a\u{1b}[31m", "/ä\u{85}\u{2028}\u{202e}😀", "/a b\t\0\r\n", "/\u{7f}"] {
        let json = formatted(&record(path), &traffic(), Format::Json);
        let text = formatted(&record(path), &traffic(), Format::Text);
        for line in [&json, &text] {
            assert!(line.trim_end_matches('\n').bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{line}");
            assert_eq!(line.len() - line.trim_end_matches('\n').len(), 1);
        }
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["path"], path);
        assert_eq!(text.matches('"').count(), 2, "{text}");
        assert_eq!(text.split(' ').count(), 18, "{text}");
    }
}

#[test]
fn days_have_their_dates() {
    for (at_s, expected) in [
        (0, "1970-01-01T00:00:00"),
        (951_782_399, "2000-02-28T23:59:59"),
        (951_868_799, "2000-02-29T23:59:59"),
        (4_107_542_399, "2100-02-28T23:59:59"),
        (4_107_542_400, "2100-03-01T00:00:00"),
        (-1, "1969-12-31T23:59:59"),
    ] {
        let mut second = Second::default();
        second.set(at_s);
        assert_eq!(second.json, expected);
    }
}

fn file(folder: &tempfile::TempDir, max_bytes: u64, keep: u32) -> Destination {
    Destination::File { path: folder.path().join("access.log"), max_bytes, keep }
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).expect("a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_line_is_in_the_file_when_the_log_is_closed() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let log = AccessLog::open(file(&folder, 1 << 30, 4), Format::Json).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| log.write(&record("/a"), &traffic())));
        }
    });
    assert_eq!(log.dropped(), 0);
    drop(log);
    let path = folder.path().join("access.log");
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 4_000);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_full_file_is_moved_aside_and_few_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::open(file(&folder, 10, 2)).unwrap();
    for line in ["aaaa\n", "bbbb\n", "cccc\n", "dddddddddddd\n", "eeee\n"] {
        sink.write(line.as_bytes()).unwrap();
    }
    assert_eq!(names(&folder), ["access.log", "access.log.1", "access.log.2"]);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((read("access.log"), read("access.log.1")), ("eeee\n".into(), "dddddddddddd\n".into()));
    assert_eq!(read("access.log.2"), "cccc\n");
}

#[test]
fn a_file_that_was_moved_away_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Sink::open(file(&folder, 1 << 20, 2)).unwrap();
    sink.write(b"one\n").unwrap();
    sink.follow();
    sink.write(b"two\n").unwrap();
    std::fs::rename(folder.path().join("access.log"), folder.path().join("taken")).unwrap();
    sink.write(b"three\n").unwrap();
    sink.follow();
    sink.write(b"four\n").unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!((read("taken"), read("access.log")), ("one\ntwo\nthree\n".into(), "four\n".into()));
}

#[test]
fn what_the_disk_can_t_take_is_lost_and_counted() {
    let full = Destination::File { path: "/dev/full".into(), max_bytes: u64::MAX, keep: 0 };
    let Ok(log) = AccessLog::open(full, Format::Text) else { return };
    log.write(&record("/a"), &traffic());
    let shared = Arc::clone(&log.shared);
    drop(log);
    assert_eq!(shared.dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn more_than_may_wait_is_lost_and_no_call_waits_for_it() {
    let shared = Arc::new(Shared {
        format: Format::Json,
        stripes: Box::new([Stripe(Mutex::new(Waiting { lines: Vec::new(), second: Second::default() }))]),
        dropped: AtomicU64::new(0),
        is_closing: AtomicBool::new(false),
    });
    // A writer that never comes.
    let log = AccessLog { shared: Arc::clone(&shared), writer: std::thread::current(), handle: Mutex::new(None) };
    for _ in 0..10_000 {
        log.write(&record("/a"), &traffic());
    }
    let kept = lock(&shared.stripes[0]).lines.len();
    assert!((WAITING_BYTES..WAITING_BYTES + 1_024).contains(&kept));
    assert!(log.dropped() > 5_000);
}
