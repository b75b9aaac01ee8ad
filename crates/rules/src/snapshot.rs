//! The immutable picture that one call is decided from, and how it is made from the store's directory.
//!
//! It is built of shards behind `Arc`s, so that one changed subscription replaces one shard and not a million entries.

mod people;
pub mod subscriptions;
mod targets;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use http::HeaderName;
use sha2::{Digest, Sha256};

use crate::cors::{AllowedOrigins, CorsSettings};
use crate::description::{self, LiveDescription};
use crate::issuer::LiveIssuer;
use crate::media::MediaRange;
use crate::model::{Access, Api, CountedBy, Name, Operation, Product, Role, Validate};
use crate::period::Period;
use crate::policy::{self, OperationPolicies};
use crate::quota::{AccountKey, QuotaTerms};
use crate::record::{Directory, Notice, Subscription, SubscriptionState, VerifyingKey};
use crate::routing::{OperationTable, RouteTable};
use crate::schema::Library;
use crate::token::{Issuer, TrustedKey};

use self::subscriptions::{Builder, FoundKey, Subscriptions};
pub use people::{LiveApplication, LiveConnection, LiveMember, LiveMembership, LiveUser, PermissionBits};
pub use targets::LiveTarget;

/// A subscription as calls see it: nothing of it is copied out of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSubscription<'s> {
    /// Its id.
    pub id: &'s str,
    /// What its use is counted under.
    pub account: AccountKey,
    /// Its product.
    pub product: &'s Name,
    /// See [`LiveSubscription::developer`].
    developer: &'s [u8],
    /// Where it stands, its own end aside.
    pub state: SubscriptionState,
    /// From when periods are counted.
    pub started_at_us: i64,
    /// When it expires by itself.
    pub ends_at_us: Option<i64>,
}

impl<'s> LiveSubscription<'s> {
    /// Whose it is. Read only where it is asked for: among a million, each line of memory that a call touches costs it.
    #[must_use]
    pub fn developer(&self) -> &'s str {
        std::str::from_utf8(self.developer).unwrap_or_default()
    }

    /// Where it stands at a moment: an active one expires by itself.
    #[must_use]
    pub fn state_at(&self, now_us: i64) -> SubscriptionState {
        if self.state == SubscriptionState::Active && self.ends_at_us.is_some_and(|end| now_us >= end) {
            SubscriptionState::Expired
        } else {
            self.state
        }
    }
}

/// The account that a subscription's use is counted under.
#[must_use]
pub fn account_of(subscription_id: &str) -> AccountKey {
    first_half(&Sha256::digest(subscription_id.as_bytes()))
}

/// The account that an application's use of a product in an environment is counted under, whichever subscription it
/// comes with. Names have no space in them, so that no two connections and no subscription's id are hashed alike.
#[must_use]
pub fn account_of_connection(product: &str, application: &str, environment: &str) -> AccountKey {
    let mut digest = Sha256::new();
    for part in ["connection ", product, " ", application, " ", environment] {
        digest.update(part.as_bytes());
    }
    first_half(&digest.finalize())
}

fn first_half(digest: &[u8]) -> AccountKey {
    let mut bytes = [0_u8; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = *from);
    AccountKey(u128::from_be_bytes(bytes))
}

/// An API as calls see it.
#[derive(Debug)]
pub struct LiveApi {
    /// As declared.
    pub api: Api,
    /// The service's addresses; none for the sample service inside the process.
    pub targets: Vec<LiveTarget>,
    /// The headers that carry a key.
    pub key_headers: Vec<HeaderName>,
    /// Its operations; empty: any method and path is one.
    pub operations: Vec<LiveOperation>,
    /// What stands for every operation where none is declared.
    pub any_operation: LiveOperation,
    /// Operations by template.
    pub table: OperationTable,
    /// Cross-origin rules.
    pub cors: CorsSettings,
    /// The number under which its calls are counted, once somebody counts.
    pub counted_as: OnceLock<usize>,
}

