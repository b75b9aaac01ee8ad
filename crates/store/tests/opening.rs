//! Opening a data folder: a first run, a later one, and everything that can stand against it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the exemption for tests does not reach the functions that they share"
)]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use limen_store::{DataFolder, OpenError, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

async fn open(path: &Path) -> Result<Store, OpenError> {
    Store::open(DataFolder::open(path)?).await
}

/// A folder that a first run made and left in order.
async fn used() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    store.set_setting("instance", "i1").await.unwrap();
    store.close().await.unwrap();
    folder
}

/// Runs SQL behind the store's back.
async fn tamper(folder: &Path, sql: &str) {
    let options = SqliteConnectOptions::new().filename(folder.join("limen.db")).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn refusal(folder: &Path) -> OpenError {
    match open(folder).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_first_run_and_a_second() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("limen-data");
    let store = open(&path).await.unwrap();
    assert!(store.fresh());
    store.set_setting("instance", "i1").await.unwrap();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{}", entry.path().display());
    }
    store.close().await.unwrap();
    assert!(!path.join("limen.db-wal").exists());
    drop(store);

    let store = open(&path).await.unwrap();
    assert!(!store.fresh());
    assert_eq!(store.setting("instance").await.unwrap().as_deref(), Some("i1"));
}

#[tokio::test]
async fn a_first_run_that_broke_off_before_the_schema_was_made() {
    let outer = tempfile::tempdir().unwrap();
    tamper(outer.path(), "PRAGMA journal_mode = WAL").await;
    let store = open(outer.path()).await.unwrap();
    assert!(store.fresh());
}

#[tokio::test]
async fn the_schema_is_made_of_the_migrations() {
    let folder = used().await;
    let options = SqliteConnectOptions::new().filename(folder.path().join("limen.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await.unwrap();
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await.unwrap();
    let migrations = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
    assert_eq!(version, i64::try_from(migrations).unwrap());
    assert_eq!(application, 0x4c69_6d6e);
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_up() {
    let outer = tempfile::tempdir().unwrap();
    tamper(outer.path(), include_str!("../migrations/0001_beginning.sql")).await;
    let data = r#"
        PRAGMA application_id = 1281977710; PRAGMA user_version = 1;
        INSERT INTO setting VALUES ('instance', 'i1');
        INSERT INTO resource (kind, name, document, changed_at_us) VALUES ('user', 'ann', '{"name":"ann"}', 1);
        INSERT INTO issued_grant VALUES ('g1', 'ann', 'app', 'town', 5, 100, NULL), ('g2', 'ben', NULL, 'town', 6, 90, 7);
        UPDATE revision SET value = 3;"#;
    tamper(outer.path(), data).await;
    let store = open(outer.path()).await.unwrap();
    assert!(!store.fresh());
    assert_eq!(store.setting("instance").await.unwrap().as_deref(), Some("i1"));
    assert_eq!(store.declared().await.unwrap().users.len(), 1);
    assert_eq!(store.revision().await.unwrap(), 3);
    let grant = store.grant("g1").await.unwrap();
    assert_eq!((&*grant.user, grant.application.as_deref(), grant.scope.as_deref()), ("ann", Some("app"), None));
    assert_eq!((grant.issued_at_us, grant.expires_at_us, grant.refresh_expires_at_us), (5, 100, None));
    assert_eq!(store.revoked_grants(8).await.unwrap(), ["g2".into()]);
    // Grants from before are forgotten as late as they were to be: thirty days after their end.
    let month_us = 30 * 24 * 3_600 * 1_000_000;
    assert_eq!(store.sweep_sign_in(90 + month_us).await.unwrap(), 0);
    assert_eq!(store.sweep_sign_in(100 + month_us).await.unwrap(), 1);
    assert!(store.grant("g2").await.is_err());
    store.close().await.unwrap();
    drop(store);
    open(outer.path()).await.unwrap();
}

#[tokio::test]
async fn one_process_at_a_time() {
    let outer = tempfile::tempdir().unwrap();
    let store = open(outer.path()).await.unwrap();
    let error = refusal(outer.path()).await;
    assert!(matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    // A clone that lives on holds the folder.
    let clone = store.clone();
    store.close().await.unwrap();
    drop(store);
    assert!(matches!(refusal(outer.path()).await, OpenError::Locked { .. }));
    drop(clone);
    open(outer.path()).await.unwrap();
}

#[tokio::test]
async fn a_database_of_another_program() {
    let outer = tempfile::tempdir().unwrap();
    tamper(outer.path(), "CREATE TABLE thesis (page TEXT)").await;
    let before = fs::read(outer.path().join("limen.db")).unwrap();
    let error = refusal(outer.path()).await;
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert!(error.to_string().ends_with("its limen.db belongs to another program."), "{error}");
    assert_eq!(fs::read(outer.path().join("limen.db")).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema() {
    let folder = used().await;
    tamper(folder.path(), "PRAGMA user_version = 99").await;
    let error = refusal(folder.path()).await;
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");
    assert!(error.way_out().starts_with("Run the newer Limen"), "{}", error.way_out());
}

#[tokio::test]
async fn damaged_databases() {
    let garbage = used().await;
    fs::write(garbage.path().join("limen.db"), "not a database at all, but long enough to look at".repeat(100))
        .unwrap();

    let missing = used().await;
    fs::remove_file(missing.path().join("limen.db")).unwrap();

    let table = used().await;
    tamper(table.path(), "DROP TABLE notice").await;

    let page = used().await;
    let mut bytes = fs::read(page.path().join("limen.db")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xa5);
    fs::write(page.path().join("limen.db"), bytes).unwrap();

    // A page that opening has no reason to read.
    let far = used().await;
    let values = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
                  INSERT INTO setting SELECT i, 'needle' || hex(zeroblob(500)) FROM n";
    tamper(far.path(), values).await;
    let mut bytes = fs::read(far.path().join("limen.db")).unwrap();
    let needle = bytes.windows(6).position(|bytes| bytes == b"needle").unwrap();
    bytes[needle / 4096 * 4096..][..4096].fill(0xa5);
    fs::write(far.path().join("limen.db"), bytes).unwrap();

    let cut = used().await;
    let bytes = fs::read(cut.path().join("limen.db")).unwrap();
    fs::write(cut.path().join("limen.db"), &bytes[..bytes.len() / 2]).unwrap();

    for (folder, told) in [
        (&garbage, "file is not a database"),
        (&missing, "it is missing or empty"),
        (&table, "its table notice is missing"),
        (&page, ""),
        (&far, ""),
        (&cut, ""),
    ] {
        let error = refusal(folder.path()).await;
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error} ({told})");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[tokio::test]
async fn a_folder_where_the_database_should_be() {
    let outer = tempfile::tempdir().unwrap();
    fs::create_dir(outer.path().join("limen.db")).unwrap();
    let error = refusal(outer.path()).await;
    assert!(matches!(error, OpenError::Unreadable { .. }), "{error}");
}
