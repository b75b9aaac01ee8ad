//! One connection of HTTP/2 (RFC 9113): its streams are calls like any other, each a task of its own, all bounded.
//!
//! Frames and header compression are the h2 crate's affair; which requests pass is decided as for HTTP/1.1.

mod exchange;
mod skim;
mod wire;

use std::io::ErrorKind;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use h2::server::{Connection, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::header::ACCEPT;
use http::{HeaderMap, Request};
use limen_http1::connection::Limits;
use limen_http1::flaw::Flaw;
use limen_http1::head::RequestHead;
use limen_http1::translated::{self, Frames};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use self::exchange::{Ended, Exchange};
use self::wire::{Traffic, Wire};
use super::refused_flaw;
use super::transport::Transport;
use crate::call;
use crate::gateway::{Core, Gateway};
use crate::metrics::Count;
use crate::peer::Peer;
use crate::stopping::Stopping;

/// Calls under way on one connection.
const STREAMS_MAX: u32 = 100;
/// What is held of one body that nobody reads.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// What is held of all bodies of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What waits to be written of one answer.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// What is read of a head, as HTTP/2 counts it. Far over our own limit, so that it is we who say what is too large; what
/// heads take together is bounded by how much is read before they are taken up.
const HEADER_LIST_MAX_BYTES: u32 = 1024 * 1024;
/// Streams that a caller may take back before they were looked at (rapid reset).
const RESETS_UNSEEN_MAX: usize = 20;
/// Streams that may end by the caller's errors (answers that we are made to reset).
const RESETS_BY_ERROR_MAX: usize = 100;
/// Calls that a caller may take back, beyond those that were answered, before the connection is ended.
const TAKEN_BACK_MAX: u32 = 100;
/// How often it is looked whether a caller with calls under way is still there.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// After so long without a byte a caller is asked, and after so long let go.
const ASK_AFTER: Duration = Duration::from_secs(60);
const LET_GO_AFTER: Duration = Duration::from_secs(80);
/// Ends of ours for what a caller does, beside what h2 finds.
const WORTH_COUNTING: [ErrorKind; 2] = [ErrorKind::QuotaExceeded, ErrorKind::TimedOut];
/// For a caller to leave, once it was told to and no call is under way.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves HTTP/2 over a connection of which some bytes were read already.
pub(super) async fn serve(
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    transport: Transport,
    received: BytesMut,
    peer: Arc<Peer>,
    mut stopping: Stopping,
) {
    let head_timeout = gateway.settings.edge.head_timeout;
    let traffic = Arc::<Traffic>::default();
    let wire = Wire::new(transport, received, Arc::clone(&traffic), Arc::clone(&gateway), Arc::clone(&peer));
    let greeting = tokio::time::timeout(head_timeout, builder().handshake(wire)).await;
    let Ok(Ok(mut connection)) = greeting else { return };
    let ping = connection.ping_pong();
    let deadline = Instant::now() + head_timeout;
    let session = Session {
        gateway,
        core,
        peer,
        connection,
        ping,
        traffic,
        streams: JoinSet::new(),
        taken_back: 0,
        is_leaving: false,
        heard_bytes: 0,
        heard_at: Instant::now(),
        deadline,
    };
    session.run(&mut stopping).await;
}

fn builder() -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS_MAX)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEADER_LIST_MAX_BYTES)
        .max_pending_accept_reset_streams(RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(Some(RESETS_BY_ERROR_MAX));
    builder
}

/// A connection under way.
struct Session {
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    peer: Arc<Peer>,
    connection: Connection<Wire, Bytes>,
    ping: Option<PingPong>,
    traffic: Arc<Traffic>,
    /// Ended with this, so that no call outlives its caller.
    streams: JoinSet<Ended>,
    /// Calls that were taken back, less those that were answered.
    taken_back: u32,
    /// Whether the caller was told to leave.
    is_leaving: bool,
    heard_bytes: u64,
    heard_at: Instant,
    /// When something is to be done though nothing comes.
    deadline: Instant,
}

impl Session {
    async fn run(mut self, stopping: &mut Stopping) {
        loop {
            tokio::select! {
                accepted = accept(&mut self.connection, &self.traffic) => match accepted {
                    Some(Ok((request, respond))) => self.begin(request, respond),
                    Some(Err(error)) => return self.note_error(&error),
                    None => return,
                },
                Some(ended) = self.streams.join_next() => self.end(ended),
                () = tokio::time::sleep_until(self.deadline) => {
                    if !self.is_worth_keeping() {
                        return;
                    }
                }
                () = stopping.idle_ends(), if !self.is_leaving => self.leave(),
            }
        }
    }

