//! HTTP/2: the same answers as over HTTP/1.1, nothing that two readers could take for two, nothing cut that looks whole.

mod attacks;
mod heads;

use limen_testbed::frames::{
    DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame, get, literals,
};
use limen_testbed::{Gate, Http2, Reply, eventually};

use crate::stage::{KEY, KEY_MISSING, Stage};

const JSON: (&str, &str) = ("content-type", "application/json");
/// How `:status: 400` and `:status: 200` stand in an answer's head (RFC 7541, appendix A).
const STATUS_400: u8 = 0x8c;
const STATUS_200: u8 = 0x88;

/// What is ahead of a body that is sent on its own.
fn post<'p>(path: &'p str, authority: &'p str) -> Vec<(&'p str, &'p str)> {
    let mut fields = get(path, authority).to_vec();
    fields[0].1 = "POST";
    fields.push(JSON);
    fields
}

#[test]
fn calls_are_answered_as_over_http1() {
    let stage = Stage::new();
    let http2 = Http2::open(stage.limen.gateway());
    let key = stage.subscribe("all").primary;

    stage.service.on("/base/items", Reply::status(201).header("X-Made", "1").body(br#"{"id":"7"}"#.to_vec()));
    let answer = http2.call("POST", "/keyed//items/?a=%20b", &[(KEY, &key), JSON, ("cookie", "a")], Some(b"{\"a\":1}"));
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"id":"7"}"#), "{answer:?}");
    assert_eq!((answer.header("x-made"), answer.header("content-length")), (Some("1"), Some("10")), "{answer:?}");
    assert_eq!(answer.header("connection"), None);
    let seen = stage.service.last();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/base/items?a=%20b"));
    assert_eq!(String::from_utf8_lossy(&seen.body), "{\"a\":1}");
    assert_eq!((seen.header(KEY), seen.header("cookie")), (None, None));

    let refused = http2.get("/keyed/items", &[]);
    stage.refused(&refused, 401, "subscription-key-missing", KEY_MISSING);
    let refused = http2.get("/keyed/items", &[("accept", "application/json")]);
    assert_eq!(refused.header("content-type"), Some("application/json"));
    stage.refused(&http2.get("/nothing-here", &[]), 404, "resource-not-found", "Resource not found");

    let head = http2.call("HEAD", "/open/items", &[], None);
    assert_eq!((head.status, head.body.len()), (200, 0), "{head:?}");
    assert_eq!(http2.call("HEAD", "/nothing-here", &[], None).status, 404);
    stage.service.on("/base/none", Reply::status(204));
    let none = http2.get("/open/none", &[]);
    assert_eq!((none.status, none.header("content-length")), (200, Some("0")), "{none:?}");

    let large: String = (0..300_000).map(|number| format!("{number:09},")).collect();
    stage.service.on("/base/large", Reply::status(200).body(large.clone()));
    stage.service.on("/base/streamed", Reply::status(200).chunked([&large[..100_000], &large[100_000..]]));
    for path in ["/open/large", "/open/streamed"] {
        let answer = http2.get(path, &[]);
        assert!(answer.text() == large && !answer.cut, "{path}: {} bytes", answer.body.len());
    }
}

#[test]
fn many_calls_share_a_connection() {
    let stage = Stage::new();
    let http2 = Http2::open(stage.limen.gateway());
    stage.service.answer(|seen| Reply::status(200).body(seen.body.clone()));
    let body = format!("\"{}\"", "x".repeat(30_000));
    for answer in http2.at_once(300, "POST", "/open/items", &[JSON], Some(body.as_bytes())) {
        assert!(answer.status == 200 && answer.text() == body, "{} {}", answer.status, answer.body.len());
    }
    assert_eq!(stage.service.hits(), 300);
}

#[test]
fn a_preface_that_breaks_off_or_goes_wrong_is_no_request() {
    let stage = Stage::new();
    let http = stage.http();
    assert_eq!(http.send("PRI * HTTP/2.0\r\nHost: h\r\n\r\n").status, 400);
    assert_eq!(http.send("GET / HTTP/2.0\r\nHost: h\r\n\r\n").status, 400);
    // One byte after the other.
    let mut frames = Frames::silent(stage.limen.gateway());
    for byte in PREFACE.iter().chain(&frame(SETTINGS, 0, 0, &[])) {
        assert!(frames.write(&[*byte]));
    }
    let authority = stage.limen.gateway().to_string();
    frames.head(1, &get("/open/items", &authority), true);
    assert_eq!(frames.until_end_of(1)[0].payload[0], STATUS_200);
    // Not behind a request of HTTP/1.1.
    let mut connection = http.open();
    connection.write(format!("GET /open/items HTTP/1.1\r\nHost: {authority}\r\n\r\n").as_bytes());
    assert_eq!(connection.answer_to("GET").status, 200);
    connection.write(PREFACE);
    assert_eq!(connection.answer_to("GET").status, 400);
}

#[test]
fn nothing_cut_looks_whole() {
    let stage = Stage::new();
    stage.service.on("/base/cut", Reply::status(200).chunked(["abc", "def"]).cut_after(8));
    stage.service.on("/base/short", Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"));
    let authority = stage.limen.gateway().to_string();
    for path in ["/open/cut", "/open/short"] {
        let mut frames = Frames::open(stage.limen.gateway());
        frames.head(1, &get(path, &authority), true);
        let came = frames.until_end_of(1);
        assert!(came.iter().all(|frame| !frame.ends_stream()), "{path}: {came:?}");
        let last = came.last().unwrap();
        assert_eq!((last.kind, last.error_code()), (RST_STREAM, Some(2)), "{path}: {came:?}");
        // The connection isn't to blame.
        frames.head(3, &get("/open/items", &authority), true);
        assert_eq!(frames.until_end_of(3)[0].payload[0], STATUS_200);
    }
}

#[test]
fn a_call_that_is_taken_back_is_let_go() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let authority = stage.limen.gateway().to_string();
    let mut frames = Frames::open(stage.limen.gateway());
    let left = |count: u64| {
        eventually("the call has ended, though the service hasn't answered", || {
            let status = stage.limen.json(&["status"]);
            let left = status["calls_by_status"].as_array()?.iter().find(|line| line[0] == 0)?[1].as_u64()?;
            (left == count).then_some(())
        });
    };
    frames.head(1, &get("/open/slow", &authority), true);
    eventually("the service has it", || (stage.service.hits() == 1).then_some(()));
    frames.write(&frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()));
    left(1);
    frames.head(3, &get("/open/slow", &authority), true);
    eventually("the service has it", || (stage.service.hits() == 2).then_some(()));
    drop(frames);
    left(2);
    gate.open();
}

