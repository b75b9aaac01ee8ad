//! The body of what leaves: our own words, or the service's relayed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::relay::Relay;
use crate::websocket::Tunnel;

/// The service's answer broke off: the connection is closed so that nothing cut looks whole.
#[derive(Debug, thiserror::Error)]
#[error("the service's answer broke off: {words}")]
pub(crate) struct Cut {
    pub(crate) words: String,
}

/// A response's body.
pub(crate) enum Answer {
    /// Our own words, or none.
    Whole(Option<Bytes>),
    /// The service's body, as it comes.
    Relay(Box<Relay>),
    /// None: with this head the connection becomes a WebSocket.
    Switch(Box<Tunnel>),
}

impl Answer {
    pub(crate) fn empty() -> Self {
        Self::Whole(None)
    }

    /// Ready when whoever gets a stream may not have it any more.
    pub(crate) fn poll_revoked(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Relay(relay) => relay.poll_revoked(context),
            Self::Whole(_) | Self::Switch(_) => Poll::Pending,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => relay.poll(context),
            Self::Switch(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relay(relay) => relay.is_at_end(),
            Self::Switch(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay(relay) => relay.size_hint(),
            Self::Switch(_) => SizeHint::with_exact(0),
        }
    }
}
