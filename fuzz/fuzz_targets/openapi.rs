//! `limen_fuzz::openapi::check` under cargo-fuzz.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| limen_fuzz::openapi::check(data));
