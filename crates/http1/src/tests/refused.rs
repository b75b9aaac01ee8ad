//! What is refused, with the flaw; each in a place where everything else is right.

use std::collections::HashSet;

use super::{all_events, wire};
use crate::connection::Limits;
use crate::flaw::Flaw;

/// Whole beginnings of a connection.
const STARTS: &[(Flaw, &[&str])] = &[
    (
        Flaw::LeadingSpace,
        &[" GET / HTTP/1.1\nHost: h\n\n", "\tGET / HTTP/1.1\nHost: h\n\n", "\n GET / HTTP/1.1\n", " "],
    ),
    (Flaw::EmptyLines, &["\n\nGET / HTTP/1.1\nHost: h\n\n", "\n\n", "\n\n\n\n"]),
    (
        Flaw::BareLineFeed,
        &[
            "␊GET / HTTP/1.1\nHost: h\n\n",
            "\n␊GET / HTTP/1.1\n",
            "GET / HTTP/1.1␊Host: h\n\n",
            "GET /␊",
            "GET / HTTP/1.1\nHost: h␊\n",
            "GET / HTTP/1.1\nHost: h␊␊",
            "GET / HTTP/1.1\nHost: h\n␊",
            "GET / HTTP/1.1\nHost: h\nA: b␊Content-Length: 5\n\n",
            "GET / HTTP/1.1\nHost: h\nA: b␊ c\n\n",
            "GET / HTTP/1.1\nA␊: b\n\n",
            "GET / HTTP/1.1\n␊\nHost: h\n\n",
        ],
    ),
    (
        Flaw::BareCarriageReturn,
        &[
            "␍GET / HTTP/1.1\nHost: h\n\n",
            "␍\nGET / HTTP/1.1\nHost: h\n\n",
            "GET / HTTP/1.1␍\nHost: h\n\n",
            "GET /␍ HTTP/1.1\nHost: h\n\n",
            "GET␍/ HTTP/1.1\nHost: h\n\n",
            "GET / HTTP/1.1␍Host: h\n\n",
            "GET / HTTP/1.1\nHost: h␍\n\n",
            "GET / HTTP/1.1\nHost: h\nA: b␍Content-Length: 5\n\n",
            "GET / HTTP/1.1\nHost: h\nA: ␍b\n\n",
            "GET / HTTP/1.1\nHost: h\nA:␍\n\n",
            "GET / HTTP/1.1\nHost: h\nA␍: b\n\n",
            "GET / HTTP/1.1\nHost: h\n␍A: b\n\n",
            "GET / HTTP/1.1\nHost: h\n␍\n\n",
        ],
    ),
    (
        Flaw::Method,
        &[
            "\u{16}\u{3}\u{1}\u{2}",
            "\0",
            "\u{80}GET / HTTP/1.1\n",
            "(GET) / HTTP/1.1\n",
            "{\"a\":1}",
            "\u{1b}",
            "\n\u{7f}",
        ],
    ),
    (Flaw::TruncatedHead, &["G|", "GET / HTTP/1.1\nHost: h\n|", "GET / HTTP/1.1\nHost: h\n\nG|", "␍|", "\n␍|"]),
    (
        Flaw::HostMissing,
        &[
            "GET / HTTP/1.1\n\n",
            "GET http://h/ HTTP/1.1\n\n",
            "GET / HTTP/1.1\nX-Host: h\n\n",
            "CONNECT h:1 HTTP/1.1\n\n",
        ],
    ),
    (
        Flaw::HostMalformed,
        &["GET / HTTP/1.0\nHost: a b\n\n", "GET / HTTP/1.0\nHost:\n\n", "GET / HTTP/1.0\nHost: u@h\n\n"],
    ),
    (Flaw::HostRepeated, &["GET / HTTP/1.0\nHost: h\nHost: h\n\n"]),
    (
        Flaw::TransferEncodingInHttp10,
        &[
            "POST / HTTP/1.0\nHost: h\nTransfer-Encoding: chunked\n\n0\n\n",
            "POST / HTTP/1.0\nConnection: keep-alive\nTransfer-Encoding: chunked\nContent-Length: 5\n\n0\n\n",
        ],
    ),
    (Flaw::ExpectUnsupported, &["POST / HTTP/1.0\nExpect: x\n\n"]),
    (Flaw::FoldedField, &["GET / HTTP/1.1\n Host: h\n\n", "GET / HTTP/1.1\n\tHost: h\n\n"]),
];

