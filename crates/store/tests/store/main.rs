//! What is written is there, what can't be is refused, and every change that a snapshot would see is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the exemption for tests does not reach the functions that they share"
)]

mod crash;
mod families;
mod parallel;
mod sign_in;

use limen_rules::model::{Api, CountedBy, Declared, Developer, Product};
use limen_rules::record::{
    Grant, Notice, NoticeKind, NoticeUpdate, StoredKey, Subscription, SubscriptionState, VerifyingKey, Which,
};
use limen_store::{Changes, DataFolder, ResourceKind, SigningKey, Store, StoreError};
use sqlx::Connection;

const DAY_US: i64 = 24 * 3_600 * 1_000_000;

async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(DataFolder::open(folder.path()).unwrap()).await.unwrap();
    (folder, store)
}

fn api(name: &str) -> Api {
    let document = format!(
        r#"{{"name":"{name}","base_path":"/{name}","target":"http://127.0.0.1:1",
            "operations":[{{"name":"z","method":"GET","path":"/z"}},{{"name":"a","method":"GET","path":"/a"}}]}}"#
    );
    serde_json::from_str(&document).unwrap()
}

fn declared() -> Declared {
    Declared {
        apis: vec![api("zebra"), api("ape")],
        products: vec![Product {
            name: "standard".into(),
            title: String::new(),
            apis: vec!["zebra".into()],
            rate: None,
            quota: None,
            approval_needed: false,
            terms: None,
            counted_by: CountedBy::default(),
        }],
        developers: vec![Developer { name: "ada".into(), title: "Ada".into(), email: String::new() }],
        ..Declared::default()
    }
}

fn subscription(id: &str, state: SubscriptionState) -> Subscription {
    let hash = |first| std::array::from_fn(|place| id.as_bytes().get(place).copied().unwrap_or(first));
    let key = |which, first| StoredKey { which, hash: hash(first), made_at_us: 1, valid_until_us: None };
    Subscription {
        id: id.into(),
        product: "standard".into(),
        developer: "ada".into(),
        state,
        created_at_us: 1,
        started_at_us: 1,
        ends_at_us: Some(5 * DAY_US),
        keys: vec![key(Which::Primary, 1), key(Which::Secondary, 2)],
    }
}

fn is_not_found<T>(outcome: Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NotFound { .. }))
}

fn is_conflict<T>(outcome: Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Conflict { .. }))
}

#[tokio::test]
async fn declared_objects() {
    let (_folder, store) = store().await;
    let mut objects = declared();
    let dry = store.apply(&objects, 1, true).await.unwrap();
    assert_eq!(
        dry.created.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["api zebra", "api ape", "product standard", "developer ada"]
    );
    assert_eq!(store.declared().await.unwrap(), Declared::default());

    assert_eq!(store.apply(&objects, 1, false).await.unwrap(), dry);
    assert_eq!(store.declared().await.unwrap(), objects);
    assert_eq!(store.revision().await.unwrap(), 1);

    let again = store.apply(&objects, 2, false).await.unwrap();
    assert_eq!((again.created.len(), again.changed.len(), again.unchanged.len()), (0, 0, 4));
    assert_eq!(store.revision().await.unwrap(), 1, "nothing changed");

    objects.apis[0].title = "Zebras".into();
    let changed = store.apply(&Declared { apis: vec![objects.apis[0].clone()], ..Declared::default() }, 3, false).await;
    assert_eq!(changed.unwrap().changed[0].to_string(), "api zebra");
    assert_eq!(store.declared().await.unwrap(), objects, "the order and what wasn't named stay");

    store.remove(ResourceKind::Api, "zebra", 4).await.unwrap();
    objects.apis.remove(0);
    assert_eq!(store.declared().await.unwrap(), objects);
    assert!(is_not_found(store.remove(ResourceKind::Api, "zebra", 4).await));
    assert!(is_not_found(store.remove(ResourceKind::Product, "ape", 4).await));
    assert_eq!(store.revision().await.unwrap(), 3);
}

