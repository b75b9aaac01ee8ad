//! The contract, provoked: the real binary on real sockets, the sample or a scripted service behind it.
//!
//! A file for each status, and one for each thing that can be done. Words are compared to the letter.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test tells what went wrong by ending")]

mod answers;
mod attacks;
mod authorization;
mod check;
mod connections;
mod counted;
mod documents;
mod drain;
mod explain;
mod first_run;
mod floods;
mod foreign;
mod gibibytes;
mod handover;
mod http2;
mod issuers;
mod keys;
mod notices;
mod objects;
mod openapi;
mod order;
mod parameters;
mod policies;
mod provider;
mod proxies;
mod publish;
mod raw_requests;
mod revocation;
mod schemas;
mod scopes;
mod services;
mod stage;
mod status_200;
mod status_400;
mod status_401;
mod status_403;
mod status_404;
mod status_415;
mod status_429;
mod status_500;
mod status_503;
mod target_tls;
mod targets;
mod telemetry;
mod tls;
mod token_endpoint;
mod tokens;
mod websockets;
