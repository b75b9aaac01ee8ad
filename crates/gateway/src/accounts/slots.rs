//! What a slot of the window file holds: an account's rate log, or what it spent of a quota in the current period.
//!
//! A slot is a number of whole cache lines: most accounts have one, with all that a call needs. Its first word is its
//! frame: kind, size class, and for a rate log the window and the ring's cursor. It is stored last, so that a slot is
//! there whole or not at all. This module knows no file and no account table.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;

use limen_rules::period::Span;
use limen_rules::quota::{AccountKey, Meter};
use limen_rules::rate::{Cursor, Ring, Run};

use super::mapping::Chunk;

/// Words of a cache line.
pub(super) const LINE_WORDS: usize = 8;
/// Words of a rate log's slot, by class: whole lines.
const WORDS_OF_CLASS: [u16; 18] =
    [8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, 4_208];
const CLASS_OF_CALLS: u8 = 62;
const CLASS_OF_BYTES: u8 = 63;

/// Frame and key.
const HEAD_WORDS: usize = 3;
/// The same and how many calls the runs are, where there are too many to count them for each call. Not to be relied on
/// after the process that wrote it.
const LONG_HEAD_WORDS: usize = HEAD_WORDS + 1;
const AT_TOTAL: usize = HEAD_WORDS;

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

fn head_words(class: u8) -> usize {
    if class == 0 { HEAD_WORDS } else { LONG_HEAD_WORDS }
}

fn runs_of_class(class: u8) -> Option<u16> {
    Some(WORDS_OF_CLASS.get(usize::from(class))? - head_words(class) as u16)
}

/// The smallest class whose ring holds so many runs; `None` if none does.
pub(super) fn class_for_runs(runs: usize) -> Option<u8> {
    (0..WORDS_OF_CLASS.len() as u8).find(|class| runs_of_class(*class).is_some_and(|held| usize::from(held) >= runs))
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
        CLASS_OF_CALLS | CLASS_OF_BYTES => Some(LINE_WORDS),
        _ => WORDS_OF_CLASS.get(usize::from(class)).map(|&words| usize::from(words)),
    }
}

/// A place in a chunk, which it borrows or keeps.
pub(super) struct Slot<C> {
    chunk: C,
    /// Its first word in the chunk.
    offset: u32,
    /// Which line of the file that is.
    place: u32,
}

impl<C: Deref<Target = Chunk>> Slot<C> {
    pub(super) fn new(chunk: C, offset: usize, place: u32) -> Slot<C> {
        Slot { chunk, offset: offset as u32, place }
    }

    pub(super) fn place(&self) -> u32 {
        self.place
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

/// A rate log's ring in the file; the only one of its slot for as long as it lives.
pub(super) struct MappedRing<'f> {
    slot: Slot<&'f Chunk>,
    /// As it stands in the slot.
    frame: Cell<Frame>,
    /// As in the slot's class, so that the two can't disagree within a process.
    capacity: u16,
    head_words: u16,
}

impl<'f> MappedRing<'f> {
    /// The ring of a slot that holds one, or is free and of a ring's class.
    pub(super) fn of(slot: Slot<&'f Chunk>) -> Option<MappedRing<'f>> {
        let frame = slot.frame();
        let (capacity, head_words) = (runs_of_class(frame.class)?, head_words(frame.class) as u16);
        Some(MappedRing { slot, frame: Cell::new(frame), capacity, head_words })
    }

    /// From now on the ring is found again after a restart.
    pub(super) fn publish(&self, window_ms: u32) {
        self.set_frame(Frame { kind: Kind::Rate, window_ms, ..self.frame.get() });
    }

    /// The window that it was published with.
    pub(super) fn window_ms(&self) -> u32 {
        self.frame.get().window_ms
    }

    fn set_frame(&self, frame: Frame) {
        self.frame.set(frame);
        self.slot.set_frame(frame);
    }

    pub(super) fn slot(&self) -> &Slot<&'f Chunk> {
        &self.slot
    }

    /// How many calls its runs are, as this process counted.
    pub(super) fn total(&self) -> u32 {
        if self.is_long() {
            return self.slot.load(AT_TOTAL) as u32;
        }
        let Cursor { first, length } = self.cursor();
        let (capacity, length) = (self.capacity(), length.min(self.capacity()));
        (first..first + length).map(|at| self.run(at % capacity).count).sum()
    }

    /// Keeps that for [`MappedRing::total`].
    pub(super) fn keep_total(&self, total: u32) {
        if self.is_long() {
            self.slot.store(AT_TOTAL, u64::from(total));
        }
    }

    fn is_long(&self) -> bool {
        usize::from(self.head_words) == LONG_HEAD_WORDS
    }
}

impl Ring for MappedRing<'_> {
    fn capacity(&self) -> usize {
        usize::from(self.capacity)
    }

    fn cursor(&self) -> Cursor {
        self.frame.get().cursor
    }

    fn set_cursor(&mut self, cursor: Cursor) {
        self.set_frame(Frame { cursor, ..self.frame.get() });
    }

    fn run(&self, index: usize) -> Run {
        Run::from_word(self.slot.load(usize::from(self.head_words) + index.min(self.capacity() - 1)))
    }

    fn set_run(&mut self, index: usize, run: Run) {
        self.slot.store(usize::from(self.head_words) + index.min(self.capacity() - 1), run.to_word());
    }
}

/// What an account spent of one meter in one period, in the file.
pub(super) struct Counters {
    slot: Slot<Arc<Chunk>>,
}

/// The figures of [`Counters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) span: Span,
    pub(super) handed_over: u64,
    pub(super) given_back: u64,
}

impl Counters {
    pub(super) fn of(slot: Slot<Arc<Chunk>>) -> Counters {
        Counters { slot }
    }

    pub(super) fn slot(&self) -> &Slot<Arc<Chunk>> {
        &self.slot
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
        assert_eq!((words(1) * 8, words(5) * 8), (64, 64));
        assert!(words(9) * 8 <= 128);
        assert!(words(4_098) * 8 <= 64 * 1_024);
        assert_eq!(class_for_runs(4_205), None);
        assert_eq!(words_of_class(18), None);
        assert!((0..64).filter_map(words_of_class).all(|words| words % LINE_WORDS == 0));
    }
}