/// Request lines.
const LINES: &[(Flaw, &[&str])] = &[
    (Flaw::RequestLine, &["GET", "GET /", "GET/", "GET/HTTP/1.1", "GET ", "HTTP/1.1 200"]),
    (
        Flaw::Separator,
        &[
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            "GET / HTTP/1.1 ",
            "GET / HTTP/1.1 x",
            "GET / ",
            "GET  HTTP/1.1",
            "GET /a b HTTP/1.1",
            "GET\t/ HTTP/1.1",
            "GET /\tHTTP/1.1",
            "GET / HTTP/1.1\t",
            "GET\u{b}/ HTTP/1.1",
            "GET /\u{c}HTTP/1.1",
            "GET \t/ HTTP/1.1",
            "GET / HTTP 1.1",
        ],
    ),
    (
        Flaw::Method,
        &[
            "G(T / HTTP/1.1",
            "GET: / HTTP/1.1",
            "GE\0T / HTTP/1.1",
            "GÉT / HTTP/1.1",
            "GET\u{7f} / HTTP/1.1",
            "G\"T / HTTP/1.1",
        ],
    ),
    (Flaw::MethodTooLong, &["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1"]),
    (
        Flaw::Version,
        &[
            "GET / HTTP/1.2",
            "GET / HTTP/2.0",
            "PRI * HTTP/2.0",
            "GET / HTTP/0.9",
            "GET / HTTP/1",
            "GET / HTTP/1.",
            "GET / HTTP/1.10",
            "GET / HTTP/1.01",
            "GET / HTTP/01.1",
            "GET / http/1.1",
            "GET / Http/1.1",
            "GET / HTTP/1,1",
            "GET / HTTP/11",
            "GET / HTTPS/1.1",
            "GET / XHTTP/1.1",
            "GET / HTTP/1.1\0",
            "GET / /",
            "GET / HTTP/+1.1",
            "GET / HTTP/1.¹",
        ],
    ),
    (
        Flaw::TargetForm,
        &[
            "GET * HTTP/1.1",
            "GET a HTTP/1.1",
            "GET h:80 HTTP/1.1",
            "GET ?a HTTP/1.1",
            "GET ftp://h/ HTTP/1.1",
            "GET http:/h HTTP/1.1",
            "GET http:h HTTP/1.1",
            "GET ws://h/ HTTP/1.1",
            "OPTIONS ** HTTP/1.1",
            "OPTIONS *?a HTTP/1.1",
            "options * HTTP/1.1",
            "CONNECT h HTTP/1.1",
            "CONNECT h: HTTP/1.1",
            "CONNECT / HTTP/1.1",
            "CONNECT http://h:80/ HTTP/1.1",
            "CONNECT u@h:80 HTTP/1.1",
            "CONNECT h:65536 HTTP/1.1",
            "CONNECT * HTTP/1.1",
            "GET \\a HTTP/1.1",
            "GET %2Fa HTTP/1.1",
        ],
    ),
    (
        Flaw::TargetFragment,
        &["GET /# HTTP/1.1", "GET /a#b HTTP/1.1", "GET /a?b#c HTTP/1.1", "GET # HTTP/1.1", "GET http://h/#a HTTP/1.1"],
    ),
    (
        Flaw::TargetCharacter,
        &[
            "GET /\0 HTTP/1.1",
            "GET /a\u{1f} HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
            "GET /\u{80} HTTP/1.1",
            "GET /ÿ HTTP/1.1",
            "GET /?é HTTP/1.1",
        ],
    ),
    (
        Flaw::TargetAuthority,
        &[
            "GET http:// HTTP/1.1",
            "GET http:///a HTTP/1.1",
            "GET http://u@h/ HTTP/1.1",
            "GET http://u:p@h/ HTTP/1.1",
            "GET http://h:x/ HTTP/1.1",
            "GET http://h:65536/ HTTP/1.1",
            "GET http://[::1/ HTTP/1.1",
            "GET http://h\\a/ HTTP/1.1",
            "GET http://h%2fa/ HTTP/1.1",
        ],
    ),
    (
        Flaw::TargetHost,
        &[
            "GET http://i/ HTTP/1.1",
            "GET http://h:80/ HTTP/1.1",
            "GET https://h.x/ HTTP/1.1",
            "CONNECT i:443 HTTP/1.1",
            "CONNECT h:443 HTTP/1.1",
        ],
    ),
];

