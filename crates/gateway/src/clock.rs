//! The clocks that the data plane reads, as a port: wall time for people and periods, monotonic time for windows.

use rustix::time::{ClockId, clock_gettime};

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since the Unix epoch; may jump.
    fn wall_us(&self) -> i64;
    /// Microseconds since the machine started, asleep or awake; never goes back within one boot.
    fn monotonic_us(&self) -> u64;
}

/// The machine's own clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_us(&self) -> i64 {
        let now = clock_gettime(ClockId::Realtime);
        now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000)
    }

    fn monotonic_us(&self) -> u64 {
        let now = clock_gettime(ClockId::Boottime);
        u64::try_from(now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1_000)).unwrap_or(0)
    }
}
