//! Requests hidden in the bodies of others: whatever becomes of the one outside, the one inside is never read.

use limen_testbed::Connection;

use super::{in_form, with_each};
use crate::stage::Stage;

const INSIDE: &str = "GET /lenient/smuggled HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";

/// When the body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timing {
    WithTheHead,
    AfterTheAnswer,
    /// Half of it with the head, the rest after the answer.
    Torn,
}

#[derive(Debug)]
struct Outer {
    line: &'static str,
    fields: &'static str,
    status: u16,
    /// Whether the answer waits for the whole body.
    reads_body: bool,
}

const OUTERS: &[Outer] = &[
    Outer { line: "POST /keyed/items", fields: "Content-Type: application/json\r\n", status: 401, reads_body: false },
    Outer { line: "GET /keyed/items", fields: "", status: 401, reads_body: false },
    Outer { line: "POST /keyed/items", fields: "Limen-Subscription-Key: wrong\r\n", status: 401, reads_body: false },
    Outer { line: "POST /nothing-here", fields: "", status: 404, reads_body: false },
    Outer { line: "DELETE /nothing-here", fields: "", status: 404, reads_body: false },
    Outer { line: "TRACE /lenient/x", fields: "", status: 404, reads_body: false },
    Outer { line: "POST /open/%00", fields: "", status: 400, reads_body: false },
    Outer { line: "POST /open/a/../b", fields: "", status: 400, reads_body: false },
    Outer { line: "POST /open/items", fields: "Content-Type: text/plain\r\n", status: 415, reads_body: false },
    Outer { line: "POST /open/items", fields: "", status: 415, reads_body: false },
    Outer {
        line: "POST /open/items",
        fields: "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
        status: 415,
        reads_body: false,
    },
    Outer { line: "POST /tokened/items", fields: "Content-Type: application/json\r\n", status: 401, reads_body: false },
    Outer {
        line: "POST /tokened/items",
        fields: "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
        status: 400,
        reads_body: false,
    },
    Outer { line: "POST /open/items", fields: "Content-Type: application/json\r\n", status: 400, reads_body: true },
    Outer { line: "PUT /lenient/outer", fields: "Content-Type: text/plain\r\n", status: 200, reads_body: true },
    Outer { line: "GET /lenient/outer", fields: "Content-Type: text/plain\r\n", status: 200, reads_body: true },
];

/// The bytes of a request around the hidden one: its head and its body.
fn around(outer: &Outer, is_chunked: bool, expects: bool, padding: usize) -> (String, String) {
    let body = format!("{}{INSIDE}{INSIDE}", " ".repeat(padding));
    let expect = if expects { "Expect: 100-continue\r\n" } else { "" };
    let head = format!("{} HTTP/1.1\r\nHost: h\r\n{}{expect}", outer.line, outer.fields);
    if is_chunked {
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        return (format!("{head}Transfer-Encoding: chunked\r\n\r\n"), chunks);
    }
    (format!("{head}Content-Length: {}\r\n\r\n", body.len()), body)
}

/// What is behind the answer: its end, or the answer to a request of our own.
fn goes_on_or_ends(connection: &mut Connection, told: &str) {
    let request = connection.request("GET", "/lenient/own", &[], None);
    connection.write(&request);
    match connection.try_answer_to("GET") {
        // It may have waited for the rest of the body, which our request then was.
        Ok(answer) => assert!(matches!(answer.status, 200 | 400), "{told}: {answer:?}"),
        Err(_) => assert!(connection.is_closed() || connection.try_answer_to("GET").is_err(), "{told}"),
    }
}

#[test]
fn the_body_of_a_refused_request_is_never_the_next_request() {
    let stage = Stage::new();
    let mut cases = Vec::new();
    for outer in OUTERS {
        for is_chunked in [false, true] {
            for (expects, padding) in [(false, 0), (true, 0), (false, 70_000), (false, 400_000)] {
                for timing in [Timing::WithTheHead, Timing::AfterTheAnswer, Timing::Torn] {
                    if !(outer.reads_body && timing != Timing::WithTheHead) {
                        cases.push((outer, is_chunked, expects, padding, timing));
                    }
                }
            }
        }
    }
    assert!(cases.len() >= 300, "{}", cases.len());
    with_each(&cases, |_, (outer, is_chunked, expects, padding, timing)| {
        let (head, body) = around(outer, *is_chunked, *expects, *padding);
        let told = format!("{outer:?}, chunked {is_chunked}, expects {expects}, padded by {padding}, {timing:?}");
        let (now, later) = match timing {
            Timing::WithTheHead => (body.as_str(), ""),
            Timing::AfterTheAnswer => ("", body.as_str()),
            Timing::Torn => body.split_at(body.len() - INSIDE.len() - 3),
        };
        let mut connection = stage.http().open();
        connection.write(format!("{head}{now}").as_bytes());
        let answer = connection.try_answer_to("POST").unwrap_or_else(|error| panic!("{told}: {error}"));
        assert_eq!(answer.status, outer.status, "{told}: {answer:?}");
        if outer.status != 200 {
            in_form(&stage, &answer, outer.status, &told);
        }
        connection.write(later.as_bytes());
        goes_on_or_ends(&mut connection, &told);
    });
    let smuggled = stage.service.requests().into_iter().find(|seen| seen.target.contains("smuggled"));
    assert!(smuggled.is_none(), "{smuggled:?}");
}
