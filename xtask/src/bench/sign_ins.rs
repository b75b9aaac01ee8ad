//! What signing in costs: exchanges, refreshes and introspections a second, beside what one fsync costs here.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use super::figures::{median, table};
use super::limen::{Setup, member};
use super::process::{OTHER_CORE, output, pinned};
use super::rivals::peer;
use super::{Options, document, machine, scratch, tools};

const ROUNDS: usize = 5;
/// Requests of each kind and number of callers, in a round.
const REQUESTS: usize = 400;
const SYNCS: usize = 300;
const KINDS: [&str; 4] = ["codes", "exchanges", "refreshes", "introspections"];

/// A line of what was measured: kind, callers, requests a second, processor time of each.
type Line = (String, String, f64, f64);

/// Measures, tells, and writes where that was asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    tools::need(&[tools::TASKSET])?;
    let (binary, peer_binary) = options.build()?;
    let folder = scratch("sign-ins")?;
    let (_service, service) = peer(&peer_binary, &folder, None)?;
    let load = peer_binary.with_file_name("bench_sign_ins");
    let load = load.to_str().context("a path that isn't text")?;
    let setup = Setup::new("sign-ins", &binary, &folder, service, "access_log: {file: \"off\"}")?;
    let limen = setup.start()?;
    let secret = setup.command(&["application", "secret", "regenerate", "shop", "--which", "primary"])?;
    let password = setup.command(&["user", "password", "bo", "--generate"])?;
    let (web, process, count) = (limen.web.to_string(), limen.process.id().to_string(), REQUESTS.to_string());
    let mut lines = Vec::new();
    let mut syncs_us = Vec::new();
    let rounds = options.rounds.unwrap_or(ROUNDS);
    for round in 1..=rounds {
        let mut command = pinned(OTHER_CORE, &[load, &web, &process, &count]);
        command.env("SECRET", member(&secret, "secret")?).env("PASSWORD", member(&password, "password")?);
        let told = output(&mut command)?;
        println!("round {round} of {rounds}:\n{told}");
        lines.extend(told.lines().filter_map(read));
        syncs_us.push(sync_us(&folder)?);
    }
    let sync_us = median(syncs_us);
    let mut rows = Vec::new();
    for kind in KINDS {
        for callers in ["1", "16"] {
            let of = |figure: fn(&Line) -> f64| {
                let these = lines.iter().filter(|line| line.0 == kind && line.1 == callers);
                median(these.map(figure).collect())
            };
            let (a_second, cpu_us) = (of(|line| line.2), of(|line| line.3));
            let syncs =
                if kind == "introspections" { "none".into() } else { format!("{:.2}", 1e6 / a_second / sync_us) };
            rows.push(vec![
                format!("{kind}, {callers} at a time"),
                format!("{a_second:.0}"),
                format!("{cpu_us:.0}"),
                syncs,
            ]);
        }
    }
    let text = format!(
        "{} {rounds} rounds of {REQUESTS} requests. One fsync of 4 KiB that were added to a file costs {sync_us:.0} µs here.\n\n{}",
        machine::described(&options.profile),
        table(&["", "a second", "CPU a request, µs", "time a request, in fsyncs"], &rows),
    );
    println!("\n{text}");
    if options.write { document::write("sign-ins", &text) } else { Ok(()) }
}

fn read(line: &str) -> Option<Line> {
    let mut words = line.split(' ').map(str::to_owned);
    Some((words.next()?, words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// The median time of making 4 KiB more of a file durable, beside the store.
fn sync_us(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("synced"))?;
    let mut times_us = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4_096])?;
        let began = Instant::now();
        file.sync_data()?;
        times_us.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(times_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whole_or_not() {
        assert_eq!(read("codes 16 12.5 3.0"), Some(("codes".into(), "16".into(), 12.5, 3.0)));
        assert_eq!(read("codes 16 12.5"), None);
    }
}
