//! Grants: what tokens were issued for, and which of them were taken back. A grant that is taken back loses its refresh
//! tokens in the same transaction.

use limen_rules::model::Name;
use limen_rules::record::Grant;
use limen_rules::sign_in::APPLICATION_SUBJECT;
use limen_rules::sign_in::record::Hash;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::sign_in::ending::{self, Ended};
use crate::sign_in::{standing, sweep};
use crate::store::Store;

/// So long after its last token's end a grant is kept for people to look at.
const KEPT_US: i64 = 30 * 24 * 3_600 * 1_000_000;
/// The same of one that an application got for itself, which it may do every minute.
const KEPT_OWN_US: i64 = 3_600 * 1_000_000;
/// No list is longer.
const LISTED_MAX: i64 = 1_000;

/// The rows of grants that the rest of the statement says.
macro_rules! select_grants {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_name, application, environment, scope, issued_at_us, expires_at_us,
                    refresh_expires_at_us, revoked_at_us FROM issued_grant ",
            $rest
        )
    };
}

pub(crate) type Row = (String, String, Option<String>, String, Option<String>, i64, i64, Option<i64>, Option<i64>);

impl Store {
    /// Keeps a new grant, and forgets some of what ended long ago.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is a grant of that id, or it is an application's own and the application may
    /// not act for itself there any more; [`StoreError::Unavailable`].
    pub async fn insert_grant(&self, grant: &Grant) -> Result<(), StoreError> {
        let grant = grant.clone();
        self.write(move |connection| {
            Box::pin(async move {
                if grant.user.starts_with(APPLICATION_SUBJECT) && !standing::stands_alone(connection, &grant).await? {
                    return Err(StoreError::conflict(format!("{} may not act for itself there", grant.user)));
                }
                sweep::some(connection, grant.issued_at_us).await?;
                insert(connection, &grant, None).await
            })
        })
        .await
    }

    /// One grant.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn grant(&self, id: &str) -> Result<Grant, StoreError> {
        let mut reading = self.read().await?;
        find(&mut reading, id).await?.ok_or_else(|| StoreError::not_found(format!("grant {id}")))
    }

    /// The grants of a user, the latest first; at most a thousand.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn grants_of_user(&self, user: &str) -> Result<Vec<Grant>, StoreError> {
        let mut reading = self.read().await?;
        let rows: Vec<Row> =
            sqlx::query_as(select_grants!("WHERE user_name = $1 ORDER BY issued_at_us DESC, id LIMIT $2"))
                .bind(user)
                .bind(LISTED_MAX)
                .fetch_all(&mut *reading)
                .await?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// The grants of an application in an environment, the latest first; at most a thousand.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn grants_of_connection(&self, application: &str, environment: &str) -> Result<Vec<Grant>, StoreError> {
        let mut reading = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(select_grants!(
            "WHERE application = $1 AND environment = $2 ORDER BY issued_at_us DESC, id LIMIT $3"
        ))
        .bind(application)
        .bind(environment)
        .bind(LISTED_MAX)
        .fetch_all(&mut *reading)
        .await?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// Takes a grant back. One that was taken back before keeps its time.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Unavailable`].
    pub async fn revoke_grant(&self, id: &str, now_us: i64) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                if find(connection, &id).await?.is_none() {
                    return Err(StoreError::not_found(format!("grant {id}")));
                }
                ending::revoke_grants(connection, Ended::Grant(&id), now_us).await.map(drop)
            })
        })
        .await
    }

    /// Takes back every grant of a user; how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants_of_user(&self, user: &str, now_us: i64) -> Result<u64, StoreError> {
        let user = user.to_owned();
        self.write(move |connection| {
            Box::pin(async move { ending::revoke_grants(connection, Ended::User(&user), now_us).await })
        })
        .await
    }

    /// Takes back every grant of an application in an environment; how many there were.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants_of_connection(
        &self,
        application: &str,
        environment: &str,
        now_us: i64,
    ) -> Result<u64, StoreError> {
        let (application, environment) = (application.to_owned(), environment.to_owned());
        self.write(move |connection| {
            Box::pin(async move {
                let ended = Ended::Connection { application: &application, environment: &environment };
                ending::revoke_grants(connection, ended, now_us).await
            })
        })
        .await
    }

    /// Ids of the grants that were taken back while tokens of theirs could still be in time at `now_us`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoked_grants(&self, now_us: i64) -> Result<Vec<Name>, StoreError> {
        let mut reading = self.read().await?;
        Ok(revoked(&mut reading, now_us).await?)
    }
}

