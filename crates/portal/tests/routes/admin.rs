//! What the command line gets from the admin API.

use std::sync::atomic::Ordering;

use axum::http::Method;
use limen_rules::key;
use limen_rules::record::{Subscription, SubscriptionState, Which};
use serde_json::{Value, json};

use crate::house::{Answer, CALL, House, NOW_US, world};

/// Asserts a refusal in the admin API's form, whose message and mend contain the words.
fn refused(answer: &Answer, status: u16, message: &str, mend: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    let error = &answer.json()["error"];
    assert!(error["message"].as_str().unwrap().contains(message), "{}", answer.text);
    assert!(error["mend"].as_str().unwrap().contains(mend), "{}", answer.text);
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

async fn subscribed(house: &House, product: &str) -> Value {
    house.done("/v1/subscriptions", json!({"product": product, "developer": "ada"})).await
}

#[tokio::test]
async fn apply_tells_what_it_did_and_is_live_when_it_answers() {
    let house = House::new().await;
    let first = house.done("/v1/apply", json!({"declared": world(), "dry_run": true})).await;
    assert_eq!(first["created"].as_array().unwrap().len(), 16);
    assert_eq!(house.stage.told_revision.load(Ordering::SeqCst), -1);
    assert_eq!(house.get("/v1/apis").await.json(), json!([]));
    house.done("/v1/apply", json!({"declared": world(), "dry_run": false})).await;
    assert_eq!(house.stage.told_revision.load(Ordering::SeqCst), house.store.revision().await.unwrap());
    let mut changed = world();
    changed["roles"][1]["title"] = json!("Editor");
    let again = house.done("/v1/apply", json!({"declared": changed, "dry_run": false})).await;
    assert_eq!(again, json!({"created": [], "changed": ["role editor"], "unchanged": 15}));
    let declared = house.get("/v1/declared").await.json();
    assert_eq!(declared["roles"][1]["title"], "Editor");
    assert_eq!(
        house.get("/v1/apis").await.json()[0],
        json!({"name": "constituent", "base_path": "/constituent/v1", "target": "limen:sample",
               "products": ["standard", "careful"]})
    );
}

#[tokio::test]
async fn apply_refuses_what_leads_nowhere_and_changes_nothing() {
    let house = House::furnished().await;
    let before = house.store.revision().await.unwrap();
    let declared = json!({"products": [{"name": "new", "apis": ["constituant"]}, {"name": "BAD"}]});
    let answer = house.post("/v1/apply", json!({"declared": declared, "dry_run": false})).await;
    refused(&answer, 400, "problems", "");
    let problems = answer.json()["error"]["problems"].clone();
    assert!(problems.as_array().unwrap().iter().any(|one| one["field"] == "products[0].apis[0]"
        && one["mend"].as_str().unwrap().contains("did you mean 'constituent'")));
    assert_eq!(house.store.revision().await.unwrap(), before);
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_its_place() {
    let house = House::new().await;
    let answer = house.send(Method::POST, "/v1/subscriptions", "{\n  \"product\": \"a\",\n  \"developer\": 1}").await;
    refused(&answer, 400, "line 3 column 16", "Correct");
    refused(&house.send(Method::POST, "/v1/tokens", "").await, 400, "EOF", "Correct");
    let long = house.send(Method::POST, "/v1/apply", &format!("\"{}\"", "x".repeat(9_000))).await;
    refused(&long, 400, "x at line 1 column 9002", "Correct");
    assert!(long.text.len() < 1_000);
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    refused(&house.send(Method::POST, "/v1/apply", &large).await, 400, "larger than 1048576", "");
    refused(&house.get("/v1/nothing").await, 404, "/v1/nothing", "same version");
    refused(&house.delete("/v1/status").await, 404, "DELETE", "same version");
    refused(&house.get("/v1/subscriptions/%2e%2e%2fX").await, 400, "path", "Names");
}

#[tokio::test]
async fn status_tells_what_runs() {
    let house = House::furnished().await;
    subscribed(&house, "standard").await;
    house.done("/v1/notices", json!({"kind": "incident", "title": "Slow", "message": "", "closes": false})).await;
    let status = house.get("/v1/status").await.json();
    assert_eq!((text(&status, "version"), text(&status, "gateway")), ("9.9.9", "http://gateway.example"));
    assert_eq!((&status["sample"], &status["subscriptions"]), (&json!(true), &json!(1)));
    assert_eq!((&status["snapshot_revision"], &status["snapshot_age_ms"]), (&json!(7), &json!(12)));
    assert_eq!(status["calls_by_status"], json!([[200, 41], [429, 1]]));
    assert_eq!(status["notices"][0]["title"], "Slow");
    assert_eq!(status["apis"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_recent_call_is_explained() {
    let house = House::new().await;
    let explained = house.get(&format!("/v1/calls/{CALL}")).await.json();
    assert_eq!(text(&explained, "code"), "rate-limit-exceeded");
    refused(&house.get("/v1/calls/00000000000000000000000000000000").await, 404, "No call", "X-Request-Id");
}

#[tokio::test]
async fn publish_makes_all_that_a_call_needs() {
    let house = House::new().await;
    let published =
        house.done("/v1/publish", json!({"target": "http://127.0.0.1:9000", "base_path": "/Orders/v1/"})).await;
    assert_eq!((text(&published, "api"), text(&published, "product")), ("orders-v1", "orders-v1-product"));
    assert_eq!(text(&published, "url"), "http://gateway.example/Orders/v1");
    assert_eq!(text(&published, "key_header"), "Limen-Subscription-Key");
    let stored = house.store.subscription(text(&published["subscription"], "id")).await.unwrap();
    assert_eq!((stored.state, &*stored.developer), (SubscriptionState::Active, "developer"));
    assert_eq!(stored.keys[0].hash, key::hash(text(&published["subscription"], "primary_key")));
    assert_eq!(key::shape(text(&published["subscription"], "secondary_key")), key::Shape::Whole);

    let again = house.post("/v1/publish", json!({"target": "http://127.0.0.1:9001", "base_path": "/Orders/v1"})).await;
    refused(&again, 409, "published at /Orders/v1 already", "another base path");
    let more = json!({"target": "http://127.0.0.1:9001", "base_path": "/bills", "product": "orders-v1-product"});
    let more = house.done("/v1/publish", more).await;
    assert_eq!(text(&more, "product"), "orders-v1-product");
    let declared = house.store.declared().await.unwrap();
    assert_eq!(declared.products[0].apis.iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["orders-v1", "bills"]);
    assert_eq!(declared.developers.len(), 1);
    let same_name = house.done("/v1/publish", json!({"target": "http://127.0.0.1:1", "base_path": "/orders-v1"})).await;
    assert_eq!(text(&same_name, "api"), "orders-v1-2");
}

#[tokio::test]
async fn publish_refuses_what_does_not_fit() {
    let house = House::furnished().await;
    let publish = |more: Value| {
        let mut asked = json!({"target": "http://127.0.0.1:9000", "base_path": "/x"});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asked
    };
    let ask = async |more: Value| house.post("/v1/publish", publish(more)).await;
    refused(&ask(json!({"api": "ledger"})).await, 409, "an API 'ledger' already", "another name");
    refused(&ask(json!({"developer": "adda"})).await, 400, "no developer 'adda'", "'ada'");
    refused(&ask(json!({"target": "ftp://x"})).await, 400, "target", "");
    refused(&ask(json!({"base_path": "/ledger/sub"})).await, 400, "base_path", "");
    assert_eq!(house.store.declared().await.unwrap().apis.len(), 2);
    let careful = ask(json!({"product": "careful"})).await.json();
    assert_eq!(careful["subscription"]["state"], "requested");
}

#[tokio::test]
async fn an_api_is_removed_from_its_products_and_subscriptions_stay() {
    let house = House::furnished().await;
    let subscription = subscribed(&house, "standard").await;
    refused(&house.delete("/v1/apis/legder").await, 404, "no API 'legder'", "'ledger'");
    let applied = house.delete("/v1/apis/constituent").await.json();
    assert_eq!(
        (&applied["removed"], &applied["changed"]),
        (&json!(["api constituent"]), &json!(["product standard", "product careful"]))
    );
    let line = house.get(&format!("/v1/subscriptions/{}", text(&subscription, "id"))).await.json();
    assert_eq!(text(&line, "state"), "active");
    assert_eq!(house.get("/v1/apis").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn subscriptions_go_through_their_life_step_by_step() {
    let house = House::furnished().await;
    let made = subscribed(&house, "careful").await;
    assert_eq!(text(&made, "state"), "requested");
    let id = text(&made, "id");
    let path = format!("/v1/subscriptions/{id}/state");
    let step = async |action: &str| house.post(&path, json!({"action": action})).await;
    refused(&step("suspend").await, 409, "is requested; it can't be suspended", "Approve");
    house.pass_time_s(60);
    assert_eq!(text(&step("approve").await.json(), "state"), "active");
    assert_eq!(house.store.subscription(id).await.unwrap().started_at_us, NOW_US + 60_000_000);
    assert_eq!(text(&step("suspend").await.json(), "state"), "suspended");
    refused(&step("approve").await, 409, "is suspended", "Resume");
    assert_eq!(text(&step("resume").await.json(), "state"), "active");
    assert_eq!(text(&step("cancel").await.json(), "state"), "cancelled");
    refused(&step("resume").await, 409, "is cancelled", "new subscription");
    refused(&step("explode").await, 400, "unknown variant", "Correct");
    let unknown = house.post("/v1/subscriptions/sub_nothing/state", json!({"action": "cancel"})).await;
    refused(&unknown, 404, "no subscription sub_nothing", "List");
}

#[tokio::test]
async fn a_subscription_needs_what_it_names_and_expires_by_itself() {
    let house = House::furnished().await;
    let ask = async |body: Value| house.post("/v1/subscriptions", body).await;
    refused(&ask(json!({"product": "standart", "developer": "ada"})).await, 400, "no product", "'standard'");
    refused(&ask(json!({"product": "standard", "developer": "zoe"})).await, 400, "no developer 'zoe'", "declare");
    let past = ask(json!({"product": "standard", "developer": "ada", "ends_at_us": NOW_US})).await;
    refused(&past, 400, "end before", "to come");
    let made = ask(json!({"product": "standard", "developer": "ada", "ends_at_us": NOW_US + 60_000_000})).await.json();
    let path = format!("/v1/subscriptions/{}", text(&made, "id"));
    let line = house.get(&path).await;
    assert_eq!(line.json()["usage"]["period_calls"], 12);
    assert!(!line.text.contains(text(&made, "primary_key")) && !line.text.contains("hash"));
    house.pass_time_s(60);
    assert_eq!(text(&house.get("/v1/subscriptions").await.json()[0], "state"), "expired");
    refused(&house.post(&format!("{path}/state"), json!({"action": "suspend"})).await, 409, "is expired", "new");
    let key = house.post(&format!("{path}/keys/regenerate"), json!({"which": "primary", "grace_s": 0})).await;
    refused(&key, 409, "is expired", "new subscription");
}

#[tokio::test]
async fn a_regenerated_key_leaves_the_old_one_its_time_of_grace() {
    let house = House::furnished().await;
    let made = subscribed(&house, "standard").await;
    let id = text(&made, "id");
    let path = format!("/v1/subscriptions/{id}/keys");
    let hashes = async |which: Which| {
        let keys = house.store.subscription(id).await.unwrap().keys;
        keys.into_iter().filter(|key| key.which == which).map(|key| (key.hash, key.valid_until_us)).collect::<Vec<_>>()
    };
    let regenerate = async |grace_s: u64| {
        house.post(&format!("{path}/regenerate"), json!({"which": "primary", "grace_s": grace_s})).await
    };
    refused(&regenerate(30 * 86_400 + 1).await, 400, "can't stay good", "30 days");
    let second = regenerate(3_600).await.json();
    let until = NOW_US + 3_600_000_000;
    assert_eq!(second["old_valid_until_us"], until);
    let expected = [(key::hash(text(&second, "key")), None), (key::hash(text(&made, "primary_key")), Some(until))];
    assert_eq!(hashes(Which::Primary).await, expected);
    let third = regenerate(0).await.json();
    assert_eq!(third["old_valid_until_us"], Value::Null);
    assert_eq!(hashes(Which::Primary).await, [(key::hash(text(&third, "key")), None)]);
    assert_eq!(hashes(Which::Secondary).await, [(key::hash(text(&made, "secondary_key")), None)]);
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_with_its_old_value() {
    let house = House::furnished().await;
    let made = subscribed(&house, "standard").await;
    let path = format!("/v1/subscriptions/{}/keys", text(&made, "id"));
    house.done(&format!("{path}/regenerate"), json!({"which": "primary", "grace_s": 3_600})).await;
    let left = house.done(&format!("{path}/revoke"), json!({"which": "primary"})).await;
    assert_eq!(left, json!([{"which": "secondary", "made_at_us": NOW_US, "valid_until_us": null}]));
    refused(&house.post(&format!("{path}/revoke"), json!({"which": "primary"})).await, 404, "primary key", "List");
    let new = house.done(&format!("{path}/regenerate"), json!({"which": "primary", "grace_s": 60})).await;
    assert_eq!(new["old_valid_until_us"], Value::Null);
}

#[tokio::test]
async fn a_token_is_issued_under_a_grant() {
    let house = House::furnished().await;
    let issued = house.done("/v1/tokens", json!({"user": "frida", "application": "mobile", "expires_in_s": 60})).await;
    let grant = house.store.grant(text(&issued, "grant")).await.unwrap();
    assert_eq!(text(&issued, "access_token"), format!("signed.{}.token", grant.id));
    assert_eq!((text(&issued, "token_type"), text(&issued, "environment")), ("Bearer", "museum"));
    assert_eq!((&*grant.user, grant.application.as_deref(), &*grant.environment), ("frida", Some("mobile"), "museum"));
    assert_eq!(grant.expires_at_us, NOW_US + 60_000_000);
    let claims = house.stage.claims.lock().unwrap()[0].clone();
    assert_eq!((claims.iat, claims.exp), (NOW_US / 1_000_000, NOW_US / 1_000_000 + 60));
    assert_eq!((claims.iss.as_str(), claims.aud.as_str()), ("http://web.example", "limen"));
    assert_eq!((&*claims.sub, &*claims.client_id, &claims.grant), ("frida", "mobile", &grant.id));
    let own = house.done("/v1/tokens", json!({"user": "rosa", "environment": "archive", "expires_in_s": 1})).await;
    assert_eq!(text(&own, "environment"), "archive");
    let claims = house.stage.claims.lock().unwrap()[1].clone();
    assert_eq!(&*claims.client_id, "limen.operator");
}

#[tokio::test]
async fn no_token_is_issued_that_would_be_refused() {
    let house = House::furnished().await;
    let ask = async |body: Value| house.post("/v1/tokens", body).await;
    refused(&ask(json!({"user": "firda", "expires_in_s": 60})).await, 400, "no user 'firda'", "'frida'");
    refused(&ask(json!({"user": "gone", "expires_in_s": 60})).await, 409, "disabled", "Enable");
    refused(&ask(json!({"user": "nobody", "expires_in_s": 60})).await, 409, "no environment", "membership");
    refused(&ask(json!({"user": "rosa", "expires_in_s": 60})).await, 400, "several", "museum, archive");
    let elsewhere = json!({"user": "frida", "environment": "archive", "expires_in_s": 60});
    refused(&ask(elsewhere).await, 400, "isn't a member", "museum");
    let retired = json!({"user": "frida", "application": "retired", "expires_in_s": 60});
    refused(&ask(retired).await, 409, "'retired' is disabled", "Enable");
    let elsewhere = json!({"user": "rosa", "application": "mobile", "environment": "archive", "expires_in_s": 60});
    refused(
        &ask(elsewhere).await,
        409,
        "isn't connected to the environment 'archive'",
        "limen connection approve mobile archive",
    );
    let itself = json!({"application": "mobile", "environment": "museum", "expires_in_s": 60});
    refused(&ask(itself).await, 409, "no role of its own", "own_roles");
    let nowhere = json!({"application": "mobile", "expires_in_s": 60});
    refused(&ask(nowhere).await, 400, "whom the token is for", "Tell a user");
    let scoped = json!({"user": "frida", "scopes": ["constituent.rad"], "expires_in_s": 60});
    refused(&ask(scoped).await, 400, "no permission 'constituent.rad'", "'constituent.read'");
    let unknown = json!({"user": "frida", "application": "mobil", "expires_in_s": 60});
    refused(&ask(unknown).await, 400, "no application", "'mobile'");
    for seconds in [0, 31_536_001, u64::MAX] {
        refused(&ask(json!({"user": "frida", "expires_in_s": seconds})).await, 400, "can't live", "31536000");
    }
    assert!(house.stage.claims.lock().unwrap().is_empty());
}

#[tokio::test]
async fn tokens_are_revoked_by_grant_or_by_user() {
    let house = House::furnished().await;
    let issue = async || {
        let issued = house.done("/v1/tokens", json!({"user": "frida", "expires_in_s": 60})).await;
        text(&issued, "grant").to_owned()
    };
    let (first, _, _) = (issue().await, issue().await, issue().await);
    let revoke = async |body: Value| house.post("/v1/tokens/revoke", body).await;
    assert_eq!(revoke(json!({"grant": first})).await.json(), json!({"revoked": 1}));
    assert_eq!(revoke(json!({"grant": first})).await.json(), json!({"revoked": 0}));
    assert_eq!(revoke(json!({"user": "frida"})).await.json(), json!({"revoked": 2}));
    assert_eq!(house.store.revoked_grants(NOW_US).await.unwrap().len(), 3);
    refused(&revoke(json!({"grant": "grant_none"})).await, 404, "no grant grant_none", "");
    refused(&revoke(json!({"user": "firda"})).await, 400, "no user", "'frida'");
    refused(&revoke(json!({})).await, 400, "which tokens", "either");
    refused(&revoke(json!({"user": "frida", "grant": first})).await, 400, "two ways", "either");
}

#[tokio::test]
async fn the_signing_key_is_rotated() {
    let house = House::new().await;
    assert_eq!(house.done("/v1/signing-keys/rotate", Value::Null).await, json!({"kid": "kid-2"}));
}

#[tokio::test]
async fn notices_are_made_changed_and_resolved() {
    let house = House::furnished().await;
    let asked = json!({"kind": "maintenance", "title": " Moving ", "message": "", "api": "constituent", "closes": true,
                       "ends_at_us": NOW_US + 60_000_000});
    let made = house.done("/v1/notices", asked).await;
    assert_eq!((text(&made, "id"), text(&made, "title"), &made["begins_at_us"]), ("n1", "Moving", &json!(NOW_US)));
    house.pass_time_s(30);
    let longer = json!({"message": "It takes longer.", "ends_at_us": NOW_US + 120_000_000});
    let updated = house.done("/v1/notices/n1/update", longer).await;
    assert_eq!(updated["ends_at_us"], NOW_US + 120_000_000);
    assert_eq!(updated["updates"], json!([{"at_us": NOW_US + 30_000_000, "message": "It takes longer."}]));
    let resolved = house.done("/v1/notices/n1/resolve", Value::Null).await;
    assert_eq!(resolved["resolved_at_us"], NOW_US + 30_000_000);
    refused(&house.post("/v1/notices/n1/resolve", Value::Null).await, 409, "over already", "");
    refused(&house.post("/v1/notices/n1/update", json!({"closes": false})).await, 409, "is resolved", "new notice");
    let after = house.done("/v1/notices/n1/update", json!({"message": "What it was."})).await;
    assert_eq!(after["updates"].as_array().unwrap().len(), 2);
    refused(&house.post("/v1/notices/n7/update", json!({"closes": false})).await, 404, "no notice n7", "");
    refused(&house.post("/v1/notices/n1/update", json!({})).await, 400, "Nothing", "Tell");
    assert_eq!(house.get("/v1/notices").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_notice_that_makes_no_sense_is_refused() {
    let house = House::furnished().await;
    let ask = async |more: Value| {
        let mut asked = json!({"kind": "incident", "title": "Slow", "message": "", "closes": false});
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.post("/v1/notices", asked).await
    };
    refused(&ask(json!({"title": "  "})).await, 400, "title is empty", "");
    refused(&ask(json!({"title": "a\nb"})).await, 400, "several lines", "");
    refused(&ask(json!({"title": "\u{1b}[31m"})).await, 400, "control characters", "");
    refused(&ask(json!({"message": "x".repeat(4_001)})).await, 400, "4000", "Shorten");
    refused(&ask(json!({"kind": "maintenance"})).await, 400, "needs an end", "");
    refused(&ask(json!({"ends_at_us": NOW_US})).await, 400, "isn't after", "");
    let past = json!({"begins_at_us": NOW_US - 9, "ends_at_us": NOW_US - 1});
    refused(&ask(past).await, 400, "has passed", "resolving");
    refused(&ask(json!({"operation": "list"})).await, 400, "needs its API", "");
    refused(&ask(json!({"api": "constituents"})).await, 400, "no API", "'constituent'");
    refused(&ask(json!({"api": "constituent", "operation": "lsit"})).await, 400, "no operation", "'list'");
    assert_eq!(house.get("/v1/notices").await.json(), json!([]));
}

#[tokio::test]
async fn the_sample_goes_with_all_that_is_its_own() {
    let house = House::furnished().await;
    let own = subscribed(&house, "standard").await;
    let other = subscribed(&house, "careful").await;
    let applied = house.delete("/v1/sample").await.json();
    let people = ["user frida", "user rosa", "environment museum", "role reader", "role editor"];
    let first = ["product standard", "connection mobile@museum", "application mobile"];
    let removed = [&first[..], &people, &["api constituent"]].concat();
    assert_eq!(applied["removed"], json!(removed));
    assert_eq!(applied["changed"], json!(["product careful", format!("subscription {}", text(&own, "id"))]));
    let state = async |id: &str| house.store.subscription(id).await.unwrap().state;
    assert_eq!(state(text(&own, "id")).await, SubscriptionState::Cancelled);
    assert_eq!(state(text(&other, "id")).await, SubscriptionState::Requested);
    let declared = house.store.declared().await.unwrap();
    assert_eq!(limen_rules::declared::check_references(&declared), []);
    assert_eq!((declared.developers.len(), declared.environments.len()), (1, 1));
    refused(&house.delete("/v1/sample").await, 409, "isn't there", "nothing");
    assert_eq!(house.get("/v1/status").await.json()["sample"], false);
}

#[tokio::test]
async fn what_was_connected_to_the_sample_keeps_what_it_needs() {
    let house = House::furnished().await;
    let connections = json!([
        {"application": "mobile", "environment": "archive"},
        {"application": "retired", "environment": "museum", "own_roles": ["editor"]}
    ]);
    house.done("/v1/apply", json!({"declared": {"connections": connections}, "dry_run": false})).await;
    let applied = house.delete("/v1/sample").await.json();
    let removed =
        ["product standard", "connection mobile@museum", "user frida", "user rosa", "role reader", "api constituent"];
    assert_eq!(applied["removed"], json!(removed));
    let declared = house.store.declared().await.unwrap();
    assert_eq!(limen_rules::declared::check_references(&declared), []);
    assert_eq!((declared.applications.len(), declared.environments.len(), declared.connections.len()), (2, 2, 2));
}

#[tokio::test]
async fn what_came_to_depend_on_the_sample_stays() {
    let house = House::furnished().await;
    let sample = Subscription {
        id: "sub_sample".into(),
        product: "standard".into(),
        developer: "ada".into(),
        state: SubscriptionState::Active,
        created_at_us: NOW_US,
        started_at_us: NOW_US,
        ends_at_us: None,
        keys: Vec::new(),
    };
    house.store.insert_subscription(&sample).await.unwrap();
    let published = json!({"target": "http://127.0.0.1:9000", "base_path": "/mine", "product": "standard"});
    let published = house.done("/v1/publish", published).await;
    let users = json!([{"name": "mine", "memberships": [{"environment": "museum", "roles": ["reader"]}]}]);
    house.done("/v1/apply", json!({"declared": {"users": users}, "dry_run": false})).await;
    house.delete("/v1/sample").await;
    let declared = house.store.declared().await.unwrap();
    assert_eq!(limen_rules::declared::check_references(&declared), []);
    let names = |names: Vec<&limen_rules::model::Name>| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(declared.products.iter().map(|one| &one.name).collect()), ["standard", "careful"]);
    assert_eq!(names(declared.environments.iter().map(|one| &one.name).collect()), ["museum", "archive"]);
    assert_eq!(names(declared.roles.iter().map(|one| &one.name).collect()), ["reader"]);
    let state = async |id: &str| house.store.subscription(id).await.unwrap().state;
    assert_eq!(state(&sample.id).await, SubscriptionState::Cancelled);
    assert_eq!(state(text(&published["subscription"], "id")).await, SubscriptionState::Active);
}

#[tokio::test]
async fn issuers_are_shown_and_their_trust_ends() {
    let house = House::furnished().await;
    let issuer =
        json!({"name": "partner", "issuer": "https://id.example.org", "audiences": ["a"], "environments": ["gone"]});
    let wrong = house.post("/v1/apply", json!({"declared": {"issuers": [issuer]}, "dry_run": false})).await;
    refused(&wrong, 400, "environment 'gone' is not known", "declare it");
    assert_eq!(wrong.json()["error"]["problems"][0]["field"], "issuers[0].environments[0]");
    let mut good = issuer;
    good["environments"] = json!([world()["environments"][0]["name"]]);
    house.done("/v1/apply", json!({"declared": {"issuers": [good]}, "dry_run": false})).await;
    assert_eq!(house.get("/v1/issuers").await.json()[0]["name"], "partner");
    assert_eq!(house.get("/v1/issuers/partner").await.json()["keys"], 2);
    refused(&house.get("/v1/issuers/partnr").await, 404, "no issuer 'partnr'", "partner");
    let removed = house.delete("/v1/issuers/partner").await;
    assert_eq!(removed.json()["removed"], json!(["issuer partner"]));
    refused(&house.delete("/v1/issuers/partner").await, 404, "no issuer 'partner'", "");
}
