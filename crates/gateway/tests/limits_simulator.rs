//! The accounts under simulated time, faults and crashes: seeded, so that a failure can be replayed.
//!
//! `LIMEN_SIMULATOR_SEED=N` runs one seed, `LIMEN_SIMULATOR_SEEDS=N` that many (10,000 by default). A crash drops all
//! tasks where they stand and opens the same window file again: with the same boot id it is a SIGKILL, with another
//! one a power loss. A "service" counts what is handed to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use limen_gateway::accounts::{
    AccountKey, Accounts, ChargeRefused, Lease, LedgerUnavailable, Meter, QuotaLedger, QuotaTerms, RateTerms, Reading,
};
use limen_rules::period::{CalendarUnit, Period};
use limen_rules::quota::{LeaseRequest, QuotaRow, debit};
use tokio::runtime::Runtime;

const SHARDS: u64 = 4;
const SECOND_US: u64 = 1_000_000;
const DAY_US: i64 = 86_400_000_000;
const FIRST_WALL_US: i64 = 1_711_839_600_000_000;

/// SplitMix64.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What may go wrong under a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Faults {
    /// Clocks jump and limits change, but nothing breaks: the books are exact to the right.
    None,
    /// SIGKILL within one long period: still exact, and what is lost is known.
    Kills,
    /// All at once.
    All,
}

#[derive(Debug, Default)]
struct Clocks {
    true_us: u64,
    /// True time at the boot's zero.
    booted_us: u64,
    wall_us: i64,
}

impl Clocks {
    fn reading(&self) -> Reading {
        Reading { monotonic_us: self.true_us - self.booted_us, wall_us: self.wall_us }
    }
}

type RowKey = (AccountKey, Meter, i64);

#[derive(Default)]
struct FakeLedger {
    state: Mutex<LedgerState>,
}

#[derive(Default)]
struct LedgerState {
    rows: HashMap<RowKey, QuotaRow>,
    random: Option<Random>,
    is_down: bool,
    /// Percent of requests that fail before they are durable, and after.
    fails_percent: u64,
    granted_in_vain: u64,
}

impl QuotaLedger for FakeLedger {
    fn lease(&self, request: LeaseRequest) -> Lease<'_> {
        Box::pin(async move {
            for _ in 0..self.draw(4) {
                tokio::task::yield_now().await;
            }
            let answer = {
                let mut state = self.state.lock().unwrap();
                if state.is_down || state.fails() {
                    Err(LedgerUnavailable)
                } else {
                    let row = state.rows.entry((request.account, request.meter, request.period_begin_us)).or_default();
                    let (next, grant) = debit(*row, &request);
                    *row = next;
                    let fails = state.fails();
                    state.granted_in_vain += u64::from(fails);
                    if fails { Err(LedgerUnavailable) } else { Ok(grant) }
                }
            };
            for _ in 0..self.draw(4) {
                tokio::task::yield_now().await;
            }
            answer
        })
    }
}

impl FakeLedger {
    fn draw(&self, bound: u64) -> u64 {
        self.state.lock().unwrap().random.as_mut().unwrap().below(bound)
    }

    fn row(&self, key: RowKey) -> QuotaRow {
        self.state.lock().unwrap().rows.get(&key).copied().unwrap_or_default()
    }
}

impl LedgerState {
    fn fails(&mut self) -> bool {
        let percent = self.fails_percent;
        self.random.as_mut().unwrap().chance(percent)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    handed_over: u64,
    given_back: u64,
}

impl Tally {
    fn net(&self) -> u64 {
        self.handed_over - self.given_back
    }
}

/// What the service saw, and every broken promise.
#[derive(Default)]
struct Service {
    paced_us: HashMap<AccountKey, Vec<u64>>,
    tallies: HashMap<RowKey, Tally>,
    /// Bytes that a crash took before they could be debited.
    forgiven_bytes: HashMap<RowKey, u64>,
    /// No rate refusal needs a reason before then.
    blind_until_us: u64,
    broken: Vec<String>,
    calls_under_way: u64,
}

impl Service {
    fn expect(&mut self, kept: bool, promise: impl FnOnce() -> String) {
        if !kept {
            self.broken.push(promise());
        }
    }
}

#[derive(Clone, Debug)]
struct Subscription {
    key: AccountKey,
    rate: RateTerms,
    quota: QuotaTerms,
}

/// What a call will do.
struct Fate {
    steps: u64,
    bytes: u64,
    is_given_back: bool,
}

/// All that a call's task may use.
#[derive(Clone)]
struct Shared {
    clocks: Arc<Mutex<Clocks>>,
    ledger: Arc<FakeLedger>,
    service: Arc<Mutex<Service>>,
    faults: Faults,
}

impl Shared {
    fn now(&self) -> (Reading, u64) {
        let clocks = self.clocks.lock().unwrap();
        (clocks.reading(), clocks.true_us)
    }

