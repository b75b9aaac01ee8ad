//! 429: the subscription's rate limit is exceeded.

use limen_testbed::Answer;

use crate::stage::{KEY, KEY_INVALID, Stage, TOKEN, retry_after_s};

const MESSAGE: &str = "Rate limit is exceeded. Try again in 1 seconds.";

#[test]
fn the_window_is_full() {
    let stage = Stage::new();
    let http = stage.http();
    let subscription = stage.subscribe("tight");
    let call = |key: &str, path: &str, fields: &[(&str, &str)]| http.get(path, &[&[(KEY, key)], fields].concat());
    let first = call(&subscription.primary, "/keyed/items", &[]);
    assert_eq!(first.status, 200);
    assert_eq!(first.header("ratelimit-policy"), Some(r#""rate";q=1;w=300, "quota";q=1;w=3600"#));
    let limit = first.header("ratelimit").unwrap();
    assert!(limit.starts_with(r#""rate";r=0;t="#) && limit.contains(r#", "quota";r=0;t="#), "{limit}");

    for accept in [&[][..], &[("Accept", "application/json")]] {
        let answer = call(&subscription.primary, "/keyed/items", accept);
        let seconds = retry_after_s(&answer);
        assert!((290..=301).contains(&seconds), "{seconds}");
        let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
        let body = stage.refused(&answer, 429, "rate-limit-exceeded", &message);
        assert_eq!(body["detail"], "2 calls within 300 s; product Tight allows 1.");
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""rate";q=1;w=300, "quota";q=1;w=3600"#));
        assert!(answer.header("ratelimit").unwrap().starts_with(r#""rate";r=0;t="#), "{answer:#?}");
    }
    // The secondary key and the product's other API share the account.
    for (key, path) in [(&subscription.secondary, "/keyed/items"), (&subscription.primary, "/things/v1/items")] {
        assert_eq!(call(key, path, &[]).status, 429, "{path}");
    }
    assert_eq!(stage.service.hits(), 1);
    let other = stage.subscribe("tight");
    assert_eq!(call(&other.primary, "/keyed/items", &[]).status, 200, "another subscription has its own window");
}

#[test]
fn every_call_with_a_good_key_counts_whatever_comes_of_it() {
    let stage = Stage::new();
    let http = stage.http();
    let counts = |what: &str, spend: &dyn Fn(&str) -> Answer, status: u16, counted: bool| {
        let key = stage.subscribe("tight").primary;
        assert_eq!(spend(&key).status, status, "{what}");
        let after = http.get("/keyed/items", &[(KEY, &key)]).status;
        assert_eq!(after, if counted { 429 } else { 200 }, "{what}");
    };
    let rea = stage.bearer("rea");
    counts("no token", &|key| http.get("/things/v1/items", &[(KEY, key)]), 401, true);
    let things = |key: &str| http.post("/things/v1/items", &[(KEY, key), ("Authorization", &rea)], "{}");
    counts("no permission", &things, 403, true);
    counts("no media type", &|key| http.call("POST", "/keyed/items", &[(KEY, key)], Some(b"{}")), 415, true);
    counts("no JSON", &|key| http.post("/keyed/items", &[(KEY, key)], "{"), 400, true);
    counts("no such path", &|key| http.get("/things/v1/none", &[(KEY, key)]), 404, false);
    counts(
        "a preflight",
        &|key| {
            let fields = [(KEY, key), ("Origin", "https://a.example"), ("Access-Control-Request-Method", "GET")];
            http.call("OPTIONS", "/keyed/items", &fields, None)
        },
        200,
        false,
    );
}

#[test]
fn who_waits_gets_through_and_hammering_never_prolongs() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("brisk").primary;
    let call = || http.get("/keyed/items", &[(KEY, &key)]);
    let until_refused = || loop {
        let answer = call();
        if answer.status != 200 {
            return answer;
        }
    };
    for _ in 0..2 {
        let refused = until_refused();
        stage.refused(&refused, 429, "rate-limit-exceeded", MESSAGE);
        assert_eq!(refused.header("retry-after"), Some("1"));
        stage.wait(retry_after_s(&refused));
        let answer = call();
        assert_eq!(answer.status, 200, "waited and was refused: {answer:#?}");
    }
    // Hammered for the whole wait, the same promise holds.
    let refused = until_refused();
    let seconds = retry_after_s(&refused);
    let mut hammered = 0;
    let passed = stage.during(seconds, || {
        hammered += 1;
        call().status
    });
    assert!(hammered > 20, "{hammered}");
    assert!(passed.contains(&429));
    assert!(passed.contains(&200) || call().status == 200, "the window never moved on");
    // An unknown key has no window, and a bad token no other status.
    stage.refused(&http.get("/keyed/items", &[(KEY, "x")]), 401, "subscription-key-invalid", KEY_INVALID);
    let fresh = stage.subscribe("brisk").primary;
    let bad = [(KEY, fresh.as_str()), ("Authorization", "Bearer x")];
    for _ in 0..3 {
        stage.refused(&http.get("/things/v1/items", &bad), 401, "token-invalid", TOKEN);
    }
    let refused = http.get("/things/v1/items", &bad);
    stage.refused(&refused, 429, "rate-limit-exceeded", MESSAGE);
}
