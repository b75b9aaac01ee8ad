//! How many files, and so sockets, the test's own process may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the process's limit of open files to what it may have. Ends the test where that is less than `needed`: a test
/// that shows nothing must not pass.
#[track_caller]
pub fn allow_open_files(needed: u64) {
    let limit = getrlimit(Resource::Nofile);
    let may_have = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        may_have >= needed,
        "this test opens {needed} files and the process may open {may_have}: raise the hard limit (ulimit -Hn {needed})"
    );
    if limit.current.is_some_and(|current| current < needed) {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("the limit of open files");
    }
}
