//! 401: the subscription key or the access token is missing, wrong, inactive or expired.

use limen_testbed::eventually;

use crate::stage::{KEY, KEY_INVALID, KEY_MISSING, Stage, TOKEN};

fn key_challenge(stage: &Stage, scheme: &str, path: &str, header: &str) -> String {
    format!(r#"{scheme} realm="{}{path}",name="{header}",type="header""#, stage.gateway_url())
}

#[test]
fn the_key_is_missing() {
    let stage = Stage::new();
    let http = stage.http();
    let answer = stage
        .refused_in_both_forms(401, "subscription-key-missing", KEY_MISSING, |fields| http.get("/keyed/items", fields));
    assert_eq!(
        answer.headers_named("www-authenticate"),
        [key_challenge(&stage, "AzureApiManagementKey", "/keyed", KEY)]
    );
    let help = format!("http://{}/authentication-issues#subscription-key-missing", stage.limen.web());
    assert_eq!(answer.json()["help"], help);

    // Key and token are both missing: one refusal tells of both.
    let both = http.get("/things/v1/items", &[]);
    let body = stage.refused(&both, 401, "subscription-key-missing", KEY_MISSING);
    let challenges = both.headers_named("www-authenticate");
    assert_eq!(challenges.len(), 2, "{challenges:?}");
    assert_eq!(challenges[0], key_challenge(&stage, "AzureApiManagementKey", "/things/v1", KEY));
    assert!(challenges[1].starts_with(r#"Bearer realm=""#) && !challenges[1].contains("error"), "{challenges:?}");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("subscription key") && detail.contains("access token"), "{detail}");

    // The challenge's scheme and header are the API's own; an empty key is none.
    let legacy = http.get("/legacy/items", &[("X-Api-Key", "")]);
    stage.refused(&legacy, 401, "subscription-key-missing", KEY_MISSING);
    assert_eq!(legacy.headers_named("www-authenticate"), [key_challenge(&stage, "LegacyKey", "/legacy", "X-Api-Key")]);
    assert_eq!(stage.service.hits(), 0);
}

#[test]
fn the_key_is_invalid_and_nothing_tells_why() {
    let stage = Stage::new();
    let http = stage.http();
    let other = stage.subscribe("other");
    let awaited = stage.subscribe("awaited");
    let [suspended, cancelled, regenerated, revoked] = std::array::from_fn(|_| stage.subscribe("all"));
    stage.limen.json(&["subscription", "suspend", &suspended.id]);
    stage.limen.json(&["subscription", "cancel", &cancelled.id]);
    stage.limen.json(&["key", "regenerate", &regenerated.id, "--which", "primary"]);
    stage.limen.json(&["key", "revoke", &revoked.id, "--which", "primary"]);
    let expired = {
        let arguments = ["subscription", "create", "--product", "all", "--developer", "ada", "--ends", "+1s"];
        let made = stage.limen.json(&arguments);
        made["primary_key"].as_str().unwrap().to_owned()
    };
    let is_refused = || (http.get("/keyed/items", &[(KEY, &expired)]).status == 401).then_some(());
    eventually("the subscription expires", is_refused);

    let hits = stage.service.hits();
    let unknown = "00000000000000000000000000000000";
    let keys = [
        unknown,
        &other.primary,
        &awaited.primary,
        &suspended.primary,
        &suspended.secondary,
        &cancelled.primary,
        &regenerated.primary,
        &revoked.primary,
        &expired,
    ];
    let mut alike = Vec::new();
    for key in keys {
        let answer = http.get("/keyed/items", &[(KEY, key)]);
        let mut body = stage.refused(&answer, 401, "subscription-key-invalid", KEY_INVALID);
        assert_eq!(
            answer.headers_named("www-authenticate"),
            [key_challenge(&stage, "AzureApiManagementKey", "/keyed", KEY)]
        );
        for id in ["trace_id", "instance"] {
            body[id].take();
        }
        let fields: Vec<_> =
            answer.headers.iter().filter(|(name, _)| *name != "x-request-id" && *name != "date").collect();
        alike.push((body, format!("{fields:?}")));
    }
    for (one, key) in alike.iter().zip(keys) {
        assert_eq!(*one, alike[0], "{key} is told from another");
    }
    stage.refused_in_both_forms(401, "subscription-key-invalid", KEY_INVALID, |fields| {
        http.get("/keyed/items", &[&[(KEY, unknown)], fields].concat())
    });

    // Whoever cut a key when copying it may know; two different keys are none.
    let whole = stage.subscribe("all").primary;
    let cut = http.get("/keyed/items", &[(KEY, &whole[..whole.len() - 1])]);
    let body = stage.refused(&cut, 401, "subscription-key-invalid", KEY_INVALID);
    assert!(body["detail"].as_str().unwrap().contains("cut"), "{body}");
    let two = http.get("/keyed/items", &[(KEY, &whole), (KEY, unknown)]);
    stage.refused(&two, 401, "subscription-key-invalid", KEY_INVALID);
    assert_eq!(http.get("/keyed/items", &[(KEY, &whole)]).status, 200);
    assert_eq!(stage.service.hits(), hits + 1);
}

#[test]
fn the_token_is_missing() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("all").primary;
    let bearer = |answer: &limen_testbed::Answer| {
        let challenges = answer.headers_named("www-authenticate");
        assert_eq!(challenges.len(), 1, "{challenges:?}");
        let challenge = challenges[0].to_owned();
        assert!(challenge.starts_with(r#"Bearer realm=""#), "{challenge}");
        assert!(challenge.contains(r#", resource_metadata=""#) && !challenge.contains("error="), "{challenge}");
    };
    let answer = stage.refused_in_both_forms(401, "token-missing", TOKEN, |fields| {
        http.get("/things/v1/items", &[&[(KEY, key.as_str())], fields].concat())
    });
    bearer(&answer);
    assert_eq!(answer.json()["help"], format!("http://{}/authentication-issues#token-missing", stage.limen.web()));
    for value in ["", "Bearer", "Bearer ", "Basic YTpi", "token abc", "Bearer a b", "Bearer \"abc\""] {
        let answer = http.get("/things/v1/items", &[(KEY, &key), ("Authorization", value)]);
        stage.refused(&answer, 401, "token-missing", TOKEN);
        bearer(&answer);
    }
    // A token in the URL or in a body is never read.
    let token = stage.bearer("rea");
    let token = token.strip_prefix("Bearer ").unwrap();
    let answer = http.get(&format!("/things/v1/items?access_token={token}"), &[(KEY, &key)]);
    stage.refused(&answer, 401, "token-missing", TOKEN);
    let answer = http.get("/tokened/items", &[]);
    stage.refused(&answer, 401, "token-missing", TOKEN);
    assert_eq!(stage.service.hits(), 0);
}

#[test]
fn the_token_is_invalid_or_expired() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("all").primary;
    let call = |token: &str, fields: &[(&str, &str)]| {
        let bearer = format!("Bearer {token}");
        http.get("/things/v1/items", &[&[(KEY, key.as_str()), ("Authorization", &bearer)], fields].concat())
    };
    let answer = stage.refused_in_both_forms(401, "token-invalid", TOKEN, |fields| call("no.such.token", fields));
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer realm=") && challenge.contains(r#"error="invalid_token""#), "{challenge}");

    let brief = stage.token(&["--user", "rea", "--application", "ada-app", "--expires-in", "1s"]);
    let expired = eventually("the token expires", || {
        let answer = call(&brief, &[]);
        (answer.status != 200).then_some(answer)
    });
    stage.refused(&expired, 401, "token-expired", TOKEN);
    let challenge = expired.header("www-authenticate").unwrap();
    assert!(challenge.contains(r#"error="invalid_token""#), "{challenge}");
    // Only of a token whose signature verified is it said that it expired.
    let signature = brief.rfind('.').unwrap() + 1;
    let other = if brief[signature..].starts_with('A') { "B" } else { "A" };
    let forged = format!("{}{other}{}", &brief[..signature], &brief[signature + 1..]);
    stage.refused(&call(&forged, &[]), 401, "token-invalid", TOKEN);
}
