//! Heads of HTTP/2: what is refused, how it is told, and that none of it reaches the service.

use limen_testbed::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, RST_STREAM, frame, get, literals,
};
use limen_testbed::{Reply, eventually};

use super::{STATUS_200, STATUS_400, post};
use crate::stage::Stage;
use crate::telemetry::{figure, of_socket};

/// What is kept of a head, as HTTP/2 counts it.
const LIST_MAX_BYTES: usize = 1 << 20;

/// The figures of streams and connections that were refused are these.
fn refused_become(stage: &Stage, (streams, connections): (usize, usize)) {
    for (what, count) in [("stream", streams), ("connection", connections)] {
        let name = format!("limen_http2_refused_total{{what=\"{what}\"}}");
        eventually("they are counted", || {
            (figure(&of_socket(&stage.limen), &name) == Some(count as f64)).then_some(())
        });
    }
}

/// The code of a refusal that came in frames, with the status 400.
fn refusal(frames: &[Frame]) -> String {
    let head = frames.iter().find(|frame| frame.kind == HEADERS);
    assert_eq!(head.and_then(|head| head.payload.first()), Some(&STATUS_400), "{frames:?}");
    let body: Vec<u8> = frames.iter().filter(|frame| frame.kind == DATA).flat_map(|f| f.payload.clone()).collect();
    let body: serde_json::Value = serde_json::from_slice(&body).expect("the contract's form");
    body["code"].as_str().expect("a code").to_owned()
}

#[test]
#[expect(clippy::too_many_lines, reason = "two tables of cases")]
fn what_two_readers_could_take_for_two_is_refused_and_never_reaches_the_service() {
    let stage = Stage::new();
    stage.service.record(true);
    let authority = stage.limen.gateway().to_string();
    let base = get("/open/items", &authority);
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        base.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let path = |path: &str| {
        let mut fields = with(&[]);
        fields[3].1 = path.to_owned();
        fields
    };
    let pseudo = |at: usize, value: Option<&str>| {
        let mut fields = with(&[]);
        match value {
            Some(value) => fields[at].1 = value.to_owned(),
            None => drop(fields.remove(at)),
        }
        fields
    };
    let large = "x".repeat(40_000);
    let larger = "x".repeat(1_000_000);
    // Answered by us, in the contract's form.
    let refused: Vec<Vec<(String, String)>> = vec![
        with(&[("host", "other.example")]),
        with(&[("host", "a"), ("host", "b")]),
        pseudo(2, None),
        pseudo(2, Some("user@h")),
        pseudo(1, Some("ftp")),
        path("*"),
        path("/open/a%2fb/../c"),
        path("/open/%00"),
        path("/open/%zz"),
        path("/open/\u{e9}"),
        with(&[("content_length", "5")]),
        with(&[("transfer_encoding", "chunked")]),
        with(&[("content-length", "00")]),
        with(&[("expect", "something")]),
        with(&[("x", " a")]),
        with(&[("x", "a\t")]),
        with(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]),
        with(&[]).into_iter().chain([("x".to_owned(), large)]).collect(),
        with(&[]).into_iter().chain([("x".to_owned(), larger)]).collect(),
        with(&[]).into_iter().chain((0..101).map(|at| (format!("x-{at}"), String::new()))).collect(),
    ];
    for fields in &refused {
        let shown = format!("{fields:?}").chars().take(400).collect::<String>();
        let frames = sent(&stage, fields);
        let code = refusal(&frames);
        assert!(["malformed-request", "headers-too-large"].contains(&&*code), "{shown}: {code}");
    }
    // Reset by the library: whoever sends these is no caller.
    let reset: Vec<Vec<(String, String)>> = vec![
        with(&[("X-Upper", "a")]),
        with(&[("connection", "close")]),
        with(&[("keep-alive", "a")]),
        with(&[("proxy-connection", "a")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "websocket")]),
        with(&[("te", "gzip")]),
        with(&[("x", "a\r\nb: c")]),
        with(&[("x", "a\0b")]),
        with(&[("x\r\ny", "a")]),
        with(&[("x y", "a")]),
        with(&[("", "a")]),
        with(&[(":method", "POST")]),
        with(&[(":path", "/keyed/items")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "a")]),
        with(&[(":protocol", "websocket")]),
        with(&[("x", "a"), (":authority", "h")]),
        with(&[("content-length", "5")]),
        with(&[("content-length", "0"), ("content-length", "1")]),
        with(&[("content-length", "+0")]),
        pseudo(0, None),
        pseudo(1, None),
        pseudo(3, None),
        path(""),
        path("items"),
        path("/a b"),
        path("/open/items HTTP/1.1\r\nx: y"),
        pseudo(0, Some("GET /x HTTP/1.1\r\n")),
        pseudo(2, Some("a b")),
        pseudo(1, Some("ht tp")),
    ];
    let mut counted = (0, 0);
    for fields in &reset {
        let frames = sent(&stage, fields);
        counted.0 += frames.iter().filter(|frame| frame.kind == RST_STREAM).count();
        counted.1 += frames.iter().filter(|frame| frame.kind == GOAWAY).count();
        let ended = frames.iter().any(|frame| matches!(frame.kind, RST_STREAM | GOAWAY)) || frames.is_empty();
        let answered = frames.iter().find(|frame| frame.kind == HEADERS).map(|head| head.payload[0]);
        assert!(ended && answered.is_none() || answered == Some(STATUS_400), "{fields:?}: {frames:?}");
    }
    assert_eq!(stage.service.hits(), 0, "{:?}", stage.service.requests());
    assert!(counted.0 > 0 && counted.1 > 0, "{counted:?}");
    refused_become(&stage, counted);
    // What looks odd and isn't.
    for fields in [
        with(&[("te", "trailers")]),
        with(&[]).into_iter().chain([("host".to_owned(), authority.to_uppercase())]).collect(),
        pseudo(1, Some("https")),
        path("//open///items/"),
    ] {
        let frames = sent(&stage, &fields);
        assert_eq!(frames[0].payload[0], STATUS_200, "{fields:?}: {frames:?}");
    }
    assert_eq!(stage.service.hits(), 4);
}