/// Fields after `Host: h`.
const FIELDS: &[(Flaw, &[&str])] = &[
    (
        Flaw::FoldedField,
        &[
            "A: b\n c",
            "A: b\n\tc",
            "A:\n b",
            "A: b\n ",
            " A: b",
            "Transfer-Encoding:\n chunked",
            "Content-Length: 1\n 2",
        ],
    ),
    (
        Flaw::SpaceBeforeColon,
        &[
            "A : b",
            "A\t: b",
            "A  : b",
            "Content-Length : 5",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding\t: chunked",
        ],
    ),
    (Flaw::EmptyFieldName, &[": b", ":", "::"]),
    (
        Flaw::FieldName,
        &[
            "A b: c",
            "A\0: b",
            "\0: b",
            "A(: b",
            "A\u{80}: b",
            "é: b",
            "\"A\": b",
            "A/b: c",
            "A\u{7f}: b",
            "[a]: b",
            "A\u{b}: b",
            "A b : c",
            "Content-Length\0: 5",
            "\u{b}Transfer-Encoding: chunked",
        ],
    ),
    (Flaw::MissingColon, &["A", "A b", "Content-Length 5", "GET / HTTP/1.1", "é"]),
    (
        Flaw::FieldValue,
        &[
            "A: \0",
            "A: b\0c",
            "A:\u{1}",
            "A: b\u{b}c",
            "A: b\u{c}",
            "A: \u{7f}",
            "A: \u{1b}[31m",
            "Host2: h\0",
            "Content-Length: 5\0",
            "Transfer-Encoding: \u{b}chunked",
            "Transfer-Encoding: chunked\u{c}",
        ],
    ),
    (
        Flaw::Lookalike,
        &[
            "Content_Length: 5",
            "CONTENT_LENGTH: 5",
            "Transfer_Encoding: chunked",
            "transfer_encoding: x",
            "Content-Length: 5\nContent_Length: 5",
        ],
    ),
    (Flaw::HostRepeated, &["Host: h", "Host: i", "host:h", "HOST:", "A: b\nHost: h"]),
    (
        Flaw::ContentLengthRepeated,
        &[
            "Content-Length: 5\nContent-Length: 5",
            "Content-Length: 5\nContent-Length: 6",
            "Content-Length: 5, 5",
            "Content-Length: 5,5",
            "Content-Length: 5,",
            "Content-Length: ,5",
            "Content-Length: 0\ncontent-length: 0",
        ],
    ),
    (
        Flaw::ContentLengthMalformed,
        &[
            "Content-Length:",
            "Content-Length: +5",
            "Content-Length: -5",
            "Content-Length: -0",
            "Content-Length: 5 5",
            "Content-Length: 5\t5",
            "Content-Length: 0x5",
            "Content-Length: 5x",
            "Content-Length: a",
            "Content-Length: 5.0",
            "Content-Length: 5e0",
            "Content-Length: 05",
            "Content-Length: 00",
            "Content-Length: 1_000",
            "Content-Length: \"5\"",
            "Content-Length: 5;a",
            "Content-Length: 5\u{80}",
            "Content-Length: ²",
            "Content-Length: \u{a0}5",
        ],
    ),
    (
        Flaw::ContentLengthTooLarge,
        &[
            "Content-Length: 9223372036854775808",
            "Content-Length: 18446744073709551616",
            "Content-Length: 99999999999999999999999999999999",
            "Content-Length: 18446744073709551621",
        ],
    ),
    (
        Flaw::TransferEncodingRepeated,
        &[
            "Transfer-Encoding: chunked\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\nTransfer-Encoding: identity",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked, chunked",
            "Transfer-Encoding: chunked,",
            "Transfer-Encoding: ,chunked",
            "Transfer-Encoding: chunked, identity",
        ],
    ),
    (
        Flaw::TransferEncodingUnsupported,
        &[
            "Transfer-Encoding:",
            "Transfer-Encoding: gzip",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: identity\nTransfer-Encoding: chunked",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunkedx",
            "Transfer-Encoding: chunked;a=b",
            "Transfer-Encoding: \"chunked\"",
            "Transfer-Encoding: 'chunked'",
            "Transfer-Encoding: chunke\u{64}\u{80}",
            "Transfer-Encoding: chunked\u{a0}",
            "Transfer-Encoding: chunked chunked",
            "Transfer-Encoding: chunKed2",
            "Transfer-Encoding: c hunked",
        ],
    ),
    (
        Flaw::LengthAndTransferEncoding,
        &[
            "Content-Length: 5\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\nContent-Length: 5",
            "Transfer-Encoding: chunked\nA: b\nContent-Length: 0",
        ],
    ),
    (
        Flaw::ConnectionMalformed,
        &[
            "Connection: a b",
            "Connection: close;",
            "Connection: \"close\"",
            "Connection: clos\u{e9}",
            "Connection: (close)",
            "Connection: a, b c",
        ],
    ),
    (
        Flaw::ExpectUnsupported,
        &[
            "Expect: 200-ok",
            "Expect:",
            "Expect: 100-continue, 100-continue",
            "Expect: 100-continue\nExpect: 100-continue",
            "Expect: 100-continue; a",
            "Expect: 100 continue",
        ],
    ),
];

