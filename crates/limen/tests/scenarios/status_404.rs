//! 404: no such URL, or no such record.

use limen_testbed::Reply;
use serde_json::json;

use crate::stage::{KEY, KEY_INVALID, KEY_MISSING, Stage};

#[test]
fn no_such_url() {
    let stage = Stage::new();
    let http = stage.http();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/things"),
        ("GET", "/things/v2/items"),
        ("GET", "/things/v1"),
        ("GET", "/things/v1/itemz"),
        ("GET", "/things/v1/items/1/more"),
        ("GET", "/openness"),
        ("PUT", "/things/v1/items"),
        ("DELETE", "/things/v1/items"),
        ("BREW", "/things/v1/items"),
        ("TRACE", "/open/items"),
        ("TRACE", "/things/v1/items"),
    ] {
        stage.refused_in_both_forms(404, "resource-not-found", "Resource not found", |fields| {
            http.call(method, path, fields, None)
        });
    }
    let connect = http.send(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
    stage.refused(&connect, 404, "resource-not-found", "Resource not found");
    assert_eq!(stage.service.hits(), 0);
}

#[test]
fn no_such_record() {
    let stage = Stage::new();
    let http = stage.http();
    let said = json!({"detail": "There is no item 7."});
    stage.service.on("/base/items", Reply::json(404, &said));
    let answer = stage.refused_in_both_forms(404, "record-not-found", "There is no item 7.", |fields| {
        http.get("/open/items", fields)
    });
    assert_eq!(answer.json()["service"], said);
    stage.service.on("/base/items", Reply::status(405));
    stage.refused(&http.get("/open/items", &[]), 404, "resource-not-found", "Resource not found");
}

#[test]
fn a_private_api_is_for_subscribers_only() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("all").primary;
    let fields = [(KEY, key.as_str())];
    for path in ["/secret", "/secret/items", "/secret/nothing"] {
        stage.refused(&http.get(path, &[]), 401, "subscription-key-missing", KEY_MISSING);
        stage.refused(&http.get(path, &[(KEY, "x")]), 401, "subscription-key-invalid", KEY_INVALID);
    }
    stage.refused(&http.get("/secret/nothing", &fields), 404, "resource-not-found", "Resource not found");
    assert_eq!(http.get("/secret/items", &fields).status, 200);
    let arguments = ["notice", "open", "--close", "--api", "secret", "--title", "Moving", "--lasts", "1h"];
    stage.limen.json(&arguments);
    stage.refused(&http.get("/secret/items", &[]), 401, "subscription-key-missing", KEY_MISSING);
    // Its page is for subscribers too, so the link is dead to whoever isn't signed in.
    let closed = http.get("/secret/items", &fields);
    let body = closed.json();
    assert_eq!(
        (closed.status, &body["message"], &body["code"]),
        (503, &"Moving".into(), &"service-unavailable".into())
    );
}
