//! Services that lie about where an answer ends, or say it in two ways; and requests' bodies that services must not miss.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use limen_testbed::Reply;

use super::{UPLOADS, stage_with};
use crate::stage::{KEY, Stage};

/// A service of its own: the script is given each request's head and the socket. Requests have no bodies.
fn scripted(script: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let script = Arc::clone(&script);
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
                let mut head = String::new();
                while lines.read_line(&mut head).is_ok_and(|count| count > 0) {
                    if head.ends_with("\r\n\r\n") {
                        script(&std::mem::take(&mut head), &mut stream);
                    }
                }
            });
        }
    });
    url
}

/// Writes in one go; whether the other side still listens is its own affair.
fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
}

/// A response whose body is the request's target.
fn echo(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len())
}

#[test]
fn a_piece_of_a_body_that_looks_like_a_head_is_a_piece_of_a_body() {
    const HEAD: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    const PIECES: [&str; 5] = ["first;", HEAD, "middle;", HEAD, HEAD];
    let (next, awaited) = mpsc::channel();
    let awaited = Mutex::new(awaited);
    let target = scripted(move |head, stream| {
        if !head.starts_with("GET /base/pieces ") {
            return say(stream, &echo(head));
        }
        say(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PIECES.concat().len()));
        for piece in PIECES {
            awaited.lock().unwrap().recv().unwrap();
            say(stream, piece);
        }
    });
    let stage = stage_with(UPLOADS, Some(&target), "  - {name: up, apis: [uploads]}");
    let key = stage.subscribe("up").primary;
    let mut connection = stage.http().open();
    for _ in 0..3 {
        let request = connection.request("GET", "/uploads/pieces", &[(KEY, &key)], None);
        connection.write(&request);
        assert_eq!(connection.head_only().status, 200);
        let (mut expected, mut came) = (String::new(), String::new());
        for piece in PIECES {
            next.send(()).unwrap();
            expected.push_str(piece);
            // Each is sent once the one before has passed, so it is written by itself all the way.
            while came.len() < expected.len() {
                let bytes = connection.some_bytes();
                assert!(!bytes.is_empty(), "it ended behind {came:?}");
                came.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            assert_eq!(came, expected);
        }
        let after = connection.try_call("GET", "/uploads/after", &[(KEY, &key)], None).unwrap();
        assert_eq!((after.status, after.text().as_str()), (200, "/base/after"), "the next call of the connection");
    }
}

#[test]
fn what_a_service_sends_unasked_reaches_nobody() {
    const SURPLUS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let target = scripted(move |head, stream| {
        if !head.contains(" /base/surplus ") {
            return say(stream, &echo(head));
        }
        let length = if head.starts_with("HEAD") { SURPLUS.len() } else { 0 };
        say(stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
        tell.lock().unwrap().send(stream.try_clone().unwrap()).unwrap();
    });
    let stage = stage_with(UPLOADS, Some(&target), "  - {name: up, apis: [uploads]}");
    let key = stage.subscribe("up").primary;
    let mut callers: [_; 4] = std::array::from_fn(|_| stage.http().open());
    let fields = [(KEY, key.as_str())];
    for round in 0..40 {
        let (method, first, second) = (["HEAD", "GET"][round % 2], round / 2 % 4, round / 8 % 4);
        let answer = callers[first].try_call(method, "/uploads/surplus", &fields, None).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut stream = told.recv_timeout(Duration::from_secs(10)).expect("the service's connection");
        if method == "HEAD" {
            // A body was announced where none may come: that connection is used for nothing else.
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            assert_eq!(stream.read(&mut [0]).ok(), Some(0), "the connection was kept");
        }
        // The surplus is there before the next call is whole, and yet may be looked at after it.
        let path = format!("own-{round}");
        let request = callers[second].request("GET", &format!("/uploads/{path}"), &fields, None);
        let (begin, rest) = request.split_at(request.len() / 2);
        callers[second].write(begin);
        say(&mut stream, SURPLUS);
        callers[second].write(rest);
        let answer = callers[second].answer_to("GET");
        assert_eq!((answer.status, answer.text()), (200, format!("/base/{path}")), "behind {method}");
        let answer = stage.http().get(&format!("/uploads/other-{path}"), &fields);
        assert_eq!((answer.status, answer.text()), (200, format!("/base/other-{path}")), "behind {method}");
    }
}

#[test]
fn framings_that_can_be_read_in_two_ways() {
    let stage = Stage::new();
    let http = stage.http();
    for fields in ["Content-Length: 2\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 2"]
    {
        let raw = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
        stage.service.on("/base/both", Reply::raw(raw));
        let answer = http.get("/open/both", &[]);
        let id = answer.header("x-request-id").expect("an id");
        let message = format!("An unexpected error has occurred on our side. Tell us the id {id}.");
        stage.refused(&answer, 500, "unexpected", &message);
    }
    // A body of unknown length is a body, also to a method that rarely has one.
    let fields = [("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")];
    let answer = http.call("GET", "/lenient/items", &fields, Some(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = stage.service.last();
    assert_eq!((seen.method.as_str(), seen.body.as_slice(), seen.complete), ("GET", &b"hello world"[..], true));
    assert_eq!(http.get("/lenient/after", &[]).status, 200);
    assert_eq!(stage.service.last().target, "/base/after", "nothing of the body was taken for a request");
}
