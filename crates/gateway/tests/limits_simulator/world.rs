//! One seed's run: clocks, subscriptions, the process and its crashes, step by step, and the books at the end.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use limen_gateway::accounts::{AccountKey, Accounts, Meter, QuotaTerms, RateTerms};
use limen_rules::period::{CalendarUnit, Period};
use tokio::runtime::Runtime;

use crate::SHARDS;
use crate::ledger::{FakeLedger, LedgerState};
use crate::random::Random;
use crate::service::{Clocks, Fate, Faults, Shared, Subscription, Tally};

const SECOND_US: u64 = 1_000_000;
const DAY_US: i64 = 86_400_000_000;
const FIRST_WALL_US: i64 = 1_711_839_600_000_000;

pub(crate) struct Process {
    pub(crate) accounts: Accounts,
    pub(crate) runtime: Runtime,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) shared: Shared,
    pub(crate) path: PathBuf,
    pub(crate) boots: u64,
    pub(crate) crashes: u64,
    pub(crate) subscriptions: Vec<Subscription>,
    /// The highest limits that ever held, for the size of a lease.
    pub(crate) highest: HashMap<(AccountKey, Meter), u64>,
    pub(crate) process: Option<Process>,
}

impl World {
    pub(crate) fn new(seed: u64, folder: &Path) -> World {
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

    pub(crate) fn start(&mut self, is_fresh: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (now, _) = self.shared.now();
        let boot_id = format!("boot {}", self.boots);
        let ledger = self.shared.ledger.clone();
        let handle = runtime.handle().clone();
        let accounts = Accounts::open(&self.path, &boot_id, is_fresh, now, ledger, handle).unwrap();
        self.process = Some(Process { accounts, runtime });
    }

    pub(crate) fn note_limits(&mut self) {
        for subscription in &self.subscriptions {
            for meter in [Meter::Calls, Meter::Bytes] {
                let limit = subscription.quota.limit(meter).unwrap_or(0);
                let highest = self.highest.entry((subscription.key, meter)).or_default();
                *highest = limit.max(*highest);
            }
        }
    }

    /// Lets the tasks go on for a while.
    pub(crate) fn run(&self, yields: u64) {
        self.process.as_ref().unwrap().runtime.block_on(async {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
        });
    }

    pub(crate) fn call(&mut self) {
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

    pub(crate) fn crash(&mut self, is_power_loss: bool) {
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
    pub(crate) fn forgive_bytes(&self) {
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

    pub(crate) fn stop(&mut self) {
        let Process { accounts, runtime } = self.process.take().unwrap();
        runtime.block_on(async {
            // Calls under way end first, as the listeners see to.
            while self.shared.service.lock().unwrap().calls_under_way > 0 {
                tokio::task::yield_now().await;
            }
            accounts.shutdown().await;
        });
    }

    pub(crate) fn advance(&mut self) {
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

    /// Lets idle accounts leave memory, now and then after so long that all of them are idle.
    pub(crate) fn let_go(&mut self) {
        if self.random.chance(40) {
            let by_us = 700 * SECOND_US;
            let mut clocks = self.shared.clocks.lock().unwrap();
            clocks.true_us += by_us;
            clocks.wall_us += by_us as i64;
        }
        let (now, _) = self.shared.now();
        let yields = self.random.below(12);
        for _ in 0..2 {
            // All parts of the table.
            (0..64).for_each(|_| self.process.as_ref().unwrap().accounts.let_go(now));
            self.run(yields);
        }
    }

    pub(crate) fn change_limits(&mut self) {
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

    pub(crate) fn step(&mut self) {
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
            81..86 => self.let_go(),
            _ => {
                let yields = self.random.below(8);
                self.run(yields);
            }
        }
        let service = self.shared.service.lock().unwrap();
        assert!(service.broken.is_empty(), "{:?}", service.broken);
    }

    /// Stops in order and looks at the books.
    pub(crate) fn finish(mut self) {
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

pub(crate) fn subscription_window(subscriptions: &[Subscription]) -> u64 {
    subscriptions.iter().map(|s| s.rate.window_us() + s.rate.tick_us()).max().unwrap_or(0)
}

pub(crate) fn subscription(key: u128, faults: Faults, random: &mut Random) -> Subscription {
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
