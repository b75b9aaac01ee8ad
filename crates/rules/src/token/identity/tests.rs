//! What is left of the roles: by hand for the words, and against a naive reading for random worlds.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::contract::BearerError;
use crate::permission::permit;
use crate::record::{Directory, VerifyingKey};
use crate::snapshot::Snapshot;
use crate::token::Issuer;

const NOW_US: i64 = 1_000 * 1_000_000;

fn claims(sub: &str) -> Claims {
    Claims {
        iss: String::new(),
        sub: sub.into(),
        aud: String::new(),
        client_id: "app".into(),
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

/// A world with an operation for each of these permissions, named like it.
fn snapshot(permissions: &[&str], roles: &Value, user_roles: &[&str], connections: &Value) -> Snapshot {
    let operation =
        |name: &&str| json!({"name": name, "method": "GET", "path": format!("/{name}"), "permission": name});
    let operations: Vec<Value> = permissions.iter().map(operation).collect();
    let api =
        json!({"name": "a", "base_path": "/a", "target": "http://x", "access": "token", "operations": operations});
    let declared = serde_json::from_value(json!({
        "apis": [api],
        "developers": [{"name": "ada"}],
        "applications": [{"name": "app", "developer": "ada"}, {"name": "other", "developer": "ada"}],
        "environments": [{"name": "demo"}, {"name": "spare"}],
        "roles": roles,
        "users": [{"name": "farah", "memberships": [{"environment": "demo", "roles": user_roles}]}],
        "connections": connections,
    }))
    .unwrap();
    let key = VerifyingKey { kid: "k1".into(), public_point: vec![4; 65], created_at_us: 0, trusted_until_us: None };
    let directory = Directory { declared, verifying_keys: vec![key], ..Directory::default() };
    Snapshot::new(1, &directory, Issuer::default())
}

fn identified(snapshot: &Snapshot, claims: Claims) -> Result<Identified<'_>, Refusal> {
    let subscribed = Subscribed::not_required(Access::Token).unwrap();
    let verified = Verified::new(claims, "k1".into());
    identify(&snapshot.catalog, snapshot.catalog.api("a").unwrap(), &verified, &subscribed, NOW_US)
}

/// Whether the operation of that permission is let through.
fn permitted(snapshot: &Snapshot, permission: &str, identified: Identified<'_>) -> Result<(), Refusal> {
    let operations = &snapshot.catalog.api("a").unwrap().operations;
    let operation = operations.iter().find(|one| one.name.as_deref() == Some(permission)).unwrap();
    permit(&snapshot.catalog, operation, identified).map(drop)
}

/// A reader and writer whose application is connected as told.
fn usual(connection: &Value) -> Snapshot {
    let mut connection = connection.clone();
    (connection["application"], connection["environment"]) = ("app".into(), "demo".into());
    let roles = json!([
        {"name": "reader", "permissions": ["read"]},
        {"name": "writer", "permissions": ["write", "read"]},
    ]);
    snapshot(&["read", "write", "erase"], &roles, &["writer"], &json!([connection]))
}

#[test]
fn what_nothing_narrows_is_shared_and_not_made_anew() {
    let snapshot = usual(&json!({}));
    let identity = identified(&snapshot, claims("farah")).unwrap().into_identity().unwrap();
    let roles = &snapshot.catalog.users["farah"].memberships["demo"].allowed;
    assert!(matches!(identity.allowed, Cow::Borrowed(allowed) if std::ptr::eq(allowed, roles)));
    assert!(identity.limits.is_none());
}

#[test]
fn an_application_that_acts_for_itself_is_no_user() {
    let snapshot = usual(&json!({"own_roles": ["reader"]}));
    let own = identified(&snapshot, claims("application:app")).unwrap();
    let identity = own.identity().unwrap();
    assert_eq!((identity.bearer.user.as_deref(), identity.bearer.application.as_deref()), (None, Some("app")));
    assert_eq!(&**identity.permission_names(), "read");
    assert!(permitted(&snapshot, "read", own.clone()).is_ok());
    let denied = permitted(&snapshot, "write", own).unwrap_err();
    assert!(denied.message.contains("which the application does not have"), "{}", denied.message);
    assert_eq!(denied.challenges.token, None, "roles decide");

    let refused = |snapshot: &Snapshot, sub: &str, application: &str| {
        let claims = Claims { client_id: application.into(), ..claims(sub) };
        let refusal = identified(snapshot, claims).unwrap_err();
        assert_eq!((refusal.cause, refusal.challenges.token), (Cause::TokenInvalid, Some(BearerError::InvalidToken)));
        refusal.operator_words.to_string()
    };
    assert!(refused(&snapshot, "application:other", "app").contains("is application other and the token is app's"));
    assert!(refused(&snapshot, "application:app", "other").contains("other is not connected"));
    assert!(refused(&snapshot, "application:app", OPERATOR_CLIENT_ID).contains("the token is limen.operator's"));
    assert!(refused(&snapshot, "application:", "app").contains("the token is app's"));
    assert!(refused(&usual(&json!({})), "application:app", "app").contains("may no longer act for itself"));
}

#[test]
fn who_can_widen_a_scope_is_told() {
    let refusal = |connection: Value, scope: Option<&str>| {
        let snapshot = usual(&connection);
        let mode = if scope.is_some() { Mode::Limited } else { Mode::Full };
        let claims = Claims { mode, scope: scope.map(Into::into), ..claims("farah") };
        let refusal = permitted(&snapshot, "write", identified(&snapshot, claims).unwrap()).unwrap_err();
        assert_eq!(refusal.cause, Cause::PermissionDenied);
        assert_eq!(refusal.challenges.token, Some(BearerError::InsufficientScope));
        assert_eq!(refusal.scope.as_deref(), Some("write"));
        refusal.message.to_string()
    };
    let token = refusal(json!({}), Some("read"));
    assert!(
        token.contains("which the access token does not cover") && token.contains("ask for the scope write"),
        "{token}"
    );
    for scope in [None, Some("read"), Some("read write")] {
        let connection = refusal(json!({"scopes": ["read"]}), scope);
        assert!(connection.contains("the environment's administrator can widen it"), "{connection}");
    }
    // What no role allows, no scope would mend.
    let snapshot = usual(&json!({"scopes": ["read"]}));
    let erase = permitted(&snapshot, "erase", identified(&snapshot, claims("farah")).unwrap()).unwrap_err();
    assert_eq!((erase.challenges.token, erase.scope.clone()), (None, None));
}

#[test]
fn a_scope_and_a_mode_that_disagree_narrow_all_the_same() {
    let snapshot = usual(&json!({}));
    let names = |mode, scope: Option<&str>| {
        let claims = Claims { mode, scope: scope.map(Into::into), ..claims("farah") };
        let identity = identified(&snapshot, claims).unwrap().into_identity().unwrap();
        (identity.permission_names().to_string(), identity.mode())
    };
    assert_eq!(names(Mode::Full, None), ("read write".into(), Mode::Full));
    assert_eq!(names(Mode::Full, Some("read")), ("read".into(), Mode::Limited));
    assert_eq!(names(Mode::Limited, None), (String::new(), Mode::Limited));
    assert_eq!(names(Mode::Limited, Some("write  unknown read")), ("read write".into(), Mode::Limited));
}

/// Of these permissions nobody's role has the last, and the one before it no operation asks for.
const PERMISSIONS: [&str; 6] = ["a", "b", "c", "d", "unasked", "unheld"];

fn of_mask(mask: u8) -> BTreeSet<&'static str> {
    PERMISSIONS.iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, name)| *name).collect()
}

