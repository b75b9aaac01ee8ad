//! The SQLite file: whose it is, its schema, and the pool of connections to it.
//! It knows the tables' shapes and not what they mean.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use crate::answer::Failure;
use crate::error::SampleError;
use crate::seed;

/// Opens a transaction that writes. One that turned into a writer halfway could be refused without any waiting.
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// Marks the file as ours: "Lims" in ASCII.
const APPLICATION_ID: i64 = 0x4c69_6d73;
/// The newest version of the schema that this program knows.
const SCHEMA_VERSION: i64 = 1;
const CONNECTIONS_MAX: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// AUTOINCREMENT, so that the id of a deleted record never becomes another's.
const SCHEMA: &str = "
    CREATE TABLE constituent (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        type TEXT NOT NULL,
        name TEXT NOT NULL,
        title TEXT,
        first_name TEXT,
        last_name TEXT,
        preferred_name TEXT,
        gender TEXT,
        birth_year INTEGER,
        birth_month INTEGER,
        birth_day INTEGER,
        deceased INTEGER NOT NULL,
        inactive INTEGER NOT NULL,
        email TEXT,
        phone TEXT,
        address_lines TEXT,
        city TEXT,
        state TEXT,
        postal_code TEXT,
        country TEXT,
        lookup_id TEXT UNIQUE,
        folded TEXT NOT NULL,
        folded_last_name TEXT,
        folded_city TEXT,
        date_added TEXT NOT NULL,
        date_modified TEXT NOT NULL
    ) STRICT;
    CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        constituent_id INTEGER NOT NULL REFERENCES constituent (id) ON DELETE CASCADE,
        type TEXT NOT NULL,
        summary TEXT NOT NULL,
        text TEXT,
        year INTEGER,
        month INTEGER,
        day INTEGER,
        author TEXT,
        date_added TEXT NOT NULL,
        date_modified TEXT NOT NULL
    ) STRICT;
    CREATE INDEX note_of_constituent ON note (constituent_id, id);
    CREATE TABLE hidden_constituent (
        user_id TEXT NOT NULL,
        constituent_id INTEGER NOT NULL REFERENCES constituent (id) ON DELETE CASCADE,
        PRIMARY KEY (user_id, constituent_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX hidden_from ON hidden_constituent (constituent_id);
    PRAGMA application_id = 0x4c696d73;
    PRAGMA user_version = 1;
";

/// Opens the file at `path`; a new or empty one gets schema and seed in one transaction, so that a crash between the
/// two leaves an empty file and no half-filled one.
pub(crate) async fn open(path: &Path) -> Result<SqlitePool, SampleError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging();
    let failed = |error: sqlx::Error| SampleError::of(path, &error);
    // Whose file it is comes before the journal mode, which would be written into the file of another program.
    let mut connection = options.connect().await.map_err(failed)?;
    prepare(&mut connection, path).await?;
    connection.close().await.map_err(failed)?;
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(BUSY_TIMEOUT)
        .connect_with(options.journal_mode(SqliteJournalMode::Wal))
        .await
        .map_err(failed)
}

async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<(), SampleError> {
    let failed = |error: sqlx::Error| SampleError::of(path, &error);
    // Within the writing transaction, so that of two processes that start at once only one seeds.
    let mut transaction = connection.begin_with(BEGIN_WRITING).await.map_err(failed)?;
    let application_id = number(&mut transaction, "PRAGMA application_id").await.map_err(failed)?;
    let version = number(&mut transaction, "PRAGMA user_version").await.map_err(failed)?;
    let tables = number(&mut transaction, "SELECT count(*) FROM sqlite_schema").await.map_err(failed)?;
    match (application_id, version) {
        (APPLICATION_ID, 1..=SCHEMA_VERSION) => sound(&mut transaction, path).await?,
        (APPLICATION_ID, found) => {
            return Err(SampleError::Newer { path: path.to_path_buf(), found, known: SCHEMA_VERSION });
        }
        (0, 0) if tables == 0 => {
            sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await.map_err(failed)?;
            seed::fill(&mut transaction).await.map_err(|failure| match failure {
                Failure::Database(error) => failed(error),
                other => SampleError::Failed { path: path.to_path_buf(), reason: format!("{other:?}") },
            })?;
        }
        _ => return Err(SampleError::Foreign { path: path.to_path_buf() }),
    }
    transaction.commit().await.map_err(failed)
}

/// A broken page is better told at the start than in the middle of an answer; the file is small.
async fn sound(connection: &mut SqliteConnection, path: &Path) -> Result<(), SampleError> {
    let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(connection).await;
    match check {
        Ok(reason) if reason == "ok" => Ok(()),
        Ok(reason) => Err(SampleError::Damaged { path: path.to_path_buf(), reason }),
        Err(error) => Err(SampleError::of(path, &error)),
    }
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(sql).fetch_one(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn change(path: &Path, sql: &'static str) {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        change(&path, "CREATE TABLE invoice (id INTEGER)").await;
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(open(&path).await, Err(SampleError::Foreign { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let marked = folder.path().join("marked.db");
        change(&marked, "PRAGMA application_id = 7").await;
        assert!(matches!(open(&marked).await, Err(SampleError::Foreign { .. })));
    }

    #[tokio::test]
    async fn a_newer_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.db");
        open(&path).await.unwrap().close().await;
        change(&path, "PRAGMA user_version = 2").await;
        let error = open(&path).await.unwrap_err();
        assert!(matches!(error, SampleError::Newer { found: 2, known: 1, .. }), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_says_so_and_names_itself() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text.db");
        std::fs::write(&text, "not a database, but long enough to be taken for one: ".repeat(40)).unwrap();
        let error = open(&text).await.unwrap_err();
        assert!(matches!(error, SampleError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("text.db"));
        let nowhere = folder.path().join("no/such/folder/sample.db");
        let error = open(&nowhere).await.unwrap_err();
        assert!(matches!(error, SampleError::Unreadable { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn an_empty_file_is_filled_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.db");
        std::fs::write(&path, "").unwrap();
        let pool = open(&path).await.unwrap();
        sqlx::query("DELETE FROM constituent WHERE id < 300").execute(&pool).await.unwrap();
        pool.close().await;
        let pool = open(&path).await.unwrap();
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM constituent").fetch_one(&pool).await.unwrap();
        assert_eq!(count, 61);
    }

    #[tokio::test]
    async fn a_file_in_use_and_a_full_disk_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sample.db");
        let pool = open(&path).await.unwrap();
        let transaction = pool.begin_with(BEGIN_WRITING).await.unwrap();
        let options = SqliteConnectOptions::new().filename(&path).busy_timeout(Duration::ZERO);
        let mut connection = options.connect().await.unwrap();
        let busy = prepare(&mut connection, &path).await.unwrap_err();
        assert!(matches!(busy, SampleError::InUse { .. }), "{busy:?}");
        transaction.rollback().await.unwrap();
        let small = "PRAGMA max_page_count = 1; CREATE TABLE more AS SELECT zeroblob(1000000) AS bytes";
        let full = sqlx::raw_sql(small).execute(&mut connection).await.unwrap_err();
        assert!(matches!(SampleError::of(&path, &full), SampleError::Full { .. }), "{full:?}");
    }

    #[test]
    fn the_schema_states_its_marks() {
        assert!(SCHEMA.contains(&format!("application_id = {APPLICATION_ID:#x};")));
        assert!(SCHEMA.contains(&format!("user_version = {SCHEMA_VERSION};")));
    }
}
