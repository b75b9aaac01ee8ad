//! A first start that is killed before it told its credentials: a later one makes the sample all the same.

use std::process::Stdio;
use std::sync::mpsc;

use limen_testbed::{Limen, Settings, eventually};

use crate::callers::KEY;
use crate::dice::{self, Dice};
use crate::world::{BINARY, READY_WITHIN};

/// How many folders are begun.
const FOLDERS: usize = 12;

#[test]
fn a_first_start_that_is_killed_is_begun_again() {
    let mut dice = Dice::new(dice::seed());
    let mut told = 0;
    for _ in 0..FOLDERS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data_dir = folder.path().join("data");
        for _ in 0..dice.between(1, 3) {
            let after = dice.time_ms(0, 90);
            let mut command = limen_testbed::program(BINARY);
            command.arg("up").arg("--data-dir").arg(&data_dir);
            command.args(["--gateway", "127.0.0.1:0", "--web", "127.0.0.1:0"]);
            let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the binary runs");
            // A random moment can't be waited for in any other way than by letting time pass.
            let (_says_nothing, nothing) = mpsc::channel::<()>();
            let _ = nothing.recv_timeout(after);
            assert_eq!(child.try_wait().expect("a wait"), None, "a start ended by itself");
            child.kill().expect("it can be killed");
            child.wait().expect("a wait");
        }
        let limen = Limen::start(Settings::new(BINARY).data_dir(&data_dir).ready_within(READY_WITHIN));
        let sample = &limen.started().ready["sample"];
        assert_eq!(sample["base_path"], "/constituent/v1", "the sample is there: {sample}");
        // None are told where the killed start had come to its end.
        if sample["primary_key"].is_null() {
            continue;
        }
        told += 1;
        if told == 1 {
            credentials_work(&limen);
        }
    }
    eprintln!("{FOLDERS} first starts killed, credentials told by the next one: {told}");
}

fn credentials_work(limen: &Limen) {
    let sample = limen.sample();
    let bearer = format!("Bearer {}", sample.full);
    let fields = [(KEY, &*sample.primary_key), ("Authorization", &*bearer)];
    // A killed start may have admitted calls: where that can't be known, windows count as full for their one second.
    let answer = eventually("a call gets through", || {
        let answer = limen.http().get("/constituent/v1/constituents/280", &fields);
        (answer.status != 429).then_some(answer)
    });
    assert_eq!(answer.status, 200, "{}", answer.text());
}