#[test]
fn bodies_are_bounded_and_what_breaks_is_the_callers() {
    let stage = Stage::new();
    let http2 = Http2::open(stage.limen.gateway());
    let large = vec![b' '; 5 << 20];
    for _ in 0..3 {
        assert_eq!(http2.call("POST", "/keyed/items", &[JSON], Some(&large)).status, 401);
        let answer = http2.call("POST", "/open/items", &[JSON], Some(&large));
        assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (400, "body-too-large"));
        let told = (large.len()).to_string();
        let answer = http2.call("POST", "/open/items", &[JSON, ("content-length", &told)], Some(&large));
        assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (400, "body-too-large"));
    }
    assert_eq!(stage.service.hits(), 0);

    let authority = stage.limen.gateway().to_string();
    // Early answers end with their stream, and ask for no more of the body.
    let mut frames = Frames::open(stage.limen.gateway());
    frames.head(1, &post("/keyed/items", &authority), false);
    let came = frames.until_end_of(1);
    assert!(came.last().unwrap().ends_stream(), "{came:?}");
    let reset = loop {
        let next = frames.read().expect("a reset");
        if next.kind == RST_STREAM {
            break next;
        }
    };
    assert_eq!((reset.stream, reset.error_code()), (1, Some(0)), "NO_ERROR");

    // Lengths that don't agree with the data, either way.
    for (told, data) in [("2", "{} "), ("9", "{}")] {
        let mut frames = Frames::open(stage.limen.gateway());
        let mut fields = post("/open/items", &authority);
        fields.push(("content-length", told));
        frames.head(1, &fields, false);
        frames.write(&frame(DATA, END_STREAM, 1, data.as_bytes()));
        let came = frames.until_end_of(1);
        assert_eq!(came.last().map(|frame| frame.kind), Some(RST_STREAM), "{told}: {came:?}");
    }
    // Trailers end here.
    let mut frames = Frames::open(stage.limen.gateway());
    frames.head(1, &post("/open/items", &authority), false);
    frames.write(&frame(DATA, 0, 1, b"{}"));
    frames.write(&frame(
        HEADERS,
        END_HEADERS | END_STREAM,
        1,
        &literals(&[("limen-user", "root"), ("x-trailer", "1")]),
    ));
    assert_eq!(frames.until_end_of(1)[0].payload[0], STATUS_200);
    let seen = stage.service.last();
    assert_eq!((stage.service.hits(), seen.header("x-trailer"), seen.header("limen-user")), (1, None, None));
}

