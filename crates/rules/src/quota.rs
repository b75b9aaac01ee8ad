//! Quota rights: how many may be taken in advance, and the durable row that never lets them exceed the limit.
//! A process debits rights in blocks (leases) before it spends them; the store runs [`debit`] inside one durable
//! transaction per group of requests and keeps the [`QuotaRow`] it returns. All figures are totals of the period, so a
//! repeated or late request can only count too much. The books: `debited = handed_over - given_back + unspent + lost`.
//! This module knows no store, no clock and no call.

use std::fmt;
use std::sync::Arc;

use crate::period::Period;

/// The largest figure that a row can hold: stores keep signed 64-bit integers.
pub const MAX_FIGURE: u64 = i64::MAX as u64;

/// A lease is at most this fraction of what remains, so that the last rights of a period aren't all in one hand.
const LEASE_FRACTION: u64 = 64;

/// Names an account: a subscription, or an application in an environment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(pub u128);

impl AccountKey {
    /// The key as a store keeps it.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The key that [`AccountKey::to_bytes`] wrote.
    pub fn from_bytes(bytes: [u8; 16]) -> AccountKey {
        AccountKey(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({:032x})", self.0)
    }
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meter {
    /// Calls handed to a service.
    Calls,
    /// Bytes of request and response bodies.
    Bytes,
}

impl Meter {
    /// The meter's number in a store.
    pub fn number(self) -> i64 {
        match self {
            Meter::Calls => 0,
            Meter::Bytes => 1,
        }
    }

    /// The meter that [`Meter::number`] numbered.
    pub fn from_number(number: i64) -> Option<Meter> {
        match number {
            0 => Some(Meter::Calls),
            1 => Some(Meter::Bytes),
            _ => None,
        }
    }
}

/// What a product grants per period; a meter without a limit isn't counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaTerms {
    /// Calls per period.
    pub calls: Option<u64>,
    /// Body bytes per period, both ways together.
    pub bytes: Option<u64>,
    /// When the quota is replenished.
    pub period: Arc<Period>,
    /// The subscription's start, in microseconds since the epoch; periods of seconds count from it.
    pub start_us: i64,
}

impl QuotaTerms {
    /// The limit of a meter, at most [`MAX_FIGURE`].
    pub fn limit(&self, meter: Meter) -> Option<u64> {
        let limit = match meter {
            Meter::Calls => self.calls,
            Meter::Bytes => self.bytes,
        };
        limit.map(|limit| limit.min(MAX_FIGURE))
    }
}

/// The durable record of one account, meter and period. A missing row is the default one. Independent of the limit,
/// which may change within a period. Every figure is at most [`MAX_FIGURE`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaRow {
    /// Rights taken from the limit, less those returned. At most the limit at the time of the last grant (bytes: plus
    /// the bodies that were in flight when it was used up).
    pub debited: u64,
    /// Rights spent: calls handed to a service, or body bytes carried; as of the last request.
    pub handed_over: u64,
    /// Rights spent and then given back because the call ended in our own failure; as of the last request.
    pub given_back: u64,
    /// Rights debited that no process holds and that can't be spent any more: what crashes took.
    pub lost: u64,
    /// Rights returned unspent by orderly shutdowns and at the end of periods; already subtracted from `debited`.
    pub returned: u64,
}

impl QuotaRow {
    /// Rights in the process's hand as of the last request, by the books.
    pub fn unspent(&self) -> u64 {
        self.debited.saturating_sub(self.net()).saturating_sub(self.lost)
    }

    /// Rights spent and not given back.
    fn net(&self) -> u64 {
        self.handed_over.saturating_sub(self.given_back)
    }
}

/// What the process knows of a row's spending. Totals of the period, across restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// As [`QuotaRow::handed_over`], up to now.
    pub handed_over: u64,
    /// As [`QuotaRow::given_back`], up to now.
    pub given_back: u64,
    /// Rights in hand that remain in hand after this request (0 right after a crash).
    pub held: u64,
}

/// One request to the ledger: records what was spent, returns what isn't needed, and takes new rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Whose rights.
    pub account: AccountKey,
    /// Which meter.
    pub meter: Meter,
    /// The period's first instant, in microseconds since the epoch; with account and meter the row's key.
    pub period_begin_us: i64,
    /// The instant at which the period ends; a row may be pruned some time after it.
    pub period_end_us: i64,
    /// The limit as of now, at most [`MAX_FIGURE`].
    pub limit: u64,
    /// Rights used in the last 60 s: the upper bound of a lease.
    pub used_last_minute: u64,
    /// The least that the lease should be if the limit allows; 0 takes nothing and only records.
    pub minimum: u64,
    /// `None` if the process has no memory of this row's spending (its first request after a power loss): what was
    /// debited and isn't recorded as spent counts as lost.
    pub spent: Option<Spent>,
    /// As [`QuotaRow::returned`], with what this request gives up; that is not part of `spent.held`. 0 if the process
    /// knows nothing of the row.
    pub returned: u64,
}

