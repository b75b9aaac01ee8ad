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

fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// Reads so many bytes, or to the end.
fn read(stream: &mut TcpStream, count: u64) {
    let _ = std::io::copy(&mut stream.take(count), &mut std::io::sink());
}

#[test]
fn who_does_not_read_the_request() {
    type Script = fn(TcpStream);
    const NO_ANSWER: &str = "503 service-unavailable";
    const AN_END: &str = "200 early | 503 service-unavailable | 500 unexpected | 503 service-timeout";
    let cases: &[(&str, Script, &str)] = &[
        ("closes at once", drop, NO_ANSWER),
        ("resets at once", |stream| reset(&stream), NO_ANSWER),
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
        (
            "resets in the head",
            |mut stream| {
                read(&mut stream, 100);
                reset(&stream);
            },
            NO_ANSWER,
        ),
        ("closes in the body", |mut stream| read(&mut stream, 3_000), NO_ANSWER),
        (
            "resets in the body",
            |mut stream| {
                read(&mut stream, 3_000);
                reset(&stream);
            },
            NO_ANSWER,
        ),
        (
            "never reads",
            |stream| {
                // Gone once the caller is: a peek waits without taking anything.
                let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
                while stream.peek(&mut [0]).is_ok_and(|count| count > 0)
                    && stream.take_error().is_ok_and(|error| error.is_none())
                {
                    let (_never, receiver) = std::sync::mpsc::channel::<()>();
                    let _ = receiver.recv_timeout(Duration::from_secs(3));
                    break;
                }
            },
            "503 service-timeout",
        ),
        (
            "answers before anything came",
            |mut stream| {
                let _ = stream.write_all(EARLY);
                read(&mut stream, u64::MAX);
            },
            AN_END,
        ),
        (
            "answers and closes before anything came",
            |mut stream| {
                let _ = stream.write_all(EARLY);
            },
            AN_END,
        ),
        (
            "answers after a byte and reads on",
            |mut stream| {
                read(&mut stream, 1);
                let _ = stream.write_all(EARLY_AND_LAST);
                read(&mut stream, u64::MAX);
            },
            "200 early",
        ),
        (
            "answers after the head and closes",
            |mut stream| {
                read(&mut stream, 700);
                let _ = stream.write_all(EARLY);
                let _ = stream.shutdown(Shutdown::Write);
                read(&mut stream, u64::MAX);
            },
            "200 early",
        ),
    ];
    for (what, script, expected) in cases {
        let script = *script;
        let service = RawService::start(move |_, stream| script(stream));
        let (limen, key) = started(&service.url());
        for (method, body) in [("GET", None), ("POST", Some(vec![b'x'; 2_000])), ("POST", Some(vec![b'x'; 8 << 20]))] {
            let fields = [(KEY, key.as_str()), ("Content-Type", "text/plain")];
            let large = body.as_ref().is_some_and(|body| body.len() > 1 << 20);
            if *what == "closes in the body"
                || *what == "resets in the body"
                || *what == "answers after the head and closes"
            {
                // A read has no body to stop in.
                if !large {
                    continue;
                }
            }
            let answer = limen.http().try_call(method, "/brief/items", &fields, body.as_deref());
            let answer = answer.unwrap_or_else(|error| panic!("{what}, {method}: {error}"));
            let outcome = outcome(&limen, &answer);
            assert!(expected.split(" | ").any(|one| one == outcome), "{what}, {method}: {outcome}: {answer:?}");
        }
        assert!(service.connections() <= 6, "{what}: {} connections", service.connections());
    }
}
