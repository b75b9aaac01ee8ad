//! The one way out for requests that a person can cause: names resolved once, connections made to the addresses that
//! were judged and no others, bounded in time, size and number. What may be asked is `limen_rules::outbound`'s.

mod trust;

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use limen_portal::ports::{Fetch, Fetched, Outbound, OutboundFault};
use limen_rules::outbound::{Allowed, Host, Place};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::StartFailure;
use crate::config::OutboundSettings;
use trust::Trust;

/// From the wait for a place to the answer's last byte.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest body of an answer.
const ANSWER_MAX_BYTES: usize = 5 << 20;
/// Requests under way at a time.
pub(super) const AT_ONCE_MAX: usize = 8;
/// Those that wait for a place; more are told to come again.
const WAITING_MAX: usize = 64;
/// A name with more addresses is asked at the first of them.
const ADDRESSES_MAX: usize = 4;
const HEAD_MAX_BYTES: usize = 64 * 1024;

/// Asks what lies outside.
pub(crate) struct Way {
    asks: Asks,
    answer_max_bytes: usize,
    trust: Arc<Trust>,
    places: Arc<Semaphore>,
    waiting: Semaphore,
    timeout: Duration,
}

/// Whose wish it is that something is asked.
#[derive(Clone)]
enum Asks {
    /// Somebody's on the network: only what the operator lists lies within reach of one's own.
    Anybody(Allowed),
    /// A person's on this machine, who typed it.
    Person,
}

impl Way {
    /// For a command: what a person typed is asked, with the public authorities, up to this size.
    pub(crate) fn of_command(answer_max_bytes: usize) -> Result<Self, String> {
        Ok(Self {
            asks: Asks::Person,
            answer_max_bytes,
            trust: Arc::new(Trust::open(None)?),
            places: Arc::new(Semaphore::new(1)),
            waiting: Semaphore::new(1),
            timeout: TOTAL_TIMEOUT,
        })
    }

    /// Reads the authorities, to see whether they are good.
    pub(super) fn open(settings: &OutboundSettings) -> Result<Self, StartFailure> {
        let trust = Trust::open(settings.ca_file.clone()).map_err(|words| {
            StartFailure::new(format!("outbound.ca_file: {words}."), "Name the authorities' own certificates, as PEM.")
        })?;
        Ok(Self {
            asks: Asks::Anybody(settings.allowed.clone()),
            answer_max_bytes: ANSWER_MAX_BYTES,
            trust: Arc::new(trust),
            places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            waiting: Semaphore::new(WAITING_MAX),
            timeout: TOTAL_TIMEOUT,
        })
    }

