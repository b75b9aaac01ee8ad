//! A portal with a real store, a clock that stands where it is put, and stand-ins for the other ports.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use limen_portal::ports::{
    Addresses, BoxFuture, Clock, GatewayStatus, GatewayView, PortFault, Portal, Random, Sample, Signer, SnapshotRefresh,
};
use limen_portal::wire::{Check, Explanation, UsageLine};
use limen_portal::{Memory, admin_router, web_router};
use limen_rules::model::Name;
use limen_rules::quota::AccountKey;
use limen_rules::token::{Claims, Issuer};
use limen_store::{DataFolder, Store};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// 1 March 2026, 10:00 UTC.
pub(crate) const NOW_US: i64 = 1_772_359_200_000_000;
pub(crate) const CALL: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What stands in for the process around the portal.
pub(crate) struct Stage {
    now_us: AtomicI64,
    drawn: AtomicU64,
    pub(crate) snapshot_age_ms: AtomicU64,
    pub(crate) told_revision: AtomicI64,
    pub(crate) claims: Mutex<Vec<Claims>>,
}

impl Clock for Stage {
    fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst)
    }
}

impl Random for Stage {
    /// Different at every draw, and the same in every run.
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut mixed =
                self.drawn.fetch_add(1, Ordering::SeqCst).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^= mixed >> 29;
            *byte = (mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as u8;
        }
    }
}

impl Signer for Stage {
    fn issuer(&self) -> Issuer {
        Issuer { issuer: "http://web.example".into(), audience: "limen".into(), ..Issuer::default() }
    }

    fn issue(&self, claims: &Claims) -> Result<String, PortFault> {
        self.claims.lock().unwrap().push(claims.clone());
        Ok(format!("signed.{}.token", claims.grant))
    }

    fn rotate(&self) -> BoxFuture<'_, Result<Name, PortFault>> {
        Box::pin(async { Ok("kid-2".into()) })
    }
}

impl GatewayView for Stage {
    fn targets(&self, _: &str) -> Vec<limen_portal::wire::TargetLine> {
        Vec::new()
    }

    fn status(&self) -> GatewayStatus {
        GatewayStatus {
            snapshot_age_ms: self.snapshot_age_ms.load(Ordering::SeqCst),
            snapshot_revision: 7,
            calls_by_status: vec![(200, 41), (429, 1)],
            upgrade_refused: None,
        }
    }

    fn drift(&self, api: Option<&str>) -> limen_rules::drift::DriftReport {
        let mut table = limen_rules::drift::DriftTable::default();
        let (name, operation): (Name, Name) = ("orders".into(), "list".into());
        let answered = limen_rules::drift::Answered {
            api: &name,
            operation: &operation,
            status: 418,
            at_us: NOW_US,
            request_id: CALL,
        };
        table.take(&answered, vec![limen_rules::drift::Difference::Status], true);
        table.report(api, 0)
    }

    fn issuers(&self) -> Vec<limen_portal::wire::IssuerLine> {
        vec![limen_portal::wire::IssuerLine { name: "partner".into(), keys: Some(2), ..Default::default() }]
    }

    fn metrics(&self) -> String {
        "limen_calls_total 42\n".to_owned()
    }

    fn explain(&self, request_id: &str) -> Option<Explanation> {
        (request_id == CALL).then(|| Explanation {
            request_id: request_id.into(),
            at_us: NOW_US,
            method: "GET".into(),
            path: "/orders".into(),
            status: 429,
            code: Some("rate-limit-exceeded".into()),
            duration_us: 80,
            checks: vec![Check { check: "rate".into(), outcome: "refused".into(), words: "6 of 5".into() }],
        })
    }

    fn usage(&self, _: AccountKey) -> Option<UsageLine> {
        Some(UsageLine { period_calls: Some(12), ..UsageLine::default() })
    }
}

impl SnapshotRefresh for Stage {
    fn changed(&self, revision: i64) -> BoxFuture<'_, bool> {
        self.told_revision.store(revision, Ordering::SeqCst);
        Box::pin(async { true })
    }
}

