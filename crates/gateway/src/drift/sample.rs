//! One answer's copy: taken piece by piece as it passes, handed over when the answer has gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use limen_http1::field_table::Fields;
use limen_http1::service::{AnswerBody as Framing, ResponseHead};
use limen_rules::drift::{AnswerBody, Answered, Difference};

use super::{BODY_MAX_BYTES, Drift, Shared, WAITING_MAX_BYTES, Watched};
use crate::call::Call;
use crate::gateway::Gateway;

/// What is kept of an answer.
pub(super) struct Sample {
    pub(super) watched: Watched,
    pub(super) request_id: String,
    at_us: i64,
    status: u16,
    content_type: Option<String>,
    copy: Copy,
    /// Whether all that the copy should hold is in it.
    is_complete: bool,
}

enum Copy {
    /// There is no body to copy.
    None,
    /// What came of it.
    Held(Held),
    /// It is not looked at.
    LeftAside,
}

/// Bytes that count among those that wait, until they are dropped.
pub(super) struct Held {
    bytes: Vec<u8>,
    shared: Arc<Shared>,
}

impl Held {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { bytes: Vec::new(), shared: Arc::clone(shared) }
    }

    /// Whether there was room for the piece.
    pub(super) fn add(&mut self, piece: &[u8]) -> bool {
        let waiting = self.shared.waiting_bytes.fetch_add(piece.len(), Ordering::Relaxed);
        if waiting + piece.len() > WAITING_MAX_BYTES {
            self.shared.waiting_bytes.fetch_sub(piece.len(), Ordering::Relaxed);
            return false;
        }
        self.bytes.extend_from_slice(piece);
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.waiting_bytes.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Sample {
    pub(super) fn differences(&self) -> Vec<Difference> {
        let body = match &self.copy {
            Copy::None => AnswerBody::None,
            Copy::Held(held) if self.is_complete => AnswerBody::Whole(&held.bytes),
            Copy::Held(_) | Copy::LeftAside => AnswerBody::LeftAside,
        };
        self.watched.description.answers.differences(self.status, self.content_type.as_deref(), body)
    }

    pub(super) fn is_whole(&self) -> bool {
        match &self.copy {
            Copy::None => true,
            Copy::Held(_) => self.is_complete,
            Copy::LeftAside => false,
        }
    }

    pub(super) fn answered(&self) -> Answered<'_> {
        Answered {
            api: &self.watched.api,
            operation: &self.watched.operation,
            status: self.status,
            at_us: self.at_us,
            request_id: &self.request_id,
        }
    }
}

/// What copies an answer as it passes; hands the copy over when it is dropped, which the answer's end does.
pub(crate) struct Tap {
    gateway: Arc<Gateway>,
    sample: Option<Sample>,
    /// Bytes that are still to come, where that is told.
    left_bytes: Option<u64>,
}

impl Tap {
    /// For the answer with this head; none for a stream, which has no end that could be waited for.
    pub(crate) fn new(call: &Call<'_>, watched: Watched, method: &Method, head: &ResponseHead) -> Option<Box<Self>> {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let content_type = head.fields.get(&CONTENT_TYPE).map(text);
        if content_type.as_deref().is_some_and(is_stream) {
            return None;
        }
        let left_bytes = match head.body {
            Framing::None => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::UntilClose => None,
        };
        let has_none = *method == Method::HEAD || matches!(head.status.as_u16(), 204 | 205 | 304);
        let is_large = left_bytes.is_some_and(|left| left > BODY_MAX_BYTES as u64);
        let gateway = Arc::clone(call.gateway);
        let copy = match () {
            () if has_none => Copy::None,
            () if is_large || is_encoded(&head.fields) => Copy::LeftAside,
            () => Copy::Held(Held::new(&gateway.drift.shared)),
        };
        let sample = Sample {
            watched,
            request_id: call.id_text.to_string(),
            at_us: call.now_us,
            status: head.status.as_u16(),
            content_type,
            copy,
            is_complete: left_bytes == Some(0),
        };
        Some(Box::new(Self { gateway, sample: Some(sample), left_bytes }))
    }

    /// Copies what passes.
    pub(crate) fn piece(&mut self, piece: &Bytes) {
        let Some(sample) = &mut self.sample else { return };
        let Copy::Held(held) = &mut sample.copy else { return };
        if held.bytes.len() + piece.len() > BODY_MAX_BYTES {
            sample.copy = Copy::LeftAside;
        } else if !held.add(piece) {
            self.gateway.drift.shared.drop_one();
            self.sample = None;
        } else {
            self.left_bytes = self.left_bytes.map(|left| left.saturating_sub(piece.len() as u64));
            sample.is_complete = self.left_bytes == Some(0);
        }
    }

    /// It was no answer to compare.
    pub(crate) fn forget(&mut self) {
        self.sample = None;
    }

    /// The body has ended as it should.
    pub(crate) fn end(&mut self) {
        if let Some(sample) = &mut self.sample {
            sample.is_complete = true;
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let Some(sample) = self.sample.take() else { return };
        let drift: &Drift = &self.gateway.drift;
        let is_taken = drift.judge().is_some_and(|judge| judge.try_send(sample).is_ok());
        if !is_taken {
            drift.shared.drop_one();
        }
    }
}

fn is_encoded(fields: &Fields) -> bool {
    fields.all(&CONTENT_ENCODING).any(|value| !value.eq_ignore_ascii_case(b"identity"))
}

fn is_stream(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("text/event-stream"))
}