/// The frames of the answer to a GET with these fields, which may not fit into one frame.
fn sent(stage: &Stage, fields: &[(String, String)]) -> Vec<Frame> {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut frames = Frames::open(stage.limen.gateway());
    write(&mut frames, 1, &literals(&fields));
    frames.until_end_of(1)
}

/// Sends a head, in as many frames as it takes.
fn write(frames: &mut Frames, stream: u32, block: &[u8]) {
    let pieces: Vec<&[u8]> = block.chunks(16_000).collect();
    for (at, piece) in pieces.iter().enumerate() {
        let kind = if at == 0 { HEADERS } else { CONTINUATION };
        let ends = if at + 1 == pieces.len() { END_HEADERS } else { 0 };
        let flags = ends | if at == 0 { END_STREAM } else { 0 };
        frames.write(&frame(kind, flags, stream, piece));
    }
}

#[test]
fn what_is_too_large_ends_its_stream_alone() {
    let stage = Stage::new();
    let authority = stage.limen.gateway().to_string();
    let base = get("/open/items", &authority);
    let mut frames = Frames::open(stage.limen.gateway());
    let with = |more: &[(&str, &str)]| literals(&[&base, more].concat());
    let text = "x".repeat(LIST_MAX_BYTES);
    let many: Vec<String> = (0..6_000).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (&**name, &text[..100])).collect();
    for (at, block) in [
        with(&[("x", &text[..33_000])]),
        with(&[("x", &text[..140_000])]),
        with(&[("x", &text[..LIST_MAX_BYTES - 300])]),
        with(&many),
    ]
    .iter()
    .enumerate()
    {
        let stream = 1 + 4 * u32::try_from(at).unwrap();
        write(&mut frames, stream, block);
        assert_eq!(refusal(&frames.until_end_of(stream)), "headers-too-large");
        frames.head(stream + 2, &base, true);
        assert_eq!(frames.until_end_of(stream + 2)[0].payload[0], STATUS_200);
    }
    refused_become(&stage, (0, 0));
    // More than is kept of a head: the library's own 431, without a body. The others go on.
    write(&mut frames, 101, &with(&[("x", &text)]));
    let came = frames.until_end_of(101);
    assert!(came[0].ends_stream() && came[0].kind == HEADERS && came[0].payload[0] != STATUS_200, "{came:?}");
    frames.head(103, &base, true);
    assert_eq!(frames.until_end_of(103)[0].payload[0], STATUS_200);
    assert_eq!(stage.service.hits(), 5);
}

