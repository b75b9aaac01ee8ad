//! Attempts, documents, ID tokens and people: what passes and, line by line, what doesn't.

use serde_json::{Value, json};

use super::*;
use crate::jose::{KeyId, Signed};
use crate::model::User;

const ISSUER: &str = "https://id.example.org";
const NOW_S: i64 = 1_800_000_000;

fn settings() -> Settings {
    Settings {
        issuer: ISSUER.into(),
        application_id: "limen".into(),
        scopes: vec!["openid".into(), "email".into()],
        ..Settings::default()
    }
}

fn discovered(more: Value) -> Result<Discovered, String> {
    let mut document = json!({"issuer": ISSUER, "authorization_endpoint": "https://id.example.org/authorize",
        "token_endpoint": "https://tokens.example.org/token", "jwks_uri": "https://id.example.org/keys"});
    document.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    Discovered::read(document.to_string().as_bytes(), ISSUER)
}

#[test]
fn discovery_documents() {
    assert_eq!(discovery_url(ISSUER), "https://id.example.org/.well-known/openid-configuration");
    assert_eq!(discovery_url("https://a/b/"), "https://a/b/.well-known/openid-configuration");
    let read = discovered(json!({})).unwrap();
    assert_eq!(read.token_endpoint, "https://tokens.example.org/token");
    assert!(!read.tells_issuer && !read.secret_in_form);
    let read = discovered(json!({"authorization_response_iss_parameter_supported": true,
        "token_endpoint_auth_methods_supported": ["client_secret_post"]}));
    assert!(read.is_ok_and(|read| read.tells_issuer && read.secret_in_form));
    let both = json!({"token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]});
    assert!(!discovered(both).unwrap().secret_in_form);
    for bad in [
        json!({"issuer": "https://id.example.org/"}),
        json!({"issuer": "https://evil.example.org"}),
        json!({"token_endpoint": "http://id.example.org/token"}),
        json!({"token_endpoint": "/token"}),
        json!({"token_endpoint": null}),
        json!({"jwks_uri": "https://user@id.example.org/keys"}),
        json!({"jwks_uri": "file:///etc/passwd"}),
        json!({"authorization_endpoint": "javascript:alert(1)"}),
        json!({"authorization_endpoint": "https://id.example.org/authorize#x"}),
    ] {
        assert!(discovered(bad.clone()).is_err(), "{bad}");
    }
    assert!(Discovered::read(b"<html>", ISSUER).is_err());
    assert!(Discovered::read(&vec![b' '; 300_000], ISSUER).is_err());
}

fn attempt() -> Attempt {
    Attempt::new([7; 32], "/authorization?client_id=a", NOW_S)
}

#[test]
fn an_attempt_comes_back_in_the_same_browser_in_time() {
    let state = attempt().seal("cookie-a", [1; 12]).unwrap();
    assert_eq!(Attempt::open(&state, "cookie-a", NOW_S + ATTEMPT_LIFE_S), Ok(attempt()));
    let refused = Err(Trouble::FormExpired);
    assert_eq!(Attempt::open(&state, "cookie-b", NOW_S), refused);
    assert_eq!(Attempt::open(&state, "", NOW_S), refused);
    assert_eq!(Attempt::open(&state, "cookie-a", NOW_S + ATTEMPT_LIFE_S + 1), refused);
    assert_eq!(Attempt::open(&state, "cookie-a", NOW_S - 1), refused);
    for at in 0..state.len() {
        let mut changed = state.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(Attempt::open(&changed, "cookie-a", NOW_S), refused, "{at}");
        assert_eq!(Attempt::open(&state[..at], "cookie-a", NOW_S), refused, "{at}");
    }
    assert_eq!(Attempt::open(&"A".repeat(1 << 20), "cookie-a", NOW_S), refused);
    assert!(attempt().seal("", [1; 12]).is_none());
    let long = Attempt::new([7; 32], &"/".repeat(BACK_MAX_BYTES + 1), NOW_S);
    assert!(long.seal("cookie-a", [1; 12]).is_none());
    let longest = Attempt::new([7; 32], &"/".repeat(BACK_MAX_BYTES), NOW_S);
    let state = longest.seal("cookie-a", [1; 12]).unwrap();
    assert_eq!(Attempt::open(&state, "cookie-a", NOW_S), Ok(longest));
    assert!(!format!("{:?}", attempt()).contains('7'));
}

#[test]
fn where_the_browser_is_sent_and_what_the_code_is_exchanged_with() {
    let attempt = attempt();
    let url = settings().authorization_url(&discovered(json!({})).unwrap(), &attempt, "st", "https://w/cb");
    let expected = format!(
        "https://id.example.org/authorize?response_type=code&client_id=limen&redirect_uri=https%3A%2F%2Fw%2Fcb\
         &scope=openid%20email&state=st&nonce={}&code_challenge={}&code_challenge_method=S256",
        attempt.nonce(),
        attempt.challenge()
    );
    assert_eq!(url, expected);
    assert_eq!((attempt.nonce().len(), attempt.verifier().len(), attempt.challenge().len()), (43, 43, 43));
    assert_ne!(attempt.nonce(), attempt.verifier());
    let with_query = discovered(json!({"authorization_endpoint": "https://id.example.org/a?p=1"})).unwrap();
    assert!(settings().authorization_url(&with_query, &attempt, "st", "c").contains("/a?p=1&response_type=code&"));
    let secret = Some("s:e%c ret");
    let (form, header) = settings().exchange(&discovered(json!({})).unwrap(), &attempt, "c&d", "https://w/cb", secret);
    let expected = "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fw%2Fcb&code_verifier=";
    assert_eq!(form, format!("{expected}{}", attempt.verifier()));
    assert_eq!(header.unwrap(), format!("Basic {}", STANDARD.encode("limen:s%3Ae%25c%20ret")));
    let in_form = discovered(json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]})).unwrap();
    let (form, header) = settings().exchange(&in_form, &attempt, "c", "https://w/cb", secret);
    assert!(form.ends_with("&client_id=limen&client_secret=s%3Ae%25c%20ret") && header.is_none());
    let (form, header) = settings().exchange(&in_form, &attempt, "c", "https://w/cb", None);
    assert!(form.ends_with("&client_id=limen") && header.is_none());
}

