//! A request's body on its way to the service: held whole, or streamed under a bound and a deadline.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use limen_rules::contract::{Cause, Refusal};
use tokio::time::{Instant, Sleep};

use crate::connection;
use crate::inbound::{BrokenBody, Inbound};

/// What a body that was sent on has come to: read by whoever waits for the response.
#[derive(Debug, Default)]
pub(crate) struct UploadState {
    bytes: AtomicU64,
    ended: AtomicBool,
    waits_for_caller: AtomicBool,
    fault: OnceLock<Refusal>,
}

impl UploadState {
    /// Bytes sent on so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the whole body was sent on.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether the service has taken all that came so far.
    pub(crate) fn waits_for_caller(&self) -> bool {
        self.waits_for_caller.load(Ordering::Relaxed)
    }

    /// What the caller did wrong while sending.
    pub(crate) fn fault(&self) -> Option<Refusal> {
        self.fault.get().cloned()
    }
}

/// The body broke before its end; the state says why.
#[derive(Debug, thiserror::Error)]
#[error("the request's body broke off")]
pub(crate) struct BrokenUpload;

/// A request's body.
pub(crate) enum Outbound {
    /// Held whole.
    Whole(Option<Bytes>),
    /// Streamed.
    Stream(Box<Upload>),
}

/// A streamed body.
pub(crate) struct Upload {
    body: Inbound,
    max_bytes: u64,
    idle_timeout: Duration,
    deadline: Pin<Box<Sleep>>,
    /// Whether the caller was found to have sent nothing more: only such time counts against it.
    is_waiting: bool,
    state: Arc<UploadState>,
}

impl Upload {
    pub(crate) fn new(body: Inbound, max_bytes: u64, idle_timeout: Duration, state: Arc<UploadState>) -> Self {
        Self {
            body,
            max_bytes,
            idle_timeout,
            deadline: Box::pin(tokio::time::sleep(idle_timeout)),
            is_waiting: false,
            state,
        }
    }

    fn fail(&self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        let _ = self.state.fault.set(refusal);
        Poll::Ready(Some(Err(BrokenUpload)))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        self.state.waits_for_caller.store(false, Ordering::Relaxed);
        loop {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending => break,
                Poll::Ready(None) => {
                    self.state.ended.store(true, Ordering::Relaxed);
                    return Poll::Ready(None);
                }
                Poll::Ready(Some(Err(error))) => return self.fail(broken_body(&error)),
                Poll::Ready(Some(Ok(frame))) => {
                    self.is_waiting = false;
                    // Trailers could smuggle identity fields past the checks; no service of today needs them.
                    let Ok(data) = frame.into_data() else { continue };
                    let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    let total = self.state.bytes.fetch_add(size, Ordering::Relaxed).saturating_add(size);
                    if total > self.max_bytes {
                        return self.fail(too_large(self.max_bytes));
                    }
                    self.state.ended.store(self.body.is_end_stream(), Ordering::Relaxed);
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
            }
        }
        if !std::mem::replace(&mut self.is_waiting, true) {
            self.deadline.as_mut().reset(Instant::now() + self.idle_timeout);
        }
        if self.deadline.as_mut().poll(context).is_ready() {
            return self.fail(timed_out(self.idle_timeout));
        }
        self.state.waits_for_caller.store(true, Ordering::Relaxed);
        Poll::Pending
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = BrokenUpload;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenUpload>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(upload) => upload.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stream(upload) => upload.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(upload) => upload.body.size_hint(),
        }
    }
}

/// The 400 for a body whose framing broke or that ended early.
pub(crate) fn broken_body(broken: &BrokenBody) -> Refusal {
    match broken {
        BrokenBody::Malformed(malformed) if !malformed.flaw.is_truncated() => connection::refused(*malformed),
        BrokenBody::Malformed(_) | BrokenBody::Gone => Refusal::new(Cause::MalformedRequest)
            .message("The body broke off.")
            .detail("The body ended before its announced length or its last chunk. Send the whole body.")
            .operator_words(broken.to_string()),
    }
}

/// The 400 for a body over its bound.
pub(crate) fn too_large(max_bytes: u64) -> Refusal {
    Refusal::new(Cause::BodyTooLarge)
        .message(format!("The body is larger than the {max_bytes} bytes that this operation accepts."))
        .detail(format!("At most {max_bytes} bytes are accepted in one body. Split the work over several calls."))
}

/// The 400 for a body that stopped coming.
pub(crate) fn timed_out(after: Duration) -> Refusal {
    Refusal::new(Cause::RequestTimeout).message("The body did not arrive in time.").detail(format!(
        "The body did not come, or not fast enough, within {} s. Send it again without a pause.",
        after.as_secs()
    ))
}
