//! 503: a service is down, or its downtime is planned.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use limen_testbed::{Answer, Reply, eventually};
use serde_json::json;

use crate::stage::{KEY, Stage, retry_after_s};

const UNAVAILABLE: &str = "The service is temporarily unavailable. Try again later.";
const TIMEOUT: &str = "The service did not answer in time. Try again later.";

/// `Retry-After` is the configured default, and up to a tenth more.
#[track_caller]
fn jittered(answer: &Answer, seconds: u64) {
    let told = retry_after_s(answer);
    assert!((seconds..=seconds + seconds.div_ceil(10)).contains(&told), "{told} instead of {seconds}");
}

#[test]
fn the_service_is_down() {
    let stage = Stage::new();
    let http = stage.http();
    let key = stage.subscribe("all").primary;
    let answer = stage.refused_in_both_forms(503, "service-unavailable", UNAVAILABLE, |fields| {
        http.get("/nowhere/items", &[&[(KEY, key.as_str())], fields].concat())
    });
    jittered(&answer, 30);
    assert_eq!(answer.header("link"), None, "no notice stands");
    let secret = json!({"message": "secret"});
    for (what, reply, code, message) in [
        ("502", Reply::json(502, &secret), "service-unavailable", UNAVAILABLE),
        ("503", Reply::json(503, &secret).header("Retry-After", "7777"), "service-unavailable", UNAVAILABLE),
        ("507", Reply::json(507, &secret), "service-unavailable", UNAVAILABLE),
        ("408", Reply::json(408, &secret), "service-timeout", TIMEOUT),
        ("504", Reply::json(504, &secret), "service-timeout", TIMEOUT),
        ("hangs up", Reply::close_before_head(), "service-unavailable", UNAVAILABLE),
        ("resets", Reply::reset(), "service-unavailable", UNAVAILABLE),
        ("hangs up in its head", Reply::raw("HTTP/1.1 200 OK\r\nContent-"), "service-unavailable", UNAVAILABLE),
        ("never answers", Reply::hang(), "service-timeout", TIMEOUT),
        ("answers too late", Reply::status(200).delay(Duration::from_secs(2)), "service-timeout", TIMEOUT),
    ] {
        stage.service.on("/base/items", reply);
        for accept in [&[][..], &[("Accept", "application/json")]] {
            let answer = http.get("/slow/items", accept);
            assert_eq!(answer.status, 503, "{what}: {answer:?}");
            stage.refused(&answer, 503, code, message);
            jittered(&answer, 10);
            assert!(!answer.text().contains("secret"), "{what}: {answer:?}");
        }
    }
    // One dead service takes no other down.
    assert_eq!(http.get("/open/other", &[]).status, 200);
}

#[test]
fn a_write_is_never_sent_twice_and_a_stale_connection_costs_nothing() {
    let stage = Stage::new();
    let http = stage.http();
    stage.service.on("/base/writes", Reply::close_before_head());
    stage.service.on("/base/reads", Reply::close_before_head());
    for (method, path) in [("POST", "/open/writes"), ("PATCH", "/open/writes"), ("DELETE", "/open/writes")] {
        // A connection that is kept and known to be good.
        assert_eq!(http.get("/open/warm", &[]).status, 200);
        let before = stage.service.hits();
        stage.refused(&http.call(method, path, &[], None), 503, "service-unavailable", UNAVAILABLE);
        assert_eq!(stage.service.hits(), before + 1, "{method}");
    }
    assert_eq!(http.get("/open/warm", &[]).status, 200);
    let before = stage.service.hits();
    stage.refused(&http.get("/open/reads", &[]), 503, "service-unavailable", UNAVAILABLE);
    assert!((1..=3).contains(&(stage.service.hits() - before)), "{}", stage.service.hits() - before);
    // A service that closes after each answer without saying so: every call works nonetheless.
    let closing = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    stage.service.on("/base/closing", Reply::raw(closing));
    let mut lost = 0;
    for _ in 0..30 {
        assert_eq!(http.call("GET", "/open/closing", &[], None).status, 200);
        // Its close may be on the way while a write leaves: that one is not sent again, for nobody can know.
        let before = stage.service.hits();
        let status = http.post("/open/closing", &[], "{}").status;
        assert!(status == 200 || (status == 503 && stage.service.hits() == before), "{status}");
        lost += usize::from(status == 503);
    }
    assert!(lost < 30, "no close was noticed in time");
}

/// Another process that holds the store's write lock while it lives.
struct Holder(Child);

impl Holder {
    fn of(database: &Path) -> Self {
        let script = "import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute('BEGIN IMMEDIATE')
print('held', flush=True)
sys.stdin.read()";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is there");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "held\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_count_that_can_not_be_written_lets_nothing_pass_uncounted() {
    let stage = Stage::new();
    let http = stage.http();
    let (limited, unlimited) = (stage.subscribe("hourly").primary, stage.subscribe("all").primary);
    let holder = Holder::of(&stage.limen.data_dir().join("limen.db"));
    let message = "The subscription's limits can't be checked at the moment. Try again later.";
    let answer = http.get("/keyed/items", &[(KEY, &limited)]);
    stage.refused(&answer, 503, "limits-unavailable", message);
    jittered(&answer, 10);
    assert_eq!(stage.service.hits(), 0);
    for path in ["/keyed/items", "/open/items"] {
        assert_eq!(http.get(path, &[(KEY, &unlimited)]).status, 200, "what has no quota goes on");
    }
    drop(holder);
    let works = || (http.get("/keyed/items", &[(KEY, &limited)]).status == 200).then_some(());
    eventually("the store is back", works);
    let rest = (0..4).filter(|_| http.get("/keyed/items", &[(KEY, &limited)]).status == 200).count();
    assert_eq!(rest, 2, "not one right was lost");
}
