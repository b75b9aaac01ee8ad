//! Notices that close: opened, scheduled, changed and resolved, in time by themselves.

use limen_testbed::{Answer, eventually};
use serde_json::Value;

use crate::stage::{Stage, retry_after_s};

/// Checks the 503 of a notice, its links and its page.
#[track_caller]
fn closed(stage: &Stage, answer: &Answer, code: &str, title: &str, notice: &Value) {
    let body = stage.refused(answer, 503, code, title);
    let page = format!("http://{}/issues/{}", stage.limen.web(), notice["id"].as_str().unwrap());
    assert_eq!(body["help"], page);
    assert_eq!(answer.headers_named("link"), [format!("<{page}>; rel=\"status\"")]);
    let page =
        stage.limen.pages().get(page.splitn(4, '/').nth(3).map(|path| format!("/{path}")).as_deref().unwrap(), &[]);
    assert!(page.status == 200 && page.text().contains(title), "{page:?}");
}

fn id(notice: &Value) -> &str {
    notice["id"].as_str().unwrap()
}

#[test]
fn an_incident_closes_what_it_is_about() {
    let stage = Stage::new();
    let http = stage.http();
    let titled = ["--title", "The database is full", "--message", "A disk is on its way."];
    let about = |scope: &[&str]| stage.limen.json(&[&["notice", "open", "--close"][..], &titled, scope].concat());
    let open = |notice: &Value| stage.limen.json(&["notice", "resolve", id(notice)]);

    let operation = about(&["--api", "things", "--operation", "health"]);
    let answer = stage.refused_in_both_forms(503, "service-unavailable", "The database is full", |fields| {
        http.get("/things/v1/health", fields)
    });
    assert!((10..=11).contains(&retry_after_s(&answer)), "the API's default, jittered: {answer:?}");
    assert_eq!(answer.json()["detail"], "A disk is on its way.");
    closed(&stage, &answer, "service-unavailable", "The database is full", &operation);
    assert_eq!(http.get("/things/v1/items", &[]).status, 401, "another operation is open");
    assert_eq!(http.get("/open/items", &[]).status, 200);
    open(&operation);
    assert_eq!(http.get("/things/v1/health", &[]).status, 200);

    let api = about(&["--api", "open"]);
    closed(&stage, &http.get("/open/items", &[]), "service-unavailable", "The database is full", &api);
    assert_eq!(http.get("/things/v1/health", &[]).status, 200, "another API is open");
    open(&api);
    let all = about(&[]);
    for path in ["/open/items", "/things/v1/health", "/transparent/items", "/keyed"] {
        closed(&stage, &http.get(path, &[]), "service-unavailable", "The database is full", &all);
    }
    stage.refused(&http.get("/nothing", &[]), 404, "resource-not-found", "Resource not found");
    open(&all);
    assert_eq!(http.get("/open/items", &[]).status, 200);
    let again = stage.limen.command(&["notice", "resolve", id(&all)]);
    assert_eq!(again.code, Some(1), "{again:#?}");
}

#[test]
fn maintenance_begins_and_ends_by_itself() {
    let stage = Stage::new();
    let http = stage.http();
    let arguments = ["notice", "schedule", "--close", "--begins", "+2s", "--lasts", "3s", "--title", "Moving house"];
    let notice = stage.limen.json(&[&arguments[..], &["--api", "open"]].concat());
    assert_eq!(http.get("/open/items", &[]).status, 200, "it is only announced");
    assert!(stage.limen.pages().get("/issues", &[]).text().contains("Moving house"));
    let call = || http.get("/open/items", &[]);
    let began = eventually("it begins", || Some(call()).filter(|answer| answer.status != 200));
    let seconds = retry_after_s(&began);
    assert_eq!(seconds, 3, "the whole window is still to come: {began:?}");
    closed(&stage, &began, "planned-maintenance", "Moving house", &notice);
    // Whoever waits for the end that was told gets through.
    stage.wait(seconds);
    let after = call();
    assert_eq!(after.status, 200, "{after:?}");
}

#[test]
fn a_notice_is_changed_while_it_stands() {
    let stage = Stage::new();
    let http = stage.http();
    let announced = ["notice", "open", "--announce-only", "--title", "Slow answers", "--lasts", "1h"];
    let notice = stage.limen.json(&announced);
    assert_eq!(http.get("/open/items", &[]).status, 200, "it closes nothing");
    let update = |arguments: &[&str]| stage.limen.json(&[&["notice", "update", id(&notice)], arguments].concat());
    update(&["--close", "--title", "No answers"]);
    let answer = http.get("/open/items", &[]);
    closed(&stage, &answer, "service-unavailable", "No answers", &notice);
    assert!((3_590..=3_600).contains(&retry_after_s(&answer)), "{answer:?}");
    let updated = update(&["--message", "Half of it is done.", "--ends", "+2h"]);
    assert_eq!(updated["updates"][0]["message"], "Half of it is done.");
    assert!((7_190..=7_200).contains(&retry_after_s(&http.get("/open/items", &[]))));
    let page = stage.limen.pages().get(&format!("/issues/{}", id(&notice)), &[]).text();
    assert!(page.contains("Half of it is done.") && page.contains("No answers"), "{page}");
    update(&["--announce-only"]);
    assert_eq!(http.get("/open/items", &[]).status, 200);
    update(&["--close", "--ends", "+2s"]);
    assert_eq!(http.get("/open/items", &[]).status, 503);
    eventually("it ends by itself", || Some(()).filter(|()| http.get("/open/items", &[]).status == 200));
    // Of two that close, the one that lasts longest is told.
    for (title, lasts) in [("Short", "1h"), ("Long", "3h"), ("Middle", "2h")] {
        stage.limen.json(&["notice", "open", "--close", "--title", title, "--lasts", lasts]);
    }
    let answer = http.get("/open/items", &[]);
    assert_eq!(answer.json()["message"], "Long");
    assert!((10_790..=10_800).contains(&retry_after_s(&answer)), "{answer:?}");
}

#[test]
fn a_notice_survives_a_kill() {
    let mut stage = Stage::new();
    stage.limen.json(&["notice", "open", "--close", "--title", "Still here"]);
    stage.limen.kill();
    stage.limen.restart();
    assert_eq!(stage.http().get("/open/items", &[]).json()["message"], "Still here");
}
