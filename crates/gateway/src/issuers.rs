//! What is known of other issuers: their keys, which the process fetches beside the calls, and their word on tokens that
//! say nothing themselves. It fetches nothing; who does is told what is due, and asks through a port.

mod answers;
mod state;

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use limen_rules::issuer::LiveIssuer;
use limen_rules::model::Introspection;
use limen_rules::snapshot::Catalog;
use tokio::sync::Notify;

pub(crate) use answers::{Vouched, Word};
pub use state::{Counts, IssuerState, Standing};

/// An issuer's answer: status and body; or why there is none, for operators.
pub type Answered = Pin<Box<dyn Future<Output = Result<(u16, Vec<u8>), String>> + Send>>;

/// Asks issuers about tokens (RFC 7662), within a few seconds and without stalling the core that it is called on.
pub trait Introspector: Send + Sync {
    /// Asks one issuer about one token.
    fn ask(&self, introspection: &Introspection, token: &str) -> Answered;
}

/// All issuers that are declared.
#[derive(Default)]
pub struct Issuers {
    known: ArcSwap<Vec<Arc<IssuerState>>>,
    following: Mutex<()>,
    due: Notify,
    introspector: Option<Arc<dyn Introspector>>,
}

impl Issuers {
    /// Knows nothing yet; tokens that say nothing are asked about through `introspector`.
    #[must_use]
    pub fn new(introspector: Arc<dyn Introspector>) -> Self {
        Self { introspector: Some(introspector), ..Self::default() }
    }

    /// Takes over what is declared. What was known of an issuer stays where its keys and its word come from the same
    /// place.
    pub fn follow(&self, catalog: &Catalog) {
        let _turn = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.known.load();
        for issuer in catalog.issuers.iter() {
            let kept = before.iter().find(|state| state.is_of(&issuer.settings));
            if kept.is_some_and(|state| state.set_pause(&issuer.settings)) {
                self.due.notify_one();
            }
        }
        let is_as_before = before.len() == catalog.issuers.len()
            && before.iter().zip(catalog.issuers.iter()).all(|(state, issuer)| state.is_of(&issuer.settings));
        if is_as_before {
            return;
        }
        let state = |issuer: &Arc<LiveIssuer>| {
            let kept = before.iter().find(|state| state.is_of(&issuer.settings)).map(Arc::clone);
            kept.unwrap_or_else(|| Arc::new(IssuerState::new(&issuer.settings)))
        };
        self.known.store(Arc::new(catalog.issuers.iter().map(state).collect()));
        self.due.notify_one();
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Arc<IssuerState>>> {
        self.known.load_full()
    }

    /// What is known of one; nothing for a moment after it was declared.
    pub(crate) fn of(&self, issuer: &LiveIssuer) -> Option<Arc<IssuerState>> {
        self.known.load().iter().find(|state| state.is_of(&issuer.settings)).map(Arc::clone)
    }

    /// Ready when a fetch may have become due sooner than was thought.
    pub async fn became_due(&self) {
        self.due.notified().await;
    }

    /// A token is signed by a key that isn't known.
    pub(crate) fn want_keys(&self, state: &IssuerState) {
        if state.want_keys() {
            self.due.notify_one();
        }
    }

    pub(crate) fn introspector(&self) -> Option<Arc<dyn Introspector>> {
        self.introspector.clone()
    }
}
