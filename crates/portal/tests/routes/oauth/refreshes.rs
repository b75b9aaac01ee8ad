//! Refresh tokens: rotated, kept, repeated, and what a stolen one ends.

use limen_rules::sign_in::credentials::basic;
use serde_json::{Value, json};

use super::codes::ENDED;
use super::desk::{Desk, refused, secret, unkept};
use crate::house::Answer;

const INVALID: &str =
    "The refresh token is not valid: it is unknown, has expired, was revoked, or belongs to another application.";
const REUSED: &str = "The refresh token was used before. All tokens of this sign-in were revoked.";

fn form(given: &Value) -> String {
    format!("grant_type=refresh_token&refresh_token={}", given["refresh_token"].as_str().unwrap())
}

async fn refreshed(desk: &Desk, given: &Value) -> Value {
    let answer = desk.token(&form(given)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    unkept(&answer);
    answer.json()
}

async fn publicly(desk: &Desk, given: &Value, more: &str) -> Answer {
    desk.post("/token", &[], &format!("{}&client_id=spa{more}", form(given))).await
}

#[tokio::test]
async fn each_refresh_gives_a_new_refresh_token_that_lives_a_year_from_then() {
    let desk = Desk::new().await;
    let mut given = desk.signed_in(|_| {}).await;
    for _ in 0..3 {
        desk.house.pass_time_s(300 * 86_400);
        let next = refreshed(&desk, &given).await;
        assert_ne!(next["refresh_token"], given["refresh_token"]);
        assert_eq!(next["refresh_token_expires_in"], 31_536_000);
        assert_eq!(next.as_object().unwrap().len(), 14);
        given = next;
    }
    desk.house.pass_time_s(31_536_000);
    refused(&desk.token(&form(&given)).await, 400, "invalid_grant", INVALID);
}

#[tokio::test]
async fn a_repeat_within_ten_seconds_gets_the_identical_answer() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    let first = desk.token(&form(&given)).await;
    desk.house.pass_time_s(10);
    let again = desk.token(&form(&given)).await;
    assert_eq!((again.status.as_u16(), &again.text), (200, &first.text));
    desk.house.pass_time_s(1);
    refused(&desk.token(&form(&given)).await, 400, "invalid_grant", REUSED);
    refused(&desk.token(&form(&first.json())).await, 400, "invalid_grant", INVALID);
    assert_eq!(desk.standing_grants("frida").await, 0);
}

#[tokio::test]
async fn a_predecessor_whose_successor_was_used_ends_the_family() {
    let desk = Desk::new().await;
    let first = desk.signed_in(|_| {}).await;
    let second = refreshed(&desk, &first).await;
    let third = refreshed(&desk, &second).await;
    refused(&desk.token(&form(&first)).await, 400, "invalid_grant", REUSED);
    refused(&desk.token(&form(&third)).await, 400, "invalid_grant", INVALID);
}

#[tokio::test]
async fn of_fifty_refreshes_at_once_all_get_one_answer() {
    let desk = std::sync::Arc::new(Desk::new().await);
    let given = desk.signed_in(|_| {}).await;
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (desk, form) = (desk.clone(), form(&given));
            tokio::spawn(async move { desk.token(&form).await })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in asking {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        answers.push(answer.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let next: Value = serde_json::from_str(&answers[0]).unwrap();
    refreshed(&desk, &next).await;
}

#[tokio::test]
async fn a_preserved_refresh_token_keeps_value_and_end() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    for (flag, days) in [("true", 100), ("True", 200), ("TRUE", 300)] {
        desk.house.pass_time_s(100 * 86_400);
        let answer = desk.token(&format!("{}&preserve_refresh_token={flag}", form(&given))).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let kept = answer.json();
        assert_eq!(kept["refresh_token"], given["refresh_token"]);
        assert_eq!(kept["refresh_token_expires_in"], (365 - days) * 86_400);
        assert_ne!(kept["access_token"], Value::Null);
    }
    let next = desk.token(&format!("{}&preserve_refresh_token=False", form(&given))).await.json();
    assert_ne!(next["refresh_token"], given["refresh_token"]);
}

#[tokio::test]
async fn a_public_application_has_neither_grace_nor_preserving() {
    let desk = Desk::new().await;
    let given = desk.signed_in_publicly().await;
    desk.house.pass_time_s(29 * 86_400);
    let next = publicly(&desk, &given, "&preserve_refresh_token=true").await.json();
    assert_ne!(next["refresh_token"], given["refresh_token"]);
    assert_eq!(next["refresh_token_expires_in"], 30 * 86_400);
    refused(&publicly(&desk, &given, "").await, 400, "invalid_grant", REUSED);
    refused(&publicly(&desk, &next, "").await, 400, "invalid_grant", INVALID);
}

#[tokio::test]
async fn another_application_s_refresh_token_opens_and_ends_nothing() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    let till = basic("till", &secret("till", "one"));
    let answer = desk.post("/token", &[("authorization", &till)], &form(&given)).await;
    refused(&answer, 400, "invalid_grant", INVALID);
    refused(&publicly(&desk, &given, "").await, 400, "invalid_grant", INVALID);
    let next = refreshed(&desk, &given).await;
    // An old one neither, whoever shows it.
    desk.house.pass_time_s(60);
    refused(&desk.post("/token", &[("authorization", &till)], &form(&given)).await, 400, "invalid_grant", INVALID);
    refreshed(&desk, &next).await;
}

