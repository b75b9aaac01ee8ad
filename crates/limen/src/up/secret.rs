//! The secret that seals signing keys: a file outside the data folder, so that a copy of the folder signs nothing.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

use super::failure::StartFailure;

const SECRET_BYTES: usize = 32;

/// Seals and opens private keys.
pub(super) struct Secret {
    key: LessSafeKey,
}

impl Secret {
    /// Reads the secret, or makes one where the file isn't there and `may_make`.
    pub(super) fn open(path: &Path, may_make: bool) -> Result<Self, StartFailure> {
        let shown = path.display();
        match fs::metadata(path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                return Err(StartFailure::new(
                    format!("The secret file {shown} can be read by others."),
                    format!("Run: chmod 600 {shown}"),
                ));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound && may_make => return Self::make(path),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StartFailure::new(
                    format!("The secret file {shown}, which opens the signing keys of this data folder, is missing."),
                    "Put it back from your backup, or start once with --new-signing-key: tokens issued before end then.",
                ));
            }
            Err(error) => return Err(unreadable(path, &error)),
        }
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        let bytes = from_hex(text.trim()).ok_or_else(|| {
            StartFailure::new(
                format!("The secret file {shown} does not hold 64 hexadecimal digits."),
                "Put it back from your backup, or remove it and start once with --new-signing-key.",
            )
        })?;
        Self::new(&bytes)
    }

    fn make(path: &Path) -> Result<Self, StartFailure> {
        let mut bytes = [0_u8; SECRET_BYTES];
        fill(&mut bytes)?;
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        write_whole(path, &format!("{text}\n")).map_err(|error| unreadable(path, &error))?;
        Self::new(&bytes)
    }

    fn new(bytes: &[u8; SECRET_BYTES]) -> Result<Self, StartFailure> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| {
            StartFailure::new("The secret can't be used as a key.", "Report this: it should not happen.")
        })?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Seals `plain`; `name` is bound to it, so that sealed keys can't be exchanged. `None` if the cipher fails.
    pub(super) fn seal(&self, name: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0_u8; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = plain.to_vec();
        self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed).ok()?;
        Some([&nonce, sealed.as_slice()].concat())
    }

    /// Opens what was sealed under the same name; `None` if it was sealed with another secret or changed.
    pub(super) fn open_sealed(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(name), &mut rest).ok()?;
        Some(plain.to_vec())
    }
}

/// Fills `bytes` with randomness that is fit for secrets.
pub(super) fn fill(bytes: &mut [u8]) -> Result<(), StartFailure> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| StartFailure::new("The operating system gives no randomness.", "Start again in a moment."))
}

/// Makes the file with all of its text or not at all, whenever the process ends; fails where one is there already.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut being_made = path.as_os_str().to_owned();
    being_made.push(".new");
    // What an earlier start left, which may be a second name of a whole secret, is not written to.
    match fs::remove_file(&being_made) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&being_made)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::hard_link(&being_made, path)?;
    fs::remove_file(&being_made)
}

fn unreadable(path: &Path, error: &std::io::Error) -> StartFailure {
    StartFailure::new(
        format!("The secret file {} can't be used: {error}.", path.display()),
        "Mend its permissions or folder, or name another place with LIMEN__SECRET_FILE.",
    )
}

fn from_hex(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let mut bytes = [0_u8; SECRET_BYTES];
    if text.len() != 2 * SECRET_BYTES || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_name_and_secret_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(Secret::open(&path, false).is_err());
        let first = Secret::open(&path, true).ok().unwrap();
        let again = Secret::open(&path, false).ok().unwrap();
        let sealed = first.seal("k1", b"private").unwrap();
        assert_eq!(again.open_sealed("k1", &sealed).unwrap(), b"private");
        assert!(again.open_sealed("k2", &sealed).is_none());
        let other = Secret::open(&folder.path().join("other"), true).ok().unwrap();
        assert!(other.open_sealed("k1", &sealed).is_none());
        assert!(first.open_sealed("k1", b"short").is_none());
    }

    #[test]
    fn a_secret_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        // An earlier start was killed while it wrote.
        fs::write(folder.path().join("secret.new"), "12").unwrap();
        assert!(Secret::open(&path, true).is_ok());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!folder.path().join("secret.new").exists());
        assert_eq!(write_whole(&path, "another").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn a_secret_that_others_can_read_or_that_is_none_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::open(&path, true).err().unwrap().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Secret::open(&path, true).err().unwrap().to_string().contains("64 hexadecimal digits"));
    }
}
