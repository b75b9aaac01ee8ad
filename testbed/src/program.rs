//! The binary as a command, apart from the shell around the tests.

use std::ffi::OsStr;
use std::process::Command;

/// A command that runs the binary, without what the shell around the tests tells a Limen of its own.
pub fn program(binary: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("LIMEN__") || ["LIMEN_DATA_DIR", "LIMEN_CONFIG"].contains(&told.as_ref()) {
            command.env_remove(&name);
        }
    }
    command
}

/// The same; the process may open at most so many files, where that is told.
pub(crate) fn limited(binary: impl AsRef<OsStr>, open_files: Option<u64>) -> Command {
    let Some(count) = open_files else { return program(binary) };
    let mut shell = program("sh");
    shell.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\"")]).arg(binary);
    shell
}
