//! Keys and tokens across kills: what was answered before a kill is true after it.

use std::process::Stdio;

use serde_json::Value;

use crate::callers::KEY;
use crate::run::Run;
use crate::world::{BINARY, Subject};

impl Run<'_> {
    #[track_caller]
    fn expect(&mut self, subject: &Subject, base_path: &str, fields: &[(&str, &str)], status: u16) {
        let answer = self.call(subject, base_path, fields);
        assert_eq!(answer.status, status, "{base_path}, after {} kills: {}", self.kills, answer.text());
    }

    /// A key is regenerated, and the process killed as soon as that is answered: the new value is the live one.
    pub(crate) fn kill_after_new_key(&mut self, subject: &Subject, secondary: &mut String) {
        let grace = if self.dice.chance(50) { "1h" } else { "0s" };
        let arguments = ["key", "regenerate", &subject.id, "--which", "secondary", "--grace", grace];
        let key = text(&self.limen.json(&arguments), "key");
        self.kill();
        self.start();
        let old = std::mem::replace(secondary, key);
        self.expect(subject, "/plain", &[(KEY, secondary)], 200);
        self.expect(subject, "/plain", &[(KEY, &old)], if grace == "0s" { 401 } else { 200 });
        self.expect(subject, "/plain", &[(KEY, &subject.key)], 200);
    }

    /// The process is killed while a key is being regenerated: if that was answered, the new value is the live one,
    /// else the old or the new one. Tells whether it was answered.
    pub(crate) fn kill_during_new_key(&mut self, subject: &Subject, secondary: &mut String) -> bool {
        let mut command = limen_testbed::program(BINARY);
        command.arg("--data-dir").arg(self.limen.data_dir()).args(["--output", "json"]);
        command.args(["key", "regenerate", &subject.id, "--which", "secondary"]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let after = self.dice.time_ms(0, 40);
        self.load_for(after);
        self.kill();
        let output = command.expect("the binary runs").wait_with_output().expect("its output");
        self.start();
        self.expect(subject, "/plain", &[(KEY, &subject.key)], 200);
        if output.status.success() {
            let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            let old = std::mem::replace(secondary, text(&told, "key"));
            self.expect(subject, "/plain", &[(KEY, secondary)], 200);
            self.expect(subject, "/plain", &[(KEY, &old)], 401);
        } else {
            let status = self.call(subject, "/plain", &[(KEY, secondary)]).status;
            assert!([200, 401].contains(&status), "{status}");
            *secondary = text(&self.limen.json(&["key", "regenerate", &subject.id, "--which", "secondary"]), "key");
            self.expect(subject, "/plain", &[(KEY, secondary)], 200);
        }
        output.status.success()
    }

    /// A token is issued, at times by a new signing key, and the process killed: it is good. It is revoked and the
    /// process killed: it isn't, and another one still is.
    pub(crate) fn kill_after_token(&mut self, subject: &Subject) {
        let rotates = self.dice.chance(50);
        let other = self.limen.json(&["token", "issue", "--user", "rea"]);
        if rotates {
            self.limen.json(&["token", "rotate-keys"]);
        }
        let issued = self.limen.json(&["token", "issue", "--user", "rea"]);
        let (token, other) = (bearer(&issued), bearer(&other));
        self.kill();
        self.start();
        let fields = [(KEY, &*subject.key), ("Authorization", &*token)];
        let others = [(KEY, &*subject.key), ("Authorization", &*other)];
        self.expect(subject, "/tokened", &fields, 200);
        self.limen.json(&["token", "revoke", "--grant", &text(&issued, "grant")]);
        self.kill();
        self.start();
        self.expect(subject, "/tokened", &fields, 401);
        self.expect(subject, "/tokened", &others, 200);
    }
}

fn bearer(issued: &Value) -> String {
    format!("Bearer {}", text(issued, "access_token"))
}

fn text(told: &Value, name: &str) -> String {
    told[name].as_str().unwrap_or_else(|| panic!("no {name} in {told}")).to_owned()
}
