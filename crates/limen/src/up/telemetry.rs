//! What the process tells of itself: its log, the access log's place, the figures for a monitoring system and where they
//! are served.

use std::io::IsTerminal as _;
use std::net::TcpListener;

use limen_gateway::access_log::{AccessLog, Destination};
use limen_gateway::edge::Edge;
use limen_gateway::metrics::exposition::Process;
use limen_portal::ports::Portal;
use limen_store::DataFolder;
use tokio::sync::watch;

use super::failure::StartFailure;
use super::web;
use crate::config::{AccessLogTo, LogFormat, Settings};

/// The access log's file in the data folder.
const ACCESS_LOG_FILE: &str = "access.log";

/// Begins the log of the process's own words, on the standard error.
pub(super) fn begin_log(settings: &Settings) {
    let log = tracing_subscriber::fmt()
        .with_max_level(settings.log_level)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Opens the access log where the settings say.
pub(super) fn open_access_log(settings: &Settings, folder: &DataFolder) -> Result<Option<AccessLog>, StartFailure> {
    let path = match &settings.access_log {
        AccessLogTo::Off => return Ok(None),
        AccessLogTo::Output => None,
        AccessLogTo::DataDir => Some(folder.file(ACCESS_LOG_FILE)),
        AccessLogTo::File(path) => Some(path.clone()),
    };
    let told = path.as_ref().map_or_else(|| "the standard output".to_owned(), |path| path.display().to_string());
    let destination = path.map_or(Destination::Output, |path| Destination::File {
        path,
        max_bytes: settings.access_log_max_bytes,
        keep: settings.access_log_keep,
    });
    AccessLog::open(destination, settings.access_log_format).map(Some).map_err(|error| {
        StartFailure::of(
            &format!("The access log can't be written to {told}"),
            error,
            "Name another file with access_log.file, or write 'off' there.",
        )
    })
}

/// What the operating system knows of this process; nought where it doesn't say.
pub(super) fn process(started_at_us: i64) -> Process {
    let open_files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident_kib = memory.lines().find_map(|line| {
        let rest = line.strip_prefix("VmRSS:")?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    });
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let cpu_ms = used.tv_sec.unsigned_abs().saturating_mul(1_000) + used.tv_nsec.unsigned_abs() / 1_000_000;
    Process {
        started_at_us,
        cpu_ms,
        resident_bytes: resident_kib.unwrap_or(0).saturating_mul(1_024),
        open_files: open_files as u64,
    }
}

/// Where the figures are read.
pub(super) fn metrics_url(listener: &TcpListener) -> Option<String> {
    listener.local_addr().ok().map(|address| format!("http://{address}/metrics"))
}

/// Serves the figures on an address of their own.
pub(super) fn serve_metrics(
    portal: Portal,
    listener: TcpListener,
    stopping: watch::Receiver<bool>,
) -> Result<(), StartFailure> {
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|error| StartFailure::of("The figures could not be served", error, "Start again."))?;
    tokio::spawn(web::serve(listener, limen_portal::metrics_router(portal), None, Edge::default(), stopping));
    Ok(())
}
