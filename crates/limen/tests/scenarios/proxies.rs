//! What stands between callers and the gateway: proxies that are believed or not, the PROXY protocol, caps, slow peers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use limen_testbed::{Answer, Limen, Reply, Service, Settings, eventually};

use crate::stage::{BINARY, refused};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// A Limen with these settings of the gateway, and one open API in front of a service.
fn with(gateway: &str) -> (Limen, Service) {
    let service = Service::ok();
    let config = format!(
        "gateway: {{{gateway}}}\napis:\n  - {{name: open, base_path: /open, target: \"{}\", access: open, validate: \"off\", \
         media_types: [\"*/*\"], body_max_bytes: 100_000_000}}\n",
        service.url()
    );
    (Limen::start(Settings::new(BINARY).config(&config)), service)
}

const FIELDS: [&str; 6] = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "via"];

/// What the service saw of where a call came from.
fn seen(limen: &Limen, service: &Service, headers: &[(&str, &str)]) -> Vec<String> {
    let headers = [headers, &[("Host", "api.example")]].concat();
    assert_eq!(limen.http().get("/open/x", &headers).status, 200);
    let seen = service.last();
    let fields = FIELDS
        .iter()
        .flat_map(|name| seen.headers_named(name).into_iter().map(move |value| format!("{name}: {value}")));
    fields.collect()
}

const TOLD: [(&str, &str); 7] = [
    ("X-Forwarded-For", "6.6.6.6, 192.0.2.7"),
    ("x_forwarded_for", "6.6.6.6"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "www.example"),
    ("X-Forwarded-Prefix", "/x"),
    ("X-Real-IP", "6.6.6.6"),
    ("Via", "1.1 other"),
];

#[test]
fn strangers_tell_nothing_of_where_they_come_from() {
    let (limen, service) = with("connections_max: 100");
    let own = [
        "forwarded: for=127.0.0.1;proto=http",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
        "x-forwarded-host: api.example",
    ];
    assert_eq!(seen(&limen, &service, &[]), own);
    let told = seen(&limen, &service, &[&TOLD[..], &[("Forwarded", "for=6.6.6.6;proto=https")]].concat());
    assert_eq!(told, [&own[..], &["via: 1.1 other"]].concat());
    let last = service.last();
    assert!(last.header("x-forwarded-prefix").is_none() && last.header("x_forwarded_for").is_none());
}

#[test]
fn trusted_proxies_are_believed_as_far_as_they_vouch() {
    let (limen, service) = with("trusted_proxies: [127.0.0.0/8, \"::1\"]");
    assert_eq!(
        seen(&limen, &service, &TOLD),
        [
            "forwarded: for=192.0.2.7;proto=https, for=127.0.0.1",
            "x-forwarded-for: 192.0.2.7, 127.0.0.1",
            "x-forwarded-proto: https",
            "x-forwarded-host: www.example",
            "via: 1.1 other",
        ]
    );
    assert_eq!(
        seen(&limen, &service, &[("Forwarded", "for=\"[2001:db8::7]:1\";proto=https, for=127.0.0.9")])[0],
        "forwarded: for=\"[2001:db8::7]\";proto=https, for=127.0.0.9, for=127.0.0.1"
    );
    // Two that tell differently: neither is believed.
    let both = [("Forwarded", "for=192.0.2.8"), ("X-Forwarded-For", "192.0.2.7")];
    assert_eq!(seen(&limen, &service, &both)[1], "x-forwarded-for: 127.0.0.1");
    drop(limen);
    let (limen, service) = with("trusted_proxies: [127.0.0.1], forwarded_field: x-forwarded-for");
    assert_eq!(seen(&limen, &service, &both)[1], "x-forwarded-for: 192.0.2.7, 127.0.0.1");
}

#[test]
fn our_own_links_are_those_of_the_public_address() {
    let (limen, service) = with("trusted_proxies: [127.0.0.1]");
    service.on("/x", Reply::status(200).header("Location", &format!("{}/made/1", service.url())));
    let answer = limen.http().get("/open/x", &TOLD);
    assert_eq!(answer.header("location"), Some(format!("http://{}/open/made/1", limen.gateway()).as_str()));
    let refused = limen.http().get("/nowhere", &TOLD);
    assert!(refused.json()["type"].as_str().unwrap().starts_with(&format!("http://{}/", limen.web())));
}