/// An operation as calls see it, the API's defaults filled in.
#[derive(Clone, Debug)]
pub struct LiveOperation {
    /// Its name; none where the API declares no operations.
    pub name: Option<Name>,
    /// What it needs.
    pub access: Access,
    /// The permission that it needs, with its bit.
    pub permission: Option<(u32, Name)>,
    /// Media types of its bodies.
    pub media_types: Vec<MediaRange>,
    /// The largest body, in bytes.
    pub body_max_bytes: u64,
    /// How parameters and bodies are looked at.
    pub validate: Validate,
    /// What parameters, bodies and answers must be, made ready.
    pub description: Arc<LiveDescription>,
    /// The policies that may apply to it.
    pub policies: Option<Arc<OperationPolicies>>,
}

/// A product as calls see it.
#[derive(Debug)]
pub struct LiveProduct {
    /// As declared.
    pub product: Product,
    period: Option<Arc<Period>>,
}

/// From when a connection's periods of seconds are counted, in microseconds since the epoch: subscriptions that share
/// the account began at different times, and a period has one beginning
/// (`docs/decisions/0036-connections-counted-from-the-epoch.md`).
pub const CONNECTION_START_US: i64 = 0;

impl LiveProduct {
    fn new(product: &Product) -> Self {
        let period = product.quota.as_ref().map(|quota| Arc::new(quota.period.clone()));
        Self { product: product.clone(), period }
    }

    /// Whether its calls are counted by the token's application and environment.
    #[must_use]
    pub fn counts_connections(&self) -> bool {
        self.product.counted_by == CountedBy::Connection
    }

    /// What an account whose periods are counted from `start_us` may use in one.
    #[must_use]
    pub fn quota_terms(&self, start_us: i64) -> Option<QuotaTerms> {
        let (quota, period) = (self.product.quota.as_ref()?, self.period.as_ref()?);
        Some(QuotaTerms { calls: quota.calls, bytes: quota.bytes, period: Arc::clone(period), start_us })
    }
}

/// Things by name. No caller chooses what is in one, so a hash that is quick is enough
/// (`docs/decisions/0040-a-quick-hash-where-nobody-chooses-the-keys.md`).
pub type Named<T> = HashMap<Name, T, RandomState>;

/// Everything of a snapshot but the subscriptions. A clone shares what there may be many of.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// APIs in the order of their names' declaration.
    pub apis: Vec<Arc<LiveApi>>,
    /// Base paths.
    pub routes: RouteTable,
    /// Products by name.
    pub products: Named<Arc<LiveProduct>>,
    /// Users by name.
    pub users: Arc<Named<LiveUser>>,
    /// Applications by name, with their connections.
    pub applications: Arc<Named<LiveApplication>>,
    /// What stands for which permission.
    pub permissions: PermissionBits,
    /// Roles, for words.
    pub roles: Vec<Role>,
    /// Notices that aren't long over.
    pub notices: Vec<Notice>,
    /// Grants that were revoked and whose tokens may still be in time.
    pub revoked_grants: HashSet<Name, RandomState>,
    /// Keys that verify tokens.
    pub trusted_keys: Named<TrustedKey>,
    /// Who issues tokens, for whom.
    pub issuer: Issuer,
    /// Who issues tokens besides ourselves.
    pub issuers: Arc<[Arc<LiveIssuer>]>,
}

/// The immutable picture that one call is decided from.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The store's revision that it shows.
    pub revision: i64,
    /// Everything but subscriptions.
    pub catalog: Arc<Catalog>,
    subscriptions: Subscriptions,
}

impl Snapshot {
    /// Makes a whole snapshot.
    #[must_use]
    pub fn new(revision: i64, directory: &Directory, issuer: Issuer) -> Self {
        let mut builder = Builder::with_expected(directory.subscriptions.len());
        for subscription in &directory.subscriptions {
            builder.add(&subscription.into());
        }
        Self::of(revision, directory, builder.build(), issuer)
    }