/// The ledger's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGrant {
    /// New rights in hand: those of this request only.
    pub granted: u64,
    /// The row as it is now durable.
    pub row: QuotaRow,
}

/// How many rights to hold: a 64th of what remains or what the last minute used, whichever is less; at least
/// `minimum`, never more than remains.
pub fn lease_size(remaining: u64, used_last_minute: u64, minimum: u64) -> u64 {
    (remaining / LEASE_FRACTION).min(used_last_minute).max(minimum).min(remaining)
}

/// Applies a request to a row. The caller makes the new row durable before it lets the grant out; a grant that isn't
/// delivered is lost, never spent.
pub fn debit(row: QuotaRow, request: &LeaseRequest) -> (QuotaRow, LeaseGrant) {
    let mut next = row;
    let spent = request.spent.unwrap_or_default();
    // The larger figure wins: a request that arrives late must not take back what a later one recorded.
    next.handed_over = row.handed_over.max(spent.handed_over).min(MAX_FIGURE);
    next.given_back = row.given_back.max(spent.given_back).min(next.handed_over);
    let in_use = next.net().saturating_add(spent.held);

    // Bytes are known only once they were carried: what went beyond the rights in hand is debited now, whatever the
    // limit says.
    let given_up = request.returned.saturating_sub(row.returned);
    let accounted = in_use.saturating_add(given_up).saturating_add(row.lost).min(MAX_FIGURE);
    next.debited = row.debited.max(accounted);

    let unaccounted = next.debited.saturating_sub(in_use);
    let taken_back = given_up.min(unaccounted);
    next.debited -= taken_back;
    next.returned = row.returned.max(request.returned).min(MAX_FIGURE);
    next.lost = unaccounted - taken_back;

    let remaining = request.limit.min(MAX_FIGURE).saturating_sub(next.debited);
    let granted = match request.minimum {
        0 => 0,
        minimum => lease_size(remaining, request.used_last_minute, minimum).saturating_sub(spent.held).min(remaining),
    };
    next.debited += granted;
    (next, LeaseGrant { granted, row: next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(limit: u64, used_last_minute: u64, spent: Option<Spent>) -> LeaseRequest {
        LeaseRequest {
            account: AccountKey(7),
            meter: Meter::Calls,
            period_begin_us: 0,
            period_end_us: 1,
            limit,
            used_last_minute,
            minimum: 1,
            spent,
            returned: 0,
        }
    }

    fn balances(row: &QuotaRow) -> bool {
        row.debited == row.handed_over - row.given_back + row.unspent() + row.lost
    }

    #[test]
    fn lease_sizes() {
        for (remaining, used, minimum, size) in [
            (25_000, 0, 1, 1),
            (25_000, 10, 1, 10),
            (25_000, 10_000, 1, 390),
            (63, 50, 1, 1),
            (1, 50, 1, 1),
            (0, 50, 1, 0),
            (5, 0, 9, 5),
            (u64::MAX, u64::MAX, 1, u64::MAX / 64),
        ] {
            assert_eq!(lease_size(remaining, used, minimum), size, "{remaining} {used} {minimum}");
        }
    }

    #[test]
    fn a_lease_fills_up_what_is_in_hand() {
        let spent = Spent { handed_over: 10, given_back: 0, held: 4 };
        let row = QuotaRow { debited: 14, handed_over: 8, ..QuotaRow::default() };
        let (row, grant) = debit(row, &request(6_414, 60, Some(spent)));
        assert_eq!(grant.granted, 56);
        assert_eq!(row, QuotaRow { debited: 70, handed_over: 10, ..QuotaRow::default() });
        assert_eq!(row.unspent(), 60);
    }

    #[test]
    fn after_a_kill_the_counters_that_survived_tell_what_was_lost() {
        let row = QuotaRow { debited: 100, handed_over: 60, given_back: 1, ..QuotaRow::default() };
        let spent = Spent { handed_over: 75, given_back: 3, held: 0 };
        let (row, grant) = debit(row, &request(1_000, 1, Some(spent)));
        assert_eq!((row.lost, grant.granted, row.debited), (28, 1, 101));
        assert!(balances(&row));
    }

    #[test]
    fn without_memory_all_that_is_not_recorded_as_spent_is_lost() {
        let row = QuotaRow { debited: 100, handed_over: 60, given_back: 1, ..QuotaRow::default() };
        let (row, _) = debit(row, &request(1_000, 1, None));
        assert_eq!((row.lost, row.handed_over, row.unspent()), (41, 60, 1));
        // The reply did not arrive, the process asks again.
        let (row, _) = debit(row, &request(1_000, 1, None));
        assert_eq!((row.lost, row.unspent()), (42, 1));
    }

    #[test]
    fn returned_rights_can_be_taken_again() {
        let row = QuotaRow { debited: 50, handed_over: 30, lost: 5, ..QuotaRow::default() };
        let spent = Spent { handed_over: 40, given_back: 0, held: 0 };
        let closing = LeaseRequest { minimum: 0, returned: 5, ..request(50, 0, Some(spent)) };
        let (row, grant) = debit(row, &closing);
        assert_eq!(grant.granted, 0);
        assert_eq!(row, QuotaRow { debited: 45, handed_over: 40, given_back: 0, lost: 5, returned: 5 });
        let (row, grant) = debit(row, &request(50, 9, Some(spent)));
        assert_eq!((grant.granted, row.debited, row.lost), (1, 46, 5));
    }

    #[test]
    fn a_return_that_is_repeated_counts_once() {
        let row = QuotaRow { debited: 50, handed_over: 30, returned: 7, ..QuotaRow::default() };
        let closing = LeaseRequest {
            minimum: 0,
            returned: 7 + 20,
            ..request(50, 0, Some(Spent { handed_over: 30, ..Spent::default() }))
        };
        let (once, _) = debit(row, &closing);
        assert_eq!(once, QuotaRow { debited: 30, handed_over: 30, returned: 27, ..QuotaRow::default() });
        assert_eq!(debit(once, &closing).0, once);
    }

    #[test]
    fn bytes_beyond_the_rights_are_debited_beyond_the_limit() {
        let row = QuotaRow { debited: 90, handed_over: 90, ..QuotaRow::default() };
        let (row, grant) = debit(row, &request(100, 500, Some(Spent { handed_over: 130, given_back: 0, held: 0 })));
        assert_eq!((row.debited, grant.granted, row.lost), (130, 0, 0));
    }

    #[test]
    fn a_lowered_limit_grants_nothing_and_a_raised_one_goes_on() {
        let row = QuotaRow { debited: 50, handed_over: 50, ..QuotaRow::default() };
        let spent = Some(Spent { handed_over: 50, given_back: 0, held: 0 });
        assert_eq!(debit(row, &request(10, 9, spent)).1.granted, 0);
        assert_eq!(debit(row, &request(51, 9, spent)).1.granted, 1);
    }

    fn figures() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..1_000, Just(MAX_FIGURE), Just(u64::MAX), any::<u64>()]
    }

    proptest! {
        /// Whatever is asked, of whatever row: no overflow, the books balance, and a grant stays within the limit.
        #[test]
        fn any_request_keeps_the_books(
            row in prop::array::uniform5(0u64..=MAX_FIGURE),
            asked in prop::array::uniform5(figures()),
            returned in figures(),
            knows in any::<bool>(),
            limit in figures(),
        ) {
            let row = QuotaRow {
                debited: row[0],
                handed_over: row[1],
                given_back: row[2].min(row[1]),
                lost: row[3],
                returned: row[4],
            };
            let [used_last_minute, minimum, handed_over, given_back, held] = asked;
            let spent = knows.then_some(Spent { handed_over, given_back, held });
            let request = LeaseRequest { used_last_minute, minimum, returned, ..request(limit, 0, spent) };
            let (next, grant) = debit(row, &request);
            prop_assert!(next.debited <= MAX_FIGURE);
            prop_assert!(next.handed_over >= row.handed_over && next.given_back >= row.given_back.min(next.handed_over));
            if grant.granted > 0 {
                prop_assert!(next.debited <= limit);
                prop_assert!(grant.granted <= lease_size(u64::MAX, used_last_minute, minimum));
            }
        }

        /// An honest process and any number of crashes: never over, and each crash loses what was in hand.
        #[test]
        fn an_honest_process_never_exceeds(limit in 0u64..300, steps in prop::collection::vec(0u8..10, 0..400)) {
            let (mut row, mut spent, mut handed, mut back, mut lost) = (QuotaRow::default(), None::<Spent>, 0u64, 0u64, 0);
            for step in steps {
                match step {
                    0 => {
                        // Killed; the counters survive.
                        lost += spent.map_or(0, |s| s.held);
                        spent = spent.map(|s| Spent { held: 0, ..s });
                    }
                    1 if back < handed => {
                        back += 1;
                        if let Some(s) = spent.as_mut() { s.given_back += 1; s.held += 1; }
                    }
                    2..5 => {
                        let (next, grant) = debit(row, &request(limit, 40, spent));
                        row = next;
                        let s = spent.get_or_insert_default();
                        s.held += grant.granted;
                        prop_assert!(balances(&row));
                        prop_assert_eq!((row.lost, row.unspent()), (lost, s.held));
                    }
                    _ => if let Some(s) = spent.as_mut().filter(|s| s.held > 0) {
                        s.held -= 1;
                        s.handed_over += 1;
                        handed += 1;
                    },
                }
                prop_assert!(handed - back <= limit);
            }
        }
    }
}
