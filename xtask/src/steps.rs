//! Programs run one after the other, each told with its time; the first that fails ends it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// One program to run.
pub(crate) struct Step {
    name: &'static str,
    words: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
    mend: &'static str,
}

impl Step {
    pub(crate) fn new(name: &'static str, words: Vec<String>) -> Self {
        Self { name, words, environment: Vec::new(), mend: "" }
    }

    /// What to do when it fails.
    pub(crate) fn mend(mut self, mend: &'static str) -> Self {
        self.mend = mend;
        self
    }

    pub(crate) fn environment(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The words of a command of the cargo that runs us.
pub(crate) fn cargo(words: &[&str]) -> Vec<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    program(&cargo, words)
}

pub(crate) fn program(name: &str, words: &[&str]) -> Vec<String> {
    std::iter::once(&name).chain(words).map(|word| (*word).to_owned()).collect()
}

/// Whether a tool answers.
pub(crate) fn has(words: &[&str]) -> bool {
    let [name, rest @ ..] = words else { return false };
    let quiet = Command::new(name).args(rest).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

/// Runs a program in the workspace's root and waits for it.
pub(crate) fn run(step: &Step) -> Result<()> {
    let [name, rest @ ..] = step.words.as_slice() else { bail!("{}: nothing to run", step.name) };
    println!("==> {}: {}", step.name, shown(&step.words));
    let begun = Instant::now();
    let status = Command::new(name)
        .args(rest)
        .envs(step.environment.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("{name} could not be started"))?;
    if !status.success() {
        let mend = if step.mend.is_empty() { String::new() } else { format!("; {}", step.mend) };
        bail!("step '{}' failed ({status}) after {} s{mend}", step.name, begun.elapsed().as_secs());
    }
    Ok(())
}

/// Runs steps in order and tells each with its time.
pub(crate) fn run_all(steps: &[Step]) -> Result<()> {
    let mut told = Vec::new();
    for step in steps {
        let begun = Instant::now();
        run(step)?;
        told.push(format!("{} {} s", step.name, begun.elapsed().as_secs()));
    }
    println!("==> all passed: {}", told.join(", "));
    Ok(())
}

fn shown(words: &[String]) -> String {
    let name = words.first().and_then(|name| Path::new(name).file_name()).unwrap_or_default().to_string_lossy();
    std::iter::once(&*name).chain(words.iter().skip(1).map(String::as_str)).collect::<Vec<_>>().join(" ")
}
