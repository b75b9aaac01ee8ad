//! Laws of all inputs: cuts change nothing, what was made is what is read, nothing panics, loops or grows.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Drive, events};
use crate::connection::Limits;

/// A request that was made, and what must be told of it.
#[derive(Clone, Debug)]
struct Made {
    bytes: Vec<u8>,
    told: String,
}

#[derive(Clone, Debug)]
enum MadeBody {
    None,
    Length(Vec<u8>),
    Chunks(Vec<Vec<u8>>, bool),
}

fn made_body() -> impl Strategy<Value = MadeBody> {
    let piece = prop::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        Just(MadeBody::None),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(MadeBody::Length),
        (prop::collection::vec(piece, 0..4), any::<bool>())
            .prop_map(|(chunks, trailer)| MadeBody::Chunks(chunks, trailer)),
    ]
}

fn made() -> impl Strategy<Value = Made> {
    let fields = prop::collection::vec(("[a-z]{1,9}-x", "([!-~\u{80}-\u{ff}]([ -~]{0,9}[!-~])?)?"), 0..40);
    ("[A-Z]{3,7}", "/[!-\"$-~]{0,30}", fields, made_body(), any::<bool>()).prop_map(
        |(method, target, fields, body, is_padded)| {
            let method = if method == "CONNECT" { "GET".to_owned() } else { method };
            let mut bytes = if is_padded { b"\r\n".to_vec() } else { Vec::new() };
            bytes.extend_from_slice(format!("{method} {target} HTTP/1.1\r\nHost: h\r\n").as_bytes());
            let mut told = vec![("host".to_owned(), "h".to_owned())];
            let mut put = |bytes: &mut Vec<u8>, name: &str, value: &str| {
                let padding = if is_padded { " \t" } else { "" };
                bytes.extend_from_slice(format!("{}:{padding}", name.to_uppercase()).as_bytes());
                let value: Vec<u8> =
                    value.chars().filter_map(|character| u8::try_from(u32::from(character)).ok()).collect();
                bytes.extend_from_slice(&value);
                bytes.extend_from_slice(format!("{padding}\r\n").as_bytes());
                let value = value.escape_ascii().to_string();
                // Fields of one name are told together, where the first of them stood.
                match told.iter().rposition(|(other, _)| other == name) {
                    Some(last) => told.insert(last + 1, (name.to_owned(), value)),
                    None => told.push((name.to_owned(), value)),
                }
            };
            for (name, value) in &fields {
                put(&mut bytes, name, value);
            }
            let mut sent = Vec::new();
            let kind = match &body {
                MadeBody::None => String::new(),
                MadeBody::Length(data) => {
                    put(&mut bytes, "content-length", &data.len().to_string());
                    sent.extend_from_slice(data);
                    format!(" length={}", data.len())
                }
                MadeBody::Chunks(..) => {
                    put(&mut bytes, "transfer-encoding", "chunked");
                    " chunked".to_owned()
                }
            };
            bytes.extend_from_slice(b"\r\n");
            match body {
                MadeBody::None => {}
                MadeBody::Length(data) => bytes.extend_from_slice(&data),
                MadeBody::Chunks(chunks, has_trailer) => {
                    for chunk in chunks {
                        bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                        bytes.extend_from_slice(&chunk);
                        bytes.extend_from_slice(b"\r\n");
                        sent.extend_from_slice(&chunk);
                    }
                    bytes.extend_from_slice(if has_trailer { b"0\r\nContent-Length: 9\r\n\r\n" } else { b"0\r\n\r\n" });
                }
            }
            let fields: Vec<_> = told.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let data = if sent.is_empty() { String::new() } else { format!("'{}' | ", sent.escape_ascii()) };
            let told = format!("{method} {target} HTTP/1.1{kind} keep [{}] | {data}end | ", fields.join("; "));
            Made { bytes, told }
        },
    )
}

/// Cuts bytes at these places.
fn cut<'a>(bytes: &'a [u8], places: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// What may be wrong with a request that nearly is one.
const SEEDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b",",
    b";",
    b"0",
    b"\r\n\r\n",
    b"\xff",
    b"#",
    b"-",
    b"_",
    b"Host: h\r\n",
    b" HTTP/1.1",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"http://h",
    b"GET ",
    b"5\r\nabcde\r\n",
    b"ffffffffffffffff",
    b"\r\n ",
];

/// One change of some bytes, by three numbers.
fn mutate(bytes: &mut Vec<u8>, kind: usize, place: usize, what: usize) {
    let at = place % (bytes.len() + 1);
    let end = (at + 1 + what % 8).min(bytes.len());
    let seed = SEEDS[what % SEEDS.len()];
    match kind % 6 {
        0 => drop(bytes.splice(at..at, seed.iter().copied())),
        1 => drop(bytes.drain(at..end)),
        2 => drop(bytes.splice(at..end, seed.iter().copied())),
        3 if at < bytes.len() => bytes[at] = (what % 256) as u8,
        4 => bytes.truncate(at),
        _ => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
    }
}

