//! What is written for an answer, and when the next request is read.

use bytes::BytesMut;
use http::{HeaderValue, StatusCode};

use super::wire;
use crate::connection::{Connection, Event, Limits};
use crate::flaw::Flaw;
use crate::response::ResponseBody::{self, Length, None as NoBody, Streamed};
use crate::response::{AnswerLines, WriteError};

/// A connection that was sent these bytes.
fn sent(text: &str) -> Connection {
    let mut connection = Connection::new(Limits::default());
    let bytes = wire(text);
    assert_eq!(connection.receive(&bytes), bytes.len());
    connection
}

/// The next event by its name.
fn event(connection: &mut Connection) -> String {
    match connection.next_event() {
        Ok(Event::Head(head)) => head.target.as_str().to_owned(),
        Ok(Event::Data(data)) => data.escape_ascii().to_string(),
        Ok(Event::End) => "end".to_owned(),
        Ok(Event::NeedMore) => "more".to_owned(),
        Ok(Event::AwaitResponse) => "await".to_owned(),
        Ok(Event::Close) => "close".to_owned(),
        Err(malformed) => format!("{:?}", malformed.flaw),
    }
}

fn assert_events(connection: &mut Connection, expected: &[&str]) {
    let told: Vec<_> = expected.iter().map(|_| event(connection)).collect();
    assert_eq!(told, expected);
}

/// A connection whose request was read to its end.
fn asked(text: &str) -> Connection {
    let mut connection = sent(text);
    while !matches!(connection.next_event(), Ok(Event::End)) {}
    connection
}

fn lines(fields: &[(&'static str, &'static str)]) -> AnswerLines {
    let fields = fields.iter().map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)));
    AnswerLines::of(&fields.collect())
}

/// What an answer of these parts is on the wire, with `\n` for its line ends; or why it can't be.
fn written(
    connection: &mut Connection,
    status: u16,
    body: ResponseBody,
    pieces: &[&str],
) -> Result<String, WriteError> {
    let mut out = BytesMut::new();
    let lines = lines(&[("x", "1")]);
    let status = StatusCode::from_u16(status).unwrap();
    connection.write_head(&mut out, status, &lines, body, true)?;
    for piece in pieces {
        connection.write_data(&mut out, piece.as_bytes())?;
    }
    connection.write_end(&mut out)?;
    Ok(String::from_utf8(out.to_vec()).unwrap().replace("\r\n", "\n"))
}

const GET: &str = "GET /1 HTTP/1.1\nHost: h\n\nGET /2 HTTP/1.1\nHost: h\n\n";
const HEAD: &str = "HEAD /1 HTTP/1.1\nHost: h\n\nGET /2 HTTP/1.1\nHost: h\n\n";
const OLD: &str = "GET /1 HTTP/1.0\n\nGET /2 HTTP/1.0\n\n";
const OLD_KEEP: &str = "GET /1 HTTP/1.0\nConnection: keep-alive\n\nGET /2 HTTP/1.0\n\n";
const OLD_HEAD: &str = "HEAD /1 HTTP/1.0\nConnection: keep-alive\n\nGET /2 HTTP/1.0\n\n";
const CLOSE: &str = "GET /1 HTTP/1.1\nHost: h\nConnection: close\n\nGET /2 HTTP/1.1\nHost: h\n\n";
const CONNECT: &str = "CONNECT h:1 HTTP/1.1\nHost: h:1\n\nGET /2 HTTP/1.1\nHost: h\n\n";

