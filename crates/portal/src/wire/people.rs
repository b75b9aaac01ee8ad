//! What is said over the admin socket about applications, users, environments, connections and grants.

use limen_rules::model::{Application, ApplicationKind, Connection, Environment, Membership, Name, User};
use limen_rules::record::{Grant, Which};
use serde::{Deserialize, Serialize};

/// One application in `GET /v1/applications[/ID]`. Its secrets are never told again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplicationLine {
    /// As it is declared.
    #[serde(flatten)]
    pub application: Application,
    /// Its secrets without their values.
    pub secrets: Vec<SecretLine>,
    /// Whether it has a logo.
    pub logo: bool,
    /// The environments that it is connected to.
    pub environments: Vec<Name>,
}

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretLine {
    /// Which of the two.
    pub which: Which,
    /// When it was made.
    pub made_at_us: i64,
}

/// `POST /v1/applications`; a confidential one gets both secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeApplication {
    /// Its id.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Whose it is; the only developer, if not told.
    pub developer: Option<Name>,
    /// The organisation that offers it.
    #[serde(default)]
    pub organisation: String,
    /// Where people learn more of it.
    #[serde(default)]
    pub website: String,
    /// Whether it can keep a secret.
    #[serde(default)]
    pub kind: ApplicationKind,
    /// Where users may be sent back to.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// A new application, its secrets told this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadeApplication {
    /// The application.
    #[serde(flatten)]
    pub application: Application,
    /// Its secrets; a public one has none.
    pub secrets: Vec<MadeSecret>,
}

/// A new secret, told this once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadeSecret {
    /// Which of the two.
    pub which: Which,
    /// The secret.
    pub secret: String,
}

/// `POST /v1/applications/ID/change`: what is told is changed, the rest stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ChangeApplication {
    /// A new title.
    pub title: Option<String>,
    /// A new organisation.
    pub organisation: Option<String>,
    /// A new website.
    pub website: Option<String>,
    /// Redirect URIs to add.
    #[serde(default)]
    pub add_redirect_uris: Vec<String>,
    /// Redirect URIs to take away.
    #[serde(default)]
    pub remove_redirect_uris: Vec<String>,
    /// Switch it off or on.
    pub disabled: Option<bool>,
}

/// `POST /v1/applications/ID/secrets/regenerate` and `…/revoke`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WhichSecret {
    /// Which of the two.
    pub which: Which,
}

/// A logo as it is kept now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogoLine {
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// The size of its PNG.
    pub bytes: usize,
}

/// One user in `GET /v1/users[/NAME]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserLine {
    /// As declared.
    #[serde(flatten)]
    pub user: User,
    /// Whether they have a password.
    pub password: bool,
}

/// `POST /v1/users`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeUser {
    /// Their name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Where mail reaches them.
    #[serde(default)]
    pub email: String,
    /// Their given name.
    #[serde(default)]
    pub given_name: String,
    /// Their family name.
    #[serde(default)]
    pub family_name: String,
    /// Who they are at the sign-in provider.
    #[serde(default)]
    pub external_subject: Option<String>,
    /// Their environments.
    #[serde(default)]
    pub memberships: Vec<Membership>,
}

/// `POST /v1/users/NAME/disabled`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SetDisabled {
    /// Whether they are switched off from now on.
    pub disabled: bool,
}

/// `POST /v1/users/NAME/password`; without one, one is made.
#[derive(Clone, Serialize, Deserialize)]
pub struct SetPassword {
    /// The new password.
    pub password: Option<String>,
}

/// What became of a password.
#[derive(Clone, Serialize, Deserialize)]
pub struct PasswordSet {
    /// The one that was made, told this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// One environment in `GET /v1/environments[/NAME]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnvironmentLine {
    /// As declared.
    #[serde(flatten)]
    pub environment: Environment,
    /// Who belongs to it.
    pub users: Vec<Name>,
    /// Who decides there about connections.
    pub administrators: Vec<Name>,
    /// The applications that are connected to it.
    pub applications: Vec<Name>,
}

/// `POST /v1/connections`: made, or told anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connect {
    /// The connection.
    #[serde(flatten)]
    pub connection: Connection,
}

/// `POST /v1/connections/APPLICATION/ENVIRONMENT/limit`: what is told is changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LimitConnection {
    /// The permissions that it is limited to; an empty list lifts the limit.
    pub scopes: Option<Vec<Name>>,
    /// The roles that it has when it acts for itself; an empty list takes them away.
    pub own_roles: Option<Vec<Name>>,
}

/// Which grants are meant: those of all that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhichGrants {
    /// One grant.
    pub grant: Option<Name>,
    /// Of this user.
    pub user: Option<Name>,
    /// Of this application.
    pub application: Option<Name>,
    /// In this environment.
    pub environment: Option<Name>,
}

/// `POST /v1/grants/list`: the newest first, at most a thousand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grants {
    /// The grants.
    pub grants: Vec<Grant>,
}
