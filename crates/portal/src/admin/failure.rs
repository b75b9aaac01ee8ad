//! How the admin API says no: a status, what is wrong, and how to mend it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use limen_rules::declared::Problem;
use limen_store::StoreError;
use serde::Serialize;

use crate::ports::PortFault;
use crate::wire::{AdminError, ProblemLine};

/// A refusal of the admin API, or a fault of ours.
#[derive(Debug)]
pub(super) struct AdminFailure {
    status: StatusCode,
    error: AdminError,
}

#[derive(Serialize)]
struct Envelope {
    error: AdminError,
}

impl AdminFailure {
    fn new(status: StatusCode, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { status, error: AdminError { message: message.into(), mend: mend.into(), problems: Vec::new() } }
    }

    /// 400: the request can't be right, whatever is stored.
    pub(super) fn wrong(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message, mend)
    }

    /// 404: what it is about isn't there.
    pub(super) fn unknown(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message, mend)
    }

    /// 409: what is stored doesn't admit it.
    pub(super) fn conflict(message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message, mend)
    }

    /// 400: the body names something that isn't there; `near` is what may have been meant.
    pub(super) fn unknown_name(kind: &str, name: &str, near: Option<&str>) -> Self {
        let name: String = name.chars().filter(|character| !character.is_control()).take(63).collect();
        let mend = near.map_or_else(
            || format!("Use one that is there, or declare the {kind} in limen.yaml and apply it."),
            |near| format!("Did you mean '{near}'?"),
        );
        Self::wrong(format!("There is no {kind} '{name}'."), mend)
    }

    /// 404: nothing in the path bears that name; `near` is what may have been meant.
    pub(super) fn not_there(kind: &str, name: &str, near: Option<&str>) -> Self {
        let mend = near.map_or_else(
            || format!("List what there is with limen {kind} list."),
            |near| format!("Did you mean '{near}'?"),
        );
        Self::unknown(format!("There is no {kind} '{name}'."), mend)
    }

    /// 500: told to the log; whoever asked learns only that it wasn't their doing.
    pub(super) fn fault(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %error, "an admin request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The request failed inside Limen; what it asked for may or may not have happened.",
            "The log of the process says why. Look at what is there before you ask again.",
        )
    }

    /// 400 with everything that is wrong with declared objects; the first problem is the message.
    pub(super) fn problems(problems: Vec<Problem>) -> Result<(), Self> {
        let count = problems.len();
        let Some(first) = problems.first() else { return Ok(()) };
        let more = if count > 1 { format!(" (the first of {count} problems)") } else { String::new() };
        let mut failure = Self::wrong(format!("{}: {}{more}", first.field, first.message), first.mend.clone());
        let line = |one: Problem| ProblemLine { field: one.field, message: one.message, mend: one.mend };
        failure.error.problems = problems.into_iter().map(line).collect();
        Err(failure)
    }
}

impl From<StoreError> for AdminFailure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { what } => {
                Self::unknown(format!("There is no {what}."), "List what there is, and use a name or id from there.")
            }
            StoreError::Conflict { what } => Self::conflict(what.clone(), "Look at what is there, then ask again."),
            StoreError::Unavailable { .. } if error.to_string().contains("disk is full") => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The disk that holds the data folder is full; nothing was changed.",
                "Make room on that disk, then ask again.",
            ),
            StoreError::Unavailable { .. } => Self::fault(&error),
        }
    }
}

impl From<PortFault> for AdminFailure {
    fn from(error: PortFault) -> Self {
        Self::fault(&error)
    }
}

impl IntoResponse for AdminFailure {
    fn into_response(self) -> Response {
        (self.status, Json(Envelope { error: self.error })).into_response()
    }
}