/// Request, status, body, pieces; what is written after the first line and `x: 1`; what comes next.
type Case = (&'static str, u16, ResponseBody, &'static [&'static str], &'static str, &'static str);

const ANSWERS: &[Case] = &[
    (GET, 200, NoBody, &[], "content-length: 0\n\n", "/2"),
    (GET, 200, Length(0), &[], "content-length: 0\n\n", "/2"),
    (GET, 200, Length(3), &["abc"], "content-length: 3\n\nabc", "/2"),
    (GET, 200, Length(3), &["a", "", "bc"], "content-length: 3\n\nabc", "/2"),
    (GET, 200, Streamed, &[], "transfer-encoding: chunked\n\n0\n\n", "/2"),
    (
        GET,
        200,
        Streamed,
        &["", "abc", "", "0123456789abcdef"],
        "transfer-encoding: chunked\n\n3\nabc\n10\n0123456789abcdef\n0\n\n",
        "/2",
    ),
    (GET, 204, NoBody, &[], "\n", "/2"),
    (GET, 204, Length(0), &[""], "\n", "/2"),
    (GET, 205, NoBody, &[], "content-length: 0\n\n", "/2"),
    (GET, 304, NoBody, &[], "\n", "/2"),
    (GET, 404, Length(1), &["a"], "content-length: 1\n\na", "/2"),
    (GET, 599, NoBody, &[], "content-length: 0\n\n", "/2"),
    (HEAD, 200, Length(3), &[], "content-length: 3\n\n", "/2"),
    (HEAD, 200, Length(3), &["abc"], "content-length: 3\n\n", "/2"),
    (HEAD, 200, Length(3), &["abcd"], "content-length: 3\n\n", "/2"),
    (HEAD, 200, Streamed, &["abc"], "\n", "/2"),
    (HEAD, 200, NoBody, &[], "content-length: 0\n\n", "/2"),
    (HEAD, 204, NoBody, &[], "\n", "/2"),
    (CLOSE, 200, Length(1), &["a"], "content-length: 1\nconnection: close\n\na", "close"),
    (CLOSE, 200, Streamed, &["a"], "transfer-encoding: chunked\nconnection: close\n\n1\na\n0\n\n", "close"),
    (OLD, 200, Length(1), &["a"], "content-length: 1\nconnection: close\n\na", "close"),
    (OLD, 200, Streamed, &["a", "", "b"], "connection: close\n\nab", "close"),
    (OLD_KEEP, 200, Length(1), &["a"], "content-length: 1\nconnection: keep-alive\n\na", "/2"),
    (OLD_KEEP, 204, NoBody, &[], "connection: keep-alive\n\n", "/2"),
    (OLD_KEEP, 200, Streamed, &["a"], "connection: close\n\na", "close"),
    (OLD_HEAD, 200, Streamed, &["a"], "connection: keep-alive\n\n", "/2"),
    (CONNECT, 404, Length(1), &["a"], "content-length: 1\nconnection: close\n\na", "close"),
];

#[test]
fn answers_are_framed_by_method_status_and_version() {
    for (request, status, body, pieces, expected, next) in ANSWERS {
        let mut connection = asked(request);
        let answer = written(&mut connection, *status, *body, pieces).unwrap();
        let case = format!("{request:?} {status} {body:?}");
        let (line, rest) = answer.split_once('\n').unwrap();
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{case}: {line}");
        assert_eq!(rest.strip_prefix("x: 1\n"), Some(*expected), "{case}");
        assert_eq!(event(&mut connection), *next, "{case}");
        assert_eq!(connection.must_close(), *next == "close", "{case}");
    }
}

#[test]
fn a_refused_head_gets_no_body_either() {
    for (request, rest) in [
        ("HEAD /a b HTTP/1.1\nHost: h\n\n", ""),
        ("HEAD /a HTTP/1.1\nHost", ""),
        ("\nHEAD /a HTTP/1.1\nHost: h\nHost: h\n\n", ""),
        ("HEAD /a HTTP/1.1\n\n", ""),
        ("GET /a b HTTP/1.1\nHost: h\n\n", "abc"),
        ("HEADS /a b HTTP/1.1\nHost: h\n\n", "abc"),
    ] {
        let mut connection = sent(request);
        assert!(!matches!(connection.next_event(), Ok(Event::Head(_))), "{request:?}");
        let answer = written(&mut connection, 400, Length(3), &["abc"]).unwrap();
        let expected = format!("HTTP/1.1 400 Bad Request\nx: 1\ncontent-length: 3\nconnection: close\n\n{rest}");
        assert_eq!(answer, expected, "{request:?}");
        assert!(connection.must_close());
    }
}

#[test]
fn answers_that_cannot_be_are_not_written() {
    let cases: &[(&str, u16, ResponseBody, &[&str], WriteError)] = &[
        (GET, 100, NoBody, &[], WriteError::Status),
        (GET, 101, NoBody, &[], WriteError::Status),
        (GET, 199, NoBody, &[], WriteError::Status),
        (GET, 600, NoBody, &[], WriteError::Status),
        (CONNECT, 200, NoBody, &[], WriteError::Status),
        (GET, 204, Length(1), &[], WriteError::BodyForbidden),
        (GET, 204, Streamed, &[], WriteError::BodyForbidden),
        (GET, 205, Streamed, &[], WriteError::BodyForbidden),
        (GET, 304, Length(1), &[], WriteError::BodyForbidden),
        (HEAD, 204, Length(1), &[], WriteError::BodyForbidden),
        (GET, 204, NoBody, &["a"], WriteError::BodyForbidden),
        (GET, 200, NoBody, &["a"], WriteError::TooLong),
        (GET, 200, Length(2), &["abc"], WriteError::TooLong),
        (GET, 200, Length(2), &["ab", "c"], WriteError::TooLong),
        (GET, 200, Length(2), &["a"], WriteError::TooShort { missing: 1 }),
        (GET, 200, Length(u64::MAX), &[], WriteError::TooShort { missing: u64::MAX }),
    ];
    for (request, status, body, pieces, error) in cases {
        let mut connection = asked(request);
        assert_eq!(written(&mut connection, *status, *body, pieces), Err(*error), "{status} {body:?}");
        // Before the head was written another one can be; after it nothing can, and nothing more is read.
        let began = !matches!(error, WriteError::Status) && (*error != WriteError::BodyForbidden || !pieces.is_empty());
        assert_eq!(connection.must_close(), began, "{status} {body:?}");
        if began {
            assert_eq!(connection.write_end(&mut BytesMut::new()), Err(WriteError::OutOfOrder));
            assert_eq!(event(&mut connection), "close");
        } else {
            assert_eq!(event(&mut connection), "await");
            assert!(written(&mut connection, 500, Length(1), &["a"]).is_ok());
        }
    }
}

#[test]
fn the_fields_of_a_connection_and_its_framing_are_the_engine_s_own() {
    let mut connection = asked(GET);
    let mut out = BytesMut::new();
    let lines = lines(&[
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("connection", "keep-alive, x"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("content-length", "7"),
        ("transfer-encoding", "gzip, chunked"),
        ("trailer", "x"),
        ("upgrade", "h2c"),
        ("x", "1"),
    ]);
    connection.write_head(&mut out, StatusCode::OK, &lines, Length(0), false).unwrap();
    let expected =
        "HTTP/1.1 200 OK\ndate: Sun, 06 Nov 1994 08:49:37 GMT\nx: 1\ncontent-length: 0\nconnection: close\n\n";
    assert_eq!(out, wire(expected));
    connection.write_end(&mut out).unwrap();
    assert_events(&mut connection, &["close"]);
}

#[test]
fn the_next_request_waits_for_the_answer() {
    let mut connection = sent(GET);
    assert_events(&mut connection, &["/1", "end", "await", "await"]);
    let mut out = BytesMut::new();
    connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), Streamed, true).unwrap();
    assert_events(&mut connection, &["await"]);
    connection.write_data(&mut out, b"a").unwrap();
    assert_events(&mut connection, &["await"]);
    connection.write_end(&mut out).unwrap();
    assert!(!connection.must_close() && !connection.is_idle());
    assert_events(&mut connection, &["/2", "end", "await"]);
    assert!(written(&mut connection, 200, NoBody, &[]).is_ok());
    assert_events(&mut connection, &["more"]);
    assert!(connection.is_idle());
}

#[test]
fn an_early_answer_waits_for_the_rest_of_the_request() {
    let mut connection = sent("POST /1 HTTP/1.1\nHost: h\nContent-Length: 5\n\nab");
    assert_events(&mut connection, &["/1", "ab", "more"]);
    assert!(written(&mut connection, 200, NoBody, &[]).is_ok());
    assert_events(&mut connection, &["more"]);
    assert_eq!(connection.receive(&wire("cdeGET /2 HTTP/1.1\nHost: h\n\n")), 31);
    assert_events(&mut connection, &["cde", "end", "/2"]);
}

#[test]
fn parts_out_of_order_are_refused() {
    let mut connection = asked(GET);
    let mut out = BytesMut::new();
    assert_eq!(connection.write_data(&mut out, b"a"), Err(WriteError::OutOfOrder));
    assert_eq!(connection.write_end(&mut out), Err(WriteError::OutOfOrder));
    connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), NoBody, true).unwrap();
    let head = out.clone();
    let again = connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), NoBody, true);
    assert_eq!(again, Err(WriteError::OutOfOrder));
    connection.write_end(&mut out).unwrap();
    assert_eq!(connection.write_end(&mut out), Err(WriteError::OutOfOrder));
    assert_eq!(connection.write_data(&mut out, b"a"), Err(WriteError::OutOfOrder));
    assert_eq!(out, head);
}

