//! What a scripted service does in answer to one request: a list of steps on the socket, well formed or not.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// One thing done on the socket.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// The bytes so many times, or until nobody takes them.
    Repeat(Vec<u8>, u64),
    Wait(Duration),
    WaitFor(Gate),
    Close,
    Reset,
    Hang,
}

/// What is done with one request. Made whole (`status`, `json`), then bent (`delay`, `cut_after`, …), or raw.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
    before: Vec<Step>,
    steps: Option<Vec<Step>>,
}

#[derive(Clone, Debug)]
enum Body {
    Absent,
    Whole(Vec<u8>),
    Cut { body: Vec<u8>, after_bytes: usize },
    Chunked { chunks: Vec<Vec<u8>>, ended: bool },
    Gated { first: Vec<u8>, gate: Gate, second: Vec<u8> },
}

impl Reply {
    /// A response with this status and an empty body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Absent, before: Vec::new(), steps: None }
    }

    /// A response with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::status(status).header("Content-Type", "application/json").body(body.to_string())
    }

    /// Exactly these bytes, then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps(vec![Step::Send(bytes.into()), Step::Close])
    }

    /// Exactly these bytes; the connection stays open for the next request.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Self {
        Self::steps(vec![Step::Send(bytes.into())])
    }

    /// These bytes so many times (`u64::MAX`: until nobody takes them); the connection stays open.
    #[must_use]
    pub fn then_repeat(self, bytes: impl Into<Vec<u8>>, times: u64) -> Self {
        self.then(Step::Repeat(bytes.into(), times))
    }

    /// Exactly these bytes behind the raw ones told so far.
    #[must_use]
    pub fn then_send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Behind the raw bytes told so far the connection is closed.
    #[must_use]
    pub fn then_close(self) -> Self {
        self.then(Step::Close)
    }

    /// Behind the raw bytes told so far the connection is reset.
    #[must_use]
    pub fn then_reset(self) -> Self {
        self.then(Step::Reset)
    }

    /// Behind the raw bytes told so far nothing more comes; the connection stays open.
    #[must_use]
    pub fn then_hang(self) -> Self {
        self.then(Step::Hang)
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.get_or_insert_default().push(step);
        self
    }

    /// Bytes that are no HTTP, then the connection is closed.
    pub fn garbage() -> Self {
        Self::raw(&b"\x16\x03\x01\x00\xff nothing that HTTP knows\r\n\r\n"[..])
    }

    /// The connection is closed before a head.
    pub fn close_before_head() -> Self {
        Self::steps(vec![Step::Close])
    }

    /// The connection is reset before a head.
    pub fn reset() -> Self {
        Self::steps(vec![Step::Reset])
    }

    /// Nothing is ever answered; the connection stays open.
    pub fn hang() -> Self {
        Self::steps(vec![Step::Hang])
    }

    fn steps(steps: Vec<Step>) -> Self {
        Self { steps: Some(steps), ..Self::status(0) }
    }

    /// One more header; order and repetition are kept.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A body with its `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// The body in chunks, each sent by itself.
    #[must_use]
    pub fn chunked<'c>(mut self, chunks: impl IntoIterator<Item = &'c str>) -> Self {
        let chunks = chunks.into_iter().map(|chunk| chunk.as_bytes().to_vec()).collect();
        self.body = Body::Chunked { chunks, ended: true };
        self
    }

    /// The body as told so far is broken off: a whole one after so many bytes, a chunked one before its last chunk.
    #[must_use]
    pub fn cut_after(mut self, after_bytes: usize) -> Self {
        self.body = match self.body {
            Body::Whole(body) | Body::Cut { body, .. } => Body::Cut { body, after_bytes },
            Body::Chunked { chunks, .. } => Body::Chunked { chunks, ended: false },
            other => other,
        };
        self
    }

    /// A chunked body whose second part is sent once the gate was opened.
    #[must_use]
    pub fn gated(mut self, first: &str, gate: &Gate, second: &str) -> Self {
        self.body = Body::Gated { first: first.into(), gate: gate.clone(), second: second.into() };
        self
    }

    /// Waits before anything is sent.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.before.push(Step::Wait(time));
        self
    }

    /// Waits for the gate before anything is sent.
    #[must_use]
    pub fn wait_for(mut self, gate: &Gate) -> Self {
        self.before.push(Step::WaitFor(gate.clone()));
        self
    }

    /// The steps for a request; to HEAD no body is sent.
    pub(crate) fn into_steps(self, is_head: bool) -> Vec<Step> {
        let mut steps = self.before;
        if let Some(raw) = self.steps {
            steps.extend(raw);
            return steps;
        }
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::Absent if matches!(self.status, 204 | 304) => {}
            Body::Absent => head.push_str("Content-Length: 0\r\n"),
            Body::Whole(body) | Body::Cut { body, .. } => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
            Body::Chunked { .. } | Body::Gated { .. } => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        let mut head = head.into_bytes();
        match self.body {
            _ if is_head => steps.push(Step::Send(head)),
            Body::Absent => steps.push(Step::Send(head)),
            Body::Whole(body) => {
                head.extend(body);
                steps.push(Step::Send(head));
            }
            Body::Cut { mut body, after_bytes } => {
                body.truncate(after_bytes);
                head.extend(body);
                steps.extend([Step::Send(head), Step::Close]);
            }
            Body::Chunked { chunks, ended } => {
                steps.push(Step::Send(head));
                steps.extend(chunks.iter().map(|chunk| Step::Send(framed(chunk))));
                steps.push(if ended { Step::Send(b"0\r\n\r\n".to_vec()) } else { Step::Close });
            }
            Body::Gated { first, gate, second } => {
                head.extend(framed(&first));
                steps.extend([Step::Send(head), Step::WaitFor(gate), Step::Send(framed(&second))]);
                steps.push(Step::Send(b"0\r\n\r\n".to_vec()));
            }
        }
        steps
    }
}

fn framed(chunk: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", chunk.len()).into_bytes();
    bytes.extend_from_slice(chunk);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Something that a test opens and a service waits for.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    inner: Arc<(Mutex<bool>, Condvar)>,
}

impl Gate {
    /// A closed one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets all through who wait or will come.
    pub fn open(&self) {
        *self.inner.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.inner.1.notify_all();
    }

    /// Waits at most so long; tells whether it is open.
    pub(crate) fn wait(&self, at_most: Duration) -> bool {
        let open = self.inner.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self.inner.1.wait_timeout_while(open, at_most, |open| !*open).unwrap_or_else(PoisonError::into_inner).0
    }
}