    /// The same, with room of its own for so many requests at a time.
    pub(super) fn beside(&self, at_once_max: usize) -> Self {
        Self {
            asks: self.asks.clone(),
            answer_max_bytes: self.answer_max_bytes,
            trust: Arc::clone(&self.trust),
            places: Arc::new(Semaphore::new(at_once_max)),
            waiting: Semaphore::new(WAITING_MAX),
            timeout: self.timeout,
        }
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        fields: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Fetched, OutboundFault> {
        let place = match &self.asks {
            Asks::Anybody(allowed) => Place::of(url, allowed),
            Asks::Person => Place::typed(url),
        };
        let place = place.map_err(OutboundFault::Refused)?;
        let mut request = Request::builder()
            .method(method)
            .uri(&place.path_and_query)
            .header(header::HOST, &place.authority)
            .header(header::USER_AGENT, concat!("limen/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| OutboundFault::Refused(format!("it can't be written as a request: {error}")))?;
        let waiting = self.waiting.try_acquire().map_err(|_| failed("too many requests wait already"))?;
        let answered = async {
            let held = Arc::new(Arc::clone(&self.places).acquire_owned().await.map_err(failed)?);
            drop(waiting);
            self.exchange(&place, request, &held).await
        };
        let late = || failed(format!("nothing whole came within {} s", self.timeout.as_secs_f32()));
        tokio::time::timeout(self.timeout, answered).await.unwrap_or_else(|_| Err(late()))
    }

    async fn exchange(
        &self,
        place: &Place,
        request: Request<Full<Bytes>>,
        held: &Arc<OwnedSemaphorePermit>,
    ) -> Result<Fetched, OutboundFault> {
        let addresses = self.resolve(place, held).await?;
        let stream = connect(&addresses).await.map_err(|error| failed(format!("no connection: {error}")))?;
        if place.secure {
            let stream = self.trust.secure(place, stream).await.map_err(failed)?;
            speak(stream, request, self.answer_max_bytes).await
        } else {
            speak(stream, request, self.answer_max_bytes).await
        }
    }

    /// All addresses of the place, each judged: what is connected to is one of these and never asked for again.
    async fn resolve(&self, place: &Place, held: &Arc<OwnedSemaphorePermit>) -> Result<Vec<SocketAddr>, OutboundFault> {
        let mut found = match &place.host {
            Host::Address(address) => vec![SocketAddr::new(*address, place.port)],
            Host::Name(name) => {
                let (name, port) = (name.clone(), place.port);
                let held = Arc::clone(held);
                // A resolver that hangs can't be stopped: it keeps its place until it is done, so that few ever hang.
                let resolving = tokio::task::spawn_blocking(move || {
                    let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
                    drop(held);
                    found
                });
                let resolved = resolving.await.map_err(failed)?;
                resolved.map_err(|error| failed(format!("its name can't be resolved: {error}")))?
            }
        };
        let addresses: Vec<IpAddr> = found.iter().map(SocketAddr::ip).collect();
        let none = Allowed::default();
        let allowed = if let Asks::Anybody(allowed) = &self.asks { allowed } else { &none };
        place.judge(&addresses, allowed).map_err(OutboundFault::Refused)?;
        found.truncate(ADDRESSES_MAX);
        Ok(found)
    }
}

impl Outbound for Way {
    fn get<'a>(&'a self, url: &'a str, fields: &'a [(&'a str, &'a str)]) -> Fetch<'a> {
        Box::pin(self.ask(Method::GET, url, fields, Bytes::new()))
    }

    fn post_form<'a>(&'a self, url: &'a str, fields: &'a [(&'a str, &'a str)], form: String) -> Fetch<'a> {
        Box::pin(async move {
            let kind = (header::CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded");
            let fields = [fields, &[kind]].concat();
            self.ask(Method::POST, url, &fields, form.into()).await
        })
    }
}

/// Connects to the first address that takes it, within the whole's deadline; the addresses share what time there is.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let share = TOTAL_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// One request, one answer; then the connection is closed.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
    answer_max_bytes: usize,
) -> Result<Fetched, OutboundFault> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX_BYTES);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let answered = async {
        let answer = sender.send_request(request).await.map_err(failed)?;
        let (status, max_age_s) = (answer.status().as_u16(), max_age_s(answer.headers()));
        let body = Limited::new(answer.into_body(), answer_max_bytes).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                failed(format!("its answer is larger than {answer_max_bytes} bytes"))
            } else {
                failed(format!("its answer broke off: {error}"))
            }
        })?;
        Ok(Fetched { status, body: body.to_bytes().into(), max_age_s })
    };
    // The connection is driven beside the exchange and ends with it, so that nothing outlives the deadline.
    let mut answered = std::pin::pin!(answered);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answered = &mut answered => answered,
        // It may end with the answer's last bytes still to be read.
        _ = &mut connection => answered.await,
    }
}

/// For how long an answer may be kept, if it says so.
fn max_age_s(headers: &http::HeaderMap) -> Option<u64> {
    let told = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = told.flat_map(|value| value.split(',')).map(str::trim);
    directives.find_map(|one| {
        let (name, seconds) = one.split_once('=').unwrap_or((one, ""));
        match name {
            _ if name.eq_ignore_ascii_case("max-age") => seconds.trim_matches('"').parse().ok(),
            _ if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") => Some(0),
            _ => None,
        }
    })
}

fn failed(words: impl std::fmt::Display) -> OutboundFault {
    OutboundFault::Failed(words.to_string())
}

#[cfg(test)]
mod tests;
