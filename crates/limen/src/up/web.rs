//! Serves the web pages with what a plain router lacks: a deadline for request heads, a cap on connections, and word of
//! where a request comes from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use limen_gateway::edge::Edge;
use limen_gateway::tls::Tls;
use limen_portal::PeerAddress;
use limen_rules::forwarded::resolve;
use limen_rules::network::{Networks, counted_as};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Connections open at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// Of these, so many from one address; a trusted proxy speaks for many and may have all.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 256;
/// For a request's head to arrive, and for a connection to stay idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause after a failed accept: trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves `pages` until it is told to stop.
pub(super) async fn serve(
    listener: TcpListener,
    pages: Router,
    tls: Option<Arc<Tls>>,
    edge: Edge,
    mut stopping: watch::Receiver<bool>,
) {
    let edge = Arc::new(edge);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let seats = Arc::new(Seats::default());
    loop {
        let accept = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        let accepted = tokio::select! {
            accepted = accept => accepted,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        let (stream, peer, place) = match accepted {
            Some((Ok((stream, peer)), place)) => (stream, peer.ip(), place),
            Some((Err(error), _)) => {
                tracing::warn!(%error, "a connection to the web pages could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            None => return,
        };
        let Some(seat) = seats.take(peer, &edge.trusted_proxies) else { continue };
        let pages = TowerToHyperService::new(pages.clone());
        let edge = Arc::clone(&edge);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let told = resolve(peer, request.headers(), &edge.trusted_proxies, edge.forwarded_field);
            request.extensions_mut().insert(PeerAddress(told.address));
            pages.call(request)
        });
        let tls = tls.clone();
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            // A caller who leaves or sends nonsense is no news.
            match tls {
                None => {
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                }
                Some(tls) => {
                    if let Some(stream) = tls.accept(stream).await {
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    }
                }
            }
            drop((place, seat));
        });
    }
}

/// How many connections each address has.
#[derive(Default)]
struct Seats(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place among those of its address.
struct Seat(Arc<Seats>, IpAddr);

impl Seats {
    /// A place for one more connection; none where the address has its share.
    fn take(self: &Arc<Self>, peer: IpAddr, trusted_proxies: &Networks) -> Option<Option<Seat>> {
        if trusted_proxies.contain(peer) {
            return Some(None);
        }
        let address = counted_as(peer);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= CONNECTIONS_PER_ADDRESS_MAX {
            return None;
        }
        *count += 1;
        Some(Some(Seat(Arc::clone(self), address)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_and_others_theirs() {
        let seats = Arc::new(Seats::default());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let nobody = Networks::default();
        let mut taken: Vec<_> = (0..CONNECTIONS_PER_ADDRESS_MAX).map(|_| seats.take(one, &nobody).unwrap()).collect();
        assert!(seats.take(one, &nobody).is_none());
        assert!(seats.take(other, &nobody).is_some());
        taken.pop();
        assert!(seats.take(one, &nobody).is_some());
        drop(taken);
        assert!(seats.0.lock().unwrap().is_empty());
    }
}
