//! One listening socket, cloned to a current-thread runtime per core; caps on connections; an orderly end.

mod accept;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;
use tokio::time::Instant;

use self::accept::Acceptor;
use crate::admission::Admission;
use crate::gateway::Gateway;
use crate::stopping::{Phase, Stopping};

/// Files that the process needs for other things than calls: store, pages, admin socket, callers who are turned away.
const FILES_RESERVED: u64 = 256;
/// Connections that wait to be accepted; the operating system may allow fewer.
const BACKLOG: i32 = 4_096;
/// What the kernel holds of answers that it hasn't sent: with more, a slow caller would look like one who takes nothing.
const UNSENT_BYTES: u32 = 64 * 1024;
/// How often it is looked whether the last connection has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A connection without a call under way, on its way from one process to the next.
#[derive(Debug)]
pub struct IdleConnection {
    /// It.
    pub stream: StdStream,
    /// Whom it is for, where that was learnt; else whoever takes it has to find out.
    pub address: Option<SocketAddr>,
}

/// The running data plane.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<Phase>,
    admission: Arc<Admission>,
    drain_grace: Duration,
    threads: Vec<JoinHandle<Vec<IdleConnection>>>,
}

impl Running {
    /// Tells callers that their connections end, as long as the grace lasts; then takes no more connections, waits for
    /// calls under way, ends.
    pub async fn stop(self) {
        self.stop.send_replace(Phase::LastCalls);
        let end = Instant::now() + self.drain_grace;
        while self.admission.open() > 0 && Instant::now() < end {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.stop.send_replace(Phase::Closing);
        self.join().await;
    }

    /// Accepts nothing more, waits for calls under way, and gives the connections that are open then. Who connects
    /// meanwhile waits for whoever accepts next.
    pub async fn hand_over(self) -> Vec<IdleConnection> {
        self.stop.send_replace(Phase::HandingOver);
        self.join().await
    }

    async fn join(self) -> Vec<IdleConnection> {
        let threads = self.threads;
        let join = || threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect();
        tokio::task::spawn_blocking(join).await.unwrap_or_default()
    }
}

/// Serves `listener`, and what another process left, on one thread for each core.
///
/// # Errors
/// Where the socket can't be cloned or a thread can't be made.
pub fn serve(gateway: &Arc<Gateway>, listener: StdListener, left: Vec<IdleConnection>) -> io::Result<Running> {
    gateway.targets.follow(&gateway.current.pin().catalog);
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, BACKLOG)?;
    // Accepted connections inherit it.
    if let Err(error) = socket2::SockRef::from(&listener).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "the kernel's share of answers can't be bounded");
    }
    let edge = &gateway.settings.edge;
    let admission = Admission::new(connections_max(edge.connections_max), edge);
    let (stop, stopping) = Stopping::begin();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<IdleConnection>> = (0..cores).map(|_| Vec::new()).collect();
    for (at, connection) in left.into_iter().enumerate() {
        if let Some(share) = shares.get_mut(at % cores) {
            share.push(connection);
        }
    }
    let mut threads = Vec::with_capacity(cores);
    for (core, left) in shares.into_iter().enumerate() {
        let acceptor = Acceptor::new(gateway, &admission, &stopping);
        let listener = listener.try_clone()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("gateway-{core}")).spawn(move || {
            runtime.block_on(acceptor.run(listener, left)).unwrap_or_else(|error| {
                tracing::error!(%error, "a listener of the gateway ended");
                Vec::new()
            })
        })?;
        threads.push(thread);
    }
    Ok(Running { address, stop, admission, drain_grace: edge.drain_grace, threads })
}

/// Raises the process's limit of open files to what it may have, and tells how many connections of callers that is good
/// for: most of them are idle, so a quarter is left for those to services.
fn connections_max(configured: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_ok()
    {
        limit.current = limit.maximum;
    }
    let files = limit.current.unwrap_or(u64::MAX).saturating_sub(FILES_RESERVED) / 4 * 3;
    usize::try_from(files).unwrap_or(configured).max(16).min(configured)
}
