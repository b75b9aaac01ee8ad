//! What is measured: one table of names, kinds, labels and meanings. Who measures and who shows go by it;
//! `docs/metrics.md` is made from it. It counts nothing itself.

/// How a figure behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process runs.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size, in seconds.
    Histogram,
}

impl Kind {
    /// As the text format for metrics writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, with the unit last.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What tells its figures apart.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
}

macro_rules! families {
    ($($variant:ident, $name:literal, $kind:ident, [$($label:literal),*], $meaning:literal;)*) => {
        /// Everything that is measured.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Metric {
            $(#[doc = $meaning] $variant,)*
        }

        impl Metric {
            /// All of them, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its row of the table.
            #[must_use]
            pub fn family(self) -> Family {
                match self {
                    $(Self::$variant => Family {
                        name: $name, kind: Kind::$kind, labels: &[$($label),*], meaning: $meaning,
                    },)*
                }
            }
        }
    };
}

families! {
    Calls, "limen_calls_total", Counter, ["api", "status", "cause"],
        "Calls that ended, by API, status and the code of their cause. Status 0: the caller left before an answer.";
    CallDuration, "limen_call_duration_seconds", Histogram, ["api"],
        "From a call's head to the end of its answer's body.";
    RequestBytes, "limen_request_body_bytes_total", Counter, ["api"],
        "Bytes of request bodies that were handed to services.";
    ResponseBytes, "limen_response_body_bytes_total", Counter, ["api"],
        "Bytes of bodies that were answered, refusals too.";
    CallsInProgress, "limen_calls_in_progress", Gauge, [],
        "Calls that have begun and not ended.";
    Connections, "limen_connections_total", Counter, ["outcome"],
        "Connections of callers: served, or turned_away for want of room.";
    ConnectionsOpen, "limen_connections_open", Gauge, [],
        "Connections of callers that are open now.";
    Http2Refused, "limen_http2_refused_total", Counter, ["what"],
        "What HTTP/2 ended because of what came: a stream that was reset (a malformed head, mostly), or a connection.";
    TokenSignatures, "limen_token_signatures_total", Counter, ["found"],
        "Access tokens that were looked at: their signature was remembered, or it was checked.";
    IssuerFetches, "limen_issuer_key_fetches_total", Counter, ["issuer", "outcome"],
        "Fetches of other issuers' keys: fetched, or failed.";
    IssuerKeysAge, "limen_issuer_keys_age_seconds", Gauge, ["issuer"],
        "How long ago another issuer's keys came last.";
    IssuerQuestions, "limen_issuer_introspections_total", Counter, ["issuer", "outcome"],
        "Tokens about which another issuer's word was needed: active, inactive, unanswered, or remembered.";
    ServiceConnections, "limen_service_connections_total", Counter, ["how"],
        "Connections that calls went to services by: opened for the call, or reused.";
    TargetUp, "limen_target_up", Gauge, ["api", "target"],
        "Whether a target gets calls as usual: 0 while its breaker isn't closed or its checks fail.";
    Notices, "limen_notices_standing", Gauge, ["kind"],
        "Notices that stand now: incident, also one that opened by itself, or maintenance.";
    SnapshotAge, "limen_snapshot_age_seconds", Gauge, [],
        "How long ago the picture that calls are decided from was confirmed against the store.";
    SnapshotRevision, "limen_snapshot_revision", Gauge, [],
        "The store's revision that calls are decided from.";
    JournalCalls, "limen_journal_calls", Gauge, ["ring"],
        "Calls that 'limen explain' can still tell of: answered, or refused.";
    Accounts, "limen_accounts", Gauge, [],
        "Subscriptions whose use is counted in memory now.";
    Leases, "limen_leases_total", Counter, ["outcome"],
        "Requests to the store for quota rights: answered, or failed.";
    AccessLogDropped, "limen_access_log_dropped_lines_total", Counter, [],
        "Lines that the access log lost because its disk was slow or full.";
    AnswersDrifted, "limen_answers_drifted_total", Counter, ["api"],
        "Answers of services that differ from what their operation describes, where answers are compared.";
    AnswersCompared, "limen_answers_compared_total", Counter, ["outcome"],
        "Answers that were to be compared: alike, drifted, left_aside (too large, encoded or broken off), or dropped because too many waited.";
    BuildInfo, "limen_build_info", Gauge, ["version"],
        "Always 1; the label says which Limen runs.";
    ProcessStart, "process_start_time_seconds", Gauge, [],
        "When the process began, seconds since the Unix epoch.";
    ProcessCpu, "process_cpu_seconds_total", Counter, [],
        "Processor time that the process has used.";
    ProcessMemory, "process_resident_memory_bytes", Gauge, [],
        "Memory of the process that is in RAM.";
    ProcessFiles, "process_open_fds", Gauge, [],
        "Files and sockets that the process has open.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_their_unit_and_stand_once() {
        let mut names: Vec<_> = Metric::ALL.iter().map(|metric| metric.family().name).collect();
        for metric in Metric::ALL {
            let Family { name, kind, meaning, .. } = metric.family();
            assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(name.starts_with("limen_") || name.starts_with("process_"), "{name}");
            assert!(meaning.ends_with('.') && !meaning.contains(['\n', '\\']), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Metric::ALL.len());
    }
}
