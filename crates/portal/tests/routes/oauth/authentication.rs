//! Who is taken for which application.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use limen_rules::sign_in::credentials::basic;

use super::desk::{Desk, exchange, refused, secret};

const MISSING: &str = "The required credentials were not supplied.";
const NO_ID: &str = "The required client_id parameter was not provided.";
const INVALID: &str = "The specified credentials were not valid.";
const DISAGREE: &str = "The credentials in the Authorization header and those in the form disagree.";

fn unknown(id: &str) -> String {
    format!("The value specified for the client_id parameter '{id}' was not valid.")
}

#[tokio::test]
async fn every_way_to_show_a_secret() {
    let desk = Desk::new().await;
    let (one, two) = (secret("shop", "one"), secret("shop", "two"));
    let encoded = format!("Basic {}", STANDARD.encode(format!("shop:{}", one.replace('_', "%5F").replace('-', "%2d"))));
    let in_form = format!("&client_id=shop&client_secret={one}");
    let ways = [
        (Some(basic("shop", &one)), String::new()),
        (Some(basic("shop", &two)), String::new()),
        (Some(encoded), String::new()),
        (None, in_form.clone()),
        (Some(basic("shop", &one)), in_form.clone()),
        (Some(basic("shop", &one)), "&client_id=shop".to_owned()),
        (Some("Basic not!base64".to_owned()), in_form.clone()),
        (Some("Bearer abc".to_owned()), in_form.clone()),
    ];
    for (header, body) in ways {
        let code = desk.code("shop", |_| {}).await;
        let headers: Vec<(&str, &str)> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = desk.post("/token", &headers, &format!("{}{body}", exchange(&code))).await;
        assert_eq!(answer.status, 200, "{header:?} {body}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_is_wrong_with_credentials_is_told_to_the_letter() {
    let desk = Desk::new().await;
    let one = secret("shop", "one");
    let cut = &one[..one.len() - 1];
    let other = secret("till", "one");
    let cases: [(Option<String>, String, u16, &str, String); 14] = [
        (None, String::new(), 401, "invalid_client", MISSING.into()),
        (None, "client_id=shop".into(), 401, "invalid_client", MISSING.into()),
        (Some("Basic ".into()), String::new(), 401, "invalid_client", MISSING.into()),
        (None, format!("client_secret={one}"), 401, "invalid_client", NO_ID.into()),
        (Some(basic("", &one)), String::new(), 401, "invalid_client", NO_ID.into()),
        (Some("Basic ???".into()), String::new(), 401, "invalid_client", INVALID.into()),
        (Some(basic("shop", cut)), String::new(), 401, "invalid_client", INVALID.into()),
        (Some(basic("shop", &other)), String::new(), 401, "invalid_client", INVALID.into()),
        (None, format!("client_id=spa&client_secret={one}"), 401, "invalid_client", INVALID.into()),
        (None, format!("client_id=nobody&client_secret={one}"), 401, "invalid_client", unknown("nobody")),
        (None, "client_id=%3Cb%3E".into(), 401, "invalid_client", unknown("<b>")),
        (Some(basic("retired", &secret("retired", "one"))), String::new(), 401, "invalid_client", unknown("retired")),
        (Some(basic("shop", &one)), "client_id=till".into(), 400, "invalid_request", DISAGREE.into()),
        (
            Some(basic("shop", &one)),
            format!("client_id=shop&client_secret={}", secret("shop", "two")),
            400,
            "invalid_request",
            DISAGREE.into(),
        ),
    ];
    for (header, body, status, error, description) in cases {
        let headers: Vec<(&str, &str)> = header.iter().map(|value| ("authorization", value.as_str())).collect();
        let answer = desk.post("/token", &headers, &format!("grant_type=client_credentials&{body}")).await;
        refused(&answer, status, error, &description);
        let challenged = answer.header("www-authenticate");
        if status == 401 && header.is_some() {
            assert!(challenged.starts_with("Basic realm=\""), "{header:?}: {challenged}");
        } else {
            assert_eq!(challenged, "", "{header:?} {body}");
        }
    }
}

#[tokio::test]
async fn a_long_id_is_cut() {
    let desk = Desk::new().await;
    let answer = desk.post("/token", &[], &format!("client_id={}&client_secret=s", "x".repeat(201))).await;
    refused(&answer, 401, "invalid_client", &unknown(&format!("{}...", "x".repeat(200))));
}

#[tokio::test]
async fn wrong_secrets_wait_and_the_right_one_never_does() {
    let desk = Desk::new().await;
    let wrong = basic("shop", "wrong");
    let form = "grant_type=client_credentials&environment_id=archive";
    for _ in 0..10 {
        refused(&desk.post("/token", &[("authorization", &wrong)], form).await, 401, "invalid_client", INVALID);
    }
    let answer = desk.post("/token", &[("authorization", &wrong)], form).await;
    refused(&answer, 429, "invalid_client", "Too many attempts with wrong credentials. Wait a little and try again.");
    assert_eq!(answer.header("retry-after"), "900");
    assert_eq!(desk.token(form).await.status, 200);
    let other = basic("till", "wrong");
    refused(&desk.post("/token", &[("authorization", &other)], form).await, 401, "invalid_client", INVALID);
    desk.house.pass_time_s(900);
    refused(&desk.post("/token", &[("authorization", &wrong)], form).await, 401, "invalid_client", INVALID);
}
