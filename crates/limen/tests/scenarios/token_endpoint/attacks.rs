//! What somebody would try who wants tokens of others.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_rules::sign_in::credentials::basic;
use serde_json::{Value, json};

use super::desk::{BACK, Desk, encoded, secret};

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("a part");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

fn signed(head: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", text(head), text(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Another algorithm, none, a key that came along, a key of somebody's own, the public key as a shared secret.
#[test]
fn games_with_alg_open_nothing() {
    let desk = Desk::new();
    let given = desk.signed_in("shop");
    let token = given["access_token"].as_str().unwrap();
    let (head, claims) = (part(token, 0), part(token, 1));
    let with = |name: &str, value: Value| {
        let mut head = head.clone();
        head[name] = value;
        head
    };
    let keys = desk.limen.pages().get("/.well-known/jwks.json", &[]);
    let own = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
    let own = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, own.as_ref()).expect("a key");
    let by_own = |message: &[u8]| own.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec();
    let by_public_key = |message: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, keys.text().as_bytes());
        hmac::sign(&key, message).as_ref().to_vec()
    };
    let forgeries = [
        signed(&with("alg", json!("none")), &claims, |_| Vec::new()),
        signed(&with("alg", json!("None")), &claims, |_| Vec::new()),
        signed(&with("alg", json!("HS256")), &claims, by_public_key),
        signed(&head, &claims, by_own),
        signed(&with("jwk", keys.json()["keys"][0].clone()), &claims, by_own),
        signed(&with("jku", json!("https://evil.example/keys")), &claims, by_own),
        signed(&with("kid", json!("../../dev/null")), &claims, by_own),
        signed(&head, &claims, |_| vec![0; 64]),
        format!("{}.", token.rsplit_once('.').unwrap().0),
    ];
    for forged in forgeries {
        let forged = json!({"access_token": forged});
        assert_eq!(desk.introspect("shop", &forged, "access_token"), json!({"active": false}), "{forged}");
        assert_eq!(desk.call(&forged).status, 401, "{forged}");
        let answer = desk.form("/revoke", &desk.basic("shop"), &format!("token={}", encoded(&forged["access_token"])));
        assert_eq!(answer.status, 200);
    }
    assert_eq!(desk.call(&given).status, 200, "no forgery ended the real one");
}

/// A code that was meant for one application, brought into another's session.
#[test]
fn a_code_of_another_application_is_no_use() {
    let desk = Desk::new();
    let code = desk.code("till");
    desk.refused(&desk.exchange("shop", &code), 400, "invalid_grant", "code-invalid");
    let back = encoded(&json!(BACK));
    let injected = format!("grant_type=authorization_code&client_id=spa&code={code}&redirect_uri={back}");
    desk.refused(&desk.form("/token", &[], &injected), 400, "invalid_grant", "code-invalid");
    assert_eq!(desk.exchange("till", &code).status, 200);
    // Nor does a stranger end what it gave, however late.
    crate::stage::wait(6);
    let given = desk.signed_in("till");
    desk.refused(&desk.exchange("shop", &code), 400, "invalid_grant", "code-invalid");
    assert_eq!(desk.call(&given).status, 200);
}

/// An application asks about, or ends, what others were given.
#[test]
fn tokens_of_others_are_neither_told_of_nor_ended() {
    let desk = Desk::new();
    let given = desk.signed_in("shop");
    for kind in ["access_token", "refresh_token"] {
        assert_eq!(desk.introspect("till", &given, kind), json!({"active": false}));
        let form = format!("token={}", encoded(&given[kind]));
        assert_eq!(desk.form("/revoke", &desk.basic("till"), &form).status, 200);
        assert_eq!(desk.form("/revoke", &[], &format!("{form}&client_id=spa")).status, 200);
        let asked = desk.form("/introspect", &[], &format!("{form}&client_id=spa"));
        desk.refused(&asked, 401, "invalid_client", "credentials-missing");
        assert_eq!(desk.introspect("shop", &given, kind)["active"], true);
    }
    desk.refused(&desk.refresh("till", &given), 400, "invalid_grant", "refresh-token-invalid");
    assert_eq!(desk.call(&given).status, 200);
    assert_eq!(desk.refresh("shop", &given).status, 200);
    // What isn't an application's token is nobody's: an operator's, for one.
    let issued = desk.limen.json(&["token", "issue", "--user", "frida", "--environment", "museum"]);
    assert_eq!(desk.call(&issued).status, 200);
    assert_eq!(desk.introspect("shop", &issued, "access_token"), json!({"active": false}));
    let form = format!("token={}", encoded(&issued["access_token"]));
    assert_eq!(desk.form("/revoke", &desk.basic("shop"), &form).status, 200);
    assert_eq!(desk.call(&issued).status, 200);
}

/// One kind of token in the place of another.
#[test]
fn tokens_are_not_taken_for_each_other() {
    let desk = Desk::new();
    let given = desk.signed_in("shop");
    let crossed = json!({"access_token": given["refresh_token"], "refresh_token": given["access_token"]});
    assert_eq!(desk.call(&crossed).status, 401);
    desk.refused(&desk.refresh("shop", &crossed), 400, "invalid_grant", "refresh-token-invalid");
    for kind in ["access_token", "refresh_token"] {
        let back = encoded(&json!(BACK));
        let form = format!("grant_type=authorization_code&code={}&redirect_uri={back}", encoded(&given[kind]));
        desk.refused(&desk.form("/token", &desk.basic("shop"), &form), 400, "invalid_grant", "code-invalid");
    }
    // An assertion that a service was handed is no access token, though the same key signed it.
    assert_eq!(desk.call(&given).status, 200);
    let seen = desk.service.requests().pop().unwrap();
    let assertion = json!({"access_token": seen.header("limen-assertion").expect("an assertion")});
    assert_eq!(desk.call(&assertion).status, 401);
    assert_eq!(desk.introspect("shop", &assertion, "access_token"), json!({"active": false}));
}

/// An application that has no secret is claimed with one, and one that has is claimed without.
#[test]
fn nobody_passes_for_an_application_by_leaving_out_or_adding() {
    let desk = Desk::new();
    let back = encoded(&json!(BACK));
    let code = desk.code("shop");
    let form = |more: &str| format!("grant_type=authorization_code&code={code}&redirect_uri={back}{more}");
    let none: [(&str, &str); 0] = [];
    desk.refused(&desk.form("/token", &none, &form("&client_id=shop")), 401, "invalid_client", "credentials-missing");
    let empty = basic("shop", "");
    let empty = [("Authorization", empty.as_str())];
    desk.refused(&desk.form("/token", &empty, &form("")), 401, "invalid_client", "credentials-missing");
    let others = basic("shop", &secret("till"));
    let others = [("Authorization", others.as_str())];
    desk.refused(&desk.form("/token", &others, &form("")), 401, "invalid_client", "credentials-invalid");
    let beside = form(&format!("&client_id=till&client_secret={}", secret("till")));
    desk.refused(&desk.form("/token", &desk.basic("shop"), &beside), 400, "invalid_request", "credentials-disagree");
    // The hash that is stored opens nothing.
    let hash: String = limen_rules::key::hash(&secret("shop")).iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = basic("shop", &hash);
    desk.refused(
        &desk.form("/token", &[("Authorization", &hash)], &form("")),
        401,
        "invalid_client",
        "credentials-invalid",
    );
    assert_eq!(desk.exchange("shop", &code).status, 200, "no attempt used the code up");
}
