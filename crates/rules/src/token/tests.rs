//! Tokens that are accepted and the many that are not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::model::{Access, Bind, Declared};
use crate::record::{Directory, StoredKey, Subscription, SubscriptionState, VerifyingKey, Which};
use crate::snapshot::Snapshot;

const NOW_US: i64 = 1_000 * 1_000_000;

struct Signing {
    pkcs8: Vec<u8>,
    pair: EcdsaKeyPair,
}

fn signing() -> Signing {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    Signing { pkcs8: pkcs8.as_ref().to_vec(), pair }
}

fn issuer() -> Issuer {
    Issuer { issuer: "https://web".into(), audience: "https://gateway".into(), earlier: vec!["https://old".into()] }
}

fn claims() -> Claims {
    Claims {
        iss: "https://web".into(),
        sub: "farah".into(),
        aud: "https://gateway".into(),
        client_id: "ada-app".into(),
        iat: 900,
        exp: 1_100,
        nbf: None,
        jti: "1".into(),
        grant: "grant_1".into(),
        environment: "demo".into(),
        mode: Mode::Full,
        scope: None,
    }
}

fn keys(signing: &Signing) -> HashMap<Name, TrustedKey> {
    HashMap::from([("k1".into(), TrustedKey::new(signing.pair.public_key().as_ref(), None))])
}

/// A token of exactly this header and these claims, signed well.
fn forged(signing: &Signing, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signing.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

#[test]
fn a_signed_token_verifies_and_any_changed_byte_does_not() {
    let signing = signing();
    let token = sign(&claims(), "k1", &signing.pkcs8).unwrap();
    let verified = verify(&token, &keys(&signing), &issuer()).unwrap();
    assert_eq!((verified.claims, &*verified.kid), (claims(), "k1"));
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        // The last character of a part has bits that don't count; the strict decoder refuses them too.
        assert!(verify(&changed, &keys(&signing), &issuer()).is_err(), "byte {at}");
    }
}

#[test]
fn well_signed_tokens_of_the_wrong_kind_are_refused() {
    let signing = signing();
    let body = serde_json::to_string(&claims()).unwrap();
    let good = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;
    assert!(verify(&forged(&signing, good, &body), &keys(&signing), &issuer()).is_ok());
    // One that was issued when the address was another.
    let earlier = body.replace("https://web", "https://old");
    assert!(verify(&forged(&signing, good, &earlier), &keys(&signing), &issuer()).is_ok());
    let long_form = good.replace("at+jwt", "application/at+jwt");
    assert!(verify(&forged(&signing, &long_form, &body), &keys(&signing), &issuer()).is_ok());
    for header in [
        r#"{"alg":"none","typ":"at+jwt","kid":"k1"}"#,
        r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#,
        r#"{"alg":"es256","typ":"at+jwt","kid":"k1"}"#,
        r#"{"alg":"ES256","typ":"JWT","kid":"k1"}"#,
        r#"{"alg":"ES256","kid":"k1"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"k2"}"#,
        r#"{"alg":"ES256","typ":"at+jwt"}"#,
        r#"{"alg":"ES256","typ":"at+jwt","kid":"k1","crit":["exp"]}"#,
        r#"["ES256"]"#,
    ] {
        assert!(verify(&forged(&signing, header, &body), &keys(&signing), &issuer()).is_err(), "{header}");
    }
    for claims in [
        body.replace("https://web", "https://evil"),
        body.replace("https://gateway", "https://other"),
        body.replace("\"exp\":1100,", ""),
        body.replace("\"grant\":\"grant_1\",", ""),
        "{}".into(),
        "null".into(),
    ] {
        assert!(verify(&forged(&signing, good, &claims), &keys(&signing), &issuer()).is_err(), "{claims}");
    }
    let token = forged(&signing, good, &body);
    let unsigned = token.rsplit_once('.').unwrap().0;
    let long = "a".repeat(TOKEN_MAX_BYTES + 1);
    for text in ["", ".", "..", "a.b", &format!("{unsigned}."), &format!("{token}.x"), &format!("{token}="), &long] {
        assert!(verify(text, &keys(&signing), &issuer()).is_err(), "{text}");
    }
}

