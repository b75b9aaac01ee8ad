//! Answers as they are read in any pieces, told as text; what is refused, with the flaw; and what spoils a connection.

mod raw;
mod splits;

use bytes::{BufMut, BytesMut};
use http::header::{HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::flaw::Flaw;

/// A request that was sent whole.
fn asked(method: &Method, upgrade: bool, limits: Limits) -> ServiceConnection {
    let mut connection = ServiceConnection::new(limits);
    ask(&mut connection, method, upgrade).unwrap();
    connection
}

fn ask(connection: &mut ServiceConnection, method: &Method, upgrade: bool) -> Result<(), RequestError> {
    let mut fields = FieldLines::default();
    fields.put(&UPGRADE, b"websocket");
    let request = Request { method, target: "/", host: b"h", fields: &fields, body: RequestBody::None, upgrade };
    connection.write_head(&mut BytesMut::new(), &request)
}

/// Receives as much as there is room for, and says how much.
fn receive(connection: &mut ServiceConnection, piece: &[u8]) -> usize {
    let count = piece.len().min(connection.room());
    connection.space().put_slice(&piece[..count]);
    count
}

fn told(head: &ResponseHead) -> String {
    let fields = head.fields.iter().map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()));
    format!("{} {:?} {:?} [{}]", head.status.as_u16(), head.version, head.body, fields.collect::<Vec<_>>().join("; "))
}

/// What is told of an answer that arrives in these pieces, and whether its connection is good for another.
fn answer_of<'a>(
    mut connection: ServiceConnection,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    eof: bool,
) -> (String, bool) {
    let (mut said, mut data, mut left) = (Vec::new(), Vec::new(), 0);
    let mut pump = |connection: &mut ServiceConnection| {
        loop {
            let text = match connection.next_event() {
                Ok(AnswerEvent::NeedMore) => return false,
                Ok(AnswerEvent::Data(bytes)) => {
                    assert!(!bytes.is_empty());
                    data.extend_from_slice(&bytes);
                    continue;
                }
                Ok(AnswerEvent::Head(head)) => told(&head),
                Ok(AnswerEvent::End) => "end".to_owned(),
                Err(defect) => {
                    assert_eq!(connection.next_event().unwrap_err(), defect);
                    format!("{:?}@{}", defect.flaw, defect.offset)
                }
            };
            let is_over = text == "end" || text.contains('@');
            if !data.is_empty() {
                said.push(format!("'{}'", std::mem::take(&mut data).escape_ascii()));
            }
            said.push(text);
            if is_over {
                return true;
            }
        }
    };
    let mut is_over = pump(&mut connection);
    for mut piece in pieces {
        while !piece.is_empty() && !is_over {
            let taken = receive(&mut connection, piece);
            if taken == 0 {
                break;
            }
            piece = &piece[taken..];
            is_over = pump(&mut connection);
            assert!(connection.held_bytes() <= connection.limits.buffered_max_bytes() * 3);
        }
        left += piece.len();
    }
    if eof && !is_over {
        connection.receive_eof();
        pump(&mut connection);
    }
    if !data.is_empty() {
        said.push(format!("'{}'", data.escape_ascii()));
    }
    (said.join(" | "), left == 0 && connection.is_reusable())
}

/// The same, whether it arrives at once, byte by byte or cut anywhere. What follows an answer in the same piece spoils the
/// connection; what follows in a later one is left in the socket, where whoever takes the connection must look.
fn answer_to(method: &Method, upgrade: bool, bytes: &[u8], eof: bool) -> (String, bool) {
    let made = || asked(method, upgrade, ANSWER_LIMITS);
    let whole = answer_of(made(), [bytes], eof);
    assert_eq!(answer_of(made(), bytes.chunks(1), eof), whole, "byte by byte: {}", bytes.escape_ascii());
    for at in 1..bytes.len().min(400) {
        let (one, other) = bytes.split_at(at);
        assert_eq!(answer_of(made(), [one, other], eof), whole, "cut at {at}: {}", bytes.escape_ascii());
    }
    whole
}

#[test]
fn requests_are_written_as_they_are() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("accept", "*/*"),
        ("host", "example.org"),
        ("connection", "close, x"),
        ("content-length", "99"),
        ("transfer-encoding", "gzip"),
        ("te", "trailers"),
        ("expect", "100-continue"),
        ("upgrade", "websocket"),
        ("keep-alive", "1"),
        ("trailer", "x"),
        ("x-a", "1"),
        ("x-a", "2"),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let fields = "host: example.org\r\naccept: */*\r\nx-a: 1\r\nx-a: 2\r\n";
    for (method, body, upgrade, framing) in [
        (Method::GET, RequestBody::None, false, ""),
        (Method::DELETE, RequestBody::None, false, ""),
        (Method::POST, RequestBody::None, false, "content-length: 0\r\n"),
        (Method::GET, RequestBody::Length(3), false, "content-length: 3\r\n"),
        (Method::PUT, RequestBody::Chunked, false, "transfer-encoding: chunked\r\n"),
        (Method::GET, RequestBody::None, true, "upgrade: websocket\r\nconnection: upgrade\r\n"),
    ] {
        let mut out = BytesMut::new();
        let (host, lines) = (&b"example.org"[..], FieldLines::of(&headers));
        let request = Request { method: &method, target: "/a?b", host, fields: &lines, body, upgrade };
        let mut connection = ServiceConnection::new(ANSWER_LIMITS);
        connection.write_head(&mut out, &request).unwrap();
        let expected = format!("{method} /a?b HTTP/1.1\r\n{fields}{framing}\r\n");
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(connection.is_sent(), body == RequestBody::None);
        assert_eq!(connection.write_head(&mut out, &request), Err(RequestError::OutOfOrder));
    }
}

