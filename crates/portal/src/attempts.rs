//! Failed attempts to authenticate, counted so that guessing is slow and no owner is locked out.
//!
//! In memory and bounded; it reads no clock. What an account is, it doesn't know: `user:ada`, `application:mobile`.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// A failure counts for so long: 15 minutes.
const WINDOW_US: i64 = 900 * 1_000_000;
/// So many failures for an account from one network.
const PAIR_MAX: usize = 10;
/// So many failures from one network, whatever the account; users and applications apart.
const NETWORK_MAX: usize = 100;
/// So many failures for an account from anywhere.
const ACCOUNT_MAX: usize = 50;
/// So many counts are kept in each half of the memory; the half that nobody touched for longest goes first.
const COUNTS_MAX: usize = 1 << 16;

/// Who tries what from where.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What is to be opened, with its kind: `user:ada`.
    pub account: &'a str,
    /// Where the attempt comes from.
    pub address: IpAddr,
    /// A browser's mark from an earlier success with this account, checked by whoever gives it here. It has a count of
    /// its own, so that strangers' failures don't lock its owner out.
    pub device: Option<&'a [u8]>,
}

/// What failures are counted by. Accounts are kept as hashes: a name may be as long as a caller likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Count {
    Pair(u64, IpAddr),
    Network(u64, IpAddr),
    Account(u64),
    Device(u64, u64),
}

impl Count {
    fn most(self) -> usize {
        match self {
            Self::Pair(..) | Self::Device(..) => PAIR_MAX,
            Self::Network(..) => NETWORK_MAX,
            Self::Account(_) => ACCOUNT_MAX,
        }
    }
}

/// Times of failures, the oldest first; never more than the count's most.
type Failures = VecDeque<i64>;

/// Two generations: what is touched moves to the young one, and what wasn't for a whole generation is forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Count, Failures>,
    old: HashMap<Count, Failures>,
}

impl Generations {
    /// The failures of a count that still matter.
    fn of(&mut self, count: Count, now_us: i64) -> &mut Failures {
        if self.young.len() >= COUNTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        let from_old = self.old.remove(&count);
        let failures = self.young.entry(count).or_insert_with(|| from_old.unwrap_or_default());
        // A clock that was set back must not keep a failure for longer than the window.
        failures.retain(|at_us| (0..WINDOW_US).contains(&now_us.saturating_sub(*at_us)));
        failures
    }

    /// How long an attempt waits. Makes no entry where there is none, and keeps one that is asked for.
    fn wait_us(&mut self, count: Count, now_us: i64) -> Option<i64> {
        if let Some(failures) = self.old.remove(&count) {
            self.young.insert(count, failures);
        }
        let failures = self.young.get(&count)?;
        let in_window = |at_us: &&i64| (0..WINDOW_US).contains(&now_us.saturating_sub(**at_us));
        let counted = failures.iter().filter(in_window).count();
        let leaves = failures.iter().find(in_window)?;
        (counted >= count.most()).then(|| leaves.saturating_add(WINDOW_US).saturating_sub(now_us))
    }
}

/// The failed attempts of the last quarter of an hour.
#[derive(Debug, Default)]
pub struct Attempts {
    failures: Mutex<Generations>,
    hashing: RandomState,
}

impl Attempts {
    /// Counts an attempt as failed before it is made, so that many at once can't pass the bound together;
    /// [`Self::succeeded`] gives it back.
    ///
    /// # Errors
    /// The whole seconds to wait, where too many failed; such an attempt isn't counted, so hammering prolongs nothing.
    pub fn take(&self, attempt: &Attempt<'_>, now_us: i64) -> Result<(), u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = self.counts(attempt);
        let wait_us = counts.iter().flatten().filter_map(|count| failures.wait_us(*count, now_us)).max();
        if let Some(wait_us) = wait_us {
            return Err(u64::try_from(wait_us.saturating_add(999_999) / 1_000_000).unwrap_or(1).max(1));
        }
        for count in counts.into_iter().flatten() {
            let kept = failures.of(count, now_us);
            if kept.len() < count.most() {
                kept.push_back(now_us);
            }
        }
        Ok(())
    }

