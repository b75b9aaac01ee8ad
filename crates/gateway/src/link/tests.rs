//! Connections to services that misbehave on real sockets: what the call is told, and who may use the connection next.

use std::future::poll_fn;
use std::sync::Arc;

use http::Method;
use limen_http1::service::{FieldLines, RequestBody};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::inbound::Inbound;
use crate::pool::Pool;

const GENEROUS: Deadlines =
    Deadlines { connect_timeout_ms: 20_000, response_timeout_ms: 20_000, idle_timeout_ms: 20_000 };
/// So short that it is over before anything comes that never comes.
const SHORT: Deadlines = Deadlines { response_timeout_ms: 50, idle_timeout_ms: 50, ..GENEROUS };

/// A connection, and the service's end of it.
async fn pair() -> (Box<Link>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Arc<str> = listener.local_addr().unwrap().to_string().into();
    let (link, service) = tokio::join!(Pool::connect(&address, None, 20_000), listener.accept());
    (link.unwrap(), service.unwrap().0)
}

fn ask(link: &mut Link, method: &Method, body: Outbound) {
    let fields = FieldLines::default();
    let framing: RequestBody = body.framing();
    let request = Request { method, target: "/", host: b"h", fields: &fields, body: framing, upgrade: false };
    link.begin(&request, body).unwrap();
}

fn debts() -> Debts {
    Debts::new(None, None)
}

async fn head(link: &mut Link, deadlines: &Deadlines) -> Result<ResponseHead, Broken> {
    let mut debts = debts();
    poll_fn(|context| link.poll_head(context, &mut debts, deadlines)).await
}

