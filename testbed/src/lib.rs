//! For tests only: a runner of the real binary, scripted services that can misbehave, and a raw HTTP/1.1 caller.
//! It knows nothing of Limen's crates: what is tested with it is what leaves the process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's tools tell what went wrong by ending the test"
)]

pub mod browser;
mod fault;
pub mod frames;
mod http;
mod http2;
mod limen;
mod open_files;
mod poll;
mod program;
mod provider;
mod raw_service;
mod reply;
mod service;
pub mod tls;
mod tls_door;

pub use browser::{Browser, Page};
pub use fault::{Draw, Fault, FaultProxy, Faults, Passed};
pub use http::{Answer, Connection, Http};
pub use http2::Http2;
pub use limen::{Limen, Output, Sample, Settings, Started};
pub use open_files::allow_open_files;
pub use poll::{eventually, eventually_within};
pub use program::program;
pub use provider::{Misdeed, Provider, SignedBy};
pub use raw_service::RawService;
pub use reply::{Gate, Reply};
pub use service::{Seen, Service};
pub use tls_door::{DoorSettings, TlsDoor};
