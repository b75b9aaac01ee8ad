//! `limen publish`, and what passes between a caller and a service: paths, hosts, identity, keys, streams, locations.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use limen_testbed::{Gate, Limen, Reply, Seen, Service, Settings, eventually};
use serde_json::{Value, json};

use crate::stage::{BINARY, KEY, Stage};

#[test]
fn one_command_publishes_and_its_curl_works() {
    let limen = Limen::start(Settings::new(BINARY).argument("--no-sample"));
    let service = Service::ok();
    let target = format!("{}/api/v2/", service.url());
    let published = limen.json(&["publish", "--target", &target, "--base-path", "/orders"]);
    let url = published["url"].as_str().unwrap();
    assert_eq!(url, format!("http://{}/orders", limen.gateway()));
    assert_eq!(published["key_header"], KEY);
    for key in ["primary_key", "secondary_key"] {
        let key = published["subscription"][key].as_str().unwrap();
        let answer = limen.http().get("/orders/7?expand=lines", &[(KEY, key)]);
        assert_eq!((answer.status, answer.json()), (200, json!({"ok": true})), "{answer:?}");
        assert_eq!(service.last().target, "/api/v2/7?expand=lines");
    }
    for (asked, sent) in [("/orders", "/api/v2"), ("/orders/", "/api/v2"), ("/orders/a/b/", "/api/v2/a/b")] {
        let key = published["subscription"]["primary_key"].as_str().unwrap();
        assert_eq!(limen.http().get(asked, &[(KEY, key)]).status, 200);
        let seen = service.last().target;
        assert!(seen == sent || seen == format!("{sent}/"), "{asked} → {seen}");
    }
    // For people: the words end with a curl that works as it stands.
    let told = limen.command(&["publish", "--target", &service.url(), "--base-path", "/more"]);
    assert_eq!(told.code, Some(0), "{told:#?}");
    let curl = told.stdout.lines().map(str::trim).find(|line| line.starts_with("curl ")).expect("a curl");
    let run = std::process::Command::new("sh").args(["-c", &curl.replace("curl -i", "curl -s -i")]).output().unwrap();
    assert!(String::from_utf8_lossy(&run.stdout).contains("200 OK"), "{curl}: {run:?}");

    limen.json(&["unpublish", "--base-path", "/orders"]);
    let key = published["subscription"]["primary_key"].as_str().unwrap();
    assert_eq!(limen.http().get("/orders/7", &[(KEY, key)]).json()["code"], "resource-not-found");
    for (arguments, words) in [
        (["--target", "ftp://a", "--base-path", "/x"], "--target"),
        (["--target", "http://127.0.0.1:1", "--base-path", "x"], "--base-path"),
        (["--target", "http://127.0.0.1:1", "--base-path", "/more"], "/more"),
    ] {
        let refused = limen.command(&[&["publish"][..], &arguments].concat());
        assert!(refused.code != Some(0) && refused.stderr.contains(words), "{refused:#?}");
    }
}

/// The claims of the assertion that a service saw, verified with the key set on the web address.
fn asserted(stage: &Stage, seen: &Seen, audience: &str) -> Value {
    let assertion = seen.header("limen-assertion").expect("an assertion");
    let head = jsonwebtoken::decode_header(assertion).expect("a head");
    assert_eq!(head.alg, Algorithm::ES256);
    let set = stage.limen.pages().get("/.well-known/jwks.json", &[]).json();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"].as_str() == head.kid.as_deref());
    let key = key.expect("its key is published");
    let key = DecodingKey::from_ec_components(key["x"].as_str().unwrap(), key["y"].as_str().unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[format!("http://{}", stage.limen.web())]);
    validation.leeway = 5;
    jsonwebtoken::decode::<Value>(assertion, &key, &validation).expect("a good assertion").claims
}

/// The names of all fields that are ours to say, an underscore read as a hyphen.
fn limens(seen: &Seen) -> Vec<String> {
    let names = seen.headers.iter().map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"));
    let mut names: Vec<_> = names.filter(|name| name.starts_with("limen-")).collect();
    names.sort();
    names
}

