//! What ends with a grant, a user, an application, an environment, a connection or a consent. Always within the
//! transaction of whatever ends it, so that nothing is ended by halves.

use limen_rules::model::Declared;
use limen_rules::sign_in::record::Hash;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Sqlite};

use crate::error::StoreError;
use crate::resource::{Applied, ResourceKind};
use crate::revision;

/// What ends.
#[derive(Clone, Copy)]
pub(crate) enum Ended<'a> {
    /// One grant.
    Grant(&'a str),
    /// All that was given for a user.
    User(&'a str),
    /// All that an application was given.
    Application(&'a str),
    /// All that was given in an environment.
    Environment(&'a str),
    /// All that an application was given in an environment.
    Connection { application: &'a str, environment: &'a str },
    /// What an application was given for a user in an environment.
    Consent { user: &'a str, application: &'a str, environment: &'a str },
}

impl<'a> Ended<'a> {
    /// Which rows are meant. Its parameters begin with `$2`.
    fn condition(self) -> &'static str {
        match self {
            Self::Grant(_) => "id = $2",
            Self::User(_) => "user_name = $2",
            Self::Application(_) => "application = $2",
            Self::Environment(_) => "environment = $2",
            Self::Connection { .. } => "application = $2 AND environment = $3",
            Self::Consent { .. } => "user_name = $2 AND application = $3 AND environment = $4",
        }
    }

    fn names(self) -> [Option<&'a str>; 3] {
        match self {
            Self::Grant(name) | Self::User(name) | Self::Application(name) | Self::Environment(name) => {
                [Some(name), None, None]
            }
            Self::Connection { application, environment } => [Some(application), Some(environment), None],
            Self::Consent { user, application, environment } => [Some(user), Some(application), Some(environment)],
        }
    }

    /// A statement about the rows that are meant, with `$1` for `now_us`.
    fn statement(self, begin: &str, end: &str, now_us: i64) -> sqlx::query::Query<'a, Sqlite, SqliteArguments> {
        // No input is in this text.
        let statement = AssertSqlSafe(format!("{begin} WHERE {} {end}", self.condition()));
        self.names().into_iter().flatten().fold(sqlx::query(statement).bind(now_us), |query, name| query.bind(name))
    }
}

/// Takes grants back with their refresh tokens; how many there were. The revision is raised only for those whose access
/// tokens could still be in time: nobody else looks at them.
pub(crate) async fn revoke_grants(
    connection: &mut SqliteConnection,
    ended: Ended<'_>,
    now_us: i64,
) -> Result<u64, StoreError> {
    ended
        .statement("DELETE FROM refresh_token WHERE grant_id IN (SELECT id FROM issued_grant", ")", now_us)
        .execute(&mut *connection)
        .await?;
    let seen = ended
        .statement("SELECT 1 FROM issued_grant", "AND revoked_at_us IS NULL AND expires_at_us > $1 LIMIT 1", now_us)
        .fetch_optional(&mut *connection)
        .await?
        .is_some();
    let revoked = ended
        .statement("UPDATE issued_grant SET revoked_at_us = $1", "AND revoked_at_us IS NULL", now_us)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if seen {
        revision::raise(connection, revision::GRANT, ended.names()[0].unwrap_or_default()).await?;
    }
    Ok(revoked)
}

/// Takes back what was given, and what was about to be: grants and codes that weren't exchanged yet.
pub(crate) async fn end(connection: &mut SqliteConnection, ended: Ended<'_>, now_us: i64) -> Result<(), StoreError> {
    ended
        .statement("DELETE FROM authorization_code", "AND used_at_us IS NULL", now_us)
        .execute(&mut *connection)
        .await?;
    revoke_grants(connection, ended, now_us).await.map(drop)
}

/// Ends a user's sessions, all but one if that is told, and all that was given for them.
pub(crate) async fn end_user(
    connection: &mut SqliteConnection,
    user: &str,
    spare: Option<&Hash>,
    now_us: i64,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM web_session WHERE user_name = $1 AND ($2 IS NULL OR hash <> $2)")
        .bind(user)
        .bind(spare.map(Hash::as_slice))
        .execute(&mut *connection)
        .await?;
    end(connection, Ended::User(user), now_us).await
}

/// Ends all that hangs on a declared object that is removed, so that a later one of the same name inherits nothing.
pub(crate) async fn end_removed(
    connection: &mut SqliteConnection,
    kind: ResourceKind,
    name: &str,
    now_us: i64,
) -> Result<(), StoreError> {
    let ended = match kind {
        ResourceKind::User => Ended::User(name),
        ResourceKind::Application => Ended::Application(name),
        ResourceKind::Environment => Ended::Environment(name),
        // No name of an application holds the sign.
        ResourceKind::Connection => match name.split_once('@') {
            Some((application, environment)) => Ended::Connection { application, environment },
            None => return Ok(()),
        },
        ResourceKind::Api
        | ResourceKind::Product
        | ResourceKind::Developer
        | ResourceKind::Role
        | ResourceKind::Issuer => return Ok(()),
    };
    ended.statement("DELETE FROM consent", "", now_us).execute(&mut *connection).await?;
    match kind {
        ResourceKind::User => {
            sqlx::query("DELETE FROM user_password WHERE user_name = $1").bind(name).execute(&mut *connection).await?;
            end_user(connection, name, None, now_us).await
        }
        ResourceKind::Application => {
            for table in [
                "DELETE FROM application_secret WHERE application = $1",
                "DELETE FROM application_logo WHERE application = $1",
            ] {
                sqlx::query(table).bind(name).execute(&mut *connection).await?;
            }
            end(connection, ended, now_us).await
        }
        _ => end(connection, ended, now_us).await,
    }
}

/// Ends all that users and applications had that were just applied as disabled.
pub(crate) async fn end_disabled(
    connection: &mut SqliteConnection,
    declared: &Declared,
    applied: &Applied,
    now_us: i64,
) -> Result<(), StoreError> {
    let written = |kind, name: &str| {
        applied.changed.iter().chain(&applied.created).any(|id| id.kind == kind && *id.name == *name)
    };
    for user in declared.users.iter().filter(|user| user.disabled && written(ResourceKind::User, &user.name)) {
        end_user(connection, &user.name, None, now_us).await?;
    }
    for application in declared
        .applications
        .iter()
        .filter(|application| application.disabled && written(ResourceKind::Application, &application.name))
    {
        end(connection, Ended::Application(&application.name), now_us).await?;
    }
    Ok(())
}
