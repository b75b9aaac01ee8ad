//! What the engine told of a caller's bytes, as values that can be compared and written again.

use bytes::{BufMut as _, BytesMut};
use http::StatusCode;
use limen_http1::connection::{Connection, Event, Limits};
use limen_http1::flaw::Malformed;
use limen_http1::head::{BodyKind, RequestHead};
use limen_http1::response::{AnswerLines, ResponseBody};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its target, as sent.
    pub target: String,
    /// Whether it is HTTP/1.0.
    pub is_old: bool,
    /// Its fields, names in small letters, those of one name together.
    pub fields: Vec<(String, Vec<u8>)>,
    /// How its body is framed.
    pub framing: BodyKind,
    /// Whether the connection lives on after it.
    pub keep_alive: bool,
    /// Whether it waits for `100 Continue`.
    pub expects_continue: bool,
    /// Whether it asks for another protocol.
    pub upgrade: bool,
    /// What came of its body.
    pub body: Vec<u8>,
    /// Whether all of it came.
    pub is_whole: bool,
}

/// How a connection's bytes ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// More could come.
    More,
    /// Nothing more is read.
    Closed,
    /// Something was refused.
    Refused(Malformed),
}

/// All that was told of a connection's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The requests in order.
    pub requests: Vec<Request>,
    /// The end.
    pub ending: Ending,
}

impl Request {
    pub(crate) fn new(head: &RequestHead) -> Self {
        let field = |(name, value): (&[u8], &[u8])| (String::from_utf8_lossy(name).into_owned(), value.to_vec());
        Self {
            method: head.method.as_str().to_owned(),
            target: head.target.as_str().to_owned(),
            is_old: head.version == http::Version::HTTP_10,
            fields: head.fields.iter().map(field).collect(),
            framing: head.body,
            keep_alive: head.keep_alive,
            expects_continue: head.expects_continue,
            upgrade: head.upgrade,
            body: Vec::new(),
            is_whole: false,
        }
    }

    /// The first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The request in its shortest form on the wire; a body of chunks in one.
    #[must_use]
    pub fn wire(&self) -> Vec<u8> {
        let version = if self.is_old { "1.0" } else { "1.1" };
        let mut bytes = format!("{} {} HTTP/{version}\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        let is_chunked = self.framing == BodyKind::Chunked;
        if is_chunked && !self.body.is_empty() {
            bytes.extend_from_slice(format!("{:x}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(&self.body);
        if is_chunked {
            bytes.extend_from_slice(if self.body.is_empty() { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" });
        }
        bytes
    }
}

/// Limits so small that the corpus meets them.
#[must_use]
pub fn small_limits() -> Limits {
    Limits { head_max_bytes: 200, fields_max: 6, trailers_max_bytes: 40, buffered_max_bytes: 0 }
}

/// Reads what arrives in these pieces; each request is answered at once.
#[must_use]
pub fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits, eof: bool) -> Reading {
    let mut connection = Connection::new(limits);
    let mut reading = Reading { requests: Vec::new(), ending: Ending::More };
    let mut received = 0;
    let mut events = 0;
    for mut piece in pieces {
        while !piece.is_empty() && reading.ending == Ending::More {
            let room = connection.room();
            assert!(room > 0, "more is needed and there is no room");
            assert!(room <= largest_buffer(&limits), "{room} bytes of room");
            let taken = if piece.len().is_multiple_of(2) {
                connection.receive(piece)
            } else {
                let count = piece.len().min(room);
                connection.space().put_slice(&piece[..count]);
                count
            };
            piece = &piece[taken..];
            received += taken;
            events += pump(&mut connection, &mut reading);
        }
    }
    events += pump(&mut connection, &mut reading);
    if eof && reading.ending == Ending::More {
        connection.receive_eof();
        events += pump(&mut connection, &mut reading);
        assert_ne!(reading.ending, Ending::More, "the end was not the end");
    }
    assert!(events <= 4 * received + 16, "{events} events of {received} bytes");
    assert!(reading.requests.iter().map(|request| request.body.len()).sum::<usize>() <= received);
    reading
}

/// What the engine may hold: the buffer, and never less than what a head, a trailer section and a chunk's size need.
fn largest_buffer(limits: &Limits) -> usize {
    limits.buffered_max_bytes.max(limits.head_max_bytes).max(limits.trailers_max_bytes).max(64)
}

/// Takes events until more is needed, and says how many there were.
fn pump(connection: &mut Connection, reading: &mut Reading) -> usize {
    let mut events = 0;
    while reading.ending == Ending::More {
        events += 1;
        match connection.next_event() {
            Ok(Event::Head(head)) => {
                assert!(reading.requests.last().is_none_or(|last| last.is_whole), "a head within a request");
                reading.requests.push(Request::new(&head));
            }
            Ok(Event::Data(data)) => {
                assert!(!data.is_empty());
                under_way(reading).body.extend_from_slice(&data);
            }
            Ok(Event::End) => under_way(reading).is_whole = true,
            Ok(Event::NeedMore) => break,
            Ok(Event::AwaitResponse) => answer(connection),
            Ok(Event::Close) => {
                assert!(matches!(connection.next_event(), Ok(Event::Close)));
                reading.ending = Ending::Closed;
            }
            Err(malformed) => {
                assert_eq!(connection.next_event().unwrap_err(), malformed);
                reading.ending = Ending::Refused(malformed);
            }
        }
    }
    events
}

fn under_way(reading: &mut Reading) -> &mut Request {
    let last = reading.requests.last_mut().expect("a body or an end without a head");
    assert!(!last.is_whole, "more of a request that was whole");
    last
}

fn answer(connection: &mut Connection) {
    let mut out = BytesMut::new();
    let length = ResponseBody::Length(0);
    connection.write_head(&mut out, StatusCode::NOT_FOUND, &AnswerLines::default(), length, true).unwrap();
    connection.write_end(&mut out).unwrap();
}

/// Bytes cut where their own sum says: the same bytes are always cut alike, and other bytes elsewhere.
#[must_use]
pub fn odd_cuts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut state = bytes.iter().fold(0x9e37_79b9_u64, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
    let mut rest = bytes;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(0x2545_f491_4f6c_dd1d).rotate_left(23) | 1;
        let most = if state.is_multiple_of(3) { 40 } else { 4 };
        let (piece, after) = rest.split_at((1 + (state >> 40) as usize % most).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}
