//! Why a call was not answered by the service: the variant is the blame.

use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::Outcome;

/// What ended a call.
#[derive(Debug)]
pub enum Failure {
    /// Our "no": the caller can mend it, or must wait.
    Refused(Refusal),
    /// The service failed.
    Service(ServiceFailure),
    /// Our own bug or want.
    Fault(Fault),
}

/// How the service failed.
#[derive(Debug)]
pub struct ServiceFailure {
    /// What the caller is told: 500 `unexpected`, or 503 `service-unavailable` or `service-timeout`.
    pub cause: Cause,
    /// What happened, for operators.
    pub words: String,
}

/// Our own bug or want.
#[derive(Debug)]
pub struct Fault {
    /// What happened, for operators.
    pub words: String,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<ServiceFailure> for Failure {
    fn from(failure: ServiceFailure) -> Self {
        Self::Service(failure)
    }
}

impl Failure {
    /// A fault in words.
    pub fn fault(words: impl Into<String>) -> Self {
        Self::Fault(Fault { words: words.into() })
    }

    /// The refusal that tells it to the caller, and whether it is a "no" or a failure.
    #[must_use]
    pub fn told(self, retry_after_s: u64) -> (Refusal, Outcome) {
        match self {
            Self::Refused(refusal) => {
                let outcome = if refusal.status >= 500 { Outcome::Failed } else { Outcome::Refused };
                (refusal, outcome)
            }
            Self::Service(failure) => {
                let refusal = Refusal::new(failure.cause).operator_words(failure.words);
                let refusal = if refusal.status == 503 { refusal.retry_after_s(retry_after_s) } else { refusal };
                (refusal, Outcome::Failed)
            }
            Self::Fault(fault) => (Refusal::new(Cause::Unexpected).operator_words(fault.words), Outcome::Failed),
        }
    }
}