/// A world in which the claims of [`claims`] are accepted, then changed.
fn identified(
    change: impl FnOnce(&mut Directory, &mut Claims),
    now_us: i64,
) -> Result<Option<Identity<'static>>, Refusal> {
    let declared: Declared = serde_json::from_value(serde_json::json!({
        "apis": [{"name": "a", "base_path": "/a", "target": "http://x", "access": "key+token"}],
        "products": [{"name": "gold", "apis": ["a"]}],
        "developers": [{"name": "ada"}, {"name": "bo"}],
        "applications": [{"name": "ada-app", "developer": "ada"}],
        "environments": [{"name": "demo"}],
        "roles": [{"name": "reader", "permissions": ["thing.read"]}],
        "users": [{"name": "farah", "memberships": [{"environment": "demo", "roles": ["reader"]}]}],
        "connections": [{"application": "ada-app", "environment": "demo"}],
    }))
    .unwrap();
    let subscription = Subscription {
        id: "sub_1".into(),
        product: "gold".into(),
        developer: "ada".into(),
        state: SubscriptionState::Active,
        created_at_us: 0,
        started_at_us: 0,
        ends_at_us: None,
        keys: vec![StoredKey {
            which: Which::Primary,
            hash: crate::key::hash("key"),
            made_at_us: 0,
            valid_until_us: None,
        }],
    };
    let key = VerifyingKey { kid: "k1".into(), public_point: vec![4; 65], created_at_us: 0, trusted_until_us: None };
    let mut directory =
        Directory { declared, subscriptions: vec![subscription], verifying_keys: vec![key], ..Directory::default() };
    let mut claims = claims();
    change(&mut directory, &mut claims);
    let snapshot = Snapshot::new(1, &directory, issuer());
    let api = snapshot.catalog.api("a").unwrap();
    let subscribed = crate::key::subscription(&snapshot, api, Some("key"), now_us).unwrap();
    let verified = Verified::new(claims, "k1".into());
    identify(&snapshot.catalog, api, &verified, &subscribed, now_us)
        .map(|one| one.into_identity().map(Identity::into_owned))
}

#[test]
fn who_calls_is_read_from_token_and_snapshot_together() {
    let identity = identified(|_, _| {}, NOW_US).unwrap().unwrap();
    assert_eq!(
        (identity.bearer.user.as_deref(), identity.bearer.application.as_deref()),
        (Some("farah"), Some("ada-app"))
    );
    assert_eq!(&**identity.permission_names(), "thing.read");
    let operators = identified(|_, claims| claims.client_id = OPERATOR_CLIENT_ID.into(), NOW_US).unwrap().unwrap();
    assert_eq!(operators.bearer.application, None);
    let roleless = identified(|all, _| all.declared.users[0].memberships[0].roles.clear(), NOW_US).unwrap().unwrap();
    assert_eq!(&**roleless.permission_names(), "");
}

#[test]
fn what_can_change_is_looked_at_on_every_call() {
    let cause = |change: fn(&mut Directory, &mut Claims)| identified(change, NOW_US).unwrap_err().cause;
    assert_eq!(cause(|_, claims| claims.exp = 1_000), Cause::TokenExpired);
    assert_eq!(cause(|_, claims| claims.nbf = Some(1_001)), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.revoked_grants.push("grant_1".into())), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.users[0].disabled = true), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.users.clear()), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.users[0].memberships.clear()), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.applications[0].disabled = true), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.connections.clear()), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.environments.clear()), Cause::TokenInvalid);
    assert_eq!(cause(|_, claims| claims.environment = "spare".into()), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.verifying_keys.clear()), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.verifying_keys[0].trusted_until_us = Some(NOW_US)), Cause::TokenInvalid);
    assert_eq!(cause(|all, _| all.declared.applications[0].developer = "bo".into()), Cause::ApplicationMismatch);
    let unbound = identified(
        |all, _| {
            all.declared.applications[0].developer = "bo".into();
            all.declared.apis[0].bind = Bind::None;
        },
        NOW_US,
    );
    assert!(unbound.is_ok());
    assert!(identified(|_, claims| claims.exp = 1_001, NOW_US).is_ok());
}

#[test]
fn a_header_of_another_form_is_told_apart_from_none() {
    let none = Subscribed::not_required(Access::Token).unwrap();
    let read = |value: Option<&str>| {
        let mut headers = http::HeaderMap::new();
        if let Some(value) = value {
            headers.insert(http::header::AUTHORIZATION, value.parse().unwrap());
        }
        presented(&headers, &none)
            .and_then(|token| token.text())
            .map(str::to_owned)
            .map_err(|refusal| refusal.detail.to_string())
    };
    assert_eq!(read(Some("Bearer abc.d-e_f")).unwrap(), "abc.d-e_f");
    assert_eq!(read(Some("bearer  abc ")).unwrap(), "abc");
    assert!(read(None).unwrap_err().starts_with("No Authorization header"));
    assert!(read(Some("Basic abc")).unwrap_err().contains("of the form"));
    assert!(read(Some("Bearer")).unwrap_err().contains("no access token"));
    assert!(read(Some("Bearer a b")).unwrap_err().contains("no access token"));
}
