//! What a call owes once its right was charged: the bytes that it carries, the room that its body takes.
//!
//! However the call ends, also by being cancelled, dropping its debts settles them exactly once.

use crate::accounts::Right;
use crate::budget::Hold;
use crate::targets::UnderWay;

/// A long body is counted as it goes, in steps of so many bytes.
const REPORT_BYTES: u64 = 64 * 1024;

/// What must be settled when the call ends.
pub(crate) struct Debts {
    right: Option<Right>,
    /// Room for the body, given back with the rest.
    _hold: Option<Hold>,
    /// The target that carries the call, to its end.
    pub(crate) under_way: Option<UnderWay>,
    request_bytes: u64,
    response_bytes: u64,
    reported_bytes: u64,
}

impl Debts {
    pub(crate) fn new(right: Option<Right>, hold: Option<Hold>) -> Self {
        Self { right, _hold: hold, under_way: None, request_bytes: 0, response_bytes: 0, reported_bytes: 0 }
    }

    /// Counts bytes of the request's body, once however often they are sent.
    pub(crate) fn add_request_bytes(&mut self, bytes: u64) {
        self.request_bytes = self.request_bytes.saturating_add(bytes);
        self.report_steps();
    }

    /// Bytes of the request's and the response's body so far.
    pub(crate) fn body_bytes(&self) -> (u64, u64) {
        (self.request_bytes, self.response_bytes)
    }

    /// Counts bytes of the response's body.
    pub(crate) fn add_response_bytes(&mut self, bytes: usize) {
        self.response_bytes = self.response_bytes.saturating_add(bytes as u64);
        self.report_steps();
    }

    fn report_steps(&mut self) {
        if self.carried_bytes().saturating_sub(self.reported_bytes) >= REPORT_BYTES {
            self.report();
        }
    }

    fn carried_bytes(&self) -> u64 {
        self.request_bytes.saturating_add(self.response_bytes)
    }

    /// The call ended in our own failure before anything left: its right goes back to the period that it was taken
    /// from. Whether there was one.
    pub(crate) fn give_back(&mut self) -> bool {
        let right = self.right.take();
        let any = right.is_some();
        if let Some(right) = right {
            right.give_back();
        }
        any
    }

    /// Counts the bytes that were carried since the last report.
    fn report(&mut self) {
        let carried = self.carried_bytes();
        if let Some(right) = &mut self.right {
            right.add_bytes(carried.saturating_sub(self.reported_bytes));
        }
        self.reported_bytes = carried;
    }
}

impl Drop for Debts {
    fn drop(&mut self) {
        self.report();
    }
}
