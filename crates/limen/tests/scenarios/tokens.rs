//! Access tokens: issued, revoked, signed anew, forged; who they stand for is looked at on every call.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_testbed::{Answer, Settings, eventually_within};
use serde_json::{Value, json};

use crate::stage::{KEY, Stage, TOKEN};

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// A token with this head and these claims, signed by `sign`.
fn forged(head: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", text(head), text(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn foreign_key() -> EcdsaKeyPair {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).expect("a key")
}

fn call(stage: &Stage, token: &str) -> Answer {
    stage.http().get("/tokened/items", &[("Authorization", &format!("Bearer {token}"))])
}

/// A change acts within a second, also on a token that was good a moment ago.
#[track_caller]
fn soon_refused(stage: &Stage, token: &str, what: &str) {
    let refused = || Some(call(stage, token)).filter(|answer| answer.status != 200);
    let answer = eventually_within(Duration::from_secs(1), what, refused);
    stage.refused(&answer, 401, "token-invalid", TOKEN);
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
}

#[test]
fn a_token_is_issued_and_revoked() {
    let stage = Stage::new();
    let issue = |user: &str| stage.limen.json(&["token", "issue", "--user", user, "--application", "ada-app"]);
    let issued = issue("rea");
    let token = issued["access_token"].as_str().unwrap();
    assert_eq!((&issued["token_type"], &issued["expires_in_s"]), (&json!("Bearer"), &json!(3_600)));
    let head = part(token, 0);
    assert_eq!((&head["alg"], &head["typ"]), (&json!("ES256"), &json!("at+jwt")));
    let claims = part(token, 1);
    assert_eq!(claims["iss"], format!("http://{}", stage.limen.web()));
    assert_eq!(claims["aud"], stage.gateway_url());
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("rea"), &json!("ada-app")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
    assert!(claims["jti"].is_string());

    let (second, other) = (issue("rea"), issue("wes"));
    let text = |issued: &Value| issued["access_token"].as_str().unwrap().to_owned();
    for issued in [&issued, &second, &other] {
        assert_eq!(call(&stage, &text(issued)).status, 200);
    }
    // Scheme and case are as RFC 7235 says.
    let lower = stage.http().get("/tokened/items", &[("authorization", &format!("bearer  {token}"))]);
    assert_eq!(lower.status, 200, "{lower:?}");
    stage.limen.json(&["token", "revoke", "--grant", issued["grant"].as_str().unwrap()]);
    soon_refused(&stage, token, "the grant is revoked");
    assert_eq!(call(&stage, &text(&second)).status, 200, "another grant is not");
    stage.limen.json(&["token", "revoke", "--user", "rea"]);
    soon_refused(&stage, &text(&second), "all of the user's are revoked");
    assert_eq!(call(&stage, &text(&other)).status, 200);
    assert_eq!(call(&stage, &text(&issue("rea"))).status, 200, "a new one is good");
}

#[test]
fn who_it_stands_for_is_looked_at_on_every_call() {
    let stage = Stage::new();
    let key = stage.subscribe("all").primary;
    let (rea, wes) = (stage.bearer("rea"), stage.bearer("wes"));
    let bare = |bearer: &str| bearer.strip_prefix("Bearer ").unwrap().to_owned();
    let change = |from: &str, to: &str| {
        assert!(stage.world().contains(from), "{from}");
        stage.limen.apply(&stage.world().replace(from, to));
    };
    let write = |wes: &str| stage.http().post("/things/v1/items", &[(KEY, &key), ("Authorization", wes)], "{}");
    assert_eq!((call(&stage, &bare(&rea)).status, write(&wes).status), (200, 200));

    change("{name: rea, memberships", "{name: rea, disabled: true, memberships");
    soon_refused(&stage, &bare(&rea), "the user is disabled");
    stage.limen.apply(stage.world());
    assert_eq!(call(&stage, &bare(&rea)).status, 401, "what ended with them stays ended");
    let rea = stage.bearer("rea");
    assert_eq!(call(&stage, &bare(&rea)).status, 200, "enabled again");

    change("{environment: demo, roles: [reader]}", "{environment: spare, roles: [reader]}");
    soon_refused(&stage, &bare(&rea), "the user left the environment");
    change("{name: ada-app, developer: ada}", "{name: ada-app, developer: ada, disabled: true}");
    soon_refused(&stage, &bare(&wes), "the application is disabled");
    stage.limen.apply(stage.world());
    let wes = stage.bearer("wes");
    assert_eq!(write(&wes).status, 200, "enabled again");

    // A role that loses a permission loses it on the next call of a token that was issued before.
    change("permissions: [thing.read, thing.write]", "permissions: [thing.read]");
    let denied = eventually_within(Duration::from_secs(1), "the role may no longer write", || {
        Some(write(&wes)).filter(|answer| answer.status != 200)
    });
    assert_eq!((denied.status, &denied.json()["code"]), (403, &json!("permission-denied")), "{denied:?}");
}

