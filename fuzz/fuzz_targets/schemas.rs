//! `limen_fuzz::schemas::check` under cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| limen_fuzz::schemas::check(data));
