//! 403: the user may not do it or see it, key and token are of two developers, or the quota is used up.

use limen_testbed::{Answer, Reply, eventually};
use serde_json::json;

use crate::stage::{KEY, Stage, retry_after_s};

#[test]
fn the_user_may_not() {
    let stage = Stage::new();
    let http = stage.http();
    let (key, bearer) = (stage.subscribe("all").primary, stage.bearer("rea"));
    let fields = [(KEY, key.as_str()), ("Authorization", bearer.as_str())];
    let first = http.post("/things/v1/items", &fields, "{}");
    let message = first.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("thing.write") && message.contains("Writer"), "{message}");
    let answer = stage.refused_in_both_forms(403, "permission-denied", &message, |accept| {
        http.post("/things/v1/items", &[&fields[..], accept].concat(), "{}")
    });
    assert_eq!(answer.header("www-authenticate"), None, "roles decided and no scope: another token would not help");
    assert_eq!(http.get("/things/v1/items", &fields).status, 200);
    assert_eq!(stage.service.hits(), 1);
}

#[test]
fn the_record_is_not_for_the_user() {
    let stage = Stage::new();
    let http = stage.http();
    let said = json!([{"message": "This record is not yours."}]);
    stage.service.on("/base/items", Reply::json(403, &said));
    let answer = stage.refused_in_both_forms(403, "record-denied", "This record is not yours.", |fields| {
        http.get("/open/items", fields)
    });
    assert_eq!(answer.json()["service"], said);
}

#[test]
fn key_and_token_are_of_two_developers() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("all").primary;
    let bearer = format!("Bearer {}", stage.token(&["--user", "rea", "--application", "bob-app"]));
    let fields = [(KEY, key.as_str()), ("Authorization", bearer.as_str())];
    let message = "The access token belongs to another developer's application than the subscription key.";
    stage.refused_in_both_forms(403, "application-mismatch", message, |accept| {
        http.get("/things/v1/items", &[&fields[..], accept].concat())
    });
    assert_eq!(stage.service.hits(), 0);
    assert_eq!(http.get("/unbound/items", &fields).status, 200, "bind = none");
    let operator = format!("Bearer {}", stage.token(&["--user", "rea"]));
    assert_eq!(http.get("/things/v1/items", &[(KEY, &key), ("Authorization", &operator)]).status, 200);
}

/// The words for so many seconds, as long as they are fewer than a hundred hours.
fn out_of(what: &str, seconds: u64) -> String {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("Out of {what} quota. Quota will be replenished in {hours:02}:{minutes:02}:{:02}.", seconds % 60)
}

