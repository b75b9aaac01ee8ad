//! What is accepted, with its events to the letter.

use super::cases::accepted::cases;
use super::{all_events, wire};
use crate::connection::Limits;

#[test]
fn what_is_accepted_is_told_to_the_letter() {
    for (text, expected, eof) in cases() {
        assert_eq!(all_events(&wire(&text), Limits::default(), eof), expected, "{text:?}");
    }
}

#[test]
fn there_are_enough_cases() {
    assert!(cases().count() >= 85, "{}", cases().count());
}
