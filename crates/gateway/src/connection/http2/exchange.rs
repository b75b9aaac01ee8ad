//! One stream: a request and its answer. The body is fed as it is wanted, the answer sent as the caller has room for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Version};
use http_body::Body as _;
use limen_http1::head::{BodyKind, RequestHead};
use limen_http1::response::{AnswerLines, WriteError};

use super::SEND_BUFFER_BYTES;
use super::wire::Traffic;
use crate::answer::Answer;
use crate::edge::{Edge, Slowest};
use crate::gateway::{Core, Gateway};
use crate::handle;
use crate::inbound::{BrokenBody, Feeder, Head, Inbound};
use crate::pace::Pace;
use crate::peer::Peer;
use crate::reply::Reply;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By us: with an answer, whole or broken off.
    Answered,
    /// By the caller, before its answer was whole.
    TakenBack,
}

type Handling = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A call under way.
pub(super) struct Exchange {
    respond: SendResponse<Bytes>,
    /// Where the request's body comes from and goes to, while it isn't whole.
    body: Option<(RecvStream, Feeder)>,
    /// Bytes of the request's body that are still to come, where that is known.
    left_bytes: Option<u64>,
    /// Whether the caller waits to be told to go on.
    expects_continue: bool,
    handling: Option<Handling>,
    sending: Option<Sending>,
    is_head: bool,
    slowest: Slowest,
    traffic: Arc<Traffic>,
}

/// An answer on its way.
struct Sending {
    stream: SendStream<Bytes>,
    /// None once all of it was fetched.
    answer: Option<Answer>,
    /// What was fetched of it and not yet sent.
    piece: Bytes,
    /// What is still to be fetched, where a length was told.
    left_bytes: Option<u64>,
    /// How slowly it is taken.
    pace: Pace,
}

impl Exchange {
    /// A request, to be handled.
    pub(super) fn of_request(
        gateway: &Arc<Gateway>,
        core: &Arc<Core>,
        peer: &Arc<Peer>,
        (head, body): (RequestHead, RecvStream),
        respond: SendResponse<Bytes>,
        traffic: &Arc<Traffic>,
    ) -> Self {
        let left_bytes = match head.body {
            BodyKind::None => Some(0),
            BodyKind::Length(length) => Some(length),
            BodyKind::Chunked => None,
        };
        let (inbound, body) = if head.body == BodyKind::None {
            (Inbound::none(), None)
        } else {
            let (inbound, feeder) = Inbound::fed(left_bytes, gateway.settings.edge.slowest);
            (inbound, Some((body, feeder)))
        };
        let (is_head, expects_continue) = (head.method == Method::HEAD, head.expects_continue);
        let head = Head::from(head);
        let slowest = gateway.settings.edge.slowest;
        let (gateway, core, peer) = (Arc::clone(gateway), Arc::clone(core), Arc::clone(peer));
        let handling: Handling = Box::pin(async move { handle::handle(&gateway, &core, &peer, head, inbound).await });
        let traffic = Arc::clone(traffic);
        Self {
            respond,
            body,
            left_bytes,
            expects_continue,
            handling: Some(handling),
            sending: None,
            is_head,
            slowest,
            traffic,
        }
    }

    /// An answer to what is no request of ours.
    pub(super) fn of_refusal(
        edge: &Edge,
        reply: Reply,
        method: &Method,
        (respond, traffic): (SendResponse<Bytes>, &Arc<Traffic>),
    ) -> Self {
        Self {
            respond,
            body: None,
            left_bytes: Some(0),
            expects_continue: false,
            handling: Some(Box::pin(std::future::ready(reply))),
            sending: None,
            is_head: *method == Method::HEAD,
            slowest: edge.slowest,
            traffic: Arc::clone(traffic),
        }
    }

    /// Carries it out. What is left of the request's body after that is taken back by h2, with `NO_ERROR`.
    pub(super) async fn run(mut self) -> Ended {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        // First, so that a call that was taken back already costs nothing more.
        let reset = match &mut self.sending {
            None => self.respond.poll_reset(context).is_ready(),
            Some(sending) => sending.stream.poll_reset(context).is_ready(),
        };
        if reset {
            return Poll::Ready(Ended::TakenBack);
        }
        self.poll_feed(context);
        if let Some(handling) = &mut self.handling
            && let Poll::Ready(reply) = handling.as_mut().poll(context)
        {
            self.handling = None;
            if let Some(ended) = self.begin(reply) {
                return Poll::Ready(ended);
            }
        }
        match &mut self.sending {
            None => Poll::Pending,
            Some(sending) => sending.poll(context, &self.traffic),
        }
    }

