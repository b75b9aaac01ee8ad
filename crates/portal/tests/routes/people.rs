//! What the command line gets from the admin API about applications, users, environments, connections and grants.

use axum::body::Body;
use axum::http::Request;
use limen_rules::record::Which;
use limen_rules::sign_in::secret;
use serde_json::{Value, json};

use crate::house::{Answer, House, NOW_US, ask};

/// Asserts a refusal whose message and mend contain the words.
fn refused(answer: &Answer, status: u16, message: &str, mend: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    let error = &answer.json()["error"];
    assert!(error["message"].as_str().unwrap().contains(message), "{}", answer.text);
    assert!(error["mend"].as_str().unwrap().contains(mend), "{}", answer.text);
}

async fn put_logo(house: &House, id: &str, file: Vec<u8>) -> Answer {
    let request = Request::post(format!("/v1/applications/{id}/logo")).body(Body::from(file)).unwrap();
    ask(&house.admin, request).await
}

#[tokio::test]
async fn an_application_is_registered_with_two_secrets() {
    let house = House::furnished().await;
    let asked = json!({"name": "till", "title": "Till", "redirect_uris": ["https://till.example.org/cb"]});
    let made = house.done("/v1/applications", asked.clone()).await;
    assert_eq!(
        (&made["name"], &made["developer"], &made["kind"]),
        (&json!("till"), &json!("ada"), &json!("confidential"))
    );
    let told: Vec<&str> =
        made["secrets"].as_array().unwrap().iter().map(|one| one["secret"].as_str().unwrap()).collect();
    assert!(told.len() == 2 && told[0] != told[1] && told.iter().all(|one| one.starts_with("limen_app_")), "{made}");
    let stored = house.store.application_secrets("till").await.unwrap();
    assert_eq!(stored.iter().map(|one| one.which).collect::<Vec<_>>(), [Which::Primary, Which::Secondary]);
    assert_eq!(stored[0].hash, secret::hash(told[0]));

    let shown = house.get("/v1/applications/till").await;
    let secrets = json!([{"which": "primary", "made_at_us": NOW_US}, {"which": "secondary", "made_at_us": NOW_US}]);
    assert_eq!((&shown.json()["secrets"], &shown.json()["logo"]), (&secrets, &json!(false)));
    assert!(!shown.text.contains("limen_app_"), "{}", shown.text);
    assert_eq!(house.get("/v1/applications").await.json().as_array().unwrap().len(), 3);

    refused(&house.post("/v1/applications", asked).await, 409, "'till' already", "change");
    let public = json!({"name": "cli", "kind": "public", "redirect_uris": ["http://127.0.0.1/cb"]});
    assert_eq!(house.done("/v1/applications", public).await["secrets"], json!([]));
    refused(
        &house.post("/v1/applications/cli/secrets/regenerate", json!({"which": "primary"})).await,
        409,
        "public",
        "PKCE",
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_application_is_told_at_once_and_nothing_is_made() {
    let house = House::furnished().await;
    let asked = json!({"name": "a.b", "developer": "bob", "website": "x", "redirect_uris": ["http://a/", "/cb"]});
    let answer = house.post("/v1/applications", asked).await;
    refused(&answer, 400, "name: 'a.b' has a '.'", "'-'");
    let fields: Vec<Value> =
        answer.json()["error"]["problems"].as_array().unwrap().iter().map(|one| one["field"].clone()).collect();
    assert_eq!(fields, ["name", "website", "redirect_uris[0]", "redirect_uris[1]", "developer"]);
    assert_eq!(house.get("/v1/applications").await.json().as_array().unwrap().len(), 2);
    refused(&house.get("/v1/applications/mobil").await, 404, "no application 'mobil'", "'mobile'");
    refused(&house.post("/v1/applications/mobil/change", json!({})).await, 404, "no application", "'mobile'");
}

#[tokio::test]
async fn one_secret_is_changed_and_the_other_goes_on_working() {
    let house = House::furnished().await;
    let regenerate = |which| ("/v1/applications/mobile/secrets/regenerate", json!({"which": which}));
    let (path, body) = regenerate("primary");
    let first = house.done(path, body.clone()).await;
    let (_, secondary) = regenerate("secondary");
    let second = house.done(path, secondary).await;
    let anew = house.done(path, body).await;
    let hashes: Vec<[u8; 32]> =
        house.store.application_secrets("mobile").await.unwrap().iter().map(|one| one.hash).collect();
    let hash = |made: &Value| secret::hash(made["secret"].as_str().unwrap());
    assert_eq!(hashes, [hash(&anew), hash(&second)]);
    assert_ne!(hash(&anew), hash(&first));

    let revoke = "/v1/applications/mobile/secrets/revoke";
    let left = house.done(revoke, json!({"which": "primary"})).await;
    assert_eq!(left, json!([{"which": "secondary", "made_at_us": NOW_US}]));
    refused(&house.post(revoke, json!({"which": "primary"})).await, 409, "no primary secret", "nothing to revoke");
}

#[tokio::test]
async fn an_application_is_changed_switched_off_and_removed_with_all_that_hangs_on_it() {
    let house = House::furnished().await;
    let change = "/v1/applications/mobile/change";
    let changed = house
        .done(
            change,
            json!({"title": "Mobile", "add_redirect_uris": ["https://m.example.org/cb", "http://localhost/cb"]}),
        )
        .await;
    assert_eq!(changed["title"], "Mobile");
    let less = house.done(change, json!({"remove_redirect_uris": ["http://localhost/cb"]})).await;
    assert_eq!(less["redirect_uris"], json!(["https://m.example.org/cb"]));
    let unknown = house.post(change, json!({"remove_redirect_uris": ["http://localhost/cb"]})).await;
    refused(&unknown, 400, "no redirect URI 'http://localhost/cb'", "https://m.example.org/cb");
    refused(&house.post(change, json!({"add_redirect_uris": ["ftp://x"]})).await, 400, "redirect_uris[1]", "https");

    let token = json!({"user": "frida", "application": "mobile", "expires_in_s": 3600});
    house.done("/v1/tokens", token.clone()).await;
    let stands =
        || async { house.get("/v1/grants?application=mobile").await.json()["grants"][0]["revoked_at_us"].clone() };
    assert_eq!(stands().await, Value::Null);
    assert_eq!(house.done(change, json!({"disabled": true})).await["disabled"], true);
    assert_eq!(stands().await, json!(NOW_US), "switched off, it loses its tokens");
    house.done(change, json!({"disabled": false})).await;
    house.done("/v1/tokens", token).await;

    put_logo(&house, "mobile", limen_portal::drawn_logo().unwrap()).await;
    house.done("/v1/applications/mobile/secrets/regenerate", json!({"which": "primary"})).await;
    let removed = house.delete("/v1/applications/mobile").await.json();
    assert_eq!(removed["removed"], json!(["connection mobile@museum", "application mobile"]));
    assert_eq!(stands().await, json!(NOW_US));
    assert_eq!(house.store.application_secrets("mobile").await.unwrap(), []);
    assert_eq!(house.store.application_logo("mobile").await.unwrap(), None);
    refused(&house.delete("/v1/applications/mobile").await, 404, "no application", "");
}

#[tokio::test]
async fn a_logo_is_made_anew_and_what_is_none_is_told() {
    let house = House::furnished().await;
    let drawn = limen_portal::drawn_logo().unwrap();
    let kept = put_logo(&house, "mobile", [drawn.clone(), b"tail".to_vec()].concat()).await.json();
    assert_eq!((&kept["width"], &kept["height"]), (&json!(96), &json!(96)));
    assert_eq!(house.store.application_logo("mobile").await.unwrap(), Some(drawn.clone()));
    assert_eq!(house.get("/v1/applications/mobile").await.json()["logo"], true);
    refused(&put_logo(&house, "mobile", b"<svg/>".to_vec()).await, 400, "neither PNG", "Save it");
    refused(&put_logo(&house, "mobile", vec![0; (1 << 20) + 1]).await, 400, "1 MiB", "smaller");
    refused(&put_logo(&house, "mobile", drawn[..60].to_vec()).await, 400, "damaged", "anew");
    refused(&put_logo(&house, "mobil", drawn.clone()).await, 404, "no application", "'mobile'");
    assert_eq!(house.store.application_logo("mobile").await.unwrap(), Some(drawn), "a bad file changes nothing");
    assert_eq!(house.delete("/v1/applications/mobile/logo").await.status, 200);
    refused(&house.delete("/v1/applications/mobile/logo").await, 409, "no logo", "nothing to remove");
}

#[tokio::test]
async fn users_are_made_and_given_passwords() {
    let house = House::furnished().await;
    let asked =
        json!({"name": "mo", "given_name": "Mo", "memberships": [{"environment": "museum", "roles": ["reader"]}]});
    let made = house.done("/v1/users", asked.clone()).await;
    assert_eq!((&made["password"], &made["given_name"]), (&json!(false), &json!("Mo")));
    refused(&house.post("/v1/users", asked).await, 409, "'mo' already", "");
    let lost = json!({"name": "jo", "memberships": [{"environment": "museun"}]});
    refused(&house.post("/v1/users", lost).await, 400, "memberships[0].environment", "'museum'");

    let path = "/v1/users/mo/password";
    assert_eq!(house.done(path, json!({"password": "correct horse"})).await, json!({}));
    let stored = house.store.password("mo").await.unwrap().unwrap();
    assert!(stored.starts_with("$argon2id$") && !stored.contains("horse"));
    refused(&house.post(path, json!({"password": "short"})).await, 400, "too short", "12");
    refused(&house.post(path, json!({"password": "x".repeat(129)})).await, 400, "too long", "128");
    assert_eq!(house.store.password("mo").await.unwrap().unwrap(), stored);
    let generated = house.done(path, json!({})).await["password"].as_str().unwrap().to_owned();
    let passwords = limen_portal::Passwords::default();
    let stored = house.store.password("mo").await.unwrap();
    assert_eq!(passwords.verify(&generated, stored).await, Ok(true));
    let shown = house.get("/v1/users/mo").await;
    assert!(shown.json()["password"] == true && !shown.text.contains(&generated) && !shown.text.contains("argon2"));
    refused(&house.post("/v1/users/moo/password", json!({})).await, 404, "no user 'moo'", "");

    assert_eq!(house.done("/v1/users/mo/disabled", json!({"disabled": true})).await["disabled"], true);
    assert!(
        house
            .get("/v1/users")
            .await
            .json()
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == "mo" && one["disabled"] == true)
    );
}

#[tokio::test]
async fn a_new_password_and_a_switched_off_user_end_what_was_given() {
    let house = House::furnished().await;
    let given =
        || async { house.done("/v1/tokens", json!({"user": "frida", "expires_in_s": 60})).await["grant"].clone() };
    let revoked = |grant: Value| {
        let store = house.store.clone();
        async move { store.grant(grant.as_str().unwrap()).await.unwrap().revoked_at_us.is_some() }
    };
    let first = given().await;
    house.done("/v1/users/frida/password", json!({})).await;
    assert!(revoked(first).await);
    let second = given().await;
    house.done("/v1/users/frida/disabled", json!({"disabled": true})).await;
    assert!(revoked(second).await);
}

#[tokio::test]
async fn environments_tell_who_belongs_to_them() {
    let house = House::furnished().await;
    let shown = house.get("/v1/environments/museum").await.json();
    assert_eq!((&shown["users"], &shown["applications"]), (&json!(["frida", "rosa"]), &json!(["mobile"])));
    assert_eq!(house.get("/v1/environments").await.json().as_array().unwrap().len(), 2);
    refused(&house.get("/v1/environments/musem").await, 404, "no environment", "'museum'");
}

#[tokio::test]
async fn connections_are_approved_limited_and_removed() {
    let house = House::furnished().await;
    let asked = json!({"application": "mobile", "environment": "archive", "scopes": ["constituent.read"]});
    assert_eq!(house.done("/v1/connections", asked.clone()).await, asked);
    refused(&house.post("/v1/connections", asked).await, 409, "connected to 'archive' already", "limit");
    let lost = json!({"application": "mobil", "environment": "museum", "scopes": ["constituent.reed"], "own_roles": ["readr"]});
    let answer = house.post("/v1/connections", lost).await;
    refused(&answer, 400, "application: application 'mobil' is not known", "'mobile'");
    assert_eq!(answer.json()["error"]["problems"].as_array().unwrap().len(), 3);

    let path = "/v1/connections/mobile/archive";
    let limit = format!("{path}/limit");
    let changed = house.done(&limit, json!({"scopes": [], "own_roles": ["reader"]})).await;
    assert_eq!(changed, json!({"application": "mobile", "environment": "archive", "own_roles": ["reader"]}));
    let grant = house
        .done(
            "/v1/tokens",
            json!({"user": "rosa", "environment": "archive", "application": "mobile", "expires_in_s": 60}),
        )
        .await["grant"]
        .clone();
    assert_eq!(house.delete(path).await.json()["removed"], json!(["connection mobile@archive"]));
    assert!(house.store.grant(grant.as_str().unwrap()).await.unwrap().revoked_at_us.is_some());
    refused(&house.delete(path).await, 404, "isn't connected to 'archive'", "limen connection approve mobile archive");
    refused(&house.post(&limit, json!({"scopes": []})).await, 404, "isn't connected", "");
    let token = json!({"user": "rosa", "environment": "archive", "application": "mobile", "expires_in_s": 60});
    refused(&house.post("/v1/tokens", token).await, 409, "isn't connected", "limen connection approve mobile archive");
    assert_eq!(house.get("/v1/connections").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn grants_are_found_and_taken_back_by_all_that_is_told() {
    let house = House::furnished().await;
    for (user, application, environment) in [
        ("frida", Some("mobile"), "museum"),
        ("rosa", Some("mobile"), "museum"),
        ("rosa", None, "museum"),
        ("rosa", None, "archive"),
    ] {
        let ask = json!({"user": user, "application": application, "environment": environment, "expires_in_s": 60});
        house.done("/v1/tokens", ask).await;
        house.pass_time_s(1);
    }
    let count = |query: &'static str| {
        let house = &house;
        async move { house.get(&format!("/v1/grants{query}")).await.json()["grants"].as_array().unwrap().len() }
    };
    for (query, expected) in [
        ("", 4),
        ("?user=rosa", 3),
        ("?application=mobile", 2),
        ("?environment=museum", 3),
        ("?user=rosa&environment=museum", 2),
        ("?user=rosa&application=mobile&environment=museum", 1),
        ("?user=nobody", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    let newest = house.get("/v1/grants").await.json()["grants"][0].clone();
    assert_eq!((&newest["user"], &newest["environment"]), (&json!("rosa"), &json!("archive")));
    for (ask, expected) in [
        (json!({"user": "rosa", "environment": "museum"}), 2),
        (json!({"user": "rosa", "environment": "museum"}), 0),
        (json!({"application": "mobile"}), 1),
        (json!({"grant": newest["id"]}), 1),
        (json!({"grant": newest["id"]}), 0),
        (json!({"environment": "museum"}), 0),
    ] {
        assert_eq!(house.done("/v1/grants/revoke", ask.clone()).await, json!({"revoked": expected}), "{ask}");
    }
    refused(&house.post("/v1/grants/revoke", json!({})).await, 400, "isn't told which", "Tell a grant's id");
    refused(&house.post("/v1/grants/revoke", json!({"grant": "grant_x"})).await, 404, "grant", "");
}