proptest! {
    /// Random roles, users, connections and scopes against sets of names.
    #[test]
    fn what_is_left_is_what_all_of_them_allow(
        role_masks in prop::collection::vec(0_u8..32, 1..4),
        user_roles in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        own_roles in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        limit in prop::option::of(0_u8..64),
        scope in prop::option::of(0_u8..64),
        acts_for_itself in any::<bool>(),
    ) {
        let role_names: Vec<String> = (0..role_masks.len()).map(|at| format!("r{at}")).collect();
        let roles: Vec<Value> = role_names.iter().zip(&role_masks)
            .map(|(name, mask)| json!({"name": name, "permissions": of_mask(*mask)})).collect();
        let picked = |picks: &[prop::sample::Index]| {
            let places: BTreeSet<usize> = picks.iter().map(|pick| pick.index(role_masks.len())).collect();
            let allowed = places.iter().flat_map(|at| of_mask(role_masks[*at])).collect::<BTreeSet<_>>();
            let names: Vec<&str> = places.iter().map(|at| role_names[*at].as_str()).collect();
            (names, allowed)
        };
        let ((users, user_may), (own, own_may)) = (picked(&user_roles), picked(&own_roles));
        let mut connection = json!({"application": "app", "environment": "demo", "own_roles": own});
        if let Some(mask) = limit {
            connection["scopes"] = json!(of_mask(mask));
        }
        let asked = ["a", "b", "c", "d", "unheld"];
        let snapshot = snapshot(&asked, &json!(roles), &users, &json!([connection]));
        let sub = if acts_for_itself { "application:app" } else { "farah" };
        let text = scope.map(|mask| of_mask(mask).into_iter().rev().collect::<Vec<_>>().join(" "));
        let mode = if text.is_some() { Mode::Limited } else { Mode::Full };
        let found = identified(&snapshot, Claims { mode, scope: text, ..claims(sub) });

        if acts_for_itself && own.is_empty() {
            prop_assert_eq!(found.unwrap_err().cause, Cause::TokenInvalid);
            return Ok(());
        }
        let by_roles = if acts_for_itself { own_may } else { user_may };
        let left: BTreeSet<&str> = by_roles.iter().copied()
            .filter(|name| limit.is_none_or(|mask| of_mask(mask).contains(name)))
            .filter(|name| scope.is_none_or(|mask| of_mask(mask).contains(name)))
            .collect();
        let found = found.unwrap();
        let told: Vec<&str> = found.identity().unwrap().permission_names().split(' ').filter(|one| !one.is_empty()).collect();
        prop_assert_eq!(told, left.iter().copied().collect::<Vec<_>>());
        for permission in asked {
            let refusal = permitted(&snapshot, permission, found.clone()).err();
            prop_assert_eq!(refusal.is_none(), left.contains(permission), "{}", permission);
            let challenged = refusal.and_then(|refusal| refusal.challenges.token).is_some();
            prop_assert_eq!(challenged, by_roles.contains(permission) && !left.contains(permission), "{}", permission);
        }
    }
}
