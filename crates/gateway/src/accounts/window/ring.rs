//! Where a rate log's runs are: in the window file, or in memory while the disk is full. Knows no account but the one that
//! a ring is made for.

use limen_rules::quota::AccountKey;
use limen_rules::rate::{Cursor, Ring, Run};

use super::super::slots::MappedRing;
use super::super::window_file::WindowFile;

/// A ring that this process forgets.
pub(super) struct InMemory {
    cursor: Cursor,
    runs: Vec<Run>,
}

/// Where a log's runs are.
pub(super) enum AnyRing<'f> {
    Mapped(MappedRing<'f>),
    /// For want of room in the file; the file is marked, so that a later process doesn't take the window for empty.
    InMemory(Box<InMemory>),
}

impl Ring for AnyRing<'_> {
    fn capacity(&self) -> usize {
        match self {
            AnyRing::Mapped(ring) => ring.capacity(),
            AnyRing::InMemory(ring) => ring.runs.len(),
        }
    }

    fn cursor(&self) -> Cursor {
        match self {
            AnyRing::Mapped(ring) => ring.cursor(),
            AnyRing::InMemory(ring) => ring.cursor,
        }
    }

    fn set_cursor(&mut self, cursor: Cursor) {
        match self {
            AnyRing::Mapped(ring) => ring.set_cursor(cursor),
            AnyRing::InMemory(ring) => ring.cursor = cursor,
        }
    }

    fn run(&self, index: usize) -> Run {
        match self {
            AnyRing::Mapped(ring) => ring.run(index),
            AnyRing::InMemory(ring) => ring.runs.get(index).copied().unwrap_or(Run { tick: 0, count: 0 }),
        }
    }

    fn set_run(&mut self, index: usize, run: Run) {
        match self {
            AnyRing::Mapped(ring) => ring.set_run(index, run),
            AnyRing::InMemory(ring) => {
                if let Some(old) = ring.runs.get_mut(index) {
                    *old = run;
                }
            }
        }
    }
}

impl<'f> AnyRing<'f> {
    /// An empty ring of so many runs, not yet published.
    pub(super) fn new(file: &'f WindowFile, key: AccountKey, runs: usize) -> AnyRing<'f> {
        match file.ring(key, runs) {
            Some(mut ring) => {
                ring.set_cursor(Cursor::default());
                AnyRing::Mapped(ring)
            }
            None => {
                file.set_incomplete(true);
                let runs = vec![Run { tick: 0, count: 0 }; runs];
                AnyRing::InMemory(Box::new(InMemory { cursor: Cursor::default(), runs }))
            }
        }
    }
}
