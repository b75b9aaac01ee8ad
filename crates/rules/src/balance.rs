//! Which of several targets a call goes to: the one with the fewest calls in flight for its weight.
//!
//! It knows no address and keeps no state: whoever asks brings what each target carries, and a number that goes up with
//! every call.

/// What decides about one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Its weight among the others; 0 counts as 1.
    pub weight: u32,
    /// Calls that it carries now.
    pub in_flight: u32,
    /// Whether it may be given calls at all.
    pub allowed: bool,
}

impl Load {
    fn weight(self) -> u64 {
        u64::from(self.weight.max(1))
    }
}

/// The index of the target that the next call goes to; `None` where none is allowed.
///
/// The fewest calls in flight for its weight, counted in whole calls of the lightest target; with equal weights, simply
/// the fewest. Among those that are level, `turn`, which goes up with each call, deals by weight, so that calls that
/// don't overlap are dealt in exactly that proportion too: compared as fractions, the heaviest would get them all.
#[must_use]
pub fn choose(loads: &[Load], turn: u64) -> Option<usize> {
    let lightest = loads.iter().filter(|load| load.allowed).map(|load| load.weight()).min()?;
    let level = |load: &Load| u64::from(load.in_flight).saturating_mul(lightest) / load.weight();
    let least = loads.iter().filter(|load| load.allowed).map(level).min()?;
    let fits = |load: &Load| load.allowed && level(load) == least;
    let weights: u64 = loads.iter().filter(|load| fits(load)).map(|load| load.weight()).sum();
    let mut slot = dealt(turn, weights)?;
    for (at, load) in loads.iter().enumerate().filter(|(_, load)| fits(load)) {
        match slot.checked_sub(load.weight()) {
            Some(rest) => slot = rest,
            None => return Some(at),
        }
    }
    None
}

/// Each of `0..slots` once in any `slots` turns, neighbours far apart in time.
fn dealt(turn: u64, slots: u64) -> Option<u64> {
    let turn = turn.checked_rem(slots)?;
    // The golden section keeps steps from falling close to earlier ones.
    let wanted = (slots * 618 / 1_000).max(1);
    let stride = (1..=wanted).rev().find(|stride| are_coprime(*stride, slots)).unwrap_or(1);
    (turn * stride).checked_rem(slots)
}

fn are_coprime(a: u64, b: u64) -> bool {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(weight: u32, in_flight: u32) -> Load {
        Load { weight, in_flight, allowed: true }
    }

    fn counts(loads: &[Load], calls: u64) -> Vec<u64> {
        let mut counts = vec![0; loads.len()];
        for turn in 0..calls {
            counts[choose(loads, turn).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn calls_one_after_the_other_are_dealt_by_weight() {
        assert_eq!(counts(&[load(1, 0), load(1, 0)], 10), [5, 5]);
        assert_eq!(counts(&[load(3, 0), load(1, 0)], 40), [30, 10]);
        assert_eq!(counts(&[load(1, 0), load(0, 0), load(100, 0)], 102), [1, 1, 100]);
        assert_eq!(counts(&[load(7, 0)], 3), [3]);
    }

    #[test]
    fn who_is_out_gets_none_and_nobody_is_no_target() {
        let out = Load { allowed: false, ..load(100, 0) };
        assert_eq!(counts(&[out, load(1, 9)], 5), [0, 5]);
        assert_eq!(choose(&[out, out], 3), None);
        assert_eq!(choose(&[], 0), None);
    }

    #[test]
    fn with_equal_weights_the_fewest_in_flight_get_it() {
        assert_eq!(counts(&[load(1, 3), load(1, 2), load(1, 4)], 5), [0, 5, 0]);
        assert_eq!(counts(&[load(1, 2), load(1, 2), load(1, 4)], 6), [3, 3, 0]);
    }

    #[test]
    fn a_slow_target_holds_no_more_than_its_weight() {
        // Whatever goes to the first never ends; whatever goes to the second ends at once.
        let mut slow = 0;
        for turn in 0..100 {
            slow += u32::from(choose(&[load(3, slow), load(1, 0)], turn) == Some(0));
        }
        assert_eq!(slow, 3);
    }

    proptest! {
        /// The naive reading: every slot written out.
        #[test]
        fn agrees_with_slots_written_out(
            loads in prop::collection::vec((1_u32..=100, 0_u32..50, any::<bool>()), 0..32), turn: u64,
        ) {
            let loads: Vec<_> =
                loads.into_iter().map(|(weight, in_flight, allowed)| Load { weight, in_flight, allowed }).collect();
            let allowed: Vec<usize> = (0..loads.len()).filter(|at| loads[*at].allowed).collect();
            let lightest = allowed.iter().map(|at| loads[*at].weight).min().unwrap_or(1);
            let level = |at: usize| (0..).take_while(|n| n * loads[at].weight <= loads[at].in_flight * lightest).count();
            let least = allowed.iter().map(|at| level(*at)).min();
            let slots: Vec<usize> = allowed.iter().filter(|at| Some(level(**at)) == least)
                .flat_map(|at| std::iter::repeat_n(*at, loads[*at].weight as usize)).collect();
            let chosen = choose(&loads, turn);
            prop_assert_eq!(chosen.is_some(), !allowed.is_empty(), "somebody always fits");
            if let Some(chosen) = chosen {
                prop_assert!(slots.contains(&chosen));
                // A whole round deals every slot once.
                let mut dealt_out = vec![0_usize; loads.len()];
                let round = slots.len() as u64;
                for turn in turn % 1_000..turn % 1_000 + round {
                    dealt_out[choose(&loads, turn).unwrap()] += 1;
                }
                for (at, count) in dealt_out.iter().enumerate() {
                    prop_assert_eq!(*count, slots.iter().filter(|slot| **slot == at).count());
                }
            }
        }
    }
}