fn small_or_default(is_small: bool) -> Limits {
    let small = Limits { head_max_bytes: 300, fields_max: 12, trailers_max_bytes: 40, buffered_max_bytes: 0 };
    if is_small { small } else { Limits::default() }
}

proptest! {
    #[test]
    fn what_was_made_is_what_is_read(
        requests in prop::collection::vec(made(), 1..4),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        eof in any::<bool>(),
    ) {
        let bytes: Vec<u8> = requests.iter().flat_map(|made| made.bytes.clone()).collect();
        let told: String = requests.iter().map(|made| made.told.as_str()).collect();
        let expected = told + if eof { "close" } else { "more" };
        prop_assert_eq!(&events([&bytes[..]], Limits::default(), eof), &expected);
        prop_assert_eq!(&events(cut(&bytes, &places), Limits::default(), eof), &expected);
    }

    #[test]
    fn cuts_change_nothing(
        requests in prop::collection::vec(made(), 1..3),
        changes in prop::collection::vec((any::<usize>(), any::<usize>(), any::<usize>()), 0..6),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        is_small in any::<bool>(),
        eof in any::<bool>(),
    ) {
        let mut bytes: Vec<u8> = requests.iter().flat_map(|made| made.bytes.clone()).collect();
        for (kind, place, what) in changes {
            mutate(&mut bytes, kind, place, what);
        }
        let limits = small_or_default(is_small);
        let whole = events([&bytes[..]], limits, eof);
        prop_assert_eq!(&events(cut(&bytes, &places), limits, eof), &whole);
        prop_assert_eq!(&events(bytes.chunks(1), limits, eof), &whole);
    }

    #[test]
    fn any_bytes_end_in_events(bytes in prop::collection::vec(any::<u8>(), 0..200), is_small in any::<bool>()) {
        let limits = small_or_default(is_small);
        prop_assert_eq!(events([&bytes[..]], limits, true), events(bytes.chunks(3), limits, true));
    }
}

/// Says which seed to replay.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with LIMEN_HTTP1_SEED={}", self.0);
        }
    }
}

/// xorshift64*.
fn draw(state: &mut u64) -> usize {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize
}

const STARTING_POINTS: &[&[u8]] = &[
    b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nabcdeGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
    b"GET http://h/ HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET /chat HTTP/1.1\r\nHost: h:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05",
];

/// Two seconds of changed requests (`LIMEN_HTTP1_FUZZ_S` for more), each cut in two ways.
#[test]
fn changed_requests_neither_panic_nor_depend_on_cuts() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("LIMEN_HTTP1_SEED");
    let until = Instant::now() + Duration::from_secs(number("LIMEN_HTTP1_FUZZ_S").unwrap_or(2));
    let base = std::hash::RandomState::new().build_hasher().finish() | 1;
    for round in 0.. {
        let seed = first.unwrap_or_else(|| base.wrapping_add(round * 2));
        let _named = Named(seed);
        let mut state = seed.max(1);
        let mut bytes = STARTING_POINTS[draw(&mut state) % STARTING_POINTS.len()].to_vec();
        for _ in 0..1 + draw(&mut state) % 5 {
            let (kind, place, what) = (draw(&mut state), draw(&mut state), draw(&mut state));
            mutate(&mut bytes, kind, place, what);
        }
        let limits = small_or_default(draw(&mut state).is_multiple_of(4));
        let size = 1 + draw(&mut state) % 9;
        let eof = draw(&mut state).is_multiple_of(2);
        let whole = events([&bytes[..]], limits, eof);
        assert_eq!(events(bytes.chunks(size), limits, eof), whole, "{}", bytes.escape_ascii());
        if first.is_some() || Instant::now() > until {
            break;
        }
    }
}

#[test]
fn events_are_bounded_by_bytes_and_memory_by_limits() {
    let mut drive = Drive::new(Limits::default());
    drive.feed(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..4000 {
        drive.feed(b"800\r\n");
        drive.feed(&[b'a'; 0x800]);
        drive.feed(b"\r\n");
        drive.data.clear();
    }
    drive.feed(b"0\r\n\r\n");
    assert!(drive.events < 4000 * 8, "{} events", drive.events);
    assert!(drive.finish(false).ends_with("end | more"));
    // `Drive::pump` looks at what is held after each piece.
}

#[test]
fn a_slow_head_is_looked_at_once() {
    let mut drive = Drive::new(Limits { head_max_bytes: 1 << 20, ..Limits::default() });
    drive.feed(b"GET / HTTP/1.1\r\nHost: h\r\nA: ");
    // 512 KiB byte by byte: were the head read anew for each, this would be 10^11 steps and never end.
    for _ in 0..512 * 1024 {
        drive.feed(b"b");
    }
    drive.feed(b"\r\n\r\n");
    assert!(drive.finish(false).ends_with("end | more"));
}
