//! What we let through is read the same way by nginx, Apache and Node as by us, and what they answer passes.
//!
//! The servers are Debian's (`nginx-light`, `apache2-bin`, `nodejs`); a missing one fails the tests and says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test tells what went wrong by ending")]

mod answers;
mod cases;
mod compare;
mod direct;
mod servers;
mod through;
