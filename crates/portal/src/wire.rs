//! What is said over the admin socket: requests and answers, shared with the command line.
//!
//! Plain data; times are microseconds since the Unix epoch (`_us`).

mod import;
mod issuers;
mod notices;
mod people;
mod usage;

use limen_rules::model::{Api, CountedBy, Declared, Name};
use limen_rules::record::{Notice, SubscriptionState, Which};
use serde::{Deserialize, Serialize};

pub use import::{ImportApi, ImportedApi};
pub use issuers::IssuerLine;
pub use notices::{MakeNotice, UpdateNotice};
pub use people::{
    ApplicationLine, ChangeApplication, Connect, EnvironmentLine, Grants, LimitConnection, LogoLine, MadeApplication,
    MadeSecret, MakeApplication, MakeUser, PasswordSet, SecretLine, SetDisabled, SetPassword, UserLine, WhichGrants,
    WhichSecret,
};
pub use usage::{ConnectionUsage, UsageLine};

/// An admin refusal: `{"error": {"message", "mend"}}` with status 400, 404 or 409; 500 for a fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminError {
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: String,
    /// Everything that is wrong with declared objects, where that is what was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<ProblemLine>,
}

/// One thing that is wrong with declared objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemLine {
    /// The field as `limen.yaml` is written, such as `products[0].rate.window_s`.
    pub field: String,
    /// What is wrong there.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

/// `GET /v1/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The gateway's address, as callers see it.
    pub gateway: String,
    /// The web address.
    pub web: String,
    /// When the process began.
    pub started_at_us: i64,
    /// How many seconds ago the snapshot was last confirmed against the store.
    pub snapshot_age_ms: u64,
    /// The store's revision that the gateway decides from.
    pub snapshot_revision: u64,
    /// The sample's names, if it is alive.
    pub sample: bool,
    /// APIs, one line each.
    pub apis: Vec<ApiLine>,
    /// How many subscriptions there are.
    pub subscriptions: usize,
    /// Notices that stand or are to come.
    pub notices: Vec<Notice>,
    /// Other issuers of tokens, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<IssuerLine>,
    /// Calls by status since the process began.
    pub calls_by_status: Vec<(u16, u64)>,
    /// Why no other process took over when that was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_refused: Option<UpgradeRefused>,
}

/// The settings that a process was started with, or that a file tells, by their path such as `gateway.listen`.
pub type ToldSettings = std::collections::BTreeMap<String, ToldSetting>;

/// A setting as it was told. None is a secret: those are in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldSetting {
    /// Its text.
    pub text: String,
    /// Whether the file told it, and no variable or flag.
    pub in_file: bool,
}

/// An upgrade that wasn't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpgradeRefused {
    /// How many were refused since the process began, this one among them.
    pub count: u64,
    /// When.
    pub at_us: i64,
    /// In the words of the process that would have followed.
    pub why: String,
}

/// One API in a listing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiLine {
    /// Its name.
    pub name: Name,
    /// Its base path.
    pub base_path: String,
    /// Its target; several are joined by commas.
    pub target: String,
    /// How each of its targets stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetLine>,
    /// Its products.
    pub products: Vec<Name>,
}

/// One target of an API, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLine {
    /// Where it is.
    pub url: String,
    /// Its weight among the API's targets.
    pub weight: u32,
    /// Calls that it carries now.
    pub in_flight: u32,
    /// Calls that it answered since the process began.
    pub answered: u64,
    /// `closed`, `open` or `half-open`.
    pub breaker: String,
    /// When an open breaker lets a call try.
    pub next_try_in_ms: Option<u64>,
    /// `not checked`, `unknown`, `healthy` or `unhealthy`.
    pub health: String,
}

/// `POST /v1/apply`: what a checked `limen.yaml` declares; upserts, removes nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Apply {
    /// The objects.
    pub declared: Declared,
    /// Only tell what would change.
    pub dry_run: bool,
}

/// What an apply did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// `kind name` of what was made.
    pub created: Vec<String>,
    /// `kind name` of what was changed.
    pub changed: Vec<String>,
    /// `kind name` of what was taken away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// How many were as declared already.
    pub unchanged: usize,
}

/// `POST /v1/publish`: API, product and subscription in one go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publish {
    /// The service's address.
    pub target: String,
    /// Where it is published.
    pub base_path: String,
    /// The API's name; made from the base path if not told.
    pub api: Option<Name>,
    /// The product that opens it; an existing one gains the API; made as `NAME-product` if not told.
    pub product: Option<Name>,
    /// Whose subscription is made; the first developer, or a new `developer`, if not told.
    pub developer: Option<Name>,
    /// The API as a document describes it; its name and base path are those above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<Box<Api>>,
}

