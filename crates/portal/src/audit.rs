//! Who changed what through the admin API: one line in the log for every write, never with a secret in it.

use std::convert::Infallible;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use crate::socket::Peer;

/// Who asks for a write. Unknown only where no socket is between, as in tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Who(Option<Peer>);

impl Who {
    /// Writes the line: `what` is the deed in a word or two, `on` what it was done to.
    pub(crate) fn did(self, what: &'static str, on: &str) {
        let (uid, pid) = self.0.map_or((None, None), |peer| (Some(peer.uid), peer.pid));
        tracing::info!(target: "limen::audit", uid, pid, what, on, "admin write");
    }
}

/// Writes the line for a deed that somebody who signed in did on a page.
pub(crate) fn did_by_user(user: &str, what: &'static str, on: &str) {
    tracing::info!(target: "limen::audit", user, what, on, "write by a page");
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0)))
    }
}
