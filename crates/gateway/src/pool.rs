//! Connections to services, kept by each core for itself: taken newest first, forgotten when idle for long.

mod shared_stream;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::Instant;

use self::shared_stream::{SharedStream, Watched};
use crate::outbound::Outbound;

/// Idle connections kept to one address.
const IDLE_CONNECTIONS: usize = 256;
/// How long an idle connection is kept: services commonly close theirs after a minute or more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a connection's task is let run before the connection is given up as busy.
const READY_TRIES: usize = 3;
/// The largest head of a response.
const RESPONSE_HEAD_BYTES: usize = 64 * 1024;

/// A connection that a request can be sent over.
pub(crate) struct Sender {
    pub(crate) requests: SendRequest<Outbound>,
    stream: Watched,
}

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("connecting to {address} took longer than {timeout_ms} ms")]
    TimedOut { address: Arc<str>, timeout_ms: u64 },
    #[error("could not connect to {address}: {source}")]
    Refused { address: Arc<str>, source: std::io::Error },
    #[error("could not begin HTTP with {address}: {source}")]
    Handshake { address: Arc<str>, source: hyper::Error },
}

/// Connections that wait for a call, the one used last at the back.
type Idle = VecDeque<(Sender, Instant)>;

/// Idle connections by address.
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Arc<str>, Idle>>,
}

impl Pool {
    /// The newest idle connection that is still alive.
    pub(crate) async fn take(&self, address: &Arc<str>) -> Option<Sender> {
        loop {
            let (sender, since) =
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop_back()?;
            if since.elapsed() >= IDLE_TIMEOUT {
                continue;
            }
            // Its task may not have run since the last answer's end; a connection that is still busy after that is
            // not worth waiting for.
            for _ in 0..READY_TRIES {
                if sender.requests.is_ready() {
                    if sender.stream.is_quiet() {
                        return Some(sender);
                    }
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    }

    /// Lets go of connections that were idle for too long.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in idle.values_mut() {
            waiting.retain(|(sender, since)| since.elapsed() < IDLE_TIMEOUT && !sender.requests.is_closed());
        }
        idle.retain(|_, waiting| !waiting.is_empty());
    }

    /// Keeps a connection for the next call.
    pub(crate) fn put(&self, address: &Arc<str>, sender: Sender) {
        if sender.requests.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.entry(Arc::clone(address)).or_default();
        while waiting.front().is_some_and(|(_, since)| since.elapsed() >= IDLE_TIMEOUT)
            || waiting.len() >= IDLE_CONNECTIONS
        {
            waiting.pop_front();
        }
        waiting.push_back((sender, Instant::now()));
    }

    /// A new connection.
    pub(crate) async fn connect(address: &Arc<str>, timeout_ms: u64) -> Result<Sender, ConnectError> {
        let address = Arc::clone(address);
        let timed_out = ConnectError::TimedOut { address: Arc::clone(&address), timeout_ms };
        let stream = tokio::time::timeout(Duration::from_millis(timeout_ms), TcpStream::connect(&*address))
            .await
            .map_err(|_| timed_out)?
            .map_err(|source| ConnectError::Refused { address: Arc::clone(&address), source })?;
        // Small requests must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let (stream, watched) = SharedStream::new(stream);
        let (requests, connection) = http1::Builder::new()
            .max_buf_size(RESPONSE_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ConnectError::Handshake { address, source })?;
        tokio::spawn(async move {
            // Its errors are seen by whoever waits for the response; an idle connection's end is no news.
            let _ = connection.await;
        });
        Ok(Sender { requests, stream: watched })
    }
}
