//! Why a data folder can't be used: one sentence of what and where, and one of what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder can't be opened. Its display is a whole sentence; [`OpenError::way_out`] is another.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the folder.
    #[error("The data folder {} is in use by another Limen{}.", .path.display(), process(*.pid))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that holds it, as far as it wrote that down yet.
        pid: Option<u32>,
    },
    /// The folder holds something else.
    #[error("The folder {} is not empty and is not a data folder of Limen: {detail}.", .path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What was found there.
        detail: String,
    },
    /// A later version of Limen wrote it.
    #[error(
        "The data folder {} was written by a newer Limen (schema {found}; this one knows schemas up to {known}).",
        .path.display()
    )]
    Newer {
        /// The folder.
        path: PathBuf,
        /// The schema's version that was found.
        found: i64,
        /// The latest that this program knows.
        known: i64,
    },
    /// The database is damaged or gone.
    #[error("The database {} is damaged: {detail}.", .path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The folder or a file in it may not be used as it must be.
    #[error("{} can't be used: {detail}.", .path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What stands against it.
        detail: String,
    },
    /// No room is left.
    #[error("The disk that holds {} is full.", .path.display())]
    Full {
        /// What could not be written.
        path: PathBuf,
    },
    /// Anything else that the operating system or the database said.
    #[error("{} can't be opened: {source}.", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

impl OpenError {
    /// What to do about it, as a sentence.
    #[must_use]
    pub fn way_out(&self) -> String {
        match self {
            Self::Locked { pid: Some(pid), .. } => {
                format!("Stop process {pid}, or give this one a folder of its own with --data-dir.")
            }
            Self::Locked { pid: None, .. } => {
                "Stop the other Limen, or give this one a folder of its own with --data-dir.".into()
            }
            Self::Foreign { .. } => "Name an empty folder, or one that doesn't exist yet, with --data-dir.".into(),
            Self::Newer { .. } => {
                "Run the newer Limen, or name a folder that this version made with --data-dir.".into()
            }
            Self::Corrupt { path, .. } => format!(
                "Put a backup of {} in its place, or start afresh in another folder with --data-dir.",
                path.parent().unwrap_or(path).display()
            ),
            Self::Unreadable { path, .. } => format!(
                "Run Limen as the user who owns {}, mend its permissions, or name another folder with --data-dir.",
                path.display()
            ),
            Self::Full { .. } => "Make room on that disk, or name a folder on another one with --data-dir.".into(),
            Self::Io { .. } => "Mend what the message names, or name another folder with --data-dir.".into(),
        }
    }

    /// Tells apart what the operating system said about `path`.
    pub(crate) fn from_io(path: &Path, error: io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::PermissionDenied => Self::Unreadable { path, detail: "permission denied".into() },
            io::ErrorKind::ReadOnlyFilesystem => Self::Unreadable { path, detail: "the disk is read-only".into() },
            io::ErrorKind::NotADirectory => {
                Self::Unreadable { path, detail: "a file is where a folder is needed".into() }
            }
            io::ErrorKind::IsADirectory => {
                Self::Unreadable { path, detail: "a folder is where a file is needed".into() }
            }
            _ => Self::Io { path, source: error.into() },
        }
    }

    /// Tells apart what the database said about the file at `path`.
    pub(crate) fn from_sqlx(path: &Path, error: sqlx::Error) -> Self {
        let path = path.to_path_buf();
        match error {
            sqlx::Error::Io(error) => Self::from_io(&path, error),
            sqlx::Error::Database(error) => {
                let code = error.code().and_then(|code| code.parse::<i64>().ok()).unwrap_or(0);
                match classify(code) {
                    DatabaseFailure::Corrupt => Self::Corrupt { path, detail: error.message().to_owned() },
                    DatabaseFailure::Full => Self::Full { path },
                    DatabaseFailure::Unreadable => Self::Unreadable { path, detail: error.message().to_owned() },
                    DatabaseFailure::Other => Self::Io { path, source: error.message().into() },
                }
            }
            error => Self::Io { path, source: error.into() },
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum DatabaseFailure {
    Corrupt,
    Full,
    Unreadable,
    Other,
}

/// Reads an extended result code of SQLite; the low byte is the primary code.
fn classify(code: i64) -> DatabaseFailure {
    /// The shared-memory file could not be made large enough, which only a full disk causes.
    const IOERR_SHMSIZE: i64 = 10 | (19 << 8);
    match (code, code & 0xff) {
        (IOERR_SHMSIZE, _) | (_, 13) => DatabaseFailure::Full,
        (_, 11 | 26) => DatabaseFailure::Corrupt,
        (_, 3 | 8 | 14 | 23) => DatabaseFailure::Unreadable,
        _ => DatabaseFailure::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operating_system_says() {
        let path = Path::new("/data/limen.db");
        let told = |error: io::Error| OpenError::from_io(path, error);
        for full in [28, 122] {
            assert!(matches!(told(io::Error::from_raw_os_error(full)), OpenError::Full { .. }), "{full}");
        }
        for unreadable in [13, 30, 20, 21] {
            let error = told(io::Error::from_raw_os_error(unreadable));
            assert!(matches!(error, OpenError::Unreadable { .. }), "{unreadable}");
        }
        assert!(matches!(told(io::Error::from_raw_os_error(5)), OpenError::Io { .. }));
        let full = told(io::Error::from_raw_os_error(28));
        assert_eq!(full.to_string(), "The disk that holds /data/limen.db is full.");
        assert_eq!(full.way_out(), "Make room on that disk, or name a folder on another one with --data-dir.");
    }

    #[test]
    fn what_the_database_says() {
        for (code, failure) in [
            (11, DatabaseFailure::Corrupt),
            (26, DatabaseFailure::Corrupt),
            (267, DatabaseFailure::Corrupt),
            (13, DatabaseFailure::Full),
            (4874, DatabaseFailure::Full),
            (8, DatabaseFailure::Unreadable),
            (14, DatabaseFailure::Unreadable),
            (264, DatabaseFailure::Unreadable),
            (10, DatabaseFailure::Other),
            (5, DatabaseFailure::Other),
            (0, DatabaseFailure::Other),
        ] {
            assert_eq!(classify(code), failure, "{code}");
        }
    }

    #[test]
    fn sentences() {
        let locked = OpenError::Locked { path: "/data".into(), pid: Some(7) };
        assert_eq!(locked.to_string(), "The data folder /data is in use by another Limen (process 7).");
        assert_eq!(locked.way_out(), "Stop process 7, or give this one a folder of its own with --data-dir.");
        let locked = OpenError::Locked { path: "/data".into(), pid: None };
        assert_eq!(locked.to_string(), "The data folder /data is in use by another Limen.");
        let corrupt = OpenError::Corrupt { path: "/data/limen.db".into(), detail: "it is missing".into() };
        assert_eq!(corrupt.to_string(), "The database /data/limen.db is damaged: it is missing.");
        assert!(corrupt.way_out().starts_with("Put a backup of /data in its place"), "{}", corrupt.way_out());
    }
}
