//! Numbers drawn from a seed: the same seed gives the same numbers on every machine.

/// A source of numbers (SplitMix64). Not for secrets.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of a test: `TRIAL_SEED` of the environment where it is set, else one of this moment. It is printed, so
    /// that a failure can be seen again.
    pub fn seed() -> u64 {
        let told = std::env::var("TRIAL_SEED").ok().and_then(|text| text.parse().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let seed = told.unwrap_or(u64::from(now.subsec_nanos()) << 20 ^ now.as_secs());
        println!("TRIAL_SEED={seed} shows this run again");
        seed
    }

    /// Numbers of their own for one of many: they depend on the seed and on `number`, not on what else was drawn.
    #[must_use]
    pub fn fork(&self, number: u64) -> Self {
        let mut fork = Self(self.0 ^ number.wrapping_mul(0xA24B_AED4_963E_E407));
        fork.next();
        fork
    }

    /// The next number.
    #[allow(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
