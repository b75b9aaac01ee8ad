//! Grants by whose, which application's and where: to look at, and to take back together.

use limen_rules::model::Name;
use limen_rules::record::Grant;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::grant::{Row, from_row};
use crate::sign_in::ending::{self, Ended};
use crate::store::Store;

/// Which grants are meant: those that fit all that is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantFilter {
    /// Of this user.
    pub user: Option<Name>,
    /// Of this application.
    pub application: Option<Name>,
    /// In this environment.
    pub environment: Option<Name>,
}

impl GrantFilter {
    /// What ends, where one word says it.
    fn ended(&self) -> Option<Ended<'_>> {
        match (self.user.as_deref(), self.application.as_deref(), self.environment.as_deref()) {
            (Some(user), None, None) => Some(Ended::User(user)),
            (None, Some(application), None) => Some(Ended::Application(application)),
            (None, None, Some(environment)) => Some(Ended::Environment(environment)),
            (None, Some(application), Some(environment)) => Some(Ended::Connection { application, environment }),
            (Some(user), Some(application), Some(environment)) => {
                Some(Ended::Consent { user, application, environment })
            }
            (None, None, None) | (Some(_), Some(_), None) | (Some(_), None, Some(_)) => None,
        }
    }
}

impl Store {
    /// The grants that fit, the latest first; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn grants(&self, filter: &GrantFilter, limit: u32) -> Result<Vec<Grant>, StoreError> {
        let mut reading = self.read().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, user_name, application, environment, scope, issued_at_us, expires_at_us,
                    refresh_expires_at_us, revoked_at_us FROM issued_grant
             WHERE ($1 IS NULL OR user_name = $1) AND ($2 IS NULL OR application = $2)
               AND ($3 IS NULL OR environment = $3)
             ORDER BY issued_at_us DESC, id LIMIT $4",
        )
        .bind(filter.user.as_deref())
        .bind(filter.application.as_deref())
        .bind(filter.environment.as_deref())
        .bind(i64::from(limit))
        .fetch_all(&mut *reading)
        .await?;
        Ok(rows.into_iter().map(from_row).collect())
    }

    /// Takes back the grants that fit; how many there were. Where nothing is told, none fits.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revoke_grants(&self, filter: &GrantFilter, now_us: i64) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.write(move |connection| {
            Box::pin(async move {
                if let Some(ended) = filter.ended() {
                    return ending::revoke_grants(connection, ended, now_us).await;
                }
                let mut revoked = 0;
                for id in of_user(connection, &filter).await? {
                    revoked += ending::revoke_grants(connection, Ended::Grant(&id), now_us).await?;
                }
                Ok(revoked)
            })
        })
        .await
    }
}

/// The grants of the filter's user that stand and fit the rest.
async fn of_user(connection: &mut SqliteConnection, filter: &GrantFilter) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT id FROM issued_grant WHERE user_name = $1 AND ($2 IS NULL OR application = $2)
           AND ($3 IS NULL OR environment = $3) AND revoked_at_us IS NULL",
    )
    .bind(filter.user.as_deref())
    .bind(filter.application.as_deref())
    .bind(filter.environment.as_deref())
    .fetch_all(connection)
    .await?)
}
