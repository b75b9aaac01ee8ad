//! What outlives the process: declared objects, subscriptions, notices, grants, sign-ins, signing keys and the
//! books of quotas.
//!
//! SQLite in a data folder that one process holds. Reads go to a few connections, writes to one, whose answers mean
//! "durable". This crate decides nothing and knows no HTTP and no clock: `now` is an argument.

mod directory;
mod error;
mod folder;
mod grant;
mod grant_list;
mod notice;
mod open_error;
mod quota;
mod resource;
mod revision;
mod setting;
mod sign_in;
mod signing_key;
mod sqlite;
mod store;
mod subscription;
mod subscription_table;
mod writer;

pub use error::StoreError;
pub use folder::{DATABASE_FILE, DataFolder};
pub use grant_list::GrantFilter;
pub use open_error::OpenError;
pub use quota::QuotaUsage;
pub use resource::{Applied, ResourceId, ResourceKind};
pub use revision::Changes;
pub use sign_in::lookup::Party;
pub use signing_key::SigningKey;
pub use store::Store;
