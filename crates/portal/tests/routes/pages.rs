//! What a reader's browser gets from the web address.

use axum::body::Body;
use axum::http::{Method, Request};
use limen_rules::contract::Cause;
use limen_rules::sign_in::trouble::Trouble;
use limen_store::SigningKey;
use serde_json::json;

use crate::house::{CALL, House, NOW_US, ask};

/// Text as askama writes it into a page.
fn escaped(text: &str) -> String {
    text.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;").replace('\'', "&#39;")
}

#[tokio::test]
async fn every_cause_has_a_page_that_mends_it() {
    let house = House::new().await;
    let list = house.page("/errors").await;
    assert_eq!(list.status, 200);
    for cause in Cause::ALL {
        let entry = cause.entry();
        assert!(list.text.contains(&format!("href=\"/errors/{}\"", entry.code)), "{}", entry.code);
        let page = house.page(&format!("/errors/{}", entry.code)).await;
        assert_eq!(page.status, 200, "{}", entry.code);
        for words in [entry.title, entry.meaning, entry.why, entry.mend, entry.message, entry.code] {
            assert!(page.text.contains(&escaped(words)), "{}: {words}", entry.code);
        }
        assert!(page.text.contains(&format!("HTTP/1.1 {} ", entry.status)));
    }
}

#[tokio::test]
async fn an_unknown_code_is_a_404_that_helps() {
    let house = House::new().await;
    let page = house.page("/errors/subscription-key-expired").await;
    assert_eq!(page.status, 404);
    assert!(page.text.contains("href=\"/errors/subscription-key-invalid\""), "{}", page.text);
    let page = house.page("/errors/415").await;
    assert!(page.status == 404 && page.text.contains("href=\"/errors/media-type-unsupported\""));
    let page = house.page("/errors/%3Cscript%3E").await;
    assert!(page.text.contains("&#60;script&#62;") && !page.text.contains("<script"));
}

#[tokio::test]
async fn authentication_issues_stand_on_one_page_with_anchors() {
    let house = House::new().await;
    let page = house.page("/authentication-issues").await;
    assert_eq!(page.status, 200);
    for cause in Cause::ALL {
        let about = cause.status() == 401 || ["permission-denied", "application-mismatch"].contains(&cause.code());
        assert_eq!(page.text.contains(&format!("<article id=\"{}\">", cause.code())), about, "{}", cause.code());
        assert!(!about || page.text.contains(&escaped(cause.entry().mend)));
    }
    assert!(page.text.contains("WWW-Authenticate: AzureApiManagementKey"));
    for trouble in Trouble::ALL {
        let entry = trouble.entry();
        assert_eq!(page.text.matches(&format!("<article id=\"{}\">", entry.code)).count(), 1, "{}", entry.code);
        assert_eq!(page.text.matches(&format!("<a href=\"#{}\">", entry.code)).count(), 1, "{}", entry.code);
        assert!(page.text.contains(&escaped(entry.why)) && page.text.contains(&escaped(entry.mend)), "{}", entry.code);
    }
    assert!(page.text.contains("http://web.example/authentication-issues#code-invalid"));
}

