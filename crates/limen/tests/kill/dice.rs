//! A small seeded generator (SplitMix64): the same seed throws the same numbers on every machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The variable that holds a seed to throw again.
pub(crate) const SEED_VARIABLE: &str = "LIMEN_KILL_SEED";

/// Random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Numbers of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both among them.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.number() % (most - least + 1)
    }

    /// A time from `least` to `most` milliseconds, in steps of a microsecond.
    pub(crate) fn time_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(self.between(least * 1_000, most * 1_000))
    }

    /// True so many times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }
}

/// The seed that was told in the environment, else a new one; it is printed in any case.
pub(crate) fn seed() -> u64 {
    let told = std::env::var(SEED_VARIABLE).ok().map(|text| text.parse().expect("a whole number as the seed"));
    let seed = told.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        u64::from(now.subsec_nanos()) ^ now.as_secs() << 20
    });
    eprintln!("seed: {SEED_VARIABLE}={seed}");
    seed
}
