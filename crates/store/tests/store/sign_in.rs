//! What signing in leaves behind is there, is found by its hash alone, and ends with what it hangs on.

use limen_rules::model::{Application, ApplicationKind, Connection, Declared, Environment, Membership, Name, User};
use limen_rules::record::{Grant, Which};
use limen_rules::sign_in::record::{
    AuthorizationCode, CodePresented, Consent, NewRefresh, RefreshHash, RefreshPresented, Rotation, Session,
};
use limen_rules::sign_in::trouble::Trouble;
use limen_store::{ResourceKind, Store, StoreError};

use super::{is_conflict, is_not_found, store};

pub(crate) const S: i64 = 1_000_000;
const REDIRECT_URI: &str = "https://app.example/back";

/// A store in which `app` and `other` are connected to `town`, of which `ann` and `ben` are members.
pub(crate) async fn house() -> (tempfile::TempDir, Store) {
    let (folder, store) = store().await;
    store.apply(&declared(), 1, false).await.unwrap();
    (folder, store)
}

pub(crate) fn declared() -> Declared {
    let application = |name: &str| Application { name: name.into(), ..Application::default() };
    let connection = |application: &str| Connection {
        application: application.into(),
        environment: "town".into(),
        ..Connection::default()
    };
    let user = |name: &str| User {
        name: name.into(),
        memberships: vec![Membership { environment: "town".into(), ..Membership::default() }],
        ..User::default()
    };
    Declared {
        applications: vec![application("app"), application("other")],
        environments: vec![Environment { name: "town".into(), ..Environment::default() }],
        users: vec![user("ann"), user("ben")],
        connections: vec![connection("app"), connection("other")],
        ..Declared::default()
    }
}

pub(crate) fn code(application: &str, user: &str, issued_at_us: i64) -> AuthorizationCode {
    AuthorizationCode {
        application: application.into(),
        user: user.into(),
        environment: "town".into(),
        redirect_uri: REDIRECT_URI.into(),
        scope: Some("constituent.read".into()),
        code_challenge: None,
        issued_at_us,
        expires_at_us: issued_at_us + 300 * S,
    }
}

pub(crate) fn presented(application: &str) -> CodePresented {
    CodePresented { application: application.into(), redirect_uri: Some(REDIRECT_URI.into()), verifier: None }
}

pub(crate) fn grant(id: &str, application: &str, user: &str, now_us: i64) -> Grant {
    Grant {
        id: id.into(),
        user: user.into(),
        application: Some(application.into()),
        environment: "town".into(),
        scope: Some("constituent.read".into()),
        issued_at_us: now_us,
        expires_at_us: now_us + 3_600 * S,
        refresh_expires_at_us: None,
        revoked_at_us: None,
    }
}

pub(crate) fn hash(family: u8, token: u8) -> RefreshHash {
    RefreshHash { token: std::array::from_fn(|place| [family, token][place % 2]), family: [family; 32] }
}

pub(crate) fn new(family: u8, token: u8, expires_at_us: i64) -> NewRefresh {
    NewRefresh { hash: hash(family, token), expires_at_us }
}

pub(crate) fn by(application: &str, kind: ApplicationKind, preserve: bool) -> RefreshPresented {
    RefreshPresented { application: application.into(), kind, preserve }
}

/// Signs `user` in with `application`: the grant is called after them, its family is `family`, its token the first.
async fn sign_in(store: &Store, application: &str, user: &str, family: u8, now_us: i64) -> Name {
    let id = format!("{application}-{user}-{family}");
    store.insert_code([family; 32], &code(application, user, now_us)).await.unwrap();
    let first = new(family, 1, now_us + 1_000 * S);
    let given = grant(&id, application, user, now_us);
    store.exchange_code([family; 32], &presented(application), &given, Some(first), now_us).await.unwrap().unwrap();
    id.into()
}

async fn refresh(store: &Store, family: u8, token: u8, now_us: i64) -> Rotation {
    let confidential = by("app", ApplicationKind::Confidential, false);
    let next = new(family, token + 1, now_us + 1_000 * S);
    let answer = vec![family, token + 1];
    store.rotate_refresh(&hash(family, token), &confidential, next, answer, now_us + 3_600 * S, now_us).await.unwrap()
}

