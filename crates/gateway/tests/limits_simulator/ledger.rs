//! A ledger in memory that answers late, fails before and after a request is durable, and outlives every crash.

use std::collections::HashMap;
use std::sync::Mutex;

use limen_gateway::accounts::{AccountKey, Lease, LedgerUnavailable, Meter, QuotaLedger};
use limen_rules::quota::{LeaseRequest, QuotaRow, debit};

use crate::random::Random;

pub(crate) type RowKey = (AccountKey, Meter, i64);

#[derive(Default)]
pub(crate) struct FakeLedger {
    pub(crate) state: Mutex<LedgerState>,
}

#[derive(Default)]
pub(crate) struct LedgerState {
    pub(crate) rows: HashMap<RowKey, QuotaRow>,
    pub(crate) random: Option<Random>,
    pub(crate) is_down: bool,
    /// Percent of requests that fail before they are durable, and after.
    pub(crate) fails_percent: u64,
    pub(crate) granted_in_vain: u64,
}

impl QuotaLedger for FakeLedger {
    fn lease(&self, request: LeaseRequest) -> Lease<'_> {
        Box::pin(async move {
            for _ in 0..self.draw(4) {
                tokio::task::yield_now().await;
            }
            let answer = {
                let mut state = self.state.lock().unwrap();
                if state.is_down || state.fails() {
                    Err(LedgerUnavailable)
                } else {
                    let row = state.rows.entry((request.account, request.meter, request.period_begin_us)).or_default();
                    let (next, grant) = debit(*row, &request);
                    *row = next;
                    let fails = state.fails();
                    state.granted_in_vain += u64::from(fails);
                    if fails { Err(LedgerUnavailable) } else { Ok(grant) }
                }
            };
            for _ in 0..self.draw(4) {
                tokio::task::yield_now().await;
            }
            answer
        })
    }
}

impl FakeLedger {
    pub(crate) fn draw(&self, bound: u64) -> u64 {
        self.state.lock().unwrap().random.as_mut().unwrap().below(bound)
    }

    pub(crate) fn row(&self, key: RowKey) -> QuotaRow {
        self.state.lock().unwrap().rows.get(&key).copied().unwrap_or_default()
    }
}

impl LedgerState {
    fn fails(&mut self) -> bool {
        let percent = self.fails_percent;
        self.random.as_mut().unwrap().chance(percent)
    }
}