#[test]
fn keys_rotate_with_overlap() {
    let mut stage = Stage::new();
    let before = stage.token(&["--user", "rea"]);
    let published = |stage: &Stage| -> Vec<Value> {
        let set = stage.limen.pages().get("/.well-known/jwks.json", &[]).json();
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
    };
    let first = part(&before, 0)["kid"].clone();
    assert_eq!(published(&stage), std::slice::from_ref(&first));
    let rotated = stage.limen.json(&["token", "rotate-keys"]);
    assert_ne!(rotated["kid"], first);
    let both = published(&stage);
    assert!(both.len() == 2 && both.contains(&first) && both.contains(&rotated["kid"]), "{both:?}");
    let after = stage.token(&["--user", "rea"]);
    assert_eq!((call(&stage, &before).status, call(&stage, &after).status), (200, 200));
    stage.limen.kill();
    stage.limen.restart();
    assert_eq!((call(&stage, &before).status, call(&stage, &after).status), (200, 200));

    // Where the secret is lost, a new key ends what was issued before.
    stage.limen.stop();
    std::fs::remove_file(stage.limen.folder().join("data.secret")).unwrap();
    stage.limen.change(|settings| settings.argument("--new-signing-key"));
    stage.limen.restart();
    soon_refused(&stage, &before, "its key is trusted no more");
    let new = stage.token(&["--user", "rea"]);
    assert_eq!(call(&stage, &new).status, 200);
    assert!(!published(&stage).contains(&first));
}

#[test]
fn forged_and_damaged_tokens() {
    let stage = Stage::new();
    let token = stage.token(&["--user", "rea", "--application", "ada-app"]);
    assert_eq!(call(&stage, &token).status, 200);
    let (head, claims) = (part(&token, 0), part(&token, 1));
    let foreign = foreign_key();
    let sign = |message: &[u8]| foreign.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec();
    let with = |base: &Value, name: &str, value: Value| {
        let mut changed = base.clone();
        changed[name] = value;
        changed
    };
    let keys = stage.limen.pages().get("/.well-known/jwks.json", &[]);
    let hmac = |message: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &keys.body);
        aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
    };
    let pieces: Vec<&str> = token.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(with(&claims, "sub", json!("wes")).to_string());
    let forgeries = [
        ("alg none", forged(&with(&head, "alg", json!("none")), &claims, |_| Vec::new())),
        ("alg none, signed", forged(&with(&head, "alg", json!("none")), &claims, sign)),
        ("alg HS256 over the key set", forged(&with(&head, "alg", json!("HS256")), &claims, hmac)),
        ("another's signature under our kid", forged(&head, &claims, sign)),
        ("another kid", forged(&with(&head, "kid", json!("other")), &claims, sign)),
        ("no kid", forged(&with(&head, "kid", Value::Null), &claims, sign)),
        ("a key of its own", forged(&with(&head, "jwk", json!({"kty": "EC"})), &claims, sign)),
        ("a critical extension", forged(&with(&head, "crit", json!(["b64"])), &claims, sign)),
        ("a signature of zeros", forged(&head, &claims, |_| vec![0; 64])),
        ("other claims under our signature", format!("{}.{admin}.{}", pieces[0], pieces[2])),
        ("no signature", format!("{}.{}.", pieces[0], pieces[1])),
        ("two parts", format!("{}.{}", pieces[0], pieces[1])),
        ("four parts", format!("{token}.x")),
        ("cut", token[..token.len() - 4].to_owned()),
        ("longer than any", format!("{token}{}", "x".repeat(9_000))),
        ("no token at all", "abc".to_owned()),
    ];
    for (what, forgery) in forgeries {
        let answer = call(&stage, &forgery);
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        stage.refused(&answer, 401, "token-invalid", TOKEN);
    }
    // What we sign for services is no access token: its typ is another.
    let assertion = stage.service.last().header("limen-assertion").unwrap().to_owned();
    assert_eq!(part(&assertion, 0)["kid"], head["kid"]);
    stage.refused(&call(&stage, &assertion), 401, "token-invalid", TOKEN);
    assert_eq!(stage.service.hits(), 1);
}

#[test]
fn a_token_of_another_issuer_or_audience() {
    for (flag, claim) in [("--gateway-public-url", "aud"), ("--web-public-url", "iss")] {
        let mut stage = Stage::new();
        let before = stage.token(&["--user", "rea"]);
        assert_eq!(call(&stage, &before).status, 200);
        stage.limen.stop();
        let (gateway, web) = (stage.limen.gateway().to_string(), stage.limen.web().to_string());
        let public = |settings: Settings| settings.argument(flag).argument("https://limen.example");
        stage.limen.change(|settings| public(settings.gateway(&gateway).web(&web)));
        stage.limen.restart();
        let answer = call(&stage, &before);
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("token-invalid")), "{claim}: {answer:?}");
        let after = stage.token(&["--user", "rea"]);
        assert_eq!(part(&after, 1)[claim], "https://limen.example");
        assert_eq!(call(&stage, &after).status, 200);
    }
}
