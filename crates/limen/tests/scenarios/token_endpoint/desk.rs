//! A Limen with applications of every kind, their secrets, and codes as if users had signed in: put into the data folder
//! before the process starts.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use limen_rules::key;
use limen_rules::record::Which;
use limen_rules::sign_in::credentials;
use limen_rules::sign_in::pkce::challenge_of;
use limen_rules::sign_in::record::AuthorizationCode;
use limen_store::{DataFolder, Store};
use limen_testbed::{Answer, Limen, Service, Settings};
use serde_json::{Value, json};

use crate::stage::BINARY;

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const BACK: &str = "https://shop.example/back";
pub(crate) const SPA_BACK: &str = "https://spa.example/callback";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// So many codes of each application.
const CODES: usize = 12;

pub(crate) struct Desk {
    pub(crate) limen: Limen,
    pub(crate) service: Service,
    codes: Mutex<Vec<(&'static str, String)>>,
    basics: Vec<(&'static str, String)>,
    _folder: tempfile::TempDir,
}

fn world(service: &str) -> Value {
    let member = |environment: &str| json!({"environment": environment, "roles": ["reader"]});
    json!({
        "developers": [{"name": "ada"}],
        "apis": [{"name": "things", "base_path": "/things", "target": service, "access": "token",
                  "operations": [{"name": "list", "method": "GET", "path": "/items", "permission": "thing.read"}]}],
        "applications": [
            {"name": "shop", "developer": "ada", "redirect_uris": [BACK]},
            {"name": "till", "developer": "ada", "redirect_uris": [BACK]},
            {"name": "spa", "developer": "ada", "kind": "public", "redirect_uris": [SPA_BACK]}
        ],
        "environments": [
            {"name": "museum", "title": "The Museum", "legal_entity": "Museum Ltd", "legal_entity_id": "le-7"},
            {"name": "archive"}
        ],
        "roles": [{"name": "reader", "permissions": ["thing.read"]}],
        "users": [{"name": "frida", "title": "Frida Kahlo", "email": "frida@museum.example",
                   "memberships": [member("museum"), member("archive")]}],
        "connections": [
            {"application": "shop", "environment": "museum"},
            {"application": "shop", "environment": "archive", "own_roles": ["reader"]},
            {"application": "till", "environment": "museum"},
            {"application": "spa", "environment": "museum"}
        ]
    })
}

pub(crate) fn secret(application: &str) -> String {
    format!("limen_app_{application}_0123456789")
}

/// A text as it stands in a form.
pub(crate) fn encoded(text: &Value) -> String {
    text.as_str().expect("a text").bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn now_us() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(since_epoch.as_micros()).expect("this century")
}

/// Puts everything into the folder; gives the codes.
async fn furnish(folder: &std::path::Path, service: &str) -> Vec<(&'static str, String)> {
    let store = Store::open(DataFolder::open(folder).expect("a folder")).await.expect("a store");
    let declared = serde_json::from_value(world(service)).expect("a world");
    let now_us = now_us();
    store.apply(&declared, now_us, false).await.expect("a declared world");
    for application in ["shop", "till"] {
        let hash = key::hash(&secret(application));
        store.put_application_secret(application, Which::Primary, hash, now_us).await.expect("a secret");
    }
    let mut codes = Vec::new();
    for (application, redirect_uri) in [("shop", BACK), ("till", BACK), ("spa", SPA_BACK)] {
        for number in 0..CODES {
            let text = format!("code-of-{application}-{number}-{now_us}");
            let code = AuthorizationCode {
                application: application.into(),
                user: "frida".into(),
                environment: "museum".into(),
                redirect_uri: redirect_uri.into(),
                scope: None,
                code_challenge: (application == "spa").then(|| challenge_of(VERIFIER)).flatten(),
                issued_at_us: now_us,
                // Longer than real ones: how busy the machine is must not matter.
                expires_at_us: now_us + 3_600 * 1_000_000,
            };
            store.insert_code(key::hash(&text), &code).await.expect("a code");
            codes.push((application, text));
        }
    }
    store.close().await.expect("a closed store");
    codes
}

impl Desk {
    pub(crate) fn new() -> Self {
        let service = Service::ok();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = folder.path().join("data");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let codes = runtime.block_on(furnish(&data_dir, &service.url()));
        drop(runtime);
        let limen = Limen::start(Settings::new(BINARY).data_dir(&data_dir));
        let basics = ["shop", "till"].map(|name| (name, credentials::basic(name, &secret(name))));
        Self { limen, service, codes: Mutex::new(codes), basics: basics.to_vec(), _folder: folder }
    }

    /// A code that frida was sent back to the application with.
    pub(crate) fn code(&self, application: &str) -> String {
        let mut codes = self.codes.lock().expect("no test failed");
        let at = codes.iter().position(|(of, _)| *of == application).expect("a code that is left");
        codes.remove(at).1
    }

    /// The application's credentials, as a header.
    pub(crate) fn basic(&self, application: &str) -> [(&str, &str); 1] {
        let (_, basic) = self.basics.iter().find(|(name, _)| *name == application).expect("an application with secret");
        [("Authorization", basic)]
    }

    pub(crate) fn form(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let headers = [headers, &[("Content-Type", FORM)]].concat();
        self.limen.pages().call("POST", path, &headers, Some(form.as_bytes()))
    }

    pub(crate) fn exchange(&self, application: &str, code: &str) -> Answer {
        let back = encoded(&json!(BACK));
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={back}");
        self.form("/token", &self.basic(application), &form)
    }

    /// What an application has after its user signed in.
    pub(crate) fn signed_in(&self, application: &str) -> Value {
        let answer = self.exchange(application, &self.code(application));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) fn refresh(&self, application: &str, given: &Value) -> Answer {
        let form = format!("grant_type=refresh_token&refresh_token={}", encoded(&given["refresh_token"]));
        self.form("/token", &self.basic(application), &form)
    }

    /// What introspection tells an application of a token.
    pub(crate) fn introspect(&self, application: &str, given: &Value, kind: &str) -> Value {
        let answer = self.form("/introspect", &self.basic(application), &format!("token={}", encoded(&given[kind])));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// A call with the access token.
    pub(crate) fn call(&self, given: &Value) -> Answer {
        let bearer = format!("Bearer {}", given["access_token"].as_str().expect("a token"));
        self.limen.http().get("/things/items", &[("Authorization", &bearer)])
    }

    pub(crate) fn at_once(&self, count: usize, act: impl Fn(&Self) -> Answer + Sync) -> Vec<Answer> {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..count).map(|_| scope.spawn(|| act(self))).collect();
            running.into_iter().map(|one| one.join().expect("an answer")).collect()
        })
    }

    /// Checks an error's form, and that its link leads to the paragraph on it.
    #[track_caller]
    pub(crate) fn refused(&self, answer: &Answer, status: u16, error: &str, code: &str) {
        assert_eq!(answer.status, status, "{answer:?}");
        let body = answer.json();
        assert_eq!(body["error"], error, "{answer:?}");
        assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{answer:?}");
        let uri = format!("http://{}/authentication-issues#{code}", self.limen.web());
        assert_eq!(body["error_uri"], uri, "{answer:?}");
        assert_eq!(answer.headers_named("cache-control"), ["no-store"], "{answer:?}");
        assert_eq!(answer.headers_named("x-request-id").len(), 1, "{answer:?}");
    }
}
