//! A connection that became a WebSocket (RFC 6455): the handshake's proof, and bytes that pass both ways until one side
//! is silent for too long, both have ended, or what let the call in is gone. Of frames it knows where they end.

mod frames;

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, BytesMut};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use limen_http1::service::ResponseHead;
use limen_rules::websocket::is_websocket;
use tokio::time::Instant;

use self::frames::{Frames, REVOKED};
use crate::connection::Socket;
use crate::relay::Settlement;
use crate::standing::Standing;

/// What is hashed with the key (RFC 6455 §1.3).
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// No more is fetched from one side while so much waits for the other.
const WAITING_BYTES: usize = 64 * 1024;
/// What a read has memory for at least.
const READ_BYTES: usize = 4 * 1024;

/// What a service must say to a handshake's key.
pub(crate) struct Expected(String);

impl Expected {
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, SUFFIX].concat())))
    }

    /// Whether a service's 101 is the answer to this handshake.
    pub(crate) fn is_met_by(&self, head: &ResponseHead) -> bool {
        let single = |name| {
            let mut values = head.fields.all(name);
            let (value, other) = (values.next(), values.next());
            value.filter(|_| other.is_none())
        };
        let mut options = head.fields.all(&CONNECTION).flat_map(|value| value.split(|byte| *byte == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
            && single(&UPGRADE).is_some_and(is_websocket)
            && single(&SEC_WEBSOCKET_ACCEPT) == Some(self.0.as_bytes())
    }
}

/// The bytes' way between a caller and a service.
pub(crate) struct Tunnel {
    settlement: Settlement,
    standing: Option<Standing>,
    idle_timeout: Duration,
    last_at: Instant,
    caller: Side,
    service: Side,
    /// Where the service's frames end.
    frames: Frames,
}

/// How far one side is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// It may send more.
    Open,
    /// It sends nothing more, which the other side isn't told yet.
    Ended,
    /// It sends nothing more, and the other side knows.
    Told,
}

impl Tunnel {
    pub(crate) fn new(settlement: Settlement, standing: Option<Standing>, idle_timeout: Duration) -> Self {
        let last_at = Instant::now();
        let (caller, service, frames) = (Side::Open, Side::Open, Frames::default());
        Self { settlement, standing, idle_timeout, last_at, caller, service, frames }
    }

    /// Begins with what the caller sent behind its request, and what the service sent behind its answer.
    pub(crate) fn begin(&mut self, from_caller: &[u8], to_caller: &mut BytesMut) {
        let Settlement { debts, link, .. } = &mut self.settlement;
        let Some(link) = link else { return };
        debts.add_request_bytes(from_caller.len() as u64);
        link.waiting().extend_from_slice(from_caller);
        let from_service = link.take_switched();
        debts.add_response_bytes(from_service.len());
        self.frames.pass(&from_service);
        to_caller.extend_from_slice(&from_service);
    }

    /// Passes on what there is; ready when both sides have ended, or with why it ends otherwise.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, socket: &mut Socket) -> Poll<io::Result<()>> {
        if self.standing.as_mut().is_some_and(|standing| standing.poll_end(context).is_ready()) {
            self.say_revoked(context, socket);
            return Poll::Ready(Err(io::ErrorKind::PermissionDenied.into()));
        }
        loop {
            let has_moved = self.pass_to_service(context, socket)? | self.pass_to_caller(context, socket)?;
            if (self.caller, self.service) == (Side::Told, Side::Told) {
                return Poll::Ready(Ok(()));
            }
            if !has_moved {
                break;
            }
            self.last_at = Instant::now();
        }
        let Some(link) = &mut self.settlement.link else { return Poll::Ready(Ok(())) };
        link.poll_silence(context, self.last_at + self.idle_timeout).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Tells the caller why its connection ends, where a frame of ours may stand and the caller takes it at once. Whoever
    /// doesn't isn't waited for.
    fn say_revoked(&mut self, context: &mut Context<'_>, socket: &mut Socket) {
        if self.frames.may_follow() && self.service == Side::Open {
            socket.out.extend_from_slice(&REVOKED);
            let _ = socket.poll_flush(context);
        }
    }

