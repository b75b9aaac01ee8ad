//! The body of what leaves: our own words, or the service's relayed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::relay::Relay;

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
}

impl Answer {
    pub(crate) fn empty() -> Self {
        Self::Whole(None)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay(relay) => relay.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relay(relay) => relay.is_at_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay(relay) => relay.size_hint(),
        }
    }
}
