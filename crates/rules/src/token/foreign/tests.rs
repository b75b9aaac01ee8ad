//! What a token of another issuer must say, line by line, and that no changed one is ever accepted.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::issuer::{Whose, whose};
use crate::model::Access;
use crate::permission::permit;
use crate::record::Directory;
use crate::snapshot::Snapshot;
use crate::token::Issuer;

const NOW_S: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.org/realm";

/// The declared issuer, changed.
fn issuer(changes: &Value) -> Value {
    let usual = json!({"name": "idp", "issuer": ISSUER, "audiences": ["api"], "environments": ["demo"]});
    joined(usual, changes)
}

fn joined(mut usual: Value, changes: &Value) -> Value {
    usual.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    usual.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    usual
}

fn world(issuer: &Value) -> Snapshot {
    let operation = |name: &str| json!({"name": name, "method": "GET", "path": format!("/{name}"), "permission": name});
    let declared = serde_json::from_value(json!({
        "apis": [{"name": "a", "base_path": "/a", "target": "http://x", "access": "token",
            "operations": [operation("thing.read"), operation("thing.write")]}],
        "developers": [{"name": "ada"}],
        "applications": [{"name": "app", "developer": "ada"}, {"name": "off-app", "developer": "ada", "disabled": true},
            {"name": "limited", "developer": "ada"}],
        "environments": [{"name": "demo"}, {"name": "spare"}],
        "roles": [{"name": "reader", "permissions": ["thing.read"]},
            {"name": "writer", "permissions": ["thing.read", "thing.write"]}],
        "users": [{"name": "rea", "memberships": [{"environment": "demo", "roles": ["reader"]}]},
            {"name": "off", "disabled": true, "memberships": [{"environment": "demo", "roles": ["reader"]}]},
            {"name": "spa", "memberships": [{"environment": "spare", "roles": ["writer"]}]}],
        "connections": [{"application": "limited", "environment": "demo", "scopes": ["thing.read"]}],
        "issuers": [issuer],
    }));
    Snapshot::new(1, &Directory { declared: declared.unwrap(), ..Directory::default() }, Issuer::default())
}

fn usual_claims(changes: &Value) -> Value {
    let usual =
        json!({"iss": ISSUER, "aud": "api", "sub": "rea", "client_id": "app", "iat": NOW_S, "exp": NOW_S + 300});
    joined(usual, changes)
}

/// Who calls, by an issuer and a token that was verified.
fn judged(snapshot: &Snapshot, kind: Option<&str>, claims: &Value, now_s: i64) -> Result<Identity<'static>, Refusal> {
    let (catalog, claims) = (&snapshot.catalog, Claims::read(claims.to_string().as_bytes()).unwrap());
    let issuer = &catalog.issuers[0];
    let kind = kind.map(str::to_owned);
    let foreign = Foreign { issuer: "idp".into(), key: Some(KeyId::default()), kind, claims };
    let subscribed = Subscribed::not_required(Access::Token).unwrap();
    let api = catalog.api("a").unwrap();
    let identified = identify(catalog, api, issuer, &foreign, &subscribed, now_s * 1_000_000)?;
    Ok(identified.into_identity().unwrap().into_owned())
}

#[track_caller]
fn accepted(settings: &Value, claims: &Value) -> Identity<'static> {
    judged(&world(&issuer(settings)), Some("at+jwt"), &usual_claims(claims), NOW_S)
        .unwrap_or_else(|refusal| panic!("{claims}: {}", refusal.operator_words))
}

/// The words that operators read of a refusal.
#[track_caller]
fn refused(settings: &Value, claims: &Value) -> (Cause, String) {
    match judged(&world(&issuer(settings)), Some("at+jwt"), &usual_claims(claims), NOW_S) {
        Err(refusal) => (refusal.cause, refusal.operator_words.to_string()),
        Ok(identity) => panic!("accepted {claims}: {identity:?}"),
    }
}

