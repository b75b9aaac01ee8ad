//! The counter that every write raises which a snapshot would see, and the list of what it was raised by.

use limen_rules::model::Name;
use limen_rules::record::Subscription;
use sqlx::sqlite::SqliteConnection;

use crate::error::StoreError;
use crate::store::Store;
use crate::subscription::{self, Selection};

/// So many revisions are remembered; who is further behind loads everything anew.
const KEPT: i64 = 10_000;
/// The kind of a change to a subscription or its keys.
pub(crate) const SUBSCRIPTION: &str = "subscription";
/// The kind of a grant's revocation; any third kind is the rest.
pub(crate) const GRANT: &str = "grant";

/// What is different from an earlier revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The revision that these lead to.
    pub revision: i64,
    /// Subscriptions that are new or changed, as they are now.
    pub subscriptions: Vec<Subscription>,
    /// Subscriptions that are gone.
    pub removed_subscriptions: Vec<Name>,
    /// Whether grants were revoked.
    pub grants: bool,
    /// Whether anything else changed: what was declared, notices, signing keys, settings.
    pub rest: bool,
}

impl Store {
    /// The current revision.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn revision(&self) -> Result<i64, StoreError> {
        let mut reading = self.read().await?;
        Ok(current(&mut reading).await?)
    }

    /// What changed since `revision`. `None`: that is too long ago (or of another database), load everything anew.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn changes_since(&self, revision: i64) -> Result<Option<Changes>, StoreError> {
        let mut reading = self.read_for_snapshot().await?;
        let now = current(&mut reading).await?;
        if revision > now || revision < now.saturating_sub(KEPT) {
            return Ok(None);
        }
        if revision == now {
            return Ok(Some(Changes { revision, ..Changes::default() }));
        }
        let removed: Vec<String> = sqlx::query_scalar(
            "SELECT DISTINCT id FROM change WHERE revision > $1 AND kind = $2
             AND NOT EXISTS (SELECT 1 FROM subscription WHERE subscription.id = change.id) ORDER BY id",
        )
        .bind(revision)
        .bind(SUBSCRIPTION)
        .fetch_all(&mut *reading)
        .await?;
        let (grants, rest) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM change WHERE revision > $1 AND kind = $2),
                    EXISTS (SELECT 1 FROM change WHERE revision > $1 AND kind NOT IN ($2, $3))",
        )
        .bind(revision)
        .bind(GRANT)
        .bind(SUBSCRIPTION)
        .fetch_one(&mut *reading)
        .await?;
        Ok(Some(Changes {
            revision: now,
            subscriptions: subscription::load(&mut reading, Selection::ChangedSince(revision)).await?,
            removed_subscriptions: removed.into_iter().map(Name::from).collect(),
            grants,
            rest,
        }))
    }
}

/// The revision as the connection sees it.
pub(crate) async fn current(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT value FROM revision").fetch_one(connection).await
}

/// Raises the revision for a change to `id`; to be called once within the transaction that makes it.
pub(crate) async fn raise(connection: &mut SqliteConnection, kind: &str, id: &str) -> sqlx::Result<()> {
    let revision: i64 =
        sqlx::query_scalar("UPDATE revision SET value = value + 1 RETURNING value").fetch_one(&mut *connection).await?;
    sqlx::query("INSERT INTO change (revision, kind, id) VALUES ($1, $2, $3)")
        .bind(revision)
        .bind(kind)
        .bind(id)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM change WHERE revision <= $1")
        .bind(revision.saturating_sub(KEPT))
        .execute(connection)
        .await?;
    Ok(())
}
