//! What recent calls went through, for `limen explain`: two bounded rings, refusals kept longer than the rest.
//!
//! A call is written as bytes behind the ones before it, into its core's own page: nothing is shared with other cores,
//! made or freed for it, and what is kept holds nothing alive.

mod page;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use limen_rules::contract::Cause;
use limen_rules::explain::Finding;
use limen_rules::explain::notes::Notes;

use self::page::{PAGE_CALLS, Page, Shelf};
use crate::stripe;

/// Calls kept that were answered well.
const ANSWERED_CALLS: usize = 8_192;
/// Calls kept that were refused or failed.
const REFUSED_CALLS: usize = 16_384;
/// Of each kept call there is room for so many bytes; where calls tell more on the average, fewer are kept.
const CALL_BYTES: usize = 1_024;
/// Pages that are written at a time: more cores than that share some.
const STRIPES_MAX: usize = 8;

/// A call's id: printed as 32 hex digits.
pub type RequestId = u128;

/// One call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallRecord {
    /// Its id.
    pub request_id: RequestId,
    /// When it came, microseconds since the Unix epoch.
    pub at_us: i64,
    /// Its method.
    pub method: http::Method,
    /// Its path, without the query.
    pub path: String,
    /// The final status.
    pub status: u16,
    /// Why it was refused or failed.
    pub cause: Option<Cause>,
    /// From the head's arrival to the end of the response's body.
    pub duration_us: u64,
    /// Each check.
    pub notes: Notes,
}

impl CallRecord {
    /// What each check found.
    pub fn findings(&self) -> impl Iterator<Item = Finding<'_>> {
        self.notes.findings()
    }
}

/// What a core writes into.
#[repr(align(128))]
struct Stripe(Mutex<Open>);

struct Open {
    answered: Page,
    refused: Page,
    by_status: Box<[u64]>,
}

/// The rings and the counts.
pub struct Journal {
    stripes: Box<[Stripe]>,
    answered: Shelf,
    refused: Shelf,
}

impl Default for Journal {
    fn default() -> Self {
        let open = || Open { answered: Page::default(), refused: Page::default(), by_status: vec![0; 1000].into() };
        let stripes: Box<[_]> = (0..stripe::count().min(STRIPES_MAX)).map(|_| Stripe(Mutex::new(open()))).collect();
        // What the open pages may hold counts as if they were full.
        let shelf = |calls: usize| Shelf::new(calls - stripes.len() * PAGE_CALLS, calls * CALL_BYTES);
        let (answered, refused) = (shelf(ANSWERED_CALLS), shelf(REFUSED_CALLS));
        Self { stripes, answered, refused }
    }
}

impl Journal {
    /// Writes a call down.
    pub fn write(&self, record: &CallRecord) {
        let Some(stripe) = self.stripes.get(stripe::mine() % self.stripes.len().max(1)) else { return };
        let mut open = stripe.open();
        if let Some(count) = open.by_status.get_mut(usize::from(record.status)) {
            *count += 1;
        }
        let (page, shelf) = match record.cause {
            None => (&mut open.answered, &self.answered),
            Some(_) => (&mut open.refused, &self.refused),
        };
        if !page.has_room_for(record) {
            shelf.turn(page);
        }
        page.write(record);
    }

    /// The call of that id, if it is still kept.
    #[must_use]
    pub fn find(&self, request_id: RequestId) -> Option<CallRecord> {
        let in_open = |stripe: &Stripe| {
            let open = stripe.open();
            open.answered.find(request_id).or_else(|| open.refused.find(request_id))
        };
        // A page that is shelved meanwhile is found on its shelf.
        let on_shelf = || [&self.refused, &self.answered].into_iter().find_map(|shelf| shelf.find(request_id));
        self.stripes.iter().find_map(in_open).or_else(on_shelf)
    }

    /// How many calls are kept: answered well, and refused or failed.
    #[must_use]
    pub fn kept(&self) -> (usize, usize) {
        let mut kept = (self.answered.calls(), self.refused.calls());
        for stripe in &self.stripes {
            let open = stripe.open();
            kept = (kept.0 + open.answered.calls(), kept.1 + open.refused.calls());
        }
        kept
    }

    /// Calls since the process began, by status.
    #[must_use]
    pub fn calls_by_status(&self) -> Vec<(u16, u64)> {
        let mut counts = vec![0; 1000];
        for stripe in &self.stripes {
            counts.iter_mut().zip(&stripe.open().by_status).for_each(|(all, one)| *all += one);
        }
        (0..).zip(counts).filter(|(_, count)| *count > 0).collect()
    }
}

impl Stripe {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
