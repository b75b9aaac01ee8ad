//! What must hold for every input: each module has a `check` that takes any bytes and ends the test where one of its
//! laws is broken.
//!
//! cargo-fuzz looks for such bytes (`fuzz_targets/`, `cargo xtask fuzz`); an ordinary test replays what is kept under
//! `corpus/` and mutates it for a moment. An input is the bytes as they would arrive, so that a line of the corpus can
//! be read; limits, cuts and the like are tried in turn and are no part of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a broken law is told by ending the test"
)]

pub mod answers;
pub mod balancers;
pub mod chunks;
pub mod corpus;
pub mod credentials;
pub mod exchanges;
pub mod json;
pub mod media;
pub mod mutation;
pub mod openapi;
pub mod parameters;
pub mod paths;
pub mod reading;
pub mod requests;
pub mod schemas;
pub mod services;
pub mod yaml;

/// What holds for any bytes, told by a panic where it doesn't.
pub type Check = fn(&[u8]);

/// What can be fuzzed, by name.
pub const TARGETS: &[(&str, Check)] = &[
    ("balancers", balancers::check),
    ("chunks", chunks::check),
    ("credentials", credentials::check),
    ("exchanges", exchanges::check),
    ("json", json::check),
    ("media", media::check),
    ("openapi", openapi::check),
    ("parameters", parameters::check),
    ("paths", paths::check),
    ("requests", requests::check),
    ("schemas", schemas::check),
    ("services", services::check),
    ("yaml", yaml::check),
];
