//! A call's id: made for each, told in hex.

use std::cell::Cell;
use std::hash::{BuildHasher as _, RandomState};

/// A new id: a UUID of version 7 (RFC 9562 §5.7), so that ids sort by time. Its random bits are two counts that each core
/// begins at random, mixed: ids are to be told apart, and knowing one, or guessing the next, grants nothing.
pub(crate) fn new_request_id(now_us: i64) -> u128 {
    thread_local! {
        static COUNTS: [Cell<u64>; 2] = [0, 1].map(|half| Cell::new(RandomState::new().hash_one(half)));
    }
    let random = COUNTS.with(|counts| {
        let [high, low] = counts.each_ref().map(|count| {
            count.set(count.get().wrapping_add(STEP));
            u128::from(mixed(count.get()))
        });
        high << 64 | low
    });
    let since_epoch_ms = u128::try_from(now_us.div_euclid(1_000)).unwrap_or(0);
    const RANDOM_BITS: u128 = 0x0fff_3fff_ffff_ffff_ffff;
    const VERSION_AND_VARIANT: u128 = 0x7000_8000_0000_0000_0000;
    since_epoch_ms << 80 | VERSION_AND_VARIANT | random & RANDOM_BITS
}

/// An odd number, so that a count comes to every value before it comes back to one.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Each value another one, and each bit of it from many bits: the finisher of SplitMix64 (Steele and others, 2014).
fn mixed(count: u64) -> u64 {
    let once = (count ^ count >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let twice = (once ^ once >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    twice ^ twice >> 31
}

/// A call's id as 32 hex digits, held in place.
pub(crate) struct IdText([u8; 32]);

impl IdText {
    pub(crate) fn new(id: u128) -> Self {
        let mut text = [0_u8; 32];
        for (digits, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(id.to_be_bytes()) {
            *digits = [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
        Self(text)
    }
}

impl std::ops::Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        // It holds hex digits only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Display for IdText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_apart_and_sort_by_time() {
        let ids: std::collections::HashSet<u128> =
            (0..100_000).map(|_| new_request_id(1_700_000_000_000_000)).collect();
        assert_eq!(ids.len(), 100_000);
        let id = uuid::Uuid::from_u128(new_request_id(1_700_000_000_123_456));
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
        assert_eq!(id.get_timestamp().map(|at| at.to_unix()), Some((1_700_000_000, 123_000_000)));
        assert!(new_request_id(1_700_000_000_001_000) > new_request_id(1_700_000_000_000_000));
        assert_eq!(&*IdText::new(0x0123_4567_89ab_cdef), "00000000000000000123456789abcdef");
    }
}