/// An answer that was read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

pub(crate) struct House {
    pub(crate) web: Router,
    pub(crate) admin: Router,
    pub(crate) store: Store,
    pub(crate) stage: Arc<Stage>,
    pub(crate) folder: TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(DataFolder::open(&folder.path().join("data")).unwrap()).await.unwrap();
        let stage = Arc::new(Stage {
            now_us: AtomicI64::new(NOW_US),
            drawn: AtomicU64::new(0),
            snapshot_age_ms: AtomicU64::new(12),
            told_revision: AtomicI64::new(-1),
            claims: Mutex::default(),
        });
        let names = |names: &[&str]| names.iter().map(|name| Name::from(*name)).collect::<Vec<_>>();
        let portal = Portal {
            store: store.clone(),
            clock: stage.clone(),
            random: stage.clone(),
            signer: stage.clone(),
            gateway: stage.clone(),
            refresh: stage.clone(),
            addresses: Arc::new(Addresses {
                gateway_url: "http://gateway.example".into(),
                web_url: "http://web.example".into(),
            }),
            sample: Arc::new(Sample {
                apis: names(&["constituent"]),
                products: names(&["standard"]),
                subscriptions: names(&["sub_sample"]),
                applications: names(&["mobile"]),
                environments: names(&["museum"]),
                roles: names(&["reader", "editor"]),
                users: names(&["frida", "rosa"]),
            }),
            memory: Memory::default(),
            provider: None,
            settings: Arc::default(),
            version: "9.9.9",
            started_at_us: NOW_US - 5_000_000,
            snapshot_age_max_ms: 900_000,
        };
        Self { web: web_router(portal.clone()), admin: admin_router(portal), store, stage, folder }
    }

    pub(crate) fn pass_time_s(&self, seconds: i64) {
        self.stage.now_us.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub(crate) async fn page(&self, path: &str) -> Answer {
        self.page_for(path, "text/html,*/*;q=0.8").await
    }

    pub(crate) async fn page_for(&self, path: &str, accept: &str) -> Answer {
        let request = Request::get(path).header("accept", accept).body(Body::empty()).unwrap();
        ask(&self.web, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "").await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &body.to_string()).await
    }

    /// As [`Self::post`], of a request that has to succeed.
    pub(crate) async fn done(&self, path: &str, body: Value) -> Value {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
        ask(&self.admin, request).await
    }

    /// A small world: two APIs, one of them private, a product, people.
    pub(crate) async fn furnished() -> Self {
        let house = Self::new().await;
        house.done("/v1/apply", serde_json::json!({"declared": world(), "dry_run": false})).await;
        house
    }
}

pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 24).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

pub(crate) fn world() -> Value {
    serde_json::json!({
        "apis": [
            {"name": "constituent", "title": "Constituents <b>", "base_path": "/constituent/v1", "target": "limen:sample",
             "access": "key+token", "operations": [{"name": "list", "method": "GET", "path": "/constituents"}]},
            {"name": "ledger", "title": "The Ledger", "base_path": "/ledger", "target": "http://127.0.0.1:9000",
             "visibility": "private"}
        ],
        "products": [
            {"name": "standard", "title": "Standard", "apis": ["constituent"]},
            {"name": "careful", "apis": ["constituent", "ledger"], "approval_needed": true}
        ],
        "developers": [{"name": "ada"}],
        "applications": [
            {"name": "mobile", "developer": "ada"},
            {"name": "retired", "developer": "ada", "disabled": true}
        ],
        "environments": [{"name": "museum"}, {"name": "archive"}],
        "roles": [{"name": "reader", "permissions": ["constituent.read"]}, {"name": "editor"}],
        "users": [
            {"name": "frida", "memberships": [{"environment": "museum", "roles": ["reader"]}]},
            {"name": "rosa", "memberships": [{"environment": "museum"}, {"environment": "archive"}]},
            {"name": "gone", "disabled": true, "memberships": [{"environment": "archive"}]},
            {"name": "nobody"}
        ],
        "connections": [{"application": "mobile", "environment": "museum"}]
    })
}
