//! Kept inputs: one file for each target, one input a line, written with the escapes of a Rust string of bytes.

use std::path::{Path, PathBuf};

/// The file of a target.
#[must_use]
pub fn file(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(format!("{target}.txt"))
}

/// The kept inputs of a target.
#[must_use]
pub fn load(target: &str) -> Vec<Vec<u8>> {
    let path = file(target);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| unescape(line).unwrap_or_else(|| panic!("{}: {line}", path.display()))).collect()
}

/// Keeps these inputs of a target and no others, the short ones first.
pub fn store(target: &str, mut inputs: Vec<Vec<u8>>) {
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    inputs.dedup();
    let lines: String = inputs.iter().map(|input| format!("{}\n", input.escape_ascii())).collect();
    std::fs::write(file(target), lines).expect("the corpus can be written");
}

/// The bytes of a line; none where an escape is broken.
#[must_use]
pub fn unescape(line: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = line.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                escaped @ (b'\\' | b'\'' | b'"') => escaped,
                _ => return None,
            },
            other => other,
        });
    }
    Some(bytes)
}