/// Values of `Host`.
const HOSTS: &[&str] = &[
    "",
    ":80",
    "u@h",
    "u:p@h",
    "h/",
    "h/a",
    "http://h",
    "h:a",
    "h:65536",
    "h:-1",
    "h,i",
    "h, i",
    "h i",
    "[::1",
    "::1",
    "[::1]a",
    "[h]",
    "h%41",
    "h?a",
    "h\\a",
    "h\u{80}",
    "h:80:80",
    "[::1%25a]",
    "*",
    "h\"",
    "'h'",
    "h;a",
    "#",
    "h:8 0",
];

/// What stands after the head of a body in chunks.
const CHUNKS: &[(Flaw, &[&str])] = &[
    (Flaw::ChunkSizeEmpty, &["\n", "\n0\n\n", ";a\n", "3\nabc\n\n0\n\n", "␍"]),
    (
        Flaw::ChunkSizeMalformed,
        &[
            "+3\nabc\n",
            "-3\nabc\n",
            "0x3\nabc\n",
            "x",
            " 3\nabc\n",
            "3 \nabc\n",
            "3\t\nabc\n",
            "3 ;a\n",
            "3g\n",
            "\"3\"\n",
            "3_0\n",
            "3.0\n",
            "3,\n",
            "\u{80}",
            "\0",
            "3\u{b}\n",
            "3\u{a0}\n",
            "0 \n\n",
        ],
    ),
    (
        Flaw::ChunkSizeTooLarge,
        &[
            "00000000000000003\nabc\n",
            "8000000000000000\n",
            "ffffffffffffffff\n",
            "fffffffffffffffff\n",
            "10000000000000000\n",
            "00000000000000000\n\n",
        ],
    ),
    (Flaw::ChunkExtension, &["3;a\nabc\n", "3;a=b\nabc\n", "3;\nabc\n", "0;a\n\n", "3;a=\"\n\"\nabc\n", "3;a␊abc\n"]),
    (Flaw::ChunkEnd, &["3\nabcd\n0\n\n", "3\nabc0\n\n", "1\nab", "3\nabc 0\n\n", "3\nabc;\n"]),
    (Flaw::BareLineFeed, &["3␊abc\n", "3\nabc␊0\n\n", "0␊\n", "␊", "0\n␊", "0\na: b␊\n", "0\n␊\n"]),
    (Flaw::BareCarriageReturn, &["3␍abc\n", "3\nabc␍0\n\n", "3␍␍", "0\n␍\n\n", "0\na: b␍\n\n", "0\na␍: b\n\n"]),
    (Flaw::FoldedField, &["0\n a: b\n\n", "0\na: b\n c\n\n"]),
    (Flaw::SpaceBeforeColon, &["0\na : b\n\n"]),
    (Flaw::EmptyFieldName, &["0\n: b\n\n"]),
    (Flaw::FieldName, &["0\na b: c\n\n", "0\n(: b\n\n"]),
    (Flaw::MissingColon, &["0\na\n\n", "0\nGET / HTTP/1.1\n\n"]),
    (Flaw::FieldValue, &["0\na: \0\n\n", "0\na: \u{7f}\n\n"]),
    (
        Flaw::TruncatedBody,
        &["|", "3|", "3␍|", "3\nab|", "3\nabc|", "3\nabc␍|", "3\nabc\n|", "0|", "0\n|", "0\n␍|", "0\na: b\n|"],
    ),
];