#[test]
fn the_quota_is_used_up() {
    let stage = Stage::new();
    let http = stage.http();
    let subscription = stage.subscribe("hourly");
    let call =
        |fields: &[(&str, &str)]| http.get("/keyed/items", &[&[(KEY, subscription.primary.as_str())], fields].concat());
    for left in [2, 1, 0] {
        let answer = call(&[]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""quota";q=3;w=3600"#));
        let limit = answer.header("ratelimit").unwrap();
        assert!(limit.starts_with(&format!(r#""quota";r={left};t="#)), "{limit}");
    }
    for accept in [&[][..], &[("Accept", "application/json")]] {
        let answer = call(accept);
        let seconds = retry_after_s(&answer);
        assert!((3_590..=3_600).contains(&seconds), "{seconds}");
        stage.refused(&answer, 403, "quota-exceeded", &out_of("call volume", seconds));
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""quota";q=3;w=3600"#));
        assert!(answer.header("ratelimit").unwrap().starts_with(r#""quota";r=0;t="#), "{answer:#?}");
    }
    // Both keys are of one account, on every API of the product.
    let answer =
        http.get("/things/v1/items", &[(KEY, &subscription.secondary), ("Authorization", &stage.bearer("rea"))]);
    stage.refused(&answer, 403, "quota-exceeded", &out_of("call volume", retry_after_s(&answer)));
    assert_eq!(stage.service.hits(), 3);
    // Another subscription to the product has its own.
    let other = stage.subscribe("hourly").primary;
    assert_eq!(http.get("/keyed/items", &[(KEY, &other)]).status, 200);

    let long = stage.subscribe("long").primary;
    assert_eq!(http.get("/keyed/items", &[(KEY, &long)]).status, 200);
    let answer = http.get("/keyed/items", &[(KEY, &long)]);
    let seconds = retry_after_s(&answer);
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let words = format!("{days}.{:02}:{:02}:{:02}", clock / 3_600, clock / 60 % 60, clock % 60);
    let message = format!("Out of call volume quota. Quota will be replenished in {words}.");
    stage.refused(&answer, 403, "quota-exceeded", &message);
}

#[test]
fn a_day_ends_at_its_own_midnight() {
    let stage = Stage::new();
    let daily = stage.subscribe("daily").primary;
    assert_eq!(stage.http().get("/keyed/items", &[(KEY, &daily)]).status, 200);
    let answer = stage.http().get("/keyed/items", &[(KEY, &daily)]);
    let seconds = retry_after_s(&answer);
    stage.refused(&answer, 403, "quota-exceeded", &out_of("call volume", seconds));
    // India is five and a half hours ahead all year.
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let until_midnight = 86_400 - (now_s + 19_800) % 86_400;
    assert!(seconds.abs_diff(until_midnight) <= 5, "{seconds} instead of {until_midnight}");
}

#[test]
fn what_counts_and_what_is_given_back() {
    let stage = Stage::new();
    let http = stage.http();
    // Each: what happens first, three times; whether it counts.
    let counts = |what: &str, spend: &dyn Fn(&str) -> Answer, status: u16, counted: bool| {
        let key = stage.subscribe("hourly").primary;
        for _ in 0..3 {
            let answer = spend(&key);
            assert_eq!(answer.status, status, "{what}: {answer:#?}");
        }
        stage.service.on("/base/items", Reply::json(200, &json!({})));
        let after = http.get("/keyed/items", &[(KEY, &key)]).status;
        assert_eq!(after, if counted { 403 } else { 200 }, "{what}");
        let rest = (0..3).filter(|_| http.get("/keyed/items", &[(KEY, &key)]).status == 200).count();
        assert_eq!(rest, if counted { 0 } else { 2 }, "{what}: given back once, no more");
    };
    let scripted = |reply: Reply| {
        let (stage, http) = (&stage, &http);
        move |key: &str| {
            stage.service.on("/base/items", reply.clone());
            http.get("/keyed/items", &[(KEY, key)])
        }
    };
    counts("the service's 400", &scripted(Reply::status(400)), 400, true);
    counts("the service's 404", &scripted(Reply::status(404)), 404, true);
    counts("the service's 429", &scripted(Reply::status(429)), 429, true);
    counts("the service's 500", &scripted(Reply::status(500)), 500, false);
    counts("the service's 503", &scripted(Reply::status(503)), 503, false);
    counts("the service's 401", &scripted(Reply::status(401)), 500, false);
    counts("a redirection", &scripted(Reply::status(302)), 500, false);
    counts("garbage", &scripted(Reply::garbage()), 500, false);
    counts("a service that hangs up", &scripted(Reply::close_before_head()), 503, false);
    counts("an answer that breaks off", &scripted(Reply::status(200).body("0123456789").cut_after(5)), 200, true);
    counts("nobody listens", &|key| http.get("/nowhere/items", &[(KEY, key)]), 503, false);
    // Refused before the quota: key, token, permission, media type, body.
    let rea = stage.bearer("rea");
    let things = |key: &str, token: &str| http.get("/things/v1/items", &[(KEY, key), ("Authorization", token)]);
    counts("no token", &|key| things(key, "Bearer no"), 401, false);
    let post = |key: &str| http.post("/things/v1/items", &[(KEY, key), ("Authorization", &rea)], "{}");
    counts("no permission", &post, 403, false);
    counts("no media type", &|key| http.call("POST", "/keyed/items", &[(KEY, key)], Some(b"{}")), 415, false);
    counts("no JSON", &|key| http.post("/keyed/items", &[(KEY, key)], "{"), 400, false);
    counts("no such path", &|key| http.get("/things/v1/none", &[(KEY, key)]), 404, false);
}

#[test]
fn bandwidth_counts_both_bodies() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("bytes").primary;
    stage.service.on("/base/items", Reply::status(200).body("y".repeat(300)));
    let body = format!("\"{}\"", "x".repeat(298));
    let call = || http.post("/keyed/items", &[(KEY, &key)], &body);
    // 600 bytes a call: the second begins while there are some left, and the overshoot is its own.
    let first = call();
    assert_eq!(first.header("ratelimit-policy"), Some(r#""bandwidth";q=1000;qu="content-bytes";w=3600"#));
    assert_eq!(first.status, 200);
    let second = eventually("the first call's bytes are counted", || {
        let answer = call();
        let limit = answer.header("ratelimit").unwrap_or_default().to_owned();
        (limit.contains("r=400;") || answer.status != 200).then_some(answer)
    });
    assert_eq!(second.status, 200, "{second:#?}");
    let third = eventually("the bytes are used up", || Some(call()).filter(|answer| answer.status != 200));
    let seconds = retry_after_s(&third);
    stage.refused(&third, 403, "bandwidth-exceeded", &out_of("bandwidth", seconds));
    assert!((3_590..=3_600).contains(&seconds), "{seconds}");
}

#[test]
fn who_waits_for_the_quota_gets_through() {
    let stage = Stage::new();
    let http = stage.http();
    for (product, body) in [("scarce", ""), ("brief-bytes", "0123456789012345678901234567890123456789")] {
        let key = stage.subscribe(product).primary;
        stage.service.on("/base/items", Reply::status(200).body(body));
        for _ in 0..2 {
            let refused = eventually("the quota is used up", || {
                Some(http.get("/keyed/items", &[(KEY, &key)])).filter(|answer| answer.status == 403)
            });
            let seconds = retry_after_s(&refused);
            assert!((1..=2).contains(&seconds), "{seconds}");
            stage.wait(seconds);
            let answer = http.get("/keyed/items", &[(KEY, &key)]);
            assert_eq!(answer.status, 200, "{product}: waited {seconds} s and was refused: {answer:#?}");
        }
    }
}
