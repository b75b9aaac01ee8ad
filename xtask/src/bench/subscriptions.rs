//! What many subscriptions cost: memory, processor time of a call, and the time until a changed key is live.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::figures::{bars, median, table};
use super::limen::{Limen, Setup, member};
use super::load::{Load, Request, wrk};
use super::process::{output, until};
use super::rivals::peer;
use super::rounds::cpu_per_call_us;
use super::{Options, document, machine, scratch, tools};
use crate::steps::root;

const FEW: u32 = 1_000;
const ROUNDS: usize = 5;
const LOAD_S: u32 = 3;
const CONNECTIONS: u32 = 32;
/// Keys changed, one after the other, while many are there.
const CHANGES: u32 = 5;
const LIVE_WITHIN: Duration = Duration::from_secs(30);

/// A running Limen with so many subscriptions.
struct Crowd {
    count: u32,
    setup: Setup,
    limen: Limen,
    keys: PathBuf,
    /// Lines of the file of keys: of few, each stands there often, so that choosing one costs the load the same.
    lines: u32,
    started_s: f64,
    idle_mb: f64,
    /// Subscriptions that have made a call.
    called: u32,
}

/// Measures, tells, and writes where that was asked for.
pub(crate) fn run(options: &Options) -> Result<()> {
    tools::need(&[tools::TASKSET, tools::WRK])?;
    let (binary, peer_binary) = options.build()?;
    let folder = scratch("subscriptions")?;
    let (_service, service) = peer(&peer_binary, &folder, None)?;
    // With a quota a subscription's first call waits for rights from the store; without one, all stays in memory.
    let mut crowds = Vec::new();
    for (name, product, count) in [
        ("few-paced", "paced", FEW),
        ("many-paced", "paced", options.count),
        ("few-charged", "charged", FEW),
        ("many-charged", "charged", options.count),
    ] {
        let setup = Setup::new(name, &binary, &folder, service, "")?;
        crowds.push(gather(setup, &folder.join(format!("{name}.keys")), product, count, options.count)?);
    }
    let first: Result<Vec<_>> = crowds.iter_mut().map(|crowd| first_calls(crowd, service, options)).collect();
    let mut first = first?.into_iter();
    let [few, many, few_charged, many_charged] = crowds.as_slice() else { bail!("four crowds were made") };
    let paced = beside(few, many, service, options)?;
    let charged = beside(few_charged, many_charged, service, options)?;
    let live_ms = changes(many)?;
    let mut row = |crowd: &Crowd, kind: &str, cpu_us: f64, ratio: &str| -> Result<Vec<String>> {
        let first_us = first.next().flatten().map_or(String::new(), |first_us| format!("{first_us:.1}"));
        Ok(vec![
            format!("{} subscriptions, {kind}", thousands(crowd.count)),
            format!("{:.0}", crowd.idle_mb),
            format!("{:.0}", memory_mb(crowd)?),
            thousands(crowd.called),
            format!("{:.1}", crowd.started_s),
            first_us,
            format!("{cpu_us:.1}"),
            ratio.to_owned(),
        ])
    };
    let (ratio, charged_ratio) = (format!("{:.2}", paced.ratio), format!("{:.2}", charged.ratio));
    let rows = [
        row(few, "key and rate", paced.few_us, "")?,
        row(many, "key and rate", paced.many_us, &ratio)?,
        row(few_charged, "key, rate and quota", charged.few_us, "")?,
        row(many_charged, "key, rate and quota", charged.many_us, &charged_ratio)?,
    ];
    let head = [
        "",
        "MB at the start",
        "MB after the calls",
        "have called",
        "start, s",
        "CPU of a first call, µs",
        "CPU of a later call, µs",
        "beside few",
    ];
    let verdict = |is: f64, aim: f64| if is <= aim { "reached" } else { "missed" }.to_owned();
    let aims = [
        vec![
            "memory of many in all, MB".into(),
            "150".into(),
            format!("{:.0}", many.idle_mb),
            verdict(many.idle_mb, 150.0),
        ],
        vec!["a later call with many beside few".into(), "1.05".into(), ratio.clone(), verdict(paced.ratio, 1.05)],
        vec!["until a changed key is live, ms".into(), "1000".into(), format!("{live_ms:.0}"), verdict(live_ms, 1e3)],
    ];
    let text = format!(
        "{}\n\n{}\n{}",
        machine::described(&options.profile),
        table(&head, &rows),
        table(&["aim", "at most", "is", ""], &aims)
    );
    println!("\n{text}\nMB at the start\n\n{}", bars(&[("few", few.idle_mb), ("many", many.idle_mb)]));
    if options.write { document::write("subscriptions", &text) } else { Ok(()) }
}

