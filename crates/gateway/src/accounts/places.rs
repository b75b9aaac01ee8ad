//! Where each account's window is in the file: a table of eight bytes an entry, of which a look needs one cache line, in
//! large pages where there are many. Whether a place is an account's is the asker's to say; its shard's lock is held.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::mapping::Chunk;

/// Entries of a cache line: where the search for a tag begins, a line begins.
const LINE_ENTRIES: usize = 8;
/// From so many bytes on, all shards' tables of one size are one mapping. As much is a large page.
const MAPPED_FROM_BYTES: usize = 2 << 20;
/// The table of a shard begins with so many lines and doubles. There are less than 2^32 places in all shards.
const MOST_DOUBLINGS: u32 = 30;

/// Memory for the tables of so many shards.
pub(super) struct Rooms {
    shards: usize,
    /// What is mapped for the tables of each size, for as long as one of them is in it.
    of_size: Mutex<Vec<Weak<Chunk>>>,
}

enum Room {
    Heap(Box<[AtomicU64]>),
    /// All shards' rooms of this size, one after the other.
    Mapped(Arc<Chunk>),
}

impl Rooms {
    pub(super) fn new(shards: usize) -> Rooms {
        Rooms { shards, of_size: Mutex::new(Vec::new()) }
    }

    /// Zeros for the table of a shard that isn't in such a room.
    fn room(&self, doublings: u32) -> Room {
        let words = LINE_ENTRIES << doublings;
        match self.mapped(doublings, words * self.shards * size_of::<u64>()) {
            Some(chunk) => Room::Mapped(chunk),
            None => Room::Heap((0..words).map(|_| AtomicU64::new(0)).collect()),
        }
    }

    fn mapped(&self, doublings: u32, bytes: usize) -> Option<Arc<Chunk>> {
        if bytes < MAPPED_FROM_BYTES {
            return None;
        }
        let mut of_size = self.of_size.lock().unwrap_or_else(PoisonError::into_inner);
        let at = doublings as usize;
        if of_size.len() <= at {
            of_size.resize(at + 1, Weak::new());
        }
        let known = of_size.get_mut(at)?;
        if let Some(chunk) = known.upgrade() {
            return Some(chunk);
        }
        let chunk = Arc::new(Chunk::anonymous(bytes).ok()?);
        *known = Arc::downgrade(&chunk);
        Some(chunk)
    }
}

/// The table of one shard. An entry is the account's tag and its place, which is never 0; it stands in the first free
/// entry from its tag's line on.
pub(super) struct Places {
    room: Room,
    shard: u32,
    doublings: u32,
    used: u32,
}

impl Places {
    pub(super) fn new(shard: u32, rooms: &Rooms) -> Places {
        Places { room: rooms.room(0), shard, doublings: 0, used: 0 }
    }