    /// Whether something moved.
    fn pass_to_service(&mut self, context: &mut Context<'_>, socket: &mut Socket) -> io::Result<bool> {
        let Settlement { debts, link, .. } = &mut self.settlement;
        let Some(link) = link else { return Ok(false) };
        let mut has_moved = false;
        if self.caller == Side::Open
            && let Some(mut space) = space(link.waiting())
            && let Poll::Ready(received) = socket.poll_receive(context, &mut space)?
        {
            debts.add_request_bytes(received as u64);
            self.caller = if received == 0 { Side::Ended } else { Side::Open };
            has_moved = true;
        }
        has_moved |= link.poll_pass(context)?;
        if self.caller == Side::Ended && link.waiting().is_empty() && link.poll_end(context)?.is_ready() {
            self.caller = Side::Told;
            has_moved = true;
        }
        Ok(has_moved)
    }

    /// Whether something moved.
    fn pass_to_caller(&mut self, context: &mut Context<'_>, socket: &mut Socket) -> io::Result<bool> {
        let Settlement { debts, link, .. } = &mut self.settlement;
        let Some(link) = link else { return Ok(false) };
        let mut has_moved = false;
        let begin = socket.out.len();
        if self.service == Side::Open
            && let Some(mut space) = space(&mut socket.out)
            && let Poll::Ready(received) = link.poll_receive(context, &mut space)?
        {
            debts.add_response_bytes(received);
            self.frames.pass(socket.out.get(begin..).unwrap_or_default());
            self.service = if received == 0 { Side::Ended } else { Side::Open };
            has_moved = true;
        }
        let waiting = socket.out.len();
        let flushed = socket.poll_flush(context)?;
        has_moved |= socket.out.len() < waiting;
        if self.service == Side::Ended && flushed.is_ready() && socket.poll_end(context)?.is_ready() {
            self.service = Side::Told;
            has_moved = true;
        }
        Ok(has_moved)
    }
}

/// Room for what is received, unless enough waits.
fn space(buffer: &mut BytesMut) -> Option<bytes::buf::Limit<&mut BytesMut>> {
    let room = WAITING_BYTES.checked_sub(buffer.len()).filter(|room| *room > 0)?;
    if buffer.capacity() - buffer.len() < READ_BYTES / 4 {
        buffer.reserve(READ_BYTES.min(room));
    }
    Some(buffer.limit(room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, StatusCode, Version};
    use limen_http1::field_table::Fields;
    use limen_http1::service::AnswerBody;

    #[test]
    fn only_the_answer_to_this_handshake_is_one() {
        let expected = Expected::of(b"dGhlIHNhbXBsZSBub25jZQ==");
        // RFC 6455 §1.3.
        assert_eq!(expected.0, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for (connection, is_met) in [("upgrade", true), ("x, Upgrade ", true), ("close", false), ("", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(CONNECTION, HeaderValue::from_static(connection));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
            assert_eq!(expected.is_met_by(&consent(&headers)), is_met, "{connection:?}");
        }
        for (upgrade, accept, is_met) in [
            (&["websocket"][..], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="][..], true),
            (&["WebSocket"], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], true),
            (&["websocket"], &["S3pPLMBiTxaQ9kYGzzhZRbK+xOo="], false),
            (&["websocket"], &[], false),
            (&["websocket"], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], false),
            (&["h2c"], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], false),
            (&[], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], false),
            (&["websocket", "h2c"], &["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            for (name, values) in [(UPGRADE, upgrade), (SEC_WEBSOCKET_ACCEPT, accept)] {
                for value in values {
                    headers.append(&name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(expected.is_met_by(&consent(&headers)), is_met, "{upgrade:?} {accept:?}");
        }
    }

    fn consent(headers: &HeaderMap) -> ResponseHead {
        let (status, fields) = (StatusCode::SWITCHING_PROTOCOLS, Fields::of(headers));
        ResponseHead { status, version: Version::HTTP_11, fields, length: None, body: AnswerBody::None }
    }
}