#[test]
fn a_fragment_is_nobodys() {
    let stage = Stage::new();
    stage.service.record(true);
    let authority = stage.limen.gateway().to_string();
    let mut frames = Frames::open(stage.limen.gateway());
    frames.head(1, &get("/open/items?a=b#/../../keyed", &authority), true);
    assert_eq!(frames.until_end_of(1)[0].payload[0], STATUS_200);
    assert_eq!(stage.service.last().target, "/base/items?a=b");
    // What is decided on is what is left, too.
    frames.head(3, &get("/keyed/items#/../../open", &authority), true);
    assert_ne!(frames.until_end_of(3)[0].payload[0], STATUS_200);
    assert_eq!(stage.service.hits(), 1);
}

#[test]
fn a_field_that_is_overlooked_goes_no_further() {
    // The library forgets that a field was wrong where the head goes on in another frame amid a field: the wrong one is
    // dropped, and of two pseudo-header fields the second.
    let stage = Stage::new();
    stage.service.record(true);
    let authority = stage.limen.gateway().to_string();
    let base = get("/open/items", &authority);
    for wrong in [("connection", "limen-user"), (":path", "/keyed/items"), ("te", "gzip")] {
        let block = literals(&[&base[..], &[wrong, ("x-last", "1")]].concat());
        let (first, second) = block.split_at(block.len() - 4);
        let mut frames = Frames::open(stage.limen.gateway());
        frames.write(&frame(HEADERS, END_STREAM, 1, first));
        frames.write(&frame(CONTINUATION, END_HEADERS, 1, second));
        // Should this be refused one day, docs/decisions/0019 has less to tell.
        assert_eq!(frames.until_end_of(1)[0].payload[0], STATUS_200);
        let seen = stage.service.last();
        assert_eq!((seen.target.as_str(), seen.header("x-last")), ("/base/items", Some("1")), "{wrong:?}");
        assert_eq!((seen.header("te"), seen.header("connection")), (None, None), "{wrong:?}");
    }
}

#[test]
fn what_is_kept_of_trailers_and_waited_for_of_heads_is_bounded() {
    let stage = Stage::with_settings("gateway: {head_timeout_s: 1}\nlog: {level: debug}\n");
    let authority = stage.limen.gateway().to_string();
    // Trailers end here, however many frames they came in; too many of them end the connection.
    stage.service.on("/base/items", Reply::status(200));
    for (bytes, passes) in [(4_000, true), (4_200, false)] {
        let mut frames = Frames::open(stage.limen.gateway());
        frames.head(1, &post("/open/items", &authority), false);
        frames.write(&frame(DATA, 0, 1, b"{}"));
        let trailers = literals(&[("x", &"y".repeat(bytes))]);
        let (first, second) = trailers.split_at(2_000);
        frames.write(&frame(HEADERS, END_STREAM, 1, first));
        frames.write(&frame(CONTINUATION, END_HEADERS, 1, second));
        let came = frames.until_end_of(1);
        let answered = came.iter().any(|frame| frame.kind == HEADERS && frame.payload[0] == STATUS_200);
        assert_eq!(answered, passes, "{bytes}: {came:?}");
    }
    refused_become(&stage, (0, 1));
    // Half a head keeps nobody waiting, though a call is under way beside it.
    let gate = limen_testbed::Gate::new();
    stage.service.on("/base/slow", Reply::status(200).wait_for(&gate));
    let mut frames = Frames::open(stage.limen.gateway());
    frames.head(1, &get("/open/other", &authority), true);
    assert_eq!(frames.until_end_of(1)[0].payload[0], STATUS_200);
    frames.head(3, &get("/open/slow", &authority), true);
    frames.write(&frame(HEADERS, END_STREAM, 5, &literals(&get("/open/items", &authority))));
    frames.until_closed();
    refused_become(&stage, (0, 2));
    gate.open();
    // Each is told in the log, with the reason.
    frames = Frames::open(stage.limen.gateway());
    frames.head(1, &[&get("/open/items", &authority)[..], &[("connection", "close")]].concat(), true);
    assert_eq!(frames.until_end_of(1).last().and_then(Frame::error_code), Some(1));
    refused_become(&stage, (1, 2));
    let log = stage.limen.stderr();
    for told in ["trailers are too large", "a head didn't come in time", "reset: its head or trailers are malformed"] {
        assert!(log.contains(told), "{told}");
    }
}
