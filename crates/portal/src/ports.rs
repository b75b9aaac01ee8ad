//! What the portal needs from the process around it: a clock, randomness, signing, and what the gateway knows.
//!
//! Narrow traits that an object can stand for; their adapters live in the crate that has `main`.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use limen_rules::drift::DriftReport;
use limen_rules::model::Name;
use limen_rules::quota::AccountKey;
use limen_rules::token::{Claims, Issuer};
use limen_store::{Store, StoreError};

use crate::memory::Memory;
use crate::provider::Provider;
use crate::wire::{Explanation, IssuerLine, TargetLine, ToldSettings, UpgradeRefused, UsageLine};

/// A future behind a pointer, so that a trait with it can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The wall clock.
pub trait Clock: Send + Sync {
    /// Microseconds since the Unix epoch.
    fn now_us(&self) -> i64;
}

/// Randomness that is fit for secrets.
pub trait Random: Send + Sync {
    /// Fills the whole of `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// A port could not do its work. The words are for operators.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PortFault(pub String);

/// Signs tokens. The private keys stay behind it.
pub trait Signer: Send + Sync {
    /// The issuer that it signs for and whom its tokens are for: `iss` and `aud` of [`Claims`].
    fn issuer(&self) -> Issuer;

    /// Signs an access token with the current key.
    ///
    /// # Errors
    /// When there is no key or the signature can't be made.
    fn issue(&self, claims: &Claims) -> Result<String, PortFault>;

    /// Makes a new key the current one and tells its `kid`; the old one stays trusted while its tokens live.
    ///
    /// # Errors
    /// When the key can't be made or kept.
    fn rotate(&self) -> BoxFuture<'_, Result<Name, PortFault>>;
}

/// What an address outside answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its status; a redirect is one like any other and is not followed.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
    /// For how many seconds it may be kept, if it says so (RFC 9111 §5.2.2.1).
    pub max_age_s: Option<u64>,
}

/// Why nothing was answered. The words are for operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundFault {
    /// Our own rules forbid to ask.
    #[error("may not be asked: {0}")]
    Refused(String),
    /// It was asked, and nothing whole came in time.
    #[error("did not answer: {0}")]
    Failed(String),
}

/// An answer from outside.
pub type Fetch<'a> = BoxFuture<'a, Result<Fetched, OutboundFault>>;

/// The one way out for requests that a person can cause. What may be asked is `limen_rules::outbound`'s; each request is
/// bounded in time and size, and few are under way at once.
pub trait Outbound: Send + Sync {
    /// Asks with `GET`.
    fn get<'a>(&'a self, url: &'a str, fields: &'a [(&'a str, &'a str)]) -> Fetch<'a>;

    /// Sends a form (`application/x-www-form-urlencoded`) with `POST`.
    fn post_form<'a>(&'a self, url: &'a str, fields: &'a [(&'a str, &'a str)], form: String) -> Fetch<'a>;
}

/// Our secret at the sign-in provider, read when it is needed so that a new one needs no restart.
pub trait ProviderSecret: Send + Sync {
    /// The secret; none where we have none there.
    fn read(&self) -> BoxFuture<'_, Result<Option<String>, PortFault>>;
}

/// What the gateway tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GatewayStatus {
    /// How long ago the snapshot was last confirmed against the store.
    pub snapshot_age_ms: u64,
    /// The store's revision that it was made from.
    pub snapshot_revision: i64,
    /// Calls by status since the process began.
    pub calls_by_status: Vec<(u16, u64)>,
    /// Why no other process took over when that was last asked for.
    pub upgrade_refused: Option<UpgradeRefused>,
}

/// What the gateway knows, to be read.
pub trait GatewayView: Send + Sync {
    /// Its snapshot and its counts.
    fn status(&self) -> GatewayStatus;

    /// How the targets of an API stand, in the order in which they were declared.
    fn targets(&self, api: &str) -> Vec<TargetLine>;

    /// The chain of checks of a recent call, if it is still kept.
    fn explain(&self, request_id: &str) -> Option<Explanation>;

    /// How services' answers differ from what is described of them: of one API, or of all.
    fn drift(&self, api: Option<&str>) -> DriftReport;

    /// How other issuers of tokens stand, in the order in which they were declared.
    fn issuers(&self) -> Vec<IssuerLine>;

    /// Everything that is measured, as text for a monitoring system.
    fn metrics(&self) -> String;

    /// What an account has used, where it is counted.
    fn usage(&self, account: AccountKey) -> Option<UsageLine>;
}

/// Brings what was written to the calls.
pub trait SnapshotRefresh: Send + Sync {
    /// Ready when the gateway decides from `revision` or a later one: `true`; after a second at most: `false`.
    fn changed(&self, revision: i64) -> BoxFuture<'_, bool>;
}

/// Where the two sides are reached, as callers see them; without a slash at the end.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The gateway's, such as `http://127.0.0.1:8080`.
    pub gateway_url: String,
    /// The web address, such as `http://127.0.0.1:8081`.
    pub web_url: String,
}

/// The names of what the first run made as a sample, so that it can be removed in one go.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// APIs.
    pub apis: Vec<Name>,
    /// Products.
    pub products: Vec<Name>,
    /// Ids of subscriptions. Whose they are stays: a developer may have come to own other things.
    pub subscriptions: Vec<Name>,
    /// Applications, with their connections.
    pub applications: Vec<Name>,
    /// Environments.
    pub environments: Vec<Name>,
    /// Roles.
    pub roles: Vec<Name>,
    /// Users.
    pub users: Vec<Name>,
}

/// Everything that pages and admin API work with. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    /// What is kept.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For keys and ids.
    pub random: Arc<dyn Random>,
    /// For tokens.
    pub signer: Arc<dyn Signer>,
    /// What the gateway knows.
    pub gateway: Arc<dyn GatewayView>,
    /// How a write becomes live.
    pub refresh: Arc<dyn SnapshotRefresh>,
    /// Where the two sides are reached.
    pub addresses: Arc<Addresses>,
    /// The sample's names.
    pub sample: Arc<Sample>,
    /// What is held in memory between requests.
    pub memory: Memory,
    /// Through whom people sign in instead of by password, if there is somebody.
    pub provider: Option<Arc<Provider>>,
    /// The settings that the process was started with.
    pub settings: Arc<ToldSettings>,
    /// The program's version.
    pub version: &'static str,
    /// When the process began.
    pub started_at_us: i64,
    /// How stale the snapshot may be before `/readyz` says no.
    pub snapshot_age_max_ms: u64,
}

impl Portal {
    /// Waits, for a second at most, until the calls are decided from what was just written.
    pub(crate) async fn live(&self) -> Result<(), StoreError> {
        let revision = self.store.revision().await?;
        if !self.refresh.changed(revision).await {
            tracing::warn!(revision, "what was written is not live yet");
        }
        Ok(())
    }
}