    async fn call(self, accounts: Accounts, subscription: Subscription, fate: Fate) {
        let (now, true_us) = self.now();
        let paced = accounts.pace(subscription.key, &subscription.rate, now);
        self.check_pace(&subscription, true_us, paced.is_ok());
        if paced.is_err() {
            return;
        }
        let (now, _) = self.now();
        let mut right = match accounts.charge(subscription.key, &subscription.quota, now).await {
            Ok(right) => right,
            Err(refused) => return self.check_refusal(&subscription, refused),
        };
        let taken: Vec<RowKey> = right.figures().map(|f| (subscription.key, f.meter, f.span.begin_us)).collect();
        for figure in right.figures() {
            self.check_charge(&subscription, figure.meter, figure.span.begin_us, figure.remaining);
        }
        for _ in 0..fate.steps {
            tokio::task::yield_now().await;
            right.add_bytes(fate.bytes);
            if let Some(row) = taken.iter().find(|row| row.1 == Meter::Bytes) {
                self.service.lock().unwrap().tallies.entry(*row).or_default().handed_over += fate.bytes;
            }
        }
        if fate.is_given_back {
            right.give_back();
            for row in taken {
                let rights = if row.1 == Meter::Calls { 1 } else { fate.steps * fate.bytes };
                self.service.lock().unwrap().tallies.entry(row).or_default().given_back += rights;
            }
        }
    }

    fn check_pace(&self, subscription: &Subscription, now_us: u64, is_admitted: bool) {
        let mut service = self.service.lock().unwrap();
        let (limit, window_us) = (subscription.rate.calls as usize, subscription.rate.window_us());
        let blind_until_us = service.blind_until_us;
        let admitted = service.paced_us.entry(subscription.key).or_default();
        if is_admitted {
            admitted.push(now_us);
            let in_window = admitted.iter().filter(|&&at_us| at_us + window_us >= now_us).count();
            service.expect(in_window <= limit, || format!("{in_window} calls within {:?}", subscription.rate));
        } else if now_us >= blind_until_us {
            let tick_us = subscription.rate.tick_us();
            let reasons = admitted.iter().filter(|&&at_us| at_us + window_us + tick_us > now_us).count();
            service.expect(reasons >= limit, || format!("paced after {reasons} calls, {:?}", subscription.rate));
        }
    }

    fn check_charge(&self, subscription: &Subscription, meter: Meter, begin_us: i64, remaining: u64) {
        let row = (subscription.key, meter, begin_us);
        let debited = self.ledger.row(row).debited;
        let mut service = self.service.lock().unwrap();
        let forgiven = service.forgiven_bytes.get(&row).copied().unwrap_or(0);
        let tally = service.tallies.entry(row).or_default();
        tally.handed_over += u64::from(meter == Meter::Calls);
        let used = tally.net() - forgiven.min(tally.net());
        let limit = subscription.quota.limit(meter).unwrap();
        let kept = match meter {
            Meter::Calls => used <= limit && used <= debited && used + remaining <= limit,
            Meter::Bytes => used < limit,
        };
        service.expect(kept, || format!("{meter:?}: {used} used of {limit}, {debited} debited, {remaining} remain"));
        let span = subscription.quota.period.span(subscription.quota.start_us, begin_us).unwrap();
        service.expect(span.begin_us == begin_us, || format!("{begin_us} begins no period"));
    }

