//! The one task that writes. It owns the only writing connection, takes all waiting quota requests into one durable
//! transaction, and answers nobody before the commit has returned. Knows no table.

use std::future::Future;
use std::pin::Pin;

use limen_rules::quota::{LeaseGrant, LeaseRequest};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::StoreError;
use crate::folder::DataFolder;
use crate::{quota, revision, sqlite};

/// Orders that may wait; whoever comes then waits for a place.
pub(crate) const QUEUE: usize = 1024;
/// Orders that are taken at once; what quota requests are among them share one commit.
const BATCH: usize = 512;

/// A future that borrows the connection.
pub(crate) type Working<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked for.
pub(crate) enum Order {
    /// A request to the books of quotas.
    Lease(LeaseRequest, Answer<LeaseGrant>),
    /// Anything else, in a transaction of its own.
    Work(Box<dyn Work>),
    /// To finish, move the log into the file, and end.
    Close(Answer<()>),
}

/// A piece of writing with its answer.
pub(crate) trait Work: Send {
    /// Does it in a transaction and answers.
    fn run<'w>(self: Box<Self>, writer: &'w mut Writer) -> Pin<Box<dyn Future<Output = ()> + Send + 'w>>;
}

/// [`Work`] made of a function and where its outcome goes.
pub(crate) struct Job<F, T> {
    /// What to write.
    pub(crate) work: F,
    /// Who waits for it.
    pub(crate) answer: Answer<T>,
}

impl<F, T> Work for Job<F, T>
where
    T: Send + 'static,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T> + Send + 'static,
{
    fn run<'w>(self: Box<Self>, writer: &'w mut Writer) -> Pin<Box<dyn Future<Output = ()> + Send + 'w>> {
        Box::pin(async move {
            let outcome = writer.transact(self.work).await;
            if outcome.is_ok() {
                writer.tell_revision().await;
            }
            // Whoever asked may have gone; what was written stays written.
            let _ = self.answer.send(outcome);
        })
    }
}

/// The writing connection and what it takes to replace it.
pub(crate) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    revision: watch::Sender<i64>,
    /// Keeps the folder held until the last write is done.
    folder: DataFolder,
}

impl Writer {
    pub(crate) fn new(folder: DataFolder, connection: SqliteConnection, revision: watch::Sender<i64>) -> Self {
        Self { options: sqlite::writing(&folder.database()), connection: Some(connection), revision, folder }
    }

    /// Works until it is told to close or nobody is left who could ask.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut waiting = Vec::with_capacity(BATCH);
        while orders.recv_many(&mut waiting, BATCH).await > 0 {
            let mut leases = Vec::new();
            let mut others = Vec::new();
            for order in waiting.drain(..) {
                match order {
                    Order::Lease(request, answer) => leases.push((request, answer)),
                    other => others.push(other),
                }
            }
            self.lease(leases).await;
            for order in others {
                match order {
                    Order::Work(work) => work.run(&mut self).await,
                    Order::Close(answer) => return self.close(answer).await,
                    // Were taken out above.
                    Order::Lease(..) => {}
                }
            }
        }
    }

    /// Debits all requests in one transaction.
    async fn lease(&mut self, leases: Vec<(LeaseRequest, Answer<LeaseGrant>)>) {
        if leases.is_empty() {
            return;
        }
        let (requests, answers): (Vec<_>, Vec<_>) = leases.into_iter().unzip();
        match self.transact(move |connection| Box::pin(quota::debit_all(connection, requests))).await {
            Ok(grants) => answers.into_iter().zip(grants).for_each(|(answer, grant)| {
                // A grant whose asker has gone is lost, and booked so by the asker's successor.
                let _ = answer.send(grant);
            }),
            Err(error) => answers.into_iter().for_each(|answer| {
                let _ = answer.send(Err(error.clone()));
            }),
        }
    }

    /// Runs `work` in a transaction that is durable when this returns, and undone if it returns an error.
    pub(crate) async fn transact<T, F>(&mut self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T>,
    {
        // Out of the field while its state is in doubt: an early end leaves none instead of a doubtful one.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        let outcome = async {
            sqlite::begin(&mut connection).await?;
            let done = work(&mut connection).await?;
            sqlite::commit(&mut connection).await?;
            Ok(done)
        }
        .await;
        if outcome.is_ok() || sqlite::roll_back(&mut connection).await.is_ok() {
            self.connection = Some(connection);
        }
        outcome
    }

    /// Lets those who wait for changes know of one.
    async fn tell_revision(&mut self) {
        let Some(connection) = self.connection.as_mut() else { return };
        if let Ok(now) = revision::current(connection).await {
            self.revision.send_if_modified(|told| std::mem::replace(told, now) != now);
        }
    }

    async fn close(self, answer: Answer<()>) {
        let closed = match self.connection {
            Some(mut connection) => match sqlite::checkpoint(&mut connection).await {
                Ok(()) => connection.close().await,
                Err(error) => Err(error),
            },
            // The log stays; the next opening reads it.
            None => Ok(()),
        };
        drop(self.folder);
        let _ = answer.send(closed.map_err(StoreError::from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lost_connection_is_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(outer.path()).unwrap();
        folder.prepare_database().unwrap();
        let (connection, _) = sqlite::open(&folder.database()).await.unwrap();
        let mut writer = Writer::new(folder, connection, watch::channel(0).0);
        writer.connection = None;
        for expected in [0, 1] {
            let before = writer
                .transact(|connection| {
                    Box::pin(async move {
                        let before = revision::current(connection).await?;
                        revision::raise(connection, "setting", "").await?;
                        Ok(before)
                    })
                })
                .await;
            assert_eq!(before.unwrap(), expected);
            assert!(writer.connection.is_some());
        }
    }
}