#[test]
fn who_calls_is_what_the_claims_say() {
    let plain = accepted(&json!({}), &json!({}));
    assert_eq!((plain.bearer.user.as_deref(), plain.bearer.application.as_deref()), (Some("rea"), Some("app")));
    assert_eq!((&*plain.bearer.environment, &**plain.permission_names()), ("demo", "thing.read"));
    assert_eq!((plain.bearer.issuer.as_deref(), plain.bearer.grant.as_deref()), (Some("idp"), None));
    assert_eq!(plain.bearer.foreign.as_ref().unwrap().claims["aud"], "api");
    let nested = json!({"claims": {"roles": "realm_access.roles", "user": "https://x.example/name"}});
    let told = accepted(
        &nested,
        &json!({"realm_access": {"roles": ["writer", "unknown"]}, "https://x.example/name": "auth0|17"}),
    );
    assert_eq!((told.bearer.user.as_deref(), &**told.permission_names()), (Some("auth0|17"), "thing.read thing.write"));
    // The exact name goes before the path.
    let exact = json!({"realm_access.roles": "reader", "realm_access": {"roles": ["writer"]},
        "https://x.example/name": "a b"});
    assert_eq!(&*accepted(&nested, &exact).allowed.permission_names, "thing.read");
    let mapped = json!({"claims": {"roles": "groups"}, "roles": {"Staff": ["writer"], "guests": ["reader", "gone"]}});
    for (groups, allowed) in [
        (json!("Staff"), "thing.read thing.write"),
        (json!("guests other"), "thing.read"),
        (json!(["guests", 17, {"a": 1}]), "thing.read"),
        (json!("writer"), ""),
        (json!(17), ""),
        (Value::Null, ""),
    ] {
        assert_eq!(&*accepted(&mapped, &json!({"groups": groups})).allowed.permission_names, allowed, "{groups}");
    }
    let party = accepted(&json!({}), &json!({"client_id": null, "azp": "app"}));
    assert_eq!(party.bearer.application.as_deref(), Some("app"));
    assert_eq!(accepted(&json!({}), &json!({"client_id": null})).bearer.application, None);
    let several = json!({"environments": ["demo", "spare"], "claims": {"environment": "org", "roles": "r"}});
    let spare = accepted(&several, &json!({"org": "spare", "sub": "spa", "r": "writer"}));
    assert_eq!((&*spare.bearer.environment, &**spare.permission_names()), ("spare", "thing.read thing.write"));
    let prefixed = accepted(&json!({"user_prefix": "x:", "claims": {"roles": "r"}}), &json!({"r": "reader"}));
    assert_eq!(prefixed.bearer.user.as_deref(), Some("x:rea"));
}

#[test]
fn what_names_can_t_be() {
    let roles = json!({"claims": {"roles": "r"}});
    let several = json!({"environments": ["demo", "spare"], "claims": {"environment": "org"}});
    for (settings, claims, words) in [
        (&roles, json!({"sub": null}), "names no user"),
        (&roles, json!({"sub": ""}), "can't be a name"),
        (&roles, json!({"sub": 17}), "claim sub is no text"),
        (&roles, json!({"sub": ["rea"]}), "claim sub is no text"),
        (&roles, json!({"sub": "a\r\nLimen-Environment: x"}), "can't be a name"),
        (&roles, json!({"sub": " rea"}), "can't be a name"),
        (&roles, json!({"sub": "rea\t"}), "can't be a name"),
        (&roles, json!({"sub": "réa"}), "can't be a name"),
        (&roles, json!({"sub": "a".repeat(201)}), "can't be a name"),
        (&roles, json!({"sub": "application:app"}), "acts for itself"),
        (&roles, json!({"sub": "Application:app"}), "acts for itself"),
        // Ours, and not there; ours, and switched off; ours but for the capitals.
        (&roles, json!({"sub": "spa"}), "not in environment demo"),
        (&roles, json!({"sub": "off"}), "disabled"),
        (&roles, json!({"sub": "Rea"}), "capitals"),
        (&json!({}), json!({"sub": "nobody"}), "unknown here"),
        (&roles, json!({"client_id": "off-app"}), "application off-app is disabled"),
        (&roles, json!({"client_id": "App"}), "capitals"),
        (&roles, json!({"client_id": "a b"}), "can't be a name"),
        (&roles, json!({"client_id": "limen.operator"}), "can't be a name"),
        (&roles, json!({"client_id": 1}), "no text"),
        (&several, json!({}), "names no environment"),
        (&several, json!({"org": "other"}), "was not given"),
        (&several, json!({"org": ["demo"]}), "no text"),
        (&json!({"environments": ["demo", "spare"]}), json!({}), "no claims.environment"),
    ] {
        let (cause, told) = refused(settings, &claims);
        assert!(cause == Cause::TokenInvalid && told.contains(words), "{claims}: {told}");
    }
}

