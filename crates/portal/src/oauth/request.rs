//! What all forms have in common: they are read, within bounds, and the application that sends them is authenticated.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use limen_rules::model::Application;
use limen_rules::record::Which;
use limen_rules::sign_in::credentials::{Authenticated, Way, authenticate, is_basic, presented};
use limen_rules::sign_in::form::{FORM_MAX_BYTES, Form};
use limen_rules::sign_in::trouble::Trouble;

use super::answer::Refused;
use super::journal::Note;
use crate::attempts::Attempt;
use crate::ports::Portal;
use crate::web::PeerAddress;

/// For a whole form to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(20);

/// A form, and the application that was shown to have sent it.
pub(super) struct Asked {
    pub(super) form: Form,
    pub(super) application: Application,
    /// How it was shown; a public application shows nothing.
    pub(super) authenticated: Authenticated,
}

/// Whether a request tries to authenticate by Basic.
pub(super) fn tries_basic(headers: &HeaderMap) -> bool {
    authorization(headers).into_iter().any(is_basic)
}

fn authorization(headers: &HeaderMap) -> Vec<&str> {
    // A value that isn't text is an attempt that can't be read.
    headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().unwrap_or("Basic ?")).collect()
}

/// Reads the form and authenticates the application.
pub(super) async fn read(
    portal: &Portal,
    note: &Note,
    PeerAddress(address): PeerAddress,
    request: Request,
) -> Result<Asked, Refused> {
    let (parts, body) = request.into_parts();
    let unread = || Refused::plain("form", Trouble::NotAForm);
    let body = tokio::time::timeout(FORM_TIMEOUT, to_bytes(body, FORM_MAX_BYTES)).await;
    let body = body.map_err(|_| unread().words("The body did not arrive in time."))?;
    let body = body.map_err(|_| unread().words("The body is larger than 64 KiB, or broke off."))?;
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let form = Form::parse(content_type, &body).map_err(|wrong| Refused::new("form", wrong))?;
    let presented =
        presented(&authorization(&parts.headers), &form).map_err(|wrong| Refused::new("authentication", wrong))?;
    let (application, secrets) = portal.store.application(&presented.id).await?;
    if let Some(application) = &application {
        note.application(&application.name);
    }
    let hashes: Vec<(Which, [u8; 32])> = secrets.iter().map(|secret| (secret.which, secret.hash)).collect();
    let told = match (authenticate(&presented, application.as_ref(), &hashes), application) {
        (Ok(authenticated), Some(application)) => Ok((application, authenticated)),
        (Ok(_), None) => Err((Trouble::FormClientIdInvalid, presented.id.clone())),
        (Err(wrong), _) => Err(wrong),
    };
    let (application, authenticated) = told.map_err(|wrong| {
        let account = format!("application:{}", presented.id);
        let attempt = Attempt { account: &account, address, device: None };
        // A secret can't be guessed, having 178 random bits. So a right one passes even now, lest one program with an
        // old secret lock out another with the new one; what waits is the noise of the wrong ones.
        match portal.memory.attempts.take(&attempt, portal.clock.now_us()) {
            Err(wait_s) if wrong.0 != Trouble::CredentialsMissing => {
                Refused::plain("authentication", Trouble::AttemptsExhausted).retry_after_s(wait_s)
            }
            // What stands where an id should may be a secret: it isn't kept.
            _ if wrong.0 == Trouble::FormClientIdInvalid => {
                Refused::new("authentication", wrong).words("No application in use has the client_id that was sent.")
            }
            _ => Refused::new("authentication", wrong),
        }
    })?;
    let way = match presented.way {
        Way::Basic => "in the Authorization header",
        Way::Body => "in the form",
    };
    note.passed(
        "authentication",
        match authenticated {
            Authenticated::BySecret(Which::Primary) => format!("It showed its primary secret {way}."),
            Authenticated::BySecret(Which::Secondary) => format!("It showed its secondary secret {way}."),
            Authenticated::Public => format!("It is public and told its id {way}."),
        },
    );
    Ok(Asked { form, application, authenticated })
}
