//! Whether user, application, environment and connection stand as they must for something to be given out, read in the
//! transaction that gives it: a removal is either before it, and seen here, or after it, and ends what was given.

use limen_rules::model::{Application, ApplicationKind, Connection, User, connection_name};
use limen_rules::record::Grant;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::resource::ResourceKind;

/// A declared object.
pub(crate) async fn find<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    kind: ResourceKind,
    name: &str,
) -> Result<Option<T>, StoreError> {
    let document: Option<String> = sqlx::query_scalar("SELECT document FROM resource WHERE kind = $1 AND name = $2")
        .bind(kind.as_str())
        .bind(name)
        .fetch_optional(connection)
        .await?;
    let parsed = document.map(|document| serde_json::from_str(&document)).transpose();
    parsed.map_err(|error| StoreError::damaged(format!("the stored {kind} {name} can't be understood: {error}")))
}

/// Whether an application may get tokens for a user in an environment now.
pub(crate) async fn stands(
    connection: &mut SqliteConnection,
    user: &str,
    application: &str,
    environment: &str,
) -> Result<bool, StoreError> {
    let user: Option<User> = find(connection, ResourceKind::User, user).await?;
    let member = |user: &User| user.memberships.iter().any(|one| &*one.environment == environment);
    if !user.is_some_and(|user| !user.disabled && member(&user)) {
        return Ok(false);
    }
    let known: Option<Application> = find(connection, ResourceKind::Application, application).await?;
    if known.is_none_or(|application| application.disabled) {
        return Ok(false);
    }
    Ok(exists(connection, ResourceKind::Environment, environment).await?
        && exists(connection, ResourceKind::Connection, &connection_name(application, environment)).await?)
}

/// Whether the application of a grant of its own may act for itself in its environment now.
pub(crate) async fn stands_alone(connection: &mut SqliteConnection, grant: &Grant) -> Result<bool, StoreError> {
    let Some(name) = grant.application.as_deref() else { return Ok(false) };
    let known: Option<Application> = find(connection, ResourceKind::Application, name).await?;
    let approval = connection_name(name, &grant.environment);
    let approval: Option<Connection> = find(connection, ResourceKind::Connection, &approval).await?;
    Ok(known.is_some_and(|application| !application.disabled && application.kind == ApplicationKind::Confidential)
        && approval.is_some_and(|approval| !approval.own_roles.is_empty()))
}

/// Whether an object of that name was declared.
pub(crate) async fn exists(
    connection: &mut SqliteConnection,
    kind: ResourceKind,
    name: &str,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM resource WHERE kind = $1 AND name = $2)")
        .bind(kind.as_str())
        .bind(name)
        .fetch_one(connection)
        .await?)
}

/// Refuses what isn't declared.
pub(crate) async fn required(
    connection: &mut SqliteConnection,
    kind: ResourceKind,
    name: &str,
) -> Result<(), StoreError> {
    match exists(connection, kind, name).await? {
        true => Ok(()),
        false => Err(StoreError::not_found(format!("{kind} {name}"))),
    }
}
