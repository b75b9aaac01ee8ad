//! What is refused, with the flaw; each in a place where everything else is right.

use std::collections::HashSet;

use super::cases::refused::{CHUNKS, FIELDS, HOSTS, LINES, STARTS, Table};
use super::{all_events, wire};
use crate::connection::Limits;
use crate::flaw::Flaw;

/// Checks that a text is refused with this flaw, wherever it is cut.
fn check(text: &str, flaw: &str, limits: Limits) {
    let (sent, eof) = text.strip_suffix('|').map_or((text, false), |text| (text, true));
    let told = all_events(&wire(sent), limits, eof);
    let last = told.rsplit(" | ").next().unwrap_or_default();
    let (name, offset) = last.split_once('@').unwrap_or((last, "0"));
    assert_eq!(name, flaw, "{text:?}");
    assert!(offset.parse::<usize>().unwrap() <= wire(sent).len(), "{text:?}: {last}");
}

fn check_all(cases: Table, text: impl Fn(&str) -> String) -> usize {
    for (flaw, cases) in cases {
        for case in *cases {
            check(&text(case), flaw, Limits::default());
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
    for (flaw, lines) in LINES.iter().filter(|(flaw, _)| *flaw != "TargetHost") {
        for line in *lines {
            check(&format!("{line}\n"), flaw, Limits::default());
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
        check(&format!("GET / HTTP/1.1\nHost: {host}\n\n"), "HostMalformed", Limits::default());
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
        check(&format!("POST / HTTP/1.1\nHost: h\n{text}"), "TruncatedBody", Limits::default());
    }
}

#[test]
fn limits_are_kept_to_the_byte() {
    let limits = Limits { head_max_bytes: 60, fields_max: 3, trailers_max_bytes: 20, buffered_max_bytes: 0 };
    let of_length = |length: usize| format!("GET / HTTP/1.1\nHost: h\nA: {}\n\n", "b".repeat(length - 32));
    assert_eq!(wire(&of_length(60)).len(), 60);
    assert!(all_events(&wire(&of_length(60)), limits, false).ends_with("end | more"));
    check(&of_length(61), "HeadTooLarge", limits);
    check(&of_length(61)[..57], "HeadTooLarge", limits);
    check(&"A".repeat(60), "HeadTooLarge", limits);
    check(&format!("\n{}", "A".repeat(60)), "HeadTooLarge", limits);
    assert!(all_events(&wire("GET / HTTP/1.1\nHost: h\nA:\nA:\n\n"), limits, false).ends_with("end | more"));
    check("GET / HTTP/1.1\nHost: h\nA:\nA:\nA:\n", "TooManyFields", limits);
    let chunked = |trailers: &str| format!("POST / HTTP/1.1\nHost: h\nTransfer-Encoding:chunked\n\n0\n{trailers}");
    assert!(
        all_events(&wire(&chunked("a: 89012345678\n\n")), Limits { head_max_bytes: 99, ..limits }, false)
            .ends_with("end | more")
    );
    check(&chunked("a: 8901234567890123\n\n"), "TrailersTooLarge", Limits { head_max_bytes: 99, ..limits });
    check(&chunked("a:\na:\na:\na:\n"), "TrailersTooLarge", Limits { head_max_bytes: 99, ..limits });
}

#[test]
fn many_fields_are_read_up_to_the_limit() {
    let with_fields = |count: usize| format!("GET / HTTP/1.1\nHost: h\n{}\n", "A: b\n".repeat(count));
    for count in [30, 31, 32, 33, 99] {
        let told = all_events(&wire(&with_fields(count)), Limits::default(), false);
        assert_eq!(told.matches("a=b").count(), count);
    }
    check(&with_fields(100), "TooManyFields", Limits::default());
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
    let mut shown: HashSet<&str> = tables.iter().map(|(flaw, _)| *flaw).collect();
    shown.extend(["HeadTooLarge", "TooManyFields", "TrailersTooLarge"]);
    // Of other versions: shown where they are translated.
    shown.extend(["AuthorityMissing", "Scheme", "ConnectionField", "SurroundedValue"]);
    let without: Vec<_> = Flaw::ALL.iter().filter(|flaw| !shown.contains(format!("{flaw:?}").as_str())).collect();
    assert!(without.is_empty(), "{without:?}");
    let words: HashSet<_> = Flaw::ALL.iter().map(|flaw| flaw.words()).collect();
    assert_eq!(words.len(), Flaw::ALL.len());
    for words in words {
        assert!(words.ends_with('.') && words.len() < 140, "{words}");
    }
}
