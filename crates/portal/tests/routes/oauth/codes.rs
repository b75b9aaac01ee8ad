//! Codes: exchanged once, by whom they were given to, with what they were asked for.

use serde_json::{Value, json};

use super::desk::{Desk, VERIFIER, exchange, public_exchange, refused, secret};
use limen_rules::sign_in::credentials::basic;
use limen_rules::sign_in::pkce::challenge_of;

const INVALID: &str = "The authorization code is not valid: it is unknown, was used before, has expired, or belongs to another application.";
const OTHER_URI: &str = "The redirect_uri is not the one that the authorization code was given to.";
const VERIFIER_WRONG: &str = "The code_verifier does not fit the code_challenge of the authorization request.";
pub(super) const ENDED: &str = "The access was taken back: the user was switched off or left the environment, or the application is no longer connected to it.";

fn members(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_answer_has_exactly_the_fourteen_members() {
    let desk = Desk::new().await;
    let body = desk.signed_in(|_| {}).await;
    let mut expected = vec![
        "access_token",
        "email",
        "environment_id",
        "environment_name",
        "expires_in",
        "family_name",
        "given_name",
        "legal_entity_id",
        "legal_entity_name",
        "mode",
        "refresh_token",
        "refresh_token_expires_in",
        "token_type",
        "user_id",
    ];
    expected.sort_unstable();
    let mut told = members(&body);
    told.sort_unstable();
    assert_eq!(told, expected);
    let expected = json!({
        "token_type": "Bearer", "expires_in": 3600, "refresh_token_expires_in": 31_536_000,
        "environment_id": "museum", "environment_name": "The Museum",
        "legal_entity_id": "le-7", "legal_entity_name": "Museum Ltd",
        "user_id": "frida", "email": "frida@museum.example", "family_name": "Kahlo", "given_name": "Frida",
        "mode": "Full"
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&body[name], value, "{name}");
    }
    let claims = desk.house.stage.claims.lock().unwrap().last().unwrap().clone();
    assert_eq!((&*claims.sub, &*claims.client_id, &*claims.environment), ("frida", "shop", "museum"));
    assert_eq!((claims.exp - claims.iat, claims.scope), (3_600, None));
}

#[tokio::test]
async fn what_is_limited_says_so_in_a_fifteenth() {
    let desk = Desk::new().await;
    let body = desk.signed_in(|code| code.scope = Some("thing.read list.read".into())).await;
    assert_eq!(members(&body).len(), 15);
    assert_eq!((&body["mode"], &body["scope"]), (&json!("Limited"), &json!("thing.read list.read")));
    // A connection that is limited narrows what was granted whole, and what was granted by name.
    let body = desk.signed_in(|code| code.environment = "archive".into()).await;
    assert_eq!((&body["mode"], &body["scope"]), (&json!("Limited"), &json!("thing.read")));
    let body = desk
        .signed_in(|code| {
            code.environment = "archive".into();
            code.scope = Some("list.read thing.read".into());
        })
        .await;
    assert_eq!(body["scope"], "thing.read");
    let claims = desk.house.stage.claims.lock().unwrap().last().unwrap().clone();
    assert_eq!(claims.scope.as_deref(), Some("thing.read"));
    // Without names of its own, an environment's name stands for all of it.
    let told = ["environment_id", "environment_name", "legal_entity_id", "legal_entity_name"];
    assert!(told.iter().all(|name| body[name] == "archive"), "{body}");
}

#[tokio::test]
async fn a_public_application_shows_its_verifier() {
    let desk = Desk::new().await;
    let body = desk.signed_in_publicly().await;
    assert_eq!(body["refresh_token_expires_in"], 30 * 86_400);
    let code = desk.code("spa", |_| {}).await;
    let without = public_exchange(&code).replace(&format!("&code_verifier={VERIFIER}"), "");
    refused(&desk.post("/token", &[], &without).await, 400, "invalid_grant", VERIFIER_WRONG);
    let wrong = public_exchange(&code).replace(VERIFIER, &VERIFIER.replace('d', "e"));
    refused(&desk.post("/token", &[], &wrong).await, 400, "invalid_grant", VERIFIER_WRONG);
    // What failed did not use it up.
    assert_eq!(desk.post("/token", &[], &public_exchange(&code)).await.status, 200);
}

#[tokio::test]
async fn pkce_can_not_be_left_out_later_nor_added() {
    let desk = Desk::new().await;
    let challenged = desk.code("shop", |code| code.code_challenge = challenge_of(VERIFIER)).await;
    refused(&desk.token(&exchange(&challenged)).await, 400, "invalid_grant", VERIFIER_WRONG);
    let plain = desk.code("shop", |_| {}).await;
    let with = format!("{}&code_verifier={VERIFIER}", exchange(&plain));
    refused(&desk.token(&with).await, 400, "invalid_grant", VERIFIER_WRONG);
    let with = format!("{}&code_verifier={VERIFIER}", exchange(&challenged));
    assert_eq!(desk.token(&with).await.status, 200);
    assert_eq!(desk.token(&exchange(&plain)).await.status, 200);
}

#[tokio::test]
async fn the_redirect_uri_is_the_very_same() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    for other in [
        "https%3A%2F%2Fshop.example%2Fback%2F",
        "http%3A%2F%2Fshop.example%2Fback",
        "https%3A%2F%2Fshop.example%2FBack",
    ] {
        let form = exchange(&code).replace("https%3A%2F%2Fshop.example%2Fback", other);
        refused(&desk.token(&form).await, 400, "invalid_grant", OTHER_URI);
    }
    assert_eq!(desk.token(&exchange(&code)).await.status, 200);
}

