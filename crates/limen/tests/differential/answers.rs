//! What each server answers, in each of the ways that it may, reaches callers as the contract says.

use limen_fuzz::answers::{Answer, read};

use crate::compare::talk;
use crate::servers;
use crate::through::gateway;

/// The ways that `recorder.js` answers; nginx and Apache write the same in their own manner.
const WAYS: [&str; 10] =
    ["length", "empty", "chunked", "nothing-chunked", "close", "until-end", "204", "304", "404", "hints"];

/// What belongs to the answer and not to the hop.
const KEPT: [&str; 4] = ["content-type", "etag", "x-reading", "location"];

fn asked(address: std::net::SocketAddr, method: &str, target: &str, version: &str) -> Answer {
    let request = format!("{method} {target} HTTP/{version}\r\nHost: h\r\nConnection: close\r\n\r\n");
    let talk = talk(address, &[request.as_bytes()], false);
    let mut answers = read(&talk.received, &[method.to_owned()]).unwrap_or_else(|wrong| panic!("{request}: {wrong}"));
    assert_eq!(answers.len(), 1, "{request}: {answers:?}");
    let answer = answers.remove(0);
    assert!(answer.is_whole && talk.is_closed, "{request}: {answer:?}");
    answer
}

#[test]
fn what_others_answer_passes_as_the_contract_says() {
    let servers = servers::all();
    let limen = gateway(&servers);
    for server in &servers {
        // nginx waits for more after an interim answer, whoever asks.
        for way in WAYS.iter().filter(|way| **way != "hints" || server.name != "nginx") {
            for (method, version) in [("GET", "1.1"), ("HEAD", "1.1"), ("POST", "1.1"), ("GET", "1.0")] {
                let case = format!("{} {method} /answer/{way} HTTP/{version}", server.name);
                let direct = asked(server.address, method, &format!("/answer/{way}"), "1.1");
                let plain = asked(limen.gateway(), method, &format!("/{}/answer/{way}", server.name), version);
                assert_eq!(plain.status, direct.status, "{case}");
                assert_eq!(plain.body, direct.body, "{case}");
                assert_length(&case, method, &direct, &plain);
                for name in KEPT {
                    assert_eq!(plain.field(name), direct.field(name), "{case}: {name}");
                }
                let strict = asked(limen.gateway(), method, &format!("/{}-strict/answer/{way}", server.name), version);
                assert_strict(&case, &direct, &strict);
            }
        }
    }
}

/// A length that was told is told on, and is the body's.
fn assert_length(case: &str, method: &str, direct: &Answer, passed: &Answer) {
    let lengths = [direct.field("content-length"), passed.field("content-length")];
    if let [Some(direct), Some(passed)] = lengths {
        assert_eq!(passed, direct, "{case}");
    }
    if let (Some(length), "GET" | "POST") = (lengths[1], method) {
        assert!(length == passed.body.len().to_string() || matches!(passed.status, 204 | 304), "{case}: {passed:?}");
    }
}

fn assert_strict(case: &str, direct: &Answer, strict: &Answer) {
    match direct.status {
        200 => assert_eq!((strict.status, &strict.body), (200, &direct.body), "{case}"),
        204 => {
            assert_eq!(
                (strict.status, strict.field("content-length"), strict.body.len()),
                (200, Some("0"), 0),
                "{case}"
            );
        }
        // Nobody asked under a condition.
        304 => assert_eq!(strict.status, 500, "{case}"),
        404 => {
            assert_eq!((strict.status, strict.field("content-type")), (404, Some("application/problem+json")), "{case}")
        }
        other => panic!("{case}: {other}"),
    }
}
