//! The recent requests of sign-in and token endpoints: what was found at each step, so that `limen explain` can tell it.
//!
//! A bounded ring in memory. Whoever writes into it brings words; secrets, codes and tokens are never among them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use limen_rules::sign_in::trouble::Trouble;

use crate::ports::Portal;
use crate::web::RequestId;
use crate::wire::{Check, Explanation};

/// So many requests are kept, the latest.
const KEPT_MAX: usize = 2_048;
/// So many steps of one request are.
const STEPS_MAX: usize = 12;
/// So long a step's words, or any other text, may be. All in all that is 8 MB at most.
const TEXT_MAX_BYTES: usize = 300;

/// What is kept of one request.
#[derive(Clone, Debug, Default)]
struct Kept {
    application: Option<String>,
    user: Option<String>,
    environment: Option<String>,
    code: Option<&'static str>,
    steps: Vec<Check>,
}

/// What the steps of one request find; cheap to clone. A request without a step isn't kept.
///
/// As an extractor it never fails: where no layer put one there, what is written goes nowhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note(Arc<Mutex<Kept>>);

impl Note {
    /// A step let the request go on; `words` are for operators and the application's developer.
    pub(crate) fn passed(&self, step: &'static str, words: impl Into<String>) {
        self.step(step, "passed", &words.into());
    }

    /// A step ended the request; `words` say more than the answer does.
    pub(crate) fn refused(&self, step: &'static str, trouble: Trouble, words: impl Into<String>) {
        let outcome = if trouble.entry().status >= 500 { "failed" } else { "refused" };
        self.step(step, outcome, &words.into());
        self.write(|kept| kept.code = Some(trouble.entry().code));
    }

    /// Which application it is about.
    pub(crate) fn application(&self, name: &str) {
        self.write(|kept| kept.application = Some(cut(name)));
    }

    /// Which user it is about.
    pub(crate) fn user(&self, name: &str) {
        self.write(|kept| kept.user = Some(cut(name)));
    }

    /// Which environment it is about.
    pub(crate) fn environment(&self, name: &str) {
        self.write(|kept| kept.environment = Some(cut(name)));
    }

    fn step(&self, step: &'static str, outcome: &'static str, words: &str) {
        self.write(|kept| {
            if kept.steps.len() < STEPS_MAX {
                kept.steps.push(Check { check: step.into(), outcome: outcome.into(), words: cut(words) });
            }
        });
    }

    fn write(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<S: Sync> FromRequestParts<S> for Note {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Gives a request to the web address its [`Note`], and keeps what was written there once it is answered.
pub(crate) async fn keep(State(portal): State<Portal>, mut request: Request, next: Next) -> Response {
    let note = Note::default();
    request.extensions_mut().insert(note.clone());
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
    let at_us = portal.clock.now_us();
    let response = next.run(request).await;
    let duration_us = u64::try_from(portal.clock.now_us().saturating_sub(at_us)).unwrap_or(0);
    let status = response.status().as_u16();
    portal.memory.journal.keep(Finished { request_id, at_us, duration_us, method, path, status }, &note);
    response
}

/// A request that is over, but for what its note says.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// Its `X-Request-Id`.
    pub(crate) request_id: String,
    pub(crate) at_us: i64,
    pub(crate) duration_us: u64,
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// The latest requests.
#[derive(Debug, Default)]
pub struct Journal(Mutex<VecDeque<(Finished, Kept)>>);

impl Journal {
    /// Keeps a request, if its note has a step.
    pub(crate) fn keep(&self, finished: Finished, note: &Note) {
        let kept = note.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if kept.steps.is_empty() {
            return;
        }
        let finished = Finished { method: cut(&finished.method), path: cut(&finished.path), ..finished };
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= KEPT_MAX {
            ring.pop_front();
        }
        ring.push_back((finished, kept));
    }

    /// What happened to a request, if it is still kept.
    pub(crate) fn explain(&self, request_id: &str) -> Option<Explanation> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (finished, kept) = ring.iter().rev().find(|(finished, _)| finished.request_id == request_id)?;
        let about = [("application", &kept.application), ("user", &kept.user), ("environment", &kept.environment)];
        let known: Vec<String> =
            about.iter().filter_map(|(what, name)| Some(format!("{what} {}", name.as_deref()?))).collect();
        let mut checks = kept.steps.clone();
        if !known.is_empty() {
            let words = format!("It is about {}.", known.join(", "));
            checks.insert(0, Check { check: "request".into(), outcome: "passed".into(), words });
        }
        Some(Explanation {
            request_id: finished.request_id.clone(),
            at_us: finished.at_us,
            method: finished.method.clone(),
            path: finished.path.clone(),
            status: finished.status,
            code: kept.code.map(str::to_owned),
            duration_us: finished.duration_us,
            checks,
        })
    }
}

fn cut(text: &str) -> String {
    let end = (0..=TEXT_MAX_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(request_id: &str) -> Finished {
        Finished {
            request_id: request_id.into(),
            at_us: 5,
            duration_us: 7,
            method: "POST".into(),
            path: "/token".into(),
            status: 400,
        }
    }

    #[test]
    fn a_request_is_told_step_by_step() {
        let (journal, note) = (Journal::default(), Note::default());
        note.application("mobile");
        note.environment("museum");
        note.passed("authentication", "Basic, primary secret.");
        note.refused("code", Trouble::CodeInvalid, "It was used before.");
        journal.keep(finished("a"), &note);
        let told = journal.explain("a").unwrap();
        assert_eq!((told.status, told.code.as_deref()), (400, Some("code-invalid")));
        let checks: Vec<_> = told.checks.iter().map(|one| (&*one.check, &*one.outcome, &*one.words)).collect();
        assert_eq!(
            checks,
            [
                ("request", "passed", "It is about application mobile, environment museum."),
                ("authentication", "passed", "Basic, primary secret."),
                ("code", "refused", "It was used before."),
            ]
        );
        assert!(journal.explain("b").is_none());
    }

    #[test]
    fn only_the_latest_are_kept_and_none_is_large() {
        let journal = Journal::default();
        journal.keep(finished("nothing"), &Note::default());
        for at in 0..=KEPT_MAX {
            let note = Note::default();
            for _ in 0..STEPS_MAX + 5 {
                note.passed("step", "ä".repeat(10_000));
            }
            journal.keep(Finished { path: "/".repeat(10_000), ..finished(&at.to_string()) }, &note);
        }
        assert!(journal.explain("nothing").is_none() && journal.explain("0").is_none());
        let last = journal.explain(&KEPT_MAX.to_string()).unwrap();
        assert_eq!((last.checks.len(), last.path.len()), (STEPS_MAX, TEXT_MAX_BYTES));
        assert_eq!(last.checks[0].words.len(), TEXT_MAX_BYTES);
        assert_eq!(journal.0.lock().unwrap().len(), KEPT_MAX);
    }
}
