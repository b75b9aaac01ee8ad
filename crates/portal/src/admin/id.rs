//! Ids of what the admin API makes: a word and enough randomness that no two are alike.

use limen_rules::model::Name;

use crate::ports::Random;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// The largest multiple of 36 in a byte: what lies above would favour the first digits.
const FAIR_BELOW: u8 = 252;

/// `prefix` and `count` random characters of `0-9 a-z`.
pub(crate) fn make(prefix: &str, count: usize, random: &dyn Random) -> Name {
    let end = prefix.len() + count;
    let mut id = String::with_capacity(end);
    id.push_str(prefix);
    let mut bytes = [0_u8; 32];
    while id.len() < end {
        random.fill(&mut bytes);
        let fair = bytes.iter().filter(|byte| **byte < FAIR_BELOW);
        let digits = fair.filter_map(|byte| DIGITS.get(usize::from(byte % 36)));
        id.extend(digits.take(end - id.len()).map(|digit| char::from(*digit)));
    }
    id.into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use limen_rules::model::valid_name;

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn ids_are_names_of_the_length_asked_for() {
        let random = Counting::default();
        random.0.store(250, Ordering::Relaxed);
        let id = make("sub_", 12, &random);
        assert_eq!(&*id, "sub_yz0123456789");
        assert!(valid_name(&id));
        assert_eq!(make("grant_", 40, &random).len(), 46);
    }
}