/// What a publish made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    /// The API.
    pub api: Name,
    /// The product.
    pub product: Name,
    /// The subscription; its keys are told this once.
    pub subscription: MadeSubscription,
    /// The header that carries the key.
    pub key_header: String,
    /// The full address of the API's root.
    pub url: String,
}

/// `POST /v1/subscriptions`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeSubscription {
    /// The product.
    pub product: Name,
    /// The developer.
    pub developer: Name,
    /// When it expires by itself.
    pub ends_at_us: Option<i64>,
}

/// A new subscription, its keys told this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadeSubscription {
    /// Its id.
    pub id: Name,
    /// Where it stands: requested or active.
    pub state: SubscriptionState,
    /// The primary key.
    pub primary_key: String,
    /// The secondary key.
    pub secondary_key: String,
}

/// One subscription in `GET /v1/subscriptions[/ID]`. Keys are never told again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubscriptionLine {
    /// Its id.
    pub id: Name,
    /// The product.
    pub product: Name,
    /// The developer.
    pub developer: Name,
    /// Where it stands.
    pub state: SubscriptionState,
    /// When it was asked for.
    pub created_at_us: i64,
    /// When it expires by itself.
    pub ends_at_us: Option<i64>,
    /// Its keys without their values.
    pub keys: Vec<KeyLine>,
    /// What it has used in this period, where it has a quota.
    pub usage: Option<UsageLine>,
    /// What its product counts calls under; told of one subscription alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_by: Option<CountedBy>,
    /// Where that is connections: what each of its developer's has used, with whichever subscription; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionUsage>,
}

/// A key without its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyLine {
    /// Which of the two it is or was.
    pub which: Which,
    /// When it was made.
    pub made_at_us: i64,
    /// Until when it is good, for an old value or one that was revoked for later.
    pub valid_until_us: Option<i64>,
}

/// `POST /v1/subscriptions/ID/state`: approve, reject, suspend, resume, cancel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoveSubscription {
    /// What to do.
    pub action: SubscriptionAction,
}

/// A step in a subscription's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubscriptionAction {
    /// requested → active.
    Approve,
    /// requested → rejected.
    Reject,
    /// active → suspended.
    Suspend,
    /// suspended → active.
    Resume,
    /// anything alive → cancelled.
    Cancel,
}

/// `POST /v1/subscriptions/ID/keys/regenerate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegenerateKey {
    /// Which of the two.
    pub which: Which,
    /// How long the old value stays good.
    pub grace_s: u64,
}

/// A new key, told this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadeKey {
    /// Which of the two.
    pub which: Which,
    /// The key.
    pub key: String,
    /// Until when the old value stays good.
    pub old_valid_until_us: Option<i64>,
}

/// `POST /v1/subscriptions/ID/keys/revoke`: ends the key and its old values at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeKey {
    /// Which of the two.
    pub which: Which,
}

/// `POST /v1/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssueToken {
    /// Who is acted for; none: the application acts for itself.
    #[serde(default)]
    pub user: Option<Name>,
    /// The environment; the user's only one if not told.
    pub environment: Option<Name>,
    /// The application; none: an operator's own token.
    pub application: Option<Name>,
    /// The permissions that it is limited to; none: it isn't.
    #[serde(default)]
    pub scopes: Vec<Name>,
    /// How long it lives.
    pub expires_in_s: u64,
}

/// An issued token, told this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IssuedToken {
    /// The token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// How long it lives.
    pub expires_in_s: u64,
    /// The grant to revoke it by.
    pub grant: Name,
    /// The environment that it is for.
    pub environment: Name,
}

/// `POST /v1/tokens/revoke`: by grant, or all of a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeToken {
    /// The grant.
    pub grant: Option<Name>,
    /// All grants of that user.
    pub user: Option<Name>,
}

/// How many grants were revoked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revoked {
    /// How many.
    pub revoked: u64,
}

/// `POST /v1/signing-keys/rotate`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotatedKey {
    /// The id of the key that signs from now on.
    pub kid: Name,
}

/// `GET /v1/calls/REQUEST_ID`: the chain of checks of a recent call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The call's id.
    pub request_id: String,
    /// When it came.
    pub at_us: i64,
    /// The method.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// The final status.
    pub status: u16,
    /// The stable name of the cause, if it was refused or failed.
    pub code: Option<String>,
    /// How long it took.
    pub duration_us: u64,
    /// Each check in order.
    pub checks: Vec<Check>,
}

/// One check of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name: `route`, `notice`, `subscription key`, `rate`, `token`, `permission`, `media type`, `body`, `quota`, `service`.
    pub check: String,
    /// `passed`, `refused`, `failed` or `not required`.
    pub outcome: String,
    /// What it looked at and decided, in words that can be read out.
    pub words: String,
}