    /// Gives back an attempt that [`Self::take`] counted, and forgets the failures of this account from here. What
    /// others did to the account, and this network to others, stays counted.
    pub fn succeeded(&self, attempt: &Attempt<'_>, now_us: i64) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for count in self.counts(attempt).into_iter().flatten() {
            match count {
                Count::Pair(..) | Count::Device(..) => failures.of(count, now_us).clear(),
                Count::Network(..) | Count::Account(_) => {
                    failures.of(count, now_us).pop_back();
                }
            }
        }
    }

    /// Forgets all failures of an account, from wherever: its secret is another now. What counts for a network stays.
    pub fn forget(&self, account: &str) {
        let account = self.hashing.hash_one(account);
        let of_it = |count: &Count| match count {
            Count::Pair(one, _) | Count::Account(one) | Count::Device(one, _) => *one == account,
            Count::Network(..) => false,
        };
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.young.retain(|count, _| !of_it(count));
        failures.old.retain(|count, _| !of_it(count));
    }

    /// A known browser is counted for itself; everybody else by account, by network, and by both.
    fn counts(&self, attempt: &Attempt<'_>) -> [Option<Count>; 3] {
        let account = self.hashing.hash_one(attempt.account);
        let kind = self.hashing.hash_one(attempt.account.split(':').next());
        let network = network(attempt.address);
        match attempt.device {
            Some(device) => [Some(Count::Device(account, self.hashing.hash_one(device))), None, None],
            None => [
                Some(Count::Pair(account, network)),
                Some(Count::Network(kind, network)),
                Some(Count::Account(account)),
            ],
        }
    }
}

