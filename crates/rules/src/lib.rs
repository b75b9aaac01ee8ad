//! Every decision of Limen as a function of state, input and `now`.
//!
//! This crate knows no clock, no randomness, no socket and no environment: whoever calls it brings the time, the
//! bytes and the state, so that each rule can be tested alone and replayed. The response contract's one table is in
//! [`contract`]; everything else refers to it.

pub mod advice;
pub mod answer;
pub mod balance;
pub mod body;
pub mod breaker;
pub mod contract;
pub mod cors;
pub mod declared;
pub mod description;
pub mod drift;
pub mod example;
pub mod explain;
pub mod forwarded;
pub mod header;
pub mod health;
pub mod issuer;
pub mod jose;
pub mod key;
pub mod mapping;
pub mod media;
pub mod metric;
pub mod model;
pub mod network;
pub mod notice;
pub mod openapi;
pub mod outage;
pub mod outbound;
pub mod parameter;
pub mod path;
pub mod period;
pub mod permission;
pub mod policy;
pub mod quota;
pub mod rate;
pub mod rate_limit_header;
pub mod record;
pub mod resource_metadata;
pub mod routing;
pub mod schema;
pub mod sign_in;
pub mod snapshot;
pub mod target;
pub mod token;
pub mod websocket;
