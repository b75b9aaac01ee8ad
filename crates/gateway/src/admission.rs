//! How many connections there are, in all and for each caller's address; a place is free again when it is dropped.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limen_rules::network::counted_as;

use crate::edge::Edge;

/// Connections that are told at a time that there is no room; more are closed without a word.
const TURNED_AWAY_MAX: usize = 128;
const SHARDS: usize = 16;

/// Counts connections.
#[derive(Debug)]
pub(crate) struct Admission {
    connections_max: usize,
    per_address_max: usize,
    open: AtomicUsize,
    turned_away: AtomicUsize,
    /// Only addresses with open connections, so no more than there are of those.
    addresses: [Mutex<HashMap<IpAddr, usize>>; SHARDS],
    hasher: RandomState,
}

/// A place among the connections; among those of its address too, once that is known.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    kind: Kind,
    address: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    TurnedAway,
}

impl Admission {
    /// Counts up to `connections_max`, which may be less than was configured.
    pub(crate) fn new(connections_max: usize, edge: &Edge) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            per_address_max: edge.connections_per_address_max,
            open: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
            addresses: Default::default(),
            hasher: RandomState::new(),
        })
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        self.place(Kind::Open, &self.open, self.connections_max)
    }

    /// A place for one that is told to go away, if there is one.
    pub(crate) fn turn_away(self: &Arc<Self>) -> Option<Place> {
        self.place(Kind::TurnedAway, &self.turned_away, TURNED_AWAY_MAX)
    }

    fn place(self: &Arc<Self>, kind: Kind, count: &AtomicUsize, most: usize) -> Option<Place> {
        let place = Place { admission: Arc::clone(self), kind, address: None };
        // A place that is one too many is given back by its drop.
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn shard(&self, address: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        let at = usize::try_from(self.hasher.hash_one(address) % SHARDS as u64).unwrap_or(0);
        // The remainder is always a place of the array.
        self.addresses.get(at).unwrap_or(&self.addresses[0]).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the connection for its address too; false where that has too many.
    pub(crate) fn count_for(&mut self, address: IpAddr) -> bool {
        let address = counted_as(address);
        let mut counts = self.admission.shard(address);
        let count = counts.entry(address).or_default();
        if *count >= self.admission.per_address_max {
            return false;
        }
        *count += 1;
        drop(counts);
        self.address = Some(address);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match self.kind {
            Kind::Open => self.admission.open.fetch_sub(1, Ordering::Relaxed),
            Kind::TurnedAway => self.admission.turned_away.fetch_sub(1, Ordering::Relaxed),
        };
        let Some(address) = self.address else { return };
        if let Entry::Occupied(mut count) = self.admission.shard(address).entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_free_again() {
        let edge = Edge { connections_per_address_max: 2, ..Edge::default() };
        let admission = Admission::new(5, &edge);
        let enter = |text: &str| {
            let mut place = admission.enter()?;
            place.count_for(text.parse().unwrap()).then_some(place)
        };
        let first = enter("192.0.2.1").unwrap();
        let _second = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none(), "two are the most");
        let _other = enter("2001:db8::1").unwrap();
        let _neighbour = enter("2001:db8::2").unwrap();
        assert!(enter("2001:db8:0:0:ffff::3").is_none(), "the same /64");
        drop(first);
        let _again = enter("192.0.2.1").unwrap();
        let _last = enter("2001:db8:0:1::3").unwrap();
        assert_eq!(admission.open(), 5);
        assert!(enter("192.0.2.77").is_none(), "all places are taken");
        assert_eq!(admission.open(), 5);
        drop((_second, _other, _neighbour, _again, _last));
        assert_eq!(admission.open(), 0);
        assert!(admission.addresses.iter().all(|shard| shard.lock().unwrap().is_empty()));
        let away: Vec<_> = std::iter::from_fn(|| admission.turn_away()).collect();
        assert_eq!(away.len(), TURNED_AWAY_MAX);
    }
}
