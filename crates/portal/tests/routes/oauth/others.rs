//! Revocation, introspection, metadata, and calls from pages of other origins.

use axum::http::Method;
use limen_rules::sign_in::credentials::basic;
use serde_json::json;

use super::desk::{Desk, exchange, refused, secret, unkept};

#[tokio::test]
async fn a_refresh_token_is_given_back_by_its_application_alone() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|_| {}).await;
    let form = format!("token={}", given["refresh_token"].as_str().unwrap());
    let till = basic("till", &secret("till", "one"));
    let shop = basic("shop", &secret("shop", "one"));
    for (authorization, left) in [(&till, 1), (&shop, 0), (&shop, 0)] {
        let answer = desk.post("/revoke", &[("authorization", authorization)], &form).await;
        assert_eq!((answer.status.as_u16(), &*answer.text), (200, "{}"));
        unkept(&answer);
        assert_eq!(desk.standing_grants("frida").await, left);
    }
    let answer =
        desk.post("/revoke", &[("authorization", &shop)], "token=unheard-of&token_type_hint=access_token").await;
    assert_eq!(answer.status, 200);
    let answer = desk.post("/revoke", &[("authorization", &shop)], "").await;
    refused(&answer, 400, "invalid_request", "The required token parameter was not provided.");
    let answer = desk.post("/revoke", &[], &form).await;
    refused(&answer, 401, "invalid_client", "The required credentials were not supplied.");
    let answer = desk.post("/revoke", &[("authorization", &basic("shop", "x"))], &form).await;
    refused(&answer, 401, "invalid_client", "The specified credentials were not valid.");
}

#[tokio::test]
async fn a_public_application_gives_back_by_its_id() {
    let desk = Desk::new().await;
    let given = desk.signed_in_publicly().await;
    let form = format!("token={}&client_id=spa", given["refresh_token"].as_str().unwrap());
    assert_eq!(desk.post("/revoke", &[], &form).await.status, 200);
    assert_eq!(desk.standing_grants("frida").await, 0);
}

#[tokio::test]
async fn a_refresh_token_is_told_of_to_its_application_alone() {
    let desk = Desk::new().await;
    let given = desk.signed_in(|code| code.scope = Some("thing.read".into())).await;
    let form = format!("token={}", given["refresh_token"].as_str().unwrap());
    let ask = async |application: &str| {
        let authorization = basic(application, &secret(application, "one"));
        let answer = desk.post("/introspect", &[("authorization", &authorization)], &form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        unkept(&answer);
        answer.json()
    };
    let now_s = desk.now_us() / 1_000_000;
    assert_eq!(
        ask("shop").await,
        json!({
            "active": true, "scope": "thing.read", "client_id": "shop", "exp": now_s + 31_536_000, "iat": now_s,
            "sub": "frida", "iss": "http://web.example", "environment_id": "museum", "mode": "Limited"
        })
    );
    assert_eq!(ask("till").await, json!({"active": false}));
    let answer = desk.post("/introspect", &[], &format!("{form}&client_id=spa")).await;
    refused(&answer, 401, "invalid_client", "The required credentials were not supplied.");
    let refresh = format!("grant_type=refresh_token&refresh_{form}");
    assert_eq!(desk.token(&refresh).await.status, 200);
    assert_eq!(ask("shop").await, json!({"active": false}), "it was replaced");
}

#[tokio::test]
async fn the_metadata_name_what_there_is() {
    let desk = Desk::new().await;
    let answer = desk.send(Method::GET, "/.well-known/oauth-authorization-server", &[], "").await;
    assert_eq!(answer.status, 200);
    let all = ["client_secret_basic", "client_secret_post", "none"];
    assert_eq!(
        answer.json(),
        json!({
            "issuer": "http://web.example",
            "authorization_endpoint": "http://web.example/authorization",
            "token_endpoint": "http://web.example/token",
            "jwks_uri": "http://web.example/.well-known/jwks.json",
            // Not what a private API asks for.
            "scopes_supported": ["thing.read"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "token_endpoint_auth_methods_supported": all,
            "revocation_endpoint": "http://web.example/revoke",
            "revocation_endpoint_auth_methods_supported": all,
            "introspection_endpoint": "http://web.example/introspect",
            "introspection_endpoint_auth_methods_supported": all[..2],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "service_documentation": "http://web.example/authentication-issues",
        })
    );
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn pages_of_public_applications_may_call_and_no_others() {
    let desk = Desk::new().await;
    let preflight = async |path: &str, origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        desk.send(Method::OPTIONS, path, &headers, "").await
    };
    for path in ["/token", "/oauth/token", "/revoke"] {
        let answer = preflight(path, "https://spa.example").await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "https://spa.example");
        assert_eq!(answer.header("access-control-allow-methods"), "POST");
        assert_eq!(answer.header("access-control-allow-headers"), "Authorization, Content-Type");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.header("vary"), "Origin");
        for stranger in
            ["https://shop.example", "http://spa.example", "https://spa.example:8443", "https://evil.example", "null"]
        {
            let answer = preflight(path, stranger).await;
            assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (405, ""), "{stranger}");
            assert_eq!(answer.header("vary"), "Origin");
        }
    }
    assert_eq!(preflight("/introspect", "https://spa.example").await.header("access-control-allow-origin"), "");
    assert_eq!(preflight("/", "https://spa.example").await.header("access-control-allow-origin"), "");
    // Errors can be read too.
    let answer = desk.post("/token", &[("origin", "https://spa.example")], "").await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (401, "https://spa.example"));
    assert!(answer.header("access-control-expose-headers").contains("X-Request-Id"));
    // What changes acts at once.
    desk.apply(json!({"applications": [{"name": "spa", "developer": "ada", "kind": "public", "redirect_uris": ["https://new.example/"]}]}))
        .await;
    assert_eq!(preflight("/token", "https://spa.example").await.header("access-control-allow-origin"), "");
    assert_eq!(
        preflight("/token", "https://new.example").await.header("access-control-allow-origin"),
        "https://new.example"
    );
}

/// A server's own exchange has no origin, and caches are told that it matters.
#[tokio::test]
async fn without_an_origin_nothing_is_allowed_or_missing() {
    let desk = Desk::new().await;
    let code = desk.code("shop", |_| {}).await;
    let answer = desk.token(&exchange(&code)).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, ""));
    assert_eq!(answer.header("vary"), "Origin");
}
