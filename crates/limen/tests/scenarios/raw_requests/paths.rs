//! Requests that are well-formed HTTP and still not of one meaning: what the rest of the path refuses.

use super::{Read, in_form, is_seen_alike, wire, with_each};
use crate::stage::Stage;

/// Targets that are refused, behind `/lenient`.
const AMBIGUOUS: &[&str] = &[
    "/.",
    "/..",
    "/./a",
    "/../a",
    "/a/.",
    "/a/..",
    "/a/./b",
    "/a/../b",
    "/a/../../b",
    "//..",
    "/a//../b",
    "/...;/../a",
    "/%2e",
    "/%2E%2e",
    "/%2e%2e/a",
    "/.%2e/a",
    "/%2e./a",
    "/a/%2e%2E",
    "/a/%2e/b",
    "/a%2f..%2fb",
    "/..%2f",
    "/..%5c",
    "/a%2fb",
    "/a%2Fb",
    "/%2f",
    "/%2F%2F",
    "/a%5cb",
    "/a%5Cb",
    "/a\\b",
    "/\\..\\a",
    "/..\\a",
    "/a%252fb",
    "/a%252Fb",
    "/%252e%252e/a",
    "/%25252e",
    "/a%255cb",
    "/a%2500",
    "/a%00",
    "/%00",
    "/a%00.json",
    "/a%0a",
    "/a%0d%0aHost:x",
    "/a%0D",
    "/a%1f",
    "/a%7f",
    "/a%09",
    "/a%",
    "/a%2",
    "/a%zz",
    "/a%2g",
    "/a%g2",
    "/%",
    "/%%",
    "/%%32%65",
    "/a%u002e",
    "/%c0%ae",
    "/%c0%af",
    "/%e0%80%af",
    "/%ff",
    "/%80",
    "/a%ff",
    "/%ed%a0%80",
    "/%f4%90%80%80",
    "/%c3",
    "/%c3%28",
    "/..;/a",
    "/.;a/b",
    "/;/a",
    "/%2e%2e;/a",
    "/a/..;x=y/b",
    "/a;%2f",
    "/a;%2e%2e/..",
    "/a<b",
    "/a>b",
    "/a\"b",
    "/a{b}",
    "/a|b",
    "/a^b",
    "/a`b",
    "/[a]",
    "/a?b=%zz",
    "/a?%",
    "/a?b=%2",
    "/a?b=%00",
];

/// Targets that pass, behind `/lenient`, and what the service is sent behind `/base`.
const PLAIN: &[(&str, &str)] = &[
    ("/a", "/a"),
    ("//a", "/a"),
    ("/a//b///c/", "/a/b/c"),
    ("/a?b=c&d=%20&b=e", "/a?b=c&d=%20&b=e"),
    ("/a?b=../..&c=//d", "/a?b=../..&c=//d"),
    ("/a?b=%2F%2e", "/a?b=%2F%2e"),
    ("/a?", "/a"),
    ("/a?b=%0d%0a", "/a?b=%0d%0a"),
    ("/a??b", "/a??b"),
    ("/%61%7e%2d", "/a~-"),
    ("/%c3%a9", "/%C3%A9"),
    ("/%C3%A9", "/%C3%A9"),
    ("/a%20b", "/a%20b"),
    ("/a%25b", "/a%25b"),
    ("/...", "/..."),
    ("/.a", "/.a"),
    ("/a.", "/a."),
    ("/a..b", "/a..b"),
    ("/~a!$&'()*+,=:@-._", "/~a!$&'()*+,=:@-._"),
    ("/%3Fa", "/%3Fa"),
    ("/%23a", "/%23a"),
    ("/a:b@c", "/a:b@c"),
];

#[test]
fn a_target_of_two_meanings_reaches_no_service() {
    let stage = Stage::new();
    assert!(AMBIGUOUS.len() >= 80);
    with_each(AMBIGUOUS, |_, target| {
        let request = format!("GET /lenient{target} HTTP/1.1\nHost: h\n\n");
        let mut connection = stage.http().open();
        connection.write(&wire(&request));
        let answer = connection.answer_to("GET");
        in_form(&stage, &answer, 400, &request);
        assert_eq!(answer.header("connection"), Some("close"), "{request:?}: {answer:?}");
        assert!(connection.is_closed(), "{request:?}: something is read behind it");
    });
    assert_eq!(stage.service.hits(), 0, "{:?}", stage.service.requests());
}

#[test]
fn a_target_of_one_meaning_is_what_the_service_is_sent() {
    let stage = Stage::new();
    // In absolute form too, which means the same where the host does.
    for form in ["", "http://h", "HTTP://H"] {
        with_each(PLAIN, |number, (target, sent)| {
            let host = if form == "HTTP://H" { "H" } else { "h" };
            let request = format!("GET {form}/lenient/{number}-{}{target} HTTP/1.1\nHost: {host}\n\n", form.len());
            let mut connection = stage.http().open();
            connection.write(&wire(&request));
            let answer = connection.answer_to("GET");
            assert_eq!(answer.status, 200, "{request:?}: {answer:?}");
            let place = format!("/base/{number}-{}", form.len());
            let seen = stage.service.requests().into_iter().find(|seen| seen.path().starts_with(&format!("{place}/")));
            let seen = seen.unwrap_or_else(|| panic!("{request:?}: not seen"));
            let read = Read {
                method: "GET".into(),
                target: format!("{place}{sent}"),
                fields: vec![("host".into(), host.into())],
                ..Read::default()
            };
            is_seen_alike(&seen, &read, &request);
        });
    }
}

#[test]
fn methods_that_are_never_sent_on() {
    let stage = Stage::new();
    for (request, status) in [
        ("TRACE /lenient/a HTTP/1.1\nHost: h\n\n", 404),
        ("CONNECT h:443 HTTP/1.1\nHost: h:443\n\n", 404),
        ("CONNECT h:443 HTTP/1.1\nHost: h:443\n\nGET /lenient/smuggled HTTP/1.1\nHost: h\n\n", 404),
        ("OPTIONS * HTTP/1.1\nHost: h\n\n", 404),
        ("PRI * HTTP/2.0\n\nSN\n\n", 400),
    ] {
        let mut connection = stage.http().open();
        connection.write(&wire(request));
        let answer = connection.answer_to("GET");
        in_form(&stage, &answer, status, request);
    }
    assert_eq!(stage.service.hits(), 0, "{:?}", stage.service.requests());
}