#[test]
fn what_the_browser_may_come_back_with() {
    let read = |fields: &[(&str, &str)]| Callback::read(&Parameters::read(form(fields).as_bytes()));
    let plain = discovered(json!({})).unwrap();
    let telling = discovered(json!({"authorization_response_iss_parameter_supported": true})).unwrap();
    let good = read(&[("state", "s"), ("code", "c"), ("other", "x"), ("other", "y")]).unwrap();
    assert_eq!((good.state.as_str(), good.code(ISSUER, &plain)), ("s", Ok("c")));
    let refused = |callback: &Callback, at| callback.code(ISSUER, at).unwrap_err().0;
    // The provider says whose answers are, and this one says nothing (RFC 9207 §2.4).
    assert_eq!(refused(&good, &telling), Trouble::ProviderRefused);
    let named = read(&[("state", "s"), ("code", "c"), ("iss", ISSUER)]).unwrap();
    assert_eq!((named.code(ISSUER, &plain), named.code(ISSUER, &telling)), (Ok("c"), Ok("c")));
    let mixed_up = read(&[("state", "s"), ("code", "c"), ("iss", "https://evil.example.org")]).unwrap();
    assert_eq!(refused(&mixed_up, &plain), Trouble::ProviderRefused);
    let denied = read(&[("state", "s"), ("error", "access_denied"), ("code", "c")]).unwrap();
    assert_eq!(refused(&denied, &plain), Trouble::ProviderRefused);
    assert_eq!(refused(&read(&[("state", "s")]).unwrap(), &plain), Trouble::ProviderRefused);
    for bad in [
        &[("code", "c")][..],
        &[("state", ""), ("code", "c")],
        &[("state", "s"), ("state", "s")],
        &[("state", "s"), ("code", "c"), ("code", "c")],
        &[("state", "s"), ("iss", ISSUER), ("iss", "x")],
    ] {
        assert_eq!(read(bad), Err(Trouble::FormExpired), "{bad:?}");
    }
}