#[tokio::test]
async fn what_is_declared_is_read_anew_only_where_it_changed() {
    let (_folder, store) = store().await;
    store.apply(&declared(), 1, false).await.unwrap();
    let first = store.declared_at_present().await.unwrap();
    assert_eq!(*first, declared());
    assert!(std::sync::Arc::ptr_eq(&first, &store.declared_at_present().await.unwrap()));
    store.remove(ResourceKind::Developer, "ada", 2).await.unwrap();
    assert!(store.declared_at_present().await.unwrap().developers.is_empty());
    let more = Declared { apis: vec![api("bear")], ..Declared::default() };
    store.apply(&more, 3, false).await.unwrap();
    assert_eq!(store.declared_at_present().await.unwrap().apis.len(), 3);
}

#[tokio::test]
async fn states_of_subscriptions() {
    use SubscriptionState::{Active, Cancelled, Expired, Rejected, Requested, Suspended};
    let (_folder, store) = store().await;
    let allowed = [
        (Requested, Active),
        (Requested, Rejected),
        (Requested, Cancelled),
        (Requested, Expired),
        (Active, Suspended),
        (Active, Cancelled),
        (Active, Expired),
        (Suspended, Active),
        (Suspended, Cancelled),
        (Suspended, Expired),
    ];
    let states = [Requested, Active, Suspended, Cancelled, Rejected, Expired];
    for (number, (from, to)) in states.iter().flat_map(|from| states.map(|to| (*from, to))).enumerate() {
        let id = format!("sub_{number:012}");
        let before = subscription(&id, from);
        store.insert_subscription(&before).await.unwrap();
        let outcome = store.set_subscription_state(&id, to, 77).await;
        let mut expected = before;
        if allowed.contains(&(from, to)) {
            expected.state = to;
            if from == Requested && to == Active {
                expected.started_at_us = 77;
            }
            assert_eq!(outcome.unwrap(), expected, "{from:?} {to:?}");
        } else {
            assert!(is_conflict(outcome), "{from:?} {to:?}");
        }
        assert_eq!(store.subscription(&id).await.unwrap(), expected);
    }
    assert!(is_not_found(store.set_subscription_state("sub_none", Active, 1).await));
}

#[tokio::test]
async fn subscriptions_and_whose_they_are() {
    let (_folder, store) = store().await;
    let first = subscription("sub_b", SubscriptionState::Active);
    let second = Subscription { created_at_us: 2, ..subscription("sub_a", SubscriptionState::Active) };
    let other = Subscription { developer: "bob".into(), ..subscription("sub_c", SubscriptionState::Active) };
    for new in [&second, &other, &first] {
        store.insert_subscription(new).await.unwrap();
    }
    assert!(is_conflict(store.insert_subscription(&first).await));
    let stolen = Subscription { id: "sub_d".into(), ..first.clone() };
    assert!(is_conflict(store.insert_subscription(&stolen).await), "a key of another subscription");
    assert!(is_not_found(store.subscription("sub_d").await), "all or nothing");
    assert_eq!(store.subscriptions(Some("ada")).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.subscriptions(None).await.unwrap(), [first, other, second]);
    store.remove_subscription("sub_a").await.unwrap();
    assert!(is_not_found(store.remove_subscription("sub_a").await));
    assert!(is_not_found(store.subscription("sub_a").await));
}