/// What a caller sends to be taken for somebody else, to reach what it may not, or for the gateway alone; then what is
/// its own.
const FORGED: [(&str, &str); 21] = [
    ("Limen-User", "root"),
    ("limen_user", "root"),
    ("LIMEN-Permissions", "all"),
    ("Limen_Permissions", "all"),
    ("Limen-Assertion", "forged"),
    ("limen-anything", "x"),
    ("Limen_Subscription_Key", "x"),
    ("X-Request-Id", "mine"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("Forwarded", "for=10.0.0.1"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Connection", "X-Hop, limen-environment"),
    ("X-Hop", "1"),
    ("TE", "trailers"),
    ("Cookie", "a=1"),
    ("Range", "bytes=0-1"),
    ("If-None-Match", "\"1\""),
    ("X-Own", "one"),
    ("X-Own", "two"),
    ("User-Agent", "test/1"),
    ("Accept", "application/json"),
];

#[test]
fn the_service_is_told_who_calls_and_nobody_else_can_tell_it() {
    let stage = Stage::new();
    let subscription = stage.subscribe("all");
    let bearer = stage.bearer("wes");
    let credentials = [(KEY, subscription.primary.as_str()), ("Authorization", bearer.as_str())];
    let answer = stage.http().get("/things/v1/items?q=a%20b", &[&credentials[..], &FORGED].concat());
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = stage.service.last();
    let id = answer.header("x-request-id").unwrap();
    for (name, value) in [
        ("limen-subscription", subscription.id.as_str()),
        ("limen-application", "ada-app"),
        ("limen-user", "wes"),
        ("limen-environment", "demo"),
        ("limen-permissions", "thing.read thing.write"),
        ("x-request-id", id),
        ("host", stage.service.address().to_string().as_str()),
        ("user-agent", "test/1"),
        ("accept", "application/json"),
        ("forwarded", "for=127.0.0.1;proto=http"),
    ] {
        assert_eq!(seen.headers_named(name), [value], "{name}: {seen:?}");
    }
    assert_eq!(seen.headers_named("x-own"), ["one", "two"]);
    for gone in [KEY, "authorization", "cookie", "range", "if-none-match", "x-hop", "te", "x-http-method-override"] {
        assert_eq!(seen.header(gone), None, "{gone}: {seen:?}");
    }
    let all = ["assertion", "application", "environment", "permissions", "subscription", "user"];
    let mut all: Vec<_> = all.iter().map(|name| format!("limen-{name}")).collect();
    all.sort();
    assert_eq!(limens(&seen), all, "{seen:?}");

    let claims = asserted(&stage, &seen, "things");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    let expected = json!({
        "iss": format!("http://{}", stage.limen.web()), "aud": "things", "jti": id, "method": "GET",
        "path": "/base/items?q=a%20b", "subscription": subscription.id, "application": "ada-app", "sub": "wes",
        "environment": "demo", "permissions": "thing.read thing.write",
        "iat": claims["iat"], "exp": claims["exp"],
    });
    assert_eq!(claims, expected);

    // Where nobody is known, nobody is named.
    assert_eq!(stage.http().get("/open/items", &FORGED).status, 200);
    let seen = stage.service.last();
    assert_eq!(limens(&seen), ["limen-assertion"], "{seen:?}");
    assert_eq!(asserted(&stage, &seen, "open").get("sub"), None);
    assert_eq!(stage.http().get("/keyed/items", &[(KEY, &subscription.secondary)]).status, 200);
    assert_eq!(limens(&stage.service.last()), ["limen-assertion", "limen-subscription"]);
}

#[test]
fn an_api_may_let_more_reach_its_service() {
    let stage = Stage::new();
    let fields = [("Host", "shop.example"), ("Authorization", "Bearer abc"), ("Cookie", "a=1"), ("Limen-User", "root")];
    assert_eq!(stage.http().get("/lenient/items", &fields).status, 200);
    let seen = stage.service.last();
    assert_eq!(seen.headers_named("host"), ["shop.example"], "preserve_host");
    assert_eq!((seen.header("authorization"), seen.header("cookie")), (Some("Bearer abc"), Some("a=1")));
    assert_eq!((seen.header("limen-user"), seen.header("limen-assertion")), (None, None), "assertion = false");
}

#[test]
fn bodies_stream_both_ways() {
    let stage = Stage::new();
    let gate = Gate::new();
    stage.service.on("/base/down", Reply::status(200).gated("first", &gate, "second"));
    let mut connection = stage.http().open();
    let request = connection.request("GET", "/open/down", &[], None);
    connection.write(&request);
    assert_eq!(connection.head_only().header("transfer-encoding"), Some("chunked"));
    let mut came = String::new();
    while !came.contains("first") {
        let bytes = connection.some_bytes();
        assert!(!bytes.is_empty(), "{came}");
        came.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(!came.contains("second"));
    gate.open();
    while !came.ends_with("0\r\n\r\n") {
        let bytes = connection.some_bytes();
        assert!(!bytes.is_empty(), "{came}");
        came.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(came.contains("second"), "{came}");

    // Upwards: the service has the first half before the second is sent.
    let mut connection = stage.http().open();
    let fields = [("Content-Type", "application/octet-stream"), ("Content-Length", "200000")];
    let request = connection.request("PUT", "/lenient/up", &fields, None);
    connection.write(&request);
    let half = vec![b'x'; 100_000];
    connection.write(&half);
    eventually("the first half arrives", || (stage.service.last().body.len() == 100_000).then_some(()));
    assert!(!stage.service.last().complete);
    connection.write(&half);
    assert_eq!(connection.answer_to("PUT").status, 200);
    assert_eq!(stage.service.last().body.len(), 200_000);
    assert_eq!(stage.service.last().headers_named("content-length"), ["200000"]);
    let chunked = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"), ("Trailer", "Limen-User")];
    let body = b"2\r\n[1\r\n2\r\n,2\r\n1\r\n]\r\n0\r\nLimen-User: root\r\n\r\n";
    let answer = stage.http().call("POST", "/open/up", &chunked, Some(body));
    assert_eq!((answer.status, stage.service.last().body.as_slice()), (200, &b"[1,2]"[..]), "{answer:?}");
    // A caller who asks first is told to go on.
    let mut connection = stage.http().open();
    let fields = [("Content-Type", "application/json"), ("Content-Length", "2"), ("Expect", "100-continue")];
    let request = connection.request("POST", "/open/up", &fields, None);
    connection.write(&request);
    let interim = connection.some_bytes();
    assert_eq!(String::from_utf8_lossy(&interim), "HTTP/1.1 100 Continue\r\n\r\n");
    connection.write(b"{}");
    assert_eq!(connection.answer_to("POST").status, 200);
    assert_eq!(stage.service.last().header("expect"), None);
}

#[test]
fn a_location_on_the_service_s_own_host_is_the_public_one() {
    let stage = Stage::new();
    let own = stage.service.url();
    let public = format!("{}/open", stage.gateway_url());
    for (said, told) in [
        (format!("{own}/base/items/7?x=1"), Some(format!("{public}/items/7?x=1"))),
        (format!("{own}/base"), Some(public.clone())),
        ("/base/items/7".to_owned(), Some(format!("{public}/items/7"))),
        ("https://elsewhere.example/x".to_owned(), Some("https://elsewhere.example/x".to_owned())),
    ] {
        stage.service.on("/base/items", Reply::status(201).header("Location", &said));
        let answer = stage.http().post("/open/items", &[], "{}");
        let location = answer.header("location");
        let path_alone = told.as_deref().and_then(|told| told.strip_prefix(&stage.gateway_url()));
        assert!(location == told.as_deref() || location == path_alone, "{said} → {location:?}");
    }
    // Of several, which nobody may send, the first is looked at and no other one leaves.
    for (first, second, told) in [
        (
            "https://elsewhere.example/x".to_owned(),
            format!("{own}/private/7"),
            "https://elsewhere.example/x".to_owned(),
        ),
        (format!("{own}/base/a"), "https://elsewhere.example/x".to_owned(), format!("{public}/a")),
        ("b".to_owned(), format!("{own}/base/a"), "b".to_owned()),
    ] {
        let reply = Reply::status(201).header("Location", &first).header("Location", &second);
        stage.service.on("/base/items", reply);
        let answer = stage.http().post("/open/items", &[], "{}");
        assert_eq!(answer.headers_named("location"), [told], "{answer:?}");
    }
    // What lies beside what is published must not be told.
    stage.service.on("/base/items", Reply::status(201).header("Location", &format!("{own}/private/7")));
    let answer = stage.http().post("/open/items", &[], "{}");
    assert!(!format!("{answer:?}").contains("/private/"), "{answer:?}");
}