    fn words(&self) -> &[AtomicU64] {
        let count = LINE_ENTRIES << self.doublings;
        match &self.room {
            Room::Heap(words) => words,
            Room::Mapped(chunk) => {
                let first = self.shard as usize * count;
                chunk.words().get(first..first + count).unwrap_or_default()
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.used as usize
    }

    /// Where the entry stands of whose place `of` makes something, and what.
    pub(super) fn find<T>(&self, tag: u32, of: impl Fn(u32) -> Option<T>) -> Option<(usize, T)> {
        let words = self.words();
        let home = home(tag, words.len());
        let (before, from) = words.split_at_checked(home)?;
        for (first, entries) in [(home, from), (0, before)] {
            for (at, word) in (first..).zip(entries) {
                let entry = word.load(Ordering::Relaxed);
                if entry == 0 {
                    return None;
                }
                if (entry >> 32) as u32 == tag
                    && let Some(found) = of(entry as u32)
                {
                    return Some((at, found));
                }
            }
        }
        None
    }

    /// Adds an entry. No other account's window has that place.
    pub(super) fn insert(&mut self, tag: u32, place: u32, rooms: &Rooms) {
        if (self.len() + 1) * 4 > self.words().len() * 3 && self.doublings < MOST_DOUBLINGS {
            self.move_to(self.doublings + 1, rooms);
        }
        self.put(entry(tag, place));
        self.used += 1;
    }

    /// There is always a free entry.
    fn put(&self, entry: u64) {
        let words = self.words();
        let Some((before, from)) = words.split_at_checked(home((entry >> 32) as u32, words.len())) else { return };
        if let Some(free) = from.iter().chain(before).find(|word| word.load(Ordering::Relaxed) == 0) {
            free.store(entry, Ordering::Relaxed);
        }
    }

    /// Names another place of the same account.
    pub(super) fn replace(&self, at: usize, place: u32) {
        if let Some(word) = self.words().get(at) {
            let tag = (word.load(Ordering::Relaxed) >> 32) as u32;
            word.store(entry(tag, place), Ordering::Relaxed);
        }
    }

    /// Takes an entry out. Those behind it that belong before it move up, so that a search may end at a free one.
    pub(super) fn remove(&mut self, at: usize) {
        let words = self.words();
        let count = words.len();
        let (mut hole, mut next) = (at, at);
        loop {
            next = (next + 1) % count.max(1);
            let entry = words.get(next).map_or(0, |word| word.load(Ordering::Relaxed));
            if entry == 0 || next == at {
                break;
            }
            // How far it stands from where it belongs, and how far the hole is behind it.
            let strayed = (next + count - home((entry >> 32) as u32, count)) % count;
            if strayed >= (next + count - hole) % count {
                if let Some(word) = words.get(hole) {
                    word.store(entry, Ordering::Relaxed);
                }
                hole = next;
            }
        }
        if let Some(word) = words.get(hole) {
            word.store(0, Ordering::Relaxed);
        }
        self.used = self.used.saturating_sub(1);
    }

    /// Takes out the entries whose places aren't to be kept. One may be asked about twice.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(u32) -> bool) {
        let mut at = 0;
        while let Some(entry) = self.words().get(at).map(|word| word.load(Ordering::Relaxed)) {
            if entry != 0 && !keeps(entry as u32) {
                // Another may stand there now.
                self.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Goes over to a smaller table where most of this one is unused.
    pub(super) fn shrink(&mut self, rooms: &Rooms) {
        while self.doublings > 0 && self.len() * 8 < self.words().len() {
            self.move_to(self.doublings - 1, rooms);
        }
    }

    fn move_to(&mut self, doublings: u32, rooms: &Rooms) {
        let room = rooms.room(doublings);
        let old = Places { room: std::mem::replace(&mut self.room, room), ..*self };
        self.doublings = doublings;
        for word in old.words() {
            let entry = word.load(Ordering::Relaxed);
            if entry != 0 {
                self.put(entry);
                // Zeros are left to whoever comes to that room next.
                word.store(0, Ordering::Relaxed);
            }
        }
    }
}

fn entry(tag: u32, place: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(place)
}

/// Where the search for a tag begins: tags are even, so their order is that of the lines.
fn home(tag: u32, words: usize) -> usize {
    let lines = (words / LINE_ENTRIES) as u64;
    ((u64::from(tag) * lines) >> 32) as usize * LINE_ENTRIES
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Looks for a place by its tag.
    fn find(places: &Places, tag: u32, place: u32) -> Option<usize> {
        places.find(tag, |other| (other == place).then_some(())).map(|(at, ())| at)
    }

    proptest! {
        /// Tags of few values, at the end of the table too, so that lines run full and searches go round.
        #[test]
        fn any_history_answers_as_a_plain_map_does(
            steps in prop::collection::vec((0_u8..4, 0_u32..40, 0_u32..3), 1..400),
            shards in prop_oneof![Just(2_usize), Just(1 << 15)],
        ) {
            let rooms = Rooms::new(shards);
            let mut places = Places::new(1, &rooms);
            let mut expected = HashMap::new();
            let mut next_place = 1;
            for (step, tag, round) in steps {
                let tag = u32::MAX - (tag % 7) * 0x1000_0000 - tag;
                match (step, expected.get(&tag).copied()) {
                    (0 | 1, None) => {
                        places.insert(tag, next_place, &rooms);
                        expected.insert(tag, next_place);
                        next_place += 1;
                    }
                    (1, Some(place)) => {
                        places.replace(find(&places, tag, place).unwrap(), next_place);
                        expected.insert(tag, next_place);
                        next_place += 1;
                    }
                    (2, Some(place)) => {
                        let at = find(&places, tag, place).unwrap();
                        places.remove(at);
                        expected.remove(&tag);
                    }
                    (3, _) => {
                        places.retain(|place| place % 3 != round);
                        places.shrink(&rooms);
                        expected.retain(|_, place| *place % 3 != round);
                    }
                    _ => {}
                }
                prop_assert_eq!(places.len(), expected.len());
                for (tag, place) in &expected {
                    prop_assert!(find(&places, *tag, *place).is_some());
                }
                let stored = places.words().iter().filter(|word| word.load(Ordering::Relaxed) != 0).count();
                prop_assert_eq!(stored, expected.len());
            }
        }
    }

    #[test]
    fn one_tag_may_be_of_two_accounts() {
        let rooms = Rooms::new(4);
        let mut places = Places::new(3, &rooms);
        (1..=20).for_each(|place| places.insert(7, place, &rooms));
        assert!((1..=20).all(|place| find(&places, 7, place).is_some()) && find(&places, 7, 21).is_none());
    }

    #[test]
    fn tables_of_one_size_share_a_mapping_that_goes_when_all_have_left() {
        let rooms = Rooms::new(1 << 15);
        let mut first = Places::new(0, &rooms);
        let mut second = Places::new(1, &rooms);
        let mapped = |places: &Places| matches!(places.room, Room::Mapped(_));
        let alive = || rooms.of_size.lock().unwrap().iter().map(Weak::strong_count).collect::<Vec<_>>();
        assert!(mapped(&first) && mapped(&second));
        assert_eq!(alive(), [2]);
        for place in 1..=7 {
            first.insert(0, place, &rooms);
            second.insert(u32::MAX, 100 + place, &rooms);
        }
        assert_eq!(alive(), [0, 2]);
        assert!(
            (1..=7).all(|place| find(&first, 0, place).is_some() && find(&second, u32::MAX, 100 + place).is_some())
        );
        first.retain(|_| false);
        first.shrink(&rooms);
        assert_eq!((alive(), first.len()), (vec![1, 1], 0));
    }
}
