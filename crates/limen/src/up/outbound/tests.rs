//! Each thing that is refused, against services that would do it.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use limen_testbed::tls::Authority;
use limen_testbed::{DoorSettings, RawService, Reply, Service, TlsDoor};

use super::*;

fn way(allow: &[&str]) -> Way {
    let allowed = Allowed::parse(allow.iter().copied()).expect("entries");
    opened(Way::open(&OutboundSettings { allowed, ca_file: None }))
}

fn asked(way: &Way, url: &str) -> Result<Fetched, OutboundFault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(way.get(url, &[("accept", "application/json")]))
}

#[track_caller]
fn refused(answer: Result<Fetched, OutboundFault>, words: &str) {
    match answer {
        Err(OutboundFault::Refused(told)) => assert!(told.contains(words), "{told}"),
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn failed_by(answer: Result<Fetched, OutboundFault>, words: &str) {
    match answer {
        Err(OutboundFault::Failed(told)) => assert!(told.contains(words), "{told}"),
        other => panic!("it did not fail: {other:?}"),
    }
}

#[test]
fn what_is_listed_is_asked_and_answers() {
    let service = Service::start(|seen| Reply::json(201, &serde_json::json!({"m": seen.method})));
    let way = way(&["127.0.0.1", "localhost"]);
    let url = format!("{}/a?b=c", service.url());
    assert_eq!(asked(&way, &url), Ok(Fetched { status: 201, body: br#"{"m":"GET"}"#.to_vec(), max_age_s: None }));
    let seen = service.last();
    assert_eq!((seen.target.as_str(), seen.header("accept")), ("/a?b=c", Some("application/json")));
    assert_eq!(seen.header("host"), url.split('/').nth(2));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let named = format!("http://localhost:{}/", service.address().port());
    let answer = runtime.block_on(way.post_form(&named, &[("authorization", "Basic x")], "a=b".into()));
    assert_eq!(answer.map(|answer| answer.status), Ok(201));
    let seen = service.last();
    assert_eq!((seen.method.as_str(), &*seen.body), ("POST", &b"a=b"[..]));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("authorization"), Some("Basic x"));
}

#[test]
fn nothing_of_ones_own_is_asked_by_whatever_name() {
    let service = Service::ok();
    let port = service.address().port();
    let way = way(&[]);
    // A name that resolves to this machine, over TLS, so that only its address is against it.
    refused(asked(&way, &format!("https://localhost:{port}/")), "loopback");
    refused(asked(&way, &format!("https://127.0.0.1:{port}/")), "loopback");
    refused(asked(&way, &format!("https://[::1]:{port}/")), "loopback");
    refused(asked(&way, &format!("https://[::ffff:127.0.0.1]:{port}/")), "IPv4 address in IPv6's form");
    refused(asked(&way, &format!("https://0.0.0.0:{port}/")), "unspecified");
    refused(asked(&way, &format!("http://localhost:{port}/")), "https://");
    refused(asked(&way, &format!("http://127.0.0.1:{port}/")), "https://");
    refused(asked(&way, &format!("http://[::ffff:127.0.0.1]:{port}/")), "https://");
    for host in ["2130706433", "017700000001", "0x7f000001", "0x7f.0.0.1", "127.1", "0177.0.0.1"] {
        refused(asked(&way, &format!("https://{host}:{port}/")), "four plain numbers");
        refused(asked(&way, &format!("http://{host}:{port}/")), "four plain numbers");
    }
    refused(asked(&way, "https://169.254.169.254/latest/meta-data"), "link-local");
    assert_eq!(service.connections(), 0);
}

#[test]
fn redirects_are_not_followed() {
    let service = Service::start(|seen| match seen.path() {
        "/from" => Reply::status(302).header("location", "/to"),
        _ => Reply::status(200),
    });
    let answer = asked(&way(&["127.0.0.1"]), &format!("{}/from", service.url()));
    assert_eq!(answer.map(|answer| answer.status), Ok(302));
    assert_eq!(service.hits(), 1);
}

#[test]
fn what_is_slow_or_large_or_cut_is_no_answer() {
    let service = Service::start(|seen| match seen.path() {
        "/hang" => Reply::hang(),
        "/trickle" => Reply::open("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").then_hang(),
        "/large" => Reply::open("HTTP/1.1 200 OK\r\ncontent-length: 6000000\r\n\r\n").then_repeat([b'x'; 1_000], 6_000),
        "/endless" => Reply::open("HTTP/1.1 200 OK\r\n\r\n").then_repeat([b'x'; 1_000], 6_000).then_hang(),
        "/head" => Reply::open("HTTP/1.1 200 OK\r\n").then_repeat("x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 9_000),
        "/cut" => Reply::open("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").then_close(),
        "/garbage" => Reply::garbage(),
        _ => Reply::status(200),
    });
    let mut way = way(&["127.0.0.1"]);
    for (path, words) in
        [("/large", "larger than"), ("/endless", "larger than"), ("/head", ""), ("/cut", "broke off"), ("/garbage", "")]
    {
        failed_by(asked(&way, &format!("{}{path}", service.url())), words);
    }
    assert_eq!(way.timeout, Duration::from_secs(5));
    way.timeout = Duration::from_millis(200);
    for path in ["/hang", "/trickle"] {
        failed_by(asked(&way, &format!("{}{path}", service.url())), "nothing whole came");
    }
}

#[test]
fn few_are_under_way_at_a_time() {
    let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (counted, highest) = (Arc::clone(&now), Arc::clone(&most));
    let together = std::sync::Barrier::new(AT_ONCE_MAX);
    let service = RawService::start(move |_, mut stream| {
        let mut head = Vec::new();
        let mut piece = [0; 512];
        while !head.windows(4).any(|window| window == b"\r\n\r\n") {
            let Ok(count @ 1..) = stream.read(&mut piece) else { return };
            head.extend_from_slice(&piece[..count]);
        }
        highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // As many as may be are here at once before the first is answered.
        together.wait();
        counted.fetch_sub(1, Ordering::SeqCst);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let way = Arc::new(Way { timeout: Duration::from_secs(60), ..way(&["127.0.0.1"]) });
    let url = service.url();
    runtime.block_on(async {
        let asking: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let (way, url) = (Arc::clone(&way), url.clone());
                tokio::spawn(async move { way.get(&url, &[]).await })
            })
            .collect();
        for asked in asking {
            assert_eq!(asked.await.expect("a task").map(|answer| answer.status), Ok(200));
        }
        // With all places taken, so many wait and the next is told at once.
        let places = way.places.acquire_many(AT_ONCE_MAX.try_into().expect("few")).await.expect("places");
        let waiting = way.waiting.acquire_many(WAITING_MAX.try_into().expect("few")).await.expect("places");
        failed_by(way.get(&url, &[]).await, "too many requests wait");
        drop((places, waiting));
    });
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE_MAX as u64);
}

#[test]
fn over_tls_only_who_is_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).expect("a file");
    let service = Service::start(|_| Reply::json(200, &serde_json::json!({})));
    let door = TlsDoor::before(service.address(), DoorSettings::new(&authority.issue(&["localhost"])));
    let url = format!("https://localhost:{}/", door.address().port());
    let allowed = || Allowed::parse(["127.0.0.0/8", "::1"]).expect("entries");
    let way = opened(Way::open(&OutboundSettings { allowed: allowed(), ca_file: Some(file.clone()) }));
    assert_eq!(asked(&way, &url).map(|answer| answer.status), Ok(200));
    // A certificate for another name, and one of the right name by nobody who is trusted.
    failed_by(asked(&way, &format!("https://{}/", door.address())), "can't be trusted");
    door.set(DoorSettings::new(&other.issue(&["localhost"])));
    failed_by(asked(&way, &url), "can't be trusted");
    // A new file counts at once, and one that can't be read lets nobody through.
    std::fs::write(&file, other.pem()).expect("a file");
    assert_eq!(asked(&way, &url).map(|answer| answer.status), Ok(200));
    std::fs::write(&file, "nothing").expect("a file");
    failed_by(asked(&way, &url), "outbound.ca_file");
    let unread = Way::open(&OutboundSettings { allowed: allowed(), ca_file: Some(file) });
    assert!(unread.err().expect("a flaw").to_string().contains("outbound.ca_file"));
    let public = opened(Way::open(&OutboundSettings { allowed: allowed(), ca_file: None }));
    failed_by(asked(&public, &url), "can't be trusted");
    assert_eq!(service.hits(), 2);
}

/// Why a way out could not be opened isn't for printing as it is.
fn opened(way: Result<Way, StartFailure>) -> Way {
    way.unwrap_or_else(|failure| panic!("{failure}"))
}
