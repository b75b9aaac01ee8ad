//! Subscription keys and states: every change acts within a second.

use std::time::Duration;

use limen_testbed::{eventually, eventually_within};

use crate::stage::{KEY, KEY_INVALID, Stage, Subscription};

fn status(stage: &Stage, key: &str) -> u16 {
    stage.http().get("/keyed/items", &[(KEY, key)]).status
}

/// Whether both keys are answered so within the second that a change may take.
#[track_caller]
fn both(stage: &Stage, subscription: &Subscription, expected: u16, what: &str) {
    for key in [&subscription.primary, &subscription.secondary] {
        eventually_within(Duration::from_secs(1), what, || (status(stage, key) == expected).then_some(()));
    }
}

fn regenerate(stage: &Stage, subscription: &str, arguments: &[&str]) -> String {
    let made = stage.limen.json(&[&["key", "regenerate", subscription], arguments].concat());
    made["key"].as_str().expect("a key").to_owned()
}

#[test]
fn a_key_is_regenerated() {
    let stage = Stage::new();
    let subscription = stage.subscribe("all");
    let new = regenerate(&stage, &subscription.id, &["--which", "primary"]);
    assert_ne!(new, subscription.primary);
    assert_eq!((status(&stage, &new), status(&stage, &subscription.primary)), (200, 401), "the old one ended at once");
    assert_eq!(status(&stage, &subscription.secondary), 200, "the other one is as it was");

    let newer = regenerate(&stage, &subscription.id, &["--which", "primary", "--grace", "2s"]);
    assert_eq!((status(&stage, &newer), status(&stage, &new)), (200, 200), "the old one has its grace");
    eventually("the grace ends", || (status(&stage, &new) == 401).then_some(()));
    assert_eq!(status(&stage, &newer), 200);
    let listed = stage.limen.json(&["subscription", "list"]).to_string();
    for key in [&newer, &subscription.secondary] {
        assert!(!listed.contains(key.as_str()), "a key is shown once");
    }

    let grace = regenerate(&stage, &subscription.id, &["--which", "secondary", "--grace", "24h"]);
    assert_eq!((status(&stage, &grace), status(&stage, &subscription.secondary)), (200, 200));
    stage.limen.json(&["key", "revoke", &subscription.id, "--which", "secondary"]);
    assert_eq!((status(&stage, &grace), status(&stage, &subscription.secondary)), (401, 401), "both ended at once");
    assert_eq!(status(&stage, &newer), 200);
    let unknown = stage.limen.command(&["key", "revoke", "sub_unknown", "--which", "primary"]);
    assert_eq!(unknown.code, Some(1), "{unknown:#?}");
}

#[test]
fn both_keys_outlive_a_kill_and_so_does_their_end() {
    let mut stage = Stage::new();
    let subscription = stage.subscribe("all");
    let new = regenerate(&stage, &subscription.id, &["--which", "primary"]);
    stage.limen.kill();
    stage.limen.restart();
    assert_eq!(status(&stage, &new), 200);
    assert_eq!(status(&stage, &subscription.primary), 401);
    assert_eq!(status(&stage, &subscription.secondary), 200);
}

#[test]
fn the_states_of_a_subscription() {
    let stage = Stage::new();
    let act = |action: &str, subscription: &Subscription| stage.limen.json(&["subscription", action, &subscription.id]);
    let subscription = stage.subscribe("all");
    both(&stage, &subscription, 200, "active");
    assert_eq!(act("suspend", &subscription)["state"], "suspended");
    both(&stage, &subscription, 401, "suspended");
    assert_eq!(act("resume", &subscription)["state"], "active");
    both(&stage, &subscription, 200, "active again");
    assert_eq!(act("cancel", &subscription)["state"], "cancelled");
    both(&stage, &subscription, 401, "cancelled");
    let resumed = stage.limen.command(&["subscription", "resume", &subscription.id]);
    assert_eq!(resumed.code, Some(1), "what was cancelled stays so: {resumed:#?}");

    let awaited = stage.subscribe("awaited");
    both(&stage, &awaited, 401, "requested");
    act("approve", &awaited);
    both(&stage, &awaited, 200, "approved");
    let rejected = stage.subscribe("awaited");
    assert_eq!(act("reject", &rejected)["state"], "rejected");
    both(&stage, &rejected, 401, "rejected");
}

#[test]
fn what_a_product_holds_is_looked_at_on_every_call() {
    let stage = Stage::new();
    let subscription = stage.subscribe("other");
    both(&stage, &subscription, 401, "the product has no such API");
    stage.limen.apply(&stage.world().replace("{name: other, apis: [shop]}", "{name: other, apis: [shop, keyed]}"));
    both(&stage, &subscription, 200, "the product holds it now");
    stage.limen.apply(stage.world());
    both(&stage, &subscription, 401, "and not any more");
}

#[test]
fn where_the_key_may_be_sent() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("all").primary;
    let query = format!("subscription-key={key}");
    // By default in one header, whatever its case, and not in the query.
    assert_eq!(http.get("/keyed/items", &[("LIMEN-SUBSCRIPTION-KEY", &key)]).status, 200);
    assert_eq!(http.get("/keyed/items", &[("X-Api-Key", &key)]).status, 401);
    assert_eq!(http.get(&format!("/keyed/items?{query}"), &[]).status, 401);
    // This API has a header of its own, an alias, and the query parameter.
    for (target, fields) in [
        ("/legacy/items".to_owned(), vec![("X-Api-Key", key.as_str())]),
        ("/legacy/items".to_owned(), vec![("x-old-key", key.as_str())]),
        ("/legacy/items".to_owned(), vec![("X-Api-Key", key.as_str()), ("X-Old-Key", key.as_str())]),
        (format!("/legacy/items?{query}"), vec![]),
        (format!("/legacy/items?a=1&{query}&b=%20"), vec![]),
    ] {
        let answer = http.get(&target, &fields);
        assert_eq!(answer.status, 200, "{target} {fields:?}: {answer:?}");
        let seen = stage.service.last();
        assert!(!format!("{seen:?}").contains(&key), "the service sees no key: {seen:?}");
        let id = answer.header("x-request-id").unwrap();
        let told = stage.limen.command(&["explain", id]).stdout;
        assert!(!told.contains(&key), "{told}");
    }
    for query in [format!("{query}&{query}"), format!("subscription%2Dkey={key}"), format!("subscription-key=%6C{key}")]
    {
        let answer = http.get(&format!("/legacy/items?{query}"), &[]);
        let words = "The query parameter subscription-key must occur once and without percent-encoding.";
        stage.refused(&answer, 400, "parameter-invalid", words);
    }
    assert_eq!(http.get(&format!("/legacy/items?a=1&{query}&b=%20"), &[]).status, 200);
    assert_eq!(stage.service.last().target, "/base/items?a=1&b=%20");
    let other = stage.subscribe("all").primary;
    let two = http.get(&format!("/legacy/items?{query}"), &[("X-Api-Key", &other)]);
    stage.refused(&two, 401, "subscription-key-invalid", KEY_INVALID);
    assert_eq!(http.get("/legacy/items", &[(KEY, &key)]).status, 401, "the default header is not its own");
    assert!(!stage.limen.stderr().contains(&key), "no key in the log");
}
