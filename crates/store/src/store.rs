//! The store as its users hold it: opening and closing, one way in for writes and one for reads. What is written and
//! read is in the modules beside this one, each of which adds its part to [`Store`].

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use limen_rules::model::Declared;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{Sqlite, Transaction};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::StoreError;
use crate::folder::DataFolder;
use crate::open_error::OpenError;
use crate::writer::{Job, Order, QUEUE, Working, Writer};
use crate::{revision, sqlite};

const READERS: u32 = 4;
/// How long a read waits for a connection.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// The opened store. Cheap to clone. Its methods may be called from any runtime while the one that it was opened on
/// lives.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    orders: mpsc::Sender<Order>,
    readers: SqlitePool,
    /// For the snapshot alone: however many pages are asked for, it is kept up to date.
    snapshot_reader: SqlitePool,
    declared: tokio::sync::Mutex<Option<(i64, Arc<Declared>)>>,
    revision: watch::Receiver<i64>,
    fresh: bool,
    folder: DataFolder,
}

impl Store {
    /// Opens the folder's database, or makes it, checks that it is whole, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]: `Foreign`, `Newer`, `Corrupt`, `Unreadable`, `Full` or `Io`.
    pub async fn open(folder: DataFolder) -> Result<Self, OpenError> {
        folder.prepare_database()?;
        let database = folder.database();
        let refused = |error| OpenError::from_sqlx(&database, error);
        let (mut connection, fresh) = sqlite::open(&database).await?;
        folder.mark()?;
        let snapshot_reader = readers(&database, 1).await.map_err(refused)?;
        let readers = readers(&database, READERS).await.map_err(refused)?;
        let (told, revision) = watch::channel(revision::current(&mut connection).await.map_err(refused)?);
        let (orders, ordered) = mpsc::channel(QUEUE);
        tokio::spawn(Writer::new(folder.clone(), connection, told).run(ordered));
        Ok(Self {
            inner: Arc::new(Inner {
                orders,
                readers,
                snapshot_reader,
                declared: tokio::sync::Mutex::default(),
                revision,
                fresh,
                folder,
            }),
        })
    }

    /// Whether this opening made the database.
    #[must_use]
    pub fn fresh(&self) -> bool {
        self.inner.fresh
    }

    /// The folder that it lives in.
    #[must_use]
    pub fn folder(&self) -> &DataFolder {
        &self.inner.folder
    }

    /// Tells of each new revision as soon as it is durable.
    #[must_use]
    pub fn watch_revision(&self) -> watch::Receiver<i64> {
        self.inner.revision.clone()
    }

    /// Finishes what was asked for, moves the log into the database file, and ends. Later requests fail. The folder
    /// is let go of with the last clone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the log could not be moved (nothing is lost by that) or the store was closed.
    pub async fn close(&self) -> Result<(), StoreError> {
        // The log can't be emptied while somebody reads from it.
        self.inner.readers.close().await;
        self.inner.snapshot_reader.close().await;
        self.order(Order::Close).await
    }

    /// Sends an order to the writer and waits for its answer.
    pub(crate) async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Order,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.inner.orders.send(order(answer)).await.map_err(|_| StoreError::closed())?;
        answered.await.map_err(|_| StoreError::closed())?
    }

    /// Runs `work` on the writing connection, in a transaction that is durable when this returns and undone if it
    /// returns an error. It is carried out even if the caller stops waiting.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
    {
        self.order(|answer| Order::Work(Box::new(Job { work, answer }))).await
    }

    /// A transaction to read in: all that it sees is of one moment.
    pub(crate) async fn read(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.inner.readers.begin().await?)
    }

    /// The same for who keeps the snapshot up to date; nobody else waits for this one.
    pub(crate) async fn read_for_snapshot(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.inner.snapshot_reader.begin().await?)
    }

    /// What was declared, as it was read last, with the revision that it is of or younger than.
    pub(crate) fn declared_cache(&self) -> &tokio::sync::Mutex<Option<(i64, Arc<Declared>)>> {
        &self.inner.declared
    }

    /// Lets the database grow by no more than `pages` from now, as on a disk that is almost full; `None` ends that.
    #[cfg(any(test, feature = "test-hooks"))]
    pub async fn limit_pages_for_tests(&self, pages: Option<i64>) -> Result<(), StoreError> {
        self.write(move |connection| {
            Box::pin(async move {
                let now: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await?;
                let limit = pages.map_or(4_294_967_294, |pages| now + pages);
                let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {limit}"));
                sqlx::query(limit).execute(connection).await?;
                Ok(())
            })
        })
        .await
    }
}

