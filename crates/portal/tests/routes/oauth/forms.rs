//! Forms that are read, forms that aren't, and methods.

use axum::http::Method;
use limen_rules::sign_in::credentials::basic;
use limen_rules::sign_in::trouble::Trouble;
use serde_json::json;

use super::desk::{Desk, FORM, exchange, refused, secret, unkept};

const NOT_A_FORM: &str = "The body must be a form: Content-Type application/x-www-form-urlencoded.";

#[tokio::test]
async fn only_forms_are_read() {
    let desk = Desk::new().await;
    let header = basic("shop", &secret("shop", "one"));
    let authorization = ("authorization", header.as_str());
    let json = json!({"grant_type": "client_credentials"}).to_string();
    let large = format!("grant_type=client_credentials&x={}", "y".repeat(64 << 10));
    for (content_type, body) in [
        ("application/json", json.as_str()),
        ("text/plain", "grant_type=client_credentials"),
        ("multipart/form-data; boundary=x", "--x--"),
        (FORM, large.as_str()),
    ] {
        let answer = desk.send(Method::POST, "/token", &[("content-type", content_type), authorization], body).await;
        refused(&answer, 400, "invalid_request", NOT_A_FORM);
    }
    let answer = desk.send(Method::POST, "/token", &[authorization], "grant_type=client_credentials").await;
    refused(&answer, 400, "invalid_request", NOT_A_FORM);
    for content_type in [FORM, "application/x-www-form-urlencoded; charset=UTF-8"] {
        let code = desk.code("shop", |_| {}).await;
        let answer =
            desk.send(Method::POST, "/token", &[("content-type", content_type), authorization], &exchange(&code)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        unkept(&answer);
    }
}

#[tokio::test]
async fn the_address_is_never_read() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let address = format!("/token?{}&client_id=shop&client_secret={}", exchange(&code), secret("shop", "one"));
    let answer = desk.post(&address, &[], "").await;
    refused(&answer, 401, "invalid_client", "The required credentials were not supplied.");
    // Nor does it disturb what the form says.
    let header = basic("shop", &secret("shop", "one"));
    let answer =
        desk.post("/token?code=other&grant_type=password", &[("authorization", &header)], &exchange(&code)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn parameters_repeated_missing_and_unknown() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let repeated = format!("{}&code={code}", exchange(&code));
    refused(&desk.token(&repeated).await, 400, "invalid_request", "The parameter 'code' was provided more than once.");
    let cases = [
        ("", "invalid_request", "The required grant_type parameter was not provided."),
        ("grant_type=", "invalid_request", "The required grant_type parameter was not provided."),
        (
            "grant_type=password&username=a&password=b",
            "unsupported_grant_type",
            "The grant_type 'password' is not supported.",
        ),
        ("grant_type=implicit", "unsupported_grant_type", "The grant_type 'implicit' is not supported."),
        ("grant_type=%22%3Cb%3E", "unsupported_grant_type", "The grant_type '?<b>' is not supported."),
        ("grant_type=authorization_code", "invalid_request", "The required code parameter was not provided."),
        (
            "grant_type=authorization_code&code=x",
            "invalid_request",
            "The required redirect_uri parameter was not provided.",
        ),
        ("grant_type=refresh_token", "invalid_request", "The required refresh_token parameter was not provided."),
        (
            "grant_type=refresh_token&refresh_token=x&preserve_refresh_token=perhaps",
            "invalid_request",
            "The parameter 'preserve_refresh_token' has a value that it can't have.",
        ),
    ];
    for (form, error, description) in cases {
        refused(&desk.token(form).await, 400, error, description);
    }
    let answer = desk.token(&format!("{}&resource=a&resource=b&foo=bar", exchange(&code))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn other_methods_are_told_which_one_is_meant() {
    let desk = Desk::new().await;
    for path in ["/token", "/oauth/token", "/revoke", "/introspect"] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            let answer = desk.send(method, path, &[], "").await;
            refused(&answer, 405, "invalid_request", "This address takes a form by POST only.");
            assert_eq!(answer.header("allow"), "POST", "{path}");
        }
    }
    let answer = desk.send(Method::POST, "/.well-known/oauth-authorization-server", &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET,HEAD"));
}

#[tokio::test]
async fn the_older_address_is_the_same_endpoint() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let header = basic("shop", &secret("shop", "one"));
    let answer = desk.post("/oauth/token", &[("authorization", &header)], &exchange(&code)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Each error leads to a paragraph of a page of ours.
#[tokio::test]
async fn errors_lead_to_the_page_that_mends_them() {
    let desk = Desk::new().await;
    let answer = desk.token("grant_type=password").await;
    let uri = answer.json()["error_uri"].as_str().unwrap().to_owned();
    assert_eq!(uri, "http://web.example/authentication-issues#grant-type-unsupported");
    let page = desk.house.page("/authentication-issues").await;
    for trouble in Trouble::ALL {
        let anchor = format!("<article id=\"{}\">", trouble.entry().code);
        assert_eq!(page.text.matches(&anchor).count(), 1, "{anchor}");
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_told_as_such_and_when_to_try_again() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    desk.house.store.close().await.unwrap();
    let answer = desk.token(&exchange(&code)).await;
    refused(&answer, 503, "temporarily_unavailable", "Tokens can't be given out for the moment.");
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn requests_are_explained_without_their_secrets() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let answer = desk.token(&exchange(&code)).await;
    let again = desk.token(&exchange(&code)).await;
    let told = async |answer: &crate::house::Answer| {
        let path = format!("/v1/calls/{}", answer.header("x-request-id"));
        desk.house.get(&path).await
    };
    let first = told(&answer).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let body = first.json();
    assert_eq!((&body["method"], &body["path"], &body["status"]), (&json!("POST"), &json!("/token"), &json!(200)));
    assert!(first.text.contains("application shop") && first.text.contains("user frida"), "{}", first.text);
    assert!(first.text.contains("primary secret in the Authorization header"), "{}", first.text);
    let second = told(&again).await;
    assert_eq!(second.json()["code"], "code-invalid");
    assert!(second.text.contains("It was exchanged 0 s ago"), "{}", second.text);
    let given = answer.json();
    for secret in
        [&code, given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap(), "limen_app_"]
    {
        assert!(!first.text.contains(secret) && !second.text.contains(secret), "{secret}");
    }
    assert_eq!(desk.house.get("/v1/calls/0123").await.status, 404);
}
