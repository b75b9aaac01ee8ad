//! Serves the web pages with what a plain router lacks: a deadline for request heads, a cap on connections, and word of
//! where a request comes from.

use std::sync::Arc;
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
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Connections open at a time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
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
            drop(place);
        });
    }
}
