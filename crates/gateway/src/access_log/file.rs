//! The file of the access log: moved aside when it is full, opened anew when somebody else moved it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Destination;

/// Where the writer's lines go.
pub(super) struct Sink {
    destination: Destination,
    /// None on the standard output, and while the file can't be opened.
    file: Option<File>,
    length_bytes: u64,
    /// The last write broke off inside of a line.
    is_torn: bool,
}

impl Sink {
    pub(super) fn open(destination: Destination) -> io::Result<Self> {
        let mut sink = Self { destination, file: None, length_bytes: 0, is_torn: false };
        sink.reopen()?;
        Ok(sink)
    }

    fn reopen(&mut self) -> io::Result<()> {
        let Destination::File { path, .. } = &self.destination else { return Ok(()) };
        self.file = None;
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        self.length_bytes = file.metadata()?.len();
        self.file = Some(file);
        self.is_torn = false;
        Ok(())
    }

    /// Writes whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let Destination::File { max_bytes, .. } = &self.destination else {
            let mut output = io::stdout().lock();
            output.write_all(lines)?;
            return output.flush();
        };
        if self.length_bytes > 0 && self.length_bytes.saturating_add(lines.len() as u64) > *max_bytes {
            self.move_aside();
        }
        let Some(mut file) = self.file.as_ref() else { return Err(io::ErrorKind::NotFound.into()) };
        if self.is_torn {
            file.write_all(b"\n")?;
            self.is_torn = false;
        }
        let written = file.write_all(lines);
        self.is_torn = written.is_err();
        self.length_bytes = self.length_bytes.saturating_add(lines.len() as u64);
        written
    }

    /// Goes on in a new file. Where the old one can't be moved, it goes on growing: lines are worth more than a bound
    /// that somebody else broke.
    fn move_aside(&mut self) {
        let Destination::File { path, keep, .. } = &self.destination else { return };
        let numbered = |number: u32| -> PathBuf {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            name.into()
        };
        if *keep == 0 {
            let _ = std::fs::remove_file(path);
        } else {
            for number in (1..*keep).rev() {
                let _ = std::fs::rename(numbered(number), numbered(number + 1));
            }
            let _ = std::fs::rename(path, numbered(1));
        }
        self.open_anew();
    }

    /// Opens the file anew where another one, or none, is at its path: somebody moved it away.
    pub(super) fn follow(&mut self) {
        let Destination::File { path, .. } = &self.destination else { return };
        let same = |path: &Path, file: &File| -> io::Result<bool> {
            let (there, ours) = (std::fs::metadata(path)?, file.metadata()?);
            Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino()))
        };
        if !self.file.as_ref().is_some_and(|file| same(path, file).unwrap_or(false)) {
            self.open_anew();
        }
    }

    fn open_anew(&mut self) {
        let old = self.file.take();
        if let Err(error) = self.reopen() {
            tracing::warn!(%error, "the access log can't be opened anew; it goes on where it was");
            self.file = old;
        }
    }
}
