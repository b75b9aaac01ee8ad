//! How often the provider is asked, and what is known while it doesn't answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::ports::{BoxFuture, Fetch, Fetched, PortFault};

const ISSUER: &str = "https://id.example.org";
const SECOND_US: i64 = 1_000_000;

/// A provider that answers what it is told to, and writes down what it was asked.
#[derive(Default)]
struct World {
    now_us: AtomicI64,
    is_down: Mutex<bool>,
    asked: Mutex<Vec<String>>,
    forms: Mutex<Vec<String>>,
    answer: Mutex<(u16, String)>,
}

impl World {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Clock for World {
    fn now_us(&self) -> i64 {
        self.now_us.load(Ordering::SeqCst)
    }
}

impl ProviderSecret for World {
    fn read(&self) -> BoxFuture<'_, Result<Option<String>, PortFault>> {
        Box::pin(async { Ok(Some("secret".into())) })
    }
}

impl Outbound for World {
    fn get<'a>(&'a self, url: &'a str, _: &'a [(&'a str, &'a str)]) -> Fetch<'a> {
        Box::pin(async move {
            let path = url.strip_prefix(ISSUER).unwrap_or(url);
            self.asked.lock().unwrap().push(path.to_owned());
            if *self.is_down.lock().unwrap() {
                return Err(OutboundFault::Failed("down".into()));
            }
            let body = match path {
                "/.well-known/openid-configuration" => serde_json::json!({"issuer": ISSUER,
                    "authorization_endpoint": format!("{ISSUER}/authorize"), "jwks_uri": format!("{ISSUER}/keys"),
                    "token_endpoint": format!("{ISSUER}/token")}),
                _ => serde_json::json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "one",
                    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}),
            };
            Ok(Fetched { status: 200, body: body.to_string().into(), max_age_s: None })
        })
    }

    fn post_form<'a>(&'a self, url: &'a str, _: &'a [(&'a str, &'a str)], form: String) -> Fetch<'a> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(url.strip_prefix(ISSUER).unwrap_or(url).to_owned());
            self.forms.lock().unwrap().push(form);
            let (status, body) = self.answer.lock().unwrap().clone();
            Ok(Fetched { status, body: body.into(), max_age_s: None })
        })
    }
}

fn stage() -> (Arc<World>, Arc<Provider>) {
    let world = Arc::new(World { now_us: AtomicI64::new(1_000 * SECOND_US), ..World::default() });
    let settings = Settings { issuer: ISSUER.into(), application_id: "limen".into(), ..Settings::default() };
    let provider = Provider::new(settings, world.clone(), world.clone(), world.clone());
    (world, provider)
}

#[tokio::test]
async fn discovery_is_asked_for_seldom_and_what_was_good_is_kept() {
    let (world, provider) = stage();
    let is_asked = |expected: usize| assert_eq!(world.asked().len(), expected);
    // While nothing is known, the next is asked ten seconds later.
    *world.is_down.lock().unwrap() = true;
    let unknown = provider.discovered().await.unwrap_err();
    assert_eq!(unknown.trouble, Trouble::ProviderUnreachable);
    assert!(unknown.words.contains("down"), "{}", unknown.words);
    assert_eq!(provider.discovered().await.unwrap_err(), unknown);
    is_asked(1);
    *world.is_down.lock().unwrap() = false;
    assert!(provider.discovered().await.is_err());
    world.now_us.fetch_add(10 * SECOND_US, Ordering::SeqCst);
    let together = tokio::join!(provider.discovered(), provider.discovered(), provider.discovered());
    assert!(together.0.is_ok() && together.1.is_ok() && together.2.is_ok());
    is_asked(1);
    world.now_us.fetch_add(3_599 * SECOND_US, Ordering::SeqCst);
    assert!(provider.discovered().await.is_ok());
    is_asked(0);
    *world.is_down.lock().unwrap() = true;
    for (later_s, expected) in [(1, 1), (59, 0), (1, 1)] {
        world.now_us.fetch_add(later_s * SECOND_US, Ordering::SeqCst);
        assert!(provider.discovered().await.is_ok(), "the last good one is kept");
        is_asked(expected);
    }
}

#[tokio::test]
async fn a_browser_that_leaves_leaves_no_fetch_undone() {
    let (world, provider) = stage();
    let left = tokio::time::timeout(std::time::Duration::ZERO, provider.discovered()).await;
    drop(left);
    assert!(provider.discovered().await.is_ok());
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn tokens_of_unknown_keys_cause_one_fetch_a_minute() {
    let (world, provider) = stage();
    let attempt = Attempt::new([1; 32], "/account", 0);
    let at = provider.discovered().await.unwrap();
    // {"alg":"EdDSA","kid":"two"}
    let token = "eyJhbGciOiJFZERTQSIsImtpZCI6InR3byJ9.e30.AAAA";
    *world.answer.lock().unwrap() = (200, serde_json::json!({"id_token": token}).to_string());
    world.asked();
    for (later_s, expected) in [(0, &["/token", "/keys"][..]), (1, &["/token"]), (59, &["/token", "/keys"])] {
        world.now_us.fetch_add(later_s * SECOND_US, Ordering::SeqCst);
        let unknown = provider.person(&at, &attempt, "c", "https://w/cb").await.unwrap_err();
        assert_eq!(unknown.trouble, Trouble::ProviderAnswerInvalid);
        assert!(unknown.words.contains("kid"), "{}", unknown.words);
        assert_eq!(world.asked(), expected);
    }
    assert!(world.forms.lock().unwrap().iter().all(|form| form.contains("code_verifier=") && form.contains("code=c")));
    *world.answer.lock().unwrap() = (400, r#"{"error":"invalid_grant"}"#.into());
    let unknown = provider.person(&at, &attempt, "c", "https://w/cb").await.unwrap_err();
    assert_eq!(unknown.trouble, Trouble::ProviderAnswerInvalid);
    assert!(unknown.words.contains("invalid_grant"));
}
