//! Each fault as a caller behind the proxy sees it.

use super::*;
use crate::http::Http;
use crate::reply::Reply;
use crate::service::Service;

const BODY: &str = "0123456789";

fn asked(proxy: &FaultProxy) -> std::io::Result<crate::http::Answer> {
    Http::to(proxy.address()).within(Duration::from_secs(5)).try_call("GET", "/", &[], None)
}

/// A service whose answer's head is of this many bytes, and a proxy in front of it.
fn staged() -> (Service, FaultProxy, u64) {
    let service = Service::start(|_| Reply::status(200).body(BODY));
    let proxy = FaultProxy::to(service.address());
    assert_eq!(asked(&proxy).unwrap().text(), BODY);
    // Counted once they are written, which who reads them may see first.
    let counted = || {
        let passed = proxy.passed();
        passed.back_bytes.checked_sub(BODY.len() as u64).filter(|head| *head > 0 && passed.onward_bytes > 0)
    };
    let head = crate::poll::eventually("the answer is counted", counted);
    (service, proxy, head)
}

#[test]
fn what_passes_is_counted_and_whole() {
    let (service, proxy, head) = staged();
    let passed = proxy.passed();
    assert_eq!((passed.connections, passed.faults, passed.back_bytes), (1, 0, head + 10));
    assert!(passed.onward_bytes > 20 && service.hits() == 1, "{passed:?}");
}

#[test]
fn each_fault_is_seen_by_the_caller() {
    let (_service, proxy, head) = staged();
    let at = head + 4;
    let pause = Duration::from_millis(1);
    for (fault, text, cut) in [
        (Fault::Delay { after_bytes: at, time: Duration::from_millis(60) }, "0123456789", false),
        (Fault::Trickle { after_bytes: 0, piece_bytes: 3, pause }, "0123456789", false),
        (Fault::Flip { after_bytes: at }, "0123\u{fffd}56789", false),
        (Fault::Insert { after_bytes: at, bytes: b"ab".to_vec() }, "0123ab4567", false),
        (Fault::Cut { after_bytes: at }, "0123", true),
        (Fault::HalfClose { after_bytes: at }, "0123", true),
        (Fault::Reset { after_bytes: at }, "0123", true),
    ] {
        let scripted = Faults::back([fault.clone()]);
        let before = proxy.passed().faults;
        proxy.script(move |_| scripted.clone());
        let answer = asked(&proxy).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!((answer.text().as_str(), answer.cut), (text, cut), "{fault:?}");
        assert_eq!(proxy.passed().faults, before + 1, "{fault:?}");
    }
    for fault in [Fault::Cut { after_bytes: 9 }, Fault::Reset { after_bytes: 0 }, Fault::Stall { after_bytes: 20 }] {
        let scripted = Faults::back([fault.clone()]);
        proxy.script(move |_| scripted.clone());
        let within = Http::to(proxy.address()).within(Duration::from_millis(300));
        assert!(within.try_call("GET", "/", &[], None).is_err(), "{fault:?}");
    }
}

#[test]
fn a_reset_is_no_orderly_end_and_the_way_onward_has_faults_of_its_own() {
    let (service, proxy, head) = staged();
    for (fault, expected) in [
        (Fault::Reset { after_bytes: head }, Err(std::io::ErrorKind::ConnectionReset)),
        (Fault::Cut { after_bytes: head }, Ok(head as usize)),
    ] {
        let scripted = Faults::back([fault.clone()]);
        proxy.script(move |_| scripted.clone());
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        let mut came = Vec::new();
        let ended = std::io::Read::read_to_end(&mut stream, &mut came);
        assert_eq!(ended.map_err(|error| error.kind()), expected, "{fault:?}");
    }
    let before = service.hits();
    proxy.script(|_| Faults::onward([Fault::HalfClose { after_bytes: 8 }]));
    assert!(asked(&proxy).is_err());
    proxy.script(|_| Faults::onward([Fault::Insert { after_bytes: 5, bytes: b"x".to_vec() }]));
    assert_eq!(asked(&proxy).unwrap().status, 200);
    assert_eq!((service.hits(), service.last().target.as_str()), (before + 1, "/x"));
}

#[test]
fn the_same_seed_draws_the_same() {
    let drawn = |seed: u64| (0..20).map(|number| Draw::new(seed).fork(number).below(1_000)).collect::<Vec<_>>();
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    assert!(drawn(7).iter().collect::<std::collections::HashSet<_>>().len() > 15);
}
