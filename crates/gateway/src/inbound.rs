//! A caller's request as the path of a call sees it: its head, and a body that is fetched only when it is wanted.
//!
//! The body is handed over through a slot for one piece: whoever reads says that it wants one, the connection feeds it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Version};
use http_body::{Body, Frame, SizeHint};
use limen_http1::flaw::Malformed;
use limen_http1::head::{RequestHead, Target};

use crate::edge::Slowest;
use crate::fields::Fields;
use crate::pace::Pace;

/// The head of a request.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) version: Version,
    pub(crate) fields: Fields,
    /// Whether another protocol is asked for: `Upgrade`, and `Connection` names it.
    pub(crate) upgrade: bool,
}

impl From<RequestHead> for Head {
    fn from(head: RequestHead) -> Self {
        let RequestHead { method, target, version, fields, upgrade, .. } = head;
        Self { method, target, version, fields: Fields(fields), upgrade }
    }
}

/// Why a body ended before its end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum BrokenBody {
    /// Its framing is wrong, or the caller stopped sending.
    #[error("{0}")]
    Malformed(Malformed),
    /// The connection is gone.
    #[error("the caller's connection broke")]
    Gone,
    /// It came too slowly for too long.
    #[error("the body came too slowly for {} s", .0.as_secs())]
    TooSlow(Duration),
}

/// What lies between the connection and whoever reads the body.
#[derive(Debug, Default)]
struct Slot {
    piece: Option<Result<Bytes, BrokenBody>>,
    is_wanted: bool,
    has_ended: bool,
    is_dropped: bool,
    /// Nobody feeds any more.
    is_gone: bool,
    reader: Option<Waker>,
    feeder: Option<Waker>,
}

/// A request's body.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// None where there is no body.
    slot: Option<Arc<Mutex<Slot>>>,
    /// Bytes that are still to come, where that is known.
    left_bytes: Option<u64>,
    /// How slowly it comes.
    pace: Option<Pace>,
}

/// The connection's side of a body.
#[derive(Debug)]
pub(crate) struct Feeder(Arc<Mutex<Slot>>);

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Inbound {
    /// No body.
    pub(crate) fn none() -> Self {
        Self { slot: None, left_bytes: Some(0), pace: None }
    }

    /// A body that is fed, of a length that may be known.
    pub(crate) fn fed(length: Option<u64>, slowest: Slowest) -> (Self, Feeder) {
        let slot = Arc::<Mutex<Slot>>::default();
        (Self { slot: Some(Arc::clone(&slot)), left_bytes: length, pace: Some(Pace::new(slowest)) }, Feeder(slot))
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = BrokenBody;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenBody>>> {
        let this = self.get_mut();
        let Some(slot) = &this.slot else { return Poll::Ready(None) };
        let mut slot = lock(slot);
        match slot.piece.take() {
            Some(Ok(bytes)) => {
                let taken = bytes.len() as u64;
                if let Some(pace) = &mut this.pace {
                    pace.moved(bytes.len());
                }
                this.left_bytes = this.left_bytes.map(|left| left.saturating_sub(taken));
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(broken)) => Poll::Ready(Some(Err(broken))),
            None if slot.has_ended => Poll::Ready(None),
            None if slot.is_gone => Poll::Ready(Some(Err(BrokenBody::Gone))),
            None => {
                slot.is_wanted = true;
                slot.reader = Some(context.waker().clone());
                let feeder = slot.feeder.take();
                drop(slot);
                wake(feeder);
                let Some(pace) = &mut this.pace else { return Poll::Pending };
                let after = pace.timeout();
                pace.poll_too_slow(context).map(|()| Some(Err(BrokenBody::TooSlow(after))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.slot {
            None => true,
            Some(_) if self.left_bytes == Some(0) => true,
            Some(slot) => {
                let slot = lock(slot);
                slot.has_ended && slot.piece.is_none()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left_bytes.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        if let Some(slot) = &self.slot {
            let mut slot = lock(slot);
            slot.is_dropped = true;
            let feeder = slot.feeder.take();
            drop(slot);
            wake(feeder);
        }
    }
}

impl Feeder {
    /// Ready when a piece is wanted (`true`) or nobody will ever want one (`false`).
    pub(crate) fn poll_wanted(&self, context: &mut Context<'_>) -> Poll<bool> {
        let mut slot = lock(&self.0);
        if slot.is_dropped {
            return Poll::Ready(false);
        }
        if slot.is_wanted && slot.piece.is_none() {
            return Poll::Ready(true);
        }
        slot.feeder = Some(context.waker().clone());
        Poll::Pending
    }

    /// Hands over a piece, or why there is none.
    pub(crate) fn feed(&self, piece: Result<Bytes, BrokenBody>) {
        let mut slot = lock(&self.0);
        slot.is_wanted = false;
        slot.piece = Some(piece);
        let reader = slot.reader.take();
        drop(slot);
        wake(reader);
    }

    /// The body is whole.
    pub(crate) fn end(&self) {
        let mut slot = lock(&self.0);
        slot.has_ended = true;
        let reader = slot.reader.take();
        drop(slot);
        wake(reader);
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.is_gone = true;
        let reader = slot.reader.take();
        drop(slot);
        wake(reader);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn a_piece_is_fetched_only_when_it_is_wanted() {
        let (mut body, feeder) = Inbound::fed(None, Slowest::default());
        let wanted = |feeder: &Feeder| feeder.poll_wanted(&mut Context::from_waker(Waker::noop()));
        assert!(wanted(&feeder).is_pending());
        let reading = tokio::spawn(async move {
            let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let end = body.frame().await.is_none();
            (first, end)
        });
        std::future::poll_fn(|context| feeder.poll_wanted(context)).await;
        feeder.feed(Ok(Bytes::from_static(b"one")));
        assert!(std::future::poll_fn(|context| feeder.poll_wanted(context)).await);
        feeder.end();
        assert_eq!(reading.await.unwrap(), (Bytes::from_static(b"one"), true));
        assert_eq!(wanted(&feeder), Poll::Ready(false), "the reader is gone");
    }
}
