//! Both directions at once: what a caller sends and what is answered, in an order that the input chooses.
//!
//! Before the first two NULs stands what the caller sends, after them one step a byte. Whatever the order: requests are
//! those that an undisturbed reader finds, one is shown only after the one before was answered, what was written reads
//! as the answers that were meant, and nothing cut looks whole.

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, StatusCode};
use limen_http1::connection::{Connection, Event, Limits};
use limen_http1::response::{AnswerLines, ResponseBody};

use crate::answers;
use crate::reading::{Request, read};

const STATUSES: [u16; 8] = [200, 204, 304, 404, 500, 101, 700, 100];

/// The laws of an exchange.
pub fn check(bytes: &[u8]) {
    let at = bytes.windows(2).position(|pair| pair == b"\0\0");
    let (sent, steps) = at.map_or((bytes, &[][..]), |at| (&bytes[..at], &bytes[at + 2..]));
    let mut exchange = Exchange::new(sent);
    for step in steps.iter().take(2_000) {
        exchange.step(*step);
    }
    exchange.judge(sent);
}

/// An answer that was begun.
#[derive(Debug, Default)]
struct Meant {
    status: u16,
    body: Vec<u8>,
    is_ended: bool,
}

struct Exchange<'a> {
    connection: Connection,
    unsent: &'a [u8],
    out: BytesMut,
    told: Vec<Request>,
    meant: Vec<Meant>,
    is_closed: bool,
    is_aborted: bool,
    is_handed_over: bool,
}

impl<'a> Exchange<'a> {
    fn new(sent: &'a [u8]) -> Self {
        Self {
            connection: Connection::new(Limits::default()),
            unsent: sent,
            out: BytesMut::new(),
            told: Vec::new(),
            meant: Vec::new(),
            is_closed: false,
            is_aborted: false,
            is_handed_over: false,
        }
    }

    fn step(&mut self, step: u8) {
        let size = usize::from(step >> 4);
        match step & 15 {
            0..=2 => {
                let wanted = (1 + size * size).min(self.unsent.len());
                let taken = self.connection.receive(&self.unsent[..wanted]);
                assert!(taken <= wanted);
                self.unsent = &self.unsent[taken..];
            }
            3..=6 => self.event(),
            7 => self.head(200, ResponseBody::Length(size as u64), true),
            8 => self.head(200, ResponseBody::Streamed, size < 12),
            9 => self.head(STATUSES[size % STATUSES.len()], ResponseBody::None, size < 8),
            10 => self.data(size),
            11 => self.end(),
            12 => {
                let before = self.out.len();
                let is_written = self.connection.write_continue(&mut self.out);
                assert_eq!(is_written, self.out.len() > before);
                assert!(!is_written || self.told.last().is_some_and(|last| last.expects_continue && !last.is_whole));
            }
            13 if size == 15 => {
                self.connection.abort();
                self.is_aborted = true;
            }
            14 if size > 7 => self.hand_over(),
            15 if size > 7 => self.connection.receive_eof(),
            _ => {
                assert!(self.connection.room() <= Limits::default().buffered_max_bytes);
                let _ = (self.connection.is_idle(), self.connection.must_close());
            }
        }
    }

    fn event(&mut self) {
        match self.connection.next_event() {
            Ok(Event::Head(head)) => {
                assert!(!self.is_closed && !self.is_handed_over, "a head after the end");
                assert!(self.told.last().is_none_or(|last| last.is_whole));
                let answered = self.meant.iter().filter(|answer| answer.is_ended).count();
                assert_eq!(answered, self.told.len(), "a head before the answer");
                self.told.push(Request::new(&head));
            }
            Ok(Event::Data(data)) => {
                let last = self.told.last_mut().expect("data without a head");
                assert!(!data.is_empty() && !last.is_whole && !self.is_closed);
                last.body.extend_from_slice(&data);
            }
            Ok(Event::End) => {
                let last = self.told.last_mut().expect("an end without a head");
                assert!(!std::mem::replace(&mut last.is_whole, true), "two ends");
            }
            Ok(Event::AwaitResponse) => assert!(self.told.last().is_some_and(|last| last.is_whole)),
            Ok(Event::Close) | Err(_) => self.is_closed = true,
            Ok(Event::NeedMore) => assert!(!self.is_closed, "more is needed after the end"),
        }
    }

