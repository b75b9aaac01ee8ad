//! Many calls at once through a fault proxy whose faults are drawn from a seed, and a checker: every answer is one of
//! the nine statuses or visibly cut, none belongs to another call, what looks whole is whole, and the books balance.

use std::time::Duration;

use limen_testbed::{Answer, Connection, Draw, Fault, FaultProxy, Faults, Http, Reply, Seen, Service, eventually};

use super::{left_of_quota, outcome, started};
use crate::stage::KEY;

const CALLERS: u64 = 8;
const CALLS: u64 = 60;

/// The body that belongs to a call, of a length of its own: every line of it names the call.
fn own_body(id: u64) -> String {
    let lines = [1, 3, 40, 400, 3_000][usize::try_from(id % 5).unwrap()];
    format!("<{id:06}>\n").repeat(lines)
}

/// What a good service says: the body of the call that its path names; for a write, only if that came whole.
fn serve(seen: &Seen) -> Reply {
    let id = seen.path().rsplit('/').next().and_then(|id| id.parse().ok()).unwrap_or_default();
    if seen.method == "POST" && seen.body != own_body(id).as_bytes() {
        return Reply::status(422).body("{\"message\": \"the body is another call's\"}");
    }
    let body = own_body(id);
    if id.is_multiple_of(2) {
        Reply::status(200).body(body)
    } else {
        Reply::status(200).chunked(body.as_str().split_inclusive("9>\n"))
    }
}

/// Faults one behind another along a connection, often close together, so that none goes on for ever.
fn along(draw: &mut Draw, fault: fn(&mut Draw, u64) -> Fault) -> Vec<Fault> {
    // Never before the first answer: an answer to nothing, said at once, is told from no other that comes early.
    let mut after_bytes = 20;
    (0..60)
        .map(|_| {
            after_bytes += [300, 3_000, 30_000][usize::try_from(draw.below(3)).unwrap()] * draw.below(100) / 100;
            fault(draw, after_bytes)
        })
        .collect()
}

/// A fault that changes no byte.
fn interruption(draw: &mut Draw, after_bytes: u64) -> Fault {
    match draw.below(6) {
        0 => Fault::Delay { after_bytes, time: Duration::from_millis(draw.below(60)) },
        1 => {
            let piece_bytes = usize::try_from(1 + draw.below(2_000)).unwrap();
            Fault::Trickle { after_bytes, piece_bytes, pause: Duration::from_micros(50) }
        }
        2 => Fault::Cut { after_bytes },
        3 => Fault::HalfClose { after_bytes },
        4 => Fault::Reset { after_bytes },
        _ => Fault::Stall { after_bytes },
    }
}

fn interruptions(draw: &mut Draw) -> Faults {
    let is_onward = draw.once_in(4);
    let faults = along(draw, interruption);
    if is_onward { Faults::onward(faults) } else { Faults::back(faults) }
}

/// A fault that changes bytes; none that it puts in names a call.
fn corruption(draw: &mut Draw, after_bytes: u64) -> Fault {
    const INSERTED: [&[u8]; 5] =
        [b"x", b"\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"];
    match draw.once_in(2) {
        true => Fault::Flip { after_bytes },
        false => Fault::Insert { after_bytes, bytes: INSERTED[usize::try_from(draw.below(5)).unwrap()].to_vec() },
    }
}

fn corruptions(draw: &mut Draw) -> Faults {
    Faults::back(along(draw, corruption))
}

/// What one caller saw.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    whole: u64,
    cut: u64,
    refused: u64,
    failed: u64,
    none: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.whole += other.whole;
        self.cut += other.cut;
        self.refused += other.refused;
        self.failed += other.failed;
        self.none += other.none;
    }

    /// That faults met enough calls, and left enough alone. A break fails a call before its head and cuts it after:
    /// which of them is the draw's, some 10 and 50 of the 480, so it is their sum that has to be enough.
    fn shows_enough(self, seed: u64) {
        let met = self.failed + self.cut;
        let is_enough = self.whole > CALLERS * CALLS / 4 && met > 20 && self.failed > 0;
        assert!(is_enough, "TRIAL_SEED={seed}: too few to show anything: {self:?}");
    }
}

/// Whether whatever of the body came belongs to this call: complete lines that name another one don't.
fn is_own(id: u64, body: &str) -> bool {
    let own = format!("<{id:06}>");
    !body.lines().any(|line| {
        let names_a_call = line.len() == 8 && line.starts_with('<') && line.ends_with('>');
        names_a_call && line[1..7].bytes().all(|byte| byte.is_ascii_digit()) && line != own
    })
}

