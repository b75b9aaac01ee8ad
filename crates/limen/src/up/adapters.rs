//! What joins the crates' ports: store to gateway, gateway to portal, the machine's clock and randomness to both.

use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use limen_gateway::accounts::{Lease, LedgerUnavailable, QuotaLedger, Reading};
use limen_gateway::clock::{Clock as _, SystemClock};
use limen_gateway::gateway::Gateway;
use limen_gateway::metrics::exposition;
use limen_portal::ports::{BoxFuture, Clock, GatewayStatus, GatewayView, PortFault, ProviderSecret, Random};
use limen_portal::wire::{Check, Explanation, IssuerLine, TargetLine, UsageLine};
use limen_rules::drift::DriftReport;
use limen_rules::quota::{AccountKey, LeaseRequest};
use limen_store::Store;

use super::issuers;
use super::targets;
use super::telemetry;
use super::upgrade::Refusals;
use crate::secret_file;

/// The store as the gateway's ledger.
pub(super) struct StoreLedger(pub(super) Store);

impl QuotaLedger for StoreLedger {
    fn lease(&self, request: LeaseRequest) -> Lease<'_> {
        Box::pin(async move {
            self.0.lease(request).await.map_err(|error| {
                tracing::error!(%error, "the quota ledger gave no rights");
                LedgerUnavailable
            })
        })
    }
}

/// The machine's wall clock.
pub(super) struct WallClock;

impl Clock for WallClock {
    fn now_us(&self) -> i64 {
        SystemClock.wall_us()
    }
}

/// The operating system's randomness.
pub(super) struct SystemRandomness;

impl Random for SystemRandomness {
    #[expect(clippy::panic, reason = "a key made without randomness would be worse than none")]
    fn fill(&self, bytes: &mut [u8]) {
        if SystemRandom::new().fill(bytes).is_err() {
            panic!("the operating system gives no randomness");
        }
    }
}

/// Our secret at the sign-in provider, in a file; none where we have none there.
pub(super) struct SecretFile(pub(super) Option<PathBuf>);

impl SecretFile {
    /// Whether the secret can be read now.
    pub(super) fn check(&self) -> Result<(), String> {
        self.0.as_deref().map_or(Ok(()), |path| secret_file::read(path).map(|_| ()))
    }
}

impl ProviderSecret for SecretFile {
    fn read(&self) -> BoxFuture<'_, Result<Option<String>, PortFault>> {
        Box::pin(async move {
            let Some(path) = self.0.clone() else { return Ok(None) };
            let reading = tokio::task::spawn_blocking(move || secret_file::read(&path)).await;
            let read = reading.unwrap_or_else(|error| Err(error.to_string()));
            read.map(Some).map_err(|words| PortFault(format!("sign_in.provider.secret_file: {words}")))
        })
    }
}

/// The gateway as the portal sees it.
pub(super) struct View {
    pub(super) gateway: Arc<Gateway>,
    pub(super) started_at_us: i64,
    pub(super) refusals: Arc<Refusals>,
}

impl GatewayView for View {
    fn status(&self) -> GatewayStatus {
        GatewayStatus {
            snapshot_age_ms: self.gateway.current.age_us(self.gateway.clock.monotonic_us()) / 1_000,
            snapshot_revision: self.gateway.current.pin().revision,
            calls_by_status: self.gateway.journal.calls_by_status(),
            upgrade_refused: self.refusals.last(),
        }
    }

    fn targets(&self, api: &str) -> Vec<TargetLine> {
        targets::lines(&self.gateway, api)
    }

    fn drift(&self, api: Option<&str>) -> DriftReport {
        self.gateway.drift.report(api)
    }

    fn issuers(&self) -> Vec<IssuerLine> {
        issuers::lines(&self.gateway)
    }

    fn metrics(&self) -> String {
        exposition::text(&self.gateway, &telemetry::process(self.started_at_us))
    }

    fn explain(&self, request_id: &str) -> Option<Explanation> {
        let record = self.gateway.journal.find(u128::from_str_radix(request_id, 16).ok()?)?;
        let checks = record.findings().map(|finding| Check {
            check: finding.step().word().into(),
            outcome: finding.outcome().word().into(),
            words: finding.words(),
        });
        Some(Explanation {
            request_id: request_id.into(),
            at_us: record.at_us,
            method: record.method.to_string(),
            path: record.path.clone(),
            status: record.status,
            code: record.cause.map(|cause| cause.code().into()),
            duration_us: record.duration_us,
            checks: checks.collect(),
        })
    }

    fn usage(&self, account: AccountKey) -> Option<UsageLine> {
        let now = Reading { monotonic_us: self.gateway.clock.monotonic_us(), wall_us: self.gateway.clock.wall_us() };
        let usage = self.gateway.accounts.usage(account, now)?;
        let current =
            |meter: Option<limen_gateway::accounts::MeterUsage>| meter.filter(|usage| usage.span.contains(now.wall_us));
        let (calls, bytes) = (current(usage.calls), current(usage.bytes));
        Some(UsageLine {
            window_calls: usage.calls_in_window.map(u64::from),
            window_limit: None,
            period_calls: calls.map(|usage| usage.used),
            period_calls_limit: calls.map(|usage| usage.limit),
            period_bytes: bytes.map(|usage| usage.used),
            period_bytes_limit: bytes.map(|usage| usage.limit),
            period_ends_at_us: calls.or(bytes).map(|usage| usage.span.end_us),
        })
    }
}
