//! Settings: a few names with a text each, such as the instance's id. Knows none of them by name.

use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::revision;
use crate::store::Store;

impl Store {
    /// What the setting says.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut reading = self.read().await?;
        Ok(read(&mut reading, name).await?)
    }

    /// Sets it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(move |connection| {
            Box::pin(async move {
                if read(connection, &name).await?.as_ref() == Some(&value) {
                    return Ok(());
                }
                sqlx::query(
                    "INSERT INTO setting (name, value) VALUES ($1, $2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(&name)
                .bind(value)
                .execute(&mut *connection)
                .await?;
                Ok(revision::raise(connection, "setting", &name).await?)
            })
        })
        .await
    }

    /// Sets it if it isn't set yet; what it says then.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn setting_or_insert(&self, name: &str, value: &str) -> Result<String, StoreError> {
        if let Some(present) = self.setting(name).await? {
            return Ok(present);
        }
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(move |connection| {
            Box::pin(async move {
                if let Some(present) = read(connection, &name).await? {
                    return Ok(present);
                }
                sqlx::query("INSERT INTO setting (name, value) VALUES ($1, $2)")
                    .bind(&name)
                    .bind(&value)
                    .execute(&mut *connection)
                    .await?;
                revision::raise(connection, "setting", &name).await?;
                Ok(value)
            })
        })
        .await
    }
}

async fn read(connection: &mut SqliteConnection, name: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar("SELECT value FROM setting WHERE name = $1").bind(name).fetch_optional(connection).await
}
