//! A gibibyte each way in constant memory: what passes is compared byte for byte, and what the process ever held is
//! looked at.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use limen_testbed::{Limen, RawService, Settings, eventually_within};

use crate::stage::{BINARY, resident_bytes_max};

const GIBIBYTE: u64 = 1 << 30;
/// What is written at a time; a part of the gibibyte.
const PIECE: usize = 1 << 20;
/// How much more than before the process may ever have held: buffers that grew once, and what an allocator keeps.
const GROWN_BYTES: u64 = 12 << 20;
/// Socket buffers on both sides of the gateway, as large as the system lets them grow, and what the gateway may hold.
const ON_THE_WAY_BYTES: u64 = 32 << 20;

/// The bytes of a piece: of no short period, so that a lost or repeated part is seen.
fn pattern() -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(PIECE).collect()
}

/// Compares what comes with the pattern, over and over.
struct Check {
    pattern: Vec<u8>,
    came: u64,
    is_right: bool,
}

impl Check {
    fn new() -> Self {
        Self { pattern: pattern(), came: 0, is_right: true }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = usize::try_from(self.came % PIECE as u64).unwrap();
            let count = bytes.len().min(PIECE - at);
            self.is_right &= bytes[..count] == self.pattern[at..at + count];
            self.came += count as u64;
            bytes = &bytes[count..];
        }
    }
}

/// Reads a head; gives it with what of the body came along.
fn head(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let body = bytes.split_off(at + 4);
            return (String::from_utf8(bytes).unwrap(), body);
        }
        let count = stream.read(&mut buffer).expect("a head");
        assert!(count > 0, "no whole head: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..count]);
    }
}

/// Reads a body of a gibibyte, its chunks' lines taken out; true where it came whole.
fn read_body(stream: &mut TcpStream, mut bytes: Vec<u8>, is_chunked: bool, check: &mut Check) -> bool {
    let mut buffer = vec![0; 256 << 10];
    // What is left of the chunk that is being read; the line behind it is still to come.
    let (mut left, mut line) = (0_u64, Vec::new());
    loop {
        let mut rest = bytes.as_slice();
        if !is_chunked {
            check.take(rest);
            rest = &[];
        }
        while !rest.is_empty() {
            if left > 0 {
                let count = rest.len().min(usize::try_from(left).unwrap());
                check.take(&rest[..count]);
                left -= count as u64;
                rest = &rest[count..];
                continue;
            }
            line.push(rest[0]);
            rest = &rest[1..];
            if line.ends_with(b"\n") && line != b"\r\n" {
                let size = std::str::from_utf8(&line).unwrap().trim();
                left = u64::from_str_radix(size, 16).unwrap();
                if left == 0 {
                    return check.came == GIBIBYTE;
                }
                line.clear();
            }
        }
        if !is_chunked && check.came >= GIBIBYTE {
            return check.came == GIBIBYTE;
        }
        bytes.resize(buffer.len(), 0);
        std::mem::swap(&mut bytes, &mut buffer);
        match stream.read(&mut bytes) {
            Ok(count @ 1..) => bytes.truncate(count),
            _ => return false,
        }
        buffer.resize(256 << 10, 0);
    }
}

/// Writes a body of a gibibyte, as far as anybody takes it; `written` is told on the way.
fn write_body(stream: &mut TcpStream, is_chunked: bool, written: &AtomicU64) -> std::io::Result<()> {
    let piece = pattern();
    for _ in 0..GIBIBYTE / PIECE as u64 {
        if is_chunked {
            stream.write_all(format!("{PIECE:x}\r\n").as_bytes())?;
        }
        for part in piece.chunks(64 << 10) {
            stream.write_all(part)?;
            written.fetch_add(part.len() as u64, Ordering::SeqCst);
        }
        if is_chunked {
            stream.write_all(b"\r\n")?;
        }
    }
    if is_chunked { stream.write_all(b"0\r\n\r\n") } else { Ok(()) }
}

fn framing(is_chunked: bool) -> String {
    if is_chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {GIBIBYTE}") }
}

/// A Limen in front of this service, with connections that were used once.
fn started(service: &RawService) -> Limen {
    let limen = Limen::start(Settings::new(BINARY).config(&format!(
        "apis:\n  - {{name: large, base_path: /large, target: \"{}\", access: open, validate: \"off\", \
         media_types: [\"*/*\"], body_max_bytes: 1_099_511_627_776, deadlines: {{response_timeout_ms: 200_000, \
         idle_timeout_ms: 200_000}}}}\n",
        service.url()
    )));
    for _ in 0..4 {
        assert_eq!(limen.http().get("/large/small", &[]).status, 200);
    }
    limen
}

