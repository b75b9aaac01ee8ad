//! Connections to services, kept by each core for itself: taken newest first, forgotten when idle for long.

mod records;
mod secure;
mod stream;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::link::Link;
use crate::moment;
use secure::Insecure;
pub(crate) use secure::ServiceTls;
pub use secure::check_files;
pub(crate) use stream::ServiceStream;

/// Idle connections kept to one address.
const IDLE_CONNECTIONS: usize = 256;
/// How long an idle connection is kept: services commonly close theirs after a minute or more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why no connection could be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("connecting to {address} took longer than {timeout_ms} ms")]
    TimedOut { address: Arc<str>, timeout_ms: u64 },
    #[error("could not connect to {address}: {source}")]
    Refused { address: Arc<str>, source: std::io::Error },
    #[error("no TLS connection to {address}: {words}")]
    Insecure { address: Arc<str>, words: String },
    #[error("TLS to {address} can't be used: {words}")]
    Files { address: Arc<str>, words: String },
}

impl ConnectError {
    /// Whether it says nothing of the service: this process, or the machine, has no more files, ports or memory, or a
    /// file that it was told to use can't be used.
    pub(crate) fn is_our_want(&self) -> bool {
        use rustix::io::Errno;
        let source = match self {
            Self::Refused { source, .. } => source,
            Self::Files { .. } => return true,
            Self::TimedOut { .. } | Self::Insecure { .. } => return false,
        };
        let wants = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
        source.raw_os_error().is_some_and(|code| wants.iter().any(|want| want.raw_os_error() == code))
    }
}

/// Connections that wait for a call, the one used last at the back.
type Idle = VecDeque<(Box<Link>, Instant)>;

/// Idle connections by [`limen_rules::target::Target::connection_key`].
#[derive(Default)]
pub(crate) struct Pool {
    idle: Mutex<HashMap<Arc<str>, Idle, RandomState>>,
}

impl Pool {
    /// The newest idle connection. It is looked at before it is written to, whether it is still open and nothing waits in
    /// it: bytes that came after an answer's end belong to nobody, and the next caller would take them for its answer.
    pub(crate) fn take(&self, connection_key: &Arc<str>) -> Option<Box<Link>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = idle.get_mut(connection_key)?;
        let (mut link, since) = waiting.pop_back()?;
        // Those below it are older still, and left for the sweep.
        if moment::now().saturating_duration_since(since) >= IDLE_TIMEOUT {
            return None;
        }
        link.note_idle();
        Some(link)
    }

    /// Lets go of connections that were idle for too long, that their service has closed, or in which bytes wait.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in idle.values_mut() {
            let is_young = |since: Instant| moment::now().saturating_duration_since(since) < IDLE_TIMEOUT;
            waiting.retain_mut(|(link, since)| is_young(*since) && link.is_quiet());
        }
        idle.retain(|_, waiting| !waiting.is_empty());
    }

    /// Keeps a connection for the next call.
    pub(crate) fn put(&self, connection_key: &Arc<str>, link: Box<Link>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = moment::now();
        let waiting = match idle.get_mut(connection_key) {
            Some(waiting) => waiting,
            None => idle.entry(Arc::clone(connection_key)).or_default(),
        };
        while waiting.front().is_some_and(|(_, since)| now.saturating_duration_since(*since) >= IDLE_TIMEOUT)
            || waiting.len() >= IDLE_CONNECTIONS
        {
            waiting.pop_front();
        }
        waiting.push_back((link, now));
    }

    /// A new connection; over TLS it is made when the handshake is over.
    pub(crate) async fn connect(
        address: &Arc<str>,
        tls: Option<&Arc<ServiceTls>>,
        timeout_ms: u64,
    ) -> Result<Box<Link>, ConnectError> {
        let deadline = Instant::now() + Duration::from_millis(timeout_ms);
        let timed_out = |_| ConnectError::TimedOut { address: Arc::clone(address), timeout_ms };
        let stream = tokio::time::timeout_at(deadline, TcpStream::connect(&**address))
            .await
            .map_err(timed_out)?
            .map_err(|source| ConnectError::Refused { address: Arc::clone(address), source })?;
        // Small requests must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else { return Ok(Box::new(Link::new(ServiceStream::Plain(stream)))) };
        let secured = tokio::time::timeout_at(deadline, Box::pin(tls.secure(stream))).await.map_err(timed_out)?;
        let stream = secured.map_err(|insecure| match insecure {
            Insecure::Ours(words) => ConnectError::Files { address: Arc::clone(address), words },
            Insecure::Theirs(words) => ConnectError::Insecure { address: Arc::clone(address), words },
        })?;
        Ok(Box::new(Link::new(stream)))
    }
}
