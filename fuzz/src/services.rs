//! Any bytes of a service as the answer to one request, and what is written to services of what callers sent.

use bytes::{BufMut as _, BytesMut};
use http::header::{HOST, HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, Method};
use limen_http1::connection::Limits;
use limen_http1::service::{
    ANSWER_LIMITS, AnswerBody, AnswerEvent, Defect, FieldLines, Request, RequestBody, ServiceConnection,
};

use crate::chunks::decoded;
use crate::reading::{self, odd_cuts};

/// A head: status, framing, fields.
type Head = (u16, AnswerBody, Vec<(String, Vec<u8>)>);

/// What was told of an answer.
#[derive(Debug, PartialEq)]
struct Told {
    head: Option<Head>,
    body: Vec<u8>,
    is_whole: bool,
    defect: Option<Defect>,
    is_reusable: bool,
}

/// The laws of answers.
pub fn check(bytes: &[u8]) {
    let small = Limits { buffered_max_bytes: 0, ..reading::small_limits() };
    for (method, upgrade) in [(Method::GET, false), (Method::HEAD, false), (Method::GET, true)] {
        for (limits, eof) in [(ANSWER_LIMITS, true), (ANSWER_LIMITS, false), (small, true)] {
            let whole = answer([bytes], &method, upgrade, limits, eof);
            assert_eq!(answer(odd_cuts(bytes), &method, upgrade, limits, eof).without_reuse(), whole.without_reuse());
            assert_eq!(answer(bytes.chunks(1), &method, upgrade, limits, eof).without_reuse(), whole.without_reuse());
            assert_framed(&whole, bytes, &method, eof);
        }
    }
}

impl Told {
    /// Whether bytes that nobody asked for have arrived yet depends on the cuts.
    fn without_reuse(&self) -> impl PartialEq + std::fmt::Debug + '_ {
        (&self.head, &self.body, self.is_whole, &self.defect)
    }
}

/// A whole answer has the body that its head announces; one with a defect is never used again.
fn assert_framed(told: &Told, bytes: &[u8], method: &Method, eof: bool) {
    assert!(!(told.is_whole && told.defect.is_some()));
    assert!(!told.is_reusable || (told.is_whole && !eof), "{told:?}");
    let Some((status, framing, _)) = &told.head else {
        return assert!(!told.is_whole && told.body.is_empty());
    };
    assert!(eof || *framing != AnswerBody::UntilClose || !told.is_whole, "nothing cut looks whole");
    let is_bodiless = *method == Method::HEAD || matches!(status, 204 | 304);
    assert!(!is_bodiless || told.body.is_empty());
    match framing {
        AnswerBody::None => assert!(told.body.is_empty()),
        AnswerBody::Length(length) => {
            assert!(told.body.len() as u64 <= *length);
            assert!(!told.is_whole || told.body.len() as u64 == *length, "nothing cut looks whole");
        }
        AnswerBody::Chunked if told.is_whole => {
            let ends = bytes.windows(4).enumerate().filter(|(_, window)| *window == b"\r\n\r\n");
            let mut bodies = ends.filter_map(|(at, _)| decoded(&bytes[at + 4..]));
            assert!(bodies.any(|body| body == told.body), "{told:?}");
        }
        AnswerBody::Chunked | AnswerBody::UntilClose => {}
    }
}

fn answer<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    method: &Method,
    upgrade: bool,
    limits: Limits,
    eof: bool,
) -> Told {
    let mut connection = ServiceConnection::new(limits);
    let mut fields = FieldLines::default();
    fields.put(&UPGRADE, b"x");
    let request = Request { method, target: "/", host: b"h", fields: &fields, body: RequestBody::None, upgrade };
    connection.write_head(&mut BytesMut::new(), &request).expect("a request");
    let mut told = Told { head: None, body: Vec::new(), is_whole: false, defect: None, is_reusable: false };
    for mut piece in pieces {
        while !piece.is_empty() {
            let room = connection.room();
            assert!(room <= limits.buffered_max_bytes.max(64 * 1024), "{room} bytes of room");
            let count = piece.len().min(room);
            if count == 0 {
                break;
            }
            connection.space().put_slice(&piece[..count]);
            piece = &piece[count..];
            pump(&mut connection, &mut told);
        }
    }
    if eof {
        connection.receive_eof();
    }
    pump(&mut connection, &mut told);
    told.is_reusable = connection.is_reusable();
    told
}

fn pump(connection: &mut ServiceConnection, told: &mut Told) {
    loop {
        match connection.next_event() {
            Ok(AnswerEvent::NeedMore) => return,
            Ok(AnswerEvent::Head(head)) => {
                let text = |name: &[u8]| String::from_utf8(name.to_vec()).expect("a name is ASCII");
                let fields = head.fields.iter().map(|(name, value)| (text(name), value.to_vec()));
                assert!(told.head.is_none(), "two heads");
                told.head = Some((head.status.as_u16(), head.body, fields.collect()));
            }
            Ok(AnswerEvent::Data(data)) => {
                assert!(!data.is_empty() && told.head.is_some() && !told.is_whole);
                told.body.extend_from_slice(&data);
            }
            Ok(AnswerEvent::End) => return told.is_whole = true,
            Err(defect) => {
                assert_eq!(connection.next_event().unwrap_err(), defect);
                return told.defect = Some(defect);
            }
        }
    }
}

/// What is written to a service of a request that a caller sent, a strict reader reads as that one request.
pub(crate) fn assert_sent_on(request: &reading::Request) {
    let method: Method = request.method.parse().expect("a method");
    let mut headers = HeaderMap::new();
    for (name, value) in &request.fields {
        let name: HeaderName = name.parse().expect("a field's name");
        headers.append(name, HeaderValue::from_bytes(value).expect("a field's value"));
    }
    // `CONNECT` and `*` go to no service, and a service is spoken to in HTTP/1.1.
    let Some(host) = headers.get(HOST).filter(|_| request.target.starts_with('/')) else { return };
    let (host, fields) = (host.as_bytes(), FieldLines::of(&headers));
    let length = request.body.len() as u64;
    for body in [RequestBody::Length(length), RequestBody::Chunked] {
        let (target, upgrade) = (request.target.as_str(), request.upgrade);
        let written = Request { method: &method, target, host, fields: &fields, body, upgrade };
        let mut connection = ServiceConnection::new(ANSWER_LIMITS);
        let mut out = BytesMut::new();
        connection.write_head(&mut out, &written).expect("what was read can be written");
        connection.write_data(&mut out, &request.body).expect("a body");
        connection.write_end(&mut out).expect("its end");
        let limits = Limits { head_max_bytes: 64 * 1024, fields_max: 200, ..Limits::default() };
        let read = reading::read([&out[..]], limits, false).requests;
        let [read] = read.as_slice() else { panic!("{} requests: {}", read.len(), out.escape_ascii()) };
        assert!(read.is_whole, "{}", out.escape_ascii());
        assert_eq!((&read.method, &read.target, &read.body), (&request.method, &request.target, &request.body));
    }
}
