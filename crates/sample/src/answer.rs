//! Every way in which this service says no or fails, and the JSON that says it: always an object with `message`.
//! It knows nothing of what the gateway makes of these answers.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use crate::error::primary_code;
use crate::router::BODY_MAX_BYTES;

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// A JSON pointer (RFC 6901) into the body, or `/NAME` of a parameter.
    pub(crate) pointer: String,
    /// `body`, `query`, `path` or `header`.
    #[serde(rename = "in")]
    pub(crate) place: &'static str,
    /// A whole sentence.
    pub(crate) message: String,
}

/// Why a request isn't answered with what it asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Members, parameters or headers are wrong: all of them.
    Invalid(Vec<Problem>),
    /// The body is no JSON object; the reason has line and column where there is one.
    NotJson(String),
    /// The body has no `Content-Type`, or not that of JSON.
    NotDeclaredJson,
    /// The body is longer than [`BODY_MAX_BYTES`].
    TooLarge,
    /// The record exists, and this user may not see it.
    Hidden(String),
    /// There is no such record.
    Missing(String),
    /// No path of the router.
    UnknownPath,
    /// A path of the router, without this method.
    UnknownMethod,
    /// The database failed.
    Database(sqlx::Error),
}

/// The body that lists everything wrong.
#[derive(Serialize)]
struct Wrong {
    /// All messages in a row, for those who show only this.
    message: String,
    errors: Vec<Problem>,
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(problems) => {
                let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ");
                (StatusCode::BAD_REQUEST, Json(Wrong { message, errors: problems })).into_response()
            }
            Self::NotJson(reason) => say(StatusCode::BAD_REQUEST, &reason),
            Self::NotDeclaredJson => {
                let text = "The body must be JSON, declared as Content-Type: application/json.";
                let mut response = say(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
                response.headers_mut().insert(header::ACCEPT, axum::http::HeaderValue::from_static("application/json"));
                response
            }
            Self::TooLarge => {
                say(StatusCode::PAYLOAD_TOO_LARGE, &format!("The body is longer than {BODY_MAX_BYTES} bytes."))
            }
            Self::Hidden(text) => say(StatusCode::FORBIDDEN, &text),
            Self::Missing(text) => say(StatusCode::NOT_FOUND, &text),
            Self::UnknownPath => say(StatusCode::NOT_FOUND, "There is nothing at this path."),
            Self::UnknownMethod => say(StatusCode::METHOD_NOT_ALLOWED, "This path doesn't take this method."),
            Self::Database(error) => database_failed(&error),
        }
    }
}

/// A database that is only busy is worth another try (503); anything else is for an operator (500). The detail is for
/// operators too: the gateway never shows the inside of a failure to its callers.
fn database_failed(error: &sqlx::Error) -> Response {
    let busy = matches!(error, sqlx::Error::PoolTimedOut) || matches!(primary_code(error), Some(5 | 6));
    let detail = error.to_string();
    if busy {
        let body = Json(json!({"message": "The database is busy. Try again shortly.", "detail": detail}));
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], body).into_response();
    }
    let body = Json(json!({"message": "The database failed.", "detail": detail}));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

fn say(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_database_is_503_and_a_broken_one_500() {
        let busy = Failure::from(sqlx::Error::PoolTimedOut).into_response();
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(busy.headers()[header::RETRY_AFTER], "1");
        let broken = Failure::from(sqlx::Error::PoolClosed).into_response();
        assert_eq!(broken.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
