//! Bodies that end too early, too late or never; and error pages of any size.

use limen_testbed::Reply;

use super::{Trial, WORDS};
use crate::stage::resident_bytes;

const CUT: &str = "200 cut";

#[test]
fn a_body_that_breaks_off_is_cut_for_the_caller_too() {
    let trial = Trial::new();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let mut cases = Vec::new();
    for body in ["", "w", "whol"] {
        cases.push(("it ends", Reply::raw(format!("{head}{body}")), CUT));
        cases.push((
            "it is reset",
            Reply::open(format!("{head}{body}")).then_reset(),
            "200 cut | 503 service-unavailable",
        ));
    }
    let large = "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n";
    cases.push(("a large one ends", Reply::open(large).then_repeat("x", 9_999_999).then_close(), CUT));
    cases.push(("a large one is reset", Reply::open(large).then_repeat("x", 5_000_000).then_reset(), CUT));
    // Who knows no length takes its end for the end.
    cases.push(("no length", Reply::raw("HTTP/1.1 200 OK\r\n\r\nwhole"), "200 whole"));
    cases.push(("no length, in HTTP/1.0", Reply::raw("HTTP/1.0 200 OK\r\n\r\nwhole"), "200 whole"));
    cases.push(("a length in HTTP/1.0", Reply::raw("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nwhole"), "200 whole"));
    cases.push(("too short in HTTP/1.0", Reply::raw("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nwho"), CUT));
    cases.push((
        "no length, then a reset",
        Reply::open("HTTP/1.1 200 OK\r\n\r\nwho").then_reset(),
        "200 cut | 503 service-unavailable",
    ));
    trial.shows_all("patient", cases);
    let mut cases = Vec::new();
    for body in ["", "w", "whol"] {
        cases.push(("it hangs", Reply::open(format!("{head}{body}")).then_hang(), CUT));
    }
    cases.push(("no length, and it hangs", Reply::open("HTTP/1.1 200 OK\r\n\r\nwho").then_hang(), CUT));
    trial.shows_all("brief", cases);
}

#[test]
fn error_pages_of_any_size() {
    const LENGTH: u64 = 40_000_000;
    let trial = Trial::new();
    let page = |status: u16, fields: &str| Reply::open(format!("HTTP/1.1 {status} No\r\n{fields}\r\n\r\n"));
    let piece = format!("{:x}\r\n{WORDS}\r\n", WORDS.len());
    let length = format!("Content-Length: {LENGTH}");
    let chunked = "Transfer-Encoding: chunked";
    let mut cases = Vec::new();
    for (status, expected) in [
        (500, "500 unexpected"),
        (502, "503 service-unavailable"),
        (301, "500 unexpected"),
        (400, "400 service-refused"),
        (404, "404 record-not-found"),
    ] {
        cases.push(("40 MB", page(status, &length).then_repeat("<p>no</p>\n", LENGTH / 10), expected));
        cases.push(("40 MB in chunks", page(status, chunked).then_repeat(&*piece, 2_000_000), expected));
        cases.push(("without end", page(status, chunked).then_repeat(&*piece, u64::MAX), expected));
        cases.push(("without a length or an end", page(status, "A: b").then_repeat("x", u64::MAX), expected));
        cases.push(("cut", page(status, &length).then_send(WORDS).then_close(), expected));
        cases.push(("reset", page(status, &length).then_send(WORDS).then_reset(), expected));
    }
    trial.others_are_served(None, "nothing");
    let before = resident_bytes(&trial.limen);
    trial.shows_all("patient", cases);
    let grown = resident_bytes(&trial.limen).saturating_sub(before);
    println!("{grown} bytes more than before");
    assert!(grown < 32 << 20, "{grown} bytes more than before");
}

#[test]
fn an_error_page_that_hangs_holds_nobody_for_long() {
    let trial = Trial::new();
    let page =
        |status: u16| Reply::open(format!("HTTP/1.1 {status} No\r\nContent-Length: 100\r\n\r\n{WORDS}")).then_hang();
    trial.shows("brief", "POST", "an error page hangs", &page(500), "500 unexpected");
    trial.shows("brief", "POST", "a refusal hangs", &page(409), "400 service-refused");
}