#[tokio::test]
async fn a_code_is_exchanged_once() {
    let (_folder, store) = house().await;
    let revision = store.revision().await.unwrap();
    store.insert_code([1; 32], &code("app", "ann", 0)).await.unwrap();
    assert_eq!(store.code([2; 32]).await.unwrap(), None);
    let stored = store.code([1; 32]).await.unwrap().unwrap();
    assert_eq!((stored.code, stored.used_at_us, stored.grant), (code("app", "ann", 0), None, None));

    let exchange = async |application: &str, id: &str, now_us| {
        let first = Some(new(1, 1, 1_000 * S));
        let given = grant(id, "app", "ann", now_us);
        store.exchange_code([1; 32], &presented(application), &given, first, now_us).await.unwrap()
    };
    assert_eq!(exchange("other", "g0", S).await, Err(Trouble::CodeInvalid));
    assert_eq!(exchange("app", "g1", S).await, Ok(()));
    let kept = Grant { refresh_expires_at_us: Some(1_000 * S), ..grant("g1", "app", "ann", S) };
    assert_eq!(store.grant("g1").await.unwrap(), kept);
    assert_eq!(exchange("app", "g2", 6 * S).await, Err(Trouble::CodeInvalid));
    assert_eq!(store.grant("g1").await.unwrap(), kept, "a repeat ends nothing");
    assert!(is_not_found(store.grant("g2").await));
    assert_eq!(store.revision().await.unwrap(), revision, "a snapshot sees no sign-in");

    assert_eq!(exchange("app", "g3", 7 * S).await, Err(Trouble::CodeInvalid));
    assert_eq!(store.grant("g1").await.unwrap().revoked_at_us, Some(7 * S));
    assert_eq!(store.revision().await.unwrap(), revision + 1);
    assert_eq!(refresh(&store, 1, 1, 8 * S).await, Rotation::Refused(Trouble::RefreshTokenInvalid));
}

#[tokio::test]
async fn a_code_isnt_exchanged_for_something_else() {
    let (_folder, store) = house().await;
    store.insert_code([1; 32], &code("app", "ann", 0)).await.unwrap();
    for wrong in [grant("g1", "app", "ben", 0), grant("g1", "other", "ann", 0)] {
        assert!(is_conflict(store.exchange_code([1; 32], &presented("app"), &wrong, None, 0).await));
    }
    assert_eq!(store.code([1; 32]).await.unwrap().unwrap().used_at_us, None);
}

#[tokio::test]
async fn refresh_tokens_take_turns() {
    let (_folder, store) = house().await;
    let id = sign_in(&store, "app", "ann", 1, 0).await;
    let revision = store.revision().await.unwrap();
    assert_eq!(refresh(&store, 1, 1, S).await, Rotation::Rotated);
    assert_eq!(refresh(&store, 1, 1, 11 * S).await, Rotation::Repeat(vec![1, 2]));
    let predecessor = store.refresh_token(&hash(1, 1)).await.unwrap().unwrap();
    assert_eq!((predecessor.successor, predecessor.replaced_at_us), (Some(hash(1, 2).token), Some(S)));

    let keep = by("app", ApplicationKind::Confidential, true);
    let kept = store.rotate_refresh(&hash(1, 2), &keep, new(1, 3, 0), vec![], 9_000 * S, 12 * S).await.unwrap();
    assert_eq!(kept, Rotation::Preserved);
    let present = store.refresh_token(&hash(1, 2)).await.unwrap().unwrap();
    assert_eq!((present.preserved_uses, present.successor, present.expires_at_us), (1, None, 1_001 * S));
    assert_eq!(present.grant.expires_at_us, 9_000 * S);
    assert_eq!(present.grant.refresh_expires_at_us, Some(1_001 * S));
    let predecessor = store.refresh_token(&hash(1, 1)).await.unwrap().unwrap();
    assert!(predecessor.successor_used && predecessor.sealed_answer.is_none());
    assert_eq!(store.revision().await.unwrap(), revision, "a snapshot sees no refresh");

    assert_eq!(refresh(&store, 1, 1, 12 * S).await, Rotation::Refused(Trouble::RefreshTokenReused));
    assert_eq!(store.grant(&id).await.unwrap().revoked_at_us, Some(12 * S));
    assert_eq!(refresh(&store, 1, 2, 12 * S).await, Rotation::Refused(Trouble::RefreshTokenInvalid));
    assert_eq!(store.refresh_token(&hash(2, 1)).await.unwrap(), None);
}

