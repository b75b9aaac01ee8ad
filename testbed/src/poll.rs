//! Waiting for something to become true, with a deadline. The only place that pauses.

use std::time::{Duration, Instant};

/// Asks every 10 ms until there is an answer, for at most 10 s; then ends the test, saying what was waited for.
#[track_caller]
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    eventually_within(Duration::from_secs(10), what, ask)
}

/// Asks every 10 ms until there is an answer or `within` is over; then ends the test, saying what was waited for.
#[track_caller]
pub fn eventually_within<T>(within: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + within;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {within:?}: {what}");
        pause(Duration::from_millis(10));
    }
}

/// Lets so much time pass.
#[allow(clippy::disallowed_methods, reason = "this is the pause between two looks of a poll with a deadline")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
