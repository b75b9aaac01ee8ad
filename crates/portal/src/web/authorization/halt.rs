//! What ends a step of the flow before its end, and how that is told: on a page, or to the application by a redirect,
//! which happens only once somebody has signed in (RFC 9700 §4.11.2).

use axum::response::Response;
use limen_rules::model::Name;
use limen_rules::sign_in::redirect_uri::with_answer;
use limen_rules::sign_in::request::{self, Request, Wrong};
use limen_rules::sign_in::trouble::{Told as Where, Trouble};
use limen_store::StoreError;

use super::Flow;
use crate::web::sign_in::see_other;
use crate::web::told::Told;

/// Why a step went no further.
pub(super) enum Halt {
    /// Something is wrong.
    Wrong(Wrong),
    /// Somebody has to sign in first.
    SignInFirst,
    /// The application isn't connected to the environment of this name.
    NotConnected(Name),
    /// The store can't be read or written.
    Store(StoreError),
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Halt {
    /// Something is wrong; `sent` is what it is about.
    pub(super) fn of(trouble: Trouble, sent: &str) -> Self {
        Self::Wrong(Wrong { trouble, sent: sent.to_owned() })
    }
}

impl Flow {
    /// Tells why it went no further.
    pub(super) fn tell(&self, halt: &Halt) -> Response {
        let (trouble, sent) = match halt {
            Halt::Wrong(wrong) => (wrong.trouble, wrong.sent.as_str()),
            Halt::SignInFirst => (Trouble::FormExpired, ""),
            Halt::NotConnected(environment) => (Trouble::NotConnected, &**environment),
            Halt::Store(error) => {
                tracing::error!(%error, request_id = %self.request_id.0, "signing in could not use the store");
                (Trouble::SignInUnavailable, "")
            }
        };
        let entry = trouble.entry();
        // What stands where an id should may be a secret: it isn't kept.
        let kept = if trouble == Trouble::ClientIdInvalid { "…" } else { sent };
        self.note.refused("request", trouble, trouble.message(kept));
        let declared = &self.visitor.declared;
        match request::judge(&self.parameters, declared) {
            Ok(request) if entry.told == Where::Redirect && self.visitor.user.is_some() => {
                self.redirect_error(&request, trouble, sent)
            }
            _ => Told::with(trouble, sent, &self.parameters, &self.request_id).answer(),
        }
    }

    fn redirect_error(&self, request: &Request<'_>, trouble: Trouble, sent: &str) -> Response {
        let entry = trouble.entry();
        let description = trouble.description(sent);
        let page = format!("{}/authentication-issues#{}", self.portal.addresses.web_url, entry.code);
        let mut answer: Vec<(&str, &[u8])> =
            vec![("error", entry.error.as_bytes()), ("error_description", description.as_bytes())];
        if entry.error == "access_denied" {
            // What applications of before the RFC read.
            answer.push(("error_message", description.as_bytes()));
        }
        answer.push(("error_uri", page.as_bytes()));
        self.redirect(request, &answer)
    }

    /// Sends the browser to the application, with `state` as it came and our name (RFC 9207).
    pub(super) fn redirect(&self, request: &Request<'_>, answer: &[(&str, &[u8])]) -> Response {
        let issuer = self.portal.signer.issuer().issuer;
        let state = request.state.as_deref().map(|state| ("state", state));
        let issuer = ("iss", issuer.as_bytes());
        let whole: Vec<(&str, &[u8])> = answer.iter().copied().chain(state).chain([issuer]).collect();
        see_other(&with_answer(&request.redirect_uri, &whole))
    }
}