#[tokio::test]
async fn every_answer_carries_the_guarding_headers() {
    let house = House::furnished().await;
    let stylesheet = style_href(&house.page("/").await.text);
    for path in ["/", "/errors/unexpected", "/nothing", "/healthz", "/readyz", "/.well-known/jwks.json", &stylesheet] {
        let answer = house.page(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
        assert!(!answer.text.contains("<script") && !answer.text.contains(" style="), "{path}");
    }
}

fn style_href(page: &str) -> String {
    let rest = page.split_once("rel=\"stylesheet\" href=\"").unwrap().1;
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_stylesheet_is_kept_for_good_at_the_address_that_pages_name() {
    let house = House::new().await;
    let kept = house.page(&style_href(&house.page("/errors").await.text)).await;
    assert!(kept.status == 200 && kept.text.contains("prefers-color-scheme: dark"));
    assert_eq!(kept.header("content-type"), "text/css; charset=utf-8");
    assert!(kept.header("cache-control").contains("immutable"));
    assert_eq!(house.page("/style.css").await.header("cache-control"), "no-cache");
    assert_eq!(house.page("/style.css?v=0").await.header("cache-control"), "no-cache");
}

#[tokio::test]
async fn the_index_names_public_apis_only() {
    let house = House::furnished().await;
    let page = house.page("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Constituents &#60;b&#62;"));
    assert!(page.text.contains("http://gateway.example/constituent/v1"));
    assert!(page.text.contains("a subscription key and an access token"));
    assert!(!page.text.contains("Ledger") && !page.text.contains("/ledger"));
}

#[tokio::test]
async fn a_hostile_notice_is_shown_and_does_nothing() {
    let house = House::furnished().await;
    let hostile = "<script>alert('x')</script> & \"more\"";
    let notice = json!({"kind": "incident", "title": hostile, "message": hostile, "closes": true});
    let id = house.done("/v1/notices", notice).await["id"].as_str().unwrap().to_owned();
    house.pass_time_s(60);
    house.done(&format!("/v1/notices/{id}/update"), json!({"message": hostile})).await;
    for path in ["/issues".to_owned(), format!("/issues/{id}")] {
        let page = house.page(&path).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains(&escaped(hostile)), "{}", page.text);
        assert!(!page.text.contains("<script"));
    }
    let page = house.page(&format!("/issues/{id}")).await.text;
    assert!(page.contains("Under way") && page.contains("All APIs") && page.contains("are answered 503"));
    assert!(page.contains("<time datetime=\"2026-03-01T10:00:00Z\">1 March 2026, 10:00 UTC</time>"));
    assert!(page.contains("<time datetime=\"2026-03-01T10:01:00Z\">"));
}

#[tokio::test]
async fn notices_about_private_or_removed_apis_are_not_told() {
    let house = House::furnished().await;
    let about = |api: &str| json!({"kind": "incident", "title": "Hush", "message": "", "api": api, "closes": false});
    let private = house.done("/v1/notices", about("ledger")).await["id"].as_str().unwrap().to_owned();
    let public = house.done("/v1/notices", about("constituent")).await["id"].as_str().unwrap().to_owned();
    let hidden = house.page(&format!("/issues/{private}")).await;
    let unknown = house.page("/issues/n99").await;
    assert_eq!((hidden.status.as_u16(), unknown.status.as_u16()), (404, 404));
    assert_eq!(hidden.text.replace(&private, "n99"), unknown.text);
    assert_eq!(house.page(&format!("/issues/{public}")).await.status, 200);
    assert_eq!(house.page("/issues").await.text.matches("Hush").count(), 1);
    assert_eq!(house.delete("/v1/apis/constituent").await.status, 200);
    assert_eq!(house.page(&format!("/issues/{public}")).await.status, 404);
}

#[tokio::test]
async fn issues_move_from_planned_to_resolved_and_leave_the_list_after_a_month() {
    let house = House::furnished().await;
    let hour_us = 3_600_000_000_i64;
    let notice = json!({
        "kind": "maintenance", "title": "Moving house", "message": "The records move.", "api": "constituent",
        "operation": "list", "closes": true, "begins_at_us": NOW_US + hour_us, "ends_at_us": NOW_US + 2 * hour_us
    });
    let id = house.done("/v1/notices", notice).await["id"].as_str().unwrap().to_owned();
    let path = format!("/issues/{id}");
    let page = house.page(&path).await.text;
    assert!(page.contains(">Planned<") && page.contains("Maintenance") && page.contains("operation list"), "{page}");
    assert!(house.page("/issues").await.text.contains("<h2>Planned</h2>"));
    house.pass_time_s(3_600);
    assert!(house.page(&path).await.text.contains(">Under way<"));
    assert!(house.page("/").await.text.contains("1 under way"));
    house.pass_time_s(3_600);
    assert!(house.page(&path).await.text.contains(">Resolved<"));
    assert!(house.page("/issues").await.text.contains("Moving house"));
    house.pass_time_s(31 * 86_400);
    assert!(!house.page("/issues").await.text.contains("Moving house"));
    assert_eq!(house.page(&path).await.status, 200);
}