#[test]
fn for_whom_and_what_kind() {
    for (settings, claims, words) in [
        (json!({}), json!({"iss": "https://id.example.org/realm/"}), "another issuer"),
        (json!({}), json!({"iss": null}), "names no issuer"),
        (json!({}), json!({"aud": "other"}), "for other"),
        (json!({}), json!({"aud": ["other", "more"]}), "for other"),
        (json!({}), json!({"aud": null}), "for nobody"),
        (json!({}), json!({"aud": {"api": 1}}), "for nobody"),
        (json!({}), json!({"cnf": {"jkt": "x"}}), "cnf"),
        (json!({}), json!({"at_hash": "x"}), "ID token"),
        (json!({}), json!({"typ": "ID"}), "no access token"),
        (json!({}), json!({"typ": "Refresh"}), "no access token"),
        (json!({}), json!({"token_use": "id"}), "no access token"),
    ] {
        let (_, told) = refused(&settings, &claims);
        assert!(told.contains(words), "{claims}: {told}");
    }
    accepted(&json!({}), &json!({"aud": ["other", "api"], "typ": "Bearer"}));
    let by_kind = |types: Value, kind: Option<&str>| {
        let world = world(&issuer(&json!({"token_types": types})));
        judged(&world, kind, &usual_claims(&json!({})), NOW_S).is_ok()
    };
    for (types, kind, good) in [
        (json!(["at+jwt"]), Some("AT+JWT"), true),
        (json!(["at+jwt"]), Some("application/at+jwt"), true),
        (json!(["at+jwt"]), Some("JWT"), false),
        (json!(["at+jwt"]), None, false),
        (json!(["at+jwt", "JWT"]), Some("jwt"), true),
        (json!(["none"]), None, true),
        (json!(["none"]), Some("JWT"), false),
    ] {
        assert_eq!(by_kind(types.clone(), kind), good, "{types} {kind:?}");
    }
}

#[test]
fn time_within_thirty_seconds_of_ours() {
    let (n, day) = (NOW_S, 86_400);
    for (claims, outcome) in [
        (json!({"exp": n - 29}), None),
        (json!({"exp": n - 30}), Some((Cause::TokenExpired, "expired 30 s ago"))),
        (json!({"exp": n as f64 - 29.5}), Some((Cause::TokenExpired, "expired"))),
        (json!({"exp": n as f64 + 0.5}), None),
        (json!({"exp": null}), Some((Cause::TokenInvalid, "no end"))),
        (json!({"exp": (n + 300).to_string()}), Some((Cause::TokenInvalid, "exp is no number"))),
        (json!({"exp": 1e300}), Some((Cause::TokenInvalid, "lives for"))),
        (json!({"nbf": n + 30}), None),
        (json!({"nbf": n + 31}), Some((Cause::TokenInvalid, "nbf"))),
        (json!({"nbf": "x"}), Some((Cause::TokenInvalid, "nbf is no number"))),
        (json!({"iat": n + 30}), None),
        (json!({"iat": n + 31}), Some((Cause::TokenInvalid, "iat"))),
        (json!({"iat": n, "exp": n + day}), None),
        (json!({"iat": n, "exp": n + day + 1}), Some((Cause::TokenInvalid, "lives for"))),
        (json!({"iat": n - day, "exp": n + 1}), Some((Cause::TokenInvalid, "lives for"))),
        (json!({"iat": null, "exp": n + day + 30}), None),
        (json!({"iat": null, "exp": n + day + 31}), Some((Cause::TokenInvalid, "lives for"))),
    ] {
        let world = world(&issuer(&json!({})));
        let told = judged(&world, Some("at+jwt"), &usual_claims(&claims), n).err();
        match (&told, outcome) {
            (None, None) => {}
            (Some(told), Some((cause, words))) => {
                assert!(told.cause == cause && told.operator_words.contains(words), "{claims}: {told:?}");
            }
            _ => panic!("{claims}: {told:?}"),
        }
    }
}

#[test]
fn a_scope_narrows_where_it_names_ours_or_was_told_to() {
    let writer = |scope: Option<&str>, claims: Value| {
        let mut settings = json!({"claims": {"roles": "r"}});
        if let Some(scope) = scope {
            settings["claims"]["scope"] = json!(scope);
        }
        let identity = accepted(&settings, &joined(json!({"r": "writer"}), &claims));
        identity.permission_names().to_string()
    };
    for (told, claims, left) in [
        (None, json!({}), "thing.read thing.write"),
        (None, json!({"scope": "openid profile"}), "thing.read thing.write"),
        (None, json!({"scope": "openid thing.read"}), "thing.read"),
        (None, json!({"scp": ["thing.write"]}), "thing.write"),
        (Some("scope"), json!({"scope": "openid"}), ""),
        (Some("scope"), json!({}), ""),
        (Some("permissions"), json!({"permissions": ["thing.read"], "scope": "thing.write"}), "thing.read"),
    ] {
        assert_eq!(writer(told, claims.clone()), left, "{told:?} {claims}");
    }
    // So does the connection of an application that has one.
    assert_eq!(writer(None, json!({"client_id": "limited"})), "thing.read");
    let world = world(&issuer(&json!({"claims": {"roles": "r"}})));
    let identity =
        judged(&world, Some("at+jwt"), &usual_claims(&json!({"r": "writer", "client_id": "limited"})), NOW_S);
    let operation = &world.catalog.api("a").unwrap().operations[1];
    let refusal = permit(&world.catalog, operation, Identified(Some(identity.unwrap()))).unwrap_err();
    assert_eq!(refusal.cause, Cause::PermissionDenied);
}

