//! What a slot of the window file holds: an account's rate log, or what it spent of a quota in the current period.
//!
//! A slot's first word is its frame: kind, size class, and for a rate log the window and the ring's cursor. It is
//! stored last, so that a slot is there whole or not at all. This module knows no file and no account table.

use std::sync::Arc;

use limen_rules::period::Span;
use limen_rules::quota::{AccountKey, Meter};
use limen_rules::rate::{Cursor, Ring, Run};

use super::mapping::Chunk;

/// Runs that a rate log's slot holds, by class.
const RUNS_OF_CLASS: [u16; 32] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
    1536, 2048, 3072, 4200,
];
const CLASS_OF_CALLS: u8 = 62;
const CLASS_OF_BYTES: u8 = 63;

/// Frame and key.
const HEAD_WORDS: usize = 3;
const COUNTER_WORDS: usize = HEAD_WORDS + 4;

/// The longest window that a frame holds, in milliseconds (over four hours).
pub(super) const MAX_WINDOW_MS: u32 = (1 << 24) - 1;

/// Stands for no period while the figures are changed.
const NO_PERIOD: i64 = i64::MIN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was ever here: the chunk's used part ends.
    Unused,
    Rate,
    Counters,
    Free,
}

/// A slot's first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) class: u8,
    pub(super) window_ms: u32,
    pub(super) cursor: Cursor,
}

impl Frame {
    pub(super) fn free(class: u8) -> Frame {
        Frame { kind: Kind::Free, class, window_ms: 0, cursor: Cursor::default() }
    }

    pub(super) fn to_word(self) -> u64 {
        let kind = match self.kind {
            Kind::Unused => 0,
            Kind::Rate => 1,
            Kind::Counters => 2,
            Kind::Free => 3,
        };
        let (first, length) = (self.cursor.first as u64 & 0xffff, self.cursor.length as u64 & 0xffff);
        kind | u64::from(self.class & 0x3f) << 2
            | u64::from(self.window_ms & MAX_WINDOW_MS) << 8
            | first << 32
            | length << 48
    }

    pub(super) fn from_word(word: u64) -> Frame {
        let kind = match word & 3 {
            0 => Kind::Unused,
            1 => Kind::Rate,
            2 => Kind::Counters,
            _ => Kind::Free,
        };
        Frame {
            kind,
            class: (word >> 2) as u8 & 0x3f,
            window_ms: (word >> 8) as u32 & MAX_WINDOW_MS,
            cursor: Cursor { first: (word >> 32) as usize & 0xffff, length: (word >> 48) as usize & 0xffff },
        }
    }
}

/// The smallest class whose ring holds so many runs; `None` if none does.
pub(super) fn class_for_runs(runs: usize) -> Option<u8> {
    RUNS_OF_CLASS.iter().position(|&held| usize::from(held) >= runs).map(|class| class as u8)
}

pub(super) fn class_for_meter(meter: Meter) -> u8 {
    match meter {
        Meter::Calls => CLASS_OF_CALLS,
        Meter::Bytes => CLASS_OF_BYTES,
    }
}

/// Words that a slot of this class takes; `None` if there is no such class.
pub(super) fn words_of_class(class: u8) -> Option<usize> {
    match class {
        CLASS_OF_CALLS | CLASS_OF_BYTES => Some(COUNTER_WORDS),
        _ => RUNS_OF_CLASS.get(usize::from(class)).map(|&runs| HEAD_WORDS + usize::from(runs)),
    }
}

/// A place in a chunk.
#[derive(Clone)]
pub(super) struct Slot {
    chunk: Arc<Chunk>,
    offset: u32,
}

impl Slot {
    pub(super) fn new(chunk: Arc<Chunk>, offset: usize) -> Slot {
        Slot { chunk, offset: offset as u32 }
    }

    pub(super) fn frame(&self) -> Frame {
        Frame::from_word(self.load(0))
    }

    pub(super) fn set_frame(&self, frame: Frame) {
        self.store(0, frame.to_word());
    }

    pub(super) fn key(&self) -> AccountKey {
        AccountKey(u128::from(self.load(1)) << 64 | u128::from(self.load(2)))
    }

    pub(super) fn set_key(&self, key: AccountKey) {
        self.store(1, (key.0 >> 64) as u64);
        self.store(2, key.0 as u64);
    }

    fn load(&self, word: usize) -> u64 {
        self.chunk.load(self.offset as usize + word)
    }

    fn store(&self, word: usize, value: u64) {
        self.chunk.store(self.offset as usize + word, value);
    }
}