/// Starts Limen once to make its store, puts the subscriptions in while it is stopped, and starts it again.
fn gather(setup: Setup, keys: &Path, product: &str, count: u32, many: u32) -> Result<Crowd> {
    println!("{} subscriptions of {product}: made", thousands(count));
    setup.start()?.process.stop()?;
    let script = root().join("xtask/bench/subscriptions.py");
    output(
        Command::new("python3").arg(script).arg(setup.data_dir()).args([&count.to_string(), product, "ada"]).arg(keys),
    )?;
    let times = many.checked_div(count).unwrap_or(1).max(1);
    fs::write(keys, fs::read(keys)?.repeat(usize::try_from(times)?))?;
    let began = Instant::now();
    let limen = setup.start()?;
    let started_s = began.elapsed().as_secs_f64();
    let (keys, lines) = (keys.to_owned(), count * times);
    let mut crowd = Crowd { count, setup, limen, keys, lines, started_s, idle_mb: 0.0, called: 0 };
    crowd.idle_mb = memory_mb(&crowd)?;
    println!("{} subscriptions: started in {started_s:.1} s, {:.0} MB", thousands(count), crowd.idle_mb);
    Ok(crowd)
}

fn memory_mb(crowd: &Crowd) -> Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(crowd.limen.process.memory_kb("VmRSS")? as f64 / 1e3)
}

/// Processor time of a subscription's first call, by which its account is made and takes its rights; none where all have
/// called too soon to tell.
fn first_calls(crowd: &mut Crowd, service: SocketAddr, options: &Options) -> Result<Option<f64>> {
    let mut first_us = Vec::new();
    for _ in 0..options.rounds.unwrap_or(ROUNDS) {
        if crowd.called >= crowd.count {
            break;
        }
        let (mut calls, begin) = (0, crowd.called.to_string());
        let cpu_us = cpu_per_call_us(&crowd.limen.process, service, || {
            let load = load(crowd, &["each", &begin])?;
            calls = load.calls;
            Ok(load)
        })?;
        crowd.called = crowd.called.saturating_add(u32::try_from(calls)?);
        if crowd.called <= crowd.count {
            println!("{} of {} have called: {cpu_us:.1} µs", thousands(crowd.called), thousands(crowd.count));
            first_us.push(cpu_us);
        }
    }
    crowd.called = crowd.called.min(crowd.count);
    Ok((!first_us.is_empty()).then(|| median(first_us)))
}

struct Beside {
    few_us: f64,
    many_us: f64,
    ratio: f64,
}

/// Processor time of a call with random keys of those that have called, of few and of many, in turns.
fn beside(few: &Crowd, many: &Crowd, service: SocketAddr, options: &Options) -> Result<Beside> {
    let rounds = options.rounds.unwrap_or(ROUNDS);
    let (mut few_us, mut many_us, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        // In turns, so that neither always has the caches that the other left.
        let order = if round % 2 == 1 { [few, many] } else { [many, few] };
        let seed = round.to_string();
        let [first, second] = order.map(|crowd| {
            let called = (crowd.called * (crowd.lines / crowd.count)).to_string();
            cpu_per_call_us(&crowd.limen.process, service, || load(crowd, &["some", &called, &seed]))
        });
        let (first, second) = (first?, second?);
        let (of_few, of_many) = if round % 2 == 1 { (first, second) } else { (second, first) };
        println!("round {round} of {rounds}: few {of_few:.1} µs, many {of_many:.1} µs");
        few_us.push(of_few);
        many_us.push(of_many);
        ratios.push(of_many / of_few);
    }
    Ok(Beside { few_us: median(few_us), many_us: median(many_us), ratio: median(ratios) })
}

fn load(crowd: &Crowd, whose: &[&str]) -> Result<Load> {
    let script = root().join("xtask/bench/keys.lua").display().to_string();
    let (keys, lines) = (crowd.keys.display().to_string(), crowd.lines.to_string());
    let request = Request { address: crowd.limen.address, path: "/limited/one", headers: Vec::new(), script: None };
    let words = [&["--script", &script, &keys, &lines], whose].concat();
    wrk(&request, CONNECTIONS, LOAD_S, &words)
}

/// The longest of some times, in milliseconds, from the command that changes a key until a call is accepted with it.
fn changes(crowd: &Crowd) -> Result<f64> {
    let mut longest = Duration::ZERO;
    for number in 0..CHANGES {
        let name = format!("sub_bench{:07}", number * (crowd.count / CHANGES));
        let began = Instant::now();
        let told = crowd.setup.command(&["key", "regenerate", &name, "--which", "primary"])?;
        let key = member(&told, "key").or_else(|_| member(&told, "primary_key"))?;
        until(LIVE_WITHIN, || Ok(status(crowd.limen.address, &key)? == "200"))
            .with_context(|| format!("the new key of {name} is not accepted"))?;
        longest = longest.max(began.elapsed());
    }
    Ok(longest.as_secs_f64() * 1e3)
}

/// The status of a call with that key.
fn status(address: SocketAddr, key: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET /limited/one HTTP/1.1\r\nHost: service\r\nLimen-Subscription-Key: {key}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// 1000000 as 1,000,000.
fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    grouped.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([1, 1_000, 25_000, 1_000_000].map(thousands), ["1", "1,000", "25,000", "1,000,000"]);
    }
}
