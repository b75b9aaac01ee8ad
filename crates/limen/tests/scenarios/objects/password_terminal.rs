//! A password typed at a terminal: twice, and unseen. Python holds the terminal.

use std::process::{Command, Stdio};

use limen_testbed::{Limen, Settings};

use super::BINARY;

/// Types the answers, each when its question is there, and prints all that the terminal showed and the exit code.
const TERMINAL: &str = r"
import os, pty, select, sys
binary, answers = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(binary, [binary, 'user', 'password', 'full'])
shown, asked = b'', 0
while True:
    if not select.select([terminal], [], [], 60)[0]:
        break
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if shown.count(b': ') > asked and asked < len(answers):
        os.write(terminal, answers[asked].encode() + b'\r')
        asked += 1
sys.stdout.buffer.write(shown)
print('exit', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[test]
fn a_password_is_asked_twice_and_never_shown() {
    let limen = Limen::start(Settings::new(BINARY));
    let typed = |answers: &[&str]| {
        let output = Command::new("python3")
            .args(["-c", TERMINAL, BINARY])
            .args(answers)
            .env("LIMEN_DATA_DIR", limen.data_dir())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let set = typed(&["correct horse battery", "correct horse battery"]);
    assert!(set.contains("The same again: ") && set.contains("The password of full is set."), "{set}");
    assert!(set.trim_end().ends_with("exit 0") && !set.contains("horse"), "{set}");
    let differ = typed(&["correct horse battery", "correct horse bakery"]);
    assert!(differ.contains("the two passwords differ") && differ.trim_end().ends_with("exit 1"), "{differ}");
    let short = typed(&["short"]);
    assert!(short.contains("too short") && short.trim_end().ends_with("exit 1"), "{short}");
    let interrupted = typed(&["correct\u{3}"]);
    assert!(interrupted.contains("interrupted") && interrupted.trim_end().ends_with("exit 2"), "{interrupted}");
}
