//! A secret of ours with somebody else, in a file of its own.

use std::io::Read as _;
use std::path::Path;

const MAX_BYTES: u64 = 4_096;

/// The secret in a file; a line's end behind it is not part of it.
///
/// # Errors
/// Why there is none.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let (shown, mut text) = (path.display(), String::new());
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map_err(|error| format!("'{shown}' can't be read: {error}"))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() { Err(format!("'{shown}' is empty")) } else { Ok(secret.to_owned()) }
}
