//! What strict makes of answers, case by case.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use serde_json::json;

use super::*;

fn api(more: serde_json::Value) -> Api {
    let mut api = json!({"name": "a", "base_path": "/a", "target": "http://10.0.0.7:81/in"});
    api.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(api).unwrap()
}

struct Case {
    status: u16,
    fields: &'static [(&'static str, &'static str)],
    body: &'static str,
}

fn case(status: u16, fields: &'static [(&'static str, &'static str)], body: &'static str) -> Case {
    Case { status, fields, body }
}

fn judged(api: &Api, asked: Asked, case: &Case) -> Judged {
    let mut headers = HeaderMap::new();
    for (name, value) in case.fields {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let target = Target::parse("http://10.0.0.7:81/in").unwrap();
    let answered = Answered {
        status: case.status,
        is_http10: false,
        headers: &headers,
        body: case.body.as_bytes(),
        end: Body::Whole,
    };
    judge(api, &target, "https://door.example/a", asked, &answered)
}

fn codes(judged: &Judged) -> Vec<&'static str> {
    judged.advice.iter().map(|one| one.code).collect()
}

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

#[test]
fn each_answer_is_judged() {
    let plain = api(json!({}));
    let cases: [(Case, u16, &[&str]); 25] = [
        (case(200, &[JSON], "{}"), 200, &[]),
        (case(200, &[JSON, ("connection", "keep-alive"), ("keep-alive", "timeout=5")], "{}"), 200, &[]),
        (case(201, &[JSON], "{}"), 200, &["status-mapped"]),
        (case(204, &[], ""), 200, &["status-mapped"]),
        (case(206, &[JSON], "{}"), 500, &["not-asked-for"]),
        (case(301, &[("location", "/in/x")], ""), 500, &["redirect"]),
        (case(304, &[], ""), 500, &["not-asked-for"]),
        (case(400, &[JSON], "{\"message\":\"no\"}"), 400, &[]),
        (case(400, &[HTML], "<p>no"), 400, &["html-refusal"]),
        (case(400, &[("content-type", "text/plain")], "no"), 400, &["refusal-not-json"]),
        (case(401, &[JSON], "{}"), 500, &["service-401"]),
        (case(403, &[], ""), 403, &[]),
        (case(404, &[HTML], "<p>"), 404, &["html-refusal"]),
        (case(405, &[], ""), 404, &["status-mapped"]),
        (case(410, &[], ""), 404, &["status-mapped"]),
        (case(422, &[JSON], "{}"), 400, &["status-mapped"]),
        (case(429, &[], ""), 429, &[]),
        (case(500, &[HTML], "<p>"), 500, &[]),
        (case(501, &[HTML], "<p>"), 500, &["service-failed"]),
        (case(502, &[], ""), 503, &["service-down"]),
        (case(503, &[], ""), 503, &[]),
        (case(504, &[], ""), 503, &["service-down"]),
        (case(200, &[], "{}"), 200, &["no-content-type"]),
        (case(200, &[HTML], "<p>"), 200, &["html-answer"]),
        (
            case(200, &[JSON, ("content-encoding", "gzip"), ("server", "x"), ("set-cookie", "a=b")], "x"),
            200,
            &["cookie-dropped", "field-dropped", "encoded"],
        ),
    ];
    for (case, leaves_as, expected) in cases {
        let judged = judged(&plain, Asked::Operation, &case);
        assert_eq!((judged.leaves_as, codes(&judged).as_slice()), (leaves_as, expected), "{}", case.status);
        assert!(judged.advice.iter().all(|one| !one.what.is_empty() && !one.mend.is_empty()));
    }
    let page = judged(&plain, Asked::Root, &case(200, &[HTML], "<p>"));
    assert_eq!(page.advice, [], "a root may be a page");
}

#[test]
fn what_an_api_lets_through_needs_no_word() {
    let open = api(json!({"pass_statuses": [302, 422], "pass_401": true, "cookies": true, "error_body": "pass"}));
    for (case, leaves_as) in [
        (case(422, &[JSON], "{}"), 422),
        (case(401, &[JSON], "{}"), 401),
        (case(200, &[JSON, ("set-cookie", "a=b")], "{}"), 200),
        (case(400, &[("content-type", "text/plain")], "no"), 400),
        (case(302, &[("location", "https://elsewhere.example/")], ""), 302),
    ] {
        let judged = judged(&open, Asked::Operation, &case);
        assert_eq!((judged.leaves_as, judged.advice), (leaves_as, vec![]));
    }
    let page = judged(&open, Asked::Operation, &case(400, &[HTML], "<p>"));
    assert!(page.advice[0].what.contains("error_body: pass"), "{page:?}");
}

#[test]
fn where_locations_lead_is_told() {
    let open = api(json!({"pass_statuses": [302]}));
    let of = |location: &'static str| {
        let fields: &'static [_] = Box::leak(Box::new([("location", location)]));
        judged(&open, Asked::Operation, &case(302, fields, "")).advice
    };
    assert!(of("http://10.0.0.7:81/in/x")[0].what.ends_with("leaves as https://door.example/a/x"));
    assert_eq!(of("http://10.0.0.7:81/out")[0].code, "location-dropped");
    let strict = judged(&api(json!({})), Asked::Root, &case(301, &[("location", "https://10.0.0.7/in?state=s")], ""));
    let told = &strict.advice[0].what;
    assert!(told.contains("let the target begin with https") && !told.contains("state"), "{told}");
    assert_eq!(strict.advice[0].mend, "answer directly; else pass_statuses: [301] or contract: transparent");
}

#[test]
fn a_transparent_api_is_told_what_strict_would_change() {
    let transparent = api(json!({"contract": "transparent"}));
    let judged = judged(&transparent, Asked::Operation, &case(302, &[("server", "x")], ""));
    assert_eq!((judged.leaves_as, codes(&judged)), (500, vec!["redirect", "field-dropped"]));
    assert!(judged.advice.iter().all(|one| one.mend.starts_with("nothing while contract is transparent")));
}

#[test]
fn of_a_health_check_only_its_outcome_counts() {
    let plain = api(json!({}));
    assert_eq!(judged(&plain, Asked::Health, &case(204, &[("server", "x")], "")).advice, []);
    assert_eq!(codes(&judged(&plain, Asked::Health, &case(302, &[HTML], "<p>"))), ["health-refused"]);
}

#[test]
fn bodies_that_do_not_end_are_told() {
    let (plain, target) = (api(json!({})), Target::parse("http://10.0.0.7:81").unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/event-stream"));
    let of = |headers: &HeaderMap, end, is_http10| {
        let answered = Answered { status: 200, is_http10, headers, body: b"data", end };
        codes(&judge(&plain, &target, "http://h/a", Asked::Operation, &answered))
    };
    assert_eq!(of(&headers, Body::Slow, false), [""; 0]);
    assert_eq!(of(&headers, Body::BrokenOff, true), ["body-broke-off", "http-1.0"]);
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    assert_eq!(of(&headers, Body::Slow, false), ["slow-body"]);
    assert_eq!(of(&headers, Body::Long, false), [""; 0]);
}