/// A rate log's ring in the file.
pub(super) struct MappedRing {
    slot: Slot,
    /// As in the slot's class, so that the two can't disagree within a process.
    capacity: u16,
}

impl MappedRing {
    /// The ring of a slot that holds one, or is free and of a ring's class.
    pub(super) fn of(slot: Slot) -> Option<MappedRing> {
        let capacity = *RUNS_OF_CLASS.get(usize::from(slot.frame().class))?;
        Some(MappedRing { slot, capacity })
    }

    /// From now on the ring is found again after a restart.
    pub(super) fn publish(&self, window_ms: u32) {
        self.slot.set_frame(Frame { kind: Kind::Rate, window_ms, ..self.slot.frame() });
    }

    pub(super) fn into_slot(self) -> Slot {
        self.slot
    }
}

impl Ring for MappedRing {
    fn capacity(&self) -> usize {
        usize::from(self.capacity)
    }

    fn cursor(&self) -> Cursor {
        self.slot.frame().cursor
    }

    fn set_cursor(&mut self, cursor: Cursor) {
        self.slot.set_frame(Frame { cursor, ..self.slot.frame() });
    }

    fn run(&self, index: usize) -> Run {
        Run::from_word(self.slot.load(HEAD_WORDS + index.min(self.capacity() - 1)))
    }

    fn set_run(&mut self, index: usize, run: Run) {
        self.slot.store(HEAD_WORDS + index.min(self.capacity() - 1), run.to_word());
    }
}

/// What an account spent of one meter in one period, in the file.
pub(super) struct Counters {
    slot: Slot,
}

/// The figures of [`Counters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) span: Span,
    pub(super) handed_over: u64,
    pub(super) given_back: u64,
}

impl Counters {
    pub(super) fn of(slot: Slot) -> Counters {
        Counters { slot }
    }

    pub(super) fn into_slot(self) -> Slot {
        self.slot
    }

    pub(super) fn meter(&self) -> Option<Meter> {
        match self.slot.frame().class {
            CLASS_OF_CALLS => Some(Meter::Calls),
            CLASS_OF_BYTES => Some(Meter::Bytes),
            _ => None,
        }
    }

    /// The figures, unless the process ended while they were being changed.
    pub(super) fn read(&self) -> Option<Counted> {
        let begin_us = self.slot.load(HEAD_WORDS) as i64;
        (begin_us != NO_PERIOD).then(|| Counted {
            span: Span { begin_us, end_us: self.slot.load(HEAD_WORDS + 1) as i64 },
            handed_over: self.slot.load(HEAD_WORDS + 2),
            given_back: self.slot.load(HEAD_WORDS + 3),
        })
    }

    /// Goes over to another period. No period is named until all figures are its own.
    pub(super) fn begin(&self, counted: Counted) {
        self.slot.store(HEAD_WORDS, NO_PERIOD as u64);
        self.slot.store(HEAD_WORDS + 1, counted.span.end_us as u64);
        self.slot.store(HEAD_WORDS + 2, counted.handed_over);
        self.slot.store(HEAD_WORDS + 3, counted.given_back);
        self.slot.store(HEAD_WORDS, counted.span.begin_us as u64);
        let frame = self.slot.frame();
        if frame.kind != Kind::Counters {
            self.slot.set_frame(Frame { kind: Kind::Counters, ..frame });
        }
    }

    pub(super) fn set_handed_over(&self, handed_over: u64) {
        self.slot.store(HEAD_WORDS + 2, handed_over);
    }

    pub(super) fn set_given_back(&self, given_back: u64) {
        self.slot.store(HEAD_WORDS + 3, given_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_word() {
        for frame in [
            Frame::free(63),
            Frame { kind: Kind::Unused, class: 0, window_ms: 0, cursor: Cursor::default() },
            Frame { kind: Kind::Rate, class: 31, window_ms: 300_000, cursor: Cursor { first: 4_199, length: 4_200 } },
            Frame { kind: Kind::Counters, class: 62, window_ms: MAX_WINDOW_MS, cursor: Cursor { first: 1, length: 0 } },
        ] {
            assert_eq!(Frame::from_word(frame.to_word()), frame);
        }
    }

    #[test]
    fn small_limits_take_little_room() {
        let words = |runs| words_of_class(class_for_runs(runs).unwrap()).unwrap();
        assert_eq!(words(5) * 8, 64);
        assert!(words(9) * 8 <= 100);
        assert!(words(4_098) * 8 <= 64 * 1_024);
        assert_eq!(class_for_runs(4_201), None);
        assert_eq!(words_of_class(32), None);
    }
}