    /// Feeds the request's body as far as it is wanted and has come; only then the caller may send more.
    fn poll_feed(&mut self, context: &mut Context<'_>) {
        while let Some((body, feeder)) = &mut self.body {
            match feeder.poll_wanted(context) {
                Poll::Pending | Poll::Ready(false) => return,
                Poll::Ready(true) => {}
            }
            let data = body.poll_data(context);
            if self.expects_continue && data.is_pending() && self.sending.is_none() {
                let mut response = Response::new(());
                *response.status_mut() = StatusCode::CONTINUE;
                let _ = self.respond.send_informational(response);
            }
            self.expects_continue = false;
            match data {
                Poll::Pending => return,
                // Frames without data say nothing; h2 bounds them.
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                Poll::Ready(Some(Ok(bytes))) => {
                    let _ = body.flow_control().release_capacity(bytes.len());
                    self.traffic.note_use();
                    self.left_bytes = self.left_bytes.map(|left| left.saturating_sub(bytes.len() as u64));
                    feeder.feed(Ok(bytes));
                    if body.is_end_stream() {
                        feeder.end();
                        self.body = None;
                    }
                }
                // Trailers are left where they are. A length that doesn't agree was refused by h2.
                Poll::Ready(None) => {
                    if self.left_bytes.is_none_or(|left| left == 0) {
                        feeder.end();
                    } else {
                        feeder.feed(Err(BrokenBody::Gone));
                    }
                    self.body = None;
                }
                Poll::Ready(Some(Err(_))) => {
                    feeder.feed(Err(BrokenBody::Gone));
                    self.body = None;
                }
            }
        }
    }

    /// Sends the answer's head; how the stream ended, where it did.
    fn begin(&mut self, reply: Reply) -> Option<Ended> {
        let Reply { status, lines, told_bytes, body, .. } = reply;
        let exact = body.size_hint().exact();
        let is_bodiless = matches!(status.as_u16(), 204 | 205 | 304) && exact == Some(0);
        // For HEAD: what GET would have got.
        let length = if self.is_head { told_bytes } else { exact.filter(|_| !is_bodiless) };
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = Version::HTTP_2;
        if let Err(error) = put_fields(&lines, response.headers_mut()) {
            tracing::error!(%error, %status, "an answer's head can't be written");
            self.respond.send_reset(Reason::INTERNAL_ERROR);
            return Some(Ended::Answered);
        }
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let ends = self.is_head || is_bodiless || body.is_end_stream();
        match self.respond.send_response(response, ends) {
            Ok(_) if ends => Some(Ended::Answered),
            Ok(stream) => {
                let left_bytes = length;
                let piece = Bytes::new();
                self.sending =
                    Some(Sending { stream, answer: Some(body), piece, left_bytes, pace: Pace::new(self.slowest) });
                None
            }
            Err(error) => {
                tracing::debug!(%error, "an answer's head could not be sent");
                self.respond.send_reset(Reason::INTERNAL_ERROR);
                Some(Ended::TakenBack)
            }
        }
    }
}

/// The lines as fields. What HTTP/1.1 says of a connection, and HTTP/2 doesn't (RFC 9113 §8.2.2), isn't among them, save
/// `TE`, which no answer has a use for.
fn put_fields(lines: &AnswerLines, headers: &mut HeaderMap) -> Result<(), WriteError> {
    for (name, value) in lines.fields()?.filter(|(name, _)| *name != b"te") {
        let name = HeaderName::from_bytes(name).map_err(|_| WriteError::FieldValue)?;
        headers.append(name, HeaderValue::from_bytes(value).map_err(|_| WriteError::FieldValue)?);
    }
    Ok(())
}

