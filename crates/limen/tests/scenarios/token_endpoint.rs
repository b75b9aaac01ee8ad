//! Tokens as applications get them and give them back: the endpoints of the authorization server on the real binary,
//! and what the gateway makes of what they gave.

mod attacks;
mod desk;

use std::time::Duration;

use limen_testbed::{Answer, eventually_within};
use serde_json::{Value, json};

use desk::{BACK, Desk, SPA_BACK, VERIFIER, encoded};

#[test]
fn a_code_becomes_tokens_that_calls_are_decided_on() {
    let desk = Desk::new();
    let answer = desk.exchange("shop", &desk.code("shop"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers_named("cache-control"), ["no-store"]);
    assert_eq!(answer.headers_named("pragma"), ["no-cache"]);
    let given = answer.json();
    let names: Vec<&str> = given.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names.len(), 14, "{given:#}");
    let told = ["user_id", "email", "given_name", "family_name", "environment_id", "legal_entity_id", "mode"];
    let expected = ["frida", "frida@museum.example", "Frida", "Kahlo", "museum", "le-7", "Full"];
    for (name, value) in told.iter().zip(expected) {
        assert_eq!(given[name], value, "{name}");
    }
    let called = desk.call(&given);
    assert_eq!(called.status, 200, "{called:?}");
    let seen = desk.service.requests().pop().unwrap();
    assert_eq!(seen.header("limen-user"), Some("frida"));
    assert_eq!(seen.header("limen-application"), Some("shop"));
    assert_eq!(seen.header("limen-environment"), Some("museum"));
    let next = desk.refresh("shop", &given);
    assert_eq!(next.status, 200, "{next:?}");
    assert_eq!(desk.call(&next.json()).status, 200);
}

#[test]
fn what_an_application_gives_back_is_refused_on_the_next_call() {
    let desk = Desk::new();
    for kind in ["access_token", "refresh_token"] {
        let given = desk.signed_in("shop");
        assert_eq!(desk.call(&given).status, 200);
        let active = desk.introspect("shop", &given, "access_token");
        assert_eq!(
            (&active["active"], &active["client_id"], &active["sub"]),
            (&json!(true), &json!("shop"), &json!("frida"))
        );
        let answer = desk.form("/revoke", &desk.basic("shop"), &format!("token={}", encoded(&given[kind])));
        assert_eq!((answer.status, answer.text()), (200, "{}".to_owned()));
        let refused = desk.call(&given);
        assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("token-invalid")), "{kind}");
        assert_eq!(desk.introspect("shop", &given, "access_token"), json!({"active": false}));
        assert_eq!(desk.introspect("shop", &given, "refresh_token"), json!({"active": false}));
        desk.refused(&desk.refresh("shop", &given), 400, "invalid_grant", "refresh-token-invalid");
    }
}

#[test]
fn an_application_that_acts_for_itself() {
    let desk = Desk::new();
    let answer = desk.form("/token", &desk.basic("shop"), "grant_type=client_credentials");
    assert_eq!(answer.status, 200, "{answer:?}");
    let given = answer.json();
    for name in ["refresh_token", "refresh_token_expires_in", "user_id", "email", "family_name", "given_name"] {
        assert_eq!(given[name], Value::Null, "{name}");
    }
    let told = desk.introspect("shop", &given, "access_token");
    assert_eq!((&told["sub"], &told["environment_id"]), (&json!("application:shop"), &json!("archive")));
    assert_eq!(desk.call(&given).status, 200);
    let seen = desk.service.requests().pop().unwrap();
    assert_eq!((seen.header("limen-user"), seen.header("limen-application")), (None, Some("shop")));
    let spa = desk.form("/token", &[], "grant_type=client_credentials&client_id=spa");
    desk.refused(&spa, 400, "unauthorized_client", "own-access-refused");
    let till = desk.form("/token", &desk.basic("till"), "grant_type=client_credentials");
    desk.refused(&till, 400, "unauthorized_client", "own-access-refused");
}

