//! The data plane of Limen: listeners, the path of a call, accounts in memory, pools, relay, journal.
//!
//! It declares the ports that it needs ([`clock::Clock`], [`accounts::QuotaLedger`]); adapters to stores live in the
//! binary. It knows no SQL and no page. The path of a call reads top to bottom in [`handle`].

pub mod access_log;
pub mod accounts;
pub mod assertion;
pub mod budget;
pub mod clock;
pub mod current;
pub mod drift;
pub mod edge;
pub mod failure;
pub mod gateway;
pub mod handle;
pub mod issuers;
pub mod journal;
pub mod listener;
pub mod metrics;
pub mod targets;
pub mod tls;
pub mod token_cache;

mod admission;
mod answer;
mod call;
mod charge;
mod collect;
mod compare;
mod connection;
mod debts;
mod draft;
mod ended;
mod fields;
mod forward;
mod identify;
mod inbound;
mod link;
mod moment;
mod outbound;
mod pace;
mod peer;
mod pool;
mod proxy_header;
mod relay;
mod reply;
mod request_id;
mod standing;
mod stopping;
mod stripe;
mod websocket;
