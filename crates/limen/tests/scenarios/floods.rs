//! Attacks by number: connections that do nothing, that do it slowly, or that do it too often. Others stay served; that
//! is counted and not timed.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use limen_testbed::{Connection, Http, Limen, Reply, Service, Settings, allow_open_files, eventually_within};

use crate::stage::{BINARY, KEY, KEY_INVALID, refused, resident_bytes};

const WORLD: &str = r#"
apis:
  - {name: things, base_path: /things, target: "{service}/base", access: key}
  - {name: streams, base_path: /streams, target: "{service}/base", access: key, validate: "off", media_types: ["*/*"],
     body_max_bytes: 100_000_000}
products:
  - {name: all, apis: [things, streams]}
developers: [{name: ada}]
"#;

/// Connections from one address: there may be a cap on those.
const OF_ONE_ADDRESS: usize = 500;

struct Place {
    limen: Limen,
    _service: Service,
    key: String,
}

impl Place {
    fn new(change: impl FnOnce(Settings) -> Settings) -> Self {
        let service = Service::ok();
        service.record(false);
        service.on(
            "/base/large",
            Reply::open("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n").then_repeat("x", 50_000_000),
        );
        let limen = Limen::start(change(Settings::new(BINARY).config(&WORLD.replace("{service}", &service.url()))));
        let made = limen.json(&["subscription", "create", "--product", "all", "--developer", "ada"]);
        let key = made["primary_key"].as_str().expect("a key").to_owned();
        Self { limen, _service: service, key }
    }

    /// A patient caller: the machine may be busy with the attack.
    fn http(&self) -> Http {
        self.limen.http().within(Duration::from_secs(60))
    }

    /// A connection of many, which come from as many addresses as it takes.
    fn open_one(&self, number: usize) -> Connection {
        let address = u8::try_from(2 + number / OF_ONE_ADDRESS).expect("an address");
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, address));
        self.http().try_open_from(source).unwrap_or_else(|error| panic!("connection {number}: {error}"))
    }

    /// So many connections.
    fn open(&self, count: usize) -> Vec<Connection> {
        (0..count).map(|number| self.open_one(number)).collect()
    }

    /// 200 calls of a good caller, half of them over connections of their own.
    fn others_are_served(&self, what: &str) {
        let mut kept = self.http().open();
        for number in 0..100 {
            for answer in [
                self.http().try_call("GET", "/things/items", &[(KEY, &self.key)], None),
                kept.try_call(
                    "POST",
                    "/things/items",
                    &[(KEY, &self.key), ("Content-Type", "application/json")],
                    Some(b"{}"),
                ),
            ] {
                let answer = answer.unwrap_or_else(|error| panic!("{what}, call {number}: {error}"));
                assert_eq!((answer.status, answer.cut), (200, false), "{what}, call {number}: {answer:?}");
            }
        }
    }
}

/// Does what is to be shown, and then ends the attack, also where it could not be shown.
fn whatever_comes(is_over: &AtomicBool, show: impl FnOnce()) {
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(show));
    is_over.store(true, Ordering::SeqCst);
    shown.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

