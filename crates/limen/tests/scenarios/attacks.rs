//! Attacks that once got through, and what they get now: callers who hoard room, leave early, ask what they may not
//! know, or send what two readers take for two things; and the words that whoever is refused needs to go on.

mod services;

use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use limen_testbed::{Answer, Reply, eventually};
use serde_json::{Value, json};

use crate::stage::{KEY, KEY_MISSING, Stage, resident_bytes, retry_after_s};

const UPLOADS: &str = r#"  - {name: uploads, base_path: /uploads, target: "{target}/base", access: key, validate: "off",
     media_types: ["*/*"], body_max_bytes: 10_000_000,
     deadlines: {connect_timeout_ms: 500, response_timeout_ms: 300, idle_timeout_ms: 700}}"#;
/// What a caller who stalls is told.
const STALLED: &str = "The body did not arrive in time.";

/// A stage with one more API, its target in the place of `{target}`, and one more product.
fn stage_with(api: &str, target: Option<&str>, product: &str) -> Stage {
    let stage = Stage::new();
    let api = api.replace("{target}", target.unwrap_or(&stage.service.url()));
    stage.limen.apply(&stage.world().replace("\nproducts:\n", &format!("\n{api}\nproducts:\n{product}\n")));
    stage
}

fn explained(stage: &Stage, answer: &Answer) -> Value {
    stage.limen.json(&["explain", answer.header("x-request-id").expect("an id")])
}

#[test]
fn long_paths_do_not_fill_the_journal() {
    let stage = Stage::new();
    let before = resident_bytes(&stage.limen);
    let calls = |count: usize, path_len: usize| {
        let path = format!("/keyed/{}", "x".repeat(path_len - "/keyed/".len()));
        let mut connection = stage.http().open();
        (0..count).fold(None, |_, _| Some(connection.try_call("GET", &path, &[], None).unwrap())).unwrap()
    };
    let [over, within] = std::thread::scope(|scope| {
        let halves = [scope.spawn(|| calls(3_000, 31_000)), scope.spawn(|| calls(1_000, 16_000))];
        halves.map(|half| half.join().unwrap())
    });
    stage.refused(&over, 400, "headers-too-large", "The URL is too long.");
    stage.refused(&within, 401, "subscription-key-missing", KEY_MISSING);
    for answer in [over, within] {
        let kept = explained(&stage, &answer)["path"].as_str().unwrap().to_owned();
        assert!(kept.starts_with("/keyed/xxx") && kept.chars().count() <= 512, "{}", kept.len());
    }
    let grown = resident_bytes(&stage.limen).saturating_sub(before);
    assert!(grown < 60_000_000, "{grown} bytes");
}

#[test]
fn callers_without_a_key_do_not_shut_subscribers_out() {
    const CALLERS: usize = 300;
    let stage = Stage::new();
    let key = stage.subscribe("all").primary;
    let fields = [("Content-Type", "application/json"), ("Content-Length", "1048576")];
    let (tell, told) = mpsc::channel();
    let body = Arc::new(vec![b' '; (1 << 20) - 1]);
    for _ in 0..CALLERS {
        let (tell, body, mut connection) = (tell.clone(), Arc::clone(&body), stage.http().open());
        std::thread::spawn(move || {
            let head = connection.request("POST", "/open/items", &fields, None);
            connection.write(&head);
            connection.write(&body);
            if let Ok(answer) = connection.try_answer_to("POST") {
                let _ = tell.send(answer);
            }
        });
    }
    // An eighth of 256 MiB is theirs together: no more than 32 of these bodies.
    for number in 0..CALLERS - 32 {
        let answer = told.recv_timeout(Duration::from_secs(15)).unwrap_or_else(|_| panic!("{number} were refused"));
        assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("overloaded")), "{answer:?}");
        assert!(retry_after_s(&answer) >= 1);
        if number == 0 {
            let message = answer.json()["message"].as_str().unwrap().to_owned();
            stage.refused(&answer, 503, "overloaded", &message);
        }
    }
    let answer = stage.http().post("/keyed/items", &[(KEY, &key)], &format!("\"{}\"", "x".repeat(2_000)));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stage.service.hits(), 1);
}

