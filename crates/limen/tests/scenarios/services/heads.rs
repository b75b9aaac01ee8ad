//! What a service does in place of a head, and inside of one.

use limen_testbed::Reply;

use super::{Trial, WORDS};

const UNAVAILABLE: &str = "503 service-unavailable";
const TIMEOUT: &str = "503 service-timeout";
const UNEXPECTED: &str = "500 unexpected";
/// Where a reader may be strict or repair: either is safe.
const WHOLE_OR_UNEXPECTED: &str = "200 whole | 500 unexpected";

/// An answer with these lines, its body `whole` and its length told; the connection stays open.
fn with(status_line: &str, fields: &str) -> Reply {
    Reply::open(format!("{status_line}\r\n{fields}Content-Length: 5\r\n\r\nwhole"))
}

#[test]
fn no_head_or_a_part_of_one() {
    let trial = Trial::new();
    let mut cases = vec![("nothing, then its end", Reply::close_before_head(), UNAVAILABLE)];
    for (what, part) in [
        ("nothing", ""),
        ("a part of the version", "HT"),
        ("a part of the status line", "HTTP/1.1 20"),
        ("a part of a field", "HTTP/1.1 200 OK\r\nContent-Le"),
        ("all but the last line", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
        ("an interim head", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("a part behind an interim head", "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 2"),
    ] {
        cases.push((what, Reply::raw(part), UNAVAILABLE));
        cases.push((what, Reply::open(part).then_reset(), UNAVAILABLE));
    }
    trial.shows_all("patient", cases);
    for part in ["", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n"] {
        trial.shows_all("brief", vec![("it hangs", Reply::open(part).then_hang(), TIMEOUT)]);
    }
}

#[test]
fn what_is_no_http() {
    let trial = Trial::new();
    let mut cases = vec![
        ("an alert of TLS", Reply::raw(&b"\x15\x03\x03\x00\x02\x02\x46\r\n\r\n"[..]), UNEXPECTED),
        ("garbage", Reply::garbage(), UNEXPECTED),
        ("another protocol", Reply::raw(format!("SSH-2.0-{WORDS}\r\n\r\n")), UNEXPECTED),
        ("an answer of HTTP/0.9", Reply::raw(format!("<html>{WORDS}</html>\r\n\r\n")), UNEXPECTED),
        ("JSON alone", Reply::raw(format!("{{\"message\": \"{WORDS}\"}}\r\n\r\n")), UNEXPECTED),
        ("zeros", Reply::raw(vec![0; 4_000]), UNEXPECTED),
        (
            "a preface of HTTP/2",
            Reply::raw(&b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff"[..]),
            UNEXPECTED,
        ),
    ];
    for line in [
        "http/1.1 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/1 200 OK",
        "HTTP/11 200 OK",
        "ICY 200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 000 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 600 OK",
        "HTTP/1.1 999 OK",
        "HTTP/1.1200 OK",
        "200 OK",
    ] {
        cases.push((line, with(line, ""), UNEXPECTED));
    }
    for line in ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1  200 OK", "HTTP/1.1 200 a\tb \u{fc}", "\r\nHTTP/1.1 200 OK"]
    {
        cases.push((line, with(line, ""), WHOLE_OR_UNEXPECTED));
    }
    trial.shows_all("patient", cases);
}

#[test]
fn fields_that_two_readers_read_differently() {
    let trial = Trial::new();
    let mut cases = Vec::new();
    for fields in [
        "A: b\0c\r\n",
        "A: b\rHTTP/1.1 200 OK\r\n",
        "A: b\rSet-Cookie: c\r\n",
        ": b\r\n",
        "no colon\r\n",
        "A b: c\r\n",
        "A(: c\r\n",
        "A: \u{1}\r\n",
        "A\0: b\r\n",
    ] {
        cases.push((fields, with("HTTP/1.1 200 OK", fields), UNEXPECTED));
    }
    for fields in [
        "A: b\r\n folded\r\n",
        "A: b\r\n\tContent-Length: 7\r\n",
        "A : b\r\n",
        " A: b\r\n",
        "A: b\nC: d\r\n",
        "A:\r\n",
        "A: \u{80}\r\n",
        "Date: nonsense\r\nDate: more\r\n",
        "Trailer: x\r\nConnection: content-length, close\r\n",
    ] {
        cases.push((fields, with("HTTP/1.1 200 OK", fields), WHOLE_OR_UNEXPECTED));
    }
    trial.shows_all("patient", cases);
}

#[test]
fn heads_without_measure() {
    let trial = Trial::new();
    let many = (0..1_000).fold(String::new(), |fields, number| format!("{fields}Field-{number}: {WORDS}\r\n"));
    let status = "HTTP/1.1 200 OK\r\n";
    trial.shows_all(
        "patient",
        vec![
            ("a field of 1 MB", with("HTTP/1.1 200 OK", &format!("A: {}\r\n", "x".repeat(1_000_000))), UNEXPECTED),
            ("a reason of 1 MB", with(&format!("HTTP/1.1 200 {}", "x".repeat(1_000_000)), ""), UNEXPECTED),
            ("1,000 fields", with("HTTP/1.1 200 OK", &many), UNEXPECTED),
            ("fields without end", Reply::open(status).then_repeat("A: b\r\n", u64::MAX), UNEXPECTED),
            ("a field without end", Reply::open(format!("{status}A: ")).then_repeat("x", u64::MAX), UNEXPECTED),
            ("a line without end", Reply::open("").then_repeat("HTTP/1.1 ", u64::MAX), UNEXPECTED),
            ("zeros without end", Reply::open("").then_repeat([0; 100], u64::MAX), UNEXPECTED),
        ],
    );
    let lines = "500 unexpected | 503 service-timeout";
    trial.shows_all("brief", vec![("empty lines without end", Reply::open("").then_repeat("\r\n", u64::MAX), lines)]);
}

#[test]
fn statuses_of_each_row_of_the_table() {
    let trial = Trial::new();
    let told = |status: u16| Reply::json(status, &serde_json::json!({"message": WORDS})).header("Retry-After", "7");
    let moved = told(301).header("Location", &format!("http://elsewhere.example/{WORDS}"));
    let mut cases = vec![
        ("204", Reply::status(204), "200"),
        ("205", Reply::raw("HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"), "200"),
        ("301", moved, UNEXPECTED),
        ("304", Reply::status(304), UNEXPECTED),
        (
            "101 that nobody asked for",
            Reply::open("HTTP/1.1 101 Up\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            UNEXPECTED,
        ),
    ];
    for (statuses, expected) in [
        (&[400, 406, 409, 411, 413, 414, 416, 417, 418, 422, 428, 431, 499][..], "400 service-refused"),
        (&[402, 403, 451], "403 record-denied"),
        (&[404, 410], "404 record-not-found"),
        (&[405], "404 resource-not-found"),
        (&[412], "400 precondition-failed"),
        (&[415], "415 service-refused"),
        (&[429], "429 service-refused"),
        (&[206, 300, 302, 303, 307, 308, 401, 407, 421, 426, 500, 501, 505, 511, 599], UNEXPECTED),
        (&[502, 503, 507], UNAVAILABLE),
        (&[408, 504], TIMEOUT),
    ] {
        cases.extend(statuses.iter().map(|status| ("a status", told(*status), expected)));
    }
    trial.shows_all("patient", cases);
}

#[test]
fn interim_heads_in_any_number() {
    let trial = Trial::new();
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole";
    let hints = format!("HTTP/1.1 103 Hints\r\nLink: <{WORDS}>\r\n\r\n");
    let storm = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Hints\r\nLink: <a>\r\n\r\n";
    let ended = "200 whole | 500 unexpected | 503 service-unavailable | 503 service-timeout";
    trial.shows_all(
        "patient",
        vec![
            ("100", Reply::open(format!("HTTP/1.1 100 Continue\r\n\r\n{whole}")), "200 whole"),
            ("103", Reply::open(format!("{hints}{whole}")), "200 whole"),
            ("102 with a length", Reply::open(format!("HTTP/1.1 102 P\r\nContent-Length: 5\r\n\r\n{whole}")), ended),
            ("199", Reply::open(format!("HTTP/1.1 199 Odd\r\n\r\n{whole}")), "200 whole"),
            ("100,000 of each", Reply::open("").then_repeat(storm, 100_000).then_send(whole), ended),
        ],
    );
    let without_end = "500 unexpected | 503 service-unavailable | 503 service-timeout";
    trial.shows_all("brief", vec![("without end", Reply::open("").then_repeat(storm, u64::MAX), without_end)]);
}
