//! Limen as it is measured: started with a folder of its own, with a subscription and a token made by its commands.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::process::{MEASURED_CORE, Process, output};

const CONFIG: &str = include_str!("../../bench/limen.yaml");
/// A start with a million subscriptions reads them all.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// The binary and what it is started with.
pub(crate) struct Setup {
    name: &'static str,
    binary: PathBuf,
    folder: PathBuf,
    config: PathBuf,
}

/// A running Limen.
pub(crate) struct Limen {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) web: SocketAddr,
}

/// What a call brings.
pub(crate) struct Credentials {
    pub(crate) key: String,
    pub(crate) token: String,
}

impl Setup {
    /// Writes the configuration with `settings` (YAML) at its head.
    pub(crate) fn new(
        name: &'static str,
        binary: &Path,
        folder: &Path,
        service: SocketAddr,
        settings: &str,
    ) -> Result<Self> {
        let config = folder.join(format!("{name}.yaml"));
        let text = CONFIG.replace("SETTINGS", settings).replace("SERVICE", &service.to_string());
        fs::write(&config, text)?;
        Ok(Self { name, binary: binary.to_owned(), folder: folder.to_owned(), config })
    }

    /// Whether this build knows the settings.
    pub(crate) fn is_known(&self) -> bool {
        let checked = Command::new(&self.binary).args(["check", "--no-probe"]).arg(&self.config).output();
        checked.is_ok_and(|output| output.status.success())
    }

    /// Its data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Starts it on the measured core and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Limen> {
        let (binary, config, data) = (text(&self.binary), text(&self.config), text(&self.data_dir()));
        let fixed = ["up", "--gateway", "127.0.0.1:0", "--web", "127.0.0.1:0", "--no-sample", "--output", "json"];
        let words = [&[binary.as_str()], &fixed[..], &["--config", &config, "--data-dir", &data]].concat();
        let mut process = Process::start(self.name, MEASURED_CORE, &self.folder, &words)?;
        let line = process.first_line(READY_WITHIN)?;
        let place = |name: &str| -> Result<SocketAddr> {
            let url = member(&line, name)?;
            let place = url.split_once("://").map_or(url.as_str(), |(_, place)| place).trim_end_matches('/').parse();
            place.with_context(|| format!("no address in {line}"))
        };
        Ok(Limen { process, address: place("gateway")?, web: place("web")? })
    }

    /// Runs a command against the running one, and gives what it tells.
    pub(crate) fn command(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.binary);
        command.arg("--data-dir").arg(self.data_dir()).args(words).args(["--output", "json"]);
        output(&mut command)
    }

    /// Makes a subscription and a token.
    pub(crate) fn credentials(&self) -> Result<Credentials> {
        let subscription = self.command(&["subscription", "create", "--product", "standard", "--developer", "ada"])?;
        let token = self.command(&["token", "issue", "--user", "bo", "--application", "shop"])?;
        Ok(Credentials { key: member(&subscription, "primary_key")?, token: member(&token, "access_token")? })
    }
}

impl Credentials {
    /// The fields of a request.
    pub(crate) fn headers(&self) -> Vec<String> {
        vec![format!("Limen-Subscription-Key: {}", self.key), format!("Authorization: Bearer {}", self.token)]
    }
}

/// The text of a member of a JSON object that has no escapes in it.
pub(crate) fn member(json: &str, name: &str) -> Result<String> {
    let found = json.split_once(&format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split_once('"'));
    found.map(|(value, _)| value.to_owned()).with_context(|| format!("no '{name}' in {json}"))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
