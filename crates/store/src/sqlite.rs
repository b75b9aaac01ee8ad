//! All that is peculiar to SQLite: how connections are opened, how the file is recognised, checked and migrated, how
//! transactions begin and end. Knows no table's meaning.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection};

use crate::open_error::OpenError;

/// "Limn", in the file's header: tells our database from any other.
const APPLICATION_ID: i64 = 0x4c69_6d6e;

/// The steps from an empty file to the schema of today, in order. The number of steps taken is the schema's version,
/// kept as `user_version` in the file's header. A step that was released never changes.
const MIGRATIONS: [&str; 2] =
    [include_str!("../migrations/0001_beginning.sql"), include_str!("../migrations/0002_sign_in.sql")];

/// What a whole database has at least.
const TABLES: [&str; 17] = [
    "application_logo",
    "application_secret",
    "authorization_code",
    "change",
    "consent",
    "issued_grant",
    "notice",
    "quota_row",
    "refresh_token",
    "resource",
    "revision",
    "setting",
    "signing_key",
    "subscription",
    "subscription_key",
    "user_password",
    "web_session",
];

/// Larger files aren't read through at the start: it would keep callers waiting.
const CHECKED_AT_MOST_BYTES: i64 = 32 << 20;

/// How long a connection waits for another's lock; only a foreign process (a shell, a backup) ever holds one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// What was found in a database file that is to be opened.
struct Found {
    application_id: i64,
    version: i64,
    tables: Vec<String>,
}

/// How the writer opens the file.
pub(crate) fn writing(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("journal_size_limit", "67108864")
}

/// How readers open it.
pub(crate) fn reading(database: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("query_only", "ON")
}

/// Opens the file for writing, checks that it is ours and whole, and brings its schema up to date. Says whether it
/// was empty before.
pub(crate) async fn open(database: &Path) -> Result<(SqliteConnection, bool), OpenError> {
    let refused = |error| OpenError::from_sqlx(database, error);
    let mut connection = SqliteConnection::connect_with(&writing(database)).await.map_err(refused)?;
    let found = find(&mut connection).await.map_err(refused)?;
    let fresh = found.application_id == 0 && found.version == 0 && found.tables.is_empty();
    recognise(database, &found, fresh)?;
    check(database, &mut connection).await?;
    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await.map_err(refused)?;
    migrate(&mut connection, found.version).await.map_err(refused)?;
    let tables = find(&mut connection).await.map_err(refused)?.tables;
    if let Some(missing) = TABLES.iter().find(|table| !tables.iter().any(|found| found == *table)) {
        let detail = format!("its table {missing} is missing");
        return Err(OpenError::Corrupt { path: database.into(), detail });
    }
    Ok((connection, fresh))
}

async fn find(connection: &mut SqliteConnection) -> sqlx::Result<Found> {
    Ok(Found {
        application_id: sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?,
        version: sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *connection).await?,
        tables: sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&mut *connection)
            .await?,
    })
}

fn recognise(database: &Path, found: &Found, fresh: bool) -> Result<(), OpenError> {
    let path = database.parent().unwrap_or(database).to_path_buf();
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if !fresh && found.application_id != APPLICATION_ID {
        let name = database.file_name().unwrap_or_default().display();
        return Err(OpenError::Foreign { path, detail: format!("its {name} belongs to another program") });
    }
    if found.version > known {
        return Err(OpenError::Newer { path, found: found.version, known });
    }
    Ok(())
}

async fn check(database: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let refused = |error| OpenError::from_sqlx(database, error);
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await.map_err(refused)?;
    let page_bytes: i64 = sqlx::query_scalar("PRAGMA page_size").fetch_one(&mut *connection).await.map_err(refused)?;
    if pages.saturating_mul(page_bytes) > CHECKED_AT_MOST_BYTES {
        return Ok(());
    }
    let said: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(connection).await.map_err(refused)?;
    if said == "ok" {
        return Ok(());
    }
    // SQLite words it over several lines, the first of which may be only a heading.
    let detail = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim_end_matches('.');
    Err(OpenError::Corrupt { path: database.into(), detail: detail.to_owned() })
}

async fn migrate(connection: &mut SqliteConnection, version: i64) -> sqlx::Result<()> {
    for (step, number) in MIGRATIONS.iter().zip(1_i64..).filter(|(_, number)| *number > version) {
        begin(connection).await?;
        let numbered = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}");
        let taken = async {
            sqlx::raw_sql(*step).execute(&mut *connection).await?;
            // No input is in this text.
            sqlx::raw_sql(AssertSqlSafe(numbered)).execute(&mut *connection).await?;
            commit(connection).await
        };
        // A connection that is closed with a transaction open undoes it.
        taken.await?;
    }
    Ok(())
}

/// Begins a transaction that holds the write lock from its first moment, so that it can't fail for it later.
pub(crate) async fn begin(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("BEGIN IMMEDIATE").execute(connection).await.map(drop)
}

/// Makes the transaction durable: with `synchronous = FULL` the log is on the disk when this returns.
pub(crate) async fn commit(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("COMMIT").execute(connection).await.map(drop)
}

/// Undoes a transaction if there still is one: a full disk may have undone it already. An error means that the
/// connection's state isn't known, and that it must be replaced.
pub(crate) async fn roll_back(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    match sqlx::query("ROLLBACK").execute(connection).await {
        Err(sqlx::Error::Database(error)) if error.message().contains("no transaction is active") => Ok(()),
        done => done.map(drop),
    }
}

/// Marks a place within the transaction that what follows can be undone to.
pub(crate) async fn save_point(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("SAVEPOINT job").execute(connection).await.map(drop)
}

/// Forgets the place; before, undoes what followed it if that `failed`. An error means that the transaction is gone or
/// in doubt.
pub(crate) async fn end_save_point(connection: &mut SqliteConnection, failed: bool) -> sqlx::Result<()> {
    if failed {
        sqlx::query("ROLLBACK TO job").execute(&mut *connection).await?;
    }
    sqlx::query("RELEASE job").execute(connection).await.map(drop)
}

/// Moves the log into the file and empties it.
pub(crate) async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(connection).await.map(drop)
}
