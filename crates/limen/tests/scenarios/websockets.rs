//! Connections that stay open: WebSockets and event streams, what they cost, and what ends them.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use limen_testbed::{Connection, eventually};

use crate::stage::{KEY, KEY_MISSING, Stage};

/// The handshake of RFC 6455 §1.3, and what it is answered with.
pub(crate) const HANDSHAKE: [(&str, &str); 4] = [
    ("Connection", "keep-alive, Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];
const CONSENT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nServer: inner/1\r\n\r\n";

/// What the service tells where nobody is left for its events.
const ENDED: &str = "ended";

/// A stage, and what its service sees and is told.
struct Scene {
    stage: Stage,
    /// The heads that the service saw.
    told: Receiver<String>,
    /// Lets `/long` go on.
    go_on: Sender<()>,
}

/// What the service's connections share.
struct Script {
    tell: Sender<String>,
    may_go_on: Mutex<Receiver<()>>,
}

/// A service that answers each request by its path and then echoes what comes.
pub(crate) fn service() -> (String, Receiver<String>, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let ((tell, told), (go_on, may_go_on)) = (channel(), channel());
    let script = Arc::new(Script { tell, may_go_on: Mutex::new(may_go_on) });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = Arc::clone(&script);
            std::thread::spawn(move || drop(serve(stream, &script)));
        }
    });
    (format!("http://{address}"), told, go_on)
}

fn serve(mut stream: TcpStream, script: &Script) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let _ = script.tell.send(head);
    let answer = match path.as_str() {
        "/echo" => CONSENT.to_owned(),
        "/greets" => format!("{CONSENT}hello"),
        "/forged" => CONSENT.replace("s3pPL", "S3pPL"),
        "/other" => CONSENT.replace("WebSocket\r\n", "h2c\r\n"),
        "/unnamed" => CONSENT.replace("Connection: Upgrade\r\n", ""),
        "/closing" => CONSENT.replace("Connection: Upgrade", "Connection: close"),
        "/refuses" => "HTTP/1.1 403 No\r\nContent-Length: 17\r\n\r\n{\"message\":\"no!\"}".to_owned(),
        "/upgrades" => "HTTP/1.1 426 Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "/events" => "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
             Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
            .to_owned(),
        "/long" => {
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n".to_owned()
        }
        _ => "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
    };
    stream.write_all(answer.as_bytes())?;
    if path == "/long" {
        let _ = script.may_go_on.lock().unwrap().recv();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n")?;
    }
    if !answer.starts_with("HTTP/1.1 101") && path != "/events" {
        return Ok(());
    }
    let mut bytes = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => stream.write_all(&bytes[..count])?,
            ended if path == "/events" => {
                let _ = script.tell.send(ENDED.to_owned());
                ended?;
                break;
            }
            ended => {
                ended?;
                break;
            }
        }
    }
    stream.write_all(b"goodbye")?;
    stream.shutdown(Shutdown::Write)
}

/// A stage with the service behind APIs with and without WebSockets, and products with limits.
fn scene() -> Scene {
    let (url, told, go_on) = service();
    let stage = Stage::new();
    let apis = format!(
        "  - {{name: sockets, base_path: /sockets, target: \"{url}\", access: key, websocket: true}}\n  \
         - {{name: plain, base_path: /plain, target: \"{url}\", access: open}}\n  \
         - {{name: restless, base_path: /restless, target: \"{url}\", access: open, websocket: true,\n     \
         deadlines: {{response_timeout_ms: 5_000, idle_timeout_ms: 300}}}}\n"
    );
    let products = "  - {name: open-ended, apis: [sockets]}\n  \
        - {name: two, apis: [sockets], quota: {calls: 2, period_s: 3_600}}\n  \
        - {name: narrow, apis: [sockets], quota: {bytes: 100_000, period_s: 3_600}}\n";
    stage.limen.apply(&stage.world().replace("\nproducts:\n", &format!("\n{apis}\nproducts:\n{products}")));
    Scene { stage, told, go_on }
}

