//! The immutable picture that one call is decided from, and how it is made from the store's directory.
//!
//! It is built of shards behind `Arc`s, so that one changed subscription replaces one shard and not a million entries.

pub mod subscriptions;
mod targets;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use http::HeaderName;
use sha2::{Digest, Sha256};

use crate::cors::{AllowedOrigins, CorsSettings};
use crate::media::MediaRange;
use crate::model::{Access, Api, Application, Declared, Name, Operation, Product, Role};
use crate::period::Period;
use crate::permission::PermissionSet;
use crate::quota::{AccountKey, QuotaTerms};
use crate::record::{Directory, Notice, Subscription, SubscriptionState, VerifyingKey};
use crate::routing::{OperationTable, RouteTable};
use crate::token::{Issuer, TrustedKey};

use self::subscriptions::{Builder, FoundKey, Subscriptions};
pub use targets::LiveTarget;

/// A subscription as calls see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveSubscription {
    /// Its id.
    pub id: Name,
    /// What its use is counted under.
    pub account: AccountKey,
    /// Its product.
    pub product: Name,
    /// Whose it is.
    pub developer: Name,
    /// Where it stands, its own end aside.
    pub state: SubscriptionState,
    /// From when periods are counted.
    pub started_at_us: i64,
    /// When it expires by itself.
    pub ends_at_us: Option<i64>,
}

impl LiveSubscription {
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
    let digest = Sha256::digest(subscription_id.as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
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
}

/// A product as calls see it.
#[derive(Debug)]
pub struct LiveProduct {
    /// As declared.
    pub product: Product,
    period: Option<Arc<Period>>,
}

impl LiveProduct {
    fn new(product: &Product) -> Self {
        let period = product.quota.as_ref().map(|quota| Arc::new(quota.period.clone()));
        Self { product: product.clone(), period }
    }

    /// What a subscription that started at `start_us` may use in a period.
    #[must_use]
    pub fn quota_terms(&self, start_us: i64) -> Option<QuotaTerms> {
        let (quota, period) = (self.product.quota.as_ref()?, self.period.as_ref()?);
        Some(QuotaTerms { calls: quota.calls, bytes: quota.bytes, period: Arc::clone(period), start_us })
    }
}

/// Things by name. No caller chooses what is in one, so a hash that is quick is enough (`docs/decisions/0028`).
pub type Named<T> = HashMap<Name, T, RandomState>;

/// A user as calls see them.
#[derive(Debug)]
pub struct LiveUser {
    /// Whether they were switched off.
    pub disabled: bool,
    /// What they may do, by environment.
    pub memberships: Named<LiveMembership>,
}

/// What a user may do in an environment.
#[derive(Debug)]
pub struct LiveMembership {
    /// As bits.
    pub permissions: Arc<PermissionSet>,
    /// As names, space separated.
    pub permission_names: Arc<str>,
}

/// Everything of a snapshot but the subscriptions.
#[derive(Debug, Default)]
pub struct Catalog {
    /// APIs in the order of their names' declaration.
    pub apis: Vec<Arc<LiveApi>>,
    /// Base paths.
    pub routes: RouteTable,
    /// Products by name.
    pub products: Named<Arc<LiveProduct>>,
    /// Users by name.
    pub users: Named<LiveUser>,
    /// Applications by name.
    pub applications: Named<Application>,
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
        Self { revision, catalog: Arc::new(Catalog::new(directory, issuer)), subscriptions }
    }

    /// The key with that SHA-256, and its subscription.
    #[must_use]
    pub fn key(&self, hash: &[u8; 32]) -> Option<FoundKey> {
        self.subscriptions.find(hash)
    }

    /// The same with everything but the subscriptions replaced.
    #[must_use]
    pub fn with_catalog(&self, revision: i64, directory: &Directory, issuer: Issuer) -> Self {
        Self::of(revision, directory, self.subscriptions.clone(), issuer)
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
    fn new(directory: &Directory, issuer: Issuer) -> Self {
        let declared = &directory.declared;
        let bits = permission_bits(declared);
        let apis: Vec<_> = declared.apis.iter().map(|api| Arc::new(LiveApi::new(api, &bits))).collect();
        Self {
            routes: RouteTable::new(apis.iter().map(|api| api.api.base_path.as_str())),
            apis,
            products: declared
                .products
                .iter()
                .map(|product| (product.name.clone(), Arc::new(LiveProduct::new(product))))
                .collect(),
            users: declared.users.iter().map(|user| (user.name.clone(), live_user(user, declared, &bits))).collect(),
            applications: declared.applications.iter().map(|one| (one.name.clone(), one.clone())).collect(),
            roles: declared.roles.clone(),
            notices: directory.notices.clone(),
            revoked_grants: directory.revoked_grants.iter().cloned().collect(),
            trusted_keys: directory.verifying_keys.iter().map(trusted).collect(),
            issuer,
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

/// Gives each permission that an operation or role names a bit.
fn permission_bits(declared: &Declared) -> HashMap<Name, u32> {
    let of_roles = declared.roles.iter().flat_map(|role| &role.permissions);
    let of_operations = declared.apis.iter().flat_map(|api| &api.operations).filter_map(|one| one.permission.as_ref());
    let mut bits = HashMap::new();
    for permission in of_roles.chain(of_operations) {
        let next = u32::try_from(bits.len()).unwrap_or(u32::MAX);
        bits.entry(permission.clone()).or_insert(next);
    }
    bits
}

fn live_user(user: &crate::model::User, declared: &Declared, bits: &HashMap<Name, u32>) -> LiveUser {
    let memberships = user
        .memberships
        .iter()
        .map(|membership| {
            let roles = declared.roles.iter().filter(|role| membership.roles.contains(&role.name));
            let mut names: Vec<&str> = roles.flat_map(|role| &role.permissions).map(|name| &**name).collect();
            names.sort_unstable();
            names.dedup();
            let mut permissions = PermissionSet::default();
            names.iter().filter_map(|name| bits.get(*name)).for_each(|bit| permissions.insert(*bit));
            let live = LiveMembership { permissions: Arc::new(permissions), permission_names: names.join(" ").into() };
            (membership.environment.clone(), live)
        })
        .collect();
    LiveUser { disabled: user.disabled, memberships }
}

impl LiveApi {
    fn new(api: &Api, bits: &HashMap<Name, u32>) -> Self {
        let live = |operation: Option<&Operation>| LiveOperation {
            name: operation.map(|one| one.name.clone()),
            access: operation.and_then(|one| one.access).unwrap_or(api.access),
            permission: operation
                .and_then(|one| one.permission.as_ref())
                .and_then(|name| bits.get(name).map(|bit| (*bit, name.clone()))),
            media_types: operation
                .and_then(|one| one.media_types.as_ref())
                .unwrap_or(&api.media_types)
                .iter()
                .filter_map(|name| MediaRange::parse(name))
                .collect(),
            body_max_bytes: operation.and_then(|one| one.body_max_bytes).unwrap_or(api.body_max_bytes),
        };
        Self {
            targets: targets::live(api),
            key_headers: key_headers(api),
            operations: api.operations.iter().map(|operation| live(Some(operation))).collect(),
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
