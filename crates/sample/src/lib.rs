//! A small, real JSON service: constituents and the notes about them, kept in one SQLite file.
//!
//! A first run publishes it behind the gateway, so that every status can be provoked against something that truly
//! reads, writes, pages and refuses. It knows nothing of keys, tokens, rates or quotas.
//!
//! # Whom it trusts
//!
//! The service believes the request header `Limen-User` as it stands. That is right only because it listens on
//! loopback, for the gateway alone, which removes whatever a caller sent under that name and then states who was
//! authenticated. Never bind it to an address that others reach; and on a machine shared with people whom you don't
//! trust, don't run it at all, since any local process can connect to a loopback port. The other identity headers
//! (`Limen-Subscription`, `Limen-Application`, `Limen-Environment`, `Limen-Permissions`) are accepted and not read:
//! which operations a user may perform was decided before the request came here. Which *records* a user may see is
//! decided here, from the table `hidden_constituent`. A request without `Limen-User` comes from an API that asks for
//! no token, and sees every record.

mod answer;
mod body;
mod caller;
mod constituent;
mod database;
mod error;
mod fields;
mod fold;
mod fuzzy_date;
mod listing;
mod note;
mod router;
mod seed;
mod service;

/// What the service takes and answers, as OpenAPI 3.1; a test holds it against the service.
pub const OPENAPI: &str = include_str!("../openapi.yaml");

pub use error::SampleError;
pub use seed::{HIDDEN_CONSTITUENTS, RESTRICTED_USER};
pub use service::{Sample, Settings, open};
