//! Applications of every kind, with secrets and connections, and codes as if their users had signed in.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Method, Request};
use limen_rules::key;
use limen_rules::record::Which;
use limen_rules::sign_in::CODE_LIFE_S;
use limen_rules::sign_in::credentials::basic;
use limen_rules::sign_in::pkce::challenge_of;
use limen_rules::sign_in::record::AuthorizationCode;
use serde_json::{Value, json};

use crate::house::{Answer, House, NOW_US, ask};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const BACK: &str = "https://shop.example/back";
pub(super) const SPA_BACK: &str = "https://spa.example/callback";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const SECOND_US: i64 = 1_000_000;

pub(super) struct Desk {
    pub(super) house: House,
    made: AtomicU64,
}

pub(super) fn world() -> Value {
    json!({
        "developers": [{"name": "ada"}],
        "apis": [
            {"name": "a", "base_path": "/a", "target": "http://127.0.0.1:9",
             "access": "key+token", "operations": [{"name": "o", "method": "GET", "path": "/o", "permission": "thing.read"}]},
            {"name": "b", "base_path": "/b", "target": "http://127.0.0.1:9", "visibility": "private",
             "access": "key+token", "operations": [{"name": "o", "method": "GET", "path": "/o", "permission": "hidden.read"}]}
        ],
        "applications": [
            {"name": "shop", "developer": "ada", "title": "Shop", "redirect_uris": [BACK]},
            {"name": "till", "developer": "ada", "redirect_uris": [BACK]},
            {"name": "spa", "developer": "ada", "kind": "public", "redirect_uris": [SPA_BACK]},
            {"name": "retired", "developer": "ada", "disabled": true, "redirect_uris": [BACK]}
        ],
        "environments": [
            {"name": "museum", "title": "The Museum", "legal_entity": "Museum Ltd", "legal_entity_id": "le-7"},
            {"name": "archive"}, {"name": "cellar"}
        ],
        "roles": [
            {"name": "reader", "permissions": ["thing.read", "list.read"]},
            {"name": "writer", "permissions": ["thing.write"]}
        ],
        "users": [
            {"name": "frida", "title": "Frida Kahlo", "email": "frida@museum.example",
             "memberships": [{"environment": "museum", "roles": ["reader"]}, {"environment": "archive", "roles": ["reader"]}]},
            {"name": "gone", "disabled": true, "memberships": [{"environment": "museum", "roles": ["reader"]}]}
        ],
        "connections": [
            {"application": "shop", "environment": "museum"},
            {"application": "shop", "environment": "archive", "scopes": ["thing.read"], "own_roles": ["reader"]},
            {"application": "till", "environment": "museum"},
            {"application": "spa", "environment": "museum"}
        ]
    })
}

impl Desk {
    pub(super) async fn new() -> Self {
        let desk = Self { house: House::new().await, made: AtomicU64::new(0) };
        desk.apply(world()).await;
        for application in ["shop", "till", "retired"] {
            for (which, word) in [(Which::Primary, "one"), (Which::Secondary, "two")] {
                let hash = key::hash(&secret(application, word));
                desk.house.store.put_application_secret(application, which, hash, NOW_US).await.unwrap();
            }
        }
        desk
    }

    pub(super) async fn apply(&self, declared: Value) {
        let declared = serde_json::from_value(declared).unwrap();
        self.house.store.apply(&declared, NOW_US, false).await.unwrap();
    }

    /// A code of frida's.
    pub(super) async fn code(&self, application: &str, change: impl FnOnce(&mut AuthorizationCode)) -> String {
        let text = format!("code-{}", self.made.fetch_add(1, Ordering::Relaxed));
        let now_us = self.now_us();
        let redirect_uri = if application == "spa" { SPA_BACK } else { BACK };
        let mut code = AuthorizationCode {
            application: application.into(),
            user: "frida".into(),
            environment: "museum".into(),
            redirect_uri: redirect_uri.into(),
            scope: None,
            code_challenge: (application == "spa").then(|| challenge_of(VERIFIER).unwrap()),
            issued_at_us: now_us,
            expires_at_us: now_us + CODE_LIFE_S * SECOND_US,
        };
        change(&mut code);
        self.house.store.insert_code(key::hash(&text), &code).await.unwrap();
        text
    }

    pub(super) fn now_us(&self) -> i64 {
        limen_portal::ports::Clock::now_us(&*self.house.stage)
    }

    pub(super) async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        ask(&self.house.web, request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        self.send(Method::POST, path, &[&[("content-type", FORM)], headers].concat(), form).await
    }

    /// A request of the shop, with its primary secret.
    pub(super) async fn token(&self, form: &str) -> Answer {
        let basic = basic("shop", &secret("shop", "one"));
        self.post("/token", &[("authorization", &basic)], form).await
    }

    /// A code of the shop, exchanged.
    pub(super) async fn signed_in(&self, change: impl FnOnce(&mut AuthorizationCode)) -> Value {
        let code = self.code("shop", change).await;
        let answer = self.token(&exchange(&code)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// A code of the spa, exchanged.
    pub(super) async fn signed_in_publicly(&self) -> Value {
        let code = self.code("spa", |_| {}).await;
        let answer = self.post("/token", &[], &public_exchange(&code)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    /// Which grants of the user stand.
    pub(super) async fn standing_grants(&self, user: &str) -> usize {
        let grants = self.house.store.grants_of_user(user).await.unwrap();
        grants.iter().filter(|grant| grant.revoked_at_us.is_none()).count()
    }
}

pub(super) fn secret(application: &str, word: &str) -> String {
    format!("limen_app_{application}-{word}_secret")
}

pub(super) fn exchange(code: &str) -> String {
    format!("grant_type=authorization_code&code={code}&redirect_uri=https%3A%2F%2Fshop.example%2Fback")
}

pub(super) fn public_exchange(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id=spa&code={code}&code_verifier={VERIFIER}\
         &redirect_uri=https%3A%2F%2Fspa.example%2Fcallback"
    )
}

/// Checks an error's form and words.
#[track_caller]
pub(super) fn refused(answer: &Answer, status: u16, error: &str, description: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["error"], error, "{body}");
    assert_eq!(body["error_description"], description, "{body}");
    let uri = body["error_uri"].as_str().unwrap();
    assert!(uri.starts_with("http://web.example/authentication-issues#"), "{uri}");
    assert_eq!(body.as_object().unwrap().len(), 3);
    unkept(answer);
}

/// No secret is left in a cache on the way, and the request can be asked about.
#[track_caller]
pub(super) fn unkept(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-request-id").len(), 32);
}
