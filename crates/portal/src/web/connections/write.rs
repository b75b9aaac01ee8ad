//! What an environment's administrator writes: in turn with all other writers, checked by the same rules as a
//! configuration file, logged with who did it, and done once calls are decided from it.

use limen_rules::declared::{check_references, check_values, merge};
use limen_rules::model::{Connection, Declared, connection_name};
use limen_store::{ResourceKind, StoreError};

use super::administers;
use crate::audit::did_by_user;
use crate::ports::Portal;

/// Why nothing was written.
#[derive(Debug)]
pub(in crate::web) enum NotWritten {
    /// It may not be, for this reason.
    Refused(String),
    /// The store can't be read or written.
    Store(StoreError),
}

impl From<StoreError> for NotWritten {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. } => Self::Store(error),
            StoreError::NotFound { .. } | StoreError::Conflict { .. } => Self::Refused(error.to_string()),
        }
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, NotWritten> {
    Err(NotWritten::Refused(why.into()))
}

/// Connects an application to an environment. Where it is connected already, what was decided about it stays.
///
/// # Errors
/// Where the user doesn't decide there, or there is no such application.
pub(in crate::web) async fn approve(
    portal: &Portal,
    user: &str,
    application: &str,
    environment: &str,
) -> Result<(), NotWritten> {
    let _turn = portal.memory.turn().await;
    let declared = decided_by(portal, user, environment).await?;
    if !declared.applications.iter().any(|one| *one.name == *application && !one.disabled) {
        let shown: String = application.chars().filter(|one| !one.is_control()).take(60).collect();
        return refused(format!("There is no application with the id '{shown}'. Ask its developer for the id."));
    }
    if find(&declared, application, environment).is_some() {
        return Ok(());
    }
    let connection =
        Connection { application: application.into(), environment: environment.into(), ..Connection::default() };
    put(portal, user, &declared, connection, "connect application").await
}

/// Changes what a connection allows.
///
/// # Errors
/// As for [`approve`]; where there is no such connection, or it names what isn't there.
pub(super) async fn change(portal: &Portal, user: &str, asked: &Connection) -> Result<(), NotWritten> {
    let _turn = portal.memory.turn().await;
    let declared = decided_by(portal, user, &asked.environment).await?;
    if find(&declared, &asked.application, &asked.environment).is_none() {
        return refused("The application isn't connected any more.");
    }
    put(portal, user, &declared, asked.clone(), "change connection").await
}

/// Takes a connection away, and with it all that was given under it.
///
/// # Errors
/// Where the user doesn't decide there.
pub(super) async fn remove(
    portal: &Portal,
    user: &str,
    application: &str,
    environment: &str,
) -> Result<(), NotWritten> {
    let _turn = portal.memory.turn().await;
    let declared = decided_by(portal, user, environment).await?;
    if find(&declared, application, environment).is_none() {
        return Ok(());
    }
    let name = connection_name(application, environment);
    portal.store.remove(ResourceKind::Connection, &name, portal.clock.now_us()).await?;
    did_by_user(user, "remove connection", &name);
    Ok(portal.live().await?)
}

/// What is declared now, if the user still decides in the environment.
async fn decided_by(portal: &Portal, user: &str, environment: &str) -> Result<Declared, NotWritten> {
    let declared = portal.store.declared().await?;
    let there = declared.users.iter().find(|one| *one.name == *user && !one.disabled);
    if there.is_some_and(|user| administers(user, environment)) {
        Ok(declared)
    } else {
        refused("Only an administrator of the environment decides which applications are connected to it.")
    }
}

fn find<'d>(declared: &'d Declared, application: &str, environment: &str) -> Option<&'d Connection> {
    let is_it = |one: &&Connection| *one.application == *application && *one.environment == *environment;
    declared.connections.iter().find(is_it)
}

async fn put(
    portal: &Portal,
    user: &str,
    existing: &Declared,
    connection: Connection,
    what: &'static str,
) -> Result<(), NotWritten> {
    let name = connection_name(&connection.application, &connection.environment);
    let newer = Declared { connections: vec![connection], ..Declared::default() };
    let mut problems = check_values(&newer);
    problems.extend(check_references(&merge(&newer, existing)));
    if let Some(first) = problems.first() {
        return refused(format!("{} {}", first.message, first.mend));
    }
    portal.store.apply(&newer, portal.clock.now_us(), false).await?;
    did_by_user(user, what, &name);
    Ok(portal.live().await?)
}
