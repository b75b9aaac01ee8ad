//! 200, and the tolerance that existing callers need.

use limen_testbed::{Limen, Reply, Settings};
use serde_json::json;

use crate::stage::{BINARY, EXPOSED, KEY, Stage};

#[test]
fn the_sample_works_for_its_three_users() {
    let limen = Limen::start(Settings::new(BINARY));
    let sample = limen.sample();
    let http = limen.http();
    let call = |method: &str, path: &str, key: &str, token: &str, body: Option<&str>| {
        let bearer = format!("Bearer {token}");
        let mut fields = vec![(sample.key_header.as_str(), key), ("Authorization", bearer.as_str())];
        fields.extend(body.map(|_| ("Content-Type", "application/json")));
        http.call(method, &format!("{}{path}", sample.base_path), &fields, body.map(str::as_bytes))
    };
    let (primary, secondary) = (sample.primary_key.as_str(), sample.secondary_key.as_str());
    let read = call("GET", "/constituents/280", primary, &sample.full, None);
    assert_eq!((read.status, &read.json()["id"]), (200, &json!("280")), "{read:?}");
    assert_eq!(read.header("cache-control"), Some("private"));
    let policies = read.header("ratelimit-policy").unwrap();
    assert_eq!(policies, r#""rate";q=5;w=1, "quota";q=25000;w=86400"#);

    let created =
        call("POST", "/constituents", secondary, &sample.full, Some(r#"{"first_name":"Ina","last_name":"New"}"#));
    assert_eq!(created.status, 200, "{created:?}");
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let wrote = call("POST", "/constituents", primary, &sample.read_only, Some("{}"));
    assert_eq!((wrote.status, &wrote.json()["code"]), (403, &json!("permission-denied")));
    stage_wait();
    let deleted = call("DELETE", &format!("/constituents/{id}"), primary, &sample.full, None);
    assert_eq!((deleted.status, deleted.body.len()), (200, 0), "{deleted:?}");
    let gone = call("GET", &format!("/constituents/{id}"), primary, &sample.read_only, None);
    assert_eq!((gone.status, &gone.json()["code"]), (404, &json!("record-not-found")));

    // Who may not see a record is told so, and doesn't find it in a list.
    let list = |token: &str| call("GET", "/constituents?limit=5000", primary, token, None).json();
    let (all, some) = (list(&sample.full), list(&sample.restricted));
    assert!(some["count"].as_u64() < all["count"].as_u64(), "{} {}", some["count"], all["count"]);
    let ids = |list: &serde_json::Value| -> Vec<String> {
        list["value"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let hidden = ids(&all).into_iter().find(|id| !ids(&some).contains(id)).unwrap();
    let denied = call("GET", &format!("/constituents/{hidden}"), primary, &sample.restricted, None);
    assert_eq!((denied.status, &denied.json()["code"]), (403, &json!("record-denied")), "{denied:?}");
}

/// The sample's window of a second passes.
fn stage_wait() {
    let begin = std::time::Instant::now();
    limen_testbed::eventually("a second passes", || {
        (begin.elapsed() > std::time::Duration::from_millis(1_100)).then_some(())
    });
}

#[test]
fn slashes_escapes_and_unknown_parameters_are_tolerated() {
    let stage = Stage::new();
    let http = stage.http();
    for (asked, sent) in [
        ("/open", "/base"),
        ("/open/", "/base"),
        ("//open//a//b/", "/base/a/b"),
        ("/open/a/b/", "/base/a/b"),
        ("/open/a?x=1&y=%2F&x=2", "/base/a?x=1&y=%2F&x=2"),
        ("/open/a?", "/base/a"),
        ("/open/%61%7e", "/base/a~"),
        ("/open/caf%c3%a9", "/base/caf%C3%A9"),
        ("/open/a%20b", "/base/a%20b"),
        ("/open/a:b@c,d;e=f", "/base/a:b@c,d;e=f"),
        ("/open/..a", "/base/..a"),
        ("/open/items?redirect=http://a/../b", "/base/items?redirect=http://a/../b"),
    ] {
        let answer = http.get(asked, &[]);
        assert_eq!(answer.status, 200, "{asked}: {answer:?}");
        assert_eq!(stage.service.last().target, sent, "{asked}");
    }
    let absolute = format!("{}/open/items", stage.gateway_url());
    assert_eq!(http.get(&absolute, &[]).status, 200);
    assert_eq!(stage.service.last().target, "/base/items");
    // HTTP/1.0 without Host is a request too.
    assert_eq!(http.send(b"GET /open/items HTTP/1.0\r\n\r\n").status, 200);
    // A connection serves many calls, also behind a refusal.
    let mut connection = http.open();
    for path in ["/open/a", "/nothing", "/keyed", "/open/b"] {
        let answer = connection.try_call("GET", path, &[], None).unwrap();
        assert!([200, 401, 404].contains(&answer.status), "{answer:?}");
    }
}

#[test]
fn a_get_or_delete_may_carry_a_blank_body() {
    let stage = Stage::new();
    let http = stage.http();
    let json = [("Content-Type", "application/json")];
    for method in ["GET", "DELETE"] {
        for body in [None, Some(""), Some("\"\""), Some("{}"), Some(" { } ")] {
            let answer = http.call(method, "/open/items", &json, body.map(str::as_bytes));
            assert_eq!(answer.status, 200, "{method} {body:?}: {answer:?}");
        }
    }
    let whole = http.call("DELETE", "/open/items", &json, Some(b"{"));
    assert_eq!(whole.json()["code"], "body-not-json");
}

#[test]
fn pages_of_any_origin_may_call() {
    let stage = Stage::new();
    let http = stage.http();
    let origin = ("Origin", "https://page.example");
    let asked = ("Access-Control-Request-Method", "POST");
    let fields = ("Access-Control-Request-Headers", "authorization, limen-subscription-key, content-type");
    let preflight = http.call("OPTIONS", "/things/v1/items", &[origin, asked, fields], None);
    assert_eq!((preflight.status, preflight.header("content-length")), (200, Some("0")), "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-credentials"), None);
    let allowed = preflight.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
    for name in ["authorization", "limen-subscription-key", "content-type"] {
        assert!(allowed.contains(name), "{allowed}");
    }
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"), "{preflight:?}");
    let unknown = http.call("OPTIONS", "/things/v1/nothing", &[origin, asked], None);
    stage.refused(&unknown, 404, "resource-not-found", "Resource not found");

    // Every answer, refusals too, lets the page read what mends it.
    let key = stage.subscribe("all").primary;
    for answer in [
        http.get("/open/items", &[origin]),
        http.get("/keyed/items", &[origin]),
        http.get("/things/v1/items", &[origin, (KEY, &key)]),
        http.get("/things/v1/nothing", &[origin]),
        http.get("/nowhere/items", &[origin, (KEY, &key)]),
    ] {
        assert_eq!(answer.headers_named("access-control-allow-origin"), ["*"], "{answer:?}");
        assert_eq!(answer.headers_named("access-control-expose-headers"), [EXPOSED], "{answer:?}");
    }
    let shop = http.get("/shop/items", &[("Origin", "https://shop.example"), (KEY, &key)]);
    assert_eq!(shop.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(shop.header("access-control-allow-credentials"), Some("true"));
    assert!(shop.header("vary").is_some_and(|vary| vary.eq_ignore_ascii_case("origin")), "{shop:?}");
    let other = http.get("/shop/items", &[origin, (KEY, &key)]);
    assert_eq!(other.header("access-control-allow-origin"), None, "{other:?}");
}

#[test]
fn what_the_service_says_of_caching_stays() {
    let stage = Stage::new();
    stage.service.on("/base/items", Reply::json(200, &json!({})).header("Cache-Control", "public, max-age=60"));
    assert_eq!(stage.http().get("/open/items", &[]).headers_named("cache-control"), ["public, max-age=60"]);
    stage.service.on("/base/items", Reply::json(200, &json!({})));
    assert_eq!(stage.http().get("/open/items", &[]).headers_named("cache-control"), ["private"]);
}