#[test]
fn a_public_application_with_pkce_from_a_page() {
    let desk = Desk::new();
    let origin = ("Origin", "https://spa.example");
    let preflight = desk.limen.pages().call(
        "OPTIONS",
        "/token",
        &[origin, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")],
        None,
    );
    assert_eq!(preflight.status, 200, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), Some(origin.1));
    let form = |code: &str, verifier: &str| {
        format!(
            "grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={}&code_verifier={verifier}",
            encoded(&json!(SPA_BACK))
        )
    };
    let code = desk.code("spa");
    let wrong = desk.form("/token", &[origin], &form(&code, &VERIFIER.replace('d', "e")));
    desk.refused(&wrong, 400, "invalid_grant", "code-verifier-invalid");
    let answer = desk.form("/token", &[origin], &form(&code, VERIFIER));
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(origin.1)), "{answer:?}");
    let given = answer.json();
    assert_eq!(given["refresh_token_expires_in"], 2_592_000);
    assert_eq!(desk.call(&given).status, 200);
    let refresh = format!("grant_type=refresh_token&client_id=spa&refresh_token={}", encoded(&given["refresh_token"]));
    assert_eq!(desk.form("/token", &[], &refresh).status, 200);
    desk.refused(&desk.form("/token", &[], &refresh), 400, "invalid_grant", "refresh-token-reused");
    let evil = desk.form("/token", &[("Origin", "https://evil.example")], &refresh);
    assert_eq!(evil.header("access-control-allow-origin"), None);
}

#[test]
fn of_many_exchanges_at_once_one_wins_and_of_many_refreshes_all_get_one_answer() {
    let desk = Desk::new();
    let code = desk.code("shop");
    let answers = desk.at_once(50, |desk| desk.exchange("shop", &code));
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        desk.refused(lost, 400, "invalid_grant", "code-invalid");
    }
    let given = won[0].json();
    let answers = desk.at_once(50, |desk| desk.refresh("shop", &given));
    let bodies: std::collections::HashSet<String> = answers.iter().map(Answer::text).collect();
    assert!(answers.iter().all(|answer| answer.status == 200) && bodies.len() == 1, "{answers:?}");
    assert_eq!(desk.refresh("shop", &answers[0].json()).status, 200);
}

#[test]
fn a_code_that_comes_again_late_ends_what_it_gave() {
    let desk = Desk::new();
    let code = desk.code("shop");
    let given = desk.exchange("shop", &code).json();
    desk.refused(&desk.exchange("shop", &code), 400, "invalid_grant", "code-invalid");
    assert_eq!(desk.call(&given).status, 200, "a quick repeat ends nothing");
    crate::stage::wait(6);
    desk.refused(&desk.exchange("shop", &code), 400, "invalid_grant", "code-invalid");
    let ended = || Some(desk.call(&given)).filter(|answer| answer.status == 401);
    eventually_within(Duration::from_secs(5), "the tokens of a code that came twice end", ended);
    desk.refused(&desk.refresh("shop", &given), 400, "invalid_grant", "refresh-token-invalid");
}

#[test]
fn a_refresh_token_is_kept_where_that_is_asked_for() {
    let desk = Desk::new();
    let given = desk.signed_in("shop");
    for flag in ["true", "True"] {
        let form = format!(
            "grant_type=refresh_token&preserve_refresh_token={flag}&refresh_token={}",
            encoded(&given["refresh_token"])
        );
        let kept = desk.form("/token", &desk.basic("shop"), &form);
        assert_eq!((kept.status, &kept.json()["refresh_token"]), (200, &given["refresh_token"]));
        assert_eq!(desk.call(&kept.json()).status, 200);
    }
}