    fn check_refusal(&self, subscription: &Subscription, refused: ChargeRefused) {
        let (meter, limit) = match refused {
            ChargeRefused::QuotaExceeded { limit, .. } => (Meter::Calls, limit),
            ChargeRefused::BandwidthExceeded { limit, .. } => (Meter::Bytes, limit),
            ChargeRefused::LimitsUnavailable { .. } => {
                let mut service = self.service.lock().unwrap();
                return service.expect(self.faults == Faults::All, || "limits unavailable without reason".into());
            }
        };
        let rows = self.ledger.state.lock().unwrap();
        let is_used_up = rows.rows.iter().any(|(row, figures)| {
            // Bytes are debited a moment after they were carried.
            row.0 == subscription.key && row.1 == meter && (figures.debited >= limit || meter == Meter::Bytes)
        });
        drop(rows);
        let mut service = self.service.lock().unwrap();
        service.expect(is_used_up || limit == 0, || format!("{meter:?} refused with rights left of {limit}"));
    }
}

struct Process {
    accounts: Accounts,
    runtime: Runtime,
}

struct World {
    random: Random,
    shared: Shared,
    path: PathBuf,
    boots: u64,
    crashes: u64,
    subscriptions: Vec<Subscription>,
    /// The highest limits that ever held, for the size of a lease.
    highest: HashMap<(AccountKey, Meter), u64>,
    process: Option<Process>,
}

impl World {
    fn new(seed: u64, folder: &Path) -> World {
        let mut random = Random(seed);
        let faults = [Faults::None, Faults::Kills, Faults::All][(seed / SHARDS % 3) as usize];
        let clocks = Clocks { true_us: 10 * SECOND_US, booted_us: 0, wall_us: FIRST_WALL_US };
        let ledger = LedgerState { random: Some(Random(seed ^ 0xffff)), ..LedgerState::default() };
        let shared = Shared {
            clocks: Arc::new(Mutex::new(clocks)),
            ledger: Arc::new(FakeLedger { state: Mutex::new(ledger) }),
            service: Arc::default(),
            faults,
        };
        let subscriptions = (0..1 + random.below(2)).map(|key| subscription(key.into(), faults, &mut random)).collect();
        let path = folder.join(seed.to_string());
        let mut world =
            World { random, shared, path, boots: 0, crashes: 0, subscriptions, highest: HashMap::new(), process: None };
        world.note_limits();
        world.start(true);
        world
    }

    fn start(&mut self, is_fresh: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (now, _) = self.shared.now();
        let boot_id = format!("boot {}", self.boots);
        let ledger = self.shared.ledger.clone();
        let handle = runtime.handle().clone();
        let accounts = Accounts::open(&self.path, &boot_id, is_fresh, now, ledger, handle).unwrap();
        self.process = Some(Process { accounts, runtime });
    }

    fn note_limits(&mut self) {
        for subscription in &self.subscriptions {
            for meter in [Meter::Calls, Meter::Bytes] {
                let limit = subscription.quota.limit(meter).unwrap_or(0);
                let highest = self.highest.entry((subscription.key, meter)).or_default();
                *highest = limit.max(*highest);
            }
        }
    }

    /// Lets the tasks go on for a while.
    fn run(&self, yields: u64) {
        self.process.as_ref().unwrap().runtime.block_on(async {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
        });
    }

    fn call(&mut self) {
        let faults = self.shared.faults;
        let at = self.random.below(self.subscriptions.len() as u64) as usize;
        let fate = Fate {
            steps: self.random.below(6),
            bytes: self.random.below(40),
            is_given_back: self.random.chance(if faults == Faults::All { 5 } else { 15 }),
        };
        let process = self.process.as_ref().unwrap();
        let call = self.shared.clone().call(process.accounts.clone(), self.subscriptions[at].clone(), fate);
        let service = self.shared.service.clone();
        service.lock().unwrap().calls_under_way += 1;
        process.runtime.spawn(async move {
            call.await;
            service.lock().unwrap().calls_under_way -= 1;
        });
    }

    fn crash(&mut self, is_power_loss: bool) {
        self.crashes += 1;
        let Process { accounts, runtime } = self.process.take().unwrap();
        drop(runtime);
        drop(accounts);
        self.shared.service.lock().unwrap().calls_under_way = 0;
        self.forgive_bytes();
        if is_power_loss {
            self.boots += 1;
            let pause_us = self.random.below(2 * SECOND_US);
            let mut clocks = self.shared.clocks.lock().unwrap();
            clocks.true_us += pause_us;
            clocks.wall_us += pause_us as i64;
            clocks.booted_us = clocks.true_us - self.random.below(3 * SECOND_US);
            let longest_us = self.subscriptions.iter().map(|s| s.rate.window_us()).max().unwrap();
            self.shared.service.lock().unwrap().blind_until_us = clocks.true_us + longest_us;
        }
        self.start(false);
    }

    /// Bytes that no row covers yet are forgotten by a power loss, and by a kill where the clock has jumped to another
    /// period since; they were in flight.
    fn forgive_bytes(&self) {
        if self.shared.faults != Faults::All {
            return;
        }
        let mut service = self.shared.service.lock().unwrap();
        let owed: Vec<_> = service
            .tallies
            .iter()
            .filter(|(row, _)| row.1 == Meter::Bytes)
            .map(|(row, tally)| {
                let figures = self.shared.ledger.row(*row);
                (*row, tally.net().saturating_sub(figures.debited - figures.lost.min(figures.debited)))
            })
            .collect();
        for (row, bytes) in owed {
            *service.forgiven_bytes.entry(row).or_default() += bytes;
        }
    }

