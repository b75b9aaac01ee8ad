//! The one task that writes. It owns the only writing connection, takes what waits into few durable transactions, all
//! quota requests into one and the rest a batch at a time, and answers nobody before the commit has returned. Knows no
//! table.

use std::collections::VecDeque;
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
/// Pieces of writing that share one commit at most: the first of them waits for the last.
const SHARED_MAX: usize = 64;

/// A future that borrows the connection.
pub(crate) type Working<'c, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'c>>;
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked for.
pub(crate) enum Order {
    /// A request to the books of quotas.
    Lease(LeaseRequest, Answer<LeaseGrant>),
    /// Anything else. It fails alone, and shares its commit with what waits at the same time.
    Work(Box<dyn Work>),
    /// To finish, move the log into the file, and end.
    Close(Answer<()>),
}

/// A piece of writing with its answer.
pub(crate) trait Work: Send {
    /// Does it within the transaction that the connection is in.
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Done> + Send + 'c>>;

    /// Answers that it could not even be tried.
    fn fail(self: Box<Self>, error: StoreError);
}

/// A piece of writing that was done, or failed, and isn't durable yet.
pub(crate) struct Done {
    /// Whether what it wrote must be undone.
    failed: bool,
    /// Answers, once it is known what became of the transaction.
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
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
    fn run<'c>(
        self: Box<Self>,
        connection: &'c mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Done> + Send + 'c>> {
        Box::pin(async move {
            let Job { work, answer } = *self;
            let outcome = work(connection).await;
            let failed = outcome.is_err();
            let answer = Box::new(move |committed: Result<(), StoreError>| {
                // Whoever asked may have gone; what was written stays written.
                let _ = answer.send(outcome.and_then(|done| committed.map(|()| done)));
            });
            Done { failed, answer }
        })
    }

