//! A good service behind the fault proxy, and each fault at each byte of what passes: before the head, inside of it,
//! inside the body, at its very end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use limen_testbed::{Fault, FaultProxy, Faults, Limen, Reply, Service};

use super::{left_of_quota, outcome, started};
use crate::stage::KEY;

const UNAVAILABLE: &str = "503 service-unavailable";
const TIMEOUT: &str = "503 service-timeout";

/// Whole answers, each the last of its connection, so that every call has one of its own: what stands before the body,
/// and the rest.
const ANSWERS: [(&str, &str); 2] = [
    ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", "whole"),
    ("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nwho\r\n2\r\nle\r\n0\r\n\r\n"),
];

/// A Limen, and a proxy between it and the service that does something to the next connection only.
struct Line {
    limen: Limen,
    key: String,
    proxy: FaultProxy,
    service: Service,
}

impl Line {
    fn new(answer: &(&str, &str)) -> Self {
        let whole = Reply::open(format!("{}{}", answer.0, answer.1)).then_close();
        let service = Service::start(move |_| whole.clone());
        let proxy = FaultProxy::to(service.address());
        let (limen, key) = started(&proxy.url());
        Self { limen, key, proxy, service }
    }

    fn arm(&self, faults: Faults) {
        let is_armed = Arc::new(AtomicBool::new(true));
        self.proxy
            .script(move |_| if is_armed.swap(false, Ordering::SeqCst) { faults.clone() } else { Faults::none() });
    }

    /// One call with these faults; gives its outcome, and what it cost, which is told by the good call behind it.
    fn call(&self, api: &str, method: &str, faults: Faults) -> (String, u64) {
        let body = (method == "POST").then_some(&b"a body"[..]);
        let call = |method: &str, body| {
            let fields = [(KEY, self.key.as_str()), ("Content-Type", "text/plain")];
            self.limen.http().call(method, &format!("/{api}/items"), &fields, body)
        };
        let before = left_of_quota(&call("GET", None));
        self.arm(faults);
        let hits = self.service.hits();
        let outcome = outcome(&self.limen, &call(method, body));
        assert!(self.service.hits() - hits <= 1, "{outcome}: sent {} times", self.service.hits() - hits);
        let after = call("GET", None);
        assert_eq!(
            (after.status, after.text().as_str(), after.cut),
            (200, "whole", false),
            "behind {outcome}: {after:?}"
        );
        (outcome, before - left_of_quota(&after) - 1)
    }

    /// One call, that its outcome is among these, and that it cost what it must.
    #[track_caller]
    fn shows(&self, api: &str, method: &str, faults: &Faults, expected: &str) {
        let (outcome, cost) = self.call(api, method, faults.clone());
        assert!(expected.split(" | ").any(|one| one == outcome), "{method}, {faults:?}: {outcome}, not {expected}");
        assert_eq!(cost, u64::from(!outcome.starts_with('5')), "{method}, {faults:?}: {outcome}");
    }
}

#[test]
fn what_comes_back_breaks_off() {
    for answer in &ANSWERS {
        let line = Line::new(answer);
        let (head, total) = (answer.0.len() as u64, (answer.0.len() + answer.1.len()) as u64);
        for after_bytes in 0..=total {
            let cut = match after_bytes {
                _ if after_bytes < head => UNAVAILABLE,
                _ if after_bytes < total => "200 cut",
                _ => "200 whole",
            };
            // A reset may overtake what was written before it.
            let reset = match after_bytes {
                _ if after_bytes < head => UNAVAILABLE,
                _ if after_bytes < total => "200 cut | 503 service-unavailable",
                _ => "200 whole | 200 cut | 503 service-unavailable",
            };
            let method = ["GET", "POST"][usize::try_from(after_bytes % 2).unwrap()];
            line.shows("patient", method, &Faults::back([Fault::Cut { after_bytes }]), cut);
            line.shows("patient", method, &Faults::back([Fault::HalfClose { after_bytes }]), cut);
            line.shows("patient", method, &Faults::back([Fault::Reset { after_bytes }]), reset);
            if after_bytes % 24 == 5 {
                let stalled = if after_bytes < head { TIMEOUT } else { "200 cut" };
                line.shows("brief", method, &Faults::back([Fault::Stall { after_bytes }]), stalled);
            }
        }
    }
}

#[test]
fn what_comes_back_slowly_is_whole() {
    for answer in &ANSWERS {
        let line = Line::new(answer);
        for piece_bytes in 1..8 {
            let pause = Duration::from_micros(200);
            line.shows(
                "patient",
                "GET",
                &Faults::back([Fault::Trickle { after_bytes: 0, piece_bytes, pause }]),
                "200 whole",
            );
            line.shows(
                "patient",
                "POST",
                &Faults::onward([Fault::Trickle { after_bytes: 0, piece_bytes, pause }]),
                "200 whole",
            );
            let after_bytes = 13 * piece_bytes as u64;
            let delay = Fault::Delay { after_bytes, time: Duration::from_millis(30) };
            line.shows("patient", "GET", &Faults::back([delay.clone()]), "200 whole");
            line.shows("patient", "POST", &Faults::onward([delay]), "200 whole");
        }
    }
}

#[test]
fn what_comes_back_is_changed() {
    for answer in &ANSWERS {
        let line = Line::new(answer);
        let total = (answer.0.len() + answer.1.len()) as u64;
        for after_bytes in 0..total {
            for fault in [
                Fault::Flip { after_bytes },
                Fault::Insert { after_bytes, bytes: b"\0".to_vec() },
                Fault::Insert { after_bytes, bytes: b"\r\n".to_vec() },
                Fault::Insert { after_bytes, bytes: b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison".to_vec() },
            ] {
                let (outcome, cost) = line.call("brief", "GET", Faults::back([fault.clone()]));
                let known = ["200 ", "500 unexpected", "503 service-unavailable", "503 service-timeout"];
                assert!(
                    known.iter().any(|known| outcome.starts_with(known)) || outcome == "200",
                    "{fault:?}: {outcome}"
                );
                assert_eq!(cost, u64::from(!outcome.starts_with('5')), "{fault:?}: {outcome}");
            }
        }
    }
}

#[test]
fn what_is_sent_on_breaks_off() {
    let line = Line::new(&ANSWERS[0]);
    for after_bytes in (0..260).step_by(7) {
        for fault in [Fault::Cut { after_bytes }, Fault::Reset { after_bytes }] {
            line.shows("patient", "POST", &Faults::onward([fault]), UNAVAILABLE);
        }
        if after_bytes % 70 == 0 {
            line.shows("brief", "POST", &Faults::onward([Fault::Stall { after_bytes }]), TIMEOUT);
        }
    }
}