    /// Makes a whole snapshot of subscriptions that were read apart from the rest.
    #[must_use]
    pub fn of(revision: i64, directory: &Directory, subscriptions: Subscriptions, issuer: Issuer) -> Self {
        Self { revision, catalog: Arc::new(Catalog::new(directory, issuer, None)), subscriptions }
    }

    /// The key with that SHA-256, and its subscription.
    #[must_use]
    pub fn key(&self, hash: &[u8; 32]) -> Option<FoundKey<'_>> {
        self.subscriptions.find(hash)
    }

    /// The same with everything but the subscriptions replaced.
    #[must_use]
    pub fn with_catalog(&self, revision: i64, directory: &Directory, issuer: Issuer) -> Self {
        let catalog = Catalog::new(directory, issuer, Some(&self.catalog));
        Self { revision, catalog: Arc::new(catalog), subscriptions: self.subscriptions.clone() }
    }

    /// The same with other grants revoked; nothing else is made anew.
    #[must_use]
    pub fn with_revoked_grants(&self, revision: i64, revoked: Vec<Name>) -> Self {
        let catalog = Catalog { revoked_grants: revoked.into_iter().collect(), ..Catalog::clone(&self.catalog) };
        Self { revision, catalog: Arc::new(catalog), subscriptions: self.subscriptions.clone() }
    }

    /// The same with some subscriptions replaced and some taken out.
    #[must_use]
    pub fn with_subscriptions(&self, revision: i64, changed: &[Subscription], removed: &[Name]) -> Self {
        let mut next = self.clone();
        next.revision = revision;
        for id in removed {
            next.subscriptions.take_out(id);
        }
        for subscription in changed {
            next.subscriptions.put(&subscription.into());
        }
        next
    }
}

impl Catalog {
    /// `before` is the catalog until now: what takes long to make ready is taken from it where it is the same.
    fn new(directory: &Directory, issuer: Issuer, before: Option<&Self>) -> Self {
        let declared = &directory.declared;
        let bits = PermissionBits::of(declared);
        let live = |api: &Api| Arc::new(LiveApi::new(api, &bits, before.and_then(|before| before.api(&api.name))));
        let apis: Vec<_> = declared.apis.iter().map(live).collect();
        Self {
            routes: RouteTable::new(apis.iter().map(|api| api.api.base_path.as_str())),
            apis,
            products: declared
                .products
                .iter()
                .map(|product| (product.name.clone(), Arc::new(LiveProduct::new(product))))
                .collect(),
            users: Arc::new(people::live_users(declared, &bits)),
            applications: Arc::new(people::live_applications(declared, &bits)),
            permissions: bits,
            roles: declared.roles.clone(),
            notices: directory.notices.clone(),
            revoked_grants: directory.revoked_grants.iter().cloned().collect(),
            trusted_keys: directory.verifying_keys.iter().map(trusted).collect(),
            issuer,
            issuers: declared.issuers.iter().map(|one| Arc::new(LiveIssuer::new(one, declared))).collect(),
        }
    }

    /// The API of that name.
    #[must_use]
    pub fn api(&self, name: &str) -> Option<&Arc<LiveApi>> {
        self.apis.iter().find(|api| &*api.api.name == name)
    }
}

fn trusted(key: &VerifyingKey) -> (Name, TrustedKey) {
    (key.kid.clone(), TrustedKey::new(&key.public_point, key.trusted_until_us))
}

