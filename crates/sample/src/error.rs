//! What can keep the service from opening or running, in words for the person who started it.
//! It knows nothing of answers to callers; those are in `answer`.

use std::path::{Path, PathBuf};

/// Why the sample service couldn't be opened, or stopped running. Each message names the file and the way out.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The file can't be created, read or written.
    #[error(
        "the sample's database {} can't be opened ({reason}); check that its folder exists and that you may read and write it",
        path.display()
    )]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The file is no SQLite database, or its pages are broken.
    #[error(
        "the sample's database {} is damaged or isn't a SQLite file ({reason}); move it away, and a fresh one is made at the next start",
        path.display()
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// A SQLite file that some other program made.
    #[error("{} is a database of another program; name another file for the sample, or move this one away", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// A file that a newer version of this service made.
    #[error(
        "the sample's database {} has version {found}, and this program knows up to {known}; start the newer program, or move the file away",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The version that the file states.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// Another process holds the file for longer than we wait.
    #[error("the sample's database {} is in use by another process; stop that one first", path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// No space is left for the file.
    #[error("no space is left for the sample's database {}; free some and start again", path.display())]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// Anything else that the database said.
    #[error("the sample's database {} failed ({reason})", path.display())]
    Failed {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The listener failed for good.
    #[error("the sample service can't accept connections any more: {0}")]
    Serve(#[source] std::io::Error),
}

impl SampleError {
    /// Sorts what the database said about the file at `path`.
    pub(crate) fn of(path: &Path, error: &sqlx::Error) -> Self {
        let path = path.to_path_buf();
        let reason = match error.as_database_error() {
            Some(database_error) => database_error.message().to_owned(),
            None => error.to_string(),
        };
        match (error, primary_code(error)) {
            (sqlx::Error::Io(_), _) => Self::Unreadable { path, reason },
            (_, Some(3 | 8 | 10 | 14 | 23)) => Self::Unreadable { path, reason },
            (_, Some(5 | 6)) => Self::InUse { path },
            (_, Some(11 | 26)) => Self::Damaged { path, reason },
            (_, Some(13)) => Self::Full { path },
            _ => Self::Failed { path, reason },
        }
    }
}

/// SQLite's primary result code (<https://www.sqlite.org/rescode.html>): the low byte of the extended one.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}
