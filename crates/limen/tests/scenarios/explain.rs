//! `limen explain`: why a recent call was answered as it was, check by check.

use limen_testbed::{Answer, Reply};
use serde_json::Value;

use crate::stage::{KEY, Stage};

fn explained(stage: &Stage, answer: &Answer) -> Value {
    stage.limen.json(&["explain", answer.header("x-request-id").expect("an id")])
}

/// The checks and their outcomes.
fn chain(explanation: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = explanation["checks"].as_array().unwrap().iter();
    checks.map(|check| (text(&check["check"]), text(&check["outcome"]))).collect()
}

#[test]
fn a_call_that_passed_every_check() {
    let stage = Stage::new();
    let subscription = stage.subscribe("tight");
    let bearer = stage.bearer("wes");
    let fields = [(KEY, subscription.primary.as_str()), ("Authorization", bearer.as_str())];
    let answer = stage.http().post("/things/v1/items?secret=1", &fields, "{}");
    assert_eq!(answer.status, 200);
    let explanation = explained(&stage, &answer);
    assert_eq!((&explanation["status"], &explanation["code"]), (&200.into(), &Value::Null));
    assert_eq!((&explanation["method"], &explanation["path"]), (&"POST".into(), &"/things/v1/items".into()));
    let names: Vec<_> = chain(&explanation).into_iter().map(|(name, _)| name).collect();
    let expected = ["route", "notice", "key", "rate", "token", "permission", "media type", "body", "quota", "service"];
    assert_eq!(names.len(), expected.len(), "{names:?}");
    for (name, expected) in names.iter().zip(expected) {
        assert!(name.contains(expected) || expected.contains(name.as_str()), "{names:?}");
    }
    assert!(chain(&explanation).iter().all(|(_, outcome)| outcome == "passed"), "{explanation:#}");
    let words = explanation.to_string();
    for told in [subscription.id.as_str(), "tight", "wes", "ada-app", "thing.write", "primary", "create"] {
        assert!(words.contains(told), "{told} in {explanation:#}");
    }
    for secret in [subscription.primary.as_str(), bearer.strip_prefix("Bearer ").unwrap(), "secret=1"] {
        assert!(!words.contains(secret), "{secret} in {explanation:#}");
    }
    let told = stage.limen.command(&["explain", answer.header("x-request-id").unwrap()]);
    assert!(told.stdout.starts_with("POST /things/v1/items was answered 200."), "{told:#?}");
}

#[test]
fn the_real_reason_is_for_operators() {
    let stage = Stage::new();
    let http = stage.http();
    let suspended = stage.subscribe("all");
    stage.limen.json(&["subscription", "suspend", &suspended.id]);
    let good = stage.subscribe("all").primary;
    let rea = stage.bearer("rea");
    stage.limen.json(&["token", "issue", "--user", "wes"]);
    stage.service.on("/base/broken", Reply::status(500).body("stack trace"));
    let cases = [
        (http.get("/nothing", &[]), 404, "resource-not-found", "route", "no base path"),
        (http.get("/keyed", &[(KEY, &suspended.primary)]), 401, "subscription-key-invalid", "key", "suspended"),
        (
            http.get("/things/v1/items", &[(KEY, &good), ("Authorization", "Bearer x")]),
            401,
            "token-invalid",
            "token",
            "three parts",
        ),
        (
            http.post("/things/v1/items", &[(KEY, &good), ("Authorization", &rea)], "{}"),
            403,
            "permission-denied",
            "permission",
            "rea lacks thing.write",
        ),
        (http.get("/open/broken", &[]), 500, "unexpected", "service", "answered 500"),
        (http.get("/nowhere/x", &[(KEY, &good)]), 503, "service-unavailable", "service", "refused"),
        (http.get("/open/a/..", &[]), 400, "malformed-request", "", "dot segment"),
    ];
    for (answer, status, code, check, words) in cases {
        assert_eq!(answer.status, status, "{answer:?}");
        let explanation = explained(&stage, &answer);
        assert_eq!((&explanation["status"], &explanation["code"]), (&status.into(), &code.into()));
        let (name, outcome) = chain(&explanation).pop().expect("a last check");
        assert!(name.contains(check), "{explanation:#}");
        assert_eq!(outcome, if status >= 500 { "failed" } else { "refused" }, "{explanation:#}");
        let last = explanation["checks"].as_array().unwrap().last().unwrap()["words"].as_str().unwrap();
        assert!(last.contains(words), "'{words}' in {explanation:#}");
        assert!(
            status == 404 || !answer.text().contains(words) || status == 400,
            "the caller is told less: {answer:?}"
        );
    }
}

#[test]
fn refusals_are_kept_longer_than_what_went_well() {
    let stage = Stage::new();
    let http = stage.http();
    let refused = http.get("/nothing", &[]);
    let mut connection = http.open();
    for _ in 0..3_000 {
        assert_eq!(connection.try_call("GET", "/open/items", &[], None).unwrap().status, 200);
    }
    assert_eq!(explained(&stage, &refused)["status"], 404);
    let unparsed = http.send(b"nonsense\r\n\r\n");
    assert_eq!(explained(&stage, &unparsed)["status"], 400);
    for id in ["00000000000000000000000000000000", "no-id", "../../etc"] {
        let unknown = stage.limen.command(&["explain", id]);
        assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""), "{unknown:#?}");
    }
}
