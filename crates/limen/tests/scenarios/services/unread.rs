//! Services that don't read: who closes, resets or answers before the request is there, or stops in its middle.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use limen_testbed::RawService;

use super::{outcome, started};
use crate::stage::KEY;

const EARLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly";
/// Said by one who reads nothing that comes later as a request.
const EARLY_AND_LAST: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly";

const NO_ANSWER: &str = "503 service-unavailable";
/// What is said before anything was asked may be heard as the answer, or not.
const AN_END: &str = "200 early | 503 service-unavailable | 500 unexpected | 503 service-timeout";

/// Reads so many bytes, or to the end.
fn read(stream: &mut TcpStream, count: u64) {
    let _ = std::io::copy(&mut stream.take(count), &mut std::io::sink());
}

/// Reads so many bytes, and ends the connection by a reset.
fn reset_after(mut stream: TcpStream, count: u64) {
    read(&mut stream, count);
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// Reads so many bytes, answers, and reads on.
fn answer_after(mut stream: TcpStream, count: u64, answer: &[u8]) {
    read(&mut stream, count);
    let _ = stream.write_all(answer);
    read(&mut stream, u64::MAX);
}

/// Reads nothing, for longer than the gateway waits.
fn never_read(stream: TcpStream) {
    let (_never_sends, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv_timeout(Duration::from_secs(3));
    drop(stream);
}

/// What a service is called, what it does with a connection, and what the caller gets.
type Case = (&'static str, fn(TcpStream), &'static str);

const TO_ANY: &[Case] = &[
    ("closes at once", drop, NO_ANSWER),
    ("resets at once", |stream| reset_after(stream, 0), NO_ANSWER),
    (
        "ends its side at once",
        |mut stream| {
            let _ = stream.shutdown(Shutdown::Write);
            read(&mut stream, u64::MAX);
        },
        NO_ANSWER,
    ),
    ("closes after a byte", |mut stream| read(&mut stream, 1), NO_ANSWER),
    ("closes in the head", |mut stream| read(&mut stream, 100), NO_ANSWER),
    ("resets in the head", |stream| reset_after(stream, 100), NO_ANSWER),
    ("never reads", never_read, "503 service-timeout"),
    ("answers before anything came", |stream| answer_after(stream, 0, EARLY), AN_END),
    ("answers and closes before anything came", |mut stream| drop(stream.write_all(EARLY)), AN_END),
    ("answers after a byte and reads on", |stream| answer_after(stream, 1, EARLY_AND_LAST), "200 early"),
];

/// To a request with a large body alone: there is no middle to stop in otherwise.
const TO_LARGE: &[Case] = &[
    ("closes in the body", |mut stream| read(&mut stream, 3_000), NO_ANSWER),
    ("resets in the body", |stream| reset_after(stream, 3_000), NO_ANSWER),
    ("answers in the body and reads on", |stream| answer_after(stream, 3_000, EARLY_AND_LAST), "200 early"),
    (
        "answers in the body and ends its side",
        |mut stream| {
            read(&mut stream, 3_000);
            let _ = stream.write_all(EARLY);
            let _ = stream.shutdown(Shutdown::Write);
            read(&mut stream, u64::MAX);
        },
        "200 early",
    ),
];

#[track_caller]
fn shows(case: &Case, method: &str, body: Option<usize>) {
    let (what, script, expected) = *case;
    let service = RawService::start(move |_, stream| script(stream));
    let (limen, key) = started(&service.url());
    let fields = [(KEY, key.as_str()), ("Content-Type", "text/plain")];
    let body = body.map(|bytes| vec![b'x'; bytes]);
    let answer = limen.http().try_call(method, "/brief/items", &fields, body.as_deref());
    let answer = answer.unwrap_or_else(|error| panic!("{what}, {method}: {error}"));
    let outcome = outcome(&limen, &answer);
    assert!(expected.split(" | ").any(|one| one == outcome), "{what}, {method}: {outcome}: {answer:?}");
    assert!(service.connections() <= 2, "{what}: {} connections", service.connections());
}

#[test]
fn who_does_not_read_the_request() {
    for case in TO_ANY {
        shows(case, "GET", None);
        shows(case, "POST", Some(2_000));
        shows(case, "POST", Some(8 << 20));
    }
}

#[test]
fn who_does_not_read_the_whole_body() {
    for case in TO_LARGE {
        shows(case, "POST", Some(8 << 20));
    }
}
