//! Everything that a snapshot is made of, read at one moment.

use limen_rules::record::Directory;

use crate::error::StoreError;
use crate::store::Store;
use crate::subscription::{self, Selection};
use crate::{grant, notice, resource, revision, signing_key};

impl Store {
    /// All that a snapshot needs at `now_us`, with the revision that it is of.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn directory(&self, now_us: i64) -> Result<(i64, Directory), StoreError> {
        let mut reading = self.read().await?;
        let revision = revision::current(&mut reading).await?;
        let directory = Directory {
            declared: resource::load(&mut reading).await?,
            subscriptions: subscription::load(&mut reading, Selection::All).await?,
            notices: notice::recent(&mut reading, now_us).await?,
            revoked_grants: grant::revoked(&mut reading, now_us).await?,
            verifying_keys: signing_key::verifying(&mut reading, now_us).await?,
        };
        Ok((revision, directory))
    }
}