    fn fail(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Err(error));
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
            let mut works = VecDeque::new();
            let mut closing = None;
            for order in waiting.drain(..) {
                match order {
                    Order::Lease(request, answer) => leases.push((request, answer)),
                    // What came after it finds the store closed.
                    Order::Work(work) if closing.is_none() => works.push_back(work),
                    Order::Close(answer) if closing.is_none() => closing = Some(answer),
                    Order::Work(_) | Order::Close(_) => {}
                }
            }
            self.lease(leases).await;
            while !works.is_empty() {
                self.share(&mut works).await;
            }
            if let Some(answer) = closing {
                return self.close(answer).await;
            }
        }
    }

    /// Takes some of `works` into one transaction, in their order, and answers them when it is durable. Where the
    /// transaction is lost, those that were in it are told so, and the others are left for the next.
    async fn share(&mut self, works: &mut VecDeque<Box<dyn Work>>) {
        let mut done = Vec::new();
        let committed = match self.take_connection().await {
            Ok(mut connection) => {
                let committed = write_all(&mut connection, works, &mut done).await;
                self.give_back(connection, committed.is_ok()).await;
                committed
            }
            Err(error) => Err(error),
        };
        match &committed {
            Ok(()) => self.tell_revision().await,
            // Not one could be tried: the rest would fare no better.
            Err(error) if done.is_empty() => works.drain(..).for_each(|work| work.fail(error.clone())),
            Err(_) => {}
        }
        done.into_iter().for_each(|one: Done| (one.answer)(committed.clone()));
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
    async fn transact<T, F>(&mut self, work: F) -> Result<T, StoreError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, T>,
    {
        let mut connection = self.take_connection().await?;
        let outcome = async {
            sqlite::begin(&mut connection).await?;
            let done = work(&mut connection).await?;
            sqlite::commit(&mut connection).await?;
            Ok(done)
        }
        .await;
        self.give_back(connection, outcome.is_ok()).await;
        outcome
    }

    /// The connection, out of the field while its state is in doubt: an early end leaves none instead of a doubtful one.
    async fn take_connection(&mut self) -> Result<SqliteConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Ok(SqliteConnection::connect_with(&self.options).await?),
        }
    }

    /// Keeps the connection for the next transaction, after undoing one that failed.
    async fn give_back(&mut self, mut connection: SqliteConnection, committed: bool) {
        if committed || sqlite::roll_back(&mut connection).await.is_ok() {
            self.connection = Some(connection);
        }
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

/// Runs works from the front of the queue in one transaction. An error means that nothing of it was written.
async fn write_all(
    connection: &mut SqliteConnection,
    works: &mut VecDeque<Box<dyn Work>>,
    done: &mut Vec<Done>,
) -> Result<(), StoreError> {
    sqlite::begin(connection).await?;
    // One alone may fail with the whole transaction, which spares it two statements.
    let alone = works.len() == 1;
    while let Some(work) = works.pop_front() {
        if !alone {
            sqlite::save_point(connection).await?;
        }
        let one = work.run(connection).await;
        let failed = one.failed;
        done.push(one);
        if alone && failed {
            return Ok(sqlite::roll_back(connection).await?);
        }
        if !alone {
            sqlite::end_save_point(connection, failed).await?;
        }
        if done.len() == SHARED_MAX {
            break;
        }
    }
    Ok(sqlite::commit(connection).await?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    async fn writer() -> (tempfile::TempDir, Writer, watch::Receiver<i64>) {
        let outer = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(outer.path()).unwrap();
        folder.prepare_database().unwrap();
        let (connection, _) = sqlite::open(&folder.database()).await.unwrap();
        let (told, revision) = watch::channel(0);
        (outer, Writer::new(folder, connection, told), revision)
    }

    type Answers<T> = Arc<Mutex<Vec<oneshot::Receiver<Result<T, StoreError>>>>>;

    /// A piece of writing whose answer waits in `answers`.
    fn job<F>(answers: &Answers<i64>, work: F) -> Order
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Working<'c, i64> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        answers.lock().unwrap().push(answered);
        Order::Work(Box::new(Job { work, answer }))
    }

    /// Writes a setting of that number and counts those that it sees.
    fn set(answers: &Answers<i64>, number: i64) -> Order {
        job(answers, move |connection| Box::pin(write_setting(connection, number)))
    }

    async fn write_setting(connection: &mut SqliteConnection, number: i64) -> Result<i64, StoreError> {
        sqlx::query("INSERT INTO setting VALUES ($1, '')").bind(number).execute(&mut *connection).await?;
        revision::raise(connection, "setting", "").await?;
        Ok(sqlx::query_scalar("SELECT count(*) FROM setting").fetch_one(connection).await?)
    }

    /// Hands `orders` over at once, so that they wait together, and lets the writer end.
    async fn run(writer: Writer, orders: Vec<Order>) {
        let (send, receive) = mpsc::channel(QUEUE);
        for order in orders {
            send.try_send(order).ok().unwrap();
        }
        drop(send);
        writer.run(receive).await;
    }

    fn told(answers: &Answers<i64>) -> Vec<Option<i64>> {
        let mut answers = answers.lock().unwrap();
        answers.iter_mut().map(|answer| answer.try_recv().unwrap().ok()).collect()
    }

    #[tokio::test]
    async fn a_lost_connection_is_replaced() {
        let (_outer, mut writer, _) = writer().await;
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

    #[tokio::test]
    async fn what_waits_together_is_told_after_one_commit() {
        let (outer, writer, mut revision) = writer().await;
        let answers = Answers::default();
        let mut orders: Vec<Order> = (1..=3).map(|number| set(&answers, number)).collect();
        let (others, database) = (Arc::clone(&answers), outer.path().join("limen.db"));
        orders.push(job(&answers, move |connection| {
            Box::pin(async move {
                let empty = |answer: &mut oneshot::Receiver<_>| answer.try_recv().is_err();
                assert!(others.lock().unwrap().iter_mut().all(empty), "somebody was told before the commit");
                let mut outside = SqliteConnection::connect_with(&sqlite::reading(&database)).await?;
                let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM setting").fetch_one(&mut outside).await?;
                assert_eq!(seen, 0, "written outside of the transaction that is shared");
                write_setting(connection, 4).await
            })
        }));
        run(writer, orders).await;
        assert_eq!(told(&answers), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(*revision.borrow_and_update(), 4);
    }

    #[tokio::test]
    async fn a_failing_one_in_the_middle_undoes_only_itself() {
        let (_outer, writer, _) = writer().await;
        let answers = Answers::default();
        let failing = |answers| {
            job(answers, |connection| {
                Box::pin(async move {
                    write_setting(connection, 7).await?;
                    Err(StoreError::conflict("no"))
                })
            })
        };
        // The second fails at its first statement.
        let orders = vec![set(&answers, 1), set(&answers, 1), failing(&answers), set(&answers, 2), failing(&answers)];
        run(writer, orders).await;
        assert_eq!(told(&answers), [Some(1), None, None, Some(2), None]);
    }

    #[tokio::test]
    async fn a_commit_that_fails_is_told_to_all_of_it_and_to_nobody_else() {
        let (_outer, writer, _) = writer().await;
        let answers = Answers::default();
        let mut orders: Vec<Order> = (1..=9).map(|number| set(&answers, number)).collect();
        // Seen only at the end of the transaction: a key of a subscription that isn't there.
        orders.push(job(&answers, |connection| {
            Box::pin(async move {
                sqlx::query("PRAGMA defer_foreign_keys = ON").execute(&mut *connection).await?;
                sqlx::query("INSERT INTO subscription_key VALUES (zeroblob(32), 'none', 'primary', 1, NULL)")
                    .execute(connection)
                    .await?;
                Ok(0)
            })
        }));
        let shared = i64::try_from(SHARED_MAX).unwrap();
        orders.extend((10..shared + 3).map(|number| set(&answers, number)));
        run(writer, orders).await;
        let told = told(&answers);
        assert!(told[..SHARED_MAX].iter().all(Option::is_none), "{told:?}");
        assert_eq!(told[SHARED_MAX..], [Some(1), Some(2), Some(3)]);
    }

    #[tokio::test]
    async fn a_transaction_that_is_lost_takes_nobody_along_who_was_not_in_it() {
        let (_outer, writer, _) = writer().await;
        let answers = Answers::default();
        let spoiling = job(&answers, |connection| {
            Box::pin(async move {
                sqlite::roll_back(connection).await?;
                Ok(0)
            })
        });
        let before = set(&answers, 1);
        let orders = vec![before, spoiling, set(&answers, 2), set(&answers, 3)];
        answers.lock().unwrap().swap(0, 1);
        run(writer, orders).await;
        assert_eq!(told(&answers), [None, None, Some(1), Some(2)]);
    }

    #[tokio::test]
    async fn what_comes_after_closing_is_not_done() {
        let (outer, writer, _) = writer().await;
        let answers = Answers::default();
        let (close, closed) = oneshot::channel();
        run(writer, vec![set(&answers, 1), Order::Close(close), set(&answers, 2)]).await;
        closed.await.unwrap().unwrap();
        let mut answers = std::mem::take(&mut *answers.lock().unwrap());
        assert!(answers[0].try_recv().unwrap().is_ok() && answers[1].try_recv().is_err());
        let mut outside =
            SqliteConnection::connect_with(&sqlite::reading(&outer.path().join("limen.db"))).await.unwrap();
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM setting").fetch_one(&mut outside).await.unwrap();
        assert_eq!(count, 1);
    }
}
