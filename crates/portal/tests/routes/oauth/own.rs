//! Applications that act for themselves.

use serde_json::json;

use super::desk::{Desk, refused};

const REFUSED: &str = "The application may not act for itself in this environment.";

#[tokio::test]
async fn where_it_is_allowed_an_application_gets_a_token_of_its_own() {
    let desk = Desk::new().await;
    for form in ["grant_type=client_credentials", "grant_type=client_credentials&environment_id=archive"] {
        let answer = desk.token(form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let mut told: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "access_token",
                "environment_id",
                "environment_name",
                "expires_in",
                "legal_entity_id",
                "legal_entity_name",
                "mode",
                "scope",
                "token_type",
            ]
        );
        assert_eq!((&body["environment_id"], &body["scope"]), (&json!("archive"), &json!("thing.read")));
        let claims = desk.house.stage.claims.lock().unwrap().last().unwrap().clone();
        assert_eq!((&*claims.sub, &*claims.client_id), ("application:shop", "shop"));
    }
    assert_eq!(desk.standing_grants("application:shop").await, 2);
}

#[tokio::test]
async fn where_it_is_not_allowed() {
    let desk = Desk::new().await;
    let ask = async |more: &str| desk.token(&format!("grant_type=client_credentials{more}")).await;
    refused(&ask("&environment_id=museum").await, 400, "unauthorized_client", REFUSED);
    let unclear = |name: &str| {
        format!(
            "The environment_id '{name}' is not one that the application is connected to; tell which is meant with environment_id."
        )
    };
    refused(&ask("&environment_id=cellar").await, 400, "invalid_request", &unclear("cellar"));
    let answer = desk.post("/token", &[], "grant_type=client_credentials&client_id=spa").await;
    refused(&answer, 400, "unauthorized_client", REFUSED);
    desk.apply(json!({"connections": [{"application": "shop", "environment": "museum", "own_roles": ["writer"]}]}))
        .await;
    refused(&ask("").await, 400, "invalid_request", &unclear(""));
    assert_eq!(ask("&environment_id=museum").await.json()["mode"], "Full");
    refused(
        &ask("&environment_id=museum&scope=thing.read").await,
        400,
        "invalid_scope",
        "The scope 'thing.read' goes beyond what was granted.",
    );
    assert_eq!(ask("&environment_id=museum&scope=thing.write").await.json()["scope"], "thing.write");
}
