//! Who builds, who calls and for whom: developers, applications, environments, roles, users, and connections.

use serde::{Deserialize, Serialize};

use super::{Attributes, Name};

/// A person's account on the developers' side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Developer {
    /// Its name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Where mail reaches them.
    #[serde(default)]
    pub email: String,
}

/// Whether an application can keep a secret, RFC 6749 §2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationKind {
    /// It runs where its secret stays secret, on a server.
    #[default]
    Confidential,
    /// It runs in its user's hands, has no secret and must use PKCE.
    Public,
}

/// An OAuth client of a developer. Its secrets and its logo are kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// Its id: `client_id`.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Whose it is.
    pub developer: Name,
    /// The organisation that offers it, as users read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub organisation: String,
    /// Where people learn more of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub website: String,
    /// Whether it can keep a secret.
    #[serde(default)]
    pub kind: ApplicationKind,
    /// Where users may be sent back to, matched exactly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// Whether it was switched off.
    #[serde(default)]
    pub disabled: bool,
}

/// An organisation whose data the API serves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Its name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// The legal entity behind it.
    #[serde(default)]
    pub legal_entity: String,
    /// The legal entity's id; none: the environment's name stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_entity_id: Option<String>,
}

/// What somebody in that role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// The permissions that it grants, such as `constituent.read`.
    #[serde(default)]
    pub permissions: Vec<Name>,
}

/// What a user is in an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The environment.
    pub environment: Name,
    /// The roles there.
    #[serde(default)]
    pub roles: Vec<Name>,
    /// Whether they decide there which applications are connected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub administrator: bool,
    /// What they are there besides; it goes before the user's own.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// Somebody who signs in. Their password is kept apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Their name.
    pub name: Name,
    /// What people read.
    #[serde(default)]
    pub title: String,
    /// Where mail reaches them; they can sign in with it too.
    #[serde(default)]
    pub email: String,
    /// Their given name, as applications are told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub given_name: String,
    /// Their family name, as applications are told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub family_name: String,
    /// Who they are at the OpenID Connect provider: `sub` of its ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_subject: Option<String>,
    /// Whether they were switched off.
    #[serde(default)]
    pub disabled: bool,
    /// Their environments.
    #[serde(default)]
    pub memberships: Vec<Membership>,
    /// What they are besides, everywhere.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// An administrator's approval that an application may act in an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The application.
    pub application: Name,
    /// The environment.
    pub environment: Name,
    /// The permissions that it is limited to; none: whatever its users may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<Name>>,
    /// The roles that it has when it acts for itself, by client credentials; without any it may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_roles: Vec<Name>,
}

/// What a connection is called where a name is needed: `APPLICATION@ENVIRONMENT`.
#[must_use]
pub fn connection_name(application: &str, environment: &str) -> Name {
    format!("{application}@{environment}").into()
}
