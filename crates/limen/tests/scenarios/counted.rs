//! `counted_by: connection`: rate and quota for each application in each environment, whichever key comes with it.

use limen_testbed::Answer;
use serde_json::{Value, json};

use crate::stage::{KEY, Stage, TOKEN};

const PRODUCTS: &str = r#"
products:
  - {name: shared, title: Shared, apis: [things, unbound, closed], rate: {calls: 3, window_s: 300}, counted_by: connection}
  - {name: shared-too, apis: [things], rate: {calls: 3, window_s: 300}, counted_by: connection}
  - {name: metered, title: Metered, apis: [things], quota: {calls: 2, period_s: 315_360_000}, counted_by: connection}
  - {name: wide, apis: [things], rate: {calls: 20, window_s: 300}, quota: {calls: 10, period_s: 315_360_000},
     counted_by: connection}
"#;
const CLOSED: &str = r#"
  - {name: closed, base_path: /closed, target: "{service}/base", access: key+token, visibility: private,
     operations: [{name: list, method: GET, path: /items}]}
"#;
const BOTH: &str = r#"
users:
  - {name: both, memberships: [{environment: demo, roles: [reader]}, {environment: spare, roles: [reader]}]}
"#;
const SPARE: &str = r#"
connections:
  - {application: ada-app, environment: spare}
"#;

/// A stage with products that count connections, and a user in two environments to which ada's application is connected.
fn stage() -> Stage {
    let stage = Stage::new();
    let closed = CLOSED.replace("{service}", &stage.service.url());
    let world = stage
        .world()
        .replace("\nproducts:\n", &format!("{closed}{PRODUCTS}"))
        .replace("\nusers:\n", BOTH)
        .replace("\nconnections:\n", SPARE);
    stage.limen.apply(&world);
    stage
}

fn token(stage: &Stage, application: &str, environment: &str) -> String {
    let token = stage.token(&["--user", "both", "--application", application, "--environment", environment]);
    format!("Bearer {token}")
}

fn call(stage: &Stage, path: &str, key: &str, bearer: &str) -> Answer {
    stage.http().get(path, &[(KEY, key), ("Authorization", bearer)])
}

fn rate_left(answer: &Answer) -> String {
    let told = answer.header("ratelimit").expect("what is left").to_owned();
    told.split(";t=").next().unwrap_or_default().to_owned()
}

