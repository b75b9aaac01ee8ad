//! What must be true of a whole run, by the service's count: nothing twice, nothing refused, no window and no quota
//! over its limit; and that the gateway's own books agree.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use limen_rules::quota::{Meter, QuotaRow};
use limen_rules::snapshot::account_of;
use limen_store::{DataFolder, Store};

use crate::tally::{Arrival, Call};
use crate::world::{Rate, Subject};

/// A call that reached the service: when it was sent, and when it was there. It was admitted in between.
type Admitted = (Instant, Instant);

/// The calls of each subject that reached the service, by the time at which they were sent.
///
/// Every call reached it at most once; all that were answered with 200 did, and none that was refused.
pub(crate) fn admitted(subjects: usize, calls: &[Call], arrivals: &[Arrival]) -> Vec<Vec<Admitted>> {
    let sent: HashMap<u64, &Call> = calls.iter().map(|call| (call.number, call)).collect();
    assert_eq!(sent.len(), calls.len(), "two calls have the same number");
    let mut admitted = vec![Vec::new(); subjects];
    let mut arrived = HashMap::new();
    for arrival in arrivals {
        let call = sent.get(&arrival.number).unwrap_or_else(|| panic!("nobody sent {arrival:?}"));
        assert_eq!(arrived.insert(arrival.number, arrival.at), None, "twice at the service: {call:?}");
        assert!(matches!(call.answered, None | Some(200)), "refused, yet at the service: {call:?}");
        admitted[arrival.subject].push((call.sent, arrival.at));
    }
    for call in calls.iter().filter(|call| call.answered == Some(200)) {
        assert!(arrived.contains_key(&call.number), "answered, yet never at the service: {call:?}");
    }
    admitted.iter_mut().for_each(|calls| calls.sort());
    admitted
}

/// In no window are more admitted than the rate allows.
///
/// The moment of admission isn't seen, but it lies between a call's sending and its arrival. So the calls that were
/// both sent and there within one window were admitted within it, however slow the machine is: no allowance has to be
/// made, and none is. What is missed by that (calls that straddle the window's edges) is a few at most, since a caller
/// sends its next call only after the answer.
pub(crate) fn never_over(name: &str, rate: Rate, admitted: &[Admitted]) {
    let mut fullest = 0;
    for (at, (from, _)) in admitted.iter().enumerate() {
        let until = *from + rate.window;
        let within = admitted[at..].iter().take_while(|(sent, _)| *sent <= until).filter(|(_, there)| *there <= until);
        fullest = fullest.max(within.count());
    }
    let delays = admitted.iter().map(|(sent, there)| there.duration_since(*sent));
    let longest = delays.max().unwrap_or_default();
    let (Some((first, _)), Some(last)) = (admitted.first(), admitted.iter().map(|(_, there)| there).max()) else {
        panic!("{name}: no call was admitted");
    };
    let lasted = last.duration_since(*first);
    let most = rate.calls * (lasted.as_nanos().div_ceil(rate.window.as_nanos()) as usize + 1);
    if admitted.len() > rate.calls {
        eprintln!(
            "{name}: {} calls at the service in {lasted:.1?}, at most {most} allowed; {fullest} in the fullest window, \
         {} allowed; {longest:.1?} from sending to arrival at most",
            admitted.len(),
            rate.calls
        );
    }
    assert!(fullest <= rate.calls, "{name}: {fullest} calls in a window of {:?}", rate.window);
    assert!(admitted.len() <= most, "{name}: {} calls in {lasted:?}", admitted.len());
}

/// What kills may have cost a subject: the sum of one lease for each, and the calls that were under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MayBeLost {
    pub(crate) leases: u64,
    pub(crate) under_way: u64,
}

/// The durable books of a stopped Limen against the service's count.
pub(crate) fn books(data_dir: &Path, subjects: &[(&Subject, u64, MayBeLost)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = Store::open(DataFolder::open(data_dir).expect("the data folder")).await.expect("the store");
        for (subject, counted, may_be_lost) in subjects {
            let usage = store.quota_usage(account_of(&subject.id)).await.expect("the books");
            assert_eq!(usage.len(), 1, "{}: one period of one meter: {usage:?}", subject.id);
            assert_eq!(usage[0].meter, Meter::Calls);
            book(subject, *counted, *may_be_lost, usage[0].row);
        }
        store.close().await.expect("the store closes");
    });
}

fn book(subject: &Subject, counted: u64, may_be_lost: MayBeLost, row: QuotaRow) {
    let (name, limit) = (subject.product.name, subject.product.quota.expect("a quota"));
    eprintln!(
        "{name} {}: {counted} at the service of {limit}; handed over {}, lost {} (one lease a kill: {}), returned {}",
        subject.number, row.handed_over, row.lost, may_be_lost.leases, row.returned
    );
    let told = format!("{name}: {counted} at the service, {may_be_lost:?}, {row:?}");
    assert!(counted <= limit, "over: {told}");
    assert!(row.debited <= limit, "over by the books: {told}");
    assert_eq!((row.given_back, row.unspent()), (0, 0), "the service never failed, and Limen stopped in order: {told}");
    assert_eq!(row.debited, row.handed_over + row.lost, "the books don't balance: {told}");
    assert!(row.handed_over >= counted, "more at the service than was handed over: {told}");
    assert!(row.handed_over - counted <= may_be_lost.under_way, "handed over, yet never there: {told}");
    assert!(row.lost <= may_be_lost.leases, "more than one lease lost a kill: {told}");
}

/// Prints the median and the largest of the times that starts took.
pub(crate) fn tell_ready(mut times: Vec<Duration>) {
    times.sort();
    let median = times[times.len() / 2];
    let longest = times[times.len() - 1];
    eprintln!("ready after a kill, {} times: median {median:.1?}, longest {longest:.1?}", times.len());
}
