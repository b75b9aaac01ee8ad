//! One request and its answer on a connection: the body is fed as it is wanted, the answer written as it comes, both at
//! once where they must be.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::Body as _;
use limen_http1::connection::Event;
use limen_http1::head::{BodyKind, RequestHead};
use limen_http1::response::{AnswerLines, ResponseBody};
use limen_rules::contract::{Cause, Refusal};

use super::socket::Socket;
use crate::answer::Answer;
use crate::call;
use crate::gateway::{Core, Gateway};
use crate::handle;
use crate::inbound::{BrokenBody, Feeder, Inbound};
use crate::peer::Peer;
use crate::reply::Reply;
use crate::stopping::Stopping;
use crate::websocket::Tunnel;

/// More of an answer is not fetched while so much of it waits to be written.
const WAITING_BYTES: usize = 64 * 1024;
/// What an answer needs of room beyond this is given back after it.
const GROWN_BYTES: usize = 16 * 1024;
/// So much of a body that nobody wants is thrown away rather than the connection.
const DISCARDED_BYTES: usize = 64 * 1024;

type Handling<'e> = Pin<Box<dyn Future<Output = Reply> + Send + 'e>>;

/// A request under way.
pub(super) struct Exchange<'e> {
    gateway: &'e Arc<Gateway>,
    peer: &'e Arc<Peer>,
    socket: &'e mut Socket,
    stopping: &'e Stopping,
    /// Where the request's body goes, while it isn't whole.
    feeder: Option<Feeder>,
    /// Bytes of the request's body that are still to come, where that is known.
    left_bytes: Option<u64>,
    handling: Option<Handling<'e>>,
    answer: Option<Answer>,
    /// What the connection became, where its protocol was switched.
    tunnel: Option<Box<Tunnel>>,
    /// Whether the answer's first write still waits for its turn.
    is_deferred: bool,
    is_head: bool,
    /// HTTP/1.0: an answer of unknown length ends with the connection.
    is_old: bool,
}

impl<'e> Exchange<'e> {
    /// A request, to be handled.
    pub(super) fn of_request(
        gateway: &'e Arc<Gateway>,
        core: &'e Arc<Core>,
        peer: &'e Arc<Peer>,
        socket: &'e mut Socket,
        head: RequestHead,
        stopping: &'e Stopping,
    ) -> Self {
        let left_bytes = match head.body {
            BodyKind::None => Some(0),
            BodyKind::Length(length) => Some(length),
            BodyKind::Chunked => None,
        };
        let (body, feeder) = if left_bytes == Some(0) {
            // The engine tells the end of a request without a body as well.
            let _ = socket.engine.next_event();
            (Inbound::none(), None)
        } else {
            let (body, feeder) = Inbound::fed(left_bytes, gateway.settings.edge.slowest);
            (body, Some(feeder))
        };
        let is_head = head.method == http::Method::HEAD;
        let is_old = head.version == http::Version::HTTP_10;
        // Made where it stays: a call's future is large, and `Box::pin` would move it there.
        let handling = Box::write(Box::new_uninit(), handle::handle(gateway, core, peer, head.into(), body));
        let handling: Handling<'e> = Box::into_pin(handling);
        socket.renew();
        Self {
            gateway,
            peer,
            socket,
            stopping,
            feeder,
            left_bytes,
            handling: Some(handling),
            answer: None,
            tunnel: None,
            is_deferred: false,
            is_head,
            is_old,
        }
    }

    /// An answer to what is no request; the connection ends with it.
    pub(super) fn of_refusal(
        gateway: &'e Arc<Gateway>,
        peer: &'e Arc<Peer>,
        socket: &'e mut Socket,
        reply: Reply,
        stopping: &'e Stopping,
    ) -> Self {
        let handling: Handling<'e> = Box::pin(std::future::ready(reply));
        Self {
            gateway,
            peer,
            socket,
            stopping,
            feeder: None,
            left_bytes: None,
            handling: Some(handling),
            answer: None,
            tunnel: None,
            is_deferred: false,
            is_head: false,
            is_old: false,
        }
    }