#[test]
fn what_the_token_endpoint_answers() {
    assert_eq!(id_token(200, br#"{"id_token":"t","access_token":"a"}"#).as_deref(), Ok("t"));
    for (status, body, trouble) in [
        (200, "{}", Trouble::ProviderAnswerInvalid),
        (200, "<html>", Trouble::ProviderAnswerInvalid),
        (400, r#"{"error":"invalid_grant"}"#, Trouble::ProviderAnswerInvalid),
        (401, r#"{"error":"invalid_client"}"#, Trouble::ProviderAnswerInvalid),
        (302, "", Trouble::ProviderUnreachable),
        (503, r#"{"id_token":"t"}"#, Trouble::ProviderUnreachable),
    ] {
        assert_eq!(id_token(status, body.as_bytes()).unwrap_err().0, trouble, "{status} {body}");
    }
}

fn claims(more: Value) -> Signed {
    let mut claims = json!({"iss": ISSUER, "sub": "s-1", "aud": "limen", "exp": NOW_S + 300, "iat": NOW_S,
        "nonce": "n", "email": "a@example.org", "email_verified": true});
    let changed = claims.as_object_mut().unwrap();
    changed.extend(more.as_object().cloned().unwrap_or_default());
    changed.retain(|_, value| *value != json!("absent"));
    Signed { kind: None, payload: claims.to_string().into_bytes(), key: KeyId::default() }
}

#[test]
fn id_tokens() {
    let checked = |more: Value| check(&claims(more), &settings(), "n", NOW_S);
    let person = |email: Option<&str>| Person { subject: "s-1".into(), email: email.map(str::to_owned) };
    let whole = Ok(person(Some("a@example.org")));
    for good in [
        json!({}),
        json!({"aud": ["limen"]}),
        json!({"aud": ["limen", "other"], "azp": "limen"}),
        json!({"azp": "limen"}),
        json!({"exp": NOW_S - CLOCK_SKEW_S + 1}),
        json!({"iat": NOW_S + CLOCK_SKEW_S, "nbf": NOW_S + CLOCK_SKEW_S}),
        json!({"exp": 1_800_000_300.5, "iat": 1_799_999_999.25}),
        json!({"email_verified": "true"}),
    ] {
        assert_eq!(checked(good.clone()), whole, "{good}");
    }
    for unverified in [
        json!({"email_verified": false}),
        json!({"email_verified": "false"}),
        json!({"email_verified": "absent"}),
        json!({"email": ""}),
        json!({"email": "absent"}),
    ] {
        assert_eq!(checked(unverified.clone()), Ok(person(None)), "{unverified}");
    }
    for bad in [
        json!({"iss": "https://evil.example.org"}),
        json!({"iss": "https://id.example.org/"}),
        json!({"aud": "other"}),
        json!({"aud": []}),
        json!({"aud": ["other"]}),
        json!({"aud": ["limen", "other"]}),
        json!({"aud": ["limen", "other"], "azp": "other"}),
        json!({"azp": "other"}),
        json!({"exp": NOW_S - CLOCK_SKEW_S}),
        json!({"exp": "absent"}),
        json!({"exp": "soon"}),
        json!({"iat": NOW_S + CLOCK_SKEW_S + 1}),
        json!({"iat": "absent"}),
        json!({"nbf": NOW_S + CLOCK_SKEW_S + 1}),
        json!({"nonce": "m"}),
        json!({"nonce": ""}),
        json!({"nonce": "absent"}),
        json!({"sub": ""}),
        json!({"sub": "absent"}),
        json!({"sub": "a\u{7}"}),
        json!({"sub": "a".repeat(256)}),
        json!({"sub": 5}),
    ] {
        assert!(checked(bad.clone()).is_err(), "{bad}");
    }
    let typed = |kind: &str| check(&Signed { kind: Some(kind.into()), ..claims(json!({})) }, &settings(), "n", NOW_S);
    assert_eq!(typed("JWT"), whole);
    assert!(typed("at+jwt").is_err() && typed("logout+jwt").is_err());
    let twice = Signed { kind: None, payload: br#"{"iss":"a","iss":"b"}"#.to_vec(), key: KeyId::default() };
    assert!(check(&twice, &settings(), "n", NOW_S).is_err());
}

#[test]
fn whom_the_account_makes_known() {
    let user = |name: &str, email: &str, subject: Option<&str>| User {
        name: name.into(),
        email: email.into(),
        external_subject: subject.map(str::to_owned),
        ..User::default()
    };
    let users = [
        user("by-mail", "a@example.org", None),
        user("by-subject", "b@example.org", Some("s-1")),
        user("bound", "c@example.org", Some("s-2")),
        user("twin-1", "d@example.org", None),
        user("twin-2", "D@example.org", None),
        user("nameless", "", None),
        User { disabled: true, ..user("off", "e@example.org", Some("s-3")) },
        User { disabled: true, ..user("off-too", "f@example.org", None) },
    ];
    let known = |subject: &str, email: Option<&str>, link| {
        let person = Person { subject: subject.into(), email: email.map(str::to_owned) };
        known_as(&users, &person, link).map(|user| user.name.to_string())
    };
    assert_eq!(known("s-1", Some("a@example.org"), true).as_deref(), Ok("by-subject"));
    assert_eq!(known("s-1", None, false).as_deref(), Ok("by-subject"));
    assert_eq!(known("s-9", Some("A@Example.org"), true).as_deref(), Ok("by-mail"));
    assert_eq!(known("s-9", Some("a@example.org"), false), Err(Unmatched::Unknown));
    assert_eq!(known("s-9", None, true), Err(Unmatched::Unknown));
    assert_eq!(known("S-1", None, true), Err(Unmatched::Unknown));
    assert_eq!(known("s-9", Some("c@example.org"), true), Err(Unmatched::OtherAccount));
    assert_eq!(known("s-9", Some("d@example.org"), true), Err(Unmatched::Several));
    assert_eq!(known("s-3", None, true), Err(Unmatched::Disabled));
    assert_eq!(known("s-9", Some("f@example.org"), true), Err(Unmatched::Disabled));
}
