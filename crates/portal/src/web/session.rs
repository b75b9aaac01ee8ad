//! Who is at the browser: the session's cookie, the session behind it, and the mark of the browser's forms.
//!
//! The cookie is there before anybody signs in, so that the form for that has a mark too, and has another value after.

mod cookie;
pub(super) mod device;

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_rules::key;
use limen_rules::model::{Declared, Name, User};
use limen_rules::sign_in::record::{Hash, Session};
use limen_rules::sign_in::{SESSION_LIFE_S, mark};
use limen_store::StoreError;

use crate::ports::Portal;
pub(super) use cookie::Jar;

/// What the session's cookie is called.
const SESSION: &str = "limen-session";
/// The characters of 32 bytes in base64url.
const VALUE_CHARACTERS: usize = 43;

/// A browser at a page, and who signed in with it.
#[derive(Clone)]
pub(super) struct Visitor {
    /// What is declared, as it was when the request came.
    pub(super) declared: Arc<Declared>,
    /// Who signed in.
    pub(super) user: Option<User>,
    /// The value of the cookie that came, if it has our form.
    value: Option<String>,
    /// The value of the cookie that goes back.
    given: Option<String>,
}

impl Visitor {
    /// Reads who is there.
    ///
    /// # Errors
    /// Where the store can't be read: nobody is taken for signed out then.
    pub(super) async fn of(portal: &Portal, headers: &HeaderMap) -> Result<Self, StoreError> {
        let declared = portal.store.declared_at_present().await?;
        let value = Jar::of(portal).read(headers, SESSION).filter(|value| has_our_form(value));
        let mut visitor = Self { declared, user: None, value, given: None };
        if let Some(hash) = visitor.hash() {
            let now_us = portal.clock.now_us();
            if let Some(session) = portal.store.session(hash, now_us).await? {
                visitor.user = active(&visitor.declared, &session.user).cloned();
                portal.store.touch_session(hash, now_us).await?;
            }
        }
        Ok(visitor)
    }

    /// What the store finds the session by.
    pub(super) fn hash(&self) -> Option<Hash> {
        self.value.as_deref().map(key::hash)
    }

    /// The mark of forms on a page for this browser, which gets a cookie if it has none.
    pub(super) fn form_mark(&mut self, portal: &Portal) -> String {
        mark::of_form(self.secret(portal))
    }

    /// What only this browser and we know: the value of its cookie, which it gets if it has none.
    pub(super) fn secret(&mut self, portal: &Portal) -> &str {
        self.value.get_or_insert_with(|| {
            let value = draw(portal);
            self.given = Some(value.clone());
            value
        })
    }

    /// The same, if the browser came with it.
    pub(super) fn brought(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// Whether a form's mark is this browser's.
    pub(super) fn has_mark(&self, sent: &str) -> bool {
        self.value.as_deref().is_some_and(|value| mark::is_of_form(sent, value))
    }

    /// Begins a session under a new value, and ends the one that was there. `began_at_us` is a moment before the
    /// password was looked up.
    ///
    /// # Errors
    /// Where the store refuses: the user was switched off, or their password set anew, meanwhile.
    pub(super) async fn sign_in(&mut self, portal: &Portal, user: &Name, began_at_us: i64) -> Result<(), StoreError> {
        let value = draw(portal);
        let session = Session {
            user: user.clone(),
            signed_in_at_us: began_at_us,
            seen_at_us: began_at_us,
            expires_at_us: began_at_us.saturating_add(SESSION_LIFE_S * 1_000_000),
        };
        portal.store.insert_session(key::hash(&value), &session).await?;
        if let Some(old) = self.hash() {
            portal.store.remove_session(old).await?;
        }
        self.user = active(&self.declared, user).cloned();
        self.value = Some(value.clone());
        self.given = Some(value);
        Ok(())
    }

    /// Ends the session; the browser gets a cookie that says nothing.
    ///
    /// # Errors
    /// Where the store can't be written.
    pub(super) async fn sign_out(&mut self, portal: &Portal) -> Result<(), StoreError> {
        if let Some(hash) = self.hash() {
            portal.store.remove_session(hash).await?;
        }
        let value = draw(portal);
        self.user = None;
        self.value = Some(value.clone());
        self.given = Some(value);
        Ok(())
    }

    /// Puts what this browser is to keep on an answer, which nobody else is to keep.
    pub(super) fn seen_off(&self, portal: &Portal, mut response: Response) -> Response {
        if let Some(value) = &self.given {
            Jar::of(portal).put(response.headers_mut(), SESSION, value, None);
        }
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

fn active<'d>(declared: &'d Declared, name: &str) -> Option<&'d User> {
    declared.users.iter().find(|user| *user.name == *name && !user.disabled)
}

/// 32 random bytes in base64url.
pub(super) fn draw(portal: &Portal) -> String {
    let mut bytes = [0_u8; 32];
    portal.random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn has_our_form(value: &str) -> bool {
    value.len() == VALUE_CHARACTERS && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
