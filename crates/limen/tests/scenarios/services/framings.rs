//! Where a service's answer ends, told twice, oddly or wrongly; and what stands behind that end.

use limen_testbed::Reply;

use super::Trial;

const UNEXPECTED: &str = "500 unexpected";
/// Where a reader may be strict or repair: either is safe.
const WHOLE_OR_UNEXPECTED: &str = "200 whole | 500 unexpected";
/// What breaks behind the head, which may have left by then.
const BROKEN: &str = "200 cut | 500 unexpected | 503 service-unavailable";

/// An answer with these fields, and this behind them; the connection stays open.
fn with(fields: &str, rest: &str) -> Reply {
    Reply::open(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{rest}"))
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

#[test]
fn lengths() {
    let trial = Trial::new();
    let mut cases = vec![
        ("the same twice", with("Content-Length: 5\r\nContent-Length: 5", "whole"), WHOLE_OR_UNEXPECTED),
        ("the same in a list", with("Content-Length: 5, 5", "whole"), WHOLE_OR_UNEXPECTED),
        ("with zeros before it", with("Content-Length: 0005", "whole"), WHOLE_OR_UNEXPECTED),
        ("two in a list", with("Content-Length: 5, 6", "whole"), UNEXPECTED),
    ];
    for fields in ["Content-Length: 5\r\nContent-Length: 6", "Content-Length: 6\r\nContent-Length: 5"] {
        cases.push((fields, with(fields, "wholex"), UNEXPECTED));
    }
    for fields in [
        "Content-Length: -5",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: five",
        "Content-Length: 5.0",
        "Content-Length: 5 5",
        "Content-Length: 5;a",
        "Content-Length:",
        "Content-Length: 18446744073709551621",
        "Content-Length: 99999999999999999999999999",
    ] {
        cases.push((fields, with(fields, "whole"), UNEXPECTED));
    }
    // Whether answers pass unchanged or not: what has no one end has none.
    trial.shows_all("guarded", cases.clone());
    trial.shows_all("patient", cases);
}

#[test]
fn codings() {
    let trial = Trial::new();
    let chunks = "5\r\nwhole\r\n0\r\n\r\n";
    let mut cases = vec![
        ("chunks", with(CHUNKED, chunks), "200 whole"),
        ("in other letters", with("tRANSFER-eNCODING: cHUNKED", chunks), "200 whole"),
    ];
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 15",
        "Content-Length: 15\r\nTransfer-Encoding: identity",
        "Content-Length: 15\r\nTransfer-Encoding: x",
    ] {
        cases.push((fields, with(fields, chunks), UNEXPECTED));
    }
    // Whether answers pass unchanged or not: what has no one end has none.
    trial.shows_all("guarded", cases.clone());
    trial.shows_all("patient", cases);
}

#[test]
fn chunks() {
    let trial = Trial::new();
    let mut cases = Vec::new();
    for chunks in [
        "xyz\r\nwhole\r\n0\r\n\r\n",
        "-5\r\nwhole\r\n0\r\n\r\n",
        "+5\r\nwhole\r\n0\r\n\r\n",
        "0x5\r\nwhole\r\n0\r\n\r\n",
        "\r\nwhole\r\n0\r\n\r\n",
        "5 5\r\nwhole\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nwhole\r\n0\r\n\r\n",
        "5\r\nwhole0\r\n\r\n",
        "5\r\nwhole5\r\nwhole\r\n0\r\n\r\n",
        "4\r\nwhole\r\n0\r\n\r\n",
    ] {
        cases.push((chunks, with(CHUNKED, chunks), BROKEN));
    }
    for chunks in [
        "5;a=b\r\nwhole\r\n0\r\n\r\n",
        "0005\r\nwhole\r\n0\r\n\r\n",
        "5\r\nwhole\r\n0\r\nA: b\r\nLimen-User: root\r\n\r\n",
    ] {
        cases.push((chunks, with(CHUNKED, chunks), "200 whole | 200 cut | 500 unexpected"));
    }
    for chunks in [
        "",
        "5",
        "5\r\n",
        "5\r\nwho",
        "5\r\nwhole\r\n",
        "5\r\nwhole\r\n0",
        "5\r\nwhole\r\n0\r\n",
        "5\r\nwhole\r\n0\r\nA: b\r\n",
    ] {
        cases.push((chunks, with(CHUNKED, chunks).then_close(), "200 cut"));
        cases.push((chunks, with(CHUNKED, chunks).then_reset(), "200 cut | 503 service-unavailable"));
    }
    let extension = with(CHUNKED, "5;").then_repeat("a", u64::MAX);
    let trailers = with(CHUNKED, "5\r\nwhole\r\n0\r\n").then_repeat("A: b\r\n", u64::MAX);
    cases.push(("an extension without end", extension, BROKEN));
    cases.push(("trailers without end", trailers, BROKEN));
    trial.shows_all("patient", cases);
    // Zeros make no number, so no number is too large: in the end, time is.
    trial.shows_all("brief", vec![("a size without end", with(CHUNKED, "").then_repeat("0", u64::MAX), BROKEN)]);
    for chunks in ["", "5", "5\r\nwho", "5\r\nwhole\r\n", "5\r\nwhole\r\n0\r\n"] {
        trial.shows_all("brief", vec![("it hangs", with(CHUNKED, chunks).then_hang(), "200 cut")]);
    }
}

#[test]
fn what_stands_behind_an_answer_is_nobody_s() {
    let trial = Trial::new();
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    let mut cases = Vec::new();
    for behind in [poison, &poison.repeat(50), "x", "\r\n", "garbage\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        cases.push(("behind a length", with("Content-Length: 5", &format!("whole{behind}")), "200 whole"));
        cases.push(("behind chunks", with(CHUNKED, &format!("5\r\nwhole\r\n0\r\n\r\n{behind}")), "200 whole"));
        cases.push(("behind 204", Reply::open(format!("HTTP/1.1 204 None\r\n\r\n{behind}")), "200"));
        cases.push(("behind 304", Reply::open(format!("HTTP/1.1 304 Same\r\n\r\n{behind}")), UNEXPECTED));
        let refused = format!("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n{behind}");
        cases.push(("behind a refusal", Reply::open(refused), "404 record-not-found"));
        let broken = format!("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n{behind}");
        cases.push(("behind a failure", Reply::open(broken), UNEXPECTED));
    }
    cases.push(("a 204 with a length", Reply::open("HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\nwhole"), "200"));
    cases.push((
        "a 204 with chunks",
        Reply::open(format!("HTTP/1.1 204 None\r\n{CHUNKED}\r\n\r\n5\r\nwhole\r\n0\r\n\r\n")),
        "200",
    ));
    cases.push((
        "a 304 with a body",
        Reply::open(format!("HTTP/1.1 304 Same\r\nContent-Length: {}\r\n\r\n{poison}", poison.len())),
        UNEXPECTED,
    ));
    trial.shows_all("patient", cases);
}

#[test]
fn a_body_where_none_was_asked_for() {
    let trial = Trial::new();
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    for (what, reply) in [
        ("a length and a body", with("Content-Length: 5", "whole")),
        ("a length, a body and more", with("Content-Length: 5", &format!("whole{poison}"))),
        ("a body that is an answer", with(&format!("Content-Length: {}", poison.len()), poison)),
        ("chunks", with(CHUNKED, "5\r\nwhole\r\n0\r\n\r\n")),
        ("no length", Reply::raw("HTTP/1.1 200 OK\r\n\r\nwhole")),
        ("40 MB", with("Content-Length: 40000000", "").then_repeat("x", 40_000_000)),
    ] {
        trial.shows("patient", "HEAD", what, &reply, "200");
    }
}
