//! A scripted HTTP/1.1 service on a free port: writes down every request as it came and answers as a test says.

mod seen;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use self::seen::Seen;
use crate::reply::{Reply, Step};

/// How often a thread that waits looks whether the service is ending.
const LOOK: Duration = Duration::from_millis(25);

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

struct Shared {
    handler: Mutex<Arc<Handler>>,
    scripts: Mutex<Vec<(String, Reply)>>,
    seen: Mutex<Vec<Seen>>,
    hits: AtomicU64,
    connections: AtomicU64,
    /// Requests whose replies have more to do, without waiting for anybody.
    under_way: AtomicU64,
    recording: AtomicBool,
    ending: AtomicBool,
}

/// A reply that is carried out.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn begin(shared: &Arc<Shared>) -> Self {
        shared.under_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A running service. Dropped, it ends.
pub struct Service {
    address: SocketAddr,
    shared: Arc<Shared>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Starts a service that answers what the handler says, on 127.0.0.1. The handler is asked once the body is whole.
    pub fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self::serve(listener, handler)
    }

    /// Starts one where an earlier one was; none while something listens there.
    pub fn start_at(address: SocketAddr, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Option<Self> {
        TcpListener::bind(address).ok().map(|listener| Self::serve(listener, handler))
    }

    fn serve(listener: TcpListener, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            handler: Mutex::new(Arc::new(handler)),
            scripts: Mutex::default(),
            seen: Mutex::default(),
            hits: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            recording: AtomicBool::new(true),
            ending: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if accepting.ending.load(Ordering::SeqCst) {
                    return;
                }
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || Conversation { stream, shared, buffer: Vec::new() }.run());
            }
        });
        Self { address, shared }
    }

    /// Starts a service that answers `{"ok":true}` to everything.
    pub fn ok() -> Self {
        Self::start(|_| Reply::json(200, &serde_json::json!({"ok": true})))
    }

    /// What is answered from now on to requests for this path (as the service sees it, without query).
    pub fn on(&self, path: &str, reply: Reply) {
        let mut scripts = held(&self.shared.scripts);
        scripts.retain(|(one, _)| one != path);
        scripts.push((path.into(), reply));
    }

    /// What is answered from now on to requests that no `on` names.
    pub fn answer(&self, handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) {
        *held(&self.shared.handler) = Arc::new(handler);
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many request heads came.
    pub fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::SeqCst)
    }

    /// How many connections were opened to it.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until every reply was carried out to its end, or to where it waits for somebody: all that it says has left,
    /// its connection's end too.
    #[track_caller]
    pub fn settle(&self) {
        crate::eventually("the service has done what it was told", || {
            (self.shared.under_way.load(Ordering::SeqCst) == 0).then_some(())
        });
    }

    /// Whether requests are written down (they are); counted they always are.
    pub fn record(&self, recording: bool) {
        self.shared.recording.store(recording, Ordering::SeqCst);
    }

    /// Every request so far, in the order of their heads.
    pub fn requests(&self) -> Vec<Seen> {
        held(&self.shared.seen).clone()
    }

    /// The latest request. Ends the test where none came.
    #[track_caller]
    pub fn last(&self) -> Seen {
        held(&self.shared.seen).last().cloned().expect("a request came")
    }

    /// Forgets the requests so far; the count stays.
    pub fn forget(&self) {
        held(&self.shared.seen).clear();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, so that the port is given back.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection of a caller.
struct Conversation {
    stream: TcpStream,
    shared: Arc<Shared>,
    buffer: Vec<u8>,
}

impl Conversation {
    fn run(mut self) {
        let _ = self.stream.set_nodelay(true);
        let _ = self.stream.set_read_timeout(Some(LOOK));
        while let Some(seen) = self.read_request() {
            let script = held(&self.shared.scripts).iter().find(|(path, _)| path == seen.path()).cloned();
            let handler = Arc::clone(&held(&self.shared.handler));
            let reply = script.map_or_else(|| handler(&seen), |(_, reply)| reply);
            let mut under_way = Some(UnderWay::begin(&self.shared));
            for step in reply.into_steps(seen.method == "HEAD") {
                if matches!(step, Step::Hang | Step::WaitFor(_)) {
                    under_way = None;
                }
                if !self.take(step) {
                    // Closed first, then done.
                    drop(self);
                    drop(under_way);
                    return;
                }
            }
        }
    }

    /// Does one step; false where the connection is over.
    fn take(&mut self, step: Step) -> bool {
        match step {
            Step::Send(bytes) => self.stream.write_all(&bytes).is_ok(),
            Step::Repeat(bytes, times) => self.repeat(&bytes, times),
            Step::Wait(time) => {
                crate::poll::pause(time);
                true
            }
            Step::WaitFor(gate) => loop {
                if gate.wait(LOOK) {
                    return true;
                }
                if self.is_ending() {
                    return false;
                }
            },
            Step::Close => false,
            Step::Reset => {
                let socket = socket2::SockRef::from(&self.stream);
                let _ = socket.set_linger(Some(Duration::ZERO));
                false
            }
            Step::Hang => {
                while self.fill() {}
                false
            }
        }
    }

    /// Writes the bytes over and over, many at a time; false where nobody takes them any more.
    fn repeat(&mut self, bytes: &[u8], times: u64) -> bool {
        const BLOCK_BYTES: usize = 64 << 10;
        let in_block = (BLOCK_BYTES / bytes.len().max(1)).max(1) as u64;
        let block = bytes.repeat(usize::try_from(in_block.min(times)).unwrap_or(1));
        let _ = self.stream.set_write_timeout(Some(LOOK));
        let mut left = times;
        let mut is_taken = true;
        while left > 0 && is_taken {
            let count = left.min(in_block);
            let end = bytes.len() * usize::try_from(count).unwrap_or(1);
            is_taken = self.write_patiently(block.get(..end).unwrap_or_default());
            left -= count;
        }
        let _ = self.stream.set_write_timeout(None);
        is_taken
    }

    /// Writes all, however long nobody reads; false at the connection's end or the service's.
    fn write_patiently(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(written @ 1..) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if is_timeout(&error) && !self.is_ending() => {}
                _ => return false,
            }
        }
        true
    }

    fn is_ending(&self) -> bool {
        self.shared.ending.load(Ordering::SeqCst)
    }

    /// Reads more into the buffer; false at the connection's end or the service's.
    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16_384];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => {
                    self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
                    return true;
                }
                Err(error) if is_timeout(&error) && !self.is_ending() => {}
                Err(_) => return false,
            }
        }
    }

    fn read_request(&mut self) -> Option<Seen> {
        let end = loop {
            match find(&self.buffer, b"\r\n\r\n") {
                Some(at) => break at,
                None if self.fill() => {}
                None => return None,
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
        let seen = parse_head(&String::from_utf8_lossy(&head))?;
        self.shared.hits.fetch_add(1, Ordering::SeqCst);
        let place = self.shared.recording.load(Ordering::SeqCst).then(|| {
            let mut all = held(&self.shared.seen);
            all.push(seen.clone());
            all.len() - 1
        });
        self.read_body(seen, place)
    }

    fn read_body(&mut self, mut seen: Seen, place: Option<usize>) -> Option<Seen> {
        if seen.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let line = self.line()?;
                let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
                if size == 0 {
                    while !self.line()?.is_empty() {}
                    break;
                }
                self.body_bytes(size, &mut seen, place)?;
                self.line()?;
            }
        } else {
            let length = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            self.body_bytes(length, &mut seen, place)?;
        }
        seen.complete = true;
        self.write_down(&seen, place);
        Some(seen)
    }

    fn write_down(&self, seen: &Seen, place: Option<usize>) {
        let mut all = held(&self.shared.seen);
        if let Some(kept) = place.and_then(|place| all.get_mut(place))
            && kept.target == seen.target
        {
            kept.clone_from(seen);
        }
    }

    fn body_bytes(&mut self, mut count: usize, seen: &mut Seen, place: Option<usize>) -> Option<()> {
        while count > 0 {
            if self.buffer.is_empty() && !self.fill() {
                return None;
            }
            let now = count.min(self.buffer.len());
            seen.body.extend(self.buffer.drain(..now));
            count -= now;
            self.write_down(seen, place);
        }
        Some(())
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if !self.fill() {
                return None;
            }
        }
    }
}

