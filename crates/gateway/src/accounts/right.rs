//! A charged call's right: settled exactly once, by giving it back or by being dropped, which keeps it spent.

use std::sync::Arc;

use limen_rules::quota::Meter;

use super::quota::Taken;
use super::{Account, QuotaFigures};

/// The right to hand one call to a service. Whoever holds it reports the body bytes that were carried.
#[must_use = "a call without its right isn't counted"]
pub struct Right {
    taken: [Option<Taken>; 2],
    figures: [Option<QuotaFigures>; 2],
    carried: u64,
    account: Option<Arc<Account>>,
}

impl Right {
    /// The right of a call that no quota limits.
    pub(super) fn unlimited() -> Right {
        Right { taken: [None; 2], figures: [None; 2], carried: 0, account: None }
    }

    pub(super) fn new(account: Arc<Account>, taken: [Option<Taken>; 2], figures: [Option<QuotaFigures>; 2]) -> Right {
        Right { taken, figures, carried: 0, account: Some(account) }
    }

    /// What is left of each quota after this call, for the `RateLimit` field.
    pub fn figures(&self) -> impl Iterator<Item = QuotaFigures> {
        self.figures.into_iter().flatten()
    }

    /// Counts body bytes, of the request or the response, as they are carried.
    pub fn add_bytes(&mut self, bytes: u64) {
        let taken = self.taken.into_iter().flatten().find(|(meter, _)| *meter == Meter::Bytes);
        let (Some(taken), Some(account)) = (taken, &self.account) else { return };
        if bytes > 0 {
            self.carried = self.carried.saturating_add(bytes);
            account.with_quota(|quota, jobs| quota.carried(account.key, taken, bytes, jobs));
        }
    }

    /// The call ended in our own failure before response headers left: neither it nor its bytes count.
    pub fn give_back(mut self) {
        self.settle(true);
    }

    fn settle(&mut self, give_back: bool) {
        let Some(account) = self.account.take() else { return };
        let carried = self.carried;
        account.with_quota(|quota, jobs| {
            for taken in self.taken.into_iter().flatten() {
                let given_back = match taken.0 {
                    _ if !give_back => 0,
                    Meter::Calls => 1,
                    Meter::Bytes => carried,
                };
                quota.settle(account.key, taken, given_back, jobs);
            }
        });
    }
}

impl Drop for Right {
    fn drop(&mut self) {
        self.settle(false);
    }
}