    /// Carries it out; whether the connection is good for another request.
    pub(super) async fn run(mut self) -> bool {
        let ended = std::future::poll_fn(|context| self.poll(context)).await;
        ended.is_ok() && !self.socket.engine.must_close()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some(tunnel) = &mut self.tunnel {
                return tunnel.poll(context, self.socket);
            }
            self.poll_feed(context);
            if let Some(handling) = &mut self.handling
                && let Poll::Ready(reply) = handling.as_mut().poll(context)
            {
                self.handling = None;
                self.is_deferred = true;
                self.begin(context, reply);
            }
            if self.tunnel.is_some() {
                continue;
            }
            let waits = self.poll_answer(context);
            let waits_for_service = self.handling.is_some() || waits;
            // A service must not be kept for a caller who is not there any more, also a silent one.
            if waits_for_service && self.feeder.is_none() && self.socket.poll_gone(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if self.answer.as_mut().is_some_and(|answer| answer.poll_revoked(context).is_ready()) {
                return Poll::Ready(Err(io::ErrorKind::PermissionDenied.into()));
            }
            // As with requests to services: answers of this core leave together.
            if std::mem::take(&mut self.is_deferred) && self.answer.is_none() && !self.socket.out.is_empty() {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let flushed = self.socket.poll_flush(context)?;
            // Whatever is waited for wakes us; where all was written, there is room for more of the answer.
            if waits_for_service || flushed.is_pending() {
                return Poll::Pending;
            }
            if self.answer.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Feeds the request's body as far as it is wanted and has come.
    fn poll_feed(&mut self, context: &mut Context<'_>) {
        while let Some(feeder) = &self.feeder {
            match feeder.poll_wanted(context) {
                Poll::Pending | Poll::Ready(false) => return,
                Poll::Ready(true) => {}
            }
            self.socket.engine.write_continue(&mut self.socket.out);
            match self.socket.engine.next_event() {
                Ok(Event::Data(bytes)) => {
                    self.left_bytes = self.left_bytes.map(|left| left.saturating_sub(bytes.len() as u64));
                    feeder.feed(Ok(bytes));
                    if self.left_bytes == Some(0) {
                        // Nobody will ask for what is behind the last byte, so the end is fetched here.
                        let _ = self.socket.engine.next_event();
                        feeder.end();
                        self.feeder = None;
                    }
                }
                Ok(Event::End) => {
                    feeder.end();
                    self.feeder = None;
                }
                Ok(Event::NeedMore) => match self.socket.poll_fill(context) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => {
                        feeder.feed(Err(BrokenBody::Gone));
                        self.feeder = None;
                    }
                },
                Ok(Event::Head(_) | Event::AwaitResponse | Event::Close) => {
                    feeder.feed(Err(BrokenBody::Gone));
                    self.feeder = None;
                }
                Err(malformed) => {
                    feeder.feed(Err(BrokenBody::Malformed(malformed)));
                    self.feeder = None;
                }
            }
        }
    }

    /// Writes the answer's head.
    fn begin(&mut self, context: &mut Context<'_>, reply: Reply) {
        let is_whole = self.discard(context);
        let Reply { status, lines, told_bytes, closes, body, .. } = reply;
        if let Answer::Switch(tunnel) = body {
            return self.switch(&lines, tunnel);
        }
        let framing = match (body.size_hint().exact(), told_bytes) {
            // For HEAD: what GET would have got.
            (Some(0), _) if matches!(status.as_u16(), 204 | 205 | 304) => ResponseBody::None,
            (_, Some(told)) if self.is_head => ResponseBody::Length(told),
            (_, None) if self.is_head => ResponseBody::Streamed,
            (Some(length), _) => ResponseBody::Length(length),
            (None, _) => ResponseBody::Streamed,
        };
        // Who has sent the next request already could not know that this is the last answer.
        let keep_alive = is_whole && !closes && (!self.stopping.is_last_call() || self.socket.has_more(context));
        let socket = &mut *self.socket;
        match socket.engine.write_head(&mut socket.out, status, &lines, framing, keep_alive) {
            Ok(()) => {
                if self.is_old && framing == ResponseBody::Streamed && !self.is_head {
                    socket.set_resets(true);
                }
                self.answer = Some(body);
            }
            Err(error) => {
                tracing::error!(%error, %status, "an answer's head can't be written");
                self.apologise();
            }
        }
    }

    /// Writes the head by which the protocol is switched.
    fn switch(&mut self, lines: &AnswerLines, mut tunnel: Box<Tunnel>) {
        let socket = &mut *self.socket;
        match socket.engine.write_upgrade(&mut socket.out, lines) {
            Ok(received) => {
                tunnel.begin(&received, &mut socket.out);
                self.tunnel = Some(tunnel);
            }
            Err(error) => {
                tracing::error!(%error, "a protocol can't be switched");
                self.apologise();
            }
        }
    }

    /// An answer that can't be told is a fault of ours, and told as one.
    fn apologise(&mut self) {
        let Reply { status, lines, body, .. } =
            call::refuse_unparsed(self.gateway, self.peer, Refusal::new(Cause::Unexpected));
        let length = ResponseBody::Length(body.size_hint().exact().unwrap_or(0));
        let socket = &mut *self.socket;
        match socket.engine.write_head(&mut socket.out, status, &lines, length, false) {
            Ok(()) => self.answer = Some(body),
            Err(_) => socket.engine.abort(),
        }
    }

    /// Throws away, within bounds, what has come of a body that nobody wants; whether the request is whole after that.
    fn discard(&mut self, context: &mut Context<'_>) -> bool {
        let Some(feeder) = &self.feeder else { return true };
        if !matches!(feeder.poll_wanted(context), Poll::Ready(false)) {
            // The body is still on its way to the service, which answered early: the connection ends with the answer.
            return false;
        }
        let mut discarded = 0;
        while discarded <= DISCARDED_BYTES {
            match self.socket.engine.next_event() {
                Ok(Event::Data(bytes)) => discarded += bytes.len(),
                Ok(Event::End) => {
                    self.feeder = None;
                    return true;
                }
                Ok(Event::NeedMore) if self.socket.try_fill(context) => {}
                _ => return false,
            }
        }
        false
    }

    /// Fetches more of the answer while there is room for it; whether it waits for more to come.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> bool {
        while let Some(answer) = &mut self.answer {
            if self.socket.out.len() >= WAITING_BYTES {
                return false;
            }
            let socket = &mut *self.socket;
            let written = match Pin::new(answer).poll_frame(context) {
                Poll::Pending => return true,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => socket.engine.write_data(&mut socket.out, &data),
                    Err(_) => Ok(()),
                },
                Poll::Ready(None) => {
                    self.answer = None;
                    let ended = socket.engine.write_end(&mut socket.out);
                    if ended.is_ok() {
                        socket.set_resets(false);
                    }
                    ended
                }
                Poll::Ready(Some(Err(cut))) => {
                    tracing::debug!(%cut, "an answer was cut");
                    self.break_off();
                    return false;
                }
            };
            socket.has_grown |= socket.out.len() > GROWN_BYTES;
            if let Err(error) = written {
                tracing::debug!(%error, "an answer is not of the length that it told");
                self.break_off();
                return false;
            }
        }
        false
    }

    /// What was written leaves, and nothing that looks like an end.
    fn break_off(&mut self) {
        self.answer = None;
        self.socket.engine.abort();
    }
}
