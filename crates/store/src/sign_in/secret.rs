//! Secrets of applications, of which only hashes are kept, and their logos.

use limen_rules::record::Which;
use limen_rules::sign_in::record::{Hash, StoredSecret};

use super::standing;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::resource::ResourceKind;
use crate::store::Store;

impl Store {
    /// Sets one of an application's two secrets; the value that it had ends.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such application; [`StoreError::Unavailable`].
    pub async fn put_application_secret(
        &self,
        application: &str,
        which: Which,
        hash: Hash,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let application = application.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                standing::required(connection, ResourceKind::Application, &application).await?;
                sqlx::query(
                    "INSERT INTO application_secret (application, which, hash, made_at_us) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (application, which) DO UPDATE
                     SET hash = excluded.hash, made_at_us = excluded.made_at_us",
                )
                .bind(application)
                .bind(word(which))
                .bind(hash.as_slice())
                .bind(now_us)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// The secrets that an application has: none, one or both.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn application_secrets(&self, application: &str) -> Result<Vec<StoredSecret>, StoreError> {
        let mut reading = self.read().await?;
        of(&mut reading, application).await
    }

    /// Ends one of an application's secrets.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none; [`StoreError::Unavailable`].
    pub async fn remove_application_secret(&self, application: &str, which: Which) -> Result<(), StoreError> {
        let application = application.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let removed = sqlx::query("DELETE FROM application_secret WHERE application = $1 AND which = $2")
                    .bind(&application)
                    .bind(word(which))
                    .execute(connection)
                    .await?;
                match removed.rows_affected() {
                    0 => Err(StoreError::not_found(format!("{} secret of application {application}", word(which)))),
                    _ => Ok(()),
                }
            })
        })
        .await
    }

    /// Sets an application's logo: a PNG that we made.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such application; [`StoreError::Unavailable`].
    pub async fn put_application_logo(&self, application: &str, png: Vec<u8>, now_us: i64) -> Result<(), StoreError> {
        let application = application.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                standing::required(connection, ResourceKind::Application, &application).await?;
                sqlx::query(
                    "INSERT INTO application_logo (application, png, changed_at_us) VALUES ($1, $2, $3)
                     ON CONFLICT (application) DO UPDATE SET png = excluded.png, changed_at_us = excluded.changed_at_us",
                )
                .bind(application)
                .bind(png)
                .bind(now_us)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// An application's logo, as PNG.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn application_logo(&self, application: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut reading = self.read().await?;
        Ok(sqlx::query_scalar("SELECT png FROM application_logo WHERE application = $1")
            .bind(application)
            .fetch_optional(&mut *reading)
            .await?)
    }

    /// Removes an application's logo.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if it has none; [`StoreError::Unavailable`].
    pub async fn remove_application_logo(&self, application: &str) -> Result<(), StoreError> {
        let application = application.to_owned();
        self.write(move |connection| {
            Box::pin(async move {
                let removed = sqlx::query("DELETE FROM application_logo WHERE application = $1")
                    .bind(&application)
                    .execute(connection)
                    .await?;
                match removed.rows_affected() {
                    0 => Err(StoreError::not_found(format!("logo of application {application}"))),
                    _ => Ok(()),
                }
            })
        })
        .await
    }
}

fn word(which: Which) -> &'static str {
    match which {
        Which::Primary => "primary",
        Which::Secondary => "secondary",
    }
}

/// As [`Store::application_secrets`].
pub(crate) async fn of(connection: &mut SqliteConnection, application: &str) -> Result<Vec<StoredSecret>, StoreError> {
    let rows: Vec<(String, Vec<u8>, i64)> =
        sqlx::query_as("SELECT which, hash, made_at_us FROM application_secret WHERE application = $1 ORDER BY which")
            .bind(application)
            .fetch_all(connection)
            .await?;
    let secret = |(which, hash, made_at_us): (String, Vec<u8>, i64)| {
        let which = match which.as_str() {
            "primary" => Which::Primary,
            _ => Which::Secondary,
        };
        let hash = Hash::try_from(hash);
        let hash = hash.map_err(|_| StoreError::damaged("the hash of a secret hasn't 32 bytes"))?;
        Ok(StoredSecret { which, hash, made_at_us })
    };
    rows.into_iter().map(secret).collect()
}
