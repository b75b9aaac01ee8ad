//! `cargo xtask`: the project's only automation. It starts other programs and knows nothing of Limen's insides.

mod bench;
mod foreign;
mod fuzz;
mod servers;
mod steps;

use std::process::ExitCode;

use anyhow::{Result, bail};
use steps::{Step, cargo, has, run, run_all};

const HELP: &str = "\
cargo xtask COMMAND

  test                 everything that a change has to pass; installs what it needs
  install              what the tests need: tools, servers, OAuth libraries and a browser by others
  dev [ARGUMENTS]      start Limen with a data folder under target/, made anew
  scenario [FILTER]    the tests that run the real binary, all of them or those whose name has FILTER
  fuzz [TARGET] [--seconds N]
                       look for inputs that break a law, a minute for each target, and keep what was found
  docs                 write the documents that are made from code
  bench                processor time of a call beside nginx, HAProxy and a blind copy of bytes
  bench subscriptions  what a million subscriptions cost, beside a thousand
  bench sign-ins       codes, exchanges, refreshes and introspections a second, beside one fsync
  bench instructions   instructions of a call; fails where they are not what docs/benchmarks.md tells
                       each: --write puts the figures there, --rounds N; the first two: --profile NAME (usually
                       dist, which takes long to build; release is quicker); subscriptions: --count N
";

/// What has documentation.
const TARGETS: [&str; 3] = ["--lib", "--bins", "--examples"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test(),
        ["install"] => install(),
        ["dev", rest @ ..] => dev(rest),
        ["scenario"] => scenario(""),
        ["scenario", filter] => scenario(filter),
        ["fuzz", rest @ ..] => fuzz::fuzz(rest),
        ["docs"] => docs(),
        ["bench", rest @ ..] => bench::bench(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(anyhow::anyhow!("there is no command '{}'\n\n{HELP}", other.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that a change has to pass, the quick ones first.
fn test() -> Result<()> {
    install()?;
    let nextest_profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    run_all(&[
        Step::new("format", cargo(&["fmt", "--all", "--", "--check"])).mend("run: cargo fmt --all"),
        Step::new("lint", cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
        Step::new("test", cargo(&["nextest", "run", "--workspace", "--profile", nextest_profile])),
        // Examples among them, so that dependencies have the same features as for clippy and aren't checked once more.
        Step::new(
            "document",
            cargo(&[&["doc", "--workspace", "--no-deps", "--document-private-items"], &TARGETS[..]].concat()),
        )
        .environment("RUSTDOCFLAGS", "--deny warnings"),
        Step::new("instructions", cargo(&["xtask", "bench", "instructions"])),
    ])
}

/// Installs the tools that the steps use, where they aren't there.
fn install() -> Result<()> {
    for (component, probe) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !has(&["cargo", probe, "--version"]) {
            run(&Step::new("install", steps::program("rustup", &["component", "add", component])))?;
        }
    }
    if !has(&["cargo", "nextest", "--version"]) {
        run(&Step::new("install", cargo(&["install", "cargo-nextest", "--locked"])))?;
    }
    servers::install()?;
    foreign::install()?;
    for tool in ["bash", "curl", "python3"] {
        if !has(&[tool, "--version"]) {
            bail!("{tool} is missing: the README's commands are run with it; install it with the system's packages");
        }
    }
    Ok(())
}

/// Starts Limen on its usual addresses with data that the next start throws away.
fn dev(arguments: &[&str]) -> Result<()> {
    let folder = steps::root().join("target/dev");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let data_dir = folder.join("data").display().to_string();
    let fixed = ["run", "--package", "limen", "--", "up", "--data-dir", data_dir.as_str()];
    run(&Step::new("dev", cargo(&[&fixed, arguments].concat())))
}

/// The tests of the crate `limen` that start the real binary: of the file that `filter` names, else those with it in their
/// names.
fn scenario(filter: &str) -> Result<()> {
    let mut chosen = "kind(test)".to_owned();
    let tests = steps::root().join("crates/limen/tests");
    if tests.join(format!("{filter}.rs")).exists() || (!filter.is_empty() && tests.join(filter).is_dir()) {
        chosen.push_str(&format!(" & binary(={filter})"));
    } else if !filter.is_empty() {
        chosen.push_str(&format!(" & test(~{filter})"));
    }
    run(&Step::new("scenario", cargo(&["nextest", "run", "--package", "limen", "--filterset", &chosen])))
}

/// The test that compares each made document with its source writes it when told to.
fn docs() -> Result<()> {
    let words = ["test", "--quiet", "--package", "xtask", "--test", "tidy", "made_documents"];
    run(&Step::new("docs", cargo(&words)).environment("LIMEN_WRITE_DOCS", "1"))
}
