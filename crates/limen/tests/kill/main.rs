//! The real binary, killed with SIGKILL at random moments under load from several connections, and counted at the
//! service behind it: never over, at most one lease lost a kill, and what was answered stays true. Codes and refresh
//! tokens have no second winner and no dead family. Every figure that matters is the service's. The seed is
//! printed: `LIMEN_KILL_SEED` throws the same moments again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test tells what went wrong by ending")]

mod callers;
mod credentials;
mod dice;
mod first_start;
mod run;
mod sign_ins;
mod tally;
mod verdict;
mod world;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use limen_testbed::{Answer, eventually_within};

use callers::{CALLERS, Control, EndsLoad, KEY, hammer};
use dice::Dice;
use run::Run;
use world::{AMPLE, BOTH, BRISK, FREE, LARGE, Product, SCARCE, STEADY, Subject, World};

/// Rounds of one kill or more.
const ROUNDS: usize = 60;
/// At least so many kills.
const KILLS: u32 = 50;
/// Subscriptions whose window is filled just before a kill.
const STEADIES: usize = 12;
/// How often each of the scarce subscriptions may be called between two kills: the first is used up early, the last
/// isn't before the load ends.
const SCARCE_BUDGETS: [u64; 4] = [60, 25, 10, 3];

#[test]
fn killed_at_any_moment_it_is_never_over_and_loses_at_most_a_lease() {
    let mut dice = Dice::new(dice::seed());
    let mut products = vec![AMPLE, BRISK, BOTH, LARGE, FREE];
    products.extend([SCARCE; SCARCE_BUDGETS.len()]);
    products.extend([STEADY; STEADIES]);
    let (world, limen) = World::start(&mut dice, &products);
    let control = Control::new(products.len());
    let crowd: Vec<&Subject> = world.subjects.iter().filter(|subject| is_hammered(subject.product)).collect();
    let (tell, problems) = mpsc::channel();
    let mut run = Run::new(&world, &control, limen, dice.clone(), problems);
    let mut calls = std::thread::scope(|scope| {
        let _ends_load = EndsLoad(&control);
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (dice, tell) = (Dice::new(dice.number()), tell.clone());
                let (world, control, crowd) = (&world, &control, &crowd);
                scope.spawn(move || hammer(world, control, crowd, dice, &tell))
            })
            .collect();
        kill_again_and_again(&mut run);
        control.end();
        callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect::<Vec<_>>()
    });
    assert!(run.kills >= KILLS, "only {} kills", run.kills);
    eprintln!("{} kills, {} calls by {CALLERS} connections", run.kills, calls.len());
    drain(&mut run);
    a_fresh_window_is_whole(&mut run, &world.subjects[1]);
    calls.append(&mut run.calls);
    judge(run, &calls);
}

fn is_hammered(product: Product) -> bool {
    [AMPLE.name, BRISK.name, BOTH.name, LARGE.name, SCARCE.name].contains(&product.name)
}

fn of(world: &World, product: Product) -> Vec<&Subject> {
    world.subjects.iter().filter(|subject| subject.product.name == product.name).collect()
}

fn kill_again_and_again(run: &mut Run<'_>) {
    let world = run.world;
    let free = of(world, FREE)[0];
    let mut secondary = free.secondary.clone();
    let mut filled: Vec<(&Subject, Instant)> = Vec::new();
    let mut unfilled = of(world, STEADY).into_iter();
    let mut answered = 0;
    for round in 0..ROUNDS {
        for (subject, most) in of(world, SCARCE).iter().zip(SCARCE_BUDGETS) {
            let calls = run.dice.between(most / 2, most);
            run.control.allow(subject.number, calls);
        }
        let time = run.dice.time_ms(5, 400);
        run.load_for(time);
        match round % 10 {
            1 | 6 => kill_with_a_filled_window(run, unfilled.next(), &mut filled),
            3 => run.kill_after_new_key(free, &mut secondary),
            5 => answered += u32::from(run.kill_during_new_key(free, &mut secondary)),
            8 => run.kill_after_token(free),
            _ => {
                run.kill();
                run.start();
            }
        }
    }
    eprintln!("windows filled before a kill: {}; keys regenerated during one and answered: {answered}", filled.len());
    assert!(filled.len() >= 5);
}

