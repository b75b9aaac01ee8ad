//! The time for what is idle, told cheaply: ages of half a minute need no clock that is read to the nanosecond.

use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

/// The coarse clock is behind by less than a tick of the kernel, of which there are at least 100 in a second.
const TICK: Duration = Duration::from_millis(10);

/// A moment that is at most two ticks to come, and not past while the kernel keeps its ticks: what is counted from it
/// ends no earlier than it should.
pub(crate) fn now() -> Instant {
    static BEGAN: OnceLock<(Instant, Duration)> = OnceLock::new();
    let (began, began_at) = BEGAN.get_or_init(|| (Instant::now() + TICK, coarse()));
    *began + coarse().saturating_sub(*began_at)
}

/// The monotonic clock as of the kernel's last tick.
fn coarse() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_hardly_to_come_and_goes_on() {
        let mut last = now();
        let begun = last;
        while last < begun + 3 * TICK {
            let moment = now();
            assert!(moment >= last && moment <= Instant::now() + 2 * TICK);
            last = moment;
        }
    }
}