#[tokio::test]
async fn what_ends_what() {
    let ended: [(&str, &[&str]); 7] = [
        ("password", &["app-ann-1", "other-ann-2"]),
        ("user disabled", &["app-ann-1", "other-ann-2"]),
        ("user removed", &["app-ann-1", "other-ann-2"]),
        ("application disabled", &["app-ann-1", "app-ben-3"]),
        ("connection removed", &["app-ann-1", "app-ben-3"]),
        ("environment removed", &["app-ann-1", "app-ben-3", "other-ann-2"]),
        ("consent withdrawn", &["app-ann-1"]),
    ];
    for (what, revoked) in ended {
        let (_folder, store) = house().await;
        for (application, user, family) in [("app", "ann", 1), ("other", "ann", 2), ("app", "ben", 3)] {
            sign_in(&store, application, user, family, 0).await;
        }
        store.insert_code([9; 32], &code("app", "ann", 0)).await.unwrap();
        let revision = store.revision().await.unwrap();
        let mut declared = declared();
        match what {
            "password" => store.set_password("ann", "$argon2id$", None, S).await.unwrap(),
            "user disabled" => declared.users[0].disabled = true,
            "user removed" => store.remove(ResourceKind::User, "ann", S).await.unwrap(),
            "application disabled" => declared.applications[0].disabled = true,
            "connection removed" => store.remove(ResourceKind::Connection, "app@town", S).await.unwrap(),
            "environment removed" => store.remove(ResourceKind::Environment, "town", S).await.unwrap(),
            _ => store.withdraw_consent("ann", "app", "town", S).await.unwrap(),
        }
        if what.ends_with("disabled") {
            store.apply(&declared, S, true).await.unwrap();
            assert_eq!(store.revoked_grants(S).await.unwrap(), [], "{what} is only tried");
            store.apply(&declared, S, false).await.unwrap();
        }
        assert!(store.revision().await.unwrap() > revision, "{what}");
        assert_eq!(
            store.revoked_grants(S).await.unwrap(),
            revoked.iter().map(|id| Name::from(*id)).collect::<Vec<_>>(),
            "{what}"
        );
        assert_eq!(store.code([9; 32]).await.unwrap(), None, "{what}");
        let stays = !revoked.contains(&"app-ben-3");
        assert_eq!(refresh(&store, 3, 1, S).await == Rotation::Rotated, stays, "{what}");
        assert_eq!(refresh(&store, 1, 1, S).await, Rotation::Refused(Trouble::RefreshTokenInvalid), "{what}");
    }
}

#[tokio::test]
async fn nothing_is_given_to_whoever_is_gone() {
    for what in ["user", "membership", "connection", "application"] {
        let (_folder, store) = house().await;
        sign_in(&store, "app", "ann", 1, 0).await;
        store.insert_code([2; 32], &code("app", "ann", 0)).await.unwrap();
        // As if it had happened in the moment before the exchange: what ended with it is not looked at here.
        let mut declared = declared();
        match what {
            "user" => declared.users[0].name = "amy".into(),
            "membership" => declared.users[0].memberships.clear(),
            "connection" => drop(declared.connections.remove(0)),
            _ => declared.applications[0].disabled = true,
        }
        let (_folder, bare) = store_of(&declared, &store).await;
        let given = grant("g2", "app", "ann", S);
        let exchanged = bare.exchange_code([2; 32], &presented("app"), &given, None, S).await.unwrap();
        assert_eq!(exchanged, Err(Trouble::CodeInvalid), "{what}");
        assert_eq!(bare.code([2; 32]).await.unwrap().unwrap().used_at_us, None, "{what}");
    }
}

