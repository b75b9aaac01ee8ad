//! Whose a token is, when keys are asked for, where they are, and what an issuer answers.

use proptest::prelude::*;
use serde_json::json;

use super::introspection::{question, read};
use super::*;
use crate::record::Directory;
use crate::snapshot::Snapshot;
use crate::token::Issuer;

fn token(payload: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", encode(r#"{"alg":"ES256"}"#), encode(payload), encode("s"))
}

#[test]
fn a_token_is_shown_to_the_issuer_that_it_names_and_to_nobody_else() {
    let asked = json!({"url": "https://o/i", "application_id": "l", "secret_file": "s"});
    let declared = json!({"issuers": [
        {"name": "s", "issuer": "https://s", "environments": [], "apis": ["a", "b"]},
        {"name": "o", "issuer": "https://o", "form": "opaque", "environments": [], "apis": ["a", "c"], "introspection": asked},
        {"name": "p", "issuer": "https://p", "form": "opaque", "environments": [], "apis": ["c"], "introspection": asked}]});
    let declared = serde_json::from_value(declared).unwrap();
    let ours = Issuer { issuer: "https://limen".into(), audience: "a".into(), earlier: vec!["https://before".into()] };
    let snapshot = Snapshot::new(1, &Directory { declared, ..Directory::default() }, ours);
    let is = |api: &str, token: &str| match whose(&snapshot.catalog, api, token) {
        Whose::Ours => "ours".to_owned(),
        Whose::Signed(issuer) => format!("signed {}", issuer.settings.name),
        Whose::Opaque(issuer) => format!("opaque {}", issuer.settings.name),
    };
    for (api, text, expected) in [
        ("a", token(r#"{"iss":"https://s"}"#), "signed s"),
        ("a", token(r#"{"iss":"https://o"}"#), "opaque o"),
        ("a", token(r#"{"iss":"https://limen"}"#), "ours"),
        ("a", token(r#"{"iss":"https://before"}"#), "ours"),
        ("a", token(r#"{"iss":"https://s/"}"#), "ours"),
        ("a", token(r#"{"iss":"HTTPS://S"}"#), "ours"),
        ("a", token(r#"{"iss":["https://s"]}"#), "ours"),
        ("a", token(r#"{"sub":"x"}"#), "opaque o"),
        ("b", token(r#"{"iss":"https://s"}"#), "signed s"),
        ("b", token(r#"{"iss":"https://o"}"#), "ours"),
        ("b", "2YotnFZFEjr1zCsicMWpAA".into(), "ours"),
        ("c", token(r#"{"iss":"https://s"}"#), "ours"),
        // Of two that might have issued it neither is asked.
        ("c", "2YotnFZFEjr1zCsicMWpAA".into(), "ours"),
        ("a", "2YotnFZFEjr1zCsicMWpAA".into(), "opaque o"),
        ("a", "a.b".into(), "opaque o"),
        ("a", "a.b.c".into(), "opaque o"),
        // Our own secrets, taken for a token by mistake, go to nobody.
        ("a", "limen_rt_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8".into(), "ours"),
        ("a", "limen_sub_x".into(), "ours"),
        ("a", "x".repeat(FOREIGN_TOKEN_MAX_BYTES + 1), "ours"),
        ("d", token(r#"{"iss":"https://s"}"#), "ours"),
    ] {
        assert_eq!(is(api, &text), expected, "{api} {text}");
    }
}

const MINUTE_US: u64 = 60_000_000;

#[test]
fn keys_are_asked_for_when_they_are_due() {
    let mut fetches = KeyFetches::default();
    assert_eq!(fetches.due_at_us(), Some(0));
    assert!(fetches.begin(5) && !fetches.begin(5) && fetches.due_at_us().is_none());
    fetches.succeeded(6, None);
    assert_eq!(fetches.due_at_us(), Some(6 + 15 * MINUTE_US));
    fetches.want();
    assert_eq!(fetches.due_at_us(), Some(5 + MINUTE_US), "at most once a minute");
    assert!(!fetches.begin(5 + MINUTE_US - 1) && fetches.begin(5 + MINUTE_US));
    fetches.succeeded(5 + MINUTE_US, Some(0));
    assert_eq!(fetches.due_at_us(), Some(5 + 2 * MINUTE_US), "not less than a minute");
    assert!(fetches.begin(5 + 2 * MINUTE_US));
    fetches.succeeded(5 + 2 * MINUTE_US, Some(u64::MAX));
    assert_eq!(fetches.due_at_us(), Some(5 + 2 * MINUTE_US + 24 * 60 * MINUTE_US));
}

#[test]
fn what_fails_is_tried_ever_more_seldom_while_there_are_keys() {
    let mut none = KeyFetches::default();
    for minute in 0..20 {
        assert!(none.begin(minute * MINUTE_US), "each minute while there are none");
        assert_eq!(none.failed(), minute == 0, "told once");
    }
    let mut some = KeyFetches::default();
    assert!(some.begin(0));
    some.succeeded(0, Some(60));
    let mut now_us = some.due_at_us().unwrap();
    for pause in [1, 2, 4, 8, 15, 15, 15] {
        assert!(some.begin(now_us));
        some.failed();
        assert_eq!(some.due_at_us(), Some(now_us + pause * MINUTE_US));
        now_us += pause * MINUTE_US;
    }
    some.want();
    assert_eq!(some.due_at_us(), Some(now_us - 14 * MINUTE_US));
}

proptest! {
    /// Whatever callers bring and the issuer answers, a minute lies between two fetches, where no other pause was told.
    #[test]
    fn never_more_than_once_a_minute(steps in prop::collection::vec((0_u8..5, 0_u64..MINUTE_US), 0..200)) {
        let (mut fetches, mut now_us, mut last_us) = (KeyFetches::default(), 0, None);
        for (step, after_us) in steps {
            now_us += after_us;
            match step {
                0 => fetches.want(),
                1 => fetches.succeeded(now_us, Some(after_us)),
                2 => { fetches.failed(); }
                _ => if fetches.begin(now_us) {
                    prop_assert!(last_us.is_none_or(|last_us| now_us - last_us >= MINUTE_US));
                    last_us = Some(now_us);
                }
            }
        }
    }
}

#[test]
fn documents_lead_to_keys() {
    assert_eq!(
        metadata_urls("https://id.example.org/realm/one"),
        [
            "https://id.example.org/realm/one/.well-known/openid-configuration",
            "https://id.example.org/.well-known/oauth-authorization-server/realm/one"
        ]
    );
    assert_eq!(
        metadata_urls("https://id.example.org/")[1],
        "https://id.example.org/.well-known/oauth-authorization-server"
    );
    let read = |issuer: &str, document: serde_json::Value| keys_url(document.to_string().as_bytes(), issuer);
    let keys = "https://elsewhere.example/keys";
    assert_eq!(read("https://i", json!({"issuer": "https://i", "jwks_uri": keys})), Ok(keys.to_owned()));
    for (issuer, document, words) in [
        ("https://i", json!({"issuer": "https://i/", "jwks_uri": keys}), "another issuer"),
        ("https://i", json!({"jwks_uri": keys}), "can't be read"),
        ("https://i", json!({"issuer": "https://i"}), "names no jwks_uri"),
        ("https://i", json!({"issuer": "https://i", "jwks_uri": "http://i/keys"}), "no address"),
        ("https://i", json!({"issuer": "https://i", "jwks_uri": "file:///etc/passwd"}), "no address"),
        ("https://i", json!({"issuer": "https://i", "jwks_uri": "https://u:p@i/keys"}), "no address"),
    ] {
        let told = read(issuer, document.clone()).unwrap_err();
        assert!(told.contains(words), "{document}: {told}");
    }
    assert!(read("http://i", json!({"issuer": "http://i", "jwks_uri": "http://i/keys"})).is_ok());
}

#[test]
fn questions_and_answers_about_tokens() {
    let (form, authorization) = question("li men", "s:€cret=", "a.b+c");
    assert_eq!(form, "token=a.b%2Bc&token_type_hint=access_token");
    use base64::engine::general_purpose::STANDARD;
    assert_eq!(authorization, format!("Basic {}", STANDARD.encode("li%20men:s%3A%E2%82%ACcret%3D")));
    assert_eq!(read(200, br#"{"active":true,"sub":"u"}"#).unwrap().unwrap().get("sub"), Some(&json!("u")));
    assert_eq!(read(200, br#"{"active":false,"sub":"u"}"#).unwrap(), None);
    for (status, body, words) in [
        (200, r#"{"active":"true"}"#, "does not say"),
        (200, r#"{"active":1}"#, "does not say"),
        (200, "{}", "does not say"),
        (200, "[]", "none of RFC 7662"),
        (200, r#"{"active":false,"active":true}"#, "none of RFC 7662"),
        (401, "", "application_id and secret_file"),
        (302, r#"{"active":true}"#, "answered 302"),
        (503, "", "answered 503"),
    ] {
        let told = read(status, body.as_bytes()).unwrap_err();
        assert!(told.contains(words), "{status} {body}: {told}");
    }
    let large = format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(70_000));
    assert!(read(200, large.as_bytes()).unwrap_err().contains("larger"));
}
