//! What the portal holds in memory between requests, shared by the web address and the admin API. Nothing here
//! outlives the process, and all of it is bounded.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use crate::attempts::Attempts;
use crate::logo::Logos;
use crate::oauth::{Journal, Origins};
use crate::password::Passwords;
use crate::web::Documents;

/// Cheap to clone; clones share what is held.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    turn: Arc<Mutex<()>>,
    /// Who makes and compares hashes of passwords.
    pub passwords: Passwords,
    /// Who makes logos.
    pub logos: Logos,
    /// Failed attempts to authenticate.
    pub(crate) attempts: Arc<Attempts>,
    /// What happened to recent requests of sign-in and token endpoints.
    pub(crate) journal: Arc<Journal>,
    /// From where browsers may call the token endpoint.
    pub(crate) origins: Arc<Origins>,
    /// What public APIs say of themselves.
    pub(crate) documents: Documents,
}

impl Memory {
    /// Waits until no other write is under way: checks and the write that rests on them are one step for all other
    /// writers, whichever side they came in by.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}
