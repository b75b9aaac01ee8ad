//! A request's body on its way to the service: held whole, or streamed under a bound. It waits for nobody by a clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use limen_http1::service::RequestBody;
use limen_rules::contract::{Cause, Refusal};

use crate::connection;
use crate::debts::Debts;
use crate::inbound::{BrokenBody, Inbound};

/// A request's body.
pub(crate) enum Outbound {
    /// None, or nothing more of it.
    None,
    /// What is left of a body that is held whole.
    Whole(Bytes),
    /// Streamed.
    Stream(Upload),
}

/// A streamed body.
pub(crate) struct Upload {
    body: Inbound,
    /// What was taken of the body and not sent on.
    piece: Bytes,
    /// Bytes that it may still have.
    left_bytes: u64,
    max_bytes: u64,
}

impl Outbound {
    /// A body that is streamed, of at most so many bytes.
    pub(crate) fn stream(body: Inbound, max_bytes: u64) -> Self {
        Self::Stream(Upload { body, piece: Bytes::new(), left_bytes: max_bytes, max_bytes })
    }

    /// The same body once more; none where it streams.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::None => Some(Self::None),
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    /// How the service is told its length.
    pub(crate) fn framing(&self) -> RequestBody {
        match self {
            Self::None => RequestBody::None,
            Self::Whole(bytes) => RequestBody::Length(bytes.len() as u64),
            Self::Stream(upload) => upload.body.size_hint().exact().map_or(RequestBody::Chunked, RequestBody::Length),
        }
    }

    /// The next piece, of at most `most` bytes.
    ///
    /// # Errors
    /// What the caller did wrong while sending.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
        debts: &mut Debts,
    ) -> Poll<Option<Result<Bytes, Refusal>>> {
        match self {
            Self::None => Poll::Ready(None),
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(bytes.split_to(most.min(bytes.len()))))),
            Self::Stream(upload) => upload.poll_piece(context, most, debts),
        }
    }
}

impl Upload {
    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        most: usize,
        debts: &mut Debts,
    ) -> Poll<Option<Result<Bytes, Refusal>>> {
        while self.piece.is_empty() {
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => return Poll::Ready(None),
                Some(Err(broken)) => return Poll::Ready(Some(Err(broken_body(&broken)))),
                // Trailers could smuggle identity fields past the checks; no service of today needs them.
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
            }
            debts.add_request_bytes(self.piece.len() as u64);
            let Some(left_bytes) = self.left_bytes.checked_sub(self.piece.len() as u64) else {
                return Poll::Ready(Some(Err(too_large(self.max_bytes))));
            };
            self.left_bytes = left_bytes;
        }
        Poll::Ready(Some(Ok(self.piece.split_to(most.min(self.piece.len())))))
    }
}

/// The 400 for a body whose framing broke or that ended early.
pub(crate) fn broken_body(broken: &BrokenBody) -> Refusal {
    match broken {
        BrokenBody::TooSlow(after) => timed_out(*after),
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
