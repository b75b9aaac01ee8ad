//! The commands that talk to a running Limen: ask over the admin socket, show the answer, end with a code.
//!
//! 0: done; 1: refused or not found; 2: wrong use, bad configuration, or no Limen to talk to. Commands make text and
//! print nothing themselves, so that what people read can be tested.

mod api;
mod application;
mod apply;
mod check;
mod connection;
mod difference;
mod document;
mod example_call;
mod explain;
mod grant;
mod import;
mod issuer;
mod key;
mod losses;
mod notice;
mod password;
mod policy;
mod publish;
mod show;
mod sign_in;
mod status;
mod subscription;
mod table;
mod token;
mod upgrade;
mod user;
mod why;
mod yaml;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::de::DeserializeOwned;

use crate::admin_connection::AdminConnection;
use crate::arguments::{self, Command, Output, PolicyCommand, SampleCommand};
use crate::config::DEFAULT_DATA_DIR;

/// Why a command wasn't done: two lines on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// The code that the process ends with.
    pub(crate) exit: u8,
    /// What is wrong.
    pub(crate) what: String,
    /// How to mend it; empty where `what` says it line by line.
    pub(crate) mend: String,
    /// What else is wrong, a line each.
    pub(crate) more: Vec<String>,
    /// What was found all the same, for standard output.
    pub(crate) found: String,
}

impl Trouble {
    /// Limen refused, or something isn't there.
    pub(crate) fn refused(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { exit: 1, what: what.into(), mend: mend.into(), more: Vec::new(), found: String::new() }
    }

    /// Wrong use, or nothing to talk to.
    pub(crate) fn wrong(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::refused(what, mend) }
    }
}

/// What a command works with.
struct Context {
    admin: AdminConnection,
    output: Output,
}

impl Context {
    /// The wall clock: asked again for an answer, which may be younger than the question.
    fn now_us(&self) -> i64 {
        jiff::Timestamp::now().as_microsecond()
    }

    /// Shows an answer: as it came for programs, in words for people.
    fn show<T: DeserializeOwned>(&self, answer: String, words: impl FnOnce(T) -> String) -> Result<String, Trouble> {
        match self.output {
            Output::Json => Ok(answer),
            Output::Table => read(&answer).map(words),
        }
    }

    /// ` --data-dir FOLDER` for commands that are told to be typed, where the folder isn't the usual one.
    fn data_dir_flag(&self) -> String {
        let folder = self.admin.data_dir();
        if folder == Path::new(DEFAULT_DATA_DIR) {
            String::new()
        } else {
            format!(" --data-dir {}", show::quoted(&folder.to_string_lossy()))
        }
    }
}

/// Reads an answer in the form that this version knows.
fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Trouble> {
    serde_json::from_str(answer).map_err(|error| {
        let mend = "use the command line of the version that runs, or --output json";
        Trouble::refused(format!("the answer can't be understood: {error}"), mend)
    })
}

/// Runs any command but `up`.
pub(crate) fn run(data_dir: &Path, output: Output, command: Command) -> ExitCode {
    let context = Context { admin: AdminConnection::new(data_dir), output };
    match answer(&context, command) {
        Ok(text) => {
            // Whoever reads may have seen enough (`limen status | head -1`).
            let mut out = std::io::stdout().lock();
            let _ = if text.ends_with('\n') { out.write_all(text.as_bytes()) } else { writeln!(out, "{text}") };
            let _ = out.flush();
            ExitCode::SUCCESS
        }
        Err(trouble) => {
            if !trouble.found.is_empty() {
                let _ = std::io::stdout().lock().write_all(trouble.found.as_bytes());
            }
            let mut lines = vec![trouble.what];
            lines.extend(trouble.more);
            if !trouble.mend.is_empty() {
                lines.push(format!("mend: {}", trouble.mend));
            }
            let lines: Vec<String> = lines.iter().map(|line| show::plain(line)).collect();
            let _ = writeln!(std::io::stderr().lock(), "{}", lines.join("\n"));
            ExitCode::from(trouble.exit)
        }
    }
}

/// Brings what a file declares into the Limen on `data_dir`; what was done, or what is wrong.
pub(crate) fn apply_file(data_dir: &Path, file: &Path) -> Result<String, String> {
    let context = Context { admin: AdminConnection::new(data_dir), output: Output::Table };
    apply::apply(&context, file, false).map_err(|trouble| [vec![trouble.what], trouble.more].concat().join("\n"))
}

fn answer(context: &Context, command: Command) -> Result<String, Trouble> {
    match command {
        Command::Up(_) => Err(Trouble::wrong("'up' is not asked of a running Limen", "start it with: limen up")),
        Command::Check { file, no_probe } => check::check(&file, context.output, !no_probe),
        Command::Apply { file, dry_run } => apply::apply(context, &file, dry_run),
        Command::Publish(asked) => publish::publish(context, asked),
        Command::Unpublish { base_path } => publish::unpublish(context, &base_path),
        Command::Api(command) => api::run(context, command),
        Command::Subscription(command) => subscription::run(context, command),
        Command::Key(command) => key::run(context, command),
        Command::Application(command) => application::run(context, command),
        Command::User(command) => user::run(context, command),
        Command::Environment(command) => user::environment(context, command),
        Command::Connection(command) => connection::run(context, command),
        Command::Grant(command) => grant::run(context, command),
        Command::SignIn(asked) => sign_in::run(context, asked),
        Command::Token(command) => token::run(context, command),
        Command::Issuer(command) => issuer::run(context, command),
        Command::Notice(command) => notice::run(context, command),
        Command::Explain { request_id } => explain::run(context, &request_id),
        Command::Why(asked) => why::run(context, asked),
        Command::Policy(PolicyCommand::Test { file, config }) => policy::test(context, &file, config.as_deref()),
        Command::Status => status::run(context),
        Command::Upgrade => upgrade::run(context),
        Command::Sample(SampleCommand::Remove) => {
            context.show(context.admin.delete("/v1/sample")?, |applied| apply::words(&applied, "Removed", false))
        }
        Command::Completions { shell } => Ok(arguments::completions(shell)),
    }
}
