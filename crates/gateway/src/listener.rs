//! One listening socket, cloned to a current-thread runtime per core; caps on connections; an orderly end.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::connection;
use crate::gateway::{Core, Gateway};

/// Connections open at a time, over all cores, however many files the process may open.
const CONNECTIONS_MAX: usize = 16_384;
/// Files that the process needs for other things than calls: store, pages, admin socket.
const FILES_RESERVED: u64 = 256;
/// Connections that wait to be accepted; the operating system may allow fewer.
const BACKLOG: i32 = 4_096;
/// For calls under way to end after a stop was asked for: longer than a service has for its answer.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(35);
/// How often idle connections to services are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Pause after a failed accept, such as for want of file descriptors: trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The running data plane.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Takes no more connections, waits for calls under way, ends.
    pub fn stop(self) {
        let _ = self.stop.send(true);
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Serves `listener` on one thread for each core.
///
/// # Errors
/// Where the socket can't be cloned or a thread can't be made.
pub fn serve(gateway: &Arc<Gateway>, listener: StdListener) -> io::Result<Running> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    rustix::net::listen(&listener, BACKLOG)?;
    let connections_max = connections_max();
    let (stop, stopping) = watch::channel(false);
    let open = Arc::new(AtomicUsize::new(0));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut threads = Vec::with_capacity(cores);
    for core in 0..cores {
        let (gateway, listener) = (Arc::clone(gateway), listener.try_clone()?);
        let (stopping, open) = (stopping.clone(), Arc::clone(&open));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name(format!("gateway-{core}")).spawn(move || {
            if let Err(error) = runtime.block_on(accept(gateway, listener, stopping, open, connections_max)) {
                tracing::error!(%error, "a listener of the gateway ended");
            }
        })?;
        threads.push(thread);
    }
    Ok(Running { address, stop, threads })
}

/// Raises the process's limit of open files to what it may have, and tells how many connections of callers that is good
/// for: most of them are idle, so a quarter is left for those to services.
fn connections_max() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum && setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_ok()
    {
        limit.current = limit.maximum;
    }
    let files = limit.current.unwrap_or(u64::MAX).saturating_sub(FILES_RESERVED) / 4 * 3;
    usize::try_from(files).unwrap_or(CONNECTIONS_MAX).clamp(16, CONNECTIONS_MAX)
}

/// A connection's place under the cap; free again when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn accept(
    gateway: Arc<Gateway>,
    listener: StdListener,
    mut stopping: watch::Receiver<bool>,
    open: Arc<AtomicUsize>,
    connections_max: usize,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let core = Arc::<Core>::default();
    let mut connections = JoinSet::new();
    let mut warned_at: Option<Instant> = None;
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = sweep.tick() => {
                core.pool.sweep();
                continue;
            }
            _ = stopping.changed() => break,
        };
        // Ended connections are forgotten as others come, so the set holds little more than the open ones.
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Once a second: what stops one accept stops thousands.
                if warned_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
                    tracing::warn!(%error, "connections can't be accepted");
                    warned_at = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = Place(Arc::clone(&open));
        if open.fetch_add(1, Ordering::Relaxed) >= connections_max {
            let (gateway, stopping) = (Arc::clone(&gateway), stopping.clone());
            connections.spawn(async move {
                connection::turn_away(&gateway, stream, &stopping).await;
                drop(place);
            });
            continue;
        }
        let (gateway, core, stopping) = (Arc::clone(&gateway), Arc::clone(&core), stopping.clone());
        connections.spawn(async move {
            connection::serve(gateway, core, stream, stopping).await;
            drop(place);
        });
    }
    // Who has connected by now is still served.
    while let Poll::Ready(Ok((stream, _))) = poll_fn(|context| Poll::Ready(listener.poll_accept(context))).await {
        open.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(&open));
        let (gateway, core, stopping) = (Arc::clone(&gateway), Arc::clone(&core), stopping.clone());
        connections.spawn(async move {
            connection::serve(gateway, core, stream, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}