#[tokio::test]
async fn an_application_gets_for_itself_what_it_may_now() {
    let (_folder, store) = house().await;
    let own = |id: &str, application: &str| grant(id, application, &format!("application:{application}"), 0);
    assert!(is_conflict(store.insert_grant(&own("g1", "app")).await), "it has no roles of its own");
    let mut declared = declared();
    declared.connections[0].own_roles = vec!["reader".into()];
    store.apply(&declared, 1, false).await.unwrap();
    store.insert_grant(&own("g1", "app")).await.unwrap();
    assert!(is_conflict(store.insert_grant(&own("g2", "other")).await));
    store.sweep_sign_in(2 * 3_600 * S).await.unwrap();
    assert!(store.grant("g1").await.is_ok());
    store.sweep_sign_in(2 * 3_600 * S + 1).await.unwrap();
    assert!(is_not_found(store.grant("g1").await), "kept for an hour: there may be one a minute");

    declared.applications[0].disabled = true;
    store.apply(&declared, 2, false).await.unwrap();
    assert!(is_conflict(store.insert_grant(&own("g3", "app")).await));
}

/// A store with other objects that knows the code `[2; 32]` of `from`.
async fn store_of(declared: &Declared, from: &Store) -> (tempfile::TempDir, Store) {
    let (folder, bare) = store().await;
    bare.apply(declared, 1, false).await.unwrap();
    bare.insert_code([2; 32], &from.code([2; 32]).await.unwrap().unwrap().code).await.unwrap();
    (folder, bare)
}

#[tokio::test]
async fn sessions() {
    const HOUR: i64 = 3_600 * S;
    let (_folder, store) = house().await;
    let session = |user: &str, at_us| Session {
        user: user.into(),
        signed_in_at_us: at_us,
        seen_at_us: at_us,
        expires_at_us: at_us + 168 * HOUR,
    };
    store.insert_session([1; 32], &session("ann", 0)).await.unwrap();
    store.insert_session([2; 32], &session("ann", 0)).await.unwrap();
    store.insert_session([3; 32], &session("ben", 0)).await.unwrap();
    assert!(is_not_found(store.insert_session([4; 32], &session("cat", 0)).await));
    assert_eq!(store.session([1; 32], 12 * HOUR - 1).await.unwrap(), Some(session("ann", 0)));
    assert_eq!(store.session([1; 32], 12 * HOUR).await.unwrap(), None, "idle for too long");

    store.touch_session([1; 32], 60 * S).await.unwrap();
    assert_eq!(store.session([1; 32], 60 * S).await.unwrap().unwrap().seen_at_us, 0, "not written for a minute");
    for hours in (11..168).step_by(11) {
        store.touch_session([1; 32], hours * HOUR).await.unwrap();
    }
    assert_eq!(store.session([1; 32], 168 * HOUR - 1).await.unwrap().unwrap().seen_at_us, 165 * HOUR);
    assert_eq!(store.session([1; 32], 168 * HOUR).await.unwrap(), None, "too old");

    store.set_password("ann", "$argon2id$", Some([1; 32]), 2 * HOUR).await.unwrap();
    assert!(store.session([1; 32], 166 * HOUR).await.unwrap().is_some());
    assert_eq!(store.session([2; 32], HOUR).await.unwrap(), None);
    assert!(store.session([3; 32], HOUR).await.unwrap().is_some());
    assert!(is_conflict(store.insert_session([4; 32], &session("ann", 2 * HOUR - 1)).await), "by the old password");
    store.insert_session([4; 32], &session("ann", 2 * HOUR)).await.unwrap();
    store.remove_session([3; 32]).await.unwrap();
    assert_eq!(store.session([3; 32], HOUR).await.unwrap(), None);
    assert_eq!(store.remove_sessions_of_user("ann").await.unwrap(), 2);

    for number in 0..60 {
        store.insert_session([100 + number; 32], &session("ann", 3 * HOUR + i64::from(number))).await.unwrap();
    }
    assert_eq!(store.session([109; 32], 3 * HOUR).await.unwrap(), None, "fifty at most");
    assert_eq!(store.remove_sessions_of_user("ann").await.unwrap(), 50);
}

#[tokio::test]
async fn consents() {
    let (_folder, store) = house().await;
    let consent = |application: &str, scope: Option<&str>| Consent {
        user: "ann".into(),
        application: application.into(),
        environment: "town".into(),
        scope: scope.map(Into::into),
        given_at_us: 1,
    };
    store.put_consent(&consent("other", None)).await.unwrap();
    store.put_consent(&consent("app", Some("a b"))).await.unwrap();
    store.put_consent(&consent("app", Some("a"))).await.unwrap();
    assert_eq!(store.consent("ann", "app", "town").await.unwrap(), Some(consent("app", Some("a"))));
    assert_eq!(store.consent("ben", "app", "town").await.unwrap(), None);
    assert_eq!(store.consents_of_user("ann").await.unwrap(), [consent("app", Some("a")), consent("other", None)]);
    store.withdraw_consent("ann", "other", "town", 2).await.unwrap();
    store.withdraw_consent("ann", "other", "town", 2).await.unwrap();
    store.remove(ResourceKind::Connection, "app@town", 3).await.unwrap();
    assert_eq!(store.consents_of_user("ann").await.unwrap(), []);
}