#[tokio::test]
async fn what_is_no_refresh_token() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    let token = given["refresh_token"].as_str().unwrap();
    let changed = format!("{}{}", &token[..51], if token.ends_with('A') { 'Q' } else { 'A' });
    for wrong in
        ["x", &token[..51], given["access_token"].as_str().unwrap(), &format!("limen_rt_{}", "A".repeat(43)), &changed]
    {
        let answer = desk.token(&format!("grant_type=refresh_token&refresh_token={wrong}")).await;
        assert_eq!(answer.json()["error"], "invalid_grant", "{wrong}");
    }
}

#[tokio::test]
async fn scopes_are_narrowed_and_never_widened() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|code| code.scope = Some("thing.read list.read".into())).await;
    let narrow = desk.token(&format!("{}&scope=list.read", form(&given))).await.json();
    assert_eq!((&narrow["mode"], &narrow["scope"]), (&json!("Limited"), &json!("list.read")));
    // The grant stays as it was.
    let whole = refreshed(&desk, &narrow).await;
    assert_eq!(whole["scope"], "thing.read list.read");
    let beyond = desk.token(&format!("{}&scope=list.read+thing.write", form(&whole))).await;
    refused(&beyond, 400, "invalid_scope", "The scope 'thing.write' goes beyond what was granted.");
    // What was refused used nothing up.
    refreshed(&desk, &whole).await;
    let full = desk.signed_in(|_| {}).await;
    let beyond = desk.token(&format!("{}&scope=thing.write", form(&full))).await;
    refused(&beyond, 400, "invalid_scope", "The scope 'thing.write' goes beyond what was granted.");
    let narrow = desk.token(&format!("{}&scope=thing.read", form(&full))).await.json();
    assert_eq!((&narrow["mode"], &narrow["scope"]), (&json!("Limited"), &json!("thing.read")));
    assert_eq!(refreshed(&desk, &narrow).await["mode"], "Full");
}

#[tokio::test]
async fn a_connection_that_was_limited_later_limits_the_next_token() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    desk.apply(json!({"connections": [{"application": "shop", "environment": "museum", "scopes": ["list.read"]}]}))
        .await;
    let next = refreshed(&desk, &given).await;
    assert_eq!((&next["mode"], &next["scope"]), (&json!("Limited"), &json!("list.read")));
}

#[tokio::test]
async fn who_or_what_is_gone_gives_nothing() {
    let disabled = json!({"users": [{"name": "frida", "disabled": true, "memberships": [{"environment": "museum"}]}]});
    let left = json!({"users": [{"name": "frida", "memberships": [{"environment": "archive"}]}]});
    let off = json!({"applications": [{"name": "shop", "developer": "ada", "disabled": true}]});
    for (change, status, error, description) in [
        (disabled, 400, "invalid_grant", INVALID),
        (left, 400, "invalid_grant", ENDED),
        (off, 401, "invalid_client", "The value specified for the client_id parameter 'shop' was not valid."),
    ] {
        let desk = Desk::new().await;
        let given = desk.signed_in(|_| {}).await;
        desk.apply(change).await;
        refused(&desk.token(&form(&given)).await, status, error, description);
    }
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    let kind = limen_store::ResourceKind::Connection;
    desk.house.store.remove(kind, "shop@museum", desk.now_us()).await.unwrap();
    refused(&desk.token(&form(&given)).await, 400, "invalid_grant", INVALID);
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    desk.house.store.set_password("frida", "$argon2id$", None, desk.now_us()).await.unwrap();
    refused(&desk.token(&form(&given)).await, 400, "invalid_grant", INVALID);
}
