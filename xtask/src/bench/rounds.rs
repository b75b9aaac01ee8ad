//! Interleaved rounds: each runs every contender once, in an order that is shuffled anew.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};

use super::figures::{Sample, Series};
use super::load::{Load, Request, Tls, h2load, wrk};
use super::process::Process;

/// Kept connections while processor time is taken.
const CONNECTIONS: u32 = 32;
/// The generator and the service count apart: calls are under way at the end, of this load and of the one before it.
const COUNTS_APART_MAX: u64 = 2 * CONNECTIONS as u64;

/// What takes part.
pub(crate) struct Contender<'p> {
    pub(crate) name: &'static str,
    /// Whose processor time counts; none for the service itself.
    pub(crate) process: Option<&'p Process>,
    pub(crate) request: Request,
    pub(crate) tls: Option<Tls>,
}

/// How long each is measured.
#[derive(Clone, Copy)]
pub(crate) struct Lengths {
    pub(crate) rounds: usize,
    pub(crate) load_s: u32,
    pub(crate) latency_s: u32,
}

/// Runs all rounds and gives each contender's samples, in the order of the rounds.
pub(crate) fn run(contenders: &[Contender<'_>], service: SocketAddr, lengths: Lengths) -> Result<Vec<Series>> {
    let mut series: Vec<Series> = contenders.iter().map(|contender| Series::new(contender.name)).collect();
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::from_secs(1));
    let mut random = since_epoch.subsec_nanos() | 1;
    for round in 1..=lengths.rounds {
        for index in shuffled(contenders.len(), &mut random) {
            let (Some(contender), Some(series)) = (contenders.get(index), series.get_mut(index)) else { continue };
            let sample = measure(contender, service, lengths).with_context(|| contender.name)?;
            let p50 = sample.p50_us.map_or(String::new(), |p50| format!("  p50 {p50:.0} µs"));
            println!("round {round} of {}: {:44} {:5.1} µs{p50}", lengths.rounds, contender.name, sample.cpu_us);
            series.samples.push(sample);
        }
    }
    Ok(series)
}

fn measure(contender: &Contender<'_>, service: SocketAddr, lengths: Lengths) -> Result<Sample> {
    let p50_us = match contender.tls {
        None => Some(wrk(&contender.request, 1, lengths.latency_s, &[])?.p50_us),
        Some(_) => None,
    };
    let Some(process) = contender.process else { return Ok(Sample { cpu_us: 0.0, p50_us }) };
    let request = &contender.request;
    let cpu_us = cpu_per_call_us(process, service, || match contender.tls {
        None => wrk(request, CONNECTIONS, lengths.load_s, &[]),
        Some(tls) => h2load(request, tls, lengths.load_s),
    })?;
    Ok(Sample { cpu_us, p50_us })
}

/// Processor time of a call in microseconds, over the calls that the service saw.
pub(crate) fn cpu_per_call_us(
    process: &Process,
    service: SocketAddr,
    load: impl FnOnce() -> Result<Load>,
) -> Result<f64> {
    let (calls_before, cpu_before_ns) = (calls(service)?, process.cpu_ns()?);
    let load = load()?;
    let (cpu_ns, calls) = (process.cpu_ns()? - cpu_before_ns, calls(service)? - calls_before);
    if calls.abs_diff(load.calls) > COUNTS_APART_MAX || calls == 0 {
        bail!("the load generator counted {} calls and the service {calls}", load.calls);
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    Ok(cpu_ns as f64 / 1e3 / calls as f64)
}

/// How many calls the service has had.
fn calls(service: SocketAddr) -> Result<u64> {
    let mut stream = TcpStream::connect(service)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /count HTTP/1.1\r\nHost: service\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let count = answer.split_once("\r\n\r\n").and_then(|(_, count)| count.trim().parse().ok());
    count.with_context(|| format!("the service told no count: {answer}"))
}

/// 0 to `count` - 1 in some order.
fn shuffled(count: usize, random: &mut u32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // Xorshift: any order will do, as long as it changes.
        *random ^= *random << 13;
        *random ^= *random >> 17;
        *random ^= *random << 5;
        order.swap(last, *random as usize % (last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_everybody_once_and_orders_differ() {
        let mut random = 7;
        let orders: Vec<_> = (0..8).map(|_| shuffled(9, &mut random)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..9).collect::<Vec<_>>());
        }
        assert!(orders.windows(2).any(|pair| pair.first() != pair.last()));
    }
}