#[test]
fn a_piece_can_be_framed_without_a_copy() {
    let mut connection = asked(GET);
    let mut out = BytesMut::new();
    connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), Streamed, true).unwrap();
    let frame = connection.frame_data(300).unwrap();
    assert_eq!((frame.prefix(), frame.suffix(), frame.is_sent()), (&b"12c\r\n"[..], &b"\r\n"[..], true));
    assert!(!connection.frame_data(0).unwrap().is_sent());
    let mut connection = asked(HEAD);
    connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), Length(9), true).unwrap();
    assert!(!connection.frame_data(9).unwrap().is_sent());
    let mut connection = asked(GET);
    connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), Length(9), true).unwrap();
    let frame = connection.frame_data(9).unwrap();
    assert_eq!((frame.prefix(), frame.suffix(), frame.is_sent()), (&b""[..], &b""[..], true));
    assert_eq!(connection.frame_data(1), Err(WriteError::TooLong));
}

#[test]
fn going_on_is_told_once_and_only_to_whom_waits() {
    const WAITS: &str = "POST /1 HTTP/1.1\nHost: h\nContent-Length: 2\nExpect: 100-continue\n\n";
    let mut out = BytesMut::new();
    let mut connection = sent(WAITS);
    assert!(!connection.write_continue(&mut out), "before the head was read");
    assert_events(&mut connection, &["/1", "more"]);
    assert!(connection.write_continue(&mut out));
    assert!(!connection.write_continue(&mut out), "twice");
    assert_eq!(out, wire("HTTP/1.1 100 Continue\n\n"));
    assert_eq!(connection.receive(b"ab"), 2);
    assert_events(&mut connection, &["ab", "end", "await"]);
    let answer = written(&mut connection, 200, NoBody, &[]).unwrap();
    assert!(!answer.contains("connection:"), "{answer}");
    assert_events(&mut connection, &["more"]);

    for (text, events) in [("a", &["/1"][..]), ("a", &["/1", "a"]), ("ab", &["/1", "ab", "end"])] {
        let mut connection = sent(&format!("{WAITS}{text}"));
        assert_events(&mut connection, events);
        assert!(!connection.write_continue(&mut out), "{text} {events:?}: a part of the body has come");
    }
    for text in [GET, "POST /1 HTTP/1.0\nContent-Length: 2\nExpect: 100-continue\n\n"] {
        let mut connection = sent(text);
        assert_events(&mut connection, &["/1"]);
        assert!(!connection.write_continue(&mut out), "{text}: nobody waits");
    }
}