#[test]
fn who_leaves_before_the_end_has_used_its_bandwidth() {
    let product = "  - {name: metered, apis: [uploads], quota: {bytes: 1_000_000, period_s: 3_600}}";
    let stage = stage_with(UPLOADS, None, product);
    let key = stage.subscribe("metered").primary;
    stage.service.on("/base/none", Reply::status(204));
    let mut connection = stage.http().open();
    let fields = [(KEY, key.as_str()), ("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")];
    let head = connection.request("PUT", "/uploads/items", &fields, None);
    connection.write(&head);
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    for _ in 0..32 {
        connection.write(chunk.as_bytes());
    }
    let arrives = || stage.service.requests().first().is_some_and(|seen| seen.body.len() > 1_900_000).then_some(());
    eventually("most of the body reaches the service", arrives);
    drop(connection);
    let refused = eventually("its bytes are counted", || {
        Some(stage.http().get("/uploads/none", &[(KEY, &key)])).filter(|answer| answer.status != 200)
    });
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Out of bandwidth quota. "), "{message}");
    stage.refused(&refused, 403, "bandwidth-exceeded", &message);
    assert!(!stage.service.requests()[0].complete);
}

#[test]
fn who_stalls_pays_and_who_is_let_down_does_not() {
    let stage = stage_with(UPLOADS, None, "  - {name: pair, apis: [uploads], quota: {calls: 2, period_s: 3_600}}");
    stage.service.on("/base/hangs", Reply::hang());
    let rest = |key: &str| [0; 3].map(|_| stage.http().get("/uploads/items", &[(KEY, key)]).status);

    let key = stage.subscribe("pair").primary;
    let mut connection = stage.http().open();
    let fields = [(KEY, key.as_str()), ("Content-Type", "text/plain"), ("Content-Length", "9")];
    let request = connection.request("POST", "/uploads/items", &fields, None);
    connection.write(&[&request[..], b"x"].concat());
    let answer = connection.answer_to("POST");
    stage.refused(&answer, 400, "request-timeout", STALLED);
    assert!(!explained(&stage, &answer).to_string().contains("given back"));
    assert_eq!(rest(&key), [200, 403, 403]);

    let key = stage.subscribe("pair").primary;
    let fields = [(KEY, key.as_str()), ("Content-Type", "text/plain")];
    let answer = stage.http().call("POST", "/uploads/hangs", &fields, Some(b"whole"));
    let message = "The service did not answer in time. Try again later.";
    stage.refused(&answer, 503, "service-timeout", message);
    assert!(explained(&stage, &answer).to_string().contains("The right was given back"));
    let told = stage.limen.command(&["explain", answer.header("x-request-id").unwrap()]);
    assert!(told.stdout.contains("given back"), "{told:#?}");
    assert_eq!(rest(&key), [200, 200, 403]);
}

#[test]
fn a_semicolon_can_not_turn_one_operation_into_another() {
    let stage = Stage::new();
    let (key, bearer) = (stage.subscribe("all").primary, stage.bearer("rea"));
    let fields = [(KEY, key.as_str()), ("Authorization", bearer.as_str())];
    for path in ["/things/v1/items;x=1", "/things/v1/items/7;/x", "/things/v1/items/7%3Bx", "/things/v1/items/7%3bx"] {
        let answer = stage.http().get(path, &fields);
        let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains("semicolon"), "{path}: {answer:?}");
        let body = stage.refused(&answer, 400, "malformed-request", &message);
        assert_eq!(body["errors"][0]["in"], "path", "{path}");
    }
    assert_eq!(stage.service.hits(), 0);
    assert_eq!(stage.http().get("/open/items;x=1", &[]).status, 200, "an API without operations has none to mix up");
    assert_eq!(stage.service.last().target, "/base/items;x=1");
}