    /// The connection ended otherwise than it should.
    fn note_error(&self, error: &h2::Error) {
        let is_refused =
            error.is_library() || error.get_io().is_some_and(|error| WORTH_COUNTING.contains(&error.kind()));
        if is_refused {
            self.gateway.metrics.count(Count::Http2ConnectionsRefused);
        }
        tracing::debug!(from = %self.peer.address, %error, is_refused, "a connection of HTTP/2 ended");
    }

    /// Begins a call, or refuses what is none.
    fn begin(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        self.traffic.note_use();
        if self.streams.is_empty() {
            self.deadline = Instant::now() + LOOK_EVERY;
        }
        // Those that have ended aren't under way, however many calls come before they are seen to have.
        while let Some(ended) = self.streams.try_join_next() {
            self.end(ended);
        }
        if self.streams.len() >= 2 * STREAMS_MAX as usize {
            // More than may be open: calls are taken back faster than they can be let go.
            self.shut_out();
            return;
        }
        // Before the head is taken apart: what a refusal depends on.
        let method = request.method().clone();
        let accept: HeaderMap = request.headers().get_all(ACCEPT).iter().map(|value| (ACCEPT, value.clone())).collect();
        let (parts, body) = request.into_parts();
        let exchange = match head(parts, body.is_end_stream()) {
            Ok(head) => {
                Exchange::of_request(&self.gateway, &self.core, &self.peer, (head, body), respond, &self.traffic)
            }
            Err(flaw) => {
                let reply = call::refuse_head(&self.gateway, &self.peer, &method, &accept, refused_flaw(flaw));
                Exchange::of_refusal(&self.gateway.settings.edge, reply, &method, (respond, &self.traffic))
            }
        };
        self.streams.spawn(exchange.run());
    }

    /// A call ended.
    fn end(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended::TakenBack) => self.taken_back += 1,
            Ok(Ended::Answered) | Err(_) => self.taken_back = self.taken_back.saturating_sub(1),
        }
        if self.taken_back > TAKEN_BACK_MAX {
            self.shut_out();
        }
        if self.streams.is_empty() {
            self.deadline =
                Instant::now() + if self.is_leaving { LEAVE_TIMEOUT } else { self.gateway.settings.edge.idle_timeout };
        }
    }

    /// Asks the caller to bring further calls elsewhere; those under way go on.
    fn leave(&mut self) {
        self.is_leaving = true;
        self.connection.graceful_shutdown();
        if self.streams.is_empty() {
            self.deadline = Instant::now() + LEAVE_TIMEOUT;
        }
    }

    /// Ends the connection with all that is under way.
    fn shut_out(&mut self) {
        let from = self.peer.address;
        tracing::debug!(%from, "a connection of HTTP/2 is ended: its caller takes back what it asks for");
        self.gateway.metrics.count(Count::Http2ConnectionsRefused);
        self.is_leaving = true;
        self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
        self.streams.abort_all();
        self.deadline = Instant::now() + LEAVE_TIMEOUT;
    }

    /// Nothing came of it until the deadline: whether the connection goes on.
    fn is_worth_keeping(&mut self) -> bool {
        if self.streams.is_empty() {
            let was_leaving = self.is_leaving;
            if !was_leaving {
                self.leave();
            }
            return !was_leaving;
        }
        let (now, heard_bytes) = (Instant::now(), self.traffic.read_bytes());
        self.deadline = now + LOOK_EVERY;
        if std::mem::replace(&mut self.heard_bytes, heard_bytes) != heard_bytes {
            self.heard_at = now;
            return true;
        }
        let silent = now.saturating_duration_since(self.heard_at);
        if silent >= ASK_AFTER
            && let Some(ping) = &mut self.ping
        {
            // An answer to the last one must be taken before the next can be sent.
            let _ = ping.poll_pong(&mut Context::from_waker(Waker::noop()));
            let _ = ping.send_ping(Ping::opaque());
        }
        silent < LET_GO_AFTER
    }
}

type Accepted = Option<Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>>;

/// The next stream. More is read only when all that came were taken up.
async fn accept(connection: &mut Connection<Wire, Bytes>, traffic: &Traffic) -> Accepted {
    std::future::poll_fn(|context| {
        let accepted = connection.poll_accept(context);
        if accepted.is_pending() && traffic.note_taken_up() {
            context.waker().wake_by_ref();
        }
        accepted
    })
    .await
}

/// The head of a request, by the rules of HTTP/1.1.
fn head(parts: http::request::Parts, is_whole: bool) -> Result<RequestHead, Flaw> {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let frames = Frames {
        method: parts.method,
        scheme: parts.uri.scheme_str(),
        authority: parts.uri.authority().map(|authority| authority.as_str()),
        path,
        headers: parts.headers,
        is_whole,
    };
    translated::head(frames, &Limits::default())
}

#[cfg(test)]
mod tests;
