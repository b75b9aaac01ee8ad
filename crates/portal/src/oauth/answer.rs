//! How these endpoints answer: JSON that is never kept, and errors by RFC 6749 §5.2 that lead to the page that mends them.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use limen_rules::sign_in::form::Wrong;
use limen_rules::sign_in::trouble::Trouble;
use limen_store::StoreError;
use serde::Serialize;

use super::journal::Note;
use crate::ports::{PortFault, Portal};

/// When to try again, where nothing better is known.
const RETRY_AFTER_S: u64 = 5;
/// What is asked for when a Basic authentication failed (RFC 7617 §2).
const BASIC_CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"limen\", charset=\"UTF-8\"");

/// A request that isn't answered as it asked for.
#[derive(Debug)]
pub(super) struct Refused {
    step: &'static str,
    trouble: Trouble,
    sent: String,
    words: String,
    retry_after_s: Option<u64>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: String,
    error_uri: String,
}

impl Refused {
    /// At `step`, for that reason; `sent` is what the message repeats.
    pub(super) fn new(step: &'static str, (trouble, sent): Wrong) -> Self {
        Self { step, trouble, sent, words: String::new(), retry_after_s: None }
    }

    /// Without anything that was sent.
    pub(super) fn plain(step: &'static str, trouble: Trouble) -> Self {
        Self::new(step, (trouble, String::new()))
    }

    /// What only operators are told.
    pub(super) fn words(mut self, words: impl Into<String>) -> Self {
        self.words = words.into();
        self
    }

    pub(super) fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The answer. One that tried Basic is told which scheme is meant (RFC 6749 §5.2).
    pub(super) fn answer(self, portal: &Portal, note: &Note, tried_basic: bool) -> Response {
        let message = self.trouble.message(&self.sent);
        note.refused(self.step, self.trouble, if self.words.is_empty() { &message } else { &self.words });
        let entry = self.trouble.entry();
        let body = ErrorBody {
            error: entry.error,
            error_description: described(&message),
            error_uri: format!("{}/authentication-issues#{}", portal.addresses.web_url, entry.code),
        };
        let status = StatusCode::from_u16(entry.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = unkept(status, &body);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED && tried_basic {
            headers.insert(header::WWW_AUTHENTICATE, BASIC_CHALLENGE);
        }
        let waits = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if let Some(seconds) = self.retry_after_s.or(waits.then_some(RETRY_AFTER_S)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// `error_description` has no quotation marks, backslashes or characters outside ASCII (RFC 6749 §5.2).
fn described(message: &str) -> String {
    let mut described = String::with_capacity(message.len());
    for one in message.chars() {
        match one {
            '…' => described.push_str("..."),
            ' ' | '!' | '#'..='[' | ']'..='~' => described.push(one),
            _ => described.push('?'),
        }
    }
    described
}

/// A body that no one on the way keeps (RFC 6749 §5.1).
pub(super) fn unkept(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request for a token could not read or write the store");
        Self::plain("store", Trouble::TokensUnavailable).words(error.to_string())
    }
}

impl From<PortFault> for Refused {
    fn from(error: PortFault) -> Self {
        tracing::error!(%error, "an access token could not be signed");
        Self::plain("signature", Trouble::TokensUnavailable).words(error.to_string())
    }
}

/// Any method but POST.
pub(super) async fn not_posted(State(portal): State<Portal>, note: Note) -> Response {
    let mut response = Refused::plain("method", Trouble::FormNotPosted).answer(&portal, &note, false);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_hold_what_the_rfc_allows() {
        assert_eq!(
            described("The value 'a\"b\\c\u{e4}\u{1b}…' was not valid."),
            "The value 'a?b?c??...' was not valid."
        );
        for trouble in Trouble::ALL {
            assert_eq!(described(&trouble.message("x")), trouble.message("x"), "{}", trouble.entry().code);
        }
    }
}
