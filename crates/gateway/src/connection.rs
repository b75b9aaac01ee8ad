//! One connection of a caller: requests are read and answered in order, under deadlines, until one of us is done.
//!
//! HTTP/1.1 itself is the engine's affair ([`limen_http1`]); this holds the socket and the clock.

mod exchange;
mod socket;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use limen_http1::connection::{Event, Limits};
use limen_http1::flaw::{Flaw, Malformed};
use limen_http1::head::RequestHead;
use limen_rules::contract::{Cause, Location, Refusal};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use self::exchange::Exchange;
pub(crate) use self::socket::Socket;
use crate::call;
use crate::gateway::{Core, Gateway};

/// For a head to arrive, from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// For a connection to stay without a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How waiting for a request ended.
enum Next {
    /// With a request.
    Request(Box<RequestHead>),
    /// With something that is refused before it is a request.
    Refused(Box<Refusal>),
    /// With nothing more to come.
    Done,
}

/// Serves one connection until it ends, or until `stopping` and the call under way is answered.
pub(crate) async fn serve(
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    stream: TcpStream,
    mut stopping: watch::Receiver<bool>,
) {
    let mut socket = Socket::new(stream, Limits::default());
    loop {
        // A caller who sends requests without a pause must not keep the others of its core waiting.
        tokio::task::consume_budget().await;
        match next(&mut socket, &mut stopping).await {
            Next::Request(head) => {
                let exchange = Exchange::of_request(&gateway, &core, &mut socket, *head, &stopping);
                if !exchange.run().await {
                    break;
                }
            }
            Next::Refused(refusal) => {
                let response = call::refuse_unparsed(&gateway, *refusal);
                Exchange::of_refusal(&gateway, &mut socket, response, &stopping).run().await;
                break;
            }
            Next::Done => break,
        }
    }
    socket.close().await;
}

/// Says that there is no room for a connection, and closes it.
pub(crate) async fn turn_away(gateway: &Arc<Gateway>, stream: TcpStream, stopping: &watch::Receiver<bool>) {
    let refusal = Refusal::new(Cause::Overloaded).detail("Too many connections are open.").retry_after_s(1);
    let mut socket = Socket::new(stream, Limits::default());
    let response = call::refuse_unparsed(gateway, refusal);
    Exchange::of_refusal(gateway, &mut socket, response, stopping).run().await;
    socket.close().await;
}

/// Ready when the process is stopping.
async fn stop_of(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Waits for the next request.
async fn next(socket: &mut Socket, stopping: &mut watch::Receiver<bool>) -> Next {
    let mut begun: Option<Instant> = None;
    loop {
        match socket.engine.next_event() {
            Ok(Event::Head(head)) => return Next::Request(Box::new(head)),
            Ok(Event::NeedMore) => {}
            Ok(Event::Data(_) | Event::End | Event::AwaitResponse | Event::Close) => return Next::Done,
            Err(malformed) => return Next::Refused(Box::new(refused(malformed))),
        }
        // What has come already needs no timer.
        if let Poll::Ready(filled) = std::future::poll_fn(|context| Poll::Ready(socket.poll_fill(context))).await {
            match filled {
                Ok(()) => continue,
                Err(_) => return Next::Done,
            }
        }
        let idle = socket.engine.is_idle();
        let deadline =
            if idle { Instant::now() + IDLE_TIMEOUT } else { *begun.get_or_insert_with(Instant::now) + HEAD_TIMEOUT };
        tokio::select! {
            filled = socket.fill() => {
                if filled.is_err() {
                    return Next::Done;
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                return if idle { Next::Done } else { Next::Refused(Box::new(head_timed_out())) };
            }
            () = stop_of(stopping), if idle => {
                // What was sent before we stopped may not have been told yet.
                tokio::task::yield_now().await;
                let filled = std::future::poll_fn(|context| Poll::Ready(socket.poll_fill(context))).await;
                if !matches!(filled, Poll::Ready(Ok(()))) {
                    return Next::Done;
                }
            }
        }
    }
}

fn head_timed_out() -> Refusal {
    Refusal::new(Cause::RequestTimeout)
        .message("The request's head did not arrive in time.")
        .detail(format!("The head was not complete after {} s. Send it at once.", HEAD_TIMEOUT.as_secs()))
}

/// What a caller is told whose request is not of HTTP's form.
pub(crate) fn refused(malformed: Malformed) -> Refusal {
    if malformed.flaw.is_too_large() {
        return Refusal::new(Cause::HeadersTooLarge)
            .message("The request line and headers are larger than 32 KiB, or there are more than 100 headers.")
            .operator_words(malformed.to_string());
    }
    let (pointer, location) = place(malformed.flaw);
    Refusal::new(Cause::MalformedRequest)
        .message(malformed.flaw.words())
        .detail(format!("{} Found at byte {} of the request.", malformed.flaw.words(), malformed.offset))
        .operator_words(malformed.to_string())
        .error(pointer, location, malformed.flaw.words())
}

/// Where in the request a flaw stands.
fn place(flaw: Flaw) -> (&'static str, Location) {
    match flaw {
        Flaw::TargetForm | Flaw::TargetFragment | Flaw::TargetCharacter | Flaw::TargetAuthority => ("", Location::Path),
        Flaw::HostMissing | Flaw::HostRepeated | Flaw::HostMalformed | Flaw::TargetHost => ("/host", Location::Header),
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
