//! One connection of a caller: requests are read and answered in order, under deadlines, until one of us is done.
//!
//! HTTP/1.1 itself is the engine's affair ([`limen_http1`]); this holds the socket and the clock.

mod exchange;
mod http2;
mod socket;
mod transport;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use limen_http1::connection::{Event, Limits};
use limen_http1::flaw::{Flaw, Malformed};
use limen_http1::head::RequestHead;
use limen_rules::contract::{Cause, Location, Refusal};
use tokio::net::TcpStream;
use tokio::task::coop::has_budget_remaining;
use tokio::time::Instant;

use self::exchange::Exchange;
pub(crate) use self::socket::Socket;
use self::transport::Transport;
use crate::call;
use crate::edge::Edge;
use crate::gateway::{Core, Gateway};
use crate::link::timer::Timer;
use crate::metrics::{Count, OpenConnection};
use crate::moment;
use crate::peer::Peer;
use crate::stopping::{Phase, Stopping};
use crate::tls::Begun;

/// How waiting for a request ended.
enum Next {
    /// With a request.
    Request(RequestHead),
    /// With something that is refused before it is a request.
    Refused(Refusal),
    /// With HTTP/2: what was received so far.
    Http2(BytesMut),
    /// With nothing more to come.
    Done,
    /// With the end of this process, before anything came.
    HandedOver,
}

/// Serves one connection until it ends, or until `stopping` and the call under way is answered. Gives it back where it
/// is handed over to the process that follows.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    stream: TcpStream,
    peer: Arc<Peer>,
    stopping: Stopping,
) -> Option<TcpStream> {
    let counted = Arc::clone(&gateway);
    let _open = OpenConnection::begin(&counted.metrics);
    let transport = begin(&gateway, stream, &peer, &stopping).await?;
    if transport.speaks_http2() {
        http2::serve(gateway, core, transport, BytesMut::new(), peer, stopping).await;
        return None;
    }
    serve_http1(gateway, core, transport, peer, stopping).await
}

/// What carries the connection, once it is secured where it has to be.
async fn begin(gateway: &Arc<Gateway>, stream: TcpStream, peer: &Arc<Peer>, stopping: &Stopping) -> Option<Transport> {
    let Some(tls) = &gateway.tls else { return Some(Transport::Plain(stream)) };
    match tls.begin(stream).await {
        Begun::Secure(stream) => Some(Transport::Secure(stream)),
        Begun::Plain(stream) => {
            let refusal = Refusal::new(Cause::MalformedRequest)
                .message("This address is reached over TLS only.")
                .detail("The call came in clear. Send it to the same address with https://.");
            refuse(gateway, Transport::Plain(stream), peer, refusal, stopping).await;
            None
        }
        Begun::Failed => None,
    }
}

/// Serves HTTP/1.1, until the caller turns out to speak HTTP/2.
async fn serve_http1(
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    transport: Transport,
    peer: Arc<Peer>,
    stopping: Stopping,
) -> Option<TcpStream> {
    let edge = &gateway.settings.edge;
    let mut socket = Socket::new(transport, Limits::default(), edge.slowest);
    let mut watch = Watch::new(&stopping);
    let mut is_first = true;
    loop {
        // A caller who sends requests without a pause must not keep the others of its core waiting.
        tokio::task::consume_budget().await;
        match next(&mut socket, is_first, edge, &mut watch, &stopping).await {
            Next::Request(head) => {
                let exchange = Exchange::of_request(&gateway, &core, &peer, &mut socket, head, &stopping);
                if !exchange.run().await {
                    break;
                }
            }
            Next::Refused(refusal) => {
                answer_refused(&gateway, socket, &peer, refusal, &stopping).await;
                return None;
            }
            Next::Http2(received) => {
                // Boxed: most connections speak HTTP/1.1, and all would keep room for it.
                let served = Box::pin(http2::serve(gateway, core, socket.into_transport(), received, peer, stopping));
                served.await;
                return None;
            }
            Next::Done => break,
            Next::HandedOver => return socket.into_stream(),
        }
        is_first = false;
    }
    socket.close().await;
    None
}

