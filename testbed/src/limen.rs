//! Runs the real binary in a folder of its own: start, stop, kill, start again, and its commands.

mod settings;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::Http;
use crate::poll::eventually_within;
use crate::program::{limited, program};
pub use settings::Settings;

/// What a process told when it was ready.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where calls come in.
    pub gateway: SocketAddr,
    /// Where pages are.
    pub web: SocketAddr,
    /// The whole line.
    pub ready: Value,
    /// How long it took from the start of the process.
    pub took: Duration,
}

/// The credentials of a first run's sample.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The path that the sample API is published under.
    pub base_path: String,
    /// The header that the key goes in.
    pub key_header: String,
    /// The subscription's primary key.
    pub primary_key: String,
    /// The subscription's secondary key.
    pub secondary_key: String,
    /// A token of the user who may do all.
    pub full: String,
    /// A token of the user who may only read.
    pub read_only: String,
    /// A token of the user who may read, but not every record.
    pub restricted: String,
    /// The confidential application's id.
    pub application: String,
    /// Its secrets, the primary one first.
    pub secrets: [String; 2],
    /// Where its users are sent back to.
    pub redirect_uri: String,
    /// The public application's id.
    pub public_application: String,
    /// The environment that both are connected to.
    pub environment: String,
    /// The password of the user `full`, who is the environment's administrator.
    pub full_password: String,
    /// The password of the user `read-only`.
    pub read_only_password: String,
    /// The password of the user `restricted`.
    pub restricted_password: String,
}

/// What a command, or a process that has ended, left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output as JSON. Ends the test where it isn't.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:#?}"))
    }
}

/// A running binary with its folder. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Limen {
    settings: Settings,
    folder: TempDir,
    data_dir: PathBuf,
    child: Option<Child>,
    stderr: Arc<Mutex<String>>,
    started: Started,
}

impl Limen {
    /// Starts the binary and waits for its ready line. Ends the test where it doesn't come.
    #[track_caller]
    pub fn start(settings: Settings) -> Self {
        Self::try_start(settings).unwrap_or_else(|output| panic!("limen did not start: {output:#?}"))
    }

    /// Starts the binary and waits for its ready line.
    ///
    /// # Errors
    /// What a process told that ended instead.
    pub fn try_start(settings: Settings) -> Result<Self, Output> {
        let folder = tempfile::Builder::new().prefix("limen-").tempdir().expect("a temporary folder");
        let data_dir = settings.data_dir.clone().unwrap_or_else(|| folder.path().join("data"));
        let stderr = Arc::default();
        let (child, started) = run(&settings, folder.path(), &data_dir, &stderr)?;
        Ok(Self { settings, folder, data_dir, child: Some(child), stderr, started })
    }

    /// What the process told when it was ready.
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// Where calls come in now.
    pub fn gateway(&self) -> SocketAddr {
        self.started.gateway
    }

    /// Where pages are now.
    pub fn web(&self) -> SocketAddr {
        self.started.web
    }

    /// A caller of the gateway.
    pub fn http(&self) -> Http {
        Http::to(self.gateway())
    }

    /// A caller of the pages.
    pub fn pages(&self) -> Http {
        Http::to(self.web())
    }

    /// The sample's credentials, told on a first run. Ends the test on any other.
    #[track_caller]
    pub fn sample(&self) -> Sample {
        let sample = &self.started.ready["sample"];
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no sample in {sample}")).to_owned();
        Sample {
            base_path: text(&sample["base_path"]),
            key_header: text(&sample["subscription_key_header"]),
            primary_key: text(&sample["primary_key"]),
            secondary_key: text(&sample["secondary_key"]),
            full: text(&sample["tokens"]["full"]),
            read_only: text(&sample["tokens"]["read_only"]),
            restricted: text(&sample["tokens"]["restricted"]),
            application: text(&sample["application"]["id"]),
            secrets: ["primary_secret", "secondary_secret"].map(|name| text(&sample["application"][name])),
            redirect_uri: text(&sample["application"]["redirect_uri"]),
            public_application: text(&sample["public_application"]),
            environment: text(&sample["environment"]),
            full_password: text(&sample["passwords"]["full"]),
            read_only_password: text(&sample["passwords"]["read_only"]),
            restricted_password: text(&sample["passwords"]["restricted"]),
        }
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The folder around the data folder, for files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the process wrote to standard error so far, over all its lives.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process's id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Ends the process with SIGKILL and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the process to end with SIGTERM, waits, and gives its exit code. Ends the test where it takes over 10 s.
    #[track_caller]
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("a running process");
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill is there");
        assert!(told.success(), "the process could not be told to stop");
        let code = eventually_within(Duration::from_secs(10), "the process ends", || child.try_wait().expect("a wait"));
        code.code()
    }