impl LiveApi {
    fn new(api: &Api, bits: &PermissionBits, before: Option<&Arc<Self>>) -> Self {
        let before = before.map(|before| &**before);
        let library = Library::new(&api.schemas);
        let live = |operation: Option<&Operation>| LiveOperation {
            name: operation.map(|one| one.name.clone()),
            access: operation.and_then(|one| one.access).unwrap_or(api.access),
            permission: operation
                .and_then(|one| one.permission.as_ref())
                .and_then(|name| bits.bit(name).map(|bit| (bit, name.clone()))),
            media_types: operation
                .and_then(|one| one.media_types.as_ref())
                .unwrap_or(&api.media_types)
                .iter()
                .filter_map(|name| MediaRange::parse(name))
                .collect(),
            body_max_bytes: operation.and_then(|one| one.body_max_bytes).unwrap_or(api.body_max_bytes),
            validate: operation.and_then(|one| one.validate).unwrap_or(api.validate),
            description: operation.map_or_else(Arc::default, |one| description::live(api, one, &library, before)),
            policies: None,
        };
        let guarded = api.operations.iter().zip(policy::live(api, before));
        Self {
            targets: targets::live(api),
            key_headers: key_headers(api),
            operations: guarded
                .map(|(operation, policies)| LiveOperation { policies, ..live(Some(operation)) })
                .collect(),
            any_operation: live(None),
            table: OperationTable::new(api.operations.iter().map(|one| (one.method.as_str(), one.path.as_str()))),
            cors: cors(api),
            counted_as: OnceLock::new(),
            api: api.clone(),
        }
    }
}

fn cors(api: &Api) -> CorsSettings {
    let any = api.cors.allow_origins.iter().any(|origin| origin == "*");
    CorsSettings {
        allow_origins: if any { AllowedOrigins::Any } else { AllowedOrigins::List(api.cors.allow_origins.clone()) },
        allow_credentials: api.cors.allow_credentials,
        max_age_s: api.cors.max_age_s,
        key_headers: key_headers(api),
        ..CorsSettings::default()
    }
}

fn key_headers(api: &Api) -> Vec<HeaderName> {
    std::iter::once(&api.key.header)
        .chain(&api.key.aliases)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{StoredKey, Which};

    fn subscription(id: &str, hash: [u8; 32]) -> Subscription {
        Subscription {
            id: id.into(),
            product: "standard".into(),
            developer: "dev".into(),
            state: SubscriptionState::Active,
            created_at_us: 0,
            started_at_us: 0,
            ends_at_us: None,
            keys: vec![StoredKey { which: Which::Primary, hash, made_at_us: 0, valid_until_us: None }],
        }
    }

    #[test]
    fn a_changed_subscription_loses_its_old_keys_and_the_old_picture_stays_whole() {
        let directory = Directory {
            subscriptions: vec![subscription("a", [1; 32]), subscription("b", [2; 32])],
            ..Directory::default()
        };
        let first = Snapshot::new(1, &directory, Issuer::default());
        assert!(first.key(&[1; 32]).is_some());
        let second = first.with_subscriptions(2, &[subscription("a", [3; 32])], &["b".into()]);
        assert!(second.key(&[1; 32]).is_none() && second.key(&[2; 32]).is_none() && second.key(&[3; 32]).is_some());
        assert!(first.key(&[1; 32]).is_some(), "the old picture stays whole");
    }

    #[test]
    fn a_revoked_grant_makes_nothing_else_anew() {
        let directory = Directory { subscriptions: vec![subscription("a", [1; 32])], ..Directory::default() };
        let first = Snapshot::new(1, &directory, Issuer::default());
        let second = first.with_revoked_grants(2, vec!["grant_1".into()]);
        assert!(Arc::ptr_eq(&first.catalog.users, &second.catalog.users) && second.key(&[1; 32]).is_some());
        assert!(Arc::ptr_eq(&first.catalog.applications, &second.catalog.applications));
        assert!(second.catalog.revoked_grants.contains("grant_1") && first.catalog.revoked_grants.is_empty());
        assert_eq!((first.revision, second.revision), (1, 2));
    }

    #[test]
    fn an_active_subscription_expires_by_itself() {
        let mut one = subscription("a", [1; 32]);
        one.ends_at_us = Some(10);
        let snapshot =
            Snapshot::new(1, &Directory { subscriptions: vec![one], ..Directory::default() }, Issuer::default());
        let live = &snapshot.key(&[1; 32]).unwrap().subscription;
        assert_eq!(live.state_at(9), SubscriptionState::Active);
        assert_eq!(live.state_at(10), SubscriptionState::Expired);
    }
}