#[tokio::test]
async fn key_rotation() {
    let (_folder, store) = store().await;
    let start = subscription("sub_a", SubscriptionState::Active);
    store.insert_subscription(&start).await.unwrap();
    let [primary, secondary] = [start.keys[0].clone(), start.keys[1].clone()];
    let fresh =
        |byte: u8, at| StoredKey { which: Which::Primary, hash: [byte; 32], made_at_us: at, valid_until_us: None };
    let until = |key: &StoredKey, until_us| StoredKey { valid_until_us: Some(until_us), ..key.clone() };

    let now = store.replace_key("sub_a", Which::Primary, [10; 32], Some(100), 20).await.unwrap();
    assert_eq!(now.keys, [fresh(10, 20), until(&primary, 100), secondary.clone()]);
    // The value before the last one ends, even within its time.
    let now = store.replace_key("sub_a", Which::Primary, [11; 32], Some(200), 30).await.unwrap();
    assert_eq!(now.keys, [fresh(11, 30), until(&fresh(10, 20), 200), secondary.clone()]);
    // What is over goes with the next write, whatever that is.
    let now = store.set_subscription_state("sub_a", SubscriptionState::Suspended, 200).await.unwrap();
    assert_eq!(now.keys, [fresh(11, 30), secondary.clone()]);
    // Without grace, or with one that is over, everything older ends at once.
    store.replace_key("sub_a", Which::Primary, [12; 32], Some(400), 300).await.unwrap();
    let now = store.replace_key("sub_a", Which::Primary, [13; 32], None, 301).await.unwrap();
    assert_eq!(now.keys, [fresh(13, 301), secondary.clone()]);
    let now = store.replace_key("sub_a", Which::Primary, [14; 32], Some(302), 302).await.unwrap();
    assert_eq!(now.keys, [fresh(14, 302), secondary.clone()]);

    assert!(is_conflict(store.replace_key("sub_a", Which::Primary, secondary.hash, None, 303).await));
    assert_eq!(store.subscription("sub_a").await.unwrap(), now, "nothing of the refused change stays");
    assert!(is_not_found(store.replace_key("sub_b", Which::Primary, [15; 32], None, 303).await));

    store.replace_key("sub_a", Which::Primary, [16; 32], Some(900), 304).await.unwrap();
    let now = store.revoke_key("sub_a", Which::Primary, 305).await.unwrap();
    assert_eq!(now.keys, [secondary]);
    assert!(is_not_found(store.revoke_key("sub_a", Which::Primary, 306).await));
}

#[tokio::test]
async fn changes_are_told() {
    let (folder, store) = store().await;
    let mut told = store.watch_revision();
    assert_eq!(store.changes_since(0).await.unwrap(), Some(Changes::default()));
    for id in ["sub_a", "sub_b", "sub_c"] {
        store.insert_subscription(&subscription(id, SubscriptionState::Active)).await.unwrap();
    }
    assert_eq!(*told.borrow_and_update(), 3);
    store.revoke_key("sub_b", Which::Primary, 9).await.unwrap();
    store.remove_subscription("sub_c").await.unwrap();
    let changes = store.changes_since(3).await.unwrap().unwrap();
    let expected = Changes {
        revision: 5,
        subscriptions: vec![store.subscription("sub_b").await.unwrap()],
        removed_subscriptions: vec!["sub_c".into()],
        grants: false,
        rest: false,
    };
    assert_eq!(changes, expected);
    store.apply(&declared(), 1, false).await.unwrap();
    assert!(told.has_changed().unwrap());
    let changes = store.changes_since(5).await.unwrap().unwrap();
    assert_eq!((changes.revision, changes.subscriptions.len(), changes.rest), (6, 0, true));
    assert!(!changes.grants);
    assert_eq!(store.changes_since(0).await.unwrap().unwrap().subscriptions.len(), 2);

    assert_eq!(store.changes_since(7).await.unwrap(), None, "of another database");
    store.close().await.unwrap();
    drop(store);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("limen.db"));
    let mut behind = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE revision SET value = 20000").execute(&mut behind).await.unwrap();
    let store = Store::open(DataFolder::open(folder.path()).unwrap()).await.unwrap();
    assert_eq!(*store.watch_revision().borrow(), 20_000);
    assert_eq!(store.changes_since(6).await.unwrap(), None, "too long ago");
    store.set_setting("a", "b").await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM change").fetch_one(&mut behind).await.unwrap();
    assert_eq!(kept, 1, "what nobody can ask for is forgotten");
}

fn notice() -> Notice {
    Notice {
        id: "".into(),
        kind: NoticeKind::Maintenance,
        title: "Moving house".into(),
        message: "We move to another house.".into(),
        api: Some("ape".into()),
        operation: None,
        closes: true,
        begins_at_us: 10 * DAY_US,
        ends_at_us: Some(11 * DAY_US),
        resolved_at_us: None,
        updates: Vec::new(),
        outage: None,
    }
}

