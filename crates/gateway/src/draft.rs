//! A call's line in the journal, the access log and the counters while the call runs; written when it is dropped, also
//! for a caller who left.
//!
//! It is written on a sheet that its core keeps for the next call, so that notes take no memory anew.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use http::Method;
use limen_rules::contract::Cause;
use limen_rules::explain::Finding;

use crate::accounts::Reading;
use crate::ended::Traffic;
use crate::gateway::Gateway;
use crate::journal::{CallRecord, RequestId};

/// So much of a path is written down.
const PATH_KEPT_CHARACTERS: usize = 512;
/// A longer method is written down as unknown.
const METHOD_KEPT_BYTES: usize = 32;
/// Sheets that a core keeps, and how much room one may have for its notes and for its path.
const SHEETS_KEPT: usize = 64;
const SHEET_KEPT_BYTES: usize = 4 * 1024;

thread_local! {
    #[expect(clippy::vec_box, reason = "a call's line moves as one pointer")]
    static SHEETS: RefCell<Vec<Box<Sheet>>> = const { RefCell::new(Vec::new()) };
}

/// What is written down of a call.
#[derive(Default)]
struct Sheet {
    record: CallRecord,
    traffic: Traffic,
}

impl Sheet {
    /// The one that was used last, so that it lies in the core's cache.
    fn take() -> Box<Self> {
        SHEETS.try_with(|kept| kept.borrow_mut().pop()).ok().flatten().unwrap_or_default()
    }

    fn keep(mut self: Box<Self>) {
        let record = &mut self.record;
        if record.path.capacity().max(record.notes.capacity()) > SHEET_KEPT_BYTES {
            return;
        }
        record.path.clear();
        record.notes.clear();
        // A thread that ends keeps nothing.
        let _ = SHEETS.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            if kept.len() < SHEETS_KEPT {
                kept.push(self);
            }
        });
    }
}

/// What stands for a method that could not be read or is too long to keep.
pub(crate) fn unknown_method() -> Method {
    Method::from_bytes(b"-").unwrap_or_default()
}

/// A call's line, being written.
pub(crate) struct Draft {
    gateway: Arc<Gateway>,
    began_us: u64,
    /// None only while it is dropped.
    sheet: Option<Box<Sheet>>,
}

impl Draft {
    pub(crate) fn begin(
        gateway: &Arc<Gateway>,
        request_id: RequestId,
        now: Reading,
        method: &Method,
        caller: IpAddr,
    ) -> Self {
        let mut sheet = Sheet::take();
        let record = &mut sheet.record;
        (record.request_id, record.at_us) = (request_id, now.wall_us);
        record.method = if method.as_str().len() <= METHOD_KEPT_BYTES { method.clone() } else { unknown_method() };
        (record.status, record.cause) = (0, None);
        sheet.traffic = Traffic { caller: Some(caller), ..Traffic::default() };
        Self { gateway: Arc::clone(gateway), began_us: now.monotonic_us, sheet: Some(sheet) }
    }

    /// Writes down what a check found.
    pub(crate) fn note(&mut self, finding: Finding<'_>) {
        if let Some(sheet) = &mut self.sheet {
            sheet.record.notes.note(finding);
        }
    }

    /// Writes down the path, without its query.
    pub(crate) fn set_path(&mut self, path: &str) {
        let Some(sheet) = &mut self.sheet else { return };
        // The journal is bounded in calls, so each must be bounded in bytes.
        let end = match path.len() {
            0..=PATH_KEPT_CHARACTERS => path.len(),
            _ => path.char_indices().nth(PATH_KEPT_CHARACTERS).map_or(path.len(), |(at, _)| at),
        };
        sheet.record.path.clear();
        sheet.record.path.push_str(path.get(..end).unwrap_or_default());
    }

    /// What is told of the call in the access log and the counters besides its findings.
    pub(crate) fn traffic(&mut self) -> Option<&mut Traffic> {
        self.sheet.as_mut().map(|sheet| &mut sheet.traffic)
    }

    /// Writes down the final status; of causes the first.
    pub(crate) fn ended_as(&mut self, status: u16, cause: Option<Cause>) {
        if let Some(Sheet { record, .. }) = self.sheet.as_deref_mut() {
            record.status = status;
            record.cause = record.cause.or(cause);
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let Some(mut sheet) = self.sheet.take() else { return };
        let Sheet { record, traffic } = &mut *sheet;
        record.duration_us = self.gateway.clock.monotonic_us().saturating_sub(self.began_us);
        self.gateway.metrics.ended(record, traffic);
        if let Some(log) = &self.gateway.access_log {
            log.write(record, traffic);
        }
        self.gateway.journal.write(record);
        sheet.keep();
    }
}
