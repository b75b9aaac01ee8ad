//! What finding a key and counting its call costs among so many subscriptions, without the rest of a call: for the
//! cache lines that only many have (`docs/decisions/0057-a-window-is-one-line.md`).
//!
//! `crowd COUNT CALLS` makes COUNT subscriptions, lets each call once and then CALLS random ones, and tells processor time
//! and memory. What CALLS touch is the difference of two runs under `valgrind --tool=cachegrind --cache-sim=yes`.

use std::sync::Arc;

use limen_gateway::accounts::{Accounts, Lease, LedgerUnavailable, QuotaLedger, RateTerms, Reading};
use limen_rules::record::{StoredKey, SubscriptionState, Which};
use limen_rules::snapshot::subscriptions::{Builder, SubscriptionRow, Subscriptions};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A second of a thousand windows: the window of a random one among many has run out when it calls again.
const TERMS: RateTerms = RateTerms { calls: 100, window_ms: 1_000 };
const BETWEEN_CALLS_US: u64 = 20;

struct NoLedger;

impl QuotaLedger for NoLedger {
    fn lease(&self, _: limen_rules::quota::LeaseRequest) -> Lease<'_> {
        Box::pin(async { Err(LedgerUnavailable) })
    }
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(count), Some(calls)) = (arguments.next(), arguments.next()) else {
        return Err("say how many subscriptions and calls".into());
    };
    let (count, calls): (u64, u64) = (count.parse()?, calls.parse()?);
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut now = Reading { monotonic_us: 1_000_000_000, wall_us: 0 };
    let path = folder.path().join("windows");
    let accounts = Accounts::open(&path, "boot", true, now, Arc::new(NoLedger), runtime.handle().clone())?;
    let before_kb = memory_kb()?;
    let subscriptions = subscriptions(count);
    let started_kb = memory_kb()?;
    let began_ns = processor_ns()?;
    // A prime, so that each comes once and none after its neighbour.
    (0..count).try_for_each(|number| call(&subscriptions, &accounts, number * 611_953 % count, &mut now))?;
    let first_ns = processor_ns()? - began_ns;
    let called_kb = memory_kb()?;
    let began_ns = processor_ns()?;
    (0..calls).try_for_each(|number| call(&subscriptions, &accounts, mixed(number) % count, &mut now))?;
    let later_ns = processor_ns()? - began_ns;
    let bytes = |from_kb: u64, to_kb: u64| (to_kb.saturating_sub(from_kb) * 1_024).checked_div(count).unwrap_or(0);
    println!(
        "{count} subscriptions: {} ns a first call, {} ns a later one; {} bytes each, and {} more once it has called",
        first_ns.checked_div(count).unwrap_or(0),
        later_ns.checked_div(calls).unwrap_or(0),
        bytes(before_kb, started_kb),
        bytes(started_kb, called_kb),
    );
    Ok(())
}

fn subscriptions(count: u64) -> Subscriptions {
    let mut builder = Builder::with_expected(usize::try_from(count).unwrap_or(0));
    for number in 0..count {
        let key = |which, at| StoredKey { which, hash: hash(2 * number + at), made_at_us: 0, valid_until_us: None };
        builder.add(&SubscriptionRow {
            id: &format!("sub_{number:07}"),
            product: "paced",
            developer: "ada",
            state: SubscriptionState::Active,
            started_at_us: 0,
            ends_at_us: None,
            keys: &[key(Which::Primary, 0), key(Which::Secondary, 1)],
        });
    }
    builder.build()
}

fn call(subscriptions: &Subscriptions, accounts: &Accounts, number: u64, now: &mut Reading) -> Outcome<()> {
    let found = subscriptions.find(&hash(2 * number)).ok_or("a key isn't found")?;
    now.monotonic_us += BETWEEN_CALLS_US;
    accounts.pace(found.subscription.account, &TERMS, *now).map_err(|refused| format!("{refused:?}"))?;
    Ok(())
}

/// Stands for a key's SHA-256.
fn hash(number: u64) -> [u8; 32] {
    let mut hash = [0; 32];
    for (at, part) in hash.chunks_exact_mut(8).enumerate() {
        part.copy_from_slice(&mixed(number * 4 + at as u64).to_be_bytes());
    }
    hash
}

/// Splitmix64 (Steele, Lea and Flood, 2014).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Processor time of this thread until now, as Linux tells it.
fn processor_ns() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("no time is told")?.parse()?)
}

fn memory_kb() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory is told")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