/// What a service found in the body that it was sent.
type Found = Arc<Mutex<Option<(u64, bool)>>>;

/// A service that takes and gives bodies of a gibibyte: `/up`, `/down/chunked`, `/down/length`, and else nothing.
fn service(found: &Found, written: &Arc<AtomicU64>) -> RawService {
    let (found, written) = (Arc::clone(found), Arc::clone(written));
    RawService::start(move |_, mut stream| {
        let (head, body) = head(&mut stream);
        let is_chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n");
        let small = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
        if head.starts_with("POST ") {
            let mut check = Check::new();
            let is_whole = read_body(&mut stream, body, is_chunked, &mut check);
            *found.lock().unwrap() = Some((check.came, is_whole && check.is_right));
            let _ = stream.write_all(small);
        } else if head.contains(" /down/") {
            let is_chunked = head.contains(" /down/chunked ");
            let _ = stream.write_all(
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{}\r\n\r\n", framing(is_chunked)).as_bytes(),
            );
            let _ = write_body(&mut stream, is_chunked, &written);
        } else {
            let _ = stream.write_all(small);
        }
    })
}

fn uploads(is_chunked: bool) {
    let (found, written) = (Found::default(), Arc::<AtomicU64>::default());
    let service = service(&found, &written);
    let limen = started(&service);
    let before = resident_bytes_max(&limen);
    let mut stream = TcpStream::connect(limen.gateway()).unwrap();
    let fields = format!("Host: h\r\nContent-Type: application/octet-stream\r\n{}", framing(is_chunked));
    stream.write_all(format!("POST /large/up HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes()).unwrap();
    write_body(&mut stream, is_chunked, &written).unwrap();
    let (head, _) = head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert_eq!(*found.lock().unwrap(), Some((GIBIBYTE, true)), "what the service was sent");
    grew_little(&limen, before);
}

fn downloads(is_chunked: bool) {
    let service = service(&Found::default(), &Arc::default());
    let limen = started(&service);
    let before = resident_bytes_max(&limen);
    let mut stream = TcpStream::connect(limen.gateway()).unwrap();
    let path = if is_chunked { "/large/down/chunked" } else { "/large/down/length" };
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).unwrap();
    let (head, body) = head(&mut stream);
    let came_chunked = head.to_ascii_lowercase().contains("\r\ntransfer-encoding: chunked\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && came_chunked == is_chunked, "{head}");
    let mut check = Check::new();
    let is_whole = read_body(&mut stream, body, is_chunked, &mut check);
    assert_eq!((check.came, is_whole, check.is_right), (GIBIBYTE, true, true));
    grew_little(&limen, before);
}

fn grew_little(limen: &Limen, before: u64) {
    let grown = resident_bytes_max(limen).saturating_sub(before);
    println!("the most held at a time grew by {grown} bytes");
    assert!(grown < GROWN_BYTES, "the process grew by {grown} bytes");
}

#[test]
fn upload_of_a_told_length() {
    uploads(false);
}

#[test]
fn upload_in_chunks() {
    uploads(true);
}

#[test]
fn download_of_a_told_length() {
    downloads(false);
}

#[test]
fn download_in_chunks() {
    downloads(true);
}

#[test]
fn a_reader_who_pauses_makes_the_service_wait() {
    let written = Arc::<AtomicU64>::default();
    let service = service(&Found::default(), &written);
    let limen = started(&service);
    let before = resident_bytes_max(&limen);
    let mut stream = TcpStream::connect(limen.gateway()).unwrap();
    stream.write_all(b"GET /large/down/length HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    let mut came = vec![0; PIECE];
    stream.read_exact(&mut came).unwrap();
    let (mut seen, mut times) = (0, 0);
    let waits = eventually_within(Duration::from_secs(60), "the service waits", || {
        let now = written.load(Ordering::SeqCst);
        times = if now == seen { times + 1 } else { 0 };
        seen = now;
        (times >= 60).then_some(now)
    });
    assert!(waits < PIECE as u64 + ON_THE_WAY_BYTES, "{waits} bytes were taken from the service");
    grew_little(&limen, before);
}
