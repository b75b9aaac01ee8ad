//! How the real binary is started.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the binary is started.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) binary: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) config: Option<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) gateway: String,
    pub(super) web: String,
    pub(super) ready_within: Duration,
    pub(super) open_files: Option<u64>,
}

impl Settings {
    /// `up` of this binary (`env!("CARGO_BIN_EXE_limen")`) on free loopback ports, with a new folder.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            arguments: Vec::new(),
            config: None,
            environment: Vec::new(),
            data_dir: None,
            gateway: "127.0.0.1:0".into(),
            web: "127.0.0.1:0".into(),
            ready_within: Duration::from_secs(20),
            open_files: None,
        }
    }

    /// One more argument of `up`, behind those that are always given.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The text of a configuration file that `up` is started with.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.into());
        self
    }

    /// An environment variable for the process and for its commands.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// A data folder that the caller made or will look at; without one, `data` in a new temporary folder.
    #[must_use]
    pub fn data_dir(mut self, folder: &Path) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Where the gateway listens, instead of a free loopback port; needed where a public URL is told.
    #[must_use]
    pub fn gateway(mut self, place: &str) -> Self {
        self.gateway = place.into();
        self
    }

    /// Where the pages are served, instead of a free loopback port.
    #[must_use]
    pub fn web(mut self, place: &str) -> Self {
        self.web = place.into();
        self
    }

    /// How many files, and so sockets, the process may open.
    #[must_use]
    pub fn open_files(mut self, count: u64) -> Self {
        self.open_files = Some(count);
        self
    }

    /// How long the ready line may take.
    #[must_use]
    pub fn ready_within(mut self, time: Duration) -> Self {
        self.ready_within = time;
        self
    }
}