/// The network that one person usually has: /24 of IPv4, /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    #[test]
    fn a_secret_that_was_set_anew_begins_anew() {
        let attempts = Attempts::default();
        let (one, other) = (from("user:ann", "192.0.2.1"), from("user:bo", "192.0.2.1"));
        for _ in 0..PAIR_MAX {
            assert_eq!((attempts.take(&one, 0), attempts.take(&other, 0)), (Ok(()), Ok(())));
        }
        assert!(attempts.take(&one, 0).is_err());
        attempts.forget("user:ann");
        assert_eq!(attempts.take(&one, 0), Ok(()));
        assert!(attempts.take(&other, 0).is_err());
    }

    fn from<'a>(account: &'a str, address: &str) -> Attempt<'a> {
        Attempt { account, address: address.parse().unwrap(), device: None }
    }

    fn fail(attempts: &Attempts, attempt: &Attempt<'_>, times: usize, now_us: i64) {
        for time in 0..times {
            assert_eq!(attempts.take(attempt, now_us), Ok(()), "failure {time}");
        }
    }

    #[test]
    fn ten_failures_from_a_network_make_the_next_wait_until_the_first_is_over() {
        let attempts = Attempts::default();
        let ada = from("user:ada", "192.0.2.7");
        fail(&attempts, &ada, 1, 0);
        fail(&attempts, &ada, 9, 60 * SECOND_US);
        assert_eq!(attempts.take(&ada, 61 * SECOND_US), Err(839));
        // Hammering prolongs nothing, another address of the network waits too, and others don't.
        assert_eq!(attempts.take(&ada, 62 * SECOND_US), Err(838));
        assert_eq!(attempts.take(&from("user:ada", "192.0.2.200"), 62 * SECOND_US), Err(838));
        assert_eq!(attempts.take(&from("user:ada", "::ffff:192.0.2.9"), 62 * SECOND_US), Err(838));
        assert_eq!(attempts.take(&from("user:bob", "192.0.2.7"), 62 * SECOND_US), Ok(()));
        assert_eq!(attempts.take(&from("user:ada", "198.51.100.1"), 62 * SECOND_US), Ok(()));
        assert_eq!(attempts.take(&ada, 900 * SECOND_US - 1), Err(1));
        assert_eq!(attempts.take(&ada, 900 * SECOND_US), Ok(()));
        assert!(attempts.take(&ada, 900 * SECOND_US).is_err(), "nine of a minute later still count");
    }

    #[test]
    fn a_success_forgets_what_failed_here_and_nothing_else() {
        let attempts = Attempts::default();
        let ada = from("user:ada", "2001:db8:1:2::7");
        fail(&attempts, &ada, 9, 0);
        fail(&attempts, &ada, 1, 0);
        attempts.succeeded(&ada, 0);
        fail(&attempts, &from("user:ada", "2001:db8:1:2:ffff::1"), 10, 0);
        assert!(attempts.take(&ada, 0).is_err());
        assert_eq!(attempts.take(&from("user:ada", "2001:db8:1:3::7"), 0), Ok(()));
        // 19 failures and one success: what was given back doesn't count for the network.
        for at in 0..8 {
            let account = format!("user:{at}");
            fail(&attempts, &from(&account, "2001:db8:1:2::7"), 10, 0);
        }
        assert_eq!(attempts.take(&from("user:last", "2001:db8:1:2::7"), 0), Ok(()));
        assert!(attempts.take(&from("user:last", "2001:db8:1:2::7"), 0).is_err());
    }

    #[test]
    fn a_network_that_tries_everybody_waits() {
        let attempts = Attempts::default();
        for at in 0..100 {
            let account = format!("user:{at}");
            fail(&attempts, &from(&account, "192.0.2.7"), 1, 0);
        }
        assert_eq!(attempts.take(&from("user:new", "192.0.2.8"), 0), Err(900));
        assert_eq!(attempts.take(&from("user:new", "192.0.3.8"), 0), Ok(()));
        assert_eq!(attempts.take(&from("application:new", "192.0.2.8"), 0), Ok(()));
    }

    #[test]
    fn an_account_under_attack_from_everywhere_waits_and_its_owner_s_browser_does_not() {
        let attempts = Attempts::default();
        for at in 0..50 {
            fail(&attempts, &from("user:ada", &format!("10.0.{at}.1")), 1, 0);
        }
        let owner = from("user:ada", "192.0.2.7");
        assert!(attempts.take(&owner, 0).is_err());
        let browser = Attempt { device: Some(b"mark"), ..owner };
        assert_eq!(attempts.take(&browser, 0), Ok(()));
        attempts.succeeded(&browser, 0);
        fail(&attempts, &browser, 10, 0);
        assert!(attempts.take(&browser, 0).is_err(), "a stolen mark opens no endless guessing");
        assert!(attempts.take(&Attempt { account: "user:bob", ..owner }, 0).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_what_is_under_attack_is_remembered() {
        let attempts = Attempts::default();
        let ada = from("user:ada", "192.0.2.7");
        fail(&attempts, &ada, 10, 0);
        for at in 0..100_000_u32 {
            let account = format!("user:{at}");
            let address = Ipv4Addr::from(0x0a00_0000 + (at << 8));
            let _ = attempts.take(&Attempt { account: &account, address: address.into(), device: None }, 0);
            if at % 10_000 == 0 {
                assert!(attempts.take(&ada, 0).is_err(), "{at}");
            }
        }
        let kept = attempts.failures.lock().unwrap();
        assert!(kept.young.len() <= COUNTS_MAX + 2 && kept.old.len() <= COUNTS_MAX + 2);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let attempts = Attempts::default();
        let ada = from("user:ada", "192.0.2.7");
        fail(&attempts, &ada, 10, 10_000 * SECOND_US);
        assert_eq!(attempts.take(&ada, 0), Ok(()));
    }
}
