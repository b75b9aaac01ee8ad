//! Everything that a snapshot is made of, read at one moment.

use limen_rules::record::Directory;
use limen_rules::snapshot::subscriptions::Subscriptions;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::store::Store;
use crate::{grant, notice, resource, revision, signing_key, subscription_table};

impl Store {
    /// All that a snapshot needs at `now_us` but the subscriptions, with the revision that it is of.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn catalog(&self, now_us: i64) -> Result<(i64, Directory), StoreError> {
        let mut reading = self.read_for_snapshot().await?;
        Ok((revision::current(&mut reading).await?, catalog(&mut reading, now_us).await?))
    }

    /// All that a snapshot needs at `now_us`: the catalog and every subscription, in the form that calls read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory(&self, now_us: i64) -> Result<(i64, Directory, Subscriptions), StoreError> {
        let mut reading = self.read_for_snapshot().await?;
        let revision = revision::current(&mut reading).await?;
        let catalog = catalog(&mut reading, now_us).await?;
        Ok((revision, catalog, subscription_table::load(&mut reading).await?))
    }
}

async fn catalog(reading: &mut SqliteConnection, now_us: i64) -> Result<Directory, StoreError> {
    Ok(Directory {
        declared: resource::load(&mut *reading).await?,
        subscriptions: Vec::new(),
        notices: notice::recent(&mut *reading, now_us).await?,
        revoked_grants: grant::revoked(&mut *reading, now_us).await?,
        verifying_keys: signing_key::verifying(&mut *reading, now_us).await?,
    })
}
