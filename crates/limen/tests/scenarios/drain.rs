//! SIGTERM under load: who called in time is answered, and what reached the service reached its caller.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use limen_testbed::{Connection, Gate, Limen, Reply, Service, Settings, eventually};

use crate::stage::BINARY;

fn with(gateway: &str) -> (Limen, Service) {
    let service = Service::ok();
    let config = format!(
        "gateway: {{{gateway}}}\napis: [{{name: open, base_path: /open, target: \"{}\", access: open}}]\n",
        service.url()
    );
    (Limen::start(Settings::new(BINARY).config(&config)), service)
}

pub(crate) fn signal(limen: &Limen, name: &str) {
    let id = limen.process_id().expect("a running process").to_string();
    assert!(Command::new("kill").args([name, &id]).status().expect("kill is there").success());
}

/// One call, and whether its answer ends the connection.
fn call(connection: &mut Connection) -> (u16, bool) {
    let answer = connection.try_call("GET", "/open/x", &[], None).expect("an answer");
    (answer.status, answer.header("connection") == Some("close"))
}

#[test]
fn who_called_in_time_is_answered() {
    // So long a grace that only what is looked at here can end it.
    let (mut limen, service) = with("drain_grace_ms: 60_000");
    let (gate, pipeline_gate) = (Gate::new(), Gate::new());
    service.on("/slow", Reply::json(200, &serde_json::json!({})).wait_for(&gate));
    service.on("/first", Reply::json(200, &serde_json::json!({})).wait_for(&pipeline_gate));
    let mut idle = limen.http().open();
    assert_eq!(call(&mut idle), (200, false));
    let mut fresh = limen.http().open();
    let mut half = limen.http().open();
    half.write(b"GET /open/x HTTP/1.1\r\nHo");
    let mut busy = limen.http().open();
    let request = |target: &str| limen.http().open().request("GET", target, &[], None);
    busy.write(&request("/open/slow"));
    let mut pipelined = limen.http().open();
    pipelined.write(&[request("/open/first"), request("/open/x"), request("/open/x")].concat());
    eventually("the service has both", || (service.hits() == 3).then_some(()));

    signal(&limen, "-TERM");
    eventually("it is stopping", || limen.stderr().contains("stopping").then_some(()));
    // Idle ones may still call, new ones too; each learns that it was the last time.
    assert_eq!(call(&mut idle), (200, true));
    assert!(idle.is_closed());
    assert_eq!(call(&mut fresh), (200, true));
    assert_eq!(call(&mut limen.http().open()), (200, true));
    half.write(b"st: api.example\r\n\r\n");
    let answer = half.answer_to("GET");
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    // What was sent behind a call that was under way is answered too.
    pipeline_gate.open();
    for last in [None, None, Some("close")] {
        let answer = pipelined.answer_to("GET");
        assert_eq!((answer.status, answer.header("connection")), (200, last));
    }
    gate.open();
    assert_eq!(busy.answer_to("GET").status, 200);
    drop((fresh, half, busy, pipelined));
    eventually("it ends when nobody is connected, not when the grace does", || {
        limen.http().try_open().is_err().then_some(())
    });
    assert_eq!(limen.stop_code(), Some(0));
}

#[test]
fn idle_connections_end_with_the_grace() {
    let (mut limen, _service) = with("drain_grace_ms: 50");
    let mut idle = limen.http().open();
    assert_eq!(call(&mut idle), (200, false));
    let mut silent = limen.http().open();
    signal(&limen, "-TERM");
    assert!(idle.is_closed() && silent.is_closed());
    assert_eq!(limen.stop_code(), Some(0));
}

#[test]
fn nothing_is_done_that_nobody_is_told_of() {
    for _ in 0..4 {
        let (mut limen, service) = with("drain_grace_ms: 300");
        let (answered, ended) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (http, answered, ended) = (limen.http(), &answered, &ended);
                scope.spawn(move || {
                    while !ended.load(Ordering::Relaxed) {
                        let Ok(mut connection) = http.try_open() else { return };
                        // Half of them keep their connection for as long as they may.
                        let mut is_kept = true;
                        while is_kept {
                            let Ok(answer) = connection.try_call("POST", "/open/x", &[], None) else { break };
                            assert_eq!(answer.status, 200, "{answer:?}");
                            answered.fetch_add(1, Ordering::Relaxed);
                            is_kept = number % 2 == 0 && answer.header("connection") != Some("close");
                        }
                    }
                });
            }
            eventually("all are at it", || (answered.load(Ordering::Relaxed) > 200).then_some(()));
            signal(&limen, "-TERM");
            assert_eq!(limen.stop_code(), Some(0));
            ended.store(true, Ordering::Relaxed);
        });
        assert_eq!(service.hits(), answered.load(Ordering::Relaxed));
    }
}
