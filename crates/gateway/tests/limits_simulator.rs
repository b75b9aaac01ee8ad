//! The accounts under simulated time, faults and crashes: seeded, so that a failure can be replayed.
//!
//! `LIMEN_SIMULATOR_SEED=N` runs one seed, `LIMEN_SIMULATOR_SEEDS=N` that many (10,000 by default). A crash drops all
//! tasks where they stand and opens the same window file again: with the same boot id it is a SIGKILL, with another
//! one a power loss. A "service" counts what is handed to it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "limits_simulator/ledger.rs"]
mod ledger;
#[path = "limits_simulator/random.rs"]
mod random;
#[path = "limits_simulator/service.rs"]
mod service;
#[path = "limits_simulator/world.rs"]
mod world;

use limen_gateway::accounts::{ChargeRefused, QuotaTerms};

use crate::world::{Process, World};

/// The tests that share the seeds, so that they run side by side.
const SHARDS: u64 = 4;

/// Says which seed to replay.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with LIMEN_SIMULATOR_SEED={}", self.0);
        }
    }
}

fn run_shard(shard: u64) {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seeds = match number("LIMEN_SIMULATOR_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LIMEN_SIMULATOR_SEEDS").unwrap_or(10_000),
    };
    let folder = tempfile::tempdir().unwrap();
    for seed in seeds.filter(|seed| seed % SHARDS == shard) {
        let _named = Named(seed);
        let mut world = World::new(seed, folder.path());
        for _ in 0..40 + world.random.below(80) {
            world.step();
        }
        world.finish();
    }
}

#[test]
fn limits_hold_in_the_first_quarter_of_seeds() {
    run_shard(0);
}

#[test]
fn limits_hold_in_the_second_quarter_of_seeds() {
    run_shard(1);
}

#[test]
fn limits_hold_in_the_third_quarter_of_seeds() {
    run_shard(2);
}

#[test]
fn limits_hold_in_the_last_quarter_of_seeds() {
    run_shard(3);
}

/// No fault, one caller who waits for each answer: exactly N calls of the quota, and in a fresh window exactly N.
#[test]
fn a_lone_caller_gets_exactly_n() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..100 {
        let _named = Named(seed);
        let mut world = World::new(seed, folder.path());
        let limit = 1 + world.random.below(400);
        let subscription = &world.subscriptions[0];
        let quota = QuotaTerms { calls: Some(limit), bytes: None, ..subscription.quota.clone() };
        let Process { accounts, runtime } = world.process.take().unwrap();
        let (mut now, _) = world.shared.now();
        let in_window = (0..20).filter(|_| accounts.pace(subscription.key, &subscription.rate, now).is_ok()).count();
        assert_eq!(in_window, subscription.rate.calls as usize);
        runtime.block_on(async {
            let mut charged = 0;
            let refused = loop {
                match accounts.charge(subscription.key, &quota, now).await {
                    Ok(right) => drop(right),
                    Err(refused) => break refused,
                }
                charged += 1;
                now.monotonic_us += 100_000;
            };
            assert_eq!(charged, limit);
            // Whoever waits for the next period gets through.
            let ChargeRefused::QuotaExceeded { replenished_in_us, .. } = refused else { panic!("{refused:?}") };
            now.wall_us += replenished_in_us as i64;
            drop(accounts.charge(subscription.key, &quota, now).await.unwrap());
            accounts.shutdown().await;
        });
        let rows = world.shared.ledger.state.lock().unwrap();
        assert_eq!(rows.rows.values().map(|row| row.debited).sum::<u64>(), limit + 1);
    }
}
