//! The counters as text, in the format that Prometheus reads (version 0.0.4).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use limen_rules::contract::Cause;
use limen_rules::metric::{Kind, Metric};
use limen_rules::notice::{Phase, phase};
use limen_rules::record::{Notice, NoticeKind};

use super::{ApiCounters, BUCKETS, Count, FIRST_BUCKET_BITS, Metrics, NO_API, OTHER_API, STATUSES};
use crate::gateway::Gateway;

/// What the operating system knows of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// When it began, microseconds since the Unix epoch.
    pub started_at_us: i64,
    /// Processor time used, in milliseconds.
    pub cpu_ms: u64,
    /// Memory in RAM.
    pub resident_bytes: u64,
    /// Files and sockets.
    pub open_files: u64,
}

type Labels<'l> = [(&'l str, &'l str)];

struct Page(String);

impl Page {
    fn line(&mut self, name: &str, labels: &Labels<'_>, value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (at, (label, text)) in labels.iter().enumerate() {
            self.0.push(if at == 0 { '{' } else { ',' });
            // Names of the contract's form: nothing in them needs escaping.
            let _ = write!(self.0, "{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Everything that is measured, as text.
#[must_use]
pub fn text(gateway: &Gateway, process: &Process) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    for metric in Metric::ALL {
        let family = metric.family();
        let _ = writeln!(page.0, "# HELP {} {}", family.name, family.meaning);
        let _ = writeln!(page.0, "# TYPE {} {}", family.name, family.kind.word());
        debug_assert!(family.kind != Kind::Histogram || *metric == Metric::CallDuration);
        figures(&mut page, *metric, family.name, gateway, process);
    }
    page.0
}

fn figures(page: &mut Page, metric: Metric, name: &str, gateway: &Gateway, process: &Process) {
    let metrics = &gateway.metrics;
    let count = |what| metrics.sum(what);
    let seconds = |us: u64| us as f64 / 1e6;
    match metric {
        Metric::Calls => metrics.each_api(|api, all| outcomes(page, name, api, all)),
        Metric::CallDuration => metrics.each_api(|api, all| durations(page, name, api, all)),
        Metric::RequestBytes => {
            metrics.each_api(|api, all| page.line(name, &[("api", api)], total(all, |one| &one.request_bytes)));
        }
        Metric::ResponseBytes => {
            metrics.each_api(|api, all| page.line(name, &[("api", api)], total(all, |one| &one.response_bytes)));
        }
        Metric::CallsInProgress => {
            // Ends are read first: a call that ends in between is then counted as begun, not as less than none.
            let ended = count(Count::CallsEnded);
            page.line(name, &[], count(Count::CallsBegun).saturating_sub(ended));
        }
        Metric::Connections => {
            page.line(name, &[("outcome", "served")], count(Count::ConnectionsServed));
            page.line(name, &[("outcome", "turned_away")], count(Count::ConnectionsTurnedAway));
        }
        Metric::ConnectionsOpen => {
            let closed = count(Count::ConnectionsClosed);
            page.line(name, &[], count(Count::ConnectionsServed).saturating_sub(closed));
        }
        Metric::Http2Refused => {
            page.line(name, &[("what", "stream")], count(Count::StreamsRefused));
            page.line(name, &[("what", "connection")], count(Count::Http2ConnectionsRefused));
        }
        Metric::TokenSignatures => {
            page.line(name, &[("found", "remembered")], count(Count::SignaturesRemembered));
            page.line(name, &[("found", "checked")], count(Count::SignaturesChecked));
        }
        Metric::IssuerFetches | Metric::IssuerKeysAge | Metric::IssuerQuestions => issuers(page, metric, name, gateway),
        Metric::ServiceConnections => {
            page.line(name, &[("how", "opened")], count(Count::ServiceConnectionsOpened));
            page.line(name, &[("how", "reused")], count(Count::ServiceConnectionsReused));
        }
        Metric::TargetUp => targets(page, name, gateway),
        Metric::Notices => notices(page, name, gateway),
        Metric::SnapshotAge => {
            page.line(name, &[], seconds(gateway.current.age_us(gateway.clock.monotonic_us())));
        }
        Metric::SnapshotRevision => page.line(name, &[], gateway.current.pin().revision),
        Metric::JournalCalls => {
            let (answered, refused) = gateway.journal.kept();
            page.line(name, &[("ring", "answered")], answered);
            page.line(name, &[("ring", "refused")], refused);
        }
        Metric::Accounts => page.line(name, &[], gateway.accounts.count()),
        Metric::Leases => {
            let (answered, failed) = gateway.accounts.leases();
            page.line(name, &[("outcome", "answered")], answered);
            page.line(name, &[("outcome", "failed")], failed);
        }
        Metric::AccessLogDropped => {
            page.line(name, &[], gateway.access_log.as_ref().map_or(0, crate::access_log::AccessLog::dropped));
        }
        Metric::AnswersDrifted => {
            for (api, answers) in gateway.drift.drifted() {
                page.line(name, &[("api", &*api)], answers);
            }
        }
        Metric::AnswersCompared => compared(page, name, gateway),
        Metric::BuildInfo => page.line(name, &[("version", env!("CARGO_PKG_VERSION"))], 1),
        Metric::ProcessStart => page.line(name, &[], process.started_at_us as f64 / 1e6),
        Metric::ProcessCpu => page.line(name, &[], process.cpu_ms as f64 / 1e3),
        Metric::ProcessMemory => page.line(name, &[], process.resident_bytes),
        Metric::ProcessFiles => page.line(name, &[], process.open_files),
    }
}

fn compared(page: &mut Page, name: &str, gateway: &Gateway) {
    let compared = gateway.drift.compared();
    page.line(name, &[("outcome", "alike")], compared.alike);
    page.line(name, &[("outcome", "drifted")], compared.drifted);
    page.line(name, &[("outcome", "left_aside")], compared.left_aside);
    page.line(name, &[("outcome", "dropped")], compared.dropped);
}

/// So many targets are shown; of more, those of the APIs whose names come first.
const TARGETS_MAX: usize = 1_024;

fn targets(page: &mut Page, name: &str, gateway: &Gateway) {
    let now_us = gateway.clock.monotonic_us();
    let all = gateway.targets.all();
    let all = all.iter().flat_map(|one| one.targets.iter().map(move |target| (&*one.api.api.name, &target.state)));
    for (api, state) in all.take(TARGETS_MAX) {
        let url = state.target.url().replace(['\\', '"', '\n'], "_");
        page.line(name, &[("api", api), ("target", &url)], u8::from(state.status(now_us).is_in()));
    }
}

fn notices(page: &mut Page, name: &str, gateway: &Gateway) {
    let (snapshot, now_us) = (gateway.current.pin(), gateway.clock.wall_us());
    for (kind, word) in [(NoticeKind::Incident, "incident"), (NoticeKind::Maintenance, "maintenance")] {
        let stands = |notice: &&Notice| notice.kind == kind && phase(notice, now_us) == Phase::Standing;
        page.line(name, &[("kind", word)], snapshot.catalog.notices.iter().filter(stands).count());
    }
}

fn issuers(page: &mut Page, metric: Metric, name: &str, gateway: &Gateway) {
    let now_us = gateway.clock.monotonic_us();
    for state in gateway.issuers.all().iter() {
        let (issuer, standing) = (&**state.name(), state.standing(now_us));
        let counts = &standing.counts;
        let figures: &[(&str, u64)] = match metric {
            Metric::IssuerFetches if state.has_keys() => &[("fetched", counts.fetched), ("failed", counts.failed)],
            Metric::IssuerQuestions if !state.has_keys() => &[
                ("active", counts.active),
                ("inactive", counts.inactive),
                ("unanswered", counts.unanswered),
                ("remembered", counts.remembered),
            ],
            _ => &[],
        };
        for (outcome, count) in figures {
            page.line(name, &[("issuer", issuer), ("outcome", outcome)], count);
        }
        if let (Metric::IssuerKeysAge, Some(age_us)) = (metric, standing.age_us) {
            page.line(name, &[("issuer", issuer)], age_us as f64 / 1e6);
        }
    }
}

fn total(all: &[&ApiCounters], of: impl Fn(&ApiCounters) -> &AtomicU64) -> u64 {
    all.iter().map(|one| read(of(one))).sum()
}

fn outcomes(page: &mut Page, name: &str, api: &str, all: &[&ApiCounters]) {
    let causes = std::iter::once(None).chain(Cause::ALL.into_iter().map(Some));
    for cause in causes {
        let row = cause.map_or(0, |cause| cause as usize + 1);
        for (at, status) in STATUSES.into_iter().enumerate() {
            let cells = all.iter().filter_map(|one| one.outcomes.get(row)?.get(at));
            let calls: u64 = cells.map(read).sum();
            if calls == 0 {
                continue;
            }
            let status = if status == u16::MAX { "other".to_owned() } else { status.to_string() };
            let cause = cause.map_or("", Cause::code);
            page.line(name, &[("api", api), ("status", &status), ("cause", cause)], calls);
        }
    }
}

fn durations(page: &mut Page, name: &str, api: &str, all: &[&ApiCounters]) {
    let mut below = 0;
    let bucket_name = format!("{name}_bucket");
    for at in 0..BUCKETS {
        below += all.iter().filter_map(|one| one.durations.get(at)).map(read).sum::<u64>();
        let end = if at + 1 == BUCKETS {
            "+Inf".to_owned()
        } else {
            ((1_u64 << (FIRST_BUCKET_BITS as usize + at)) as f64 / 1e6).to_string()
        };
        page.line(&bucket_name, &[("api", api), ("le", &end)], below);
    }
    page.line(&format!("{name}_sum"), &[("api", api)], total(all, |one| &one.duration_us) as f64 / 1e6);
    page.line(&format!("{name}_count"), &[("api", api)], below);
}

impl Metrics {
    fn sum(&self, what: Count) -> u64 {
        self.stripes.iter().filter_map(|stripe| stripe.counts.get(what as usize)).map(read).sum()
    }

    /// Every API that had a call, with its counters of all cores.
    fn each_api(&self, mut show: impl FnMut(&str, &[&ApiCounters])) {
        let names = self.apis.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let names = names.iter().map(|name| &**name).enumerate().map(|(at, name)| (at + 1, name));
        for (number, name) in [(NO_API, "")].into_iter().chain(names).chain([(OTHER_API, "other")]) {
            let all: Vec<&ApiCounters> =
                self.stripes.iter().filter_map(|stripe| stripe.apis.get(number)?.get().map(|one| &**one)).collect();
            if !all.is_empty() {
                show(name, &all);
            }
        }
    }
}
