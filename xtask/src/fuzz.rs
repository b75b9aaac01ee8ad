//! `cargo xtask fuzz`: runs cargo-fuzz over what is kept, and keeps what it found. It knows no target's laws.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::steps::{self, Step, cargo, has, run};

const SECONDS: u32 = 60;
const HELP: &str = "write: cargo xtask fuzz [TARGET] [--seconds N]; targets are the files of fuzz/fuzz_targets/";

/// Fuzzes one target, or each in turn, for so many seconds. What was kept stays; what reached new code is kept too.
pub(crate) fn fuzz(arguments: &[&str]) -> Result<()> {
    let (target, seconds) = chosen(arguments)?;
    let targets = targets()?;
    let wanted: Vec<&String> = targets.iter().filter(|name| target.is_none_or(|wanted| wanted == *name)).collect();
    if wanted.is_empty() {
        bail!("there is no target '{}'; there are: {}", target.unwrap_or_default(), targets.join(", "));
    }
    install()?;
    for name in wanted {
        one(name, seconds)?;
    }
    Ok(())
}

fn one(name: &str, seconds: u32) -> Result<()> {
    let folder = steps::root().join("target/fuzz/corpus").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let (kept, found) = (folder.join("kept"), folder.join("found"));
    std::fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
    keep("unpack", name, &kept)?;
    let seconds = format!("-max_total_time={seconds}");
    let limits = [seconds.as_str(), "-max_len=2048", "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"];
    let broken = "the input is named above: make it a line of the target's file under fuzz/corpus/, and mend the code";
    run(&Step::new("fuzz", cargo_fuzz(name, [&found, &kept], &limits)).mend(broken))?;
    // Into what is kept goes what reaches another branch, not what only goes through one more often.
    run(&Step::new("merge", cargo_fuzz(name, [&kept, &found], &["-merge=1", "-use_counters=0"])))?;
    keep("pack", name, &kept)
}

/// No sanitizer: the targets look for broken laws, and the code has next to no `unsafe`.
fn cargo_fuzz(name: &str, folders: [&PathBuf; 2], rest: &[&str]) -> Vec<String> {
    let fixed = ["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir", "fuzz", "--target-dir", "target/fuzz"];
    let built = ["--sanitizer", "none", "--features", "libfuzzer", name];
    let [first, second] = folders.map(|folder| folder.display().to_string());
    steps::program("rustup", &[&fixed[..], &built, &[first.as_str(), second.as_str(), "--"], rest].concat())
}

fn keep(verb: &str, name: &str, folder: &Path) -> Result<()> {
    let folder = folder.display().to_string();
    let words = ["run", "--quiet", "--package", "limen-fuzz", "--example", "keep", "--", verb, name, &folder];
    run(&Step::new(if verb == "pack" { "keep" } else { "unpack" }, cargo(&words)))
}

/// What cargo-fuzz needs and the rest of the workspace doesn't.
fn install() -> Result<()> {
    if !has(&["rustup", "run", "nightly", "rustc", "--version"]) {
        bail!("the nightly toolchain is missing; run: rustup toolchain install nightly --profile minimal");
    }
    if !has(&["c++", "--version"]) {
        bail!("a C++ compiler is missing: libFuzzer is built with it; install g++ with the system's packages");
    }
    if !has(&["cargo", "fuzz", "--version"]) {
        run(&Step::new("install", cargo(&["install", "cargo-fuzz", "--locked"])))?;
    }
    Ok(())
}

fn chosen<'a>(arguments: &[&'a str]) -> Result<(Option<&'a str>, u32)> {
    let (target, rest) = match arguments {
        [name, rest @ ..] if !name.starts_with('-') => (Some(*name), rest),
        rest => (None, rest),
    };
    match rest {
        [] => Ok((target, SECONDS)),
        ["--seconds", number] => Ok((target, number.parse().context(HELP)?)),
        _ => bail!(HELP),
    }
}

fn targets() -> Result<Vec<String>> {
    let folder: PathBuf = steps::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}