pub(crate) fn open(stage: &Stage, path: &str, fields: &[(&str, &str)], behind: &[u8]) -> Connection {
    let mut connection = stage.http().open();
    let request = connection.request("GET", path, fields, None);
    connection.write(&[&request, behind].concat());
    connection
}

/// Reads until so much has come.
#[track_caller]
pub(crate) fn read(connection: &mut Connection, len: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < len {
        let some = connection.some_bytes();
        assert!(!some.is_empty(), "it ended after {}", read.escape_ascii());
        read.extend_from_slice(&some);
    }
    read
}

#[test]
fn a_get_becomes_a_websocket() {
    let Scene { stage, told, .. } = scene();
    let key = stage.subscribe("open-ended").primary;
    let fields = [&HANDSHAKE[..], &[(KEY, key.as_str()), ("Sec-WebSocket-Protocol", "chat")]].concat();
    let mut connection = open(&stage, "/sockets/echo", &fields, b"right behind");
    let answer = connection.head_only();
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("websocket")), "{answer:?}");
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert!(answer.header("x-request-id").is_some() && answer.header("server").is_none(), "{answer:?}");
    assert_eq!((answer.header("content-length"), answer.header("transfer-encoding")), (None, None));
    let seen = told.recv().unwrap();
    for field in ["connection: upgrade", "upgrade: websocket", "sec-websocket-protocol: chat"] {
        assert_eq!(seen.matches(&format!("\r\n{field}\r\n")).count(), 1, "{seen}");
    }
    assert!(seen.contains("\r\nlimen-subscription: ") && !seen.contains(&key.to_lowercase()), "{seen}");
    assert_eq!(read(&mut connection, 12), b"right behind");
    for size in [1, 100_000, 3] {
        let piece = vec![b'x'; size];
        connection.write(&piece);
        assert_eq!(read(&mut connection, size), piece);
    }
    // One side ends; the other may still speak.
    connection.end_writing();
    assert_eq!(read(&mut connection, 7), b"goodbye");
    assert!(connection.is_closed());

    let fields = [&HANDSHAKE[..], &[(KEY, key.as_str())]].concat();
    let mut connection = open(&stage, "/sockets/greets", &fields, b"");
    assert_eq!(connection.head_only().status, 101);
    assert_eq!(read(&mut connection, 5), b"hello", "what the service sent behind its head");
}

#[test]
fn without_the_setting_or_another_protocol_it_is_an_ordinary_get() {
    let Scene { stage, told, .. } = scene();
    let key = stage.subscribe("open-ended").primary;
    let h2c = [("Connection", "Upgrade"), ("Upgrade", "h2c"), (KEY, key.as_str())];
    for (path, fields) in [("/plain/items", &HANDSHAKE[..]), ("/sockets/items", &h2c)] {
        let answer = stage.http().get(path, fields);
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{answer:?}");
        let seen = told.recv().unwrap();
        assert!(!seen.contains("\r\nupgrade:") && !seen.contains("\r\nconnection:"), "{seen}");
    }
    let unasked = stage.http().get("/plain/echo", &HANDSHAKE);
    assert_eq!((unasked.status, &unasked.json()["code"]), (500, &"unexpected".into()));
}

#[test]
fn a_handshake_passes_the_checks_of_any_call() {
    let Scene { stage, told, .. } = scene();
    let keyless = stage.http().get("/sockets/echo", &HANDSHAKE);
    stage.refused(&keyless, 401, "subscription-key-missing", KEY_MISSING);
    let key = stage.subscribe("open-ended").primary;
    let mut fields = [&HANDSHAKE[..], &[(KEY, key.as_str())]].concat();
    fields[2].1 = "8";
    fields[3].1 = "short";
    let wrong = stage.http().get("/sockets/echo", &fields);
    let message = "The WebSocket's handshake is not as it must be.";
    let body = stage.refused(&wrong, 400, "parameter-invalid", message);
    let pointers: Vec<_> = body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["/sec-websocket-version", "/sec-websocket-key"]);
    assert!(told.try_recv().is_err(), "nothing reached the service");
}

