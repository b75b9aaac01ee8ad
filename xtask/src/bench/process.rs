//! Programs that run beside us: started on one core, ended with us, and what they have used.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// The core of the program that is measured.
pub(crate) const MEASURED_CORE: &str = "0";
/// The core of load and service.
pub(crate) const OTHER_CORE: &str = "1";

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running program; ended when dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
}

/// `words` on a core.
pub(crate) fn pinned(core: &str, words: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).args(words).stdin(Stdio::null());
    command
}

impl Process {
    /// Starts a program on a core; what it writes to standard error goes to a file in `folder`.
    pub(crate) fn start(name: &str, core: &str, folder: &Path, words: &[&str]) -> Result<Self> {
        let log = File::create(folder.join(format!("{name}.err")))?;
        let mut command = pinned(core, words);
        command.stdout(Stdio::piped()).stderr(log);
        let child = command.spawn().with_context(|| format!("{name} could not be started"))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// The first line that it writes to standard output.
    pub(crate) fn first_line(&mut self, within: Duration) -> Result<String> {
        let stdout = self.child.stdout.take().with_context(|| format!("{}: no output", self.name))?;
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = String::new();
            let _ = reader.read_line(&mut line);
            let _ = tell.send(line);
            // Whatever comes later is read too, so that the process never blocks on a full pipe.
            let _ = std::io::copy(&mut reader, &mut std::io::sink());
        });
        let line = told.recv_timeout(within).unwrap_or_default();
        if line.trim().is_empty() {
            bail!("{} told nothing within {} s; see {}.err under target/bench", self.name, within.as_secs(), self.name);
        }
        Ok(line.trim().to_owned())
    }

    /// Waits until it listens.
    pub(crate) fn listens(mut self, address: SocketAddr) -> Result<Self> {
        let name = self.name.clone();
        until(Duration::from_secs(10), || match self.child.try_wait()? {
            Some(_) => bail!("{name} ended at once; see {name}.err under target/bench"),
            None => Ok(TcpStream::connect_timeout(&address, LOOK_AGAIN).is_ok()),
        })
        .with_context(|| format!("{name} does not listen on {address}"))?;
        Ok(self)
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Nanoseconds of processor time that all of its threads have used.
    pub(crate) fn cpu_ns(&self) -> Result<u64> {
        let mut used_ns = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread that has just ended has no file any more.
            let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            used_ns += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        if used_ns == 0 {
            bail!("{}: the system does not say how much processor time it has used", self.name);
        }
        Ok(used_ns)
    }

    /// Kilobytes of a line of `/proc/PID/status`, such as `VmRSS`.
    pub(crate) fn memory_kb(&self, line: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let words = status.lines().find_map(|one| one.strip_prefix(line)?.strip_prefix(':'));
        let number = words.and_then(|words| words.split_whitespace().next()?.parse().ok());
        number.with_context(|| format!("{}: /proc says nothing of {line}", self.name))
    }

    /// Asks it to end in order, and waits.
    pub(crate) fn stop(mut self) -> Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let ended = until(Duration::from_secs(60), || Ok(self.child.try_wait()?.is_some()));
        ended.with_context(|| format!("{} does not end", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks until something is so.
#[expect(clippy::disallowed_methods, reason = "between two looks, with a deadline")]
pub(crate) fn until(within: Duration, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + within;
    while !is_so()? {
        if Instant::now() > end {
            bail!("not within {} s", within.as_secs());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// An address of this machine that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// What a program writes to standard output; it fails where the program does.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{name} could not be started"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{name} failed ({}): {told}{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(told)
}
