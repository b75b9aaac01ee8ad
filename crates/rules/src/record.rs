//! What happens to the published objects: subscriptions with their keys, notices, grants, verifying keys.
//!
//! Plain data that the store keeps row by row. Times are microseconds since the Unix epoch (`_us`).

use serde::{Deserialize, Serialize};

use crate::model::{Declared, Name};

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionState {
    /// Waits for approval.
    Requested,
    /// Opens its product's APIs.
    Active,
    /// Stopped for a while.
    Suspended,
    /// Ended by its developer or an operator.
    Cancelled,
    /// Was not approved.
    Rejected,
    /// Its time is over.
    Expired,
}

impl SubscriptionState {
    /// Its name, as the store, the admin API and people write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// Which of a subscription's two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The first.
    Primary,
    /// The second.
    Secondary,
}

/// A stored key: never the key, only its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Which of the two it is or was.
    pub which: Which,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// When it was made.
    pub made_at_us: i64,
    /// Until when it is good; `None`: until it is changed. An old value has a time (rotation with grace).
    pub valid_until_us: Option<i64>,
}

/// A developer's right to a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Its id, such as `sub_7k2m9q4x1w8r`.
    pub id: Name,
    /// The product.
    pub product: Name,
    /// Whose it is.
    pub developer: Name,
    /// Where it stands.
    pub state: SubscriptionState,
    /// When it was asked for.
    pub created_at_us: i64,
    /// From when periods are counted: when it first became active.
    pub started_at_us: i64,
    /// When it expires by itself.
    pub ends_at_us: Option<i64>,
    /// Its current keys (at most one of each) and old values still in their time of grace.
    pub keys: Vec<StoredKey>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    /// Something broke.
    Incident,
    /// Downtime that was planned.
    Maintenance,
}

/// What was said of a notice later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeUpdate {
    /// When.
    pub at_us: i64,
    /// In words.
    pub message: String,
}

/// An entry of the Issues page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id, such as `n12`.
    pub id: Name,
    /// Incident or maintenance.
    pub kind: NoticeKind,
    /// One line; the `message` of the 503 while it closes.
    pub title: String,
    /// What happened or will.
    pub message: String,
    /// The API that it is about; none: all.
    pub api: Option<Name>,
    /// The operation that it is about; none: all of the API.
    pub operation: Option<Name>,
    /// Whether calls are answered 503 while it lasts.
    pub closes: bool,
    /// From when.
    pub begins_at_us: i64,
    /// Until when, if known; a maintenance has one.
    pub ends_at_us: Option<i64>,
    /// When it was resolved by hand.
    pub resolved_at_us: Option<i64>,
    /// What was said of it later.
    pub updates: Vec<NoticeUpdate>,
    /// The outage that it was opened for by itself; none: a person opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
}

/// A time in which no target of an API could be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When the service was seen to answer again; none: not yet. The notice may have been resolved by hand before.
    pub ended_at_us: Option<i64>,
}

/// What tokens were issued for; its revocation ends access tokens and refresh tokens alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: Name,
    /// Who may be acted for.
    pub user: Name,
    /// By which application; none: one of the operator's own tokens.
    pub application: Option<Name>,
    /// In which environment.
    pub environment: Name,
    /// The permissions that it is narrowed to, space separated; none: whatever user and connection allow.
    pub scope: Option<String>,
    /// When it was given.
    pub issued_at_us: i64,
    /// When its last access token ends.
    pub expires_at_us: i64,
    /// When its last refresh token ends; none: it has none. The store sets it.
    pub refresh_expires_at_us: Option<i64>,
    /// When it was revoked.
    pub revoked_at_us: Option<i64>,
}

/// The public half of a key that signs tokens and assertions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyingKey {
    /// Its id: `kid`.
    pub kid: Name,
    /// The public point, uncompressed (SEC 1), 65 bytes.
    pub public_point: Vec<u8>,
    /// When it was made.
    pub created_at_us: i64,
    /// From when it is no longer trusted; none: not yet known.
    pub trusted_until_us: Option<i64>,
}

/// Everything that a snapshot is made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// What was declared.
    pub declared: Declared,
    /// Every subscription with its keys.
    pub subscriptions: Vec<Subscription>,
    /// Every notice that isn't long over.
    pub notices: Vec<Notice>,
    /// Ids of revoked grants whose tokens could still be in time.
    pub revoked_grants: Vec<Name>,
    /// Keys that verify tokens.
    pub verifying_keys: Vec<VerifyingKey>,
}