    fn stop(&mut self) {
        let Process { accounts, runtime } = self.process.take().unwrap();
        runtime.block_on(async {
            // Calls under way end first, as the listeners see to.
            while self.shared.service.lock().unwrap().calls_under_way > 0 {
                tokio::task::yield_now().await;
            }
            accounts.shutdown().await;
        });
    }

    fn advance(&mut self) {
        let by_us = match self.random.below(6) {
            0 => 0,
            1 => self.random.below(3_000),
            2 | 3 => self.random.below(400_000),
            4 => self.random.below(3 * SECOND_US),
            _ => self.random.below(30 * SECOND_US),
        };
        let mut clocks = self.shared.clocks.lock().unwrap();
        clocks.true_us += by_us;
        clocks.wall_us += by_us as i64;
        if self.shared.faults != Faults::Kills && self.random.chance(10) {
            let jump_us = self.random.below(3 * DAY_US as u64) as i64;
            clocks.wall_us += if self.random.chance(50) { jump_us } else { -jump_us };
        }
    }

    fn change_limits(&mut self) {
        let at = self.random.below(self.subscriptions.len() as u64) as usize;
        let calls = self.random.below(300);
        let rate = 1 + self.random.below(12) as u32;
        let subscription = &mut self.subscriptions[at];
        subscription.quota.calls = Some(calls);
        subscription.rate.calls = rate;
        self.note_limits();
        // A refusal under the old terms and a call under the new ones may now overlap.
        let blind_us = subscription_window(&self.subscriptions);
        let now_us = self.shared.clocks.lock().unwrap().true_us;
        let mut service = self.shared.service.lock().unwrap();
        service.blind_until_us = service.blind_until_us.max(now_us + blind_us);
    }

    fn step(&mut self) {
        let faults = self.shared.faults;
        match self.random.below(100) {
            0..45 => {
                for _ in 0..1 + self.random.below(4) {
                    self.call();
                }
            }
            45..70 => self.advance(),
            70..74 if faults == Faults::None => {
                self.stop();
                self.start(false);
            }
            70..76 if faults == Faults::Kills => self.crash(false),
            70..76 if faults == Faults::All => {
                let is_power_loss = self.random.chance(40);
                self.crash(is_power_loss);
            }
            76..79 if faults == Faults::All => {
                let (is_down, percent) = (self.random.chance(20), self.random.below(30));
                let mut ledger = self.shared.ledger.state.lock().unwrap();
                (ledger.is_down, ledger.fails_percent) = (is_down, percent);
            }
            79..81 => self.change_limits(),
            _ => {
                let yields = self.random.below(8);
                self.run(yields);
            }
        }
        let service = self.shared.service.lock().unwrap();
        assert!(service.broken.is_empty(), "{:?}", service.broken);
    }

