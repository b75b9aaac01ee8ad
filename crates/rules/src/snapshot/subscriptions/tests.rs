//! The small form answers as a plain map does, whatever happened to it before.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::key;

fn subscription(id: &str, keys: &[(&str, Which, Option<i64>)]) -> Subscription {
    let key = |(text, which, valid_until_us): &(&str, Which, Option<i64>)| StoredKey {
        which: *which,
        hash: key::hash(text),
        made_at_us: 0,
        valid_until_us: *valid_until_us,
    };
    Subscription {
        id: id.into(),
        product: format!("product-{}", id.len() % 3).into(),
        developer: format!("developer of {id}").into(),
        state: SubscriptionState::Active,
        created_at_us: 0,
        started_at_us: 7,
        ends_at_us: id.len().is_multiple_of(2).then_some(99),
        keys: keys.iter().map(key).collect(),
    }
}

fn same(found: &FoundKey<'_>, expected: &Subscription, key: &StoredKey) {
    assert_eq!((found.which, found.valid_until_us), (key.which, key.valid_until_us));
    let live = &found.subscription;
    assert_eq!((live.id, live.product, live.developer()), (&*expected.id, &expected.product, &*expected.developer));
    assert_eq!((live.state, live.started_at_us, live.ends_at_us), (expected.state, 7, expected.ends_at_us));
    assert_eq!(live.account, super::super::account_of(&expected.id));
}

/// What the table must answer, kept in the plainest form.
#[derive(Default)]
struct Oracle(HashMap<Name, Subscription>);