/// Says that there is no room for a connection, and closes it.
pub(crate) async fn turn_away(
    gateway: &Arc<Gateway>,
    stream: TcpStream,
    peer: &Arc<Peer>,
    words: &'static str,
    stopping: &Stopping,
) {
    gateway.metrics.count(Count::ConnectionsTurnedAway);
    // A handshake to say so would cost more than a call: whoever speaks TLS finds the connection closed.
    if gateway.tls.is_none() {
        let refusal = Refusal::new(Cause::Overloaded).detail(words).retry_after_s(1);
        refuse(gateway, Transport::Plain(stream), peer, refusal, stopping).await;
    }
}

/// Answers a connection of which nothing was read, and closes it.
async fn refuse(gateway: &Arc<Gateway>, transport: Transport, peer: &Arc<Peer>, refusal: Refusal, stopping: &Stopping) {
    let socket = Socket::new(transport, Limits::default(), gateway.settings.edge.slowest);
    answer_refused(gateway, socket, peer, refusal, stopping).await;
}

/// Answers what is no request, and closes the connection.
async fn answer_refused(
    gateway: &Arc<Gateway>,
    mut socket: Socket,
    peer: &Arc<Peer>,
    refusal: Refusal,
    stopping: &Stopping,
) {
    let reply = call::refuse_unparsed(gateway, peer, refusal);
    Exchange::of_refusal(gateway, peer, &mut socket, reply, stopping).run().await;
    socket.close().await;
}

/// What an idle connection waits for besides bytes. Kept from request to request: most waits are short.
struct Watch {
    timer: Timer,
    /// None once the end of idle connections has come.
    idle_ends: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Whether `idle_ends` has a place in the list that all cores share, where it waits for the end of serving.
    is_listed: bool,
}

impl Watch {
    fn new(stopping: &Stopping) -> Self {
        let mut stopping = stopping.clone();
        let idle_ends = Box::pin(async move { stopping.idle_ends().await });
        Self { timer: Timer::default(), idle_ends: Some(idle_ends), is_listed: false }
    }

    /// Ready when idle connections end. To be asked by the connection's own task alone, which is woken then.
    fn poll_end(&mut self, context: &mut Context<'_>, phase: Phase) -> Poll<()> {
        if let Some(idle_ends) = &mut self.idle_ends {
            // Its place is kept until serving ends. After that each wake may have taken the place, whatever it told:
            // whoever tells of a phase goes through the list for a while.
            if phase == Phase::Serving && self.is_listed {
                return Poll::Pending;
            }
            // A task that has used up its turn is told to come again, and has no place in the list.
            self.is_listed = has_budget_remaining();
            ready!(idle_ends.as_mut().poll(context));
            self.idle_ends = None;
        }
        Poll::Ready(())
    }
}

/// Why a wait is over.
enum Woken {
    Filled(io::Result<()>),
    Stopped,
    TimedOut,
}

/// Waits for the next request.
async fn next(socket: &mut Socket, is_first: bool, edge: &Edge, watch: &mut Watch, stopping: &Stopping) -> Next {
    let mut begun: Option<Instant> = None;
    loop {
        match socket.engine.next_event() {
            Ok(Event::Head(head)) => return Next::Request(head),
            Ok(Event::NeedMore) => {}
            Ok(Event::Data(_) | Event::End | Event::AwaitResponse | Event::Close) => return Next::Done,
            Err(malformed) => {
                // The preface of HTTP/2 is made to be no request, so nobody who sends one is kept waiting for this.
                // Over TLS it is agreed on by ALPN alone (RFC 9113 §3.2).
                let received = if is_first && socket.is_in_clear() { socket.engine.take_http2() } else { None };
                return received.map_or_else(|| Next::Refused(refused(malformed)), Next::Http2);
            }
        }
        let idle = socket.engine.is_idle();
        if idle && stopping.hands_over() {
            return Next::HandedOver;
        }
        let mut deadline = None;
        let woken = poll_fn(|context| {
            // What has come already needs no timer.
            if let Poll::Ready(filled) = socket.poll_fill(context) {
                return Poll::Ready(Woken::Filled(filled));
            }
            if idle && watch.poll_end(context, stopping.phase()).is_ready() {
                return Poll::Ready(Woken::Stopped);
            }
            let deadline = *deadline.get_or_insert_with(|| match idle {
                true => moment::now() + edge.idle_timeout,
                false => *begun.get_or_insert_with(Instant::now) + edge.head_timeout,
            });
            watch.timer.poll(context, deadline).map(|()| Woken::TimedOut)
        });
        match woken.await {
            Woken::Filled(Ok(())) => {}
            Woken::Filled(Err(_)) => return Next::Done,
            Woken::TimedOut if idle => return Next::Done,
            Woken::TimedOut => return Next::Refused(head_timed_out(edge.head_timeout)),
            Woken::Stopped if stopping.hands_over() => return Next::HandedOver,
            Woken::Stopped => {
                // What was sent before we stopped may not have been told yet.
                tokio::task::yield_now().await;
                let filled = poll_fn(|context| Poll::Ready(socket.poll_fill(context))).await;
                if !matches!(filled, Poll::Ready(Ok(()))) {
                    return Next::Done;
                }
            }
        }
    }
}

