//! A raw HTTP/1.1 caller: sends exactly the bytes it is given and tells what came back, whole or cut.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::service::{fields, find, is_timeout};

/// A response as it came.
#[derive(Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields, names and order as sent, repeated ones kept.
    pub headers: Vec<(String, String)>,
    /// The body, its framing removed.
    pub body: Vec<u8>,
    /// Whether the message broke off before the end that its framing told.
    pub cut: bool,
    /// The statuses of interim (1xx) responses before it.
    pub interim: Vec<u16>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "{}{}", self.status, if self.cut { " (cut)" } else { "" })?;
        for (name, value) in &self.headers {
            writeln!(formatter, "{name}: {value}")?;
        }
        write!(formatter, "\n{}", self.text())
    }
}

impl Answer {
    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_named(name).first().copied()
    }

    /// All headers of that name, in any case.
    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(one, _)| one.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Ends the test where it isn't.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {} {}", self.status, self.text()))
    }
}

/// A caller of one address; every call has a connection of its own.
#[derive(Clone, Copy, Debug)]
pub struct Http {
    address: SocketAddr,
    within: Duration,
}

impl Http {
    /// A caller of this address that waits at most 20 s for an answer.
    pub fn to(address: SocketAddr) -> Self {
        Self { address, within: Duration::from_secs(20) }
    }

    /// How long an answer may take.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// Opens a connection from this address, which is one of the machine's own: 127.0.0.0/8 has many.
    ///
    /// # Errors
    /// What the system told.
    pub fn try_open_from(&self, source: std::net::IpAddr) -> std::io::Result<Connection> {
        let domain = socket2::Domain::for_address(self.address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
        socket.connect(&self.address.into())?;
        self.connection(socket.into())
    }

    /// Opens a connection. Ends the test where it can't.
    #[track_caller]
    pub fn open(&self) -> Connection {
        self.try_open().unwrap_or_else(|error| panic!("no connection to {}: {error}", self.address))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// What the system told.
    pub fn try_open(&self) -> std::io::Result<Connection> {
        self.connection(TcpStream::connect(self.address)?)
    }

    fn connection(&self, stream: TcpStream) -> std::io::Result<Connection> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.within))?;
        Ok(Connection { address: self.address, stream, within: self.within, buffer: Vec::new() })
    }

    /// A GET.
    #[track_caller]
    pub fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.call("GET", target, headers, None)
    }

    /// A POST of JSON.
    #[track_caller]
    pub fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = [headers, &[("Content-Type", "application/json")]].concat();
        self.call("POST", target, &headers, Some(body.as_bytes()))
    }

    /// One call. Ends the test where no answer comes.
    #[track_caller]
    pub fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        self.try_call(method, target, headers, body)
            .unwrap_or_else(|error| panic!("no answer to {method} {target}: {error}"))
    }

    /// One call.
    ///
    /// # Errors
    /// No connection, or an end before a whole head.
    pub fn try_call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> std::io::Result<Answer> {
        self.try_open()?.try_call(method, target, headers, body)
    }

    /// Exactly these bytes, and the response to them. Ends the test where none comes.
    #[track_caller]
    pub fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut connection = self.open();
        connection.write(bytes.as_ref());
        connection.answer_to("GET")
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    within: Duration,
    buffer: Vec<u8>,
}

