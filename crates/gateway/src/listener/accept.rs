//! One core's share of the connections: accepts them, finds out whose they are, and sees them to their end.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use limen_rules::forwarded::Scheme;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::IdleConnection;
use crate::admission::{Admission, Place};
use crate::connection;
use crate::gateway::{Core, Gateway};
use crate::peer::Peer;
use crate::proxy_header;
use crate::stopping::{Phase, Stopping};

/// How often idle connections to services are looked through.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Pause after a failed accept, such as for want of file descriptors: trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What is told to one connection too many.
const TOO_MANY: &str = "Too many connections are open.";
const TOO_MANY_OF_ADDRESS: &str = "Too many connections are open from this address.";

/// A connection that is kept for the process that follows.
type Kept = Option<(TcpStream, Option<SocketAddr>)>;

/// What each core accepts with.
#[derive(Clone)]
pub(super) struct Acceptor {
    gateway: Arc<Gateway>,
    core: Arc<Core>,
    admission: Arc<Admission>,
    stopping: Stopping,
}

impl Acceptor {
    pub(super) fn new(gateway: &Arc<Gateway>, admission: &Arc<Admission>, stopping: &Stopping) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            core: Arc::default(),
            admission: Arc::clone(admission),
            stopping: stopping.clone(),
        }
    }

    /// Accepts until the end, waits for calls under way, and gives what is kept for the process that follows.
    pub(super) async fn run(
        mut self,
        listener: StdListener,
        left: Vec<IdleConnection>,
    ) -> io::Result<Vec<IdleConnection>> {
        let listener = TcpListener::from_std(listener)?;
        let mut connections = JoinSet::new();
        for IdleConnection { stream, address } in left {
            // One that can't be taken over is closed, as its caller has to expect of an idle connection.
            if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                self.take(stream, address, &mut connections);
            }
        }
        let mut kept = Vec::new();
        self.accept(&listener, &mut connections, &mut kept).await;
        if !self.stopping.hands_over() {
            // Who has connected by now is still served.
            while let Poll::Ready(Ok((stream, _))) = poll_fn(|context| Poll::Ready(listener.poll_accept(context))).await
            {
                self.take(stream, None, &mut connections);
            }
        }
        drop(listener);
        let drain = async {
            while let Some(ended) = connections.join_next().await {
                keep(ended, &mut kept);
            }
        };
        if tokio::time::timeout(self.gateway.settings.edge.drain_timeout, drain).await.is_err() {
            tracing::warn!(calls = connections.len(), "calls under way were cut off");
        }
        Ok(kept)
    }

    /// Accepts for as long as connections are taken.
    async fn accept(
        &mut self,
        listener: &TcpListener,
        connections: &mut JoinSet<Kept>,
        kept: &mut Vec<IdleConnection>,
    ) {
        let mut warned_at: Option<Instant> = None;
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        while matches!(self.stopping.phase(), Phase::Serving | Phase::LastCalls) {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = sweep.tick() => {
                    self.core.pool.sweep();
                    continue;
                }
                () = self.stopping.changed() => continue,
            };
            // Ended connections are forgotten as others come, so the set holds little more than the open ones. One that
            // heard of the handover before this loop did is kept.
            while let Some(ended) = connections.try_join_next() {
                keep(ended, kept);
            }
            match accepted {
                Ok((stream, _)) => self.take(stream, None, connections),
                Err(error) => {
                    // Once a second: what stops one accept stops thousands.
                    if warned_at.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
                        tracing::warn!(%error, "connections can't be accepted");
                        warned_at = Some(Instant::now());
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Finds a place for a connection; `told` where it is known already whom it is for.
    fn take(&self, stream: TcpStream, told: Option<SocketAddr>, connections: &mut JoinSet<Kept>) {
        let Ok(other_end) = stream.peer_addr() else { return };
        let this = self.clone();
        match self.admission.enter() {
            Some(place) => {
                connections.spawn(async move { this.attend(stream, other_end, told, place).await });
            }
            None => {
                connections.spawn(async move {
                    this.turn_away(stream, other_end, TOO_MANY).await;
                    None
                });
            }
        }
    }

    async fn attend(
        mut self,
        stream: TcpStream,
        other_end: SocketAddr,
        told: Option<SocketAddr>,
        mut place: Place,
    ) -> Kept {
        let edge = &self.gateway.settings.edge;
        let (address, told) = match told {
            Some(address) => (address, Some(address)),
            None if edge.proxy_protocol => {
                if !edge.trusted_proxies.contain(other_end.ip()) {
                    warn_of_stranger(other_end);
                    return None;
                }
                // Boxed: few connections wait here, and all would keep room for it.
                let header = Box::pin(proxy_header::take(&stream));
                let taken = tokio::select! {
                    taken = header => taken,
                    // It was only looked at, so the process that follows finds it whole.
                    () = handing_over(&mut self.stopping) => return Some((stream, None)),
                };
                match taken {
                    Ok(told) => (told.unwrap_or(other_end), Some(told.unwrap_or(other_end))),
                    Err(headless) => {
                        tracing::debug!(%other_end, %headless, "a connection was closed");
                        return None;
                    }
                }
            }
            None => (other_end, None),
        };
        let ip = address.ip().to_canonical();
        let is_counted = !edge.trusted_proxies.contain(ip) && (edge.counts_loopback || !ip.is_loopback());
        if is_counted && !place.count_for(ip) {
            drop(place);
            self.turn_away(stream, address, TOO_MANY_OF_ADDRESS).await;
            return None;
        }
        let peer = Arc::new(Peer::new(address, self.scheme(), edge));
        let stream = connection::serve(self.gateway, self.core, stream, peer, self.stopping).await;
        drop(place);
        stream.map(|stream| (stream, told))
    }

    fn scheme(&self) -> Scheme {
        if self.gateway.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// Says that there is no room, as long as there is room to say that.
    async fn turn_away(&self, stream: TcpStream, address: SocketAddr, words: &'static str) {
        let Some(place) = self.admission.turn_away() else { return };
        let peer = Arc::new(Peer::new(address, Scheme::Http, &self.gateway.settings.edge));
        connection::turn_away(&self.gateway, stream, &peer, words, &self.stopping).await;
        drop(place);
    }
}

/// Keeps a connection for the process that follows, if that is what has become of it.
fn keep(ended: Result<Kept, JoinError>, kept: &mut Vec<IdleConnection>) {
    if let Ok(Some((stream, address))) = ended
        && let Ok(stream) = stream.into_std()
    {
        kept.push(IdleConnection { stream, address });
    }
}

async fn handing_over(stopping: &mut Stopping) {
    loop {
        if stopping.hands_over() {
            return;
        }
        stopping.changed().await;
    }
}

/// Told once: an operator who forgot a proxy would otherwise see nothing at all.
fn warn_of_stranger(address: SocketAddr) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    if !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            %address,
            "connections from outside of gateway.trusted_proxies are closed, because gateway.proxy_protocol is required"
        );
    }
}