/// Calls of one caller over connections that it keeps while they last.
fn calls(limen: &limen_testbed::Limen, http: Http, key: &str, caller: u64, seed: u64, is_exact: bool) -> Tally {
    let mut draw = Draw::new(seed).fork(caller);
    let (mut tally, mut kept): (Tally, Option<Connection>) = (Tally::default(), None);
    for number in 0..CALLS {
        let id = caller * CALLS + number;
        let told = format!("TRIAL_SEED={seed}, call {id}");
        let Ok(mut connection) = kept.take().map_or_else(|| http.try_open(), Ok) else {
            tally.none += 1;
            continue;
        };
        let (method, body) = if draw.once_in(3) { ("POST", Some(own_body(id))) } else { ("GET", None) };
        let fields = [(KEY, key), ("Content-Type", "text/plain")];
        let target = format!("/brief/items/{id}");
        let answer = match connection.try_call(method, &target, &fields, body.as_ref().map(String::as_bytes)) {
            Ok(answer) => answer,
            Err(error) => {
                // Between caller and Limen no answer may come; behind Limen there always is one.
                assert!(!is_exact, "{told}: no answer: {error}");
                tally.none += 1;
                continue;
            }
        };
        assert!(is_own(id, &answer.text()), "{told}: another call's answer: {answer:?}");
        tally.add(judged(limen, &answer, id, is_exact, &told));
        if !answer.cut && answer.header("connection") != Some("close") {
            kept = Some(connection);
        }
    }
    tally
}

fn judged(limen: &limen_testbed::Limen, answer: &Answer, id: u64, is_exact: bool, told: &str) -> Tally {
    let mut tally = Tally::default();
    match (answer.status, answer.cut) {
        (_, true) => tally.cut = 1,
        (200, false) => {
            let whole = answer.text() == own_body(id);
            assert!(whole || !is_exact, "{told}: {} bytes look whole and are not: {answer:?}", answer.body.len());
            tally.whole = 1;
        }
        (status, false) if is_exact => {
            let outcome = outcome(limen, answer);
            assert!(status >= 500, "{told}: {outcome}: nothing of the call was wrong: {answer:?}");
            tally.failed = 1;
        }
        (500.., false) => tally.failed = 1,
        (_, false) => tally.refused = 1,
    }
    tally
}

/// A run of all callers; gives what they saw and what the quota says that it cost.
fn run(
    seed: u64,
    is_exact: bool,
    faults: fn(&mut Draw) -> Faults,
    outside: Option<fn(&mut Draw) -> Faults>,
) -> (Tally, u64, u64) {
    let service = Service::start(serve);
    service.record(false);
    let proxy = FaultProxy::to(service.address());
    let (limen, key) = started(&proxy.url());
    let left = || {
        eventually("a good call", || {
            let answer = limen.http().get("/brief/items/1", &[(KEY, &key)]);
            (answer.status == 200 && !answer.cut).then(|| left_of_quota(&answer))
        })
    };
    let before = left();
    proxy.script(move |number| faults(&mut Draw::new(seed).fork(number)));
    let door = outside.map(|faults| FaultProxy::drawn(limen.gateway(), seed, faults));
    let http = door.as_ref().map_or_else(|| limen.http(), |door| Http::to(door.address()));
    let http = http.within(if outside.is_some() { Duration::from_secs(1) } else { Duration::from_secs(20) });
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (limen, key) = (&limen, key.as_str());
                scope.spawn(move || calls(limen, http, key, caller, seed, is_exact))
            })
            .collect();
        for caller in callers {
            tally.add(caller.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    proxy.script(|_| Faults::none());
    // Tries that end in our 5xx cost nothing; one whose answer was cut does.
    let mut cut = 0;
    let after = eventually("a good call", || {
        let answer = limen.http().get("/brief/items/1", &[(KEY, &key)]);
        cut += u64::from(answer.cut);
        (answer.status == 200 && !answer.cut).then(|| left_of_quota(&answer))
    });
    assert!(proxy.passed().faults > 20, "TRIAL_SEED={seed}: {:?}", proxy.passed());
    (tally, before - after - 1 - cut, service.hits())
}

#[test]
fn services_that_break_off_anywhere() {
    let seed = Draw::seed();
    let (tally, cost, _) = run(seed, true, interruptions, None);
    assert_eq!(tally.whole + tally.cut + tally.failed + tally.refused, CALLERS * CALLS, "TRIAL_SEED={seed}");
    tally.shows_enough(seed);
    assert_eq!(cost, tally.whole + tally.cut + tally.refused, "TRIAL_SEED={seed}: the books");
}

#[test]
fn services_whose_bytes_are_changed() {
    let seed = Draw::seed();
    let (tally, cost, _) = run(seed, false, corruptions, None);
    assert_eq!(tally.none, 0, "TRIAL_SEED={seed}: calls without an answer");
    tally.shows_enough(seed);
    assert_eq!(cost, tally.whole + tally.cut + tally.refused, "TRIAL_SEED={seed}: the books");
}

#[test]
fn callers_and_services_that_break_off_anywhere() {
    let seed = Draw::seed();
    let (tally, cost, _) = run(seed, false, interruptions, Some(interruptions));
    assert!(tally.whole > 20 && tally.none > 20, "TRIAL_SEED={seed}: too few to show anything: {tally:?}");
    // Who left may have been served or not; nobody is charged for more than was called.
    let answered = tally.whole + tally.cut + tally.refused;
    assert!((answered..=CALLERS * CALLS).contains(&cost), "TRIAL_SEED={seed}: {cost} charged, {answered} answered");
}