#[test]
fn who_waits_to_be_told_goes_on_when_the_body_is_wanted() {
    let stage = Stage::new();
    let authority = stage.limen.gateway().to_string();
    let mut frames = Frames::open(stage.limen.gateway());
    let mut fields = post("/open/items", &authority);
    fields.push(("expect", "100-continue"));
    frames.head(1, &fields, false);
    let interim = loop {
        let next = frames.read().expect("an interim answer");
        if next.kind == HEADERS {
            break next;
        }
    };
    assert!(!interim.ends_stream() && interim.payload[0] != STATUS_400, "{interim:?}");
    assert_eq!(stage.service.hits(), 0);
    frames.write(&frame(DATA, END_STREAM, 1, b"{}"));
    assert_eq!(frames.until_end_of(1)[0].payload[0], STATUS_200);
    // One whose body nobody wants gets the answer alone.
    fields[3].1 = "/keyed/items";
    frames.head(3, &fields, false);
    let came = frames.until_end_of(3);
    assert_eq!(came.iter().filter(|frame| frame.kind == HEADERS).count(), 1, "{came:?}");
}

#[test]
fn a_stop_lets_calls_end_and_says_goodbye() {
    let mut stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let authority = stage.limen.gateway().to_string();
    let mut frames = Frames::open(stage.limen.gateway());
    frames.head(1, &get("/open/slow", &authority), true);
    eventually("the service has it", || (stage.service.hits() == 1).then_some(()));
    let process = stage.limen.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    let goodbye = loop {
        let next = frames.read().expect("a goodbye");
        if next.kind == GOAWAY {
            break next;
        }
    };
    assert_eq!(goodbye.error_code(), Some(0));
    gate.open();
    assert_eq!(frames.until_end_of(1).iter().find(|frame| frame.kind == HEADERS).unwrap().payload[0], STATUS_200);
    // The last goodbye comes before the answer or behind it.
    assert!(frames.until_closed().is_none_or(|code| code == 0));
    assert_eq!(stage.limen.stop(), Some(0));
}

#[test]
fn a_connection_has_a_hundred_calls_and_the_next_one_is_served() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let authority = stage.limen.gateway().to_string();
    let mut frames = Frames::open(stage.limen.gateway());
    for stream in 0..100 {
        frames.head(1 + 2 * stream, &get("/open/slow", &authority), true);
    }
    eventually("the service has them", || (stage.service.hits() == 100).then_some(()));
    // The next one is more than was allowed: refused, and not a call.
    frames.head(201, &get("/open/items", &authority), true);
    let came = frames.until_end_of(201);
    assert_eq!(came.last().and_then(Frame::error_code), Some(7), "REFUSED_STREAM: {came:?}");
    assert_eq!(Http2::open(stage.limen.gateway()).get("/open/items", &[]).status, 200);
    gate.open();
    assert_eq!(frames.until_end_of(199).last().map(Frame::ends_stream), Some(true));
}
