//! Calls made by wrk and h2load, and what these tell of them.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use super::process::{OTHER_CORE, output, pinned};

/// What is asked for.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) address: SocketAddr,
    pub(crate) path: &'static str,
    /// `Name: value`.
    pub(crate) headers: Vec<String>,
    /// A script of wrk's that makes the request, where it is no plain GET.
    pub(crate) script: Option<String>,
}

/// The protocol that h2load speaks, over TLS.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tls {
    Http1,
    Http2,
}

/// What a run came to.
pub(crate) struct Load {
    /// Calls that were answered.
    pub(crate) calls: u64,
    /// The median, in microseconds; wrk only.
    pub(crate) p50_us: f64,
}

/// Calls over HTTP/1.1 on `connections` kept connections, one at a time on each.
pub(crate) fn wrk(request: &Request, connections: u32, seconds: u32, script: &[&str]) -> Result<Load> {
    let (connections, duration) = (connections.to_string(), format!("{seconds}s"));
    let url = format!("http://{}{}", request.address, request.path);
    let mut words = vec!["wrk", "--threads", "1", "--connections", &connections, "--duration", &duration, "--latency"];
    words.extend(request.headers.iter().flat_map(|header| ["--header", header.as_str()]));
    words.extend(request.script.iter().flat_map(|script| ["--script", script.as_str()]));
    words.extend(script.iter().take(2));
    words.push(&url);
    if script.len() > 2 {
        words.push("--");
        words.extend(script.iter().skip(2));
    }
    let told = output(&mut pinned(OTHER_CORE, &words))?;
    if let Some(line) = told.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        bail!("{url}: {}; a figure over refused calls says nothing", line.trim());
    }
    let calls = told.lines().find_map(|line| line.trim().split_once(" requests in")?.0.parse().ok());
    let p50 = told.lines().find_map(|line| microseconds(line.trim().strip_prefix("50%")?.trim()));
    Ok(Load {
        calls: calls.with_context(|| format!("wrk told no count: {told}"))?,
        p50_us: p50.with_context(|| format!("wrk told no median: {told}"))?,
    })
}

/// Calls over TLS: 16 connections with one call each over HTTP/1.1, 4 with 4 streams each over HTTP/2.
pub(crate) fn h2load(request: &Request, tls: Tls, seconds: u32) -> Result<Load> {
    let duration = seconds.to_string();
    let url = format!("https://{}{}", request.address, request.path);
    let mut words = vec!["h2load", "--duration", &duration];
    words.extend(match tls {
        Tls::Http1 => ["--h1", "-c16", "-m1"].as_slice(),
        Tls::Http2 => ["-c4", "-m4"].as_slice(),
    });
    words.extend(request.headers.iter().flat_map(|header| ["--header", header.as_str()]));
    words.push(&url);
    let told = output(&mut pinned(OTHER_CORE, &words))?;
    let codes = told.lines().find_map(|line| line.strip_prefix("status codes: "));
    let codes = codes.with_context(|| format!("h2load told no status codes: {told}"))?;
    let count = |word: &str| -> u64 {
        let part = codes.split(',').find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok());
        part.unwrap_or(0)
    };
    if count("2xx") == 0 || count("3xx") + count("4xx") + count("5xx") > 0 {
        bail!("{url}: {codes}; a figure over refused calls says nothing");
    }
    Ok(Load { calls: count("2xx"), p50_us: 0.0 })
}

/// wrk's `123.40us`, `1.20ms`, `1.00s`.
fn microseconds(text: &str) -> Option<f64> {
    let (number, factor) = if let Some(number) = text.strip_suffix("us") {
        (number, 1.0)
    } else if let Some(number) = text.strip_suffix("ms") {
        (number, 1e3)
    } else {
        (text.strip_suffix('s')?, 1e6)
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrks_times_are_read_in_each_unit() {
        assert_eq!(microseconds("87.00us"), Some(87.0));
        assert_eq!(microseconds("1.25ms"), Some(1250.0));
        assert_eq!(microseconds("2.00s"), Some(2_000_000.0));
        assert_eq!(microseconds("soon"), None);
    }
}