#[tokio::test]
async fn a_code_of_another_application_opens_and_ends_nothing() {
    let desk = Desk::new().await;
    let code = desk.code("till", |_| {}).await;
    refused(&desk.token(&exchange(&code)).await, 400, "invalid_grant", INVALID);
    let till = basic("till", &secret("till", "one"));
    let answer = desk.post("/token", &[("authorization", &till)], &exchange(&code)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    desk.house.pass_time_s(60);
    refused(&desk.token(&exchange(&code)).await, 400, "invalid_grant", INVALID);
    // The public application neither, though anybody may say to be it.
    let injected = public_exchange(&code);
    refused(&desk.post("/token", &[], &injected).await, 400, "invalid_grant", INVALID);
    assert_eq!(desk.standing_grants("frida").await, 1);
}

#[tokio::test]
async fn a_code_lives_for_five_minutes() {
    let desk = Desk::new().await;
    let (first, second) = (desk.code("shop", |_| {}).await, desk.code("shop", |_| {}).await);
    desk.house.pass_time_s(299);
    assert_eq!(desk.token(&exchange(&first)).await.status, 200);
    desk.house.pass_time_s(1);
    refused(&desk.token(&exchange(&second)).await, 400, "invalid_grant", INVALID);
    refused(&desk.token(&exchange("unheard-of")).await, 400, "invalid_grant", INVALID);
}

#[tokio::test]
async fn a_code_is_good_once_and_a_late_second_time_ends_what_it_gave() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let given = desk.token(&exchange(&code)).await.json();
    desk.house.pass_time_s(5);
    refused(&desk.token(&exchange(&code)).await, 400, "invalid_grant", INVALID);
    assert_eq!(desk.standing_grants("frida").await, 1, "a repeat within five seconds ends nothing");
    desk.house.pass_time_s(1);
    refused(&desk.token(&exchange(&code)).await, 400, "invalid_grant", INVALID);
    assert_eq!(desk.standing_grants("frida").await, 0);
    let refresh = format!("grant_type=refresh_token&refresh_token={}", given["refresh_token"].as_str().unwrap());
    assert_eq!(desk.token(&refresh).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_quick_second_time_with_a_wrong_verifier_ends_it_too() {
    let desk = Desk::new().await;
    let code = desk.code("spa", |_| {}).await;
    assert_eq!(desk.post("/token", &[], &public_exchange(&code)).await.status, 200);
    let wrong = public_exchange(&code).replace(VERIFIER, &VERIFIER.replace('d', "e"));
    refused(&desk.post("/token", &[], &wrong).await, 400, "invalid_grant", INVALID);
    assert_eq!(desk.standing_grants("frida").await, 0);
}

#[tokio::test]
async fn of_fifty_exchanges_at_once_one_wins() {
    let desk = std::sync::Arc::new(Desk::new().await);
    let code = desk.code("shop", |_| {}).await;
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let (desk, form) = (desk.clone(), exchange(&code));
            tokio::spawn(async move { desk.token(&form).await })
        })
        .collect();
    let mut won = 0;
    for answer in asking {
        let answer = answer.await.unwrap();
        match answer.status.as_u16() {
            200 => won += 1,
            _ => refused(&answer, 400, "invalid_grant", INVALID),
        }
    }
    assert_eq!((won, desk.standing_grants("frida").await), (1, 1));
}

/// What was ended takes its codes along; what is found missing only now is told.
#[tokio::test]
async fn who_or_what_is_gone_gives_nothing() {
    let disabled = json!({"users": [{"name": "frida", "disabled": true, "memberships": [{"environment": "museum"}]}]});
    let left = json!({"users": [{"name": "frida", "memberships": [{"environment": "archive"}]}]});
    for (change, description) in [(disabled, INVALID), (left, ENDED)] {
        let desk = Desk::new().await;
        let code = desk.code("shop", |_| {}).await;
        desk.apply(change).await;
        refused(&desk.token(&exchange(&code)).await, 400, "invalid_grant", description);
    }
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let kind = limen_store::ResourceKind::Connection;
    desk.house.store.remove(kind, "shop@museum", desk.now_us()).await.unwrap();
    refused(&desk.token(&exchange(&code)).await, 400, "invalid_grant", INVALID);
}