async fn readers(database: &Path, most: u32) -> sqlx::Result<SqlitePool> {
    SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(most)
        .acquire_timeout(READER_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(sqlite::reading(database))
        .await
}

#[cfg(test)]
mod tests {
    use limen_rules::quota::{AccountKey, LeaseRequest, Meter};

    use super::*;

    fn request(account: u128) -> LeaseRequest {
        LeaseRequest {
            account: AccountKey(account),
            meter: Meter::Calls,
            period_begin_us: 0,
            period_end_us: 1_000_000,
            limit: 100,
            used_last_minute: 100,
            minimum: 3,
            spent: None,
            returned: 0,
        }
    }

    #[tokio::test]
    async fn a_full_disk_answers_errors_and_is_got_over() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(DataFolder::open(outer.path()).unwrap()).await.unwrap();
        store.limit_pages_for_tests(Some(0)).await.unwrap();
        let mut granted = 0;
        let refused = loop {
            match store.lease(request(granted)).await {
                Ok(grant) => assert_eq!(grant.granted, 3),
                Err(error) => break error,
            }
            granted += 1;
            assert!(granted < 10_000, "the database grew beyond its limit");
        };
        assert!(refused.to_string().contains("full"), "{refused}");
        assert_eq!(store.quota_usage(AccountKey(granted)).await.unwrap(), []);
        assert!(matches!(store.set_setting("long", &"x".repeat(100_000)).await, Err(StoreError::Unavailable { .. })));
        assert_eq!(store.setting("long").await.unwrap(), None);
        assert_eq!(store.revision().await.unwrap(), 0);

        store.limit_pages_for_tests(None).await.unwrap();
        assert_eq!(store.lease(request(granted)).await.unwrap().row.debited, 3);
        store.set_setting("long", &"x".repeat(100_000)).await.unwrap();
        for account in 0..=granted {
            assert_eq!(store.quota_row(AccountKey(account), Meter::Calls, 0).await.unwrap().debited, 3);
        }
    }

    #[tokio::test]
    async fn commits_of_the_writer_reach_the_disk() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(DataFolder::open(outer.path()).unwrap()).await.unwrap();
        let pragmas = store
            .write(|connection| {
                Box::pin(async move {
                    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await?;
                    let foreign_keys: i64 =
                        sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *connection).await?;
                    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(connection).await?;
                    Ok((synchronous, foreign_keys, mode))
                })
            })
            .await
            .unwrap();
        assert_eq!(pragmas, (2, 1, "wal".to_owned()), "2 is FULL");
        let mut reading = store.read().await.unwrap();
        assert!(sqlx::query("DELETE FROM setting").execute(&mut *reading).await.is_err(), "readers write nothing");
    }

    #[tokio::test]
    async fn a_transaction_that_is_gone_does_no_harm() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(DataFolder::open(outer.path()).unwrap()).await.unwrap();
        // The work ends its own transaction, so that neither commit nor roll back finds one.
        let spoilt = store
            .write(|connection| {
                Box::pin(async move {
                    sqlite::commit(connection).await?;
                    Ok(())
                })
            })
            .await;
        assert!(matches!(spoilt, Err(StoreError::Unavailable { .. })));
        store.set_setting("after", "well").await.unwrap();
        assert_eq!(store.setting("after").await.unwrap().as_deref(), Some("well"));
    }

    #[tokio::test]
    async fn what_is_asked_after_closing_fails() {
        let outer = tempfile::tempdir().unwrap();
        let store = Store::open(DataFolder::open(outer.path()).unwrap()).await.unwrap();
        store.close().await.unwrap();
        for error in [
            store.set_setting("a", "b").await.unwrap_err(),
            store.setting("a").await.unwrap_err(),
            store.lease(request(1)).await.unwrap_err(),
            store.close().await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        }
    }
}
