//! One process after another in the same place: the program at this one's path is tried, then takes over.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use limen_portal::wire::UpgradeRefused;

use super::failure::StartFailure;
use super::outbound::Way;
use super::places;
use super::secret::Secret;
use super::sockets::{self, Legacy, METRICS_KEY};
use crate::config::{Listen, Settings};

/// Makes `limen up` look at its configuration and end: 0 where it could start with it.
const TRIAL: &str = "LIMEN_TRIAL";
/// Where the old process listens for those who ask for figures: free when it has ended.
const HELD: &str = "LIMEN_TRIAL_HELD";
const TRIAL_TIMEOUT: Duration = Duration::from_secs(20);
const TOLD_MAX_CHARACTERS: usize = 2_000;

/// Whether this process is only asked if it could start.
pub(super) fn is_trial() -> bool {
    std::env::var_os(TRIAL).is_some_and(|value| value == "1")
}

/// What can be known before the old process ends: whether files can be read, and whether what isn't handed on can be
/// listened on.
pub(super) fn try_start(settings: &Settings) -> Result<(), StartFailure> {
    let way = Way::open(&settings.outbound)?;
    places::provider(settings, &way)?;
    Secret::open(&settings.secret_file, false)?;
    let is_held = |place: &Listen| std::env::var(HELD).is_ok_and(|held| port(&held) == port(&place.to_string()));
    match &settings.metrics_listen {
        Some(place) if !is_held(place) => sockets::could_bind(place, METRICS_KEY),
        _ => Ok(()),
    }
}

fn port(place: &str) -> Option<&str> {
    place.rsplit(':').next()
}

/// The upgrades that were refused since the process began.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Option<UpgradeRefused>>);

impl Refusals {
    /// One more.
    pub(super) fn note(&self, why: String, at_us: i64) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = last.as_ref().map_or(0, |last| last.count) + 1;
        *last = Some(UpgradeRefused { count, at_us, why });
    }

    /// The last one.
    pub(super) fn last(&self) -> Option<UpgradeRefused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How the process that follows is started.
#[derive(Clone, Debug)]
pub(super) struct Successor {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Successor {
    /// The program at the path that this one was started by, and the same arguments. To be asked at the start, while
    /// that path still leads here.
    pub(super) fn of_this_process() -> Option<Self> {
        let mut arguments = std::env::args_os();
        let invoked =
            arguments.next().map(PathBuf::from).filter(|path| path.as_os_str().as_encoded_bytes().contains(&b'/'));
        // Links on the way to it are kept: they are what an operator changes.
        let program = match invoked {
            Some(path) => std::path::absolute(path).ok().filter(|path| path.exists()),
            None => None,
        };
        let program = program.or_else(|| std::env::current_exe().ok())?;
        // A new signing key was asked for once.
        let arguments = arguments.filter(|argument| argument != "--new-signing-key").collect();
        Some(Self { program, arguments })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(&self.arguments);
        for name in [TRIAL, HELD, "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LIMEN_IDLE"] {
            command.env_remove(name);
        }
        command
    }

    /// Asks the program whether it could start as this one was, which listens for those who ask for figures at `held`.
    ///
    /// # Errors
    /// Why it could not, in its own words.
    pub(super) async fn try_out(&self, held: Option<&Listen>) -> Result<(), String> {
        let mut command = tokio::process::Command::from(self.command(&self.program));
        if let Some(held) = held {
            command.env(HELD, held.to_string());
        }
        command.env(TRIAL, "1").env_remove("NOTIFY_SOCKET").stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(TRIAL_TIMEOUT, command.output());
        let output = output.await.map_err(|_| format!("it gave no answer within {} s", TRIAL_TIMEOUT.as_secs()))?;
        let output = output.map_err(|error| format!("{} can't be run: {error}", self.program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        Err(format!("{}: {}", output.status, told.trim().chars().take(TOLD_MAX_CHARACTERS).collect::<String>()))
    }

    /// Replaces this process. Comes back only where neither the program at the path nor this one again can be run.
    pub(super) fn take_over(self, legacy: Legacy) -> std::io::Error {
        let mut command = self.command(&self.program);
        let _given = match legacy.give(&mut command) {
            Ok(given) => given,
            Err(error) => return error,
        };
        let error = command.exec();
        eprintln!("limen: {} can't be run: {error}; this version goes on", self.program.display());
        let mut again = self.command(Path::new("/proc/self/exe"));
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                again.env(name, value);
            }
        }
        again.exec()
    }
}
