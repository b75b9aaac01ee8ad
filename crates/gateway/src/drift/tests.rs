//! What waits is bounded, and given back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::sample::Held;
use super::{Shared, WAITING_MAX_BYTES};

#[test]
fn copies_are_bounded_all_together_and_given_back() {
    let shared = Arc::new(Shared::default());
    let held = || Held::new(&shared);
    let piece = vec![0; WAITING_MAX_BYTES / 2];
    let (mut first, mut second, mut third) = (held(), held(), held());
    assert!(first.add(&piece) && second.add(&piece));
    assert!(!third.add(b"x"));
    assert_eq!(shared.waiting_bytes.load(Ordering::Relaxed), WAITING_MAX_BYTES);
    drop(first);
    assert!(third.add(b"x"));
    drop((second, third));
    assert_eq!(shared.waiting_bytes.load(Ordering::Relaxed), 0);
}
