//! The data folder: made for its owner alone, recognised as Limen's, and held by one process at a time.
//! Knows the names of the files that make it ours and nothing of what the database says.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::open_error::OpenError;

/// The name of the database in a data folder.
pub const DATABASE_FILE: &str = "limen.db";
/// Beside the database while SQLite changes it before there is a write-ahead log, so also while it is first made.
const JOURNAL: &str = "limen.db-journal";
const LOCK: &str = "limen.lock";
/// Written once the database is whole: from then on a missing database is a loss and not a first run.
const MARKER: &str = "LIMEN-DATA";
const MARKER_TEXT: &str = "This is a data folder of Limen. Stop Limen before you copy it; copy it whole.\n";
/// What a new file system has at its top.
const LOST_AND_FOUND: &str = "lost+found";

/// An opened data folder. Cheap to clone; the last clone's end lets go of it.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: Arc<Path>,
    /// Held by `flock`, which the kernel undoes when the process ends in whatever way.
    _lock: Arc<File>,
}

impl DataFolder {
    /// Opens the folder, or makes it readable by its owner alone (0700), and holds it for the life of the value.
    /// Permissions that are too wide are narrowed where the folder is the process's own.
    ///
    /// # Errors
    /// [`OpenError`]: `Locked`, `Foreign`, `Unreadable`, `Full` or `Io`.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make(path)?;
        let path = path.canonicalize().map_err(|error| OpenError::from_io(path, error))?;
        // Before anything is written: a folder of somebody else's stays as it is.
        refuse_foreign(&path)?;
        narrow(&path, 0o700)?;
        let lock = hold(&path)?;
        Ok(Self { path: path.into(), _lock: Arc::new(lock) })
    }

    /// Where it is, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of that name is or would be.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where the database is.
    pub(crate) fn database(&self) -> PathBuf {
        self.file(DATABASE_FILE)
    }

    /// Makes sure that there is a database file that may be written, if only an empty one, for its owner alone.
    pub(crate) fn prepare_database(&self) -> Result<(), OpenError> {
        let path = self.database();
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(OpenError::from_io(&path, error)),
        };
        if size == 0 && self.file(MARKER).exists() {
            return Err(OpenError::Corrupt { path, detail: "it is missing or empty".into() });
        }
        private_file().create(true).truncate(false).open(&path).map_err(|error| OpenError::from_io(&path, error))?;
        narrow(&path, 0o600)?;
        self.sync()
    }

    /// Marks the folder as one whose database was whole.
    pub(crate) fn mark(&self) -> Result<(), OpenError> {
        let path = self.file(MARKER);
        if path.exists() {
            return Ok(());
        }
        let write = || {
            let mut file = private_file().create(true).truncate(true).open(&path)?;
            file.write_all(MARKER_TEXT.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| OpenError::from_io(&path, error))?;
        self.sync()
    }

    /// Makes the names of new files survive a power loss.
    fn sync(&self) -> Result<(), OpenError> {
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(|e| OpenError::from_io(&self.path, e))
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn make(path: &Path) -> Result<(), OpenError> {
    let refused = |error| OpenError::from_io(path, error);
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(()),
        Ok(_) => return Err(refused(io::ErrorKind::NotADirectory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(refused)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        // Another process that starts at the same moment may have been first; the lock decides between the two.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(refused(error)),
        _ => Ok(()),
    }
}

/// Refuses a folder with files in it and no sign that they are ours.
fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    let refused = |error| OpenError::from_io(path, error);
    let database = fs::metadata(path.join(DATABASE_FILE)).is_ok_and(|metadata| metadata.len() > 0);
    if database || path.join(MARKER).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(refused)? {
        let name = entry.map_err(refused)?.file_name();
        // A first run that was broken off leaves the lock and an empty database, maybe with its journal.
        if ![LOCK, DATABASE_FILE, JOURNAL, LOST_AND_FOUND].iter().any(|ours| name == *ours) {
            let detail = format!("it holds {} and no {DATABASE_FILE}", name.display());
            return Err(OpenError::Foreign { path: path.into(), detail });
        }
    }
    Ok(())
}

/// Takes away what others may do with the file or folder.
fn narrow(path: &Path, mode: u32) -> Result<(), OpenError> {
    let refused = |error| OpenError::from_io(path, error);
    let metadata = fs::metadata(path).map_err(refused)?;
    if metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        let detail = "others may use it (its permissions are wider than its owner) and another user owns it".into();
        return Err(OpenError::Unreadable { path: path.into(), detail });
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(refused)
}

fn hold(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join(LOCK);
    let refused = |error| OpenError::from_io(&path, error);
    let mut file = private_file().create(true).truncate(false).open(&path).map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let pid = (&file).take(32).read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            return Err(OpenError::Locked { path: folder.into(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(refused(error)),
    }
    file.set_len(0).map_err(refused)?;
    file.write_all(format!("{}\n", std::process::id()).as_bytes()).map_err(refused)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_for_its_owner_alone() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        let folder = DataFolder::open(&path).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&folder.file(LOCK)), 0o600);
        folder.prepare_database().unwrap();
        assert_eq!(mode(&folder.database()), 0o600);
        assert!(folder.path().is_absolute());
    }

    #[test]
    fn wide_permissions_of_our_own_are_narrowed() {
        let outer = tempfile::tempdir().unwrap();
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
        let folder = DataFolder::open(outer.path()).unwrap();
        assert_eq!(mode(outer.path()), 0o700);
        fs::write(folder.database(), "").unwrap();
        fs::set_permissions(folder.database(), Permissions::from_mode(0o644)).unwrap();
        folder.prepare_database().unwrap();
        assert_eq!(mode(&folder.database()), 0o600);
    }

    #[test]
    fn a_second_opening_is_refused_and_names_the_first() {
        let outer = tempfile::tempdir().unwrap();
        let first = DataFolder::open(outer.path()).unwrap();
        let Err(OpenError::Locked { pid, .. }) = DataFolder::open(outer.path()) else { panic!("opened twice") };
        assert_eq!(pid, Some(std::process::id()));
        drop(first);
        DataFolder::open(outer.path()).unwrap();
    }

    #[test]
    fn a_folder_of_somebody_else_stays_as_it_is() {
        let outer = tempfile::tempdir().unwrap();
        fs::set_permissions(outer.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(outer.path().join("thesis.txt"), "…").unwrap();
        let error = DataFolder::open(outer.path()).unwrap_err();
        assert!(matches!(&error, OpenError::Foreign { .. }), "{error}");
        assert!(error.to_string().contains("thesis.txt"), "{error}");
        assert_eq!(mode(outer.path()), 0o755);
        assert!(!outer.path().join(LOCK).exists());
    }

    #[test]
    fn a_broken_off_first_run_is_gone_on_with() {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join(LOCK), "7\n").unwrap();
        fs::write(outer.path().join(DATABASE_FILE), "").unwrap();
        fs::write(outer.path().join(JOURNAL), [0; 512]).unwrap();
        fs::create_dir(outer.path().join(LOST_AND_FOUND)).unwrap();
        let folder = DataFolder::open(outer.path()).unwrap();
        folder.prepare_database().unwrap();
    }

    #[test]
    fn a_database_that_was_there_is_missed() {
        let outer = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(outer.path()).unwrap();
        folder.prepare_database().unwrap();
        folder.mark().unwrap();
        fs::remove_file(folder.database()).unwrap();
        let error = folder.prepare_database().unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
    }

    #[test]
    fn a_file_is_not_a_folder() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = DataFolder::open(&path).unwrap_err();
            assert!(matches!(&error, OpenError::Unreadable { .. }), "{error}");
            assert!(error.to_string().contains("a file is where a folder is needed"), "{error}");
        }
        let folder = DataFolder::open(&outer.path().join("folder")).unwrap();
        fs::create_dir(folder.database()).unwrap();
        let error = folder.prepare_database().unwrap_err();
        assert!(error.to_string().contains("a folder is where a file is needed"), "{error}");
    }
}
