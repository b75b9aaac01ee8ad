//! The engine as its callers see it: what they send is driven through it in any pieces, and its events are told as text.

mod accepted;
mod answers;
mod cases;
mod refused;
mod splits;

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use http::StatusCode;

use self::cases::wire::wire;
use crate::connection::{Connection, Event, Limits};
use crate::head::{BodyKind, RequestHead};
use crate::response::{AnswerLines, ResponseBody};

fn told(head: &RequestHead) -> String {
    let mut text = format!("{} {} {:?}", head.method, head.target.as_str(), head.version);
    match head.body {
        BodyKind::None => {}
        BodyKind::Length(length) => write!(text, " length={length}").unwrap(),
        BodyKind::Chunked => text.push_str(" chunked"),
    }
    let flags = [(head.keep_alive, "keep"), (head.expects_continue, "continue"), (head.upgrade, "upgrade")];
    for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
        write!(text, " {flag}").unwrap();
    }
    let fields =
        head.fields.iter().map(|(name, value)| format!("{}={}", String::from_utf8_lossy(name), value.escape_ascii()));
    write!(text, " [{}]", fields.collect::<Vec<_>>().join("; ")).unwrap();
    text
}

/// A connection, and what it said so far.
struct Drive {
    connection: Connection,
    limits: Limits,
    told: Vec<String>,
    data: Vec<u8>,
    /// Whether nothing more will come of it.
    is_over: bool,
    events: usize,
}

impl Drive {
    fn new(limits: Limits) -> Self {
        let connection = Connection::new(limits);
        Self { connection, limits, told: Vec::new(), data: Vec::new(), is_over: false, events: 0 }
    }

    fn tell(&mut self, text: &str) {
        if !self.data.is_empty() {
            self.told.push(format!("'{}'", std::mem::take(&mut self.data).escape_ascii()));
        }
        self.told.push(text.to_owned());
    }

    /// Takes events, and answers each request at once, until more is needed.
    fn pump(&mut self) {
        while !self.is_over {
            self.events += 1;
            match self.connection.next_event() {
                Ok(Event::Head(head)) => self.tell(&told(&head)),
                Ok(Event::Data(data)) => {
                    assert!(!data.is_empty());
                    self.data.extend_from_slice(&data);
                }
                Ok(Event::End) => self.tell("end"),
                Ok(Event::NeedMore) => break,
                Ok(Event::AwaitResponse) => answer(&mut self.connection),
                Ok(Event::Close) => {
                    assert!(matches!(self.connection.next_event(), Ok(Event::Close)));
                    self.is_over = true;
                    self.tell("close");
                }
                Err(malformed) => {
                    assert_eq!(self.connection.next_event().unwrap_err(), malformed);
                    self.is_over = true;
                    self.tell(&format!("{:?}@{}", malformed.flaw, malformed.offset));
                }
            }
        }
        let most = self.limits.buffered_max_bytes();
        assert!(self.connection.held_bytes() <= most * 3, "{} held", self.connection.held_bytes());
    }

    /// What a piece leads to; by `receive`, or by `space` where the piece's length is odd.
    fn feed(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && !self.is_over {
            let room = self.connection.room();
            assert!(room > 0, "more is needed and there is no room");
            let taken = if piece.len().is_multiple_of(2) {
                self.connection.receive(piece)
            } else {
                let count = piece.len().min(room);
                self.connection.space().put_slice(&piece[..count]);
                count
            };
            piece = &piece[taken..];
            self.pump();
        }
    }

    fn finish(mut self, eof: bool) -> String {
        self.pump();
        if eof && !self.is_over {
            self.connection.receive_eof();
            self.pump();
            assert!(self.is_over, "the end was not the end");
        }
        if !self.is_over {
            self.tell("more");
        }
        self.told.join(" | ")
    }
}

fn answer(connection: &mut Connection) {
    let mut out = BytesMut::new();
    let length = ResponseBody::Length(0);
    connection.write_head(&mut out, StatusCode::NOT_FOUND, &AnswerLines::default(), length, true).unwrap();
    connection.write_end(&mut out).unwrap();
}

/// The events of bytes that arrive in these pieces.
fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits, eof: bool) -> String {
    let mut drive = Drive::new(limits);
    for piece in pieces {
        drive.feed(piece);
    }
    drive.finish(eof)
}

/// The events of bytes, which are the same whether they arrive at once, one by one, or cut anywhere.
fn all_events(bytes: &[u8], limits: Limits, eof: bool) -> String {
    let whole = events([bytes], limits, eof);
    assert_eq!(events(bytes.chunks(1), limits, eof), whole, "byte by byte: {}", bytes.escape_ascii());
    for at in 1..bytes.len().min(600) {
        let (one, other) = bytes.split_at(at);
        assert_eq!(events([one, other], limits, eof), whole, "cut at {at}: {}", bytes.escape_ascii());
    }
    whole
}

#[test]
fn a_connection_that_begins_with_http2_is_handed_over() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let taken = |bytes: &[u8]| {
        let mut connection = Connection::new(Limits::default());
        assert_eq!(connection.receive(bytes), bytes.len());
        let failed = connection.next_event().is_err();
        (failed, connection.take_http2().map(|taken| taken.to_vec()))
    };
    for end in [16, 17, 23, 24] {
        assert_eq!(taken(&PREFACE[..end]), (true, Some(PREFACE[..end].to_vec())));
    }
    let longer = [PREFACE, b"\0\0\0\x04\0\0\0\0\0"].concat();
    assert_eq!(taken(&longer), (true, Some(longer.clone())));
    assert_eq!(taken(&PREFACE[..15]), (false, None), "not yet a line");
    for other in ["PRI * HTTP/2.0\r\nHost: h\r\n\r\n", "PRI / HTTP/2.0\r\n\r\n", "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        assert_eq!(taken(other.as_bytes()), (true, None), "{other:?}");
    }
}
