//! Calls as bytes, one behind the other: the page that is written, and the shelf of those that are full.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limen_rules::contract::Cause;
use limen_rules::explain::notes::Notes;

use super::{CallRecord, RequestId};

/// A page is full with so many calls or bytes; a call that takes more has a page of its own.
pub(super) const PAGE_CALLS: usize = 128;
pub(super) const PAGE_BYTES: usize = 32 * 1024;
/// What a call takes besides its method, path and notes.
const HEAD_BYTES: usize = 4 + 16 + 8 + 8 + 2 + 1 + 1 + 2;
/// Stands for no cause.
const NO_CAUSE: u8 = u8::MAX;

/// Calls, the oldest first.
#[derive(Default)]
pub(super) struct Page {
    bytes: Vec<u8>,
    calls: usize,
}

impl Page {
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    pub(super) fn has_room_for(&self, record: &CallRecord) -> bool {
        self.calls == 0 || (self.calls < PAGE_CALLS && self.bytes.len() + length(record) <= PAGE_BYTES)
    }

    /// Behind all others: the length of the whole, numbers little-endian, the lengths of method and path, their text, notes.
    pub(super) fn write(&mut self, record: &CallRecord) {
        self.calls += 1;
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(PAGE_BYTES);
        }
        let (method, path) = (record.method.as_str(), record.path.as_str());
        let cause = record.cause.map_or(NO_CAUSE, |cause| cause as u8);
        // A call keeps no longer method or path.
        let method_length = u8::try_from(method.len()).unwrap_or(u8::MAX);
        let path_length = u16::try_from(path.len()).unwrap_or(u16::MAX);
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&u32::try_from(length(record)).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&record.request_id.to_le_bytes());
        bytes.extend_from_slice(&record.at_us.to_le_bytes());
        bytes.extend_from_slice(&record.duration_us.to_le_bytes());
        bytes.extend_from_slice(&record.status.to_le_bytes());
        bytes.extend_from_slice(&[cause, method_length]);
        bytes.extend_from_slice(&path_length.to_le_bytes());
        bytes.extend_from_slice(method.as_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(record.notes.as_bytes());
    }

    pub(super) fn find(&self, request_id: RequestId) -> Option<CallRecord> {
        let mut rest = self.bytes.as_slice();
        while let Some((length, _)) = rest.split_first_chunk() {
            let (call, following) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            if call.get(4..20) == Some(&request_id.to_le_bytes()) {
                return read(call);
            }
            rest = following;
        }
        None
    }
}

fn length(record: &CallRecord) -> usize {
    HEAD_BYTES + record.method.as_str().len() + record.path.len() + record.notes.as_bytes().len()
}

/// A call as it was written.
fn read(call: &[u8]) -> Option<CallRecord> {
    let mut rest = call.get(4..)?;
    let request_id = u128::from_le_bytes(take(&mut rest)?);
    let at_us = i64::from_le_bytes(take(&mut rest)?);
    let duration_us = u64::from_le_bytes(take(&mut rest)?);
    let status = u16::from_le_bytes(take(&mut rest)?);
    let [cause, method_length] = take(&mut rest)?;
    let path_length = u16::from_le_bytes(take(&mut rest)?);
    let (method, rest) = rest.split_at_checked(usize::from(method_length))?;
    let (path, notes) = rest.split_at_checked(usize::from(path_length))?;
    Some(CallRecord {
        request_id,
        at_us,
        method: http::Method::from_bytes(method).ok()?,
        path: String::from_utf8_lossy(path).into_owned(),
        status,
        cause: Cause::ALL.into_iter().find(|one| *one as u8 == cause),
        duration_us,
        notes: Notes::of(notes),
    })
}

fn take<const LENGTH: usize>(rest: &mut &[u8]) -> Option<[u8; LENGTH]> {
    let (taken, following) = rest.split_first_chunk()?;
    *rest = following;
    Some(*taken)
}

/// Full pages of all cores, in the order in which they became full. Once they hold more than they may, the oldest page
/// goes and is written anew.
pub(super) struct Shelf {
    pages: Mutex<Pages>,
    calls_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct Pages {
    /// Shared, so that nobody who searches them keeps a core waiting.
    pages: VecDeque<Arc<Page>>,
    calls: usize,
    bytes: usize,
}

impl Shelf {
    pub(super) fn new(calls_max: usize, bytes_max: usize) -> Self {
        Self { pages: Mutex::default(), calls_max, bytes_max }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn calls(&self) -> usize {
        self.pages().calls
    }

    /// Takes a full page in and leaves an empty one.
    pub(super) fn turn(&self, page: &mut Page) {
        let full = std::mem::take(page);
        let mut all = self.pages();
        all.calls += full.calls;
        all.bytes += full.bytes.len();
        all.pages.push_back(Arc::new(full));
        while all.calls > self.calls_max || all.bytes > self.bytes_max {
            let Some(oldest) = all.pages.pop_front() else { break };
            all.calls -= oldest.calls;
            all.bytes -= oldest.bytes.len();
            *page = Arc::into_inner(oldest).unwrap_or_default();
        }
        drop(all);
        page.calls = 0;
        page.bytes.clear();
        page.bytes.shrink_to(PAGE_BYTES);
    }

    pub(super) fn find(&self, request_id: RequestId) -> Option<CallRecord> {
        let pages: Vec<_> = self.pages().pages.iter().rev().cloned().collect();
        pages.into_iter().find_map(|page| page.find(request_id))
    }
}