#[tokio::test]
async fn secrets_logos_and_passwords() {
    let (_folder, store) = house().await;
    let revision = store.revision().await.unwrap();
    store.put_application_secret("app", Which::Secondary, [2; 32], 2).await.unwrap();
    store.put_application_secret("app", Which::Primary, [1; 32], 1).await.unwrap();
    store.put_application_secret("app", Which::Primary, [3; 32], 3).await.unwrap();
    assert!(is_not_found(store.put_application_secret("none", Which::Primary, [1; 32], 1).await));
    let secrets = store.application_secrets("app").await.unwrap();
    let seen: Vec<_> = secrets.iter().map(|one| (one.which, one.hash, one.made_at_us)).collect();
    assert_eq!(seen, [(Which::Primary, [3; 32], 3), (Which::Secondary, [2; 32], 2)]);
    store.remove_application_secret("app", Which::Secondary).await.unwrap();
    assert!(is_not_found(store.remove_application_secret("app", Which::Secondary).await));
    assert_eq!(store.application_secrets("app").await.unwrap().len(), 1);

    assert!(is_not_found(store.put_application_logo("none", vec![1], 1).await));
    store.put_application_logo("app", vec![1], 1).await.unwrap();
    store.put_application_logo("app", vec![2], 2).await.unwrap();
    assert_eq!(store.application_logo("app").await.unwrap(), Some(vec![2]));
    assert_eq!(store.application_logo("other").await.unwrap(), None);
    store.remove_application_logo("app").await.unwrap();
    assert!(is_not_found(store.remove_application_logo("app").await));

    assert!(is_not_found(store.set_password("none", "$argon2id$", None, 1).await));
    store.set_password("ann", "$argon2id$a", None, 1).await.unwrap();
    store.set_password("ann", "$argon2id$b", None, 2).await.unwrap();
    assert_eq!(store.password("ann").await.unwrap().as_deref(), Some("$argon2id$b"));
    store.remove_password("ann").await.unwrap();
    assert!(is_not_found(store.remove_password("ann").await));
    assert_eq!(store.revision().await.unwrap(), revision, "a snapshot sees none of it");

    store.put_application_logo("app", vec![1], 1).await.unwrap();
    store.set_password("ann", "$argon2id$c", None, 3).await.unwrap();
    store.remove(ResourceKind::Application, "app", 4).await.unwrap();
    store.remove(ResourceKind::User, "ann", 4).await.unwrap();
    store.apply(&declared(), 5, false).await.unwrap();
    assert_eq!(store.application_secrets("app").await.unwrap(), [], "a later one of that name inherits nothing");
    assert_eq!(store.application_logo("app").await.unwrap(), None);
    assert_eq!(store.password("ann").await.unwrap(), None);
}

#[tokio::test]
async fn grants_of_a_connection() {
    let (_folder, store) = house().await;
    for (application, user, family) in [("app", "ann", 1), ("other", "ann", 2), ("app", "ben", 3)] {
        sign_in(&store, application, user, family, i64::from(family)).await;
    }
    let ids = async |application: &str, environment: &str| {
        let grants = store.grants_of_connection(application, environment).await.unwrap();
        grants.into_iter().map(|grant| grant.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids("app", "town").await, ["app-ben-3", "app-ann-1"]);
    assert_eq!(ids("app", "elsewhere").await, [""; 0]);
    assert_eq!(store.revoke_grants_of_connection("app", "town", 5).await.unwrap(), 2);
    assert_eq!(store.revoke_grants_of_connection("app", "town", 5).await.unwrap(), 0);
    assert_eq!(store.revoked_grants(5).await.unwrap().len(), 2);
    assert!(!matches!(store.grant("other-ann-2").await, Err(StoreError::NotFound { .. })));
}
