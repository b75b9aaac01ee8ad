//! Which slot a key's subscription stands in, by the first 32 bits of the key's hash: a table that a look needs one cache
//! line of. Whether a slot is the key's is the asker's to say.

use super::flat::Flat;

/// Entries of a cache line.
const LINE_ENTRIES: usize = 8;
/// Of these so many are used on average: of a hundred keys five then stand behind their line, in one of the next.
const LINE_USED: usize = 6;
/// What the entries can tell apart.
pub(super) const MOST_SLOTS: usize = (1 << 31) - 2;

/// Hashes are even, so their order is that of the lines; each is put into the first free entry from its line's first on.
#[derive(Debug, Default)]
pub(super) struct Marks {
    entries: Flat<8>,
}

/// The slot that an unused entry seems to name.
const UNUSED: u32 = u32::MAX;

/// An entry: the mark, then which slot's which key, so that none in use is zero.
fn entry(mark: u32, slot: u32, key: usize) -> u64 {
    u64::from(mark) << 32 | u64::from(slot + 1) << 1 | (key & 1) as u64
}

fn split(entry: u64) -> (u32, u32, usize) {
    ((entry >> 32) as u32, (entry as u32 >> 1).wrapping_sub(1), (entry & 1) as usize)
}

impl Marks {
    /// With room for so many keys.
    pub(super) fn with_room(keys: usize) -> Self {
        Self { entries: Flat::zeros(keys.div_ceil(LINE_USED) * LINE_ENTRIES) }
    }

    /// The first entry of a mark's line.
    fn home(&self, mark: u32) -> usize {
        let lines = (self.entries.pieces().len() / LINE_ENTRIES) as u64;
        ((u64::from(mark) * lines) >> 32) as usize * LINE_ENTRIES
    }

    /// Adds a key, unless all entries are in use.
    pub(super) fn insert(&mut self, mark: u32, slot: u32, key: usize) {
        let home = self.home(mark);
        let (before, from) = self.entries.pieces_mut().split_at_mut(home);
        if let Some(free) = from.iter_mut().chain(before).find(|place| **place == [0; 8]) {
            *free = entry(mark, slot, key).to_ne_bytes();
        }
    }

    /// What `of` makes of the first slot and key with that mark that it takes.
    pub(super) fn find<T>(&self, wanted: u32, of: impl Fn(u32, usize) -> Option<T>) -> Option<T> {
        let (before, from) = self.entries.pieces().split_at_checked(self.home(wanted))?;
        for entries in [from, before] {
            for entry in entries {
                let (mark, slot, key) = split(u64::from_ne_bytes(*entry));
                if slot == UNUSED {
                    return None;
                }
                if mark == wanted
                    && let Some(found) = of(slot, key)
                {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Every mark with its slot and key.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, u32, usize)> {
        let entries = self.entries.pieces().iter().map(|entry| split(u64::from_ne_bytes(*entry)));
        entries.filter(|(_, slot, _)| *slot != UNUSED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_lines_go_on_in_the_next_and_round_the_end() {
        // Two lines; all of them belong to the second.
        let mut marks = Marks::with_room(12);
        let made = (0..12).map(|number| (u32::MAX - number % 3, number, (number % 2) as usize));
        made.clone().for_each(|(mark, slot, key)| marks.insert(mark, slot, key));
        for (mark, slot, key) in made.clone() {
            let found = marks.find(mark, |other_slot, other_key| (other_slot == slot).then_some(other_key));
            assert_eq!(found, Some(key));
        }
        assert_eq!(marks.find(u32::MAX - 3, |slot, _| Some(slot)), None);
        assert_eq!(marks.find(0, |slot, _| Some(slot)), None, "only its own mark is asked about");
        let mut all: Vec<_> = marks.all().collect();
        all.sort_unstable_by_key(|(_, slot, _)| *slot);
        assert_eq!(all, made.collect::<Vec<_>>());
        assert!(Marks::default().find(7, |slot, _| Some(slot)).is_none());
    }

    #[test]
    fn of_two_with_one_mark_the_earlier_is_asked_about_first() {
        let mut marks = Marks::with_room(4);
        marks.insert(0, 0, 0);
        marks.insert(0, 1, 1);
        assert_eq!(marks.find(0, |slot, key| Some((slot, key))), Some((0, 0)));
        assert_eq!(marks.find(0, |slot, key| (slot == 1).then_some(key)), Some(1));
    }
}