/// Some calls of a window are used, the process is killed: the rest of the window is there, and no more, neither of
/// this one nor of those filled before earlier kills.
fn kill_with_a_filled_window<'w>(
    run: &mut Run<'w>,
    unfilled: Option<&'w Subject>,
    filled: &mut Vec<(&'w Subject, Instant)>,
) {
    let subject = unfilled.expect("a subscription for each time");
    let rate = subject.product.rate.expect("a rate");
    let used = run.dice.between(1, rate.calls as u64) as usize;
    filled.push((subject, Instant::now()));
    for _ in 0..used {
        assert_eq!(run.lone(subject).status, 200);
    }
    run.kill();
    run.start();
    for _ in used..rate.calls {
        assert_eq!(run.lone(subject).status, 200, "{used} of {} were used", rate.calls);
    }
    for (subject, since) in filled {
        let answer = run.lone(subject);
        assert!(since.elapsed() < rate.window, "the window is to outlast the run");
        assert_eq!(answer.status, 429, "a kill gave a fresh window: {}", answer.text());
        // A call counts to the end of its tick, and the wait is rounded up: it may be a second longer than the window.
        assert!((1..=rate.window.as_secs() + 1).contains(&retry_after_s(&answer)), "{answer:?}");
    }
}

/// A lone caller takes what kills left of the scarce quotas: then they are used up, also after one more kill.
fn drain(run: &mut Run<'_>) {
    let world = run.world;
    for subject in of(world, SCARCE) {
        let limit = SCARCE.quota.expect("a quota");
        let refused = (0..=limit).find_map(|_| Some(run.lone(subject)).filter(|answer| answer.status != 200));
        is_used_up(&refused.expect("more calls than the quota allows"));
    }
    run.kill();
    run.start();
    for subject in of(world, SCARCE) {
        is_used_up(&run.lone(subject));
        let counted = world.tally.count(subject.number);
        let (may_be_lost, _) = run.may_be_lost(subject);
        let least = SCARCE.quota.expect("a quota").saturating_sub(may_be_lost.leases + may_be_lost.under_way);
        assert!(counted >= least, "{counted} at the service, at least {least} expected");
    }
}

fn is_used_up(answer: &Answer) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    let (body, seconds) = (answer.json(), retry_after_s(answer));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    assert_eq!(body["code"], "quota-exceeded");
    assert_eq!(body["message"], format!("Out of call volume quota. Quota will be replenished in {clock}."));
}

/// After all kills, a lone caller gets all of a fresh window, and gets through once it waited as it was told.
fn a_fresh_window_is_whole(run: &mut Run<'_>, subject: &Subject) {
    let rate = subject.product.rate.expect("a rate");
    // A slot frees at most a tick, which is a millisecond here, after its call has left the window.
    pass(rate.window + Duration::from_millis(5));
    let mut admitted = 0;
    let refused = loop {
        let answer = run.lone(subject);
        match answer.status {
            200 => admitted += 1,
            _ => break answer,
        }
    };
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(admitted >= rate.calls, "only {admitted} in a fresh window");
    pass(Duration::from_secs(retry_after_s(&refused)));
    assert_eq!(run.call(subject, "/plain", &[(KEY, &subject.key)]).status, 200);
}

/// Lets a time pass that Limen told or promised.
fn pass(time: Duration) {
    let began = Instant::now();
    eventually_within(time * 2 + Duration::from_secs(10), "time passes", || (began.elapsed() >= time).then_some(()));
}

fn retry_after_s(answer: &Answer) -> u64 {
    answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"))
}

fn judge(mut run: Run<'_>, calls: &[tally::Call]) {
    let world = run.world;
    let limited: Vec<&Subject> = world.subjects.iter().filter(|subject| subject.product.quota.is_some()).collect();
    for subject in &limited {
        assert!(run.look(subject), "no call was made for longer than any window");
        let shown = run.limen.json(&["subscription", "show", &subject.id]);
        let (used, counted) = (shown["usage"]["period_calls"].as_u64(), world.tally.count(subject.number));
        let (may_be_lost, largest) = run.may_be_lost(subject);
        let most = counted + may_be_lost.leases + may_be_lost.under_way;
        eprintln!("{} {}: {largest} gone by one kill at most", subject.product.name, subject.number);
        assert!(used.is_some_and(|used| (counted..=most).contains(&used)), "{counted} to {most}: {shown}");
    }
    let mut all = calls.to_vec();
    all.append(&mut run.calls);
    assert_eq!(run.limen.stop(), Some(0), "it ends in order");
    let admitted = verdict::admitted(world.subjects.len(), &all, &world.tally.arrivals());
    for subject in &world.subjects {
        if let Some(rate) = subject.product.rate.filter(|_| !admitted[subject.number].is_empty()) {
            verdict::never_over(subject.product.name, rate, &admitted[subject.number]);
        }
    }
    let books: Vec<_> = limited
        .iter()
        .map(|subject| (*subject, admitted[subject.number].len() as u64, run.may_be_lost(subject).0))
        .collect();
    verdict::books(run.limen.data_dir(), &books);
    verdict::tell_ready(std::mem::take(&mut run.ready));
}
