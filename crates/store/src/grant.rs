//! Grants: what tokens were issued for, and which of them were taken back.

use limen_rules::model::Name;
use limen_rules::record::Grant;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::revision;
use crate::store::Store;

/// So long after its last token's end a grant is kept for people to look at.
const KEPT_US: i64 = 30 * 24 * 3_600 * 1_000_000;

type Row = (String, String, Option<String>, String, i64, i64, Option<i64>);

impl Store {
    /// Keeps a new grant, and forgets those whose last token ended long ago.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is a grant of that id; [`StoreError::Unavailable`].
    pub async fn insert_grant(&self, grant: &Grant) -> Result<(), StoreError> {
        let grant = grant.clone();
        self.write(move |connection| {
            Box::pin(async move {
                sqlx::query("DELETE FROM issued_grant WHERE expires_at_us < $1")
                    .bind(grant.issued_at_us.saturating_sub(KEPT_US))
                    .execute(&mut *connection)
                    .await?;
                let inserted = sqlx::query(
                    "INSERT INTO issued_grant
                     (id, user_name, application, environment, issued_at_us, expires_at_us, revoked_at_us)
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                )
                .bind(&*grant.id)
                .bind(&*grant.user)
                .bind(grant.application.as_deref())
                .bind(&*grant.environment)
                .bind(grant.issued_at_us)
                .bind(grant.expires_at_us)
                .bind(grant.revoked_at_us)
                .execute(connection)
                .await?;
                match inserted.rows_affected() {
                    0 => Err(StoreError::conflict(format!("there already is a grant {}", grant.id))),
                    _ => Ok(()),
                }
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
        let row: Option<Row> = sqlx::query_as(
            "SELECT id, user_name, application, environment, issued_at_us, expires_at_us, revoked_at_us
             FROM issued_grant WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&mut *reading)
        .await?;
        row.map(from_row).ok_or_else(|| StoreError::not_found(format!("grant {id}")))
    }

    /// The grants of a user, the latest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn grants_of_user(&self, user: &str) -> Result<Vec<Grant>, StoreError> {
        let mut reading = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, user_name, application, environment, issued_at_us, expires_at_us, revoked_at_us
             FROM issued_grant WHERE user_name = $1 ORDER BY issued_at_us DESC, id",
        )
        .bind(user)
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
                let revoked =
                    sqlx::query("UPDATE issued_grant SET revoked_at_us = COALESCE(revoked_at_us, $2) WHERE id = $1")
                        .bind(&id)
                        .bind(now_us)
                        .execute(&mut *connection)
                        .await?;
                if revoked.rows_affected() == 0 {
                    return Err(StoreError::not_found(format!("grant {id}")));
                }
                Ok(revision::raise(connection, "grant", &id).await?)
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
            Box::pin(async move {
                let revoked = sqlx::query(
                    "UPDATE issued_grant SET revoked_at_us = $2 WHERE user_name = $1 AND revoked_at_us IS NULL",
                )
                .bind(&user)
                .bind(now_us)
                .execute(&mut *connection)
                .await?
                .rows_affected();
                if revoked > 0 {
                    revision::raise(connection, "grant", &user).await?;
                }
                Ok(revoked)
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

fn from_row((id, user, application, environment, issued_at_us, expires_at_us, revoked_at_us): Row) -> Grant {
    Grant {
        id: id.into(),
        user: user.into(),
        application: application.map(Name::from),
        environment: environment.into(),
        issued_at_us,
        expires_at_us,
        revoked_at_us,
    }
}

/// As [`Store::revoked_grants`].
pub(crate) async fn revoked(connection: &mut SqliteConnection, now_us: i64) -> sqlx::Result<Vec<Name>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM issued_grant WHERE expires_at_us > $1 AND revoked_at_us IS NOT NULL ORDER BY id",
    )
    .bind(now_us)
    .fetch_all(connection)
    .await?;
    Ok(ids.into_iter().map(Name::from).collect())
}