/// Checks that a text is refused with this flaw, wherever it is cut.
fn check(text: &str, flaw: Flaw, limits: Limits) {
    let (sent, eof) = text.strip_suffix('|').map_or((text, false), |text| (text, true));
    let told = all_events(&wire(sent), limits, eof);
    let last = told.rsplit(" | ").next().unwrap_or_default();
    let (name, offset) = last.split_once('@').unwrap_or((last, "0"));
    assert_eq!(name, format!("{flaw:?}"), "{text:?}");
    assert!(offset.parse::<usize>().unwrap() <= wire(sent).len(), "{text:?}: {last}");
}

fn check_all(cases: &[(Flaw, &[&str])], text: impl Fn(&str) -> String) -> usize {
    for (flaw, cases) in cases {
        for case in *cases {
            check(&text(case), *flaw, Limits::default());
        }
    }
    cases.iter().map(|(_, cases)| cases.len()).sum()
}

#[test]
fn beginnings_are_refused() {
    assert!(check_all(STARTS, str::to_owned) >= 50);
}

#[test]
fn request_lines_are_refused() {
    assert!(check_all(LINES, |line| format!("{line}\nHost: h\n\n")) >= 85);
}

#[test]
fn a_request_line_is_refused_before_the_rest_of_the_head() {
    for (flaw, lines) in LINES.iter().filter(|(flaw, _)| *flaw != Flaw::TargetHost) {
        for line in *lines {
            check(&format!("{line}\n"), *flaw, Limits::default());
        }
    }
}

#[test]
fn fields_are_refused() {
    assert!(check_all(FIELDS, |field| format!("POST / HTTP/1.1\nHost: h\n{field}\n\n5\nabcde\n0\n\n")) >= 120);
}

#[test]
fn hosts_are_refused() {
    for host in HOSTS {
        check(&format!("GET / HTTP/1.1\nHost: {host}\n\n"), Flaw::HostMalformed, Limits::default());
    }
}

#[test]
fn chunks_are_refused() {
    let head = "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n";
    assert!(check_all(CHUNKS, |chunks| format!("{head}{chunks}")) >= 70);
}

#[test]
fn a_body_that_is_cut_is_no_body() {
    for text in ["Content-Length: 1\n\n|", "Content-Length: 3\n\nab|", "Content-Length: 9223372036854775807\n\nab|"] {
        check(&format!("POST / HTTP/1.1\nHost: h\n{text}"), Flaw::TruncatedBody, Limits::default());
    }
}

