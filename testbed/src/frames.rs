//! HTTP/2 by hand: frames as bytes, so that a test can send what no library would, and what comes back one by one.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What every connection of HTTP/2 begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames (RFC 9113 §6).
pub const DATA: u8 = 0;
/// A request's or an answer's head.
pub const HEADERS: u8 = 1;
/// A stream's end before its time.
pub const RST_STREAM: u8 = 3;
/// What one side allows the other.
pub const SETTINGS: u8 = 4;
/// A question whether the other side is there.
pub const PING: u8 = 6;
/// The connection's end.
pub const GOAWAY: u8 = 7;
/// Room for more data.
pub const WINDOW_UPDATE: u8 = 8;
/// More of a head.
pub const CONTINUATION: u8 = 9;

/// Flags: the stream's end, the head's end, and an acknowledgement of settings and pings.
pub const END_STREAM: u8 = 1;
/// See [`END_STREAM`].
pub const END_HEADERS: u8 = 4;
/// See [`END_STREAM`].
pub const ACK: u8 = 1;

/// A frame as bytes.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame's length").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// Fields as literals that are not remembered (RFC 7541 §6.2.2), names and values as they are given.
pub fn literals(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        put_text(&mut block, name.as_bytes());
        put_text(&mut block, value.as_bytes());
    }
    block
}

/// A field that is remembered: the next ones refer to it by the byte `0xbe` (RFC 7541 §6.2.1).
pub fn remembered(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0x40];
    put_text(&mut block, name.as_bytes());
    put_text(&mut block, value.as_bytes());
    block
}

/// A GET's pseudo-header fields.
pub fn get<'p>(path: &'p str, authority: &'p str) -> [(&'p str, &'p str); 4] {
    [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", path)]
}

fn put_text(block: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 127 {
        block.push(u8::try_from(text.len()).expect("a short text"));
    } else {
        block.push(127);
        let mut left = text.len() - 127;
        while left >= 128 {
            block.push(u8::try_from(left % 128).expect("seven bits") | 128);
            left /= 128;
        }
        block.push(u8::try_from(left).expect("seven bits"));
    }
    block.extend_from_slice(text);
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its kind.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// What is in it.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Whether the stream ends with it.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The error code of a reset or a goodbye.
    pub fn error_code(&self) -> Option<u32> {
        let at = match self.kind {
            RST_STREAM => 0,
            GOAWAY => 4,
            _ => return None,
        };
        self.payload.get(at..at + 4).map(|code| u32::from_be_bytes(code.try_into().expect("four bytes")))
    }
}

/// A connection of HTTP/2 in clear.
#[derive(Debug)]
pub struct Frames {
    stream: TcpStream,
    buffer: Vec<u8>,
    within: Duration,
}

impl Frames {
    /// Connects, and sends the preface and empty settings. Ends the test where it can't.
    #[track_caller]
    pub fn open(address: SocketAddr) -> Self {
        let mut frames = Self::silent(address);
        frames.write(PREFACE);
        frames.write(&frame(SETTINGS, 0, 0, &[]));
        frames
    }

    /// Connects and sends nothing.
    #[track_caller]
    pub fn silent(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let within = Duration::from_secs(30);
        stream.set_write_timeout(Some(within)).expect("an option");
        Self { stream, buffer: Vec::new(), within }
    }

    /// Another handle on the same connection, to write while this one reads.
    pub fn writer(&self) -> TcpStream {
        self.stream.try_clone().expect("a handle")
    }

    /// Sends exactly these bytes; whether the other side still took them.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a head that is whole.
    pub fn head(&mut self, stream: u32, fields: &[(&str, &str)], ends: bool) -> bool {
        let flags = END_HEADERS | if ends { END_STREAM } else { 0 };
        self.write(&frame(HEADERS, flags, stream, &literals(fields)))
    }

    /// The next frame; none at the connection's end. Settings and pings are acknowledged. Ends the test where nothing
    /// comes for long.
    #[track_caller]
    pub fn read(&mut self) -> Option<Frame> {
        let deadline = Instant::now() + self.within;
        loop {
            if let Some(length) = self.buffer.get(..3) {
                let length = u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize;
                if self.buffer.len() >= 9 + length {
                    let bytes: Vec<u8> = self.buffer.drain(..9 + length).collect();
                    let stream = u32::from_be_bytes(bytes[5..9].try_into().expect("four bytes")) & 0x7fff_ffff;
                    let read = Frame { kind: bytes[3], flags: bytes[4], stream, payload: bytes[9..].to_vec() };
                    if matches!(read.kind, SETTINGS | PING) && read.flags & ACK == 0 {
                        let answer = if read.kind == PING { read.payload.clone() } else { Vec::new() };
                        self.write(&frame(read.kind, ACK, 0, &answer));
                    }
                    return Some(read);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing came for {:?}", self.within);
            self.stream.set_read_timeout(Some(left)).expect("an option");
            let mut bytes = [0; 16_384];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.buffer.extend_from_slice(&bytes[..count]),
                Err(error) if crate::service::is_timeout(&error) => {}
                Err(_) => return None,
            }
        }
    }

    /// All frames of a stream up to its end or its reset, and none behind the connection's end.
    #[track_caller]
    pub fn until_end_of(&mut self, stream: u32) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(next) = self.read() {
            if next.stream == stream {
                let is_last = next.ends_stream() || next.kind == RST_STREAM;
                frames.push(next);
                if is_last {
                    break;
                }
            } else if next.kind == GOAWAY {
                frames.push(next);
            }
        }
        frames
    }

    /// Reads on to the connection's end; the error code of the last goodbye.
    #[track_caller]
    pub fn until_closed(&mut self) -> Option<u32> {
        let mut code = None;
        while let Some(next) = self.read() {
            if next.kind == GOAWAY {
                code = next.error_code();
            }
        }
        code
    }
}