#[test]
fn what_is_no_consent_is_answered_as_any_answer() {
    let Scene { stage, .. } = scene();
    let key = stage.subscribe("two").primary;
    let fields = [&HANDSHAKE[..], &[(KEY, key.as_str())]].concat();
    for path in ["/sockets/forged", "/sockets/other", "/sockets/unnamed", "/sockets/closing", "/sockets/upgrades"] {
        let answer = stage.http().get(path, &fields);
        assert_eq!((answer.status, &answer.json()["code"]), (500, &"unexpected".into()), "{path}");
    }
    // Those were given back; a refusal and a consent count.
    let refused = stage.http().get("/sockets/refuses", &fields);
    stage.refused(&refused, 403, "record-denied", "no!");
    let mut connection = open(&stage, "/sockets/echo", &fields, b"");
    assert_eq!(connection.head_only().status, 101);
    let over = stage.http().get("/sockets/echo", &fields);
    assert_eq!((over.status, &over.json()["code"]), (403, &"quota-exceeded".into()), "{over:?}");
    connection.write(b"still there");
    assert_eq!(read(&mut connection, 11), b"still there");
}

#[test]
fn what_passes_counts_as_bandwidth_while_it_passes() {
    let Scene { stage, .. } = scene();
    let key = stage.subscribe("narrow").primary;
    let fields = [&HANDSHAKE[..], &[(KEY, key.as_str())]].concat();
    let mut connection = open(&stage, "/sockets/echo", &fields, b"");
    assert_eq!(connection.head_only().status, 101);
    connection.write(&[b'x'; 70_000]);
    read(&mut connection, 70_000);
    eventually("both ways are counted", || {
        let answer = stage.http().get("/sockets/items", &[(KEY, &key)]);
        (answer.status == 403 && answer.json()["code"] == "bandwidth-exceeded").then_some(())
    });
    connection.write(b"open");
    assert_eq!(read(&mut connection, 4), b"open");
}

#[test]
fn silence_ends_a_websocket() {
    let Scene { stage, .. } = scene();
    let mut connection = open(&stage, "/restless/echo", &HANDSHAKE, b"");
    assert_eq!(connection.head_only().status, 101);
    connection.write(b"x");
    assert_eq!(read(&mut connection, 1), b"x");
    assert!(connection.is_closed());
}

#[test]
fn a_silent_stream_ends_when_its_caller_is_gone() {
    let Scene { stage, told, .. } = scene();
    let mut stream = TcpStream::connect(stage.limen.gateway()).unwrap();
    stream.write_all(b"GET /plain/events HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"data: 1\n\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.extend_from_slice(&byte);
    }
    assert!(told.recv().unwrap().starts_with("get /events"));
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    // Long before the silence would end it.
    assert_eq!(told.recv_timeout(Duration::from_secs(20)).as_deref(), Ok(ENDED));
}

#[test]
fn streams_end_with_what_let_them_in_and_other_answers_run_on() {
    let Scene { stage, go_on, told: _told } = scene();
    let subscription = stage.subscribe("open-ended");
    let key = (KEY, subscription.primary.as_str());
    let mut socket = open(&stage, "/sockets/echo", &[&HANDSHAKE[..], &[key]].concat(), b"");
    assert_eq!(socket.head_only().status, 101);
    let mut events = open(&stage, "/sockets/events", &[key], b"");
    let head = events.head_only();
    assert_eq!((head.status, head.header("cache-control")), (200, Some("private")), "{head:?}");
    // Not held back, though the answer goes on.
    assert!(read(&mut events, 14).ends_with(b"data: 1\n\n\r\n"));
    let mut long = open(&stage, "/sockets/long", &[key], b"");
    assert_eq!(long.head_only().status, 200);
    read(&mut long, 10);
    // Nothing happens while everything stands.
    stage.wait(1);
    socket.write(b"on");
    assert_eq!(read(&mut socket, 2), b"on");

    stage.limen.json(&["subscription", "suspend", &subscription.id]);
    assert!(socket.is_closed(), "a WebSocket");
    assert!(events.is_closed(), "an event stream, without its last chunk");
    go_on.send(()).unwrap();
    assert!(read(&mut long, 16).ends_with(b"second\r\n0\r\n\r\n"), "another answer is whole");
}