#[test]
fn the_rate_is_each_connection_s_own() {
    let stage = stage();
    let (first, second) = (stage.subscribe("shared"), stage.subscribe("shared"));
    let (demo, spare) = (token(&stage, "ada-app", "demo"), token(&stage, "ada-app", "spare"));
    let items = "/things/v1/items";
    for (key, left) in [(&first.primary, 2), (&second.primary, 1), (&first.secondary, 0)] {
        let answer = call(&stage, items, key, &demo);
        assert_eq!((answer.status, rate_left(&answer)), (200, format!(r#""rate";r={left}"#)), "{answer:?}");
    }
    for key in [&first.primary, &second.primary] {
        let refused = call(&stage, items, key, &demo);
        assert_eq!((refused.status, rate_left(&refused).as_str()), (429, r#""rate";r=0"#), "{refused:?}");
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains("by the application ada-app in the environment demo"), "{detail}");
    }
    // Another user of it is the same connection; another environment, application or product isn't.
    let rea = stage.bearer("rea");
    assert_eq!(call(&stage, items, &first.primary, &rea).status, 429);
    assert_eq!(call(&stage, items, &first.primary, &spare).status, 200);
    assert_eq!(call(&stage, "/unbound/items", &first.primary, &token(&stage, "bob-app", "demo")).status, 200);
    assert_eq!(call(&stage, items, &stage.subscribe("shared-too").primary, &demo).status, 200);
    assert_eq!(stage.service.hits(), 6);
}

#[test]
fn what_is_refused_before_counts_under_the_subscription() {
    let stage = stage();
    let (hammered, other) = (stage.subscribe("shared").primary, stage.subscribe("shared").primary);
    let demo = token(&stage, "ada-app", "demo");
    let items = "/things/v1/items";
    let bad = |key: &str| call(&stage, items, key, "Bearer abc");
    for left in [2, 1, 0] {
        let answer = bad(&hammered);
        stage.refused(&answer, 401, "token-invalid", TOKEN);
        assert_eq!(rate_left(&answer), format!(r#""rate";r={left}"#));
    }
    let answer = bad(&hammered);
    assert_eq!((answer.status, answer.header("www-authenticate")), (429, None), "{answer:?}");
    let words = stage.limen.json(&["explain", answer.header("x-request-id").unwrap()]).to_string();
    assert!(words.contains("subscription sub_") && !words.contains("application "), "{words}");
    assert_eq!(bad(&other).status, 401, "another subscription has its own");
    // No connection is shut out by it, and none was counted.
    for left in [2, 1, 0] {
        let answer = call(&stage, items, &hammered, &demo);
        assert_eq!((answer.status, rate_left(&answer)), (200, format!(r#""rate";r={left}"#)), "{answer:?}");
    }
    // Another developer's application, and a token that is missing, are refused at the token too.
    let fresh = stage.subscribe("shared").primary;
    let foreign = token(&stage, "bob-app", "demo");
    assert_eq!(call(&stage, items, &fresh, &foreign).json()["code"], "application-mismatch");
    assert_eq!(stage.http().get(items, &[(KEY, &fresh)]).json()["code"], "token-missing");
    // A private API knows the key before the route.
    assert_eq!(call(&stage, "/closed/nothing", &fresh, &foreign).status, 404);
    assert_eq!(call(&stage, "/closed/nothing", &fresh, &foreign).status, 429);
    // An operator's own token has no connection: the subscription counts.
    let fresh = stage.subscribe("shared").primary;
    let own = format!("Bearer {}", stage.token(&["--user", "rea"]));
    for status in [200, 200, 200, 429] {
        assert_eq!(call(&stage, items, &fresh, &own).status, status);
    }
}

#[test]
fn the_quota_is_each_connection_s_own_and_told_with_the_subscription() {
    let stage = stage();
    let (first, second) = (stage.subscribe("metered"), stage.subscribe("metered"));
    let (demo, spare) = (token(&stage, "ada-app", "demo"), token(&stage, "ada-app", "spare"));
    let items = "/things/v1/items";
    assert_eq!(call(&stage, items, &first.primary, &demo).status, 200);
    let last = call(&stage, items, &second.primary, &demo);
    assert_eq!((last.status, rate_left(&last).as_str()), (200, r#""quota";r=0"#));
    let over = call(&stage, items, &first.primary, &demo);
    assert_eq!((over.status, &over.json()["code"]), (403, &json!("quota-exceeded")), "{over:?}");
    assert_eq!(call(&stage, items, &first.primary, &spare).status, 200);
    // Periods begin alike for all: ten years from the epoch are all the same ten years.
    let retry_after_s: i64 = over.header("retry-after").unwrap().parse().unwrap();
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((retry_after_s - (315_360_000 - now_s % 315_360_000)).abs() <= 60, "{retry_after_s}");

    let shown = stage.limen.json(&["subscription", "show", &first.id]);
    assert_eq!(shown["counted_by"], "connection");
    let used: Vec<(&Value, &Value, &Value)> = shown["connections"]
        .as_array()
        .expect("its connections")
        .iter()
        .map(|one| (&one["application"], &one["environment"], &one["usage"]["period_calls"]))
        .collect();
    let (app, two, one) = (json!("ada-app"), json!(2), json!(1));
    assert_eq!(used, [(&app, &json!("demo"), &two), (&app, &json!("spare"), &one)]);
    let words = stage.limen.command(&["subscription", "show", &first.id]).stdout;
    assert!(words.contains("counted by") && words.contains("ada-app in demo"), "{words}");
}

/// However many call at once, with whichever key, and though the process is killed: never more than the limit.
#[test]
fn never_over_whatever_keys_come_and_over_a_kill() {
    let mut stage = stage();
    let keys: Vec<String> = (0..3).map(|_| stage.subscribe("wide").primary).collect();
    let demo = token(&stage, "ada-app", "demo");
    let at_once = |stage: &Stage| {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let (demo, keys) = (&demo, &keys);
            let calling = |at: usize| move || call(stage, "/things/v1/items", &keys[at % keys.len()], demo).status;
            let calls: Vec<_> = (0..15).map(|at| scope.spawn(calling(at))).collect();
            calls.into_iter().map(|call| call.join().expect("an answer")).collect()
        });
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        (count(200), count(403), count(429))
    };
    assert_eq!(at_once(&stage), (10, 5, 0), "ten of the quota");
    stage.limen.kill();
    stage.limen.restart();
    assert_eq!(at_once(&stage), (0, 5, 10), "twenty of the rate, fifteen of which were before");
    assert_eq!(stage.service.hits(), 10);
}