impl Sending {
    fn poll(&mut self, context: &mut Context<'_>, traffic: &Traffic) -> Poll<Ended> {
        if self.answer.as_mut().is_some_and(|answer| answer.poll_revoked(context).is_ready()) {
            return self.break_off("what let the call in is gone");
        }
        loop {
            if !self.piece.is_empty() {
                let room = match ready!(self.poll_room(context)) {
                    Ok(room) => room,
                    Err(ended) => return Poll::Ready(ended),
                };
                let part = self.piece.split_to(room.min(self.piece.len()));
                self.pace.moved(part.len());
                let is_last = self.piece.is_empty() && self.answer.is_none();
                traffic.note_use();
                if self.stream.send_data(part, is_last).is_err() {
                    return Poll::Ready(Ended::TakenBack);
                }
                if is_last {
                    return Poll::Ready(Ended::Answered);
                }
                continue;
            }
            let Some(answer) = &mut self.answer else { return Poll::Ready(Ended::Answered) };
            match ready!(Pin::new(&mut *answer).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let left_bytes = self.left_bytes.map(|left| left.checked_sub(data.len() as u64));
                    if left_bytes == Some(None) {
                        return self.break_off("longer than it told");
                    }
                    self.left_bytes = left_bytes.flatten();
                    // Together with its end, where that is known, and never with an end that comes too early.
                    if !data.is_empty() && answer.is_end_stream() && self.left_bytes.is_none_or(|left| left == 0) {
                        self.answer = None;
                    }
                    self.piece = data;
                }
                None if self.left_bytes.is_some_and(|left| left > 0) => return self.break_off("shorter than it told"),
                None => {
                    let _ = self.stream.send_data(Bytes::new(), true);
                    return Poll::Ready(Ended::Answered);
                }
                Some(Err(cut)) => return self.break_off(&cut.to_string()),
            }
        }
    }

    /// How much the caller has room for. One who makes none for long has left its answer lying.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<usize, Ended>> {
        self.stream.reserve_capacity(self.piece.len().min(SEND_BUFFER_BYTES));
        loop {
            let room = self.stream.capacity();
            if room > 0 {
                return Poll::Ready(Ok(room));
            }
            match self.stream.poll_capacity(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(Ended::TakenBack)),
                Poll::Pending => break,
            }
        }
        ready!(self.pace.poll_too_slow(context));
        self.stream.send_reset(Reason::CANCEL);
        Poll::Ready(Err(Ended::TakenBack))
    }

    /// The stream is reset, so that what was sent doesn't look whole.
    fn break_off(&mut self, why: &str) -> Poll<Ended> {
        tracing::debug!(why, "an answer was cut");
        self.answer = None;
        self.stream.send_reset(Reason::INTERNAL_ERROR);
        Poll::Ready(Ended::Answered)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;
    use tokio::time::Instant;

    use super::*;

    /// An answer of so many bytes to a caller who has room for so many and then makes none.
    async fn answered(answer_bytes: usize, room_bytes: u32) -> (Ended, Duration, Result<usize, h2::Error>) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let caller = async move {
            let (requests, connection) =
                h2::client::Builder::new().initial_window_size(room_bytes).handshake::<_, Bytes>(theirs).await.unwrap();
            let connection = tokio::spawn(connection);
            let mut requests = requests.ready().await.unwrap();
            let (response, _) = requests.send_request(Request::new(()), true).unwrap();
            let mut body = response.await.unwrap().into_body();
            let mut came = 0;
            let ended = loop {
                match body.data().await {
                    None => break Ok(came),
                    Some(Ok(data)) => came += data.len(),
                    Some(Err(error)) => break Err(error),
                }
            };
            drop(requests);
            connection.abort();
            ended
        };
        let serving = async move {
            let mut connection = h2::server::handshake(ours).await.unwrap();
            let (_, respond) = connection.accept().await.unwrap().unwrap();
            let began = Instant::now();
            let answer = Reply::new(StatusCode::OK, Answer::Whole(Some(vec![b'x'; answer_bytes].into())));
            let exchange = Exchange::of_refusal(&Edge::default(), answer, &Method::GET, (respond, &Arc::default()));
            let exchange = tokio::spawn(exchange.run());
            tokio::spawn(async move { while connection.accept().await.is_some() {} });
            (exchange.await.unwrap(), began.elapsed())
        };
        let ((ended, took), came) = tokio::join!(serving, caller);
        (ended, took, came)
    }

    #[tokio::test(start_paused = true)]
    async fn who_makes_no_room_is_waited_for_and_not_for_ever() {
        let (ended, took, came) = answered(10_000, 20_000).await;
        assert_eq!((ended, came.unwrap()), (Ended::Answered, 10_000));
        assert!(took < Slowest::default().timeout);
        let (ended, took, came) = answered(30_000, 20_000).await;
        assert_eq!(ended, Ended::TakenBack);
        assert!(took >= Slowest::default().timeout);
        assert_eq!(came.unwrap_err().reason(), Some(Reason::CANCEL));
    }
}
