//! What the service answers, and what leaves: statuses, bodies, header fields, cut messages, the other contract.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use limen_testbed::{Gate, Reply};
use serde_json::json;

use crate::stage::Stage;

#[test]
fn every_status_leaves_as_the_contract_says() {
    let stage = Stage::new();
    let http = stage.http();
    for status in (200..=299).chain(300..=308).chain(400..=451).chain(500..=511).chain([599]) {
        stage.service.on("/base/items", Reply::json(status, &json!({"message": "Said by the service."})));
        let answer = http.get("/open/items", &[]);
        let expected = match status {
            206 => (500, "unexpected"),
            200..=299 => (200, ""),
            400 => (400, "service-refused"),
            403 | 402 | 451 => (403, "record-denied"),
            404 | 410 => (404, "record-not-found"),
            405 => (404, "resource-not-found"),
            412 => (400, "precondition-failed"),
            415 => (415, "service-refused"),
            429 => (429, "service-refused"),
            401 | 407 | 421 | 426 => (500, "unexpected"),
            408 | 504 => (503, "service-timeout"),
            502 | 503 | 507 => (503, "service-unavailable"),
            406..=499 => (400, "service-refused"),
            _ => (500, "unexpected"),
        };
        assert_eq!(answer.status, expected.0, "{status}: {answer:?}");
        if expected.0 == 200 {
            let kept = !matches!(status, 204 | 205);
            assert_eq!(answer.body.is_empty(), !kept, "{status}: {answer:?}");
            assert!(!answer.cut, "{status}");
            continue;
        }
        let body = answer.json();
        assert_eq!(body["code"], expected.1, "{status}: {answer:?}");
        let service = if expected.0 < 500 { json!({"message": "Said by the service."}) } else { json!(null) };
        assert_eq!(body["service"], service, "{status}");
        assert_eq!(answer.text().contains("Said by the service."), expected.0 < 500, "{status}");
    }
}

#[test]
fn the_service_s_words_become_the_message() {
    let stage = Stage::new();
    let http = stage.http();
    for (said, message) in [
        (json!({"message": "A", "detail": "B", "title": "C"}), "A"),
        (json!({"detail": "B", "title": "C"}), "B"),
        (json!({"title": "C"}), "C"),
        (json!([{"message": "D"}, {"message": "E"}]), "D"),
        (json!({"message": ["no text"], "detail": "B"}), "B"),
        (json!({"other": 1}), "Refused by the service"),
        (json!("only a text"), "Refused by the service"),
    ] {
        stage.service.on("/base/items", Reply::json(422, &said));
        let answer = http.get("/open/items", &[]);
        assert_eq!(stage.refused(&answer, 400, "service-refused", message)["service"], said);
    }
    stage.service.on("/base/items", Reply::status(400).header("Content-Type", "text/html").body("<h1>No</h1>"));
    let body = stage.refused(&http.get("/open/items", &[]), 400, "service-refused", "Refused by the service");
    assert!(body.get("service").is_none(), "{body}");
    stage.service.on("/base/items", Reply::status(429).header("Retry-After", "17"));
    let answer = http.get("/open/items", &[]);
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("17")));
}

#[test]
fn bodies_are_empty_where_they_must_be() {
    let stage = Stage::new();
    let http = stage.http();
    for reply in [Reply::status(204), Reply::raw("HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n")] {
        stage.service.on("/base/items", reply);
        let answer = http.get("/open/items", &[]);
        assert_eq!((answer.status, answer.headers_named("content-length"), answer.body.len()), (200, vec!["0"], 0));
    }
    stage.service.on("/base/items", Reply::json(200, &json!({"a": 1})).header("ETag", "\"7\""));
    let mut connection = http.open();
    let head = connection.try_call("HEAD", "/open/items", &[], None).unwrap();
    assert_eq!((head.status, head.header("content-length"), head.header("etag")), (200, Some("7"), Some("\"7\"")));
    // Nothing of a body came: the connection's next answer is the next call's.
    let next = connection.try_call("GET", "/open/items", &[], None).unwrap();
    assert_eq!(next.json(), json!({"a": 1}));
    stage.service.on("/base/items", Reply::status(404));
    let refused = connection.try_call("HEAD", "/open/items", &[], None).unwrap();
    assert_eq!((refused.status, refused.body.len()), (404, 0));
    assert!(refused.header("content-length").is_some_and(|length| length != "0"), "{refused:?}");
    let next = connection.try_call("HEAD", "/nothing", &[], None).unwrap();
    assert_eq!(next.status, 404);
    let mut raw = TcpStream::connect(stage.limen.gateway()).unwrap();
    raw.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    raw.write_all(b"HEAD /open/items HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").unwrap();
    let mut came = String::new();
    raw.read_to_string(&mut came).unwrap();
    assert!(came.starts_with("HTTP/1.1 400 ") && came.ends_with("\r\n\r\n"), "{came}");
    assert!(came.contains("content-length: ") && !came.contains("content-length: 0"), "{came}");
}