#[tokio::test]
async fn notices() {
    let (_folder, store) = store().await;
    let first = store.insert_notice(&notice()).await.unwrap();
    let second = store.insert_notice(&Notice { ends_at_us: None, ..notice() }).await.unwrap();
    assert_eq!((&*first.id, &*second.id), ("n1", "n2"));
    assert_eq!(store.notices(9).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(store.notices(1).await.unwrap(), std::slice::from_ref(&second));

    let mut next = first.clone();
    next.updates.push(NoticeUpdate { at_us: 7, message: "The van is late.".into() });
    assert_eq!(store.replace_notice(&first, &next).await.unwrap(), next);
    assert_eq!(store.notice("n1").await.unwrap(), next);
    assert!(is_conflict(store.replace_notice(&first, &first).await), "somebody was faster");
    for missing in ["n3", "n01", "1", "n", "nx", ""] {
        assert!(is_not_found(store.notice(missing).await), "{missing}");
    }

    let notices = |(_, catalog): (i64, limen_rules::record::Directory)| catalog.notices;
    assert_eq!(notices(store.catalog(18 * DAY_US - 1).await.unwrap()), [next.clone(), second.clone()]);
    assert_eq!(notices(store.catalog(18 * DAY_US).await.unwrap()), std::slice::from_ref(&second));
    let resolved = Notice { resolved_at_us: Some(12 * DAY_US), ..second.clone() };
    store.replace_notice(&second, &resolved).await.unwrap();
    assert_eq!(notices(store.catalog(19 * DAY_US).await.unwrap()), []);
    assert_eq!(store.revision().await.unwrap(), 4);
}

fn grant(id: &str, user: &str, expires_at_us: i64) -> Grant {
    Grant {
        id: id.into(),
        user: user.into(),
        application: (id != "g1").then(|| "app".into()),
        environment: "town".into(),
        scope: None,
        issued_at_us: 1,
        expires_at_us,
        refresh_expires_at_us: None,
        revoked_at_us: None,
    }
}

#[tokio::test]
async fn grants() {
    let (_folder, store) = store().await;
    for (id, user) in [("g1", "ann"), ("g2", "ann"), ("g3", "ben")] {
        store.insert_grant(&grant(id, user, 100)).await.unwrap();
    }
    assert!(is_conflict(store.insert_grant(&grant("g1", "ann", 100)).await));
    assert_eq!(store.revision().await.unwrap(), 0, "a snapshot sees only revoked ones");
    store.revoke_grant("g1", 50).await.unwrap();
    store.revoke_grant("g1", 60).await.unwrap();
    assert_eq!(store.grant("g1").await.unwrap(), Grant { revoked_at_us: Some(50), ..grant("g1", "ann", 100) });
    assert_eq!(store.revoked_grants(99).await.unwrap(), ["g1".into()]);
    let changes = store.changes_since(0).await.unwrap().unwrap();
    assert!(changes.grants && !changes.rest, "nothing else is to be read anew: {changes:?}");
    assert_eq!(store.revoked_grants(100).await.unwrap(), []);
    assert_eq!(store.revoke_grants_of_user("ann", 70).await.unwrap(), 1);
    assert_eq!(store.revoke_grants_of_user("ann", 70).await.unwrap(), 0);
    assert_eq!(store.catalog(99).await.unwrap().1.revoked_grants, ["g1".into(), "g2".into()]);
    assert!(is_not_found(store.revoke_grant("g9", 1).await));
    assert!(is_not_found(store.grant("g9").await));
    let late = Grant { issued_at_us: 40 * DAY_US, ..grant("g4", "ann", 41 * DAY_US) };
    store.insert_grant(&late).await.unwrap();
    assert_eq!(store.grants_of_user("ann").await.unwrap(), [late], "what ended long ago is forgotten");
}

#[tokio::test]
async fn signing_keys() {
    let (_folder, store) = store().await;
    let key = |kid: &str, signs_from_us| SigningKey {
        kid: kid.into(),
        public_point: vec![4; 65],
        private_sealed: vec![7; 90],
        created_at_us: 1,
        signs_from_us,
        trusted_until_us: None,
    };
    store.insert_signing_key(&key("k1", 10), None, 1).await.unwrap();
    assert!(is_conflict(store.insert_signing_key(&key("k1", 10), Some(40), 1).await));
    store.insert_signing_key(&key("k2", 20), Some(50), 15).await.unwrap();
    let old = SigningKey { trusted_until_us: Some(50), ..key("k1", 10) };
    assert_eq!(store.signing_keys().await.unwrap(), [old, key("k2", 20)]);
    let verifying = |kid: &str, trusted_until_us| VerifyingKey {
        kid: kid.into(),
        public_point: vec![4; 65],
        created_at_us: 1,
        trusted_until_us,
    };
    let keys = store.catalog(49).await.unwrap().1.verifying_keys;
    assert_eq!(keys, [verifying("k1", Some(50)), verifying("k2", None)]);
    assert_eq!(store.catalog(50).await.unwrap().1.verifying_keys, [verifying("k2", None)]);
    store.trust_signing_key_until("k2", 60).await.unwrap();
    assert!(is_not_found(store.trust_signing_key_until("k9", 60).await));
    store.insert_signing_key(&key("k3", 70), None, 65).await.unwrap();
    assert_eq!(store.signing_keys().await.unwrap(), [key("k3", 70)]);
    assert!(!format!("{:?}", key("k1", 1)).contains('7'), "sealed halves stay out of logs");
}

#[tokio::test]
async fn settings() {
    let (_folder, store) = store().await;
    assert_eq!(store.setting("instance").await.unwrap(), None);
    assert_eq!(store.setting_or_insert("instance", "i1").await.unwrap(), "i1");
    assert_eq!(store.setting_or_insert("instance", "i2").await.unwrap(), "i1");
    store.set_setting("instance", "i3").await.unwrap();
    store.set_setting("instance", "i3").await.unwrap();
    assert_eq!(store.setting("instance").await.unwrap().as_deref(), Some("i3"));
    assert_eq!(store.revision().await.unwrap(), 2);
}

#[tokio::test]
async fn a_directory_is_everything() {
    let (_folder, store) = store().await;
    store.apply(&declared(), 1, false).await.unwrap();
    let subscribed = subscription("sub_a", SubscriptionState::Active);
    store.insert_subscription(&subscribed).await.unwrap();
    let mut keyless = subscription("sub_b", SubscriptionState::Requested);
    keyless.keys.clear();
    store.insert_subscription(&keyless).await.unwrap();
    let mut third = subscription("sub_c", SubscriptionState::Suspended);
    third.keys = vec![StoredKey { which: Which::Secondary, hash: [3; 32], made_at_us: 1, valid_until_us: None }];
    third.ends_at_us = None;
    store.insert_subscription(&third).await.unwrap();
    store.replace_key("sub_c", Which::Secondary, [4; 32], Some(9), 5).await.unwrap();
    let (revision, catalog, subscriptions) = store.directory(1).await.unwrap();
    assert_eq!(revision, 5);
    assert_eq!(catalog.declared, declared());
    for (hash, id, which, valid_until_us) in [
        (subscribed.keys[0].hash, "sub_a", Which::Primary, None),
        (subscribed.keys[1].hash, "sub_a", Which::Secondary, None),
        ([3; 32], "sub_c", Which::Secondary, Some(9)),
        ([4; 32], "sub_c", Which::Secondary, None),
    ] {
        let found = subscriptions.find(&hash).expect("a key");
        assert_eq!((found.which, found.valid_until_us), (which, valid_until_us));
        let expected = if id == "sub_a" { &subscribed } else { &third };
        let live = found.subscription;
        assert_eq!((live.id, live.product, live.developer()), (&*expected.id, &expected.product, &*expected.developer));
        assert_eq!(
            (live.state, live.started_at_us, live.ends_at_us),
            (expected.state, expected.started_at_us, expected.ends_at_us)
        );
    }
    assert!(subscriptions.find(&[5; 32]).is_none());
    assert_eq!(store.subscription_count().await.unwrap(), 3);
}