/// The issuer in tokens, the one in the metadata and the address that they are served under are one, also after a start
/// on other ports; what was given before stays good.
#[test]
fn the_issuer_is_the_address_of_its_metadata() {
    let mut desk = Desk::new();
    let given = desk.signed_in("shop");
    let issuer = |desk: &Desk| {
        let web = format!("http://{}", desk.limen.web());
        let metadata = desk.limen.pages().get("/.well-known/oauth-authorization-server", &[]).json();
        assert_eq!(metadata["issuer"], web);
        for name in
            ["authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint"]
        {
            assert!(metadata[name].as_str().unwrap().starts_with(&web), "{name}");
        }
        let keys = metadata["jwks_uri"].as_str().unwrap().strip_prefix(&web).unwrap().to_owned();
        assert_eq!(desk.limen.pages().get(&keys, &[]).status, 200);
        web
    };
    let first = issuer(&desk);
    assert_eq!(desk.introspect("shop", &given, "access_token")["iss"], first);
    desk.limen.restart();
    let second = issuer(&desk);
    assert_ne!(first, second, "a new port was drawn");
    assert_eq!(desk.call(&given).status, 200);
    let next = desk.refresh("shop", &given).json();
    assert_eq!(desk.introspect("shop", &next, "access_token")["iss"], second);
    assert_eq!(desk.introspect("shop", &given, "access_token")["iss"], first);
}

#[test]
fn requests_for_tokens_are_explained() {
    let desk = Desk::new();
    let code = desk.code("shop");
    let answer = desk.exchange("till", &code);
    desk.refused(&answer, 400, "invalid_grant", "code-invalid");
    let id = answer.header("x-request-id").unwrap();
    let told = desk.limen.command(&["explain", id]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for words in ["POST /token was answered 400 code-invalid", "application till", "It was given to application shop."]
    {
        assert!(told.stdout.contains(words), "{words}: {}", told.stdout);
    }
    let given = desk.exchange("shop", &code).json();
    let logged = desk.limen.stderr();
    for secret in
        [&code, given["access_token"].as_str().unwrap(), given["refresh_token"].as_str().unwrap(), "limen_app_"]
    {
        assert!(!told.stdout.contains(secret) && !logged.contains(secret), "{secret} in {logged}");
    }
}

#[test]
fn what_is_no_form_or_too_large() {
    let desk = Desk::new();
    let answer = desk.limen.pages().post("/token", &desk.basic("shop"), "{\"grant_type\":\"client_credentials\"}");
    desk.refused(&answer, 400, "invalid_request", "not-a-form");
    let large = format!("grant_type=client_credentials&x={}", "y".repeat(64 << 10));
    desk.refused(&desk.form("/token", &desk.basic("shop"), &large), 400, "invalid_request", "not-a-form");
    let address = format!("/token?grant_type=client_credentials&client_id=shop&client_secret={}", desk::secret("shop"));
    desk.refused(&desk.form(&address, &[], ""), 401, "invalid_client", "credentials-missing");
    for path in ["/token", "/revoke", "/introspect"] {
        let answer = desk.limen.pages().get(path, &[]);
        desk.refused(&answer, 405, "invalid_request", "form-not-posted");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let back = encoded(&json!(BACK));
    let repeated = format!("grant_type=authorization_code&code=a&code=b&redirect_uri={back}");
    desk.refused(
        &desk.form("/token", &desk.basic("shop"), &repeated),
        400,
        "invalid_request",
        "form-parameter-repeated",
    );
}

#[test]
fn wrong_secrets_from_one_network_wait_and_nobody_else_does() {
    let desk = Desk::new();
    let wrong = limen_rules::sign_in::credentials::basic("shop", "guessed");
    let wrong = [("Authorization", wrong.as_str())];
    for _ in 0..10 {
        let answer = desk.form("/token", &wrong, "grant_type=client_credentials");
        desk.refused(&answer, 401, "invalid_client", "credentials-invalid");
        assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Basic realm=")));
    }
    let answer = desk.form("/token", &wrong, "grant_type=client_credentials");
    desk.refused(&answer, 429, "invalid_client", "attempts-exhausted");
    assert!(crate::stage::retry_after_s(&answer) <= 900);
    assert_eq!(desk.form("/token", &desk.basic("shop"), "grant_type=client_credentials").status, 200);
    // From another network the count is another.
    let mut other = desk.limen.pages().try_open_from("127.9.9.9".parse().unwrap()).expect("a connection");
    let headers = [wrong[0], ("Content-Type", desk::FORM)];
    let answer = other.try_call("POST", "/token", &headers, Some(b"grant_type=client_credentials")).expect("an answer");
    desk.refused(&answer, 401, "invalid_client", "credentials-invalid");
}
