//! One question to a target, over the same connections and through the same engine as calls, for whoever wants to know
//! how it answers before there are any. What its answer is worth is decided in `limen_rules::advice`.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, USER_AGENT};
use http::{HeaderMap, Method, Version};
use limen_http1::service::{FieldLines, Request, RequestBody};
use limen_rules::advice::Body;
use limen_rules::contract::Cause;
use limen_rules::model::Deadlines;
use limen_rules::target::Target;
use tokio::time::Instant;

use crate::debts::Debts;
use crate::forward::cause_of;
use crate::link::{Broken, Link};
use crate::outbound::Outbound;
use crate::pool::{ConnectError, Pool, ServiceTls};

/// What a target sees of us.
const NAME: &str = concat!("Limen-Check/", env!("CARGO_PKG_VERSION"));

/// How long is waited, and how much is read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For the name, and again for the connection, TLS included.
    pub connect_timeout_ms: u64,
    /// From the request to the answer's end.
    pub answer_timeout_ms: u64,
    /// Of the answer's body.
    pub body_max_bytes: usize,
}

/// What a target answered.
#[derive(Debug)]
pub struct Probed {
    /// Its status.
    pub status: u16,
    /// Whether it speaks HTTP/1.0.
    pub is_http10: bool,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body, up to the bound.
    pub body: Vec<u8>,
    /// How the body ended.
    pub end: Body,
}

/// Why nothing was answered.
#[derive(Debug)]
pub enum Silence {
    /// The name leads nowhere.
    Name(String),
    /// No connection was made.
    NoConnection(String),
    /// The other side can't be trusted, or doesn't speak TLS.
    Tls(String),
    /// Our own files for TLS can't be used.
    Files(String),
    /// There was a connection, and no answer over it.
    NoAnswer {
        /// What calls would end with.
        cause: Cause,
        /// What happened.
        words: String,
    },
}

/// Sends `GET path` without any credentials and reads the answer.
///
/// # Errors
/// Why there is none.
pub async fn probe(target: &Target, path: &str, bounds: &Bounds) -> Result<Probed, Silence> {
    resolve(target, bounds).await?;
    let tls = target.security.clone().map(|security| Arc::new(ServiceTls::new(security)));
    let connected = Pool::connect(&target.address, tls.as_ref(), bounds.connect_timeout_ms).await;
    let mut link = connected.map_err(|error| match error {
        ConnectError::TimedOut { .. } | ConnectError::Refused { .. } => Silence::NoConnection(error.to_string()),
        ConnectError::Insecure { words, .. } => Silence::Tls(words),
        ConnectError::Files { words, .. } => Silence::Files(words),
    })?;
    let mut fields = FieldLines::default();
    fields.put(&USER_AGENT, NAME.as_bytes());
    fields.put(&ACCEPT, b"application/json, */*;q=0.5");
    // Whoever encodes in spite of this does so for callers who can't decode it too.
    fields.put(&ACCEPT_ENCODING, b"identity");
    let (host, body) = (target.authority.as_bytes(), RequestBody::None);
    let request = Request { method: &Method::GET, target: path, host, fields: &fields, body, upgrade: false };
    let unwritten = |error: &dyn std::fmt::Display| no_answer(Cause::Unexpected, error);
    link.begin(&request, Outbound::None).map_err(|error| unwritten(&error))?;
    answer(&mut link, bounds).await.map_err(|broken| no_answer(cause_of(&broken).unwrap_or(Cause::Unexpected), &broken))
}

fn no_answer(cause: Cause, words: &dyn std::fmt::Display) -> Silence {
    Silence::NoAnswer { cause, words: words.to_string() }
}

/// Whether the name leads anywhere: a connection that fails doesn't tell this from what else may be wrong.
async fn resolve(target: &Target, bounds: &Bounds) -> Result<(), Silence> {
    let timeout = Duration::from_millis(bounds.connect_timeout_ms);
    let found = match tokio::time::timeout(timeout, tokio::net::lookup_host(&*target.address)).await {
        Ok(Ok(mut addresses)) => addresses.next().map(drop).ok_or_else(|| "it has no address".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("nobody resolved it within {} ms", bounds.connect_timeout_ms)),
    };
    found.map_err(|words| Silence::Name(format!("{}: {words}", target.address)))
}

async fn answer(link: &mut Link, bounds: &Bounds) -> Result<Probed, Broken> {
    let timeout_ms = bounds.answer_timeout_ms;
    let deadline = Instant::now() + Duration::from_millis(timeout_ms);
    let deadlines = Deadlines { response_timeout_ms: timeout_ms, idle_timeout_ms: timeout_ms, ..Deadlines::default() };
    // Nobody owes anything for a question of our own.
    let mut debts = Debts::new(None, None);
    let head = poll_fn(|context| link.poll_head(context, &mut debts, &deadlines)).await?;
    let mut body = Vec::new();
    let reading = async {
        while body.len() < bounds.body_max_bytes {
            let piece =
                poll_fn(|context| link.poll_piece(context, &mut debts, Duration::from_millis(timeout_ms))).await;
            match piece {
                None => return Body::Whole,
                Some(Ok(piece)) => {
                    let room = bounds.body_max_bytes - body.len();
                    body.extend_from_slice(piece.get(..room).unwrap_or(&piece));
                }
                Some(Err(Broken::TimedOut(_))) => return Body::Slow,
                Some(Err(_)) => return Body::BrokenOff,
            }
        }
        Body::Long
    };
    let end = tokio::time::timeout_at(deadline, reading).await.unwrap_or(Body::Slow);
    let is_http10 = head.version == Version::HTTP_10;
    Ok(Probed { status: head.status.as_u16(), is_http10, headers: head.fields.to_map(), body, end })
}
