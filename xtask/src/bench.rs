//! `cargo xtask bench`: what a call costs, beside others. Starts programs, makes calls, reads processor times.

mod document;
mod figures;
mod instructions;
mod limen;
mod load;
mod machine;
mod process;
mod proxies;
mod rivals;
mod rounds;
mod sign_ins;
mod subscriptions;
mod tools;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::steps::{Step, cargo, run, target_folder};

/// What was asked for.
pub(crate) struct Options {
    /// The cargo profile of what is measured.
    profile: String,
    /// Rounds, instead of the usual number.
    rounds: Option<usize>,
    /// The number of subscriptions that many are.
    count: u32,
    /// Whether the figures go into docs/benchmarks.md.
    write: bool,
}

/// Reads the words behind `bench` and does what they say.
pub(crate) fn bench(words: &[&str]) -> Result<()> {
    match words {
        ["subscriptions", rest @ ..] => subscriptions::run(&Options::read(rest)?),
        ["sign-ins", rest @ ..] => sign_ins::run(&Options::read(rest)?),
        ["instructions", rest @ ..] => instructions::run(&Options::read(rest)?),
        rest => proxies::run(&Options::read(rest)?),
    }
}

impl Options {
    fn read(words: &[&str]) -> Result<Self> {
        let mut options = Self { profile: "dist".into(), rounds: None, count: 1_000_000, write: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match *word {
                "--profile" => options.profile = (*value()?).to_owned(),
                "--rounds" => options.rounds = Some(value()?.parse().context("--rounds needs a number")?),
                "--count" => options.count = value()?.parse().context("--count needs a number")?,
                "--write" => options.write = true,
                // Comparing is what `instructions` does anyway.
                "--check" => {}
                _ => bail!("bench does not know '{word}'; see cargo xtask help"),
            }
        }
        Ok(options)
    }

    /// Builds Limen and the program that it is measured with, and tells where both are.
    fn build(&self) -> Result<(PathBuf, PathBuf)> {
        let words = ["build", "--profile", &self.profile, "--package", "limen", "--package", "limen-testbed", "--bins"];
        run(&Step::new("build", cargo(&words)).mend("another profile is chosen with --profile NAME"))?;
        let folder = target_folder().join(if self.profile == "dev" { "debug" } else { &self.profile });
        Ok((folder.join("limen"), folder.join("bench_peer")))
    }
}

/// An empty folder for configurations, logs and data.
fn scratch(name: &str) -> Result<PathBuf> {
    let folder = target_folder().join("bench").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
