//! Who leaves, who stays, and that whoever comes back is told what it would have been told.

use proptest::prelude::*;

use super::super::tests::{KEY, STANDARD, World, at, terms};
use super::*;
use crate::accounts::{AccountKey, Meter};

const SECOND_US: u64 = 1_000_000;

/// Lets go whoever may, in all parts of the table.
fn let_go(accounts: &Accounts, now: Reading) {
    (0..PARTS).for_each(|_| accounts.let_go(now));
}

/// Lets go until nobody is left: an answer of the ledger is held for a moment longer than it is waited for.
fn let_all_go(accounts: &Accounts, now: Reading) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while accounts.count() > 0 {
        assert!(std::time::Instant::now() < deadline, "{} accounts stay", accounts.count());
        let_go(accounts, now);
        std::thread::yield_now();
    }
}

#[test]
fn a_window_stays_for_as_long_as_a_call_is_in_it() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let admitted = |us| (0..9).filter(|_| accounts.pace(KEY, &STANDARD, at(us)).is_ok()).count();
    assert_eq!(admitted(0), 5);
    let_go(&accounts, at(1_000_999));
    assert_eq!((accounts.count(), admitted(1_000_999)), (1, 0));
    let_go(&accounts, at(1_001_000));
    assert_eq!((accounts.count(), accounts.usage(KEY, at(1_001_000))), (0, None));
    // A call that read its clock before that is counted as one that came then.
    assert_eq!(admitted(900_000), 5);
    assert_eq!((admitted(2_001_999), admitted(2_002_000)), (0, 5));
}

#[test]
fn a_quota_leaves_when_the_books_tell_all_of_it() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    let quota = terms(Some(640), Some(10_000));
    let charge = |us| world.runtime.block_on(accounts.charge(KEY, &quota, at(us)));
    for _ in 0..20 {
        charge(0).unwrap().add_bytes(7);
        world.settle(&accounts);
    }
    let right = charge(0).unwrap();
    let later = at(IDLE_US);
    let_go(&accounts, later);
    world.settle(&accounts);
    let_go(&accounts, later);
    assert_eq!(accounts.count(), 1, "a right is out");
    drop(right);
    let_go(&accounts, at(IDLE_US - 1));
    world.settle(&accounts);
    assert!(accounts.usage(KEY, later).unwrap().calls.unwrap().held > 0, "it isn't idle yet");
    let_go(&accounts, later);
    assert_eq!(accounts.count(), 1, "it gives its rights back first");
    let_all_go(&accounts, later);
    let row = world.ledger.row(Meter::Calls, 0);
    assert_eq!((row.debited, row.handed_over, row.unspent(), row.lost), (21, 21, 0, 0));
    let row = world.ledger.row(Meter::Bytes, 0);
    assert_eq!((row.debited, row.handed_over, row.unspent(), row.lost), (140, 140, 0, 0));

    // Nothing is left that a later process could take for unrecorded; and the rest of the period is still there.
    drop(accounts);
    let accounts = world.open("boot", false, later);
    assert_eq!(accounts.count(), 0);
    let charge = |us| world.runtime.block_on(accounts.charge(KEY, &quota, at(us)));
    for _ in 21..640 {
        drop(charge(1).unwrap());
        world.settle(&accounts);
    }
    assert!(charge(1).is_err());
    assert_eq!(world.ledger.row(Meter::Calls, 0).lost, 0);
}

#[test]
fn what_an_earlier_process_left_is_put_into_the_books_and_leaves() {
    let world = World::new();
    let quota = terms(Some(6_400), None);
    let accounts = world.open("boot", true, at(0));
    for _ in 0..30 {
        drop(world.runtime.block_on(accounts.charge(KEY, &quota, at(0))).unwrap());
        world.settle(&accounts);
    }
    drop(accounts);
    let accounts = world.open("boot", false, at(5));
    let_go(&accounts, at(IDLE_US));
    assert_eq!(accounts.count(), 1);
    let_all_go(&accounts, at(5 + IDLE_US));
    let row = world.ledger.row(Meter::Calls, 0);
    assert_eq!((row.handed_over, row.unspent(), row.debited), (30, 0, 30 + row.lost));
    drop(accounts);
    assert_eq!(world.open("boot", false, at(6)).count(), 0);
}

#[test]
fn while_the_ledger_fails_nothing_leaves() {
    let world = World::new();
    let accounts = world.open("boot", true, at(0));
    drop(world.runtime.block_on(accounts.charge(KEY, &terms(Some(640), None), at(0))).unwrap());
    world.settle(&accounts);
    world.ledger.is_down.store(true, Ordering::SeqCst);
    for tries in 0..5 {
        let_go(&accounts, at(IDLE_US + tries * 10 * SECOND_US));
        world.settle(&accounts);
    }
    assert_eq!(accounts.count(), 1);
    world.ledger.is_down.store(false, Ordering::SeqCst);
    let_all_go(&accounts, at(IDLE_US + 100 * SECOND_US));
    assert_eq!(world.ledger.row(Meter::Calls, 0).handed_over, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A table that lets accounts go all the time answers as one that never does.
    #[test]
    fn whoever_leaves_is_answered_as_whoever_stays(
        steps in prop::collection::vec((0_u64..400_000, 0_u128..3, 1_u32..7, any::<bool>()), 1..120),
    ) {
        let (resting, staying) = (World::new(), World::new());
        let (resting, staying) = (resting.open("boot", true, at(0)), staying.open("boot", true, at(0)));
        let mut now_us = 0;
        for (by_us, key, calls, lets_go) in steps {
            now_us += by_us;
            if lets_go {
                let_go(&resting, at(now_us));
            }
            let rate = crate::accounts::RateTerms { calls: 6, window_ms: 1_000 };
            for _ in 0..calls {
                let told = [&resting, &staying].map(|accounts| accounts.pace(AccountKey(key), &rate, at(now_us)));
                prop_assert_eq!(told[0], told[1]);
            }
        }
    }
}