#[test]
fn nothing_cut_looks_whole() {
    let stage = Stage::new();
    let http = stage.http();
    for (what, reply) in [
        ("a length", Reply::status(200).body("0123456789").cut_after(4)),
        ("a length, at its very end", Reply::status(200).body("0123456789").cut_after(9)),
        ("a length, at its begin", Reply::status(200).body("0123456789").cut_after(0)),
        ("chunks", Reply::status(200).chunked(["01234", "56789"]).cut_after(0)),
        ("chunks, inside of one", Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123")),
        (
            "chunks, before the last line",
            Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n01\r\n0\r\n"),
        ),
        ("chunks, of nonsense", Reply::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n01\r\nxyz\r\n")),
    ] {
        stage.service.on("/base/items", reply);
        let mut connection = http.open();
        let answer = connection.try_call("GET", "/open/items", &[], None).unwrap();
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        assert!(answer.cut, "{what}: {answer:?}");
        assert!(connection.is_closed(), "{what}");
    }
    // One that stops in its middle is cut after the idle deadline.
    let gate = Gate::new();
    stage.service.on("/base/items", Reply::status(200).gated("first", &gate, "second"));
    let answer = http.get("/slow/items", &[]);
    assert_eq!((answer.status, answer.cut, answer.text().as_str()), (200, true, "first"));
    gate.open();
    // A body that ends with the connection is whole to whoever knows no better, and so is what leaves.
    stage.service.on("/base/items", Reply::raw("HTTP/1.1 200 OK\r\n\r\n0123456789"));
    let answer = http.get("/open/items", &[]);
    assert_eq!((answer.cut, answer.text().as_str()), (false, "0123456789"), "{answer:?}");
}

#[test]
fn header_fields_that_stay_with_us() {
    let stage = Stage::new();
    let reply = Reply::json(200, &json!({}))
        .header("Server", "Secret/1")
        .header("X-Powered-By", "Secret")
        .header("WWW-Authenticate", "Basic")
        .header("RateLimit", "x")
        .header("RateLimit-Policy", "x")
        .header("RateLimit-Remaining", "1")
        .header("X-Request-Id", "forged")
        .header("Limen-Assertion", "forged")
        .header("Access-Control-Allow-Origin", "https://elsewhere.example")
        .header("Set-Cookie", "a=1")
        .header("Connection", "X-Hop")
        .header("X-Hop", "1")
        .header("Keep-Alive", "timeout=5")
        .header("Link", "<a>; rel=next")
        .header("Link", "<b>; rel=prev")
        .header("X-Own", "kept");
    stage.service.on("/base/items", reply);
    let strict = stage.http().get("/open/items", &[]);
    for gone in [
        "server",
        "x-powered-by",
        "www-authenticate",
        "ratelimit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "limen-assertion",
        "set-cookie",
        "x-hop",
        "keep-alive",
    ] {
        assert_eq!(strict.header(gone), None, "{gone}: {strict:?}");
    }
    assert_eq!(strict.headers_named("access-control-allow-origin"), ["*"]);
    assert_ne!(strict.headers_named("x-request-id"), ["forged"]);
    assert_eq!(strict.headers_named("link"), ["<a>; rel=next", "<b>; rel=prev"]);
    assert_eq!(strict.header("x-own"), Some("kept"));
    let lenient = stage.http().get("/lenient/items", &[]);
    assert_eq!((lenient.header("set-cookie"), lenient.header("server")), (Some("a=1"), None));
    let transparent = stage.http().get("/transparent/items", &[]);
    assert_eq!((transparent.header("server"), transparent.header("set-cookie")), (Some("Secret/1"), None));
}

#[test]
fn an_api_may_let_more_through() {
    let stage = Stage::new();
    let http = stage.http();
    let said = json!({"mine": true});
    for status in [206, 302, 409, 503] {
        stage.service.on("/base/items", Reply::json(status, &said));
        let answer = http.get("/lenient/items", &[]);
        assert_eq!((answer.status, answer.json()), (status, said.clone()), "pass_statuses");
    }
    stage.service.on("/base/items", Reply::json(401, &json!({"message": "Not you."})));
    let answer = http.get("/lenient/items", &[]);
    assert_eq!((answer.status, &answer.json()["message"]), (401, &json!("Not you.")), "pass_401");
    for (status, leaves_as) in [(400, 400), (404, 404), (410, 404), (422, 400), (429, 429)] {
        stage.service.on("/base/items", Reply::json(status, &said));
        let answer = http.get("/passing/items", &[]);
        assert_eq!((answer.status, answer.json()), (leaves_as, said.clone()), "error_body = pass");
    }
    stage.service.on("/base/items", Reply::json(500, &said));
    assert_eq!(http.get("/passing/items", &[]).json()["code"], "unexpected");
    for status in [200, 201, 204, 206, 301, 304, 400, 401, 404, 418, 422, 500, 503] {
        let reply = if status == 204 || status == 304 { Reply::status(status) } else { Reply::json(status, &said) };
        stage.service.on("/base/items", reply);
        let answer = http.get("/transparent/items", &[]);
        assert_eq!(answer.status, status, "transparent");
        assert!(answer.body.is_empty() || answer.json() == said, "{answer:?}");
    }
    // Limen's own refusals stay as they are.
    stage.refused(
        &http.get("/transparent/a/..", &[]),
        400,
        "malformed-request",
        "The request's path is malformed: a dot segment.",
    );
}
