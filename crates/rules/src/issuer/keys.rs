//! When an issuer's keys are asked for: seldom, and never twice within its pause, whatever callers bring.

/// From fetch to fetch at least, in seconds, where nothing else was told.
pub const PAUSE_S: u64 = 60;
/// The longest pause that may be told.
pub const PAUSE_MAX_S: u64 = 3_600;
/// Keys of an issuer that doesn't say how long they are good are asked for again after so many seconds.
pub const FRESH_S: u64 = 15 * 60;
/// An issuer may not say more, and no less than the pause.
pub const FRESH_MAX_S: u64 = 24 * 3_600;

const SECOND_US: u64 = 1_000_000;

/// The fetches of one issuer's keys. Times are of a clock that only goes on, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFetches {
    pause_s: u64,
    begun_at_us: Option<u64>,
    good_at_us: Option<u64>,
    fresh_us: u64,
    failures: u32,
    is_under_way: bool,
    is_wanted: bool,
}

impl Default for KeyFetches {
    fn default() -> Self {
        Self {
            pause_s: PAUSE_S,
            begun_at_us: None,
            good_at_us: None,
            fresh_us: 0,
            failures: 0,
            is_under_way: false,
            is_wanted: false,
        }
    }
}

impl KeyFetches {
    /// So many seconds lie between two fetches from now on; whether that is news.
    pub fn set_pause(&mut self, pause_s: u64) -> bool {
        std::mem::replace(&mut self.pause_s, pause_s.clamp(1, PAUSE_MAX_S)) != self.pause_s
    }

    /// A token was signed by a key that isn't known.
    pub fn want(&mut self) {
        self.is_wanted = true;
    }

    /// When the next fetch is to begin; none while one is under way.
    #[must_use]
    pub fn due_at_us(&self) -> Option<u64> {
        if self.is_under_way {
            return None;
        }
        let Some(begun_at_us) = self.begun_at_us else { return Some(0) };
        let soonest_us = begun_at_us.saturating_add(self.pause_s * SECOND_US);
        let due_us = match (self.failures, self.good_at_us) {
            _ if self.is_wanted => soonest_us,
            (0, Some(good_at_us)) => good_at_us.saturating_add(self.fresh_us),
            // With no keys at all calls are turned away: no pause is let pass.
            (_, None) => soonest_us,
            (failures, Some(_)) => {
                let pause_s = (self.pause_s << failures.saturating_sub(1).min(8)).min(FRESH_S);
                begun_at_us.saturating_add(pause_s * SECOND_US)
            }
        };
        Some(due_us.max(soonest_us))
    }

    /// Whether a fetch begins now, which it then does.
    pub fn begin(&mut self, now_us: u64) -> bool {
        if self.due_at_us().is_none_or(|due_us| now_us < due_us) {
            return false;
        }
        (self.begun_at_us, self.is_under_way, self.is_wanted) = (Some(now_us), true, false);
        true
    }

    /// The fetch brought keys, which the issuer called good for so many seconds.
    pub fn succeeded(&mut self, now_us: u64, max_age_s: Option<u64>) {
        let fresh_s = max_age_s.unwrap_or(FRESH_S).clamp(self.pause_s, FRESH_MAX_S);
        (self.good_at_us, self.fresh_us) = (Some(now_us), fresh_s * SECOND_US);
        (self.failures, self.is_under_way) = (0, false);
    }

    /// The fetch brought nothing. Gives whether the one before had brought something: what is told once.
    pub fn failed(&mut self) -> bool {
        (self.failures, self.is_under_way) = (self.failures.saturating_add(1), false);
        self.failures == 1
    }

    /// When keys came last.
    #[must_use]
    pub fn good_at_us(&self) -> Option<u64> {
        self.good_at_us
    }
}