    /// Stops in order and looks at the books.
    fn finish(mut self) {
        {
            let mut ledger = self.shared.ledger.state.lock().unwrap();
            (ledger.is_down, ledger.fails_percent) = (false, 0);
        }
        self.stop();
        let service = self.shared.service.lock().unwrap();
        assert!(service.broken.is_empty(), "{:?}", service.broken);
        let ledger = self.shared.ledger.state.lock().unwrap();
        let mut given_back = 0;
        for (row, figures) in &ledger.rows {
            let tally = service.tallies.get(row).copied().unwrap_or_default();
            given_back += tally.given_back;
            let is_balanced =
                figures.debited == figures.handed_over - figures.given_back + figures.unspent() + figures.lost;
            assert!(is_balanced, "{row:?} {figures:?}");
            assert!(figures.handed_over <= tally.handed_over, "{row:?} {figures:?} {tally:?}");
            let forgiven = service.forgiven_bytes.get(row).copied().unwrap_or(0);
            assert!(tally.net() <= figures.debited + forgiven, "{row:?} {figures:?} {tally:?}");
            if self.shared.faults != Faults::All {
                let recorded = Tally { handed_over: figures.handed_over, given_back: figures.given_back };
                assert_eq!(recorded, tally, "{row:?} {figures:?}");
            }
            if self.shared.faults == Faults::None {
                assert_eq!((figures.lost, figures.unspent()), (0, 0), "{row:?} {figures:?}");
            }
        }
        for (row, figures) in &ledger.rows {
            let lease = (self.highest[&(row.0, row.1)] / 64).max(1);
            // What a crash took shows as unspent until the account is used again.
            let lost = figures.lost + figures.unspent();
            // Bytes that are given back come in whole bodies.
            let given_back = if row.1 == Meter::Bytes { u64::MAX / 2 } else { given_back };
            let bound = (self.crashes + ledger.granted_in_vain) * lease + given_back;
            assert!(lost <= bound, "{row:?}: lost {lost}, at most {bound}");
        }
        std::fs::remove_file(&self.path).unwrap();
    }
}

fn subscription_window(subscriptions: &[Subscription]) -> u64 {
    subscriptions.iter().map(|s| s.rate.window_us() + s.rate.tick_us()).max().unwrap_or(0)
}

fn subscription(key: u128, faults: Faults, random: &mut Random) -> Subscription {
    let period = match random.below(3) {
        _ if faults == Faults::Kills => Period::Seconds { seconds: 100_000_000 },
        0 => Period::Seconds { seconds: 1 + random.below(60) },
        1 => Period::calendar(CalendarUnit::Day, "Europe/Berlin").unwrap(),
        _ => Period::calendar(CalendarUnit::Month, "UTC").unwrap(),
    };
    let (calls, bytes) = (random.below(300), 1 + random.below(3_000));
    Subscription {
        key: AccountKey(key << 64 | 7),
        rate: RateTerms { calls: 1 + random.below(12) as u32, window_ms: 1_000 + random.below(5_000) as u32 },
        quota: QuotaTerms {
            calls: random.chance(80).then_some(calls),
            bytes: random.chance(40).then_some(bytes),
            period: Arc::new(period),
            start_us: FIRST_WALL_US - random.below(1_000_000_000) as i64,
        },
    }
}

/// Says which seed to replay.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with LIMEN_SIMULATOR_SEED={}", self.0);
        }
    }
}

fn run_shard(shard: u64) {
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seeds = match number("LIMEN_SIMULATOR_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LIMEN_SIMULATOR_SEEDS").unwrap_or(10_000),
    };
    let folder = tempfile::tempdir().unwrap();
    for seed in seeds.filter(|seed| seed % SHARDS == shard) {
        let _named = Named(seed);
        let mut world = World::new(seed, folder.path());
        for _ in 0..40 + world.random.below(80) {
            world.step();
        }
        world.finish();
    }
}

#[test]
fn limits_hold_in_the_first_quarter_of_seeds() {
    run_shard(0);
}

#[test]
fn limits_hold_in_the_second_quarter_of_seeds() {
    run_shard(1);
}

#[test]
fn limits_hold_in_the_third_quarter_of_seeds() {
    run_shard(2);
}

#[test]
fn limits_hold_in_the_last_quarter_of_seeds() {
    run_shard(3);
}

/// No fault, one caller who waits for each answer: exactly N calls of the quota, and in a fresh window exactly N.
#[test]
fn a_lone_caller_gets_exactly_n() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..100 {
        let _named = Named(seed);
        let mut world = World::new(seed, folder.path());
        let limit = 1 + world.random.below(400);
        let subscription = &world.subscriptions[0];
        let quota = QuotaTerms { calls: Some(limit), bytes: None, ..subscription.quota.clone() };
        let Process { accounts, runtime } = world.process.take().unwrap();
        let (mut now, _) = world.shared.now();
        let in_window = (0..20).filter(|_| accounts.pace(subscription.key, &subscription.rate, now).is_ok()).count();
        assert_eq!(in_window, subscription.rate.calls as usize);
        runtime.block_on(async {
            let mut charged = 0;
            let refused = loop {
                match accounts.charge(subscription.key, &quota, now).await {
                    Ok(right) => drop(right),
                    Err(refused) => break refused,
                }
                charged += 1;
                now.monotonic_us += 100_000;
            };
            assert_eq!(charged, limit);
            // Whoever waits for the next period gets through.
            let ChargeRefused::QuotaExceeded { replenished_in_us, .. } = refused else { panic!("{refused:?}") };
            now.wall_us += replenished_in_us as i64;
            drop(accounts.charge(subscription.key, &quota, now).await.unwrap());
            accounts.shutdown().await;
        });
        let rows = world.shared.ledger.state.lock().unwrap();
        assert_eq!(rows.rows.values().map(|row| row.debited).sum::<u64>(), limit + 1);
    }
}