#[test]
fn ten_thousand_idle_connections() {
    const IDLE: usize = 10_000;
    allow_open_files(IDLE as u64 + 500);
    let place = Place::new(|settings| settings);
    place.others_are_served("before");
    let before = resident_bytes(&place.limen);
    let mut idle = place.open(IDLE);
    // Some have been answered once, and stay.
    for connection in idle.iter_mut().step_by(20) {
        let answer = connection.try_call("GET", "/things/items", &[(KEY, &place.key)], None).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    place.others_are_served("with all that are idle");
    let still = idle.iter().filter(|connection| connection.is_quiet()).count();
    assert_eq!(still, IDLE, "idle connections that were told something or closed");
    let each = resident_bytes(&place.limen).saturating_sub(before) / IDLE as u64;
    assert!(each < 24 << 10, "{each} bytes for each idle connection");
}

#[test]
fn slow_heads_slow_bodies_and_slow_readers() {
    const EACH: usize = 500;
    allow_open_files(4_000);
    let place = Place::new(|settings| settings);
    place.others_are_served("before");
    let before = resident_bytes(&place.limen);
    let (mut slow, key) = (place.open(3 * EACH), place.key.as_str());
    for (number, connection) in slow.iter_mut().enumerate() {
        let fields = [(KEY, key), ("Content-Type", "application/json"), ("Content-Length", "1000000")];
        let bytes = match number % 3 {
            0 => format!("GET /things/items HTTP/1.1\r\nHost: h\r\n{KEY}: {key}\r\nSlow: ").into_bytes(),
            1 => [&connection.request("POST", "/things/items", &fields, None)[..], b"["].concat(),
            _ => connection.request("GET", "/streams/large", &[(KEY, key)], None),
        };
        connection.write(&bytes);
    }
    let (is_over, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Each of the first two forms says a byte now and then; the third reads nothing.
            while !is_over.load(Ordering::SeqCst) {
                for connection in slow.iter_mut().enumerate().filter(|(number, _)| number % 3 < 2).map(|(_, one)| one) {
                    connection.write(b" ");
                    written.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        whatever_comes(&is_over, || {
            let rounds = 2 * EACH as u64;
            eventually_within(Duration::from_secs(60), "the attack is on", || {
                (written.load(Ordering::SeqCst) > 2 * rounds).then_some(())
            });
            place.others_are_served("while others are slow");
            assert!(written.load(Ordering::SeqCst) > 4 * rounds, "the attack went on");
        });
    });
    let grown = resident_bytes(&place.limen).saturating_sub(before);
    // Of answers of 50 MB that nobody reads, less than one in fifty bytes is held.
    println!("{grown} bytes for {} slow connections", 3 * EACH);
    assert!(grown < EACH as u64 * 1_000_000, "{grown} bytes for {} slow connections", 3 * EACH);
}

#[test]
fn a_flood_of_bad_keys() {
    let place = Place::new(|settings| settings);
    let (is_over, refusals) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for flood in 0..8 {
            let (place, is_over, refusals) = (&place, &is_over, &refusals);
            scope.spawn(move || {
                let mut connection = place.http().open();
                let mut number = 0_u64;
                while !is_over.load(Ordering::SeqCst) {
                    number += 1;
                    let key = format!("limen_sub_{flood}{number:035}");
                    let answer = connection.try_call("GET", "/things/items", &[(KEY, &key)], None).expect("an answer");
                    assert_eq!((answer.status, answer.cut), (401, false), "{answer:?}");
                    if number == 1 {
                        assert_eq!(answer.json()["code"], "subscription-key-invalid", "{answer:?}");
                        refused(&place.limen, &answer, 401, "subscription-key-invalid", KEY_INVALID);
                    }
                    refusals.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        whatever_comes(&is_over, || {
            eventually_within(Duration::from_secs(60), "the flood is on", || {
                (refusals.load(Ordering::SeqCst) > 200).then_some(())
            });
            place.others_are_served("while keys are tried");
        });
    });
    assert!(refusals.load(Ordering::SeqCst) > 400, "the flood went on");
}

#[test]
fn connections_past_the_cap_are_told_so_and_the_old_stay_served() {
    const NEW: usize = 50;
    allow_open_files(2_000);
    let place = Place::new(|settings| settings.open_files(700));
    let call = |connection: &mut Connection| connection.try_call("GET", "/things/items", &[(KEY, &place.key)], None);
    let mut kept: Vec<Connection> = Vec::new();
    let first_refused = loop {
        assert!(kept.len() < 700, "there is no cap");
        let mut connection = place.open_one(kept.len());
        let answer = call(&mut connection).expect("an answer");
        match answer.status {
            200 => kept.push(connection),
            _ => break answer,
        }
    };
    let message = first_refused.json()["message"].as_str().expect("a message").to_owned();
    let in_form = |answer: &limen_testbed::Answer| {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.header("retry-after").is_some() && answer.header("connection") == Some("close"), "{answer:?}");
        assert_eq!((&answer.json()["code"], &answer.json()["statusCode"]), (&"overloaded".into(), &503.into()));
        assert_eq!(answer.json()["message"], message.as_str());
    };
    in_form(&first_refused);
    assert!(kept.len() >= 100, "only {} were taken", kept.len());
    for _ in 0..NEW {
        let mut connection = place.http().open();
        in_form(&connection.answer_to("GET"));
        assert!(connection.is_closed());
    }
    let served =
        kept.iter_mut().filter_map(|connection| call(connection).ok()).filter(|answer| answer.status == 200).count();
    assert_eq!(served, kept.len(), "old connections that are served");
    drop(kept.split_off(kept.len() / 2));
    eventually_within(Duration::from_secs(20), "there is room again", || {
        call(&mut place.http().open()).ok().filter(|answer| answer.status == 200).map(|_| ())
    });
    place.others_are_served("after the flood");
}