impl Oracle {
    fn check(&self, table: &Subscriptions, ended: &[[u8; 32]]) {
        for one in self.0.values() {
            for key in &one.keys {
                same(&table.find(&key.hash).expect("a live key"), one, key);
            }
        }
        for hash in ended {
            if !self.0.values().any(|one| one.keys.iter().any(|key| key.hash == *hash)) {
                assert!(table.find(hash).is_none(), "an ended key is found");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // Ids of more than 16 bytes, a third key and keys with an end have a form of their own; past 40 changes all are laid
    // flat anew.
    #[test]
    fn any_history_answers_as_a_plain_map_does(
        steps in prop::collection::vec((0_u8..16, 0_u8..6, any::<bool>()), 0..200),
        built in 0_usize..16,
    ) {
        let (mut oracle, mut ended, mut builder) = (Oracle::default(), Vec::new(), Builder::with_expected(built));
        let whiches = [Which::Primary, Which::Secondary, Which::Primary, Which::Secondary, Which::Primary];
        let make = |number: u8, keys: u8, round: usize| {
            let texts: Vec<_> = (0..keys).map(|key| format!("key {number} {key} {round}")).collect();
            let keys: Vec<_> = texts.iter().zip(whiches).enumerate()
                .map(|(at, (text, which))| (text.as_str(), which, (at > 1).then_some(at as i64))).collect();
            subscription(&format!("sub_{}", "x".repeat(usize::from(number))), &keys)
        };
        for number in 0..built {
            let one = make(number as u8, 2, 1_000);
            builder.add(&(&one).into());
            oracle.0.insert(one.id.clone(), one);
        }
        let mut table = builder.build();
        prop_assert_eq!(table.settled.len(), built.min(13));
        oracle.check(&table, &ended);
        for (round, (number, keys, is_removed)) in steps.into_iter().enumerate() {
            let one = make(number, keys, round);
            let before = table.clone();
            let earlier = oracle.0.get(&one.id).cloned();
            ended.extend(earlier.iter().flat_map(|one| &one.keys).map(|key| key.hash));
            if is_removed {
                table.take_out(&one.id);
                oracle.0.remove(&one.id);
            } else {
                table.put(&(&one).into());
                oracle.0.insert(one.id.clone(), one);
            }
            oracle.check(&table, &ended);
            for key in earlier.iter().flat_map(|one| &one.keys) {
                prop_assert!(before.find(&key.hash).is_some(), "a pinned picture changed");
            }
        }
    }
}

#[test]
fn many_are_found_and_a_change_shares_the_other_shards() {
    let mut builder = Builder::with_expected(5_000);
    let texts = |number: u32| [format!("first {number}"), format!("second {number}")];
    for number in 0..5_000 {
        let [first, second] = texts(number);
        let one = subscription(
            &format!("sub_{number}"),
            &[(&first, Which::Primary, None), (&second, Which::Secondary, None)],
        );
        builder.add(&(&one).into());
    }
    let table = builder.build();
    for number in 0..5_000 {
        for text in texts(number) {
            assert_eq!(table.find(&key::hash(&text)).unwrap().subscription.id, format!("sub_{number}"));
        }
        assert!(table.find(&key::hash(&format!("third {number}"))).is_none());
    }
    let mut next = table.clone();
    next.put(&(&subscription("sub_17", &[("new", Which::Primary, None)])).into());
    assert!(next.find(&key::hash("first 17")).is_none() && next.find(&key::hash("new")).is_some());
    assert!(table.find(&key::hash("first 17")).is_some() && table.find(&key::hash("new")).is_none());
    let copied = |new: &[Arc<KeyShard>], old: &[Arc<KeyShard>]| {
        new.iter().zip(old).filter(|(new, old)| !Arc::ptr_eq(new, old)).count()
    };
    assert!(copied(&next.keys, &table.keys) <= 3, "one changed subscription copied other keys");
    let records = next.records.iter().zip(&table.records).filter(|(new, old)| !Arc::ptr_eq(new, old)).count();
    assert_eq!(records, 1);
}

#[test]
fn what_changed_is_laid_flat_again_and_counted_once() {
    let mut table = Subscriptions::default();
    let keys = |number: usize| [format!("first {number}"), format!("second {number}")];
    for number in 0..500 {
        let [first, second] = keys(number % 100);
        let keys = [(first.as_str(), Which::Secondary, None), (second.as_str(), Which::Primary, None)];
        let mut one = subscription(&format!("sub_{}", number % 100), &keys);
        one.state = [SubscriptionState::Requested, SubscriptionState::Expired][number % 2];
        table.put(&(&one).into());
    }
    assert!(table.settled.len() >= 60, "{} lie flat", table.settled.len());
    let changed: usize = table.keys.iter().map(|shard| shard.count()).sum();
    let gone: u32 = table.gone.iter().map(|bits| bits.count_ones()).sum();
    assert_eq!(changed / 2 + table.settled.len() - gone as usize, 100);
    for number in 0..100 {
        let found = keys(number).map(|text| table.find(&key::hash(&text)).unwrap());
        assert_eq!(found.each_ref().map(|found| found.which), [Which::Secondary, Which::Primary]);
        let expected = [SubscriptionState::Requested, SubscriptionState::Expired][number % 2];
        assert!(found.iter().all(|found| found.subscription.state == expected));
    }
}

#[test]
fn half_a_hash_is_not_enough_of_another_key() {
    let mut table = Subscriptions::default();
    let mut one = subscription("sub_1", &[("a key", Which::Primary, None)]);
    table.put(&(&one).into());
    let mut other = one.keys[0].hash;
    other[15] ^= 1;
    assert!(table.find(&other).is_none());
    // The same half twice: neither hides the other for good.
    one.id = "sub_2".into();
    table.put(&(&one).into());
    table.take_out("sub_1");
    assert_eq!(table.find(&one.keys[0].hash).unwrap().subscription.id, "sub_2");
}

#[test]
fn what_is_changed_again_and_again_stays_small() {
    let mut table = Subscriptions::default();
    for round in 0..3_000 {
        let text = format!("key {round}");
        let mut one = subscription("sub_1", &[(&text, Which::Primary, Some(round))]);
        one.product = format!("product {round}").into();
        table.put(&(&one).into());
    }
    let records = &table.records[usize::from(shard_of_id("sub_1"))];
    assert!(records.bytes() < 4_096, "{} bytes for one subscription", records.bytes());
    assert_eq!(table.keys.iter().map(|shard| shard.count()).sum::<usize>(), 1);
}