#[test]
fn limits_are_kept_to_the_byte() {
    let limits = Limits { head_max_bytes: 60, fields_max: 3, trailers_max_bytes: 20, buffered_max_bytes: 0 };
    let of_length = |length: usize| format!("GET / HTTP/1.1\nHost: h\nA: {}\n\n", "b".repeat(length - 32));
    assert_eq!(wire(&of_length(60)).len(), 60);
    assert!(all_events(&wire(&of_length(60)), limits, false).ends_with("end | more"));
    check(&of_length(61), Flaw::HeadTooLarge, limits);
    check(&of_length(61)[..57], Flaw::HeadTooLarge, limits);
    check(&"A".repeat(60), Flaw::HeadTooLarge, limits);
    check(&format!("\n{}", "A".repeat(60)), Flaw::HeadTooLarge, limits);
    assert!(all_events(&wire("GET / HTTP/1.1\nHost: h\nA:\nA:\n\n"), limits, false).ends_with("end | more"));
    check("GET / HTTP/1.1\nHost: h\nA:\nA:\nA:\n", Flaw::TooManyFields, limits);
    let chunked = |trailers: &str| format!("POST / HTTP/1.1\nHost: h\nTransfer-Encoding:chunked\n\n0\n{trailers}");
    assert!(
        all_events(&wire(&chunked("a: 89012345678\n\n")), Limits { head_max_bytes: 99, ..limits }, false)
            .ends_with("end | more")
    );
    check(&chunked("a: 8901234567890123\n\n"), Flaw::TrailersTooLarge, Limits { head_max_bytes: 99, ..limits });
    check(&chunked("a:\na:\na:\na:\n"), Flaw::TrailersTooLarge, Limits { head_max_bytes: 99, ..limits });
}

#[test]
fn many_fields_are_read_up_to_the_limit() {
    let with_fields = |count: usize| format!("GET / HTTP/1.1\nHost: h\n{}\n", "A: b\n".repeat(count));
    for count in [30, 31, 32, 33, 99] {
        let told = all_events(&wire(&with_fields(count)), Limits::default(), false);
        assert_eq!(told.matches("a=b").count(), count);
    }
    check(&with_fields(100), Flaw::TooManyFields, Limits::default());
}

#[test]
fn the_place_of_a_flaw_is_told() {
    for (text, last) in [
        ("\n\n", "EmptyLines@2"),
        ("\n GET", "LeadingSpace@2"),
        ("GET /a b HTTP/1.1\n", "Separator@8"),
        ("GET  / HTTP/1.1\n", "Separator@4"),
        ("GET /a#b HTTP/1.1\n", "TargetFragment@6"),
        ("GET / HTTP/1.2\n", "Version@6"),
        ("GET http://u@h/ HTTP/1.1\n", "TargetAuthority@11"),
        ("GET http://i/ HTTP/1.1\nHost: h\n\n", "TargetHost@4"),
        ("GET / HTTP/1.1\nHost: h\nA b: c\n\n", "FieldName@26"),
        ("GET / HTTP/1.1\nHost: h\nHost: h\n\n", "HostRepeated@25"),
        ("GET / HTTP/1.1\nA: b\n\n", "HostMissing@16"),
        ("GET / HTTP/1.1\n\n", "HostMissing@16"),
        ("GET / HTTP/1.1\nHost: h\nA: b␊", "BareLineFeed@29"),
        ("POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabcd", "ChunkEnd@62"),
        ("POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\na : b\n\n", "SpaceBeforeColon@68"),
        ("POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nab|", "TruncatedBody@49"),
        ("GET / HTTP/1.1\nHost: h\n\nGET / HTTP/3\n", "Version@6"),
    ] {
        let (sent, eof) = text.strip_suffix('|').map_or((text, false), |text| (text, true));
        let told = all_events(&wire(sent), Limits::default(), eof);
        assert_eq!(told.rsplit(" | ").next(), Some(last), "{text:?}");
    }
}

#[test]
fn every_flaw_has_a_case_and_words_of_its_own() {
    let tables = [STARTS, LINES, FIELDS, CHUNKS].concat();
    let mut shown: HashSet<Flaw> = tables.iter().map(|(flaw, _)| *flaw).collect();
    shown.extend([Flaw::HeadTooLarge, Flaw::TooManyFields, Flaw::TrailersTooLarge]);
    // Of other versions: shown where they are translated.
    shown.extend([Flaw::AuthorityMissing, Flaw::Scheme, Flaw::ConnectionField, Flaw::SurroundedValue]);
    let without: Vec<_> = Flaw::ALL.iter().filter(|flaw| !shown.contains(flaw)).collect();
    assert!(without.is_empty(), "{without:?}");
    let words: HashSet<_> = Flaw::ALL.iter().map(|flaw| flaw.words()).collect();
    assert_eq!(words.len(), Flaw::ALL.len());
    for words in words {
        assert!(words.ends_with('.') && words.len() < 140, "{words}");
    }
}
