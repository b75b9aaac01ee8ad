//! The order of checks: a call with several things wrong is answered by the first.

use limen_testbed::{Answer, Reply};

use crate::stage::{KEY, Stage};

/// What is wrong with a call, in the contract's order; each row of the test has all that come later wrong as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Framing,
    Route,
    Notice,
    Key,
    Rate,
    Token,
    Permission,
    MediaType,
    Body,
    Quota,
    Service,
    Nothing,
}

/// A call in which `first` and all that stands behind it is wrong.
fn call(stage: &Stage, first: Wrong, keys: &Keys, tokens: &[String; 2]) -> Answer {
    let wrong = |what: Wrong| what >= first && first != Wrong::Nothing;
    let path = if wrong(Wrong::Route) { "/things/v1/nothing" } else { "/things/v1/items" };
    let path = if wrong(Wrong::Framing) { format!("{path}/..") } else { path.into() };
    let key = match first {
        _ if wrong(Wrong::Key) => "wrong",
        _ if wrong(Wrong::Rate) => &keys.without_rate,
        _ if wrong(Wrong::Quota) => &keys.without_quota,
        _ => &keys.good,
    };
    let token = match first {
        _ if wrong(Wrong::Token) => "Bearer wrong",
        _ if wrong(Wrong::Permission) => &tokens[0],
        _ => &tokens[1],
    };
    let mut fields = vec![(KEY, key), ("Authorization", token)];
    if !wrong(Wrong::MediaType) {
        fields.push(("Content-Type", "application/json"));
    }
    let body = if wrong(Wrong::Body) { "{" } else { "{}" };
    stage.http().call("POST", &path, &fields, Some(body.as_bytes()))
}

struct Keys {
    good: String,
    without_rate: String,
    without_quota: String,
}

#[test]
fn the_first_that_is_wrong_answers() {
    let stage = Stage::new();
    let wes = stage.bearer("wes");
    let keys = Keys {
        good: stage.subscribe("all").primary,
        without_rate: stage.subscribe("tight").primary,
        without_quota: stage.subscribe("long-things").primary,
    };
    for key in [&keys.without_rate, &keys.without_quota] {
        let spent = stage.http().post("/things/v1/items", &[(KEY, key), ("Authorization", &wes)], "{}");
        assert_eq!(spent.status, 200, "{spent:?}");
    }
    stage.service.on("/base/items", Reply::status(500));
    let tokens = [stage.bearer("rea"), wes];
    let rows = [
        (Wrong::Framing, 400, "malformed-request"),
        (Wrong::Route, 404, "resource-not-found"),
        (Wrong::Notice, 503, "service-unavailable"),
        (Wrong::Key, 401, "subscription-key-invalid"),
        (Wrong::Rate, 429, "rate-limit-exceeded"),
        (Wrong::Token, 401, "token-invalid"),
        (Wrong::Permission, 403, "permission-denied"),
        (Wrong::MediaType, 415, "media-type-unsupported"),
        (Wrong::Body, 400, "body-not-json"),
        (Wrong::Quota, 403, "quota-exceeded"),
        (Wrong::Service, 500, "unexpected"),
    ];
    let hits = stage.service.hits();
    let notice = stage.limen.json(&["notice", "open", "--close", "--api", "things", "--title", "Closed"]);
    for (first, status, code) in rows {
        if first == Wrong::Key {
            stage.limen.json(&["notice", "resolve", notice["id"].as_str().unwrap()]);
        }
        let answer = call(&stage, first, &keys, &tokens);
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{first:?}: {answer:?}");
    }
    assert_eq!(stage.service.hits(), hits + 1, "the service saw none but the last");
    stage.service.on("/base/items", Reply::status(200));
    assert_eq!(call(&stage, Wrong::Nothing, &keys, &tokens).status, 200);
}

#[test]
fn a_preflight_stands_between_route_and_notice() {
    let stage = Stage::new();
    stage.limen.json(&["notice", "open", "--close", "--title", "All closed"]);
    let fields = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")];
    let preflight = |path: &str| stage.http().call("OPTIONS", path, &fields, None).status;
    assert_eq!(preflight("/things/v1/items"), 200);
    assert_eq!(preflight("/things/v1/nothing"), 404);
    assert_eq!(preflight("/things/v1/../x"), 400);
}

#[test]
fn a_refusal_reaches_a_caller_who_is_still_sending() {
    let stage = Stage::new();
    let json = [("Content-Type", "application/json")];
    let body = vec![b' '; 4 << 20];
    for (path, status, code) in [
        ("/nothing", 404, "resource-not-found"),
        ("/keyed/items", 401, "subscription-key-missing"),
        ("/open/items", 400, "body-too-large"),
    ] {
        for _ in 0..5 {
            let answer = stage.http().call("POST", path, &json, Some(&body));
            assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{answer:?}");
        }
    }
    // Behind a refusal whose body was small, the connection goes on; requests sent ahead are answered in order.
    let mut connection = stage.http().open();
    let refused = connection.request("POST", "/keyed/items", &json, Some(b"{}"));
    let fine = connection.request("GET", "/open/items", &[], None);
    connection.write(&[refused.clone(), fine.clone(), refused, fine].concat());
    let statuses: Vec<_> = (0..4).map(|_| connection.answer_to("GET").status).collect();
    assert_eq!(statuses, [401, 200, 401, 200]);
    assert_eq!(stage.service.hits(), 2);
}