#[test]
fn a_private_api_tells_strangers_nothing() {
    let stage = Stage::new();
    let http = stage.http();
    let asking = [("Origin", "https://a.example"), ("Access-Control-Request-Method", "DELETE")];
    let preflight = |path: &str| {
        let answer = http.call("OPTIONS", path, &asking, None);
        assert_eq!((answer.status, answer.headers_named("cache-control")), (200, vec!["private"]), "{answer:?}");
        let differs = |name: &str| ["x-request-id", "date"].contains(&name);
        answer.headers.into_iter().filter(|(name, _)| !differs(&name.to_lowercase())).collect::<Vec<_>>()
    };
    assert_eq!(preflight("/secret/items"), preflight("/secret/nothing"));

    // Its access is `key`: whoever lacks one is not sent to look for a token.
    let keyless = http.get("/secret/items", &[]);
    let body = stage.refused(&keyless, 401, "subscription-key-missing", KEY_MISSING);
    assert!(!body["detail"].as_str().unwrap().contains("token"), "{body}");
    let challenges = keyless.headers_named("www-authenticate");
    assert!(challenges.len() == 1 && challenges[0].starts_with("AzureApiManagementKey "), "{challenges:?}");

    // The notice's page is not public, so nothing leads to it; `refused` follows the links.
    let notice = stage.limen.json(&["notice", "open", "--close", "--api", "secret", "--title", "Closed for now"]);
    let closed = http.get("/secret/items", &[(KEY, &stage.subscribe("all").primary)]);
    let body = stage.refused(&closed, 503, "service-unavailable", "Closed for now");
    assert_eq!(closed.header("link"), None, "{closed:?}");
    let id = notice["id"].as_str().unwrap();
    assert_eq!(stage.limen.pages().get(&format!("/issues/{id}"), &[]).status, 404);
    assert!(!body.to_string().contains(&format!("/issues/{id}")), "{body}");
    let stranger = http.get("/secret/items", &[]);
    stage.refused(&stranger, 401, "subscription-key-missing", KEY_MISSING);
}

#[test]
fn a_standing_notice_explains_a_failing_service() {
    let stage = Stage::new();
    let key = stage.subscribe("all").primary;
    let told = ["notice", "open", "--announce-only", "--title", "The cellar is wet", "--api", "nowhere"];
    let notice = stage.limen.json(&told);
    let answer = stage.http().get("/nowhere/items", &[(KEY, &key)]);
    let body = stage.refused(&answer, 503, "service-unavailable", "The cellar is wet");
    let page = format!("http://{}/issues/{}", stage.limen.web(), notice["id"].as_str().unwrap());
    assert_eq!(body["help"], page);
    assert_eq!(answer.headers_named("link"), [format!("<{page}>; rel=\"status\"")]);
    assert!((30..=33).contains(&retry_after_s(&answer)), "{answer:?}");
    // It is of that API, and of failures that waiting mends.
    stage.service.on("/base/items", Reply::status(503));
    assert_eq!(stage.http().get("/open/items", &[]).header("link"), None);
    let wrong = stage.http().get("/nowhere/items", &[(KEY, "wrong")]);
    assert_eq!((wrong.status, wrong.header("link")), (401, None));
}

#[test]
fn a_key_in_the_url_stays_with_us() {
    let stage = Stage::new();
    let key = stage.subscribe("all").primary;
    let named = format!("subscription-key={key}");
    for (query, sent) in [
        (format!("?a=1&{named}&b=2"), "?a=1&b=2"),
        (format!("?{named}"), ""),
        (format!("?{named}&{named}&c=%20"), "?c=%20"),
        (format!("?subscription%2Dkey={key}&d=4"), "?d=4"),
    ] {
        assert_eq!(stage.http().get(&format!("/keyed/items{query}"), &[(KEY, &key)]).status, 200);
        assert_eq!(stage.service.last().target, format!("/base/items{sent}"), "{query}");
        assert_eq!(stage.http().get(&format!("/open/items{query}"), &[]).status, 200);
        assert_eq!(stage.service.last().target, format!("/base/items{sent}"), "{query}");
    }
    let alone = stage.http().get(&format!("/keyed/items?{named}"), &[]);
    stage.refused(&alone, 401, "subscription-key-missing", KEY_MISSING);
    assert!(!stage.limen.stderr().contains(&key));
}

