//! How long a caller who does nothing is kept.

use limen_rules::forwarded::Scheme;
use limen_rules::quota::LeaseRequest;
use limen_rules::record::Directory;
use limen_rules::snapshot::Snapshot;
use limen_rules::token::Issuer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::accounts::{Accounts, Reading};
use crate::accounts::{Lease, LedgerUnavailable, QuotaLedger};
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::current::Current;
use crate::edge::Edge;
use crate::gateway::Settings;
use crate::issuers::Issuers;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::targets::Targets;
use crate::token_cache::TokenCache;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

struct NoLedger;

impl QuotaLedger for NoLedger {
    fn lease(&self, _: LeaseRequest) -> Lease<'_> {
        Box::pin(async { Err(LedgerUnavailable) })
    }
}

/// A gateway that publishes nothing.
fn gateway(folder: &std::path::Path) -> Arc<Gateway> {
    let now = Reading { monotonic_us: 0, wall_us: 0 };
    let runtime = tokio::runtime::Handle::current();
    let accounts = Accounts::open(&folder.join("windows"), "boot", true, now, Arc::new(NoLedger), runtime).unwrap();
    let issuer = Issuer { issuer: "i".into(), audience: "a".into(), ..Issuer::default() };
    Arc::new(Gateway {
        settings: Settings {
            gateway_url: "http://g".into(),
            web_url: "http://w".into(),
            snapshot_max_age_us: u64::MAX,
            rate_limit_fields: true,
            edge: Edge::default(),
        },
        current: Current::new(Snapshot::new(1, &Directory::default(), issuer), 0),
        targets: Targets::new(None),
        accounts,
        tokens: TokenCache::default(),
        issuers: Issuers::default(),
        journal: Journal::default(),
        metrics: Metrics::default(),
        drift: crate::drift::Drift::default(),
        access_log: None,
        clock: Arc::new(SystemClock),
        assertion_key: Default::default(),
        tls: None,
        bodies: Budget::new(1 << 20),
    })
}

/// What a caller reads who sends this and nothing more, and how long it was kept.
async fn kept(sent: &[u8]) -> (Vec<u8>, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    caller.write_all(sent).await.unwrap();
    let (_stop, stopping) = Stopping::begin();
    let gateway = gateway(folder.path());
    let peer = Arc::new(Peer::new(listener.local_addr().unwrap(), Scheme::Http, &gateway.settings.edge));
    let began = Instant::now();
    let serving = serve(gateway, Arc::default(), Transport::Plain(stream), BytesMut::new(), peer, stopping);
    serving.await;
    let took = began.elapsed();
    let mut came = Vec::new();
    let _ = caller.read_to_end(&mut came).await;
    (came, took)
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_asks_for_nothing_is_told_to_leave() {
    let head_timeout = Edge::default().head_timeout;
    // The last frame but for an acknowledgement: GOAWAY, NO_ERROR.
    let is_goodbye = |came: &[u8]| came.windows(4).any(|bytes| bytes == [0, 0, 8, 7]);
    let (came, took) = kept(PREFACE).await;
    assert!(is_goodbye(&came), "{came:?}");
    assert!(took >= head_timeout && took < head_timeout + 2 * LEAVE_TIMEOUT, "{took:?}");
    // One that doesn't even finish its greeting is closed.
    let (came, took) = kept(&PREFACE[..20]).await;
    assert!(!is_goodbye(&came) && took >= head_timeout, "{came:?} {took:?}");
}