#[test]
fn whoever_was_not_told_to_go_on_is_not_read_again() {
    // `GET /2` may be the next request, or the body that the caller held back.
    let mut connection = sent("POST /1 HTTP/1.1\nHost: h\nContent-Length: 27\nExpect: 100-continue\n\n");
    assert_events(&mut connection, &["/1", "more"]);
    let answer = written(&mut connection, 200, NoBody, &[]).unwrap();
    assert!(answer.contains("connection: close\n"), "{answer}");
    assert!(connection.must_close());
    assert!(!connection.write_continue(&mut BytesMut::new()));
    let _ = connection.receive(&wire("GET /2 HTTP/1.1\nHost: h\n\nGET /3 HTTP/1.1\nHost: h\n\n"));
    let data = event(&mut connection);
    assert!(data.starts_with("GET /2"), "{data}");
    assert_events(&mut connection, &["end", "close"]);
}

#[test]
fn an_answer_to_what_could_not_be_read_is_the_last() {
    let mut connection = sent("GET / HTTP/9\n");
    assert_events(&mut connection, &["Version"]);
    assert_eq!(connection.room(), 0);
    assert_eq!(connection.receive(b"a"), 0);
    let answer = written(&mut connection, 400, Length(2), &["{}"]).unwrap();
    assert!(answer.ends_with("content-length: 2\nconnection: close\n\n{}"), "{answer}");
    assert!(connection.must_close());
    assert_events(&mut connection, &["Version", "Version"]);

    let mut connection = sent("HEAD /1 HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\nx");
    assert_events(&mut connection, &["/1", "ChunkSizeMalformed"]);
    assert!(connection.must_close());
    let answer = written(&mut connection, 400, Length(2), &["{}"]).unwrap();
    assert!(answer.ends_with("content-length: 2\nconnection: close\n\n"), "the method is known: {answer}");
}

#[test]
fn an_answer_that_nobody_asked_for_is_the_last() {
    let mut connection = sent("GET / HT");
    assert_events(&mut connection, &["more"]);
    let answer = written(&mut connection, 400, Length(2), &["{}"]).unwrap();
    assert!(answer.ends_with("connection: close\n\n{}"), "{answer}");
    assert_events(&mut connection, &["close"]);
    assert_eq!(connection.room(), 0);
}