#[test]
fn what_would_split_a_request_is_not_written() {
    let fields = FieldLines::default();
    let mut split = FieldLines::default();
    split.put(&HeaderName::from_static("x"), b"a\r\ny: b");
    for (target, host, fields, upgrade, error) in [
        ("", &b"h"[..], &fields, false, RequestError::Target),
        ("/a b", b"h", &fields, false, RequestError::Target),
        ("/a\r\nx: y", b"h", &fields, false, RequestError::Target),
        ("/\u{e4}", b"h", &fields, false, RequestError::Target),
        ("/\0", b"h", &fields, false, RequestError::Target),
        ("/", b"", &fields, false, RequestError::Host),
        ("/", b"h\r\nhost: other", &fields, false, RequestError::Host),
        ("/", b"h", &fields, true, RequestError::Upgrade),
        ("/", b"h", &split, false, RequestError::FieldValue),
    ] {
        let mut out = BytesMut::from(&b"kept"[..]);
        let request = Request { method: &Method::GET, target, host, fields, body: RequestBody::None, upgrade };
        let mut connection = ServiceConnection::new(ANSWER_LIMITS);
        assert_eq!(connection.write_head(&mut out, &request), Err(error), "{target:?}");
        assert_eq!(out, &b"kept"[..], "nothing was written");
        ask(&mut connection, &Method::GET, false).unwrap();
    }
}

#[test]
fn bodies_are_as_long_as_announced() {
    let fields = FieldLines::default();
    let begun = |body| {
        let mut connection = ServiceConnection::new(ANSWER_LIMITS);
        let request = Request { method: &Method::POST, target: "/", host: b"h", fields: &fields, body, upgrade: false };
        connection.write_head(&mut BytesMut::new(), &request).unwrap();
        connection
    };
    let mut out = BytesMut::new();
    let mut connection = begun(RequestBody::Length(5));
    connection.write_data(&mut out, b"abc").unwrap();
    assert_eq!(connection.write_data(&mut out, b"def"), Err(RequestError::TooLong));
    assert_eq!(connection.write_end(&mut out), Err(RequestError::TooShort { missing: 2 }));
    connection.write_data(&mut out, b"de").unwrap();
    assert!(connection.is_sent());
    assert_eq!(connection.write_data(&mut out, b"f"), Err(RequestError::TooLong));
    assert_eq!(out, &b"abcde"[..]);

    let mut out = BytesMut::new();
    let mut connection = begun(RequestBody::Chunked);
    connection.write_data(&mut out, b"").unwrap();
    connection.write_data(&mut out, b"0123456789abcdefg").unwrap();
    assert!(!connection.is_sent());
    connection.write_end(&mut out).unwrap();
    assert!(connection.is_sent());
    assert_eq!(out, &b"11\r\n0123456789abcdefg\r\n0\r\n\r\n"[..]);
    let mut idle = ServiceConnection::new(ANSWER_LIMITS);
    assert_eq!(idle.write_data(&mut out, b"x"), Err(RequestError::OutOfOrder));
    assert_eq!(idle.write_end(&mut out), Err(RequestError::OutOfOrder));
}

#[test]
fn an_answer_before_the_request_s_end_spoils_the_connection_unless_the_rest_is_sent() {
    let fields = FieldLines::default();
    for is_sent in [false, true] {
        let mut connection = ServiceConnection::new(ANSWER_LIMITS);
        let body = RequestBody::Length(3);
        let request = Request { method: &Method::POST, target: "/", host: b"h", fields: &fields, body, upgrade: false };
        let mut out = BytesMut::new();
        connection.write_head(&mut out, &request).unwrap();
        receive(&mut connection, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(matches!(connection.next_event(), Ok(AnswerEvent::Head(_))));
        assert!(matches!(connection.next_event(), Ok(AnswerEvent::End)));
        if is_sent {
            connection.write_data(&mut out, b"abc").unwrap();
        }
        assert_eq!(connection.is_reusable(), is_sent);
        assert_eq!(ask(&mut connection, &Method::GET, false).is_ok(), is_sent);
    }
}

#[test]
fn what_was_not_sent_is_sent_over_another_connection() {
    let mut stale = asked(&Method::HEAD, false, ANSWER_LIMITS);
    let mut fresh = ServiceConnection::new(ANSWER_LIMITS);
    assert!(fresh.take_over(&mut stale));
    receive(&mut fresh, b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
    assert!(matches!(fresh.next_event(), Ok(AnswerEvent::Head(head)) if head.body == AnswerBody::None));
    let mut answered = asked(&Method::GET, false, ANSWER_LIMITS);
    receive(&mut answered, b"H");
    assert!(answered.has_answered());
    assert!(!ServiceConnection::new(ANSWER_LIMITS).take_over(&mut answered));
    assert!(!asked(&Method::GET, false, ANSWER_LIMITS).take_over(&mut asked(&Method::GET, false, ANSWER_LIMITS)));
}

#[test]
fn a_switched_connection_gives_what_came_behind_the_head() {
    let mut connection = asked(&Method::GET, true, ANSWER_LIMITS);
    assert!(connection.take_switched().is_empty());
    receive(&mut connection, b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x00");
    assert!(matches!(connection.next_event(), Ok(AnswerEvent::Head(head)) if head.status == 101));
    assert!(matches!(connection.next_event(), Ok(AnswerEvent::NeedMore)));
    assert_eq!(connection.take_switched(), &b"\x81\x00"[..]);
    assert!(connection.must_close() && !connection.is_reusable());
}
