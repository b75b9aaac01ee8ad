//! 400: the request itself is wrong: its syntax, framing, size, time, or its body.

use limen_testbed::{Answer, Reply};
use serde_json::json;

use crate::stage::{KEY, Stage};

/// The refusal of something that could not be read, whatever its words.
#[track_caller]
fn malformed(stage: &Stage, answer: &Answer, code: &str) -> serde_json::Value {
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    assert!(!message.is_empty());
    stage.refused(answer, 400, code, &message)
}

#[test]
fn what_is_no_request_is_refused_in_the_contract_s_form() {
    let stage = Stage::new();
    let host = stage.limen.gateway();
    let with = |line: &str, fields: &str| format!("{line}\r\nHost: {host}\r\n{fields}\r\n");
    let get = "GET /open/items HTTP/1.1";
    let post = "POST /open/items HTTP/1.1";
    let requests: Vec<(&str, Vec<u8>)> = vec![
        ("no Host", format!("{get}\r\n\r\n").into()),
        ("two Hosts", with(get, &format!("Host: {host}\r\n")).into()),
        ("two different Hosts", with(get, "Host: elsewhere\r\n").into()),
        ("Host with a path", format!("{get}\r\nHost: a/b\r\n\r\n").into()),
        ("Host with user information", format!("{get}\r\nHost: a@b\r\n\r\n").into()),
        ("another host in the target", with("GET http://elsewhere/open/items HTTP/1.1", "").into()),
        ("no version", with("GET /open/items", "").into()),
        ("an unknown version", with("GET /open/items HTTP/3.7", "").into()),
        ("a method that is no word", with("G(T /open/items HTTP/1.1", "").into()),
        ("a space in the target", with("GET /open/it ems HTTP/1.1", "").into()),
        ("a target without a slash", with("GET open HTTP/1.1", "").into()),
        ("a field without a colon", with(get, "No colon here\r\n").into()),
        ("a space before the colon", with(get, "Field : value\r\n").into()),
        ("a folded field", with(get, "Field: one\r\n two\r\n").into()),
        ("a control character in a field", with(get, "Field: a\x01b\r\n").into()),
        ("a field name that is no word", with(get, "Fie(ld: value\r\n").into()),
        ("two lengths", with(post, "Content-Length: 2\r\nContent-Length: 3\r\n").into()),
        ("a length with a sign", with(post, "Content-Length: +2\r\n").into()),
        ("a length that is no number", with(post, "Content-Length: two\r\n").into()),
        ("a coding that is not chunked", with(post, "Transfer-Encoding: gzip\r\n").into()),
        ("chunked twice", with(post, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").into()),
        ("chunks in HTTP/1.0", with("POST /open/items HTTP/1.0", "Transfer-Encoding: chunked\r\n").into()),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("a preface of HTTP/2 that goes wrong", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n".to_vec()),
    ];
    let mut passed = Vec::new();
    for (what, bytes) in requests {
        let answer = stage.http().send(&bytes);
        if answer.status != 400 {
            passed.push(what);
            continue;
        }
        malformed(&stage, &answer, "malformed-request");
    }
    assert!(passed.is_empty() && stage.service.hits() == 0, "{passed:?} {:?}", stage.service.requests());
}

#[test]
fn a_path_that_two_readers_could_take_for_two_is_refused() {
    let stage = Stage::new();
    for path in [
        "/open/../things/v1/items",
        "/open/./items",
        "/open/%2e%2e/things",
        "/open/a%2Fb",
        "/open/a%5Cb",
        "/open/a\\b",
        "/open/a%00b",
        "/open/a%252fb",
        "/open/a%2",
        "/open/a%zz",
        "/open/%ff",
        "/open/a;/../b",
    ] {
        let answer = stage.http().get(path, &[]);
        assert_eq!(answer.status, 400, "{path}: {answer:#?}");
        let body = malformed(&stage, &answer, "malformed-request");
        let error = &body["errors"][0];
        assert_eq!(error["in"], "path", "{path}: {body}");
        assert!(error["message"].as_str().is_some_and(|words| words.contains("segment")), "{path}: {body}");
    }
    assert_eq!(stage.service.hits(), 0);
    // Both media types, and every flaw of a head at once.
    let message = "There is more than one Authorization header; send one.";
    let two = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")];
    let answer = stage.refused_in_both_forms(400, "malformed-request", message, |fields| {
        stage.http().get("/tokened/items", &[&two[..], fields].concat())
    });
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="invalid_request""#), "{challenge}");
    let answer = stage.http().send(b"GET /open HTTP/1.1\r\n\r\n");
    let body = malformed(&stage, &answer, "malformed-request");
    assert_eq!(body["errors"][0]["pointer"], "/host", "{body}");
}

#[test]
fn a_head_has_bounds() {
    let stage = Stage::new();
    let host = stage.limen.gateway();
    let long = "x".repeat(33 * 1024);
    let many = (0..120).fold(String::new(), |fields, number| format!("{fields}Field-{number}: v\r\n"));
    let two_halves = format!("A: {}\r\nB: {}\r\n", &long[..17 * 1024], &long[..17 * 1024]);
    for (what, request) in [
        ("one long field", format!("GET /open HTTP/1.1\r\nHost: {host}\r\nField: {long}\r\n\r\n")),
        ("two halves", format!("GET /open HTTP/1.1\r\nHost: {host}\r\n{two_halves}\r\n")),
        ("many fields", format!("GET /open HTTP/1.1\r\nHost: {host}\r\n{many}\r\n")),
        ("a long target", format!("GET /open/{} HTTP/1.1\r\nHost: {host}\r\n\r\n", &long[..17 * 1024])),
        ("a very long target", format!("GET /open/{long}{long}{long} HTTP/1.1\r\nHost: {host}\r\n\r\n")),
    ] {
        let answer = stage.http().send(request.as_bytes());
        assert_eq!(answer.status, 400, "{what}: {answer:#?}");
        malformed(&stage, &answer, "headers-too-large");
    }
    assert_eq!(stage.service.hits(), 0);
    let most = format!("GET /open/items HTTP/1.1\r\nHost: {host}\r\nField: {}\r\n\r\n", &long[..30 * 1024]);
    assert_eq!(stage.http().send(most.as_bytes()).status, 200);
}

#[test]
fn a_body_breaks_off_or_its_framing_is_wrong() {
    let stage = Stage::new();
    let host = stage.limen.gateway();
    let broke_off = "The body broke off.";
    let json = "Content-Type: application/json\r\n";
    let chunks = |body: &str| {
        format!("POST /open/items HTTP/1.1\r\nHost: {host}\r\n{json}Transfer-Encoding: chunked\r\n\r\n{body}")
    };
    let no_number = "The size of a chunk of the body isn't hexadecimal digits alone.";
    let no_end = "The data of a chunk isn't followed by carriage return and line feed; its size may be wrong.";
    let too_large = "The size of a chunk of the body is larger than any chunk can be.";
    let extended = "A chunk of the body has an extension after its size; leave it out.";
    for (message, request) in [
        (no_number, chunks("zz\r\n{}\r\n0\r\n\r\n")),
        (no_number, chunks("+2\r\n{}\r\n0\r\n\r\n")),
        (no_end, chunks("2\r\n{}}\r\n0\r\n\r\n")),
        (too_large, chunks("fffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
        (extended, chunks("2;a=b\r\n{}\r\n0\r\n\r\n")),
        (broke_off, chunks("2\r\n{}\r\n")),
        (broke_off, format!("POST /open/items HTTP/1.1\r\nHost: {host}\r\n{json}Content-Length: 9\r\n\r\n{{}}")),
    ] {
        let mut connection = stage.http().open();
        connection.write(request.as_bytes());
        connection.end_writing();
        let answer = connection.answer_to("POST");
        assert_eq!(answer.status, 400, "{message}: {answer:#?}");
        stage.refused(&answer, 400, "malformed-request", message);
    }
    assert_eq!(stage.service.hits(), 0);
}

#[test]
fn a_body_that_stops_coming_is_not_waited_for() {
    let stage = Stage::new();
    let host = stage.limen.gateway();
    for (media_type, hits) in [("application/json", 0), ("text/plain", 1)] {
        let mut connection = stage.http().open();
        let request = format!(
            "POST /slow/items HTTP/1.1\r\nHost: {host}\r\nContent-Type: {media_type}\r\nContent-Length: 9\r\n\r\n{{"
        );
        connection.write(request.as_bytes());
        let answer = connection.answer_to("POST");
        stage.refused(&answer, 400, "request-timeout", "The body did not arrive in time.");
        assert!(stage.service.hits() <= hits, "{media_type}");
    }
    assert!(stage.service.requests().iter().all(|request| !request.complete));
}

#[test]
fn a_body_that_is_not_json() {
    let stage = Stage::new();
    let http = stage.http();
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for (body, place) in [
        ("{\"a\": }", "line 1, column 7"),
        ("{\n  \"a\": 1,\n  b\n}", "line 3, column 3"),
        ("{\"a\":1,\"a\":2}", "line 1, column 8"),
        ("{\"ä\": tru}", "line 1, column 10"),
        ("{\"a\":1} x", "line 1, column 9"),
        ("", "line 1, column 1"),
        ("[1,]", "line 1, column 4"),
        (&deep, "line 1, column 65"),
    ] {
        let answer = http.post("/open/items", &[], body);
        if body.is_empty() {
            // Nothing came, so there is nothing to be read.
            assert_eq!(answer.status, 200, "{answer:#?}");
            continue;
        }
        assert_eq!(answer.status, 400, "{body}: {answer:#?}");
        let problem = malformed(&stage, &answer, "body-not-json");
        let message = problem["message"].as_str().unwrap();
        assert!(message.starts_with("The body is not JSON: line "), "{message}");
        assert!(message.contains(place), "{body}: {message}");
        assert_eq!(problem["errors"][0]["in"], "body");
    }
    let not_utf8 = http.call("POST", "/open/items", &[("Content-Type", "application/json")], Some(b"\"\xff\""));
    malformed(&stage, &not_utf8, "body-not-json");
    let hits = stage.service.hits();
    let message = "The body is not JSON: line 1, column 2: ";
    let answer = http.post("/open/items", &[("Accept", "application/json")], "{]");
    assert!(answer.json()["message"].as_str().unwrap().starts_with(message), "{answer:#?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(stage.service.hits(), hits);
}

#[test]
fn a_body_that_is_too_large() {
    let stage = Stage::new();
    let http = stage.http();
    let (key, bearer) = (stage.subscribe("all").primary, stage.bearer("wes"));
    let fields = [(KEY, key.as_str()), ("Authorization", bearer.as_str())];
    let fits = format!("\"{}\"", "x".repeat(1_998));
    assert_eq!(http.post("/things/v1/items", &fields, &fits).status, 200);
    let over = format!("\"{}\"", "x".repeat(1_999));
    let message = "The body is larger than the 2000 bytes that this operation accepts.";
    stage.refused_in_both_forms(400, "body-too-large", message, |accept| {
        http.post("/things/v1/items", &[&fields[..], accept].concat(), &over)
    });
    // Announced by nothing, found while it comes.
    let chunked = [&fields[..], &[("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]].concat();
    let body = format!("7d1\r\n{over}\r\n0\r\n\r\n");
    let answer = http.call("POST", "/things/v1/items", &chunked, Some(body.as_bytes()));
    stage.refused(&answer, 400, "body-too-large", message);
    assert_eq!(stage.service.hits(), 1);
}

#[test]
fn the_service_s_own_words() {
    let stage = Stage::new();
    let http = stage.http();
    let said = json!({"message": "The name is taken.", "field": "name"});
    stage.service.on("/base/items", Reply::json(400, &said));
    let answer = stage
        .refused_in_both_forms(400, "service-refused", "The name is taken.", |fields| http.get("/open/items", fields));
    assert_eq!(answer.json()["service"], said);
    stage.service.on("/base/items", Reply::json(412, &json!({"title": "Somebody was faster."})));
    let answer = http.call("PATCH", "/open/items", &[("If-Match", "\"1\"")], None);
    stage.refused(&answer, 400, "precondition-failed", "Somebody was faster.");
    assert_eq!(stage.service.last().header("if-match"), Some("\"1\""));
}

#[test]
fn a_request_that_two_parsers_could_read_in_two_ways_never_reaches_the_service() {
    let stage = Stage::new();
    let host = stage.limen.gateway();
    let get = |fields: &str| format!("GET /open/items HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    let post = |fields: &str| format!("POST /open/items HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{{}}");
    for request in [
        post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"),
        post("Content-Length: 2\r\nContent-Length: 2\r\n"),
        post("Content-Length: 2, 2\r\n"),
        post("Content-Length: +2\r\n"),
        post("Content-Length : 2\r\n"),
        post("Transfer-Encoding: chunked, chunked\r\n"),
        post("Transfer-Encoding: gzip, chunked\r\n"),
        post("Transfer-Encoding: identity\r\n"),
        post("Transfer_Encoding: chunked\r\nContent-Length: 2\r\n"),
        get("Host: other\r\n"),
        get("A: b\r\n folded\r\n"),
        get("A: b\nC: d\r\n"),
        get("A: b\rc\r\n"),
        get("A: \0\r\n"),
        get(": empty\r\n"),
        get("no colon\r\n"),
        format!("GET /open/items#part HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET  /open/items HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET\t/open/items HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /open/items HTTP/1.2\r\nHost: {host}\r\n\r\n"),
        format!("GET /open/items HTTP/2.0\r\nHost: {host}\r\n\r\n"),
        format!("GET /open/items\r\nHost: {host}\r\n\r\n"),
        format!("G(T /open/items HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET open/items HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET http://elsewhere/open/items HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        "GET /open/items HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(),
        "GET /open/items HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let mut connection = stage.http().open();
        connection.write(request.as_bytes());
        let answer = connection.answer_to("GET");
        assert_eq!(answer.status, 400, "{request:?}: {answer:#?}");
        let body = malformed(&stage, &answer, "malformed-request");
        assert!(body["errors"][0]["message"].is_string(), "{request:?}: {body}");
        assert_eq!(answer.header("connection"), Some("close"), "{request:?}");
        assert!(answer.header("date").is_some(), "{request:?}");
        assert!(connection.is_closed(), "{request:?}: nothing of it is read as another request");
    }
    assert_eq!(stage.service.hits(), 0);
}