#[test]
fn an_answer_that_breaks_off_ends_the_connection() {
    let mut connection = asked(GET);
    let mut out = BytesMut::new();
    connection.write_head(&mut out, StatusCode::OK, &AnswerLines::default(), Streamed, true).unwrap();
    connection.write_data(&mut out, b"a").unwrap();
    connection.abort();
    assert!(connection.must_close());
    assert_eq!(connection.write_end(&mut out), Err(WriteError::OutOfOrder));
    assert!(!out.ends_with(b"0\r\n\r\n"));
    assert_events(&mut connection, &["close"]);
}

#[test]
fn answers_are_written_to_a_caller_that_sends_no_more() {
    let mut connection = sent(GET);
    connection.receive_eof();
    assert_eq!(connection.room(), 0);
    assert_events(&mut connection, &["/1", "end", "await"]);
    assert!(written(&mut connection, 200, Length(1), &["a"]).is_ok());
    assert_events(&mut connection, &["/2", "end", "await"]);
    assert!(written(&mut connection, 200, Length(1), &["a"]).is_ok());
    assert_events(&mut connection, &["close"]);
}

const UPGRADE: &str = "GET /1 HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade: websocket\n\n";

#[test]
fn a_switch_gives_the_rest_back() {
    let mut connection = sent(&format!("{UPGRADE}\u{81}\u{5}hello"));
    assert_events(&mut connection, &["/1"]);
    let mut out = BytesMut::new();
    let lines = lines(&[("upgrade", "websocket"), ("content-length", "5"), ("x", "1")]);
    let rest = connection.write_upgrade(&mut out, &lines).unwrap();
    assert_eq!(rest, &b"\x81\x05hello"[..]);
    let expected = "HTTP/1.1 101 Switching Protocols\nupgrade: websocket\nx: 1\nconnection: upgrade\n\n";
    assert_eq!(out, wire(expected));
    assert_eq!(connection.room(), 0);
    assert_events(&mut connection, &["close"]);
}

#[test]
fn a_switch_needs_a_whole_request_that_asks_for_it() {
    let upgrade = lines(&[("upgrade", "websocket")]);
    let with_body = UPGRADE.replace("\n\n", "\nContent-Length: 1\n\n");
    let mut out = BytesMut::new();
    for (text, lines, error) in [
        (GET, &upgrade, WriteError::NoUpgrade),
        (UPGRADE, &AnswerLines::default(), WriteError::NoUpgrade),
        (with_body.as_str(), &upgrade, WriteError::NoUpgrade),
        ("", &upgrade, WriteError::NoUpgrade),
    ] {
        let mut connection = sent(text);
        let _ = event(&mut connection);
        assert_eq!(connection.write_upgrade(&mut out, lines).unwrap_err(), error, "{text:?}");
        assert!(out.is_empty());
    }
    let mut connection = sent(&format!("{with_body}aGET /2 HTTP/1.1\nHost: h\n\n"));
    assert_events(&mut connection, &["/1", "a"]);
    assert_eq!(connection.write_upgrade(&mut out, &upgrade).unwrap(), wire("GET /2 HTTP/1.1\nHost: h\n\n"));
    let mut connection = sent(&format!("{UPGRADE}GET /2 HTTP/1.1\nHost: h\n\n"));
    assert_events(&mut connection, &["/1", "end"]);
    assert!(written(&mut connection, 200, NoBody, &[]).is_ok(), "the caller may be refused the switch");
    assert_events(&mut connection, &["/2"]);
}

#[test]
fn what_is_held_is_bounded() {
    let mut connection = sent("POST /1 HTTP/1.1\nHost: h\nContent-Length: 1000000\n\n");
    assert_events(&mut connection, &["/1"]);
    let room = connection.room();
    assert_eq!(room, Limits::default().buffered_max_bytes);
    assert_eq!(connection.receive(&vec![b'a'; 1_000_000]), room);
    assert_eq!((connection.room(), connection.receive(b"a")), (0, 0));
    assert_eq!(bytes::BufMut::remaining_mut(&connection.space()), 0);
    assert!(matches!(connection.next_event(), Ok(Event::Data(data)) if data.len() == room));
    assert_eq!(connection.room(), room);
}

#[test]
fn flaws_are_told_apart_by_whom_they_concern() {
    assert!(Flaw::HeadTooLarge.is_too_large() && Flaw::TooManyFields.is_too_large());
    assert!(!Flaw::ContentLengthTooLarge.is_too_large());
    assert!(Flaw::TruncatedBody.is_truncated() && !Flaw::ChunkEnd.is_truncated());
}