    /// Waits for a process that was told to end, and gives its exit code. Ends the test where it takes over 60 s.
    #[track_caller]
    pub fn stop_code(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("a running process");
        let code = eventually_within(Duration::from_secs(60), "the process ends", || child.try_wait().expect("a wait"));
        code.code()
    }

    /// Starts again with the same folder and settings, killing what still runs; ports are new ones.
    #[track_caller]
    pub fn restart(&mut self) -> &Started {
        self.kill();
        let (child, started) = run(&self.settings, self.folder.path(), &self.data_dir, &self.stderr)
            .unwrap_or_else(|output| panic!("limen did not start again: {output:#?}"));
        self.child = Some(child);
        self.started = started;
        &self.started
    }

    /// Changes how the next `restart` starts.
    pub fn change(&mut self, change: impl FnOnce(Settings) -> Settings) {
        self.settings = change(self.settings.clone());
    }

    /// Runs a command of the binary with this folder, its output for people.
    pub fn command(&self, arguments: &[&str]) -> Output {
        let mut command = program(&self.settings.binary);
        command.arg("--data-dir").arg(&self.data_dir).args(arguments);
        command.envs(self.settings.environment.iter().map(|(name, value)| (name, value)));
        output_of(&mut command)
    }

    /// Runs a command with `--output json` and gives its answer. Ends the test where it failed.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(&[arguments, &["--output", "json"]].concat());
        assert_eq!(output.code, Some(0), "limen {arguments:?}: {output:#?}");
        output.json()
    }

    /// Writes the text to a file and applies it. Ends the test where it was refused.
    #[track_caller]
    pub fn apply(&self, config: &str) -> Value {
        let file = self.folder.path().join("applied.yaml");
        std::fs::write(&file, config).expect("a file in the temporary folder");
        self.json(&["apply", file.to_str().expect("a readable path")])
    }
}

impl Drop for Limen {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- what limen wrote to standard error ---\n{}", self.stderr());
        }
    }
}

fn output_of(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Starts the process and waits for its first line.
fn run(
    settings: &Settings,
    folder: &Path,
    data_dir: &Path,
    stderr: &Arc<Mutex<String>>,
) -> Result<(Child, Started), Output> {
    let mut command = limited(&settings.binary, settings.open_files);
    command.arg("up").arg("--data-dir").arg(data_dir);
    command.args(["--gateway", &settings.gateway, "--web", &settings.web, "--output", "json"]);
    if let Some(text) = &settings.config {
        let file = folder.join("limen.yaml");
        std::fs::write(&file, text).expect("a file in the temporary folder");
        command.arg("--config").arg(file);
    }
    command.args(&settings.arguments);
    command.envs(settings.environment.iter().map(|(name, value)| (name, value)));
    let began = Instant::now();
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not run: {error}", settings.binary.display()));
    let errors = keep(child.stderr.take().expect("a pipe"), Arc::clone(stderr));
    let line = first_line(child.stdout.take().expect("a pipe"));
    let line = line.recv_timeout(settings.ready_within).unwrap_or_default();
    let took = began.elapsed();
    let ready: Option<Value> = serde_json::from_str(&line).ok();
    // A public URL says nothing of the port; then it must have been told where to listen.
    let place = |name: &str, told: &str| -> Option<SocketAddr> {
        let url = ready.as_ref()?[name].as_str()?;
        let place = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        place.and_then(|place| place.parse().ok()).or_else(|| told.parse().ok())
    };
    match (place("gateway", &settings.gateway), place("web", &settings.web), &ready) {
        (Some(gateway), Some(web), Some(ready)) => Ok((child, Started { gateway, web, ready: ready.clone(), took })),
        _ => {
            // It says why before it ends; one that neither ends nor is ready is killed.
            let end = Instant::now() + Duration::from_secs(5);
            while line.is_empty() && Instant::now() < end && child.try_wait().is_ok_and(|code| code.is_none()) {
                crate::poll::pause(Duration::from_millis(10));
            }
            let _ = child.kill();
            let code = child.wait().expect("a wait").code();
            let _ = errors.join();
            let stderr = stderr.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Err(Output { code, stdout: line, stderr })
        }
    }
}

fn first_line(stdout: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        let _ = reader.read_line(&mut line);
        let _ = tell.send(line);
        // Whatever comes later is read too, so that the process never blocks on a full pipe.
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    told
}

fn keep(mut from: impl std::io::Read + Send + 'static, to: Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    const KEPT_BYTES: usize = 256 << 10;
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut kept = to.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT_BYTES {
                kept.push_str(&String::from_utf8_lossy(buffer.get(..count).unwrap_or_default()));
            }
        }
    })
}