/// Keeps a new grant with the family of its refresh tokens.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    grant: &Grant,
    family: Option<&Hash>,
) -> Result<(), StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO issued_grant (id, user_name, application, environment, scope, issued_at_us, expires_at_us,
                                   refresh_expires_at_us, revoked_at_us, refresh_family, kept_until_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(&*grant.id)
    .bind(&*grant.user)
    .bind(grant.application.as_deref())
    .bind(&*grant.environment)
    .bind(grant.scope.as_deref())
    .bind(grant.issued_at_us)
    .bind(grant.expires_at_us)
    .bind(grant.refresh_expires_at_us)
    .bind(grant.revoked_at_us)
    .bind(family.map(Hash::as_slice))
    .bind(kept_until_us(grant))
    .execute(connection)
    .await?;
    match inserted.rows_affected() {
        0 => Err(StoreError::conflict(format!("there already is a grant {}", grant.id))),
        _ => Ok(()),
    }
}

/// Moves the ends of a grant's tokens.
pub(crate) async fn prolong(connection: &mut SqliteConnection, grant: &Grant) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE issued_grant SET expires_at_us = $2, refresh_expires_at_us = $3, kept_until_us = $4 WHERE id = $1",
    )
    .bind(&*grant.id)
    .bind(grant.expires_at_us)
    .bind(grant.refresh_expires_at_us)
    .bind(kept_until_us(grant))
    .execute(connection)
    .await?;
    Ok(())
}

fn kept_until_us(grant: &Grant) -> i64 {
    let kept_us = if grant.user.starts_with(APPLICATION_SUBJECT) { KEPT_OWN_US } else { KEPT_US };
    grant.refresh_expires_at_us.unwrap_or(i64::MIN).max(grant.expires_at_us).saturating_add(kept_us)
}

/// One grant.
pub(crate) async fn find(connection: &mut SqliteConnection, id: &str) -> Result<Option<Grant>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select_grants!("WHERE id = $1")).bind(id).fetch_optional(connection).await?;
    Ok(row.map(from_row))
}

/// The grant whose refresh tokens are of that family.
pub(crate) async fn of_family(connection: &mut SqliteConnection, family: &Hash) -> Result<Option<Grant>, StoreError> {
    let row: Option<Row> = sqlx::query_as(select_grants!("WHERE refresh_family = $1"))
        .bind(family.as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(from_row))
}

pub(crate) fn from_row(row: Row) -> Grant {
    let (id, user, application, environment, scope, issued_at_us, expires_at_us, refresh_expires_at_us, revoked_at_us) =
        row;
    Grant {
        id: id.into(),
        user: user.into(),
        application: application.map(Name::from),
        environment: environment.into(),
        scope,
        issued_at_us,
        expires_at_us,
        refresh_expires_at_us,
        revoked_at_us,
    }
}

/// As [`Store::revoked_grants`].
pub(crate) async fn revoked(connection: &mut SqliteConnection, now_us: i64) -> sqlx::Result<Vec<Name>> {
    // Put in order here: asked to, SQLite reads every grant by its id instead of the few that were revoked.
    let mut ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM issued_grant WHERE expires_at_us > $1 AND revoked_at_us IS NOT NULL")
            .bind(now_us)
            .fetch_all(connection)
            .await?;
    ids.sort_unstable();
    Ok(ids.into_iter().map(Name::from).collect())
}
