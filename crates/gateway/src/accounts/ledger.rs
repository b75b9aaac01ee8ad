//! The port to whatever keeps quota rows durable. The accounts know no store behind it.

use std::future::Future;
use std::pin::Pin;

use limen_rules::quota::{LeaseGrant, LeaseRequest};

/// What [`QuotaLedger::lease`] returns.
pub type Lease<'a> = Pin<Box<dyn Future<Output = Result<LeaseGrant, LedgerUnavailable>> + Send + 'a>>;

/// The ledger did not answer, or can't say whether the request was made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quota ledger is unavailable")]
pub struct LedgerUnavailable;

/// Keeps quota rows durable.
pub trait QuotaLedger: Send + Sync + 'static {
    /// Applies [`limen_rules::quota::debit`] to the request's row, and answers once the new row is durable. Requests
    /// are applied in the order in which `lease` was called; each at most once.
    ///
    /// # Errors
    /// [`LedgerUnavailable`], also where the outcome is unknown: rights that were then granted count as lost.
    fn lease(&self, request: LeaseRequest) -> Lease<'_>;
}