#[tokio::test]
async fn support_shows_an_id_and_nothing_else_that_is_told() {
    let house = House::new().await;
    let page = house.page(&format!("/support?id={CALL}")).await;
    assert!(page.status == 200 && page.text.contains(&format!("<code>{CALL}</code>")));
    for wrong in ["%3Cscript%3E", "4bf92f", "4bf92f3577b34da6a3ce929d0e0e473g", "%22onload%3D"] {
        let page = house.page(&format!("/support?id={wrong}")).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text.contains("Not an id") && !page.text.contains("onload") && !page.text.contains("473g"),
            "{wrong}"
        );
    }
    assert!(!house.page("/support").await.text.contains("Not an id"));
    assert_eq!(house.page(&format!("/support?id={CALL}&id={CALL}")).await.status, 400);
}

#[tokio::test]
async fn the_keys_that_verify_are_published_while_they_are_trusted() {
    let house = House::new().await;
    let key = |kid: &str, first: u8| SigningKey {
        kid: kid.into(),
        public_point: std::iter::once(first).chain([7; 64]).collect(),
        private_sealed: b"never told".to_vec(),
        created_at_us: NOW_US,
        signs_from_us: NOW_US,
        trusted_until_us: None,
    };
    house.store.insert_signing_key(&key("k1", 4), None, NOW_US).await.unwrap();
    house.store.insert_signing_key(&key("k2", 4), Some(NOW_US + 60_000_000), NOW_US).await.unwrap();
    house.store.insert_signing_key(&key("broken", 2), None, NOW_US).await.unwrap();
    let kids = |answer: &serde_json::Value| -> Vec<String> {
        answer["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let answer = house.page("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let set = answer.json();
    assert_eq!(kids(&set), ["k1", "k2"]);
    let seven = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
    assert_eq!(
        set["keys"][0],
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k1", "x": seven, "y": seven})
    );
    house.pass_time_s(60);
    assert_eq!(kids(&house.page("/.well-known/jwks.json").await.json()), ["k2"]);
}

#[tokio::test]
async fn the_probes_tell_life_and_readiness_apart() {
    let house = House::new().await;
    let health = house.page("/healthz").await;
    assert_eq!((health.status.as_u16(), health.text.as_str()), (200, "ok\n"));
    let ready = house.page("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!((&ready.json()["snapshot_age_ms"], &ready.json()["ready"]), (&json!(12), &json!(true)));
    house.stage.snapshot_age_ms.store(900_001, std::sync::atomic::Ordering::SeqCst);
    let stale = house.page("/readyz").await;
    assert_eq!((stale.status.as_u16(), &stale.json()["ready"]), (503, &json!(false)));
}

#[tokio::test]
async fn trouble_is_a_page_or_json_as_was_asked() {
    let house = House::new().await;
    let page = house.page("/no/such/page").await;
    assert!(page.status == 404 && page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("/no/such/page"));
    let json = house.page_for("/no/such/page", "application/json").await;
    assert_eq!((json.status.as_u16(), json.header("content-type")), (404, "application/json"));
    assert_eq!(json.json()["statusCode"], 404);
    let problem = house.page_for("/issues/n1", "application/problem+json").await;
    assert_eq!((problem.status.as_u16(), problem.header("content-type")), (404, "application/problem+json"));
    let post = Request::builder().method(Method::POST).uri("/issues").body(Body::empty()).unwrap();
    let post = ask(&house.web, post).await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET,HEAD"));
    let head = Request::builder().method(Method::HEAD).uri("/errors").body(Body::empty()).unwrap();
    let head = ask(&house.web, head).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(house.page("/errors/%FF").await.status, 400);
}

#[tokio::test]
async fn a_store_that_is_gone_is_a_503_without_its_words() {
    let house = House::furnished().await;
    house.store.close().await.unwrap();
    for path in ["/", "/issues", "/issues/n1", "/.well-known/jwks.json"] {
        let page = house.page(path).await;
        assert_eq!((page.status.as_u16(), page.header("retry-after")), (503, "10"), "{path}");
        assert!(!page.text.contains("pool") && !page.text.contains("sql"), "{path}");
    }
    assert_eq!(house.page("/errors/unexpected").await.status, 200);
    let admin = house.get("/v1/status").await;
    assert_eq!(admin.status, 500);
    assert!(admin.json()["error"]["mend"].as_str().unwrap().contains("log"));
}