async fn body(link: &mut Link, idle_timeout_ms: u64) -> Result<Vec<u8>, Broken> {
    let (mut debts, mut all) = (debts(), Vec::new());
    let timeout = Duration::from_millis(idle_timeout_ms);
    while let Some(piece) = poll_fn(|context| link.poll_piece(context, &mut debts, timeout)).await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

/// Reads until what came ends so.
async fn read_to(service: &mut TcpStream, ending: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    while !read.ends_with(ending) {
        assert!(service.read_buf(&mut read).await.unwrap() > 0, "{}", read.escape_ascii());
    }
    read
}

/// Waits until the kernel has received something for the link.
async fn arrival(link: &mut Link) {
    let until = Instant::now() + Duration::from_secs(20);
    while link.is_quiet() {
        assert!(Instant::now() < until, "nothing arrived");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_came_since_the_runtime_looked_is_not_the_next_answer() {
    let (mut link, mut service) = pair().await;
    ask(&mut link, &Method::GET, Outbound::None);
    let serve = async {
        read_to(&mut service, b"\r\n\r\n").await;
        service.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    };
    let (head, ()) = tokio::join!(head(&mut link, &GENEROUS), serve);
    assert!(head.unwrap().status.is_success() && body(&mut link, 20_000).await.unwrap().is_empty());
    assert!(link.finish() && link.is_quiet());
    // Nothing is awaited from here on, so the runtime learns of nothing; the kernel knows.
    assert_eq!(service.try_write(b"H").unwrap(), 1);
    let until = Instant::now() + Duration::from_secs(20);
    while link.is_quiet() {
        assert!(Instant::now() < until, "what came isn't seen");
        std::thread::yield_now();
    }
}

/// What becomes of a GET that is answered so, and whether the connection is kept.
async fn answered(method: Method, answer: &[u8], closes: bool, deadlines: &Deadlines) -> (String, bool) {
    let (mut link, mut service) = pair().await;
    ask(&mut link, &method, Outbound::None);
    let serve = async {
        read_to(&mut service, b"\r\n\r\n").await;
        service.write_all(answer).await.unwrap();
        if closes {
            service.shutdown().await.unwrap();
        }
    };
    let (head, ()) = tokio::join!(head(&mut link, deadlines), serve);
    let told = match head {
        Err(broken) => kind(&broken),
        Ok(head) => match body(&mut link, deadlines.idle_timeout_ms).await {
            Ok(body) => format!("{} {}", head.status.as_u16(), body.escape_ascii()),
            Err(broken) => format!("{} cut: {}", head.status.as_u16(), kind(&broken)),
        },
    };
    (told, link.finish() && link.is_quiet())
}

fn kind(broken: &Broken) -> String {
    match broken {
        Broken::Caller(refusal) => format!("caller: {}", refusal.cause.code()),
        Broken::Garbage(defect) => format!("garbage: {:?}", defect.flaw),
        Broken::Closed(defect) => format!("closed: {:?}", defect.flaw),
        Broken::Io(_) => "io".into(),
        Broken::Stale => "stale".into(),
        Broken::TimedOut(_) => "timed out".into(),
        Broken::Request(error) => format!("ours: {error}"),
    }
}

#[tokio::test]
async fn whatever_a_service_sends() {
    let get = Method::GET;
    let early = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(40);
    for (method, answer, closes, told, is_kept) in [
        (&get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, "200 ab", true),
        (&get, "HTTP/1.1 204 No\r\n\r\n", false, "204 ", true),
        (&get, "HTTP/1.1 301 Moved\r\nContent-Length: 1\r\n\r\nx", false, "301 x", true),
        (&get, "HTTP/1.1 418 Tea\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", false, "418 x", true),
        (&get, "HTTP/1.1 502 Bad\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false, "502 ", false),
        (&get, "HTTP/1.1 200 OK\r\n\r\nall of it", true, "200 all of it", false),
        (&get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", true, "200 cut: closed: TruncatedBody", false),
        (
            &get,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz",
            true,
            "200 cut: garbage: Form(ChunkSizeMalformed)",
            false,
        ),
        (&get, "", true, "closed: TruncatedHead", false),
        (&get, "HTTP/1.1 200 OK\r\nCont", true, "closed: TruncatedHead", false),
        (&get, "\x16\x03\x01 what is this", false, "garbage: StatusLine", false),
        (&get, early.as_str(), false, "garbage: TooManyInterim", false),
        (&get, "HTTP/1.1 101 Up\r\nUpgrade: websocket\r\n\r\n", false, "garbage: UnaskedSwitch", false),
        (
            &get,
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            false,
            "garbage: Form(ContentLengthRepeated)",
            false,
        ),
        (&get, "HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c\r\n\r\n", false, "garbage: Form(BareCarriageReturn)", false),
        // What follows an answer is nobody's.
        (
            &get,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            false,
            "200 ab",
            false,
        ),
        (&Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false, "200 ", false),
        (&Method::HEAD, "HTTP/1.1 200 OK\r\n\r\nab", false, "200 ", false),
    ] {
        let found = answered(method.clone(), answer.as_bytes(), closes, &GENEROUS).await;
        assert_eq!(found, (told.to_owned(), is_kept), "{method} {answer:?}");
    }
    for (answer, told) in [
        ("", "timed out"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "timed out"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "timed out"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", "200 cut: timed out"),
        ("HTTP/1.1 200 OK\r\n\r\na", "200 cut: timed out"),
    ] {
        assert_eq!(
            answered(get.clone(), answer.as_bytes(), false, &SHORT).await,
            (told.to_owned(), false),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn what_arrives_while_a_connection_is_idle_poisons_it() {
    let pool = Pool::default();
    let address: Arc<str> = "somewhere".into();
    for late in [&b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..], b"\n", b""] {
        let (mut link, mut service) = pair().await;
        ask(&mut link, &Method::GET, Outbound::None);
        let answer = async {
            read_to(&mut service, b"\r\n\r\n").await;
            service.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
        };
        tokio::join!(head(&mut link, &GENEROUS), answer).0.unwrap();
        assert!(body(&mut link, 20_000).await.unwrap().is_empty() && link.finish());
        pool.put(&address, link);
        let mut link = pool.take(&address).expect("nothing came: it is good");
        // An orderly end is no better than bytes.
        service.write_all(late).await.unwrap();
        if late.is_empty() {
            drop(service);
        }
        arrival(&mut link).await;
        pool.put(&address, link);
        let mut link = pool.take(&address).unwrap();
        ask(&mut link, &Method::POST, Outbound::None);
        let broken = head(&mut link, &GENEROUS).await.unwrap_err();
        assert!(matches!(broken, Broken::Stale) && link.is_unsent(), "{late:?}: {broken:?}");
    }
    assert!(pool.take(&address).is_none());
}

#[tokio::test]
async fn the_newest_connection_is_taken_first_and_spoiled_ones_are_swept() {
    let pool = Pool::default();
    let address: Arc<str> = "somewhere".into();
    let (old, mut old_service) = pair().await;
    let (new, mut new_service) = pair().await;
    pool.put(&address, old);
    pool.put(&address, new);
    let mut taken = pool.take(&address).unwrap();
    ask(&mut taken, &Method::GET, Outbound::None);
    let (_, seen) = tokio::join!(head(&mut taken, &SHORT), read_to(&mut new_service, b"\r\n\r\n"));
    assert!(seen.starts_with(b"GET / HTTP/1.1\r\nhost: h\r\n"));
    let mut old = pool.take(&address).unwrap();
    old_service.write_all(b"x").await.unwrap();
    arrival(&mut old).await;
    pool.put(&address, old);
    pool.sweep();
    assert!(pool.take(&address).is_none());
}

#[tokio::test]
async fn a_request_that_was_not_written_goes_over_another_connection() {
    let (mut stale, service) = pair().await;
    // Closed with the connection reset, so that the first write fails.
    socket2::SockRef::from(&service).set_linger(Some(Duration::ZERO)).unwrap();
    drop(service);
    arrival(&mut stale).await;
    let (inbound, feeder) = Inbound::fed(Some(5), crate::edge::Slowest::default());
    ask(&mut stale, &Method::POST, Outbound::stream(inbound, 100));
    let feed = async {
        assert!(poll_fn(|context| feeder.poll_wanted(context)).await);
        feeder.feed(Ok(Bytes::from_static(b"abcde")));
        feeder.end();
    };
    let broken = tokio::join!(head(&mut stale, &GENEROUS), feed).0.unwrap_err();
    assert!(matches!(broken, Broken::Io(_) | Broken::Closed(_)), "{broken}");
    assert!(stale.is_unsent() && stale.is_unanswered());
    let (mut fresh, mut service) = pair().await;
    assert!(fresh.take_over(&mut stale));
    let serve = async {
        let seen = read_to(&mut service, b"abcde").await;
        assert!(
            seen.starts_with(b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n"),
            "{}",
            seen.escape_ascii()
        );
        service.write_all(b"HTTP/1.1 204 No\r\n\r\n").await.unwrap();
    };
    assert_eq!(tokio::join!(head(&mut fresh, &GENEROUS), serve).0.unwrap().status, 204);
    assert!(body(&mut fresh, 20_000).await.unwrap().is_empty() && fresh.finish());
    // What a service may have seen is not sent again by this way.
    assert!(!pair().await.0.take_over(&mut fresh));
}

#[tokio::test]
async fn an_early_refusal_ends_the_sending_and_the_connection() {
    let (mut link, mut service) = pair().await;
    let (inbound, feeder) = Inbound::fed(Some(1 << 20), crate::edge::Slowest::default());
    ask(&mut link, &Method::POST, Outbound::stream(inbound, 2 << 20));
    let serve = async {
        read_to(&mut service, b"\r\n\r\n").await;
        service.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno!").await.unwrap();
    };
    assert_eq!(tokio::join!(head(&mut link, &GENEROUS), serve).0.unwrap().status, 403);
    assert!(!poll_fn(|context| feeder.poll_wanted(context)).await, "nobody wants the body any more");
    assert_eq!(body(&mut link, 20_000).await.unwrap(), b"no!");
    assert!(!link.finish(), "the service still waits for the body");
}

#[tokio::test]
async fn a_service_that_answers_while_it_reads_is_relayed_while_it_is_written() {
    let (mut link, mut service) = pair().await;
    let (inbound, feeder) = Inbound::fed(None, crate::edge::Slowest::default());
    ask(&mut link, &Method::POST, Outbound::stream(inbound, 1 << 20));
    // An echo: each piece is sent only after the one before came back.
    let echoed = tokio::sync::Notify::new();
    let caller = async {
        for piece in [&b"one"[..], b"two", b"three"] {
            assert!(poll_fn(|context| feeder.poll_wanted(context)).await);
            feeder.feed(Ok(Bytes::copy_from_slice(piece)));
            echoed.notified().await;
        }
        feeder.end();
    };
    let serve = async {
        read_to(&mut service, b"3\r\none\r\n").await;
        service.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n").await.unwrap();
        read_to(&mut service, b"3\r\ntwo\r\n").await;
        service.write_all(b"3\r\ntwo\r\n").await.unwrap();
        read_to(&mut service, b"5\r\nthree\r\n").await;
        service.write_all(b"5\r\nthree\r\n").await.unwrap();
        read_to(&mut service, b"0\r\n\r\n").await;
        service.write_all(b"0\r\n\r\n").await.unwrap();
    };
    let read = async {
        assert_eq!(head(&mut link, &GENEROUS).await.unwrap().status, 200);
        let (mut debts, mut all, timeout) = (debts(), Vec::new(), Duration::from_secs(20));
        while let Some(piece) = poll_fn(|context| link.poll_piece(context, &mut debts, timeout)).await {
            all.extend_from_slice(&piece.unwrap());
            echoed.notify_one();
        }
        all
    };
    assert_eq!(tokio::join!(read, serve, caller).0, b"onetwothree");
    assert!(link.finish(), "both sides are whole");
}

#[tokio::test]
async fn who_stalls_is_blamed() {
    // The caller, who sends nothing more.
    let (mut link, _service) = pair().await;
    let (inbound, _feeder) = Inbound::fed(Some(5), crate::edge::Slowest::default());
    ask(&mut link, &Method::POST, Outbound::stream(inbound, 100));
    assert_eq!(kind(&head(&mut link, &SHORT).await.unwrap_err()), "caller: request-timeout");
    // The service, which reads nothing more.
    let (mut link, _service) = pair().await;
    ask(&mut link, &Method::POST, Outbound::Whole(vec![b'x'; 64 << 20].into()));
    let Broken::TimedOut(words) = head(&mut link, &SHORT).await.unwrap_err() else { panic!("another end") };
    assert!(words.contains("read nothing"), "{words}");
    // A body that is larger than allowed, and one whose caller is gone.
    for (broken, told) in
        [(None, "caller: body-too-large"), (Some(crate::inbound::BrokenBody::Gone), "caller: malformed-request")]
    {
        let (mut link, _service) = pair().await;
        let (inbound, feeder) = Inbound::fed(None, crate::edge::Slowest::default());
        ask(&mut link, &Method::POST, Outbound::stream(inbound, 3));
        let feed = async {
            assert!(poll_fn(|context| feeder.poll_wanted(context)).await);
            feeder.feed(broken.map_or(Ok(Bytes::from_static(b"four")), Err));
        };
        assert_eq!(kind(&tokio::join!(head(&mut link, &GENEROUS), feed).0.unwrap_err()), told);
        assert!(!link.finish());
    }
}

#[tokio::test]
async fn large_bodies_wait_in_the_socket_and_not_with_us() {
    let (mut link, _service) = pair().await;
    ask(&mut link, &Method::PUT, Outbound::Whole(vec![b'x'; 32 << 20].into()));
    assert!(head(&mut link, &SHORT).await.is_err());
    assert!(link.out.len() <= WAITING_BYTES && link.out.capacity() <= 4 * WAITING_BYTES, "{}", link.out.capacity());

    let (mut link, mut service) = pair().await;
    ask(&mut link, &Method::GET, Outbound::None);
    let serve = async {
        read_to(&mut service, b"\r\n\r\n").await;
        let head = format!("HTTP/1.1 500 No\r\nContent-Length: {}\r\n\r\n", 40 << 20);
        service.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..40 {
            service.write_all(&vec![b'e'; 1 << 20]).await.unwrap();
        }
    };
    let read = async {
        assert_eq!(head(&mut link, &GENEROUS).await.unwrap().status, 500);
        let (mut debts, mut sizes) = (debts(), Vec::new());
        let timeout = Duration::from_secs(20);
        while let Some(piece) = poll_fn(|context| link.poll_piece(context, &mut debts, timeout)).await {
            sizes.push(piece.unwrap().len());
        }
        sizes
    };
    let (sizes, ()) = tokio::join!(read, serve);
    assert_eq!(sizes.iter().sum::<usize>(), 40 << 20);
    assert!(sizes.iter().all(|size| *size <= WAITING_BYTES));
}