/// Sends bytes in pieces and gives what comes back until the end.
fn exchange(limen: &Limen, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect(limen.gateway()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    for piece in pieces {
        let _ = stream.write_all(piece);
    }
    let mut came = Vec::new();
    let _ = stream.read_to_end(&mut came);
    came
}

const REQUEST: &[u8] = b"GET /open/x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n";

fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

#[test]
fn a_balancer_tells_whom_a_connection_is_for() {
    let (limen, service) = with("trusted_proxies: [127.0.0.1], proxy_protocol: required");
    let four = [192, 0, 2, 4, 10, 0, 0, 1, 0x12, 0x67, 0, 80];
    let mut six = vec![0; 36];
    six[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    six[15] = 6;
    let headers: [(&[u8], &str); 7] = [
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (&version_2(0x21, 0x11, &four), "192.0.2.4"),
        (&version_2(0x21, 0x11, &[&four[..], &[0xE0, 0, 2, 1, 2]].concat()), "192.0.2.4"),
        (&version_2(0x21, 0x21, &six), "2001:db8::6"),
        (&version_2(0x20, 0x00, &[]), "127.0.0.1"),
    ];
    for (header, address) in headers {
        let whole = [header, REQUEST].concat();
        let bytewise: Vec<&[u8]> = header.chunks(1).chain([REQUEST]).collect();
        for pieces in [vec![header, REQUEST], vec![&whole[..]], bytewise] {
            let came = exchange(&limen, &pieces);
            assert!(came.starts_with(b"HTTP/1.1 200"), "{}: {}", header.escape_ascii(), came.escape_ascii());
            let seen = service.last();
            assert_eq!(seen.header("x-forwarded-for"), Some(address), "{}", header.escape_ascii());
        }
    }
    // Behind an address that isn't a proxy's, fields are a stranger's.
    let forged = b"GET /open/x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n";
    exchange(&limen, &[b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", forged]);
    assert_eq!(service.last().header("x-forwarded-for"), Some("192.0.2.1"));
    exchange(&limen, &[b"PROXY TCP4 127.0.0.1 10.0.0.1 4711 80\r\n", forged]);
    assert_eq!(service.last().header("x-forwarded-for"), Some("6.6.6.6, 127.0.0.1"));
}

#[test]
fn without_its_header_a_connection_is_closed() {
    let (limen, service) = with("trusted_proxies: [127.0.0.1], proxy_protocol: required");
    let cases: [&[u8]; 6] = [
        REQUEST,
        b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n",
        b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n",
        b"PROXY TCP5 192.0.2.1 10.0.0.1 4711 80\r\n",
        &version_2(0x31, 0x11, &[0; 12]),
        b"\r\n\r\n\0\r\nQUIT",
    ];
    for header in cases {
        let mut stream = TcpStream::connect(limen.gateway()).unwrap();
        // It may be closed before all of this was taken.
        let _ = stream.write_all(header).and_then(|()| stream.write_all(REQUEST));
        let mut came = Vec::new();
        let _ = stream.read_to_end(&mut came);
        assert_eq!(came, b"", "{}", header.escape_ascii());
    }
    // One who says nothing, and one who stops in the middle, are not waited for.
    for header in [&b""[..], b"PROXY TCP4 192."] {
        let mut stream = TcpStream::connect(limen.gateway()).unwrap();
        stream.write_all(header).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut came = Vec::new();
        let ended = stream.read_to_end(&mut came).map_err(|error| error.kind());
        assert!(!matches!(ended, Err(std::io::ErrorKind::WouldBlock)) && came.is_empty(), "{ended:?}");
    }
    assert_eq!(service.hits(), 0);
    drop(limen);
    // Whoever isn't trusted may not say it, nor come without.
    let (limen, service) = with("trusted_proxies: [192.0.2.0/24], proxy_protocol: required");
    for pieces in [&[b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n", REQUEST][..], &[REQUEST]] {
        assert_eq!(exchange(&limen, pieces), b"");
    }
    assert_eq!(service.hits(), 0);
    eventually("the operator is told", || limen.stderr().contains("gateway.trusted_proxies").then_some(()));
}

/// An open connection for this address.
fn connection_for(limen: &Limen, address: &str) -> limen_testbed::Connection {
    let mut connection = limen.http().open();
    connection.write(format!("PROXY TCP4 {address} 10.0.0.1 4711 80\r\n").as_bytes());
    connection
}

fn overloaded(limen: &Limen, answer: &Answer, words: &str) {
    let body = refused(limen, answer, 503, "overloaded", body_message(answer).as_str());
    assert_eq!(body["detail"], words);
}

fn body_message(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn no_address_takes_all_connections() {
    let (limen, _service) =
        with("trusted_proxies: [127.0.0.1], proxy_protocol: required, connections_per_address_max: 2");
    let mut first: Vec<_> = (0..2).map(|_| connection_for(&limen, "192.0.2.1")).collect();
    for connection in &mut first {
        assert_eq!(connection.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    }
    let mut third = connection_for(&limen, "192.0.2.1");
    overloaded(&limen, &third.answer_to("GET"), "Too many connections are open from this address.");
    assert!(third.is_closed());
    for _ in 0..3 {
        let mut other = connection_for(&limen, "192.0.2.2");
        assert_eq!(other.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    }
    drop(first.pop());
    eventually("its place is free again", || {
        let answer = connection_for(&limen, "192.0.2.1").try_call("GET", "/open/x", &[], None).ok()?;
        (answer.status == 200).then_some(())
    });
    // A trusted proxy that speaks for itself is not counted.
    let many: Vec<_> = (0..5).map(|_| connection_for(&limen, "127.0.0.1")).collect();
    for mut connection in many {
        assert_eq!(connection.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    }
}

#[test]
fn connections_are_bounded_in_all() {
    let (limen, _service) = with("connections_max: 3");
    let mut open: Vec<_> = (0..3).map(|_| limen.http().open()).collect();
    for connection in &mut open {
        assert_eq!(connection.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    }
    let mut fourth = limen.http().open();
    overloaded(&limen, &fourth.answer_to("GET"), "Too many connections are open.");
    drop((fourth, open));
    eventually("there is room again", || {
        let answer = limen.http().try_call("GET", "/open/x", &[], None).ok()?;
        (answer.status == 200).then_some(())
    });
}

#[test]
fn deadlines_of_heads_and_idle_connections_can_be_set() {
    let (limen, _service) = with("head_timeout_s: 1, idle_timeout_s: 1");
    let mut connection = limen.http().open();
    assert_eq!(connection.try_call("GET", "/open/x", &[], None).unwrap().status, 200);
    assert!(connection.is_closed(), "an idle one");
    let mut connection = limen.http().open();
    connection.write(b"GET /open/x HT");
    let answer = connection.answer_to("GET");
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (400, "request-timeout"));
    assert!(answer.text().contains("not complete after 1 s"), "{}", answer.text());
}

#[test]
fn who_trickles_a_body_is_cut_off() {
    let (limen, _service) = with("stall_timeout_s: 1, slowest_bytes_per_s: 100_000");
    let mut connection = limen.http().open();
    let head = connection.request("PUT", "/open/x", &[JSON, ("Content-Length", "1000")], Some(b""));
    connection.write(&head);
    // Never a pause that any idle deadline would notice.
    let mut refused_as = None;
    limen_testbed::eventually_within(Duration::from_secs(30), "it is refused", || {
        connection.write(b"x");
        refused_as = limen.json(&["status"])["calls_by_status"].as_array()?.iter().find(|line| line[0] == 400).cloned();
        refused_as.as_ref().map(|_| ())
    });
    let answer = connection.answer_to("PUT");
    assert_eq!((answer.status, answer.json()["code"].as_str().unwrap()), (400, "request-timeout"));
}

#[test]
fn who_trickles_an_answer_away_is_cut_off() {
    let (limen, service) = with("stall_timeout_s: 1, slowest_bytes_per_s: 10_000_000");
    service.on("/large", Reply::status(200).body(vec![b'x'; 64 << 20]));
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(&limen.gateway().into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(b"GET /open/large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // It reads without a pause, and little: less than the pace that was set, more than nothing.
    let mut taken = 0_u64;
    let mut piece = [0; 2_048];
    let ended =
        limen_testbed::eventually_within(Duration::from_secs(60), "it is cut off", || match stream.read(&mut piece) {
            Ok(0) => Some("end"),
            Ok(read) => {
                taken += read as u64;
                None
            }
            Err(_) => Some("reset"),
        });
    assert!(taken < 64 << 20, "{ended}: all of it came");
    // Others are served as ever.
    assert_eq!(limen.http().get("/open/x", &[]).status, 200);
}