    fn head(&mut self, status: u16, body: ResponseBody, keep_alive: bool) {
        let status = StatusCode::from_u16(status).expect("a status of the list");
        let mut headers = HeaderMap::new();
        headers.insert("x", HeaderValue::from_static("1"));
        headers.insert("content-length", HeaderValue::from_static("77"));
        headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
        let before = self.out.len();
        match self.connection.write_head(&mut self.out, status, &AnswerLines::of(&headers), body, keep_alive) {
            Ok(()) => {
                assert!(!self.is_aborted && !self.is_handed_over, "an answer after the end");
                assert!(self.meant.last().is_none_or(|last| last.is_ended), "an answer within another");
                self.meant.push(Meant { status: status.as_u16(), ..Meant::default() });
            }
            Err(_) => assert_eq!(self.out.len(), before, "a part of a head"),
        }
    }

    fn data(&mut self, size: usize) {
        let data = vec![b'a' + size as u8; size];
        let before = self.out.len();
        match self.connection.write_data(&mut self.out, &data) {
            Ok(()) => self.meant.last_mut().expect("data without a head").body.extend_from_slice(&data),
            Err(_) => assert_eq!(self.out.len(), before, "a part of a piece"),
        }
    }

    fn end(&mut self) {
        if self.connection.write_end(&mut self.out).is_ok() {
            let last = self.meant.last_mut().expect("an end without a head");
            assert!(!std::mem::replace(&mut last.is_ended, true), "two ends");
        }
    }

    fn hand_over(&mut self) {
        let mut headers = HeaderMap::new();
        headers.insert("upgrade", HeaderValue::from_static("x"));
        if self.connection.write_upgrade(&mut self.out, &AnswerLines::of(&headers)).is_ok() {
            assert!(self.told.last().is_some_and(|last| last.upgrade && !last.is_old), "nobody asked for it");
            self.is_handed_over = true;
        }
    }

    /// Whether what was written reads as it was meant, as answers to these methods.
    fn has_bodies_of(&self, methods: &[String]) -> bool {
        let Ok(read) = answers::read(&self.out, methods) else { return false };
        let last = read.last().zip(self.meant.last());
        last.is_none_or(|(read, meant)| read.body == meant.body && (read.is_whole || !meant.is_ended))
    }

    fn judge(&self, sent: &[u8]) {
        let received = &sent[..sent.len() - self.unsent.len()];
        let alone = read([received], Limits::default(), false);
        assert!(self.told.len() <= alone.requests.len(), "more requests than an undisturbed reader finds");
        for (told, alone) in self.told.iter().zip(&alone.requests) {
            assert!(alone.body.starts_with(&told.body), "another body");
            assert!(!told.is_whole || told == alone, "another request: {told:?}, {alone:?}");
        }
        let mut methods: Vec<String> = self.told.iter().map(|request| request.method.clone()).collect();
        // What couldn't be read and began as HEAD has no body in its answer, which is the last.
        let may_be_head = self.meant.len() > self.told.len() && received.windows(5).any(|bytes| bytes == b"HEAD ");
        if may_be_head && !self.has_bodies_of(&methods) {
            methods.push("HEAD".into());
        }
        let read = answers::read(&self.out, &methods).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!(read.len(), self.meant.len());
        for (index, (read, meant)) in read.iter().zip(&self.meant).enumerate() {
            assert_eq!(read.status, meant.status);
            if methods.get(index).is_none_or(|method| method != "HEAD") {
                assert_eq!(read.body, meant.body);
            } else {
                assert!(read.body.is_empty());
            }
            assert!(read.is_whole || !meant.is_ended, "an answer that was ended looks cut");
            assert!(!read.is_open || index + 1 == self.meant.len(), "an answer after one that ends the connection");
            let says_close = read.field("connection").is_some_and(|value| value == "close");
            assert!(!says_close || index + 1 == self.meant.len(), "an answer after the last one");
        }
    }
}