#[test]
fn an_answer_of_the_issuer_is_judged_alike() {
    let settings = json!({"form": "opaque", "audiences": null,
        "introspection": {"url": "https://i", "application_id": "l", "secret_file": "s"}});
    let bare = json!({"active": true, "iss": null, "aud": null, "exp": null, "iat": null, "client_id": null});
    assert_eq!(accepted(&settings, &bare).bearer.user.as_deref(), Some("rea"));
    for (more, words) in [
        (json!({"iss": "https://evil.example"}), "another issuer"),
        (json!({"exp": NOW_S - 30}), "expired"),
        (json!({"token_type": "refresh_token"}), "no access token"),
        (json!({"typ": "Offline"}), "no access token"),
        (json!({"cnf": {"jkt": "x"}}), "cnf"),
        (json!({"sub": null}), "names no user"),
    ] {
        let mut claims = bare.clone();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (_, told) = refused(&settings, &claims);
        assert!(told.contains(words), "{more}: {told}");
    }
    let mut with_audience = settings;
    with_audience["audiences"] = json!(["api"]);
    let (_, told) = refused(&with_audience, &bare);
    assert!(told.contains("for nobody"), "{told}");
}

#[test]
fn claims_are_one_object_whose_members_are_there_once() {
    for wrong in ["", "[]", "17", "{", r#"{"sub":"a","sub":"b"}"#, r#"{"exp":1,"iss":"x","exp":2}"#] {
        assert!(Claims::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let claims = Claims::read(br#"{"a":{"b":{"c":1}},"a.b":2,"l":[{"c":1}]}"#).unwrap();
    for (name, found) in
        [("a.b", Some(2)), ("a.b.c", Some(1)), ("a.x", None), ("l.c", None), ("l.0", None), ("", None), (".", None)]
    {
        assert_eq!(claims.get(name).and_then(Value::as_i64), found, "{name}");
    }
}

struct Signer {
    pair: EcdsaKeyPair,
    keys: KeySet,
}

impl Signer {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let set = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": b64(&point[1..33]), "y": b64(&point[33..])}]});
        Self { keys: KeySet::read(set.to_string().as_bytes()).unwrap(), pair }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": "k", "typ": "at+jwt"});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// Whether a token is let in by a world and keys, from its text on.
fn lets_in(snapshot: &Snapshot, keys: &KeySet, token: &str) -> bool {
    let catalog = &snapshot.catalog;
    let Whose::Signed(issuer) = whose(catalog, "a", token) else { return false };
    let Ok(foreign) = verify(issuer, keys, token) else { return false };
    let subscribed = Subscribed::not_required(Access::Token).unwrap();
    let api = catalog.api("a").unwrap();
    foreign.is_by(keys) && identify(catalog, api, issuer, &foreign, &subscribed, NOW_S * 1_000_000).is_ok()
}

#[test]
fn a_key_that_left_the_set_is_trusted_no_longer() {
    let (world, signer, other) = (world(&issuer(&json!({}))), Signer::new(), Signer::new());
    let token = signer.sign(&usual_claims(&json!({})));
    let foreign = verify(&world.catalog.issuers[0], &signer.keys, &token).unwrap();
    assert!(foreign.is_by(&signer.keys) && !foreign.is_by(&other.keys) && !foreign.is_by(&KeySet::default()));
    let unverified = verify(&world.catalog.issuers[0], &other.keys, &token).unwrap_err();
    assert!(!unverified.may_be_a_new_key, "the same kid under another key is a forgery: {unverified:?}");
    assert!(verify(&world.catalog.issuers[0], &KeySet::default(), &token).unwrap_err().may_be_a_new_key);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    /// Whatever is done to a token's text, what is accepted says what was signed.
    #[test]
    fn a_changed_token_is_never_accepted(at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0_u8..4) {
        thread_local! {
            static SIGNED: (Snapshot, Signer, String) = {
                let (world, signer) = (world(&issuer(&json!({}))), Signer::new());
                let token = signer.sign(&usual_claims(&json!({})));
                (world, signer, token)
            };
        }
        SIGNED.with(|(world, signer, token)| {
            prop_assert!(lets_in(world, &signer.keys, token));
            let mut bytes = token.clone().into_bytes();
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
            let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
            prop_assert!(changed == *token || !lets_in(world, &signer.keys, &changed), "{changed}");
            Ok(())
        })?;
    }
}
