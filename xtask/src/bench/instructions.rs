//! Instructions of a call in user space, counted by callgrind and compared with those that are written down.
//!
//! A count doesn't depend on how fast or how busy a machine is, so it can be held by a test.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::figures::table;
use super::{Options, document, process, tools};
use crate::steps::{Step, cargo, run as run_step, target_folder};

const PART: &str = "instructions";
/// So far a count may be from what is written.
const APART_MAX_PERCENT: f64 = 5.0;
const WRITE: &str = "cargo xtask bench instructions --write";

/// Counts, and writes the counts or fails where one is further from the written one than it may be, either way.
pub(crate) fn run(options: &Options) -> Result<()> {
    let counted = count()?;
    if options.write { document::write(PART, &shown(&counted)) } else { compare(&counted) }
}

/// Builds the gateway with everything in memory and counts: name and instructions of each kind of call.
fn count() -> Result<Vec<(String, u64)>> {
    tools::need(&[tools::TASKSET, tools::VALGRIND])?;
    let words = ["build", "--release", "--package", "limen-gateway", "--example", "instructions"];
    run_step(&Step::new("build", cargo(&words)))?;
    let program = target_folder().join("release/examples/instructions");
    let told = process::output(&mut Command::new(program))?;
    told.lines().map(|line| counted(line).with_context(|| format!("not a count: {line}"))).collect()
}

fn counted(line: &str) -> Option<(String, u64)> {
    let (name, count) = line.split_once(' ')?;
    Some((name.to_owned(), count.parse().ok()?))
}

fn shown(counted: &[(String, u64)]) -> String {
    let rows: Vec<_> = counted.iter().map(|(name, count)| vec![name.clone(), count.to_string()]).collect();
    table(&["call", "instructions"], &rows)
}

fn compare(counted: &[(String, u64)]) -> Result<()> {
    let flaws = compared(counted, &document::rows(&document::read(PART)?));
    if flaws.is_empty() {
        return Ok(());
    }
    bail!("{}", flaws.join("\n"));
}

/// Tells each count beside the written one, and gives what is wrong.
fn compared(counted: &[(String, u64)], written: &[Vec<String>]) -> Vec<String> {
    let mut flaws = Vec::new();
    for (name, count) in counted {
        let row = written.iter().find(|row| row.first() == Some(name));
        let Some(before) = row.and_then(|row| row.get(1)?.parse::<u64>().ok()) else {
            flaws.push(format!("{name}: {count} instructions a call, and none written; write them by: {WRITE}"));
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let percent = (*count as f64 / before as f64 - 1.0) * 100.0;
        println!("{name}: {count} instructions a call, {before} are written ({percent:+.1} %)");
        if percent > APART_MAX_PERCENT {
            flaws.push(format!(
                "{name}: {count} instructions a call are {percent:.1} % more than the {before} that docs/benchmarks.md \
                 tells; find what costs them, or, where they are worth it, say so and write them by: {WRITE}"
            ));
        } else if percent < -APART_MAX_PERCENT {
            flaws.push(format!(
                "{name}: {count} instructions a call are {:.1} % fewer than the {before} that docs/benchmarks.md tells; \
                 keep what was won, write them by: {WRITE}",
                -percent
            ));
        }
    }
    flaws
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_may_be_five_percent_apart_either_way() {
        let written = document::rows(&shown(&[("open".into(), 1_000)]));
        let flaws = |name: &str, count| compared(&[(name.to_owned(), count)], &written);
        for count in [951, 1_000, 1_049] {
            assert_eq!(flaws("open", count), Vec::<String>::new(), "{count}");
        }
        assert!(flaws("open", 1_060).concat().contains("6.0 % more"));
        assert!(flaws("open", 900).concat().contains("10.0 % fewer"));
        assert!(flaws("closed", 1_000).concat().contains("none written"));
    }
}