pub(crate) fn is_timeout(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut | std::io::ErrorKind::Interrupted
    )
}

/// Where the needle begins.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn parse_head(head: &str) -> Option<Seen> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = fields(lines);
    Some(Seen { method, target, headers, body: Vec::new(), complete: false })
}

/// Header lines as names and values.
pub(crate) fn fields<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<(String, String)> {
    lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.into(), value.trim().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Http;
    use crate::reply::Gate;

    #[test]
    fn what_was_sent_is_written_down_as_it_came() {
        let service = Service::start(|seen| Reply::status(200).body(seen.body.clone()));
        let fields = [("X-One", "1"), ("x-one", "2"), ("Transfer-Encoding", "chunked")];
        let answer = Http::to(service.address()).call("PUT", "/a?b", &fields, Some(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"));
        assert_eq!((answer.status, answer.text().as_str(), answer.cut), (200, "abc", false));
        let seen = service.last();
        assert_eq!(
            (seen.method.as_str(), seen.target.as_str(), seen.path(), seen.complete),
            ("PUT", "/a?b", "/a", true)
        );
        assert_eq!(seen.headers[1..3], [("X-One".into(), "1".into()), ("x-one".into(), "2".into())]);
        assert_eq!((service.hits(), service.connections()), (1, 1));
    }

    #[test]
    fn a_caller_tells_whole_from_cut() {
        let service = Service::ok();
        let http = Http::to(service.address()).within(Duration::from_millis(300));
        let gate = Gate::new();
        for (reply, cut, body) in [
            (Reply::status(200).body("0123"), false, "0123"),
            (Reply::status(200).body("0123").cut_after(2), true, "01"),
            (Reply::status(200).chunked(["01", "23"]), false, "0123"),
            (Reply::status(200).chunked(["01", "23"]).cut_after(0), true, "0123"),
            (Reply::status(200).gated("01", &gate, "23"), true, "01"),
            (Reply::raw("HTTP/1.1 200 OK\r\n\r\n0123"), false, "0123"),
            (Reply::status(204), false, ""),
        ] {
            service.on("/", reply.clone());
            let answer = http.get("/", &[]);
            assert_eq!((answer.cut, answer.text().as_str()), (cut, body), "{reply:?}");
        }
        for reply in [Reply::close_before_head(), Reply::reset(), Reply::hang(), Reply::garbage()] {
            service.on("/", reply.clone());
            assert!(http.try_call("GET", "/", &[], None).is_err(), "{reply:?}");
        }
        service.on("/", Reply::status(200).wait_for(&gate));
        gate.open();
        assert_eq!(http.get("/", &[]).status, 200);
    }
}