#[test]
fn whoever_is_refused_learns_what_to_do() {
    let stage = Stage::new();
    let http = stage.http();
    for (path, resource) in [("/tokened/items", "/tokened"), ("/things/v1/items", "/things/v1")] {
        let answer = http.get(path, &[]);
        let challenges = answer.headers_named("www-authenticate").join(", ");
        let url = challenges.split("resource_metadata=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        let place = url.strip_prefix(&stage.gateway_url()).unwrap_or_else(|| panic!("not ours: {url}"));
        let metadata = http.get(place, &[]);
        let media_type = metadata.header("content-type");
        assert_eq!((metadata.status, media_type), (200, Some("application/json")), "{metadata:?}");
        assert_eq!(metadata.json()["resource"], format!("{}{resource}", stage.gateway_url()));
    }
    // A key that was accepted, before anything of its quota was used.
    let key = stage.subscribe("long-things").primary;
    let answer = http.get("/things/v1/items", &[(KEY, &key)]);
    assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("token-missing")));
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""quota";q=1;w=172800"#));
    let bearer = stage.bearer("wes");
    assert_eq!(http.get("/things/v1/items", &[(KEY, &key), ("Authorization", &bearer)]).status, 200, "it is unused");
}

#[test]
fn browsers_and_old_callers_can_read_what_refuses_them() {
    let relayed = r#"  - {name: relayed, base_path: /relayed, target: "{target}/base", access: token, error_body: pass,
     pass_401: true}"#;
    let stage = stage_with(relayed, None, "");
    let http = stage.http();
    let twice = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")];
    for (path, origin, allowed) in [
        ("/tokened/items", "https://a.example", Some("*")),
        ("/shop/items", "https://shop.example", Some("https://shop.example")),
        ("/shop/items", "https://elsewhere.example", None),
    ] {
        let answer = http.get(path, &[&twice[..], &[("Origin", origin)]].concat());
        let message = "There is more than one Authorization header; send one.";
        stage.refused(&answer, 400, "malformed-request", message);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{path} {origin}");
        assert_eq!(answer.header("access-control-expose-headers").is_some(), allowed.is_some(), "{path} {origin}");
        let asking = [("Origin", origin), ("Access-Control-Request-Method", "GET")];
        let preflight = http.call("OPTIONS", path, &asking, None);
        assert_eq!((preflight.status, preflight.headers_named("cache-control")), (200, vec!["private"]));
    }
    // A service's 401 that may leave names our way in, not the service's.
    let said = json!({"mine": true});
    stage.service.on("/base/items", Reply::json(401, &said).header("WWW-Authenticate", "Basic realm=\"inside\""));
    let answer = http.get("/relayed/items", &[("Authorization", &stage.bearer("wes"))]);
    assert_eq!((answer.status, answer.json()), (401, said), "{answer:?}");
    let challenges = answer.headers_named("www-authenticate");
    assert!(challenges.len() == 1 && challenges[0].starts_with("Bearer realm="), "{challenges:?}");

    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let at = |seconds| jiff::Timestamp::try_from(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
    let date = printer.timestamp_to_rfc9110_string(&at(40)).unwrap();
    stage.service.on("/base/items", Reply::json(429, &json!({})).header("Retry-After", &date));
    let answer = http.get("/open/items", &[]);
    assert_eq!(answer.status, 429);
    assert!((35..=41).contains(&retry_after_s(&answer)), "{date}: {answer:?}");
}