impl Connection {
    /// One call on this connection.
    ///
    /// # Errors
    /// The connection's end before a whole head.
    pub fn try_call(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> std::io::Result<Answer> {
        let request = self.request(method, target, headers, body);
        self.write(&request);
        self.try_answer_to(method)
    }

    /// The bytes of a request: a `Host` unless the headers have one, a `Content-Length` where there is a body.
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
        let has = |name: &str| headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let mut head = format!("{method} {target} HTTP/1.1\r\n");
        if !has("host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body
            && !has("content-length")
            && !has("transfer-encoding")
        {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        bytes
    }

    /// Sends exactly these bytes. What the other side no longer takes is no failure: its answer tells why.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Says that nothing more will be sent.
    pub fn end_writing(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// The response to a request with this method. Ends the test where no head comes.
    #[track_caller]
    pub fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer_to(method).unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// The response to a request with this method.
    ///
    /// # Errors
    /// The connection's end, or the deadline, before a whole head.
    pub fn try_answer_to(&mut self, method: &str) -> std::io::Result<Answer> {
        let end = Instant::now() + self.within;
        let mut answer = self.head(end)?;
        self.finish(&mut answer, method, end);
        Ok(answer)
    }

    /// The response's head alone, behind interim ones. Ends the test where none comes.
    #[track_caller]
    pub fn head_only(&mut self) -> Answer {
        let end = Instant::now() + self.within;
        self.head(end).unwrap_or_else(|error| panic!("no head: {error}"))
    }

    /// Bytes of a body that came by now or come next, their chunk framing kept; empty at the end.
    pub fn some_bytes(&mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            let _ = self.fill(Instant::now() + self.within);
        }
        std::mem::take(&mut self.buffer)
    }

    /// Whether nothing has come and the connection is open: looks, and doesn't wait.
    pub fn is_quiet(&self) -> bool {
        let _ = self.stream.set_nonblocking(true);
        let looked = self.stream.peek(&mut [0]);
        let _ = self.stream.set_nonblocking(false);
        self.buffer.is_empty() && looked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Whether the other side has closed, or closes within the deadline, without sending more.
    pub fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && matches!(self.fill(Instant::now() + self.within), Ok(false))
    }

    fn head(&mut self, deadline: Instant) -> std::io::Result<Answer> {
        let mut interim = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                    break at;
                }
                if !self.fill(deadline)? {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
            };
            let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
            let head = String::from_utf8_lossy(&head).into_owned();
            let mut lines = head.split("\r\n");
            let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
            let Some(status) = status else { return Err(std::io::Error::other(format!("no status line: {head}"))) };
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            return Ok(Answer { status, headers: fields(lines), interim, ..Answer::default() });
        }
    }

    fn finish(&mut self, answer: &mut Answer, method: &str, deadline: Instant) {
        if method == "HEAD" || matches!(answer.status, 101 | 204 | 304) {
            return;
        }
        let chunked = answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        let whole = match length {
            _ if chunked => self.chunks(&mut answer.body, deadline),
            Some(length) => self.take(length, &mut answer.body, deadline),
            None => {
                while self.fill(deadline).unwrap_or(false) {}
                answer.body = std::mem::take(&mut self.buffer);
                Some(())
            }
        };
        answer.cut = whole.is_none();
    }

    /// Moves so many bytes; none where the message breaks off, what came being kept.
    fn take(&mut self, count: usize, to: &mut Vec<u8>, deadline: Instant) -> Option<()> {
        while self.buffer.len() < count {
            if !self.fill(deadline).unwrap_or(false) {
                to.append(&mut self.buffer);
                return None;
            }
        }
        to.extend(self.buffer.drain(..count));
        Some(())
    }

    fn chunks(&mut self, to: &mut Vec<u8>, deadline: Instant) -> Option<()> {
        loop {
            let line = self.line(deadline)?;
            let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
            if size == 0 {
                while !self.line(deadline)?.is_empty() {}
                return Some(());
            }
            self.take(size, to, deadline)?;
            self.line(deadline)?;
        }
    }

    fn line(&mut self, deadline: Instant) -> Option<String> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if !self.fill(deadline).unwrap_or(false) {
                return None;
            }
        }
    }

    /// Reads more; false at the end of the connection.
    fn fill(&mut self, deadline: Instant) -> std::io::Result<bool> {
        let mut bytes = [0; 16_384];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.buffer.extend_from_slice(bytes.get(..count).unwrap_or_default());
                    return Ok(true);
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
