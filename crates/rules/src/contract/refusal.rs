//! What a refused call is told: a row of the table, and what is to be said of this call.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use serde::Serialize;

use super::Cause;

/// Where in the request a wrong value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// In the JSON body.
    Body,
    /// In the query.
    Query,
    /// In the path.
    Path,
    /// In a header field.
    Header,
}

/// One wrong value of a 400: a JSON pointer (RFC 6901) into that part of the request, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// `/birthdate/y` in a body; `/NAME` elsewhere.
    pub pointer: String,
    /// Which part of the request.
    #[serde(rename = "in")]
    pub location: Location,
    /// What is wrong, in words.
    pub message: String,
}

/// At most so many [`FieldError`]s are told.
pub const FIELD_ERRORS_MAX: usize = 50;

/// Which `WWW-Authenticate` challenges a refusal carries; the values are filled in where the API is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Challenges {
    /// The subscription key's challenge.
    pub key: bool,
    /// The `Bearer` challenge.
    pub token: Option<BearerError>,
}

/// The `error` of a `Bearer` challenge, RFC 6750 §3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// No token came, so no error is told.
    None,
    /// `invalid_token`.
    InvalidToken,
    /// `invalid_request`.
    InvalidRequest,
    /// `insufficient_scope`.
    InsufficientScope,
}

/// What a refused call is told. Made by the rules, put on the wire by [`crate::answer`]. One pointer, since every check
/// hands on a result that has room for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal(Box<Told>);

/// The words and figures of a [`Refusal`].
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The row of the table.
    pub cause: Cause,
    /// The status on the wire; the row's own but for `service-refused`.
    pub status: u16,
    /// The old member `message`.
    pub message: Cow<'static, str>,
    /// All that is wrong at that step.
    pub detail: Cow<'static, str>,
    /// The wrong values of a 400.
    pub errors: Vec<FieldError>,
    /// `Retry-After` in whole seconds.
    pub retry_after_s: Option<u64>,
    /// `WWW-Authenticate`.
    pub challenges: Challenges,
    /// `Accept` of a 415: the media types that would do.
    pub accept: Option<Cow<'static, str>>,
    /// Whether a 415 tells `Accept-Encoding: identity`.
    pub accept_identity: bool,
    /// The service's whole refusal, under `service`.
    pub service: Option<serde_json::Value>,
    /// The notice that stands behind a 503.
    pub notice_id: Option<String>,
    /// The scope that a token would need, for `insufficient_scope`.
    pub scope: Option<String>,
    /// The real reason, for operators only (`limen explain`).
    pub operator_words: Cow<'static, str>,
}

impl Deref for Refusal {
    type Target = Told;

    fn deref(&self) -> &Told {
        &self.0
    }
}

impl DerefMut for Refusal {
    fn deref_mut(&mut self) -> &mut Told {
        &mut self.0
    }
}

impl Refusal {
    /// A refusal with the row's own message, or its title where the message is told per call.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        let entry = cause.entry();
        let message = if entry.message.is_empty() { entry.title } else { entry.message };
        Self(Box::new(Told {
            cause,
            status: entry.status,
            message: Cow::Borrowed(message),
            detail: Cow::Borrowed(entry.meaning),
            errors: Vec::new(),
            retry_after_s: None,
            challenges: Challenges::default(),
            accept: None,
            accept_identity: false,
            service: None,
            notice_id: None,
            scope: None,
            operator_words: Cow::Borrowed(""),
        }))
    }

    /// Sets the message.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Sets the words for operators.
    #[must_use]
    pub fn operator_words(mut self, words: impl Into<Cow<'static, str>>) -> Self {
        self.operator_words = words.into();
        self
    }

    /// Sets `Retry-After` in whole seconds; at least 1 is told.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Adds a wrong value; past [`FIELD_ERRORS_MAX`] it is dropped.
    #[must_use]
    pub fn error(mut self, pointer: impl Into<String>, location: Location, message: impl Into<String>) -> Self {
        if self.errors.len() < FIELD_ERRORS_MAX {
            self.errors.push(FieldError { pointer: pointer.into(), location, message: message.into() });
        }
        self
    }
}