fn head_timed_out(after: Duration) -> Refusal {
    Refusal::new(Cause::RequestTimeout)
        .message("The request's head did not arrive in time.")
        .detail(format!("The head was not complete after {} s. Send it at once.", after.as_secs()))
}

/// What a caller is told whose request is not of HTTP's form.
pub(crate) fn refused(malformed: Malformed) -> Refusal {
    let refusal = refused_flaw(malformed.flaw).operator_words(malformed.to_string());
    if malformed.flaw.is_too_large() {
        return refusal;
    }
    refusal.detail(format!("{} Found at byte {} of the request.", malformed.flaw.words(), malformed.offset))
}

/// The same, where the flaw's place in bytes means nothing.
fn refused_flaw(flaw: Flaw) -> Refusal {
    if flaw.is_too_large() {
        return Refusal::new(Cause::HeadersTooLarge)
            .message("The request line and headers are larger than 32 KiB, or there are more than 100 headers.")
            .operator_words(flaw.words());
    }
    let (pointer, location) = place(flaw);
    Refusal::new(Cause::MalformedRequest).message(flaw.words()).detail(flaw.words()).operator_words(flaw.words()).error(
        pointer,
        location,
        flaw.words(),
    )
}

/// Where in the request a flaw stands.
fn place(flaw: Flaw) -> (&'static str, Location) {
    match flaw {
        Flaw::TargetForm | Flaw::TargetFragment | Flaw::TargetCharacter | Flaw::TargetAuthority => ("", Location::Path),
        Flaw::AuthorityMissing | Flaw::HostMissing | Flaw::HostRepeated | Flaw::HostMalformed | Flaw::TargetHost => {
            ("/host", Location::Header)
        }
        Flaw::ContentLengthRepeated
        | Flaw::ContentLengthMalformed
        | Flaw::ContentLengthTooLarge
        | Flaw::LengthAndTransferEncoding => ("/content-length", Location::Header),
        Flaw::TransferEncodingRepeated | Flaw::TransferEncodingUnsupported => ("/transfer-encoding", Location::Header),
        Flaw::ConnectionMalformed => ("/connection", Location::Header),
        Flaw::ExpectUnsupported => ("/expect", Location::Header),
        Flaw::ChunkSizeEmpty
        | Flaw::ChunkSizeMalformed
        | Flaw::ChunkSizeTooLarge
        | Flaw::ChunkExtension
        | Flaw::ChunkEnd
        | Flaw::TrailersTooLarge
        | Flaw::TruncatedBody => ("", Location::Body),
        _ => ("", Location::Header),
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::coop::consume_budget;

    use super::*;

    #[tokio::test]
    async fn the_end_is_heard_by_who_had_used_up_its_turn() {
        let (stop, stopping) = Stopping::begin();
        let heard = tokio::spawn(async move {
            let (mut watch, mut polls) = (Watch::new(&stopping), 0);
            poll_fn(|context| {
                while polls == 0 && has_budget_remaining() {
                    let _ = std::pin::pin!(consume_budget()).poll(context);
                }
                polls += 1;
                watch.poll_end(context, stopping.phase())
            })
            .await;
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!heard.is_finished());
        stop.send_replace(Phase::Closing);
        tokio::time::timeout(Duration::from_secs(30), heard).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_end_is_heard_by_who_was_told_twice_of_the_phase_before() {
        let (stop, stopping) = Stopping::begin();
        let heard = tokio::spawn(async move {
            let mut watch = Watch::new(&stopping);
            poll_fn(|context| watch.poll_end(context, stopping.phase())).await;
        });
        for _ in 0..3 {
            stop.send_replace(Phase::LastCalls);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
        assert!(!heard.is_finished());
        stop.send_replace(Phase::Closing);
        tokio::time::timeout(Duration::from_secs(30), heard).await.unwrap().unwrap();
    }
}
