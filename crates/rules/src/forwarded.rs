//! Where a call comes from, when a proxy stands between: `Forwarded` (RFC 7239) and `X-Forwarded-*`, believed only as
//! far as trusted proxies vouch for them.
//!
//! Fields of a peer that isn't trusted are never looked at here: [`resolve`] gives its own address back.

mod element;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use http::HeaderName;
use http::header::FORWARDED;

use crate::header::{Fields, is_authority, text};
use crate::network::Networks;
use element::{Element, address, elements};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Addresses that are looked at, the nearest first; what is behind them isn't believed.
pub const HOPS_MAX: usize = 32;

/// Which field the trusted proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedField {
    /// Whichever is there. Where both are, they must tell the same address; else neither is believed.
    #[default]
    Either,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`; `Forwarded` is never read.
    XForwarded,
    /// `Forwarded`; `X-Forwarded-*` are never read.
    Forwarded,
}

/// How a caller reached the outermost proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }
}

/// Where a call comes from, as far as it is vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The caller's address: the first one from our side that isn't a trusted proxy's, or the last one that could be
    /// read.
    pub address: IpAddr,
    /// The trusted proxies that the call came through, the outermost first, our peer last; empty where the peer itself
    /// is the caller.
    pub proxies: Vec<IpAddr>,
    /// How the caller reached the outermost of them, where that was told.
    pub scheme: Option<Scheme>,
    /// Which host the caller asked for, where that was told.
    pub host: Option<String>,
}

impl Told {
    fn peer(address: IpAddr) -> Self {
        Self { address, proxies: Vec::new(), scheme: None, host: None }
    }
}

/// Where a call comes from that `peer` handed over.
///
/// Fields are walked from the right. Trusted addresses are skipped; the first other one is the caller's. An entry that
/// can't be read ends the walk, so the last address that could is the caller's; so does the entry after
/// [`HOPS_MAX`]. The scheme and host are those that stand beside the caller's address, and are never taken from the
/// other family of fields.
#[must_use]
pub fn resolve(peer: IpAddr, fields: &dyn Fields, trusted: &Networks, field: ForwardedField) -> Told {
    let peer = peer.to_canonical();
    if !trusted.contain(peer) {
        return Told::peer(peer);
    }
    let reads_standard = field != ForwardedField::XForwarded && fields.has(&FORWARDED);
    let reads_common = field != ForwardedField::Forwarded && fields.has(&X_FORWARDED_FOR);
    match (reads_standard, reads_common) {
        (false, false) => Told::peer(peer),
        (true, false) => by_standard(peer, fields, trusted),
        (false, true) => by_common(peer, fields, trusted),
        (true, true) => {
            let (standard, common) = (by_standard(peer, fields, trusted), by_common(peer, fields, trusted));
            if standard.address == common.address { standard } else { Told::peer(peer) }
        }
    }
}

/// Walks hops from our side outwards; gives the caller's place among them too.
fn walk(peer: IpAddr, trusted: &Networks, hops: impl Iterator<Item = Option<IpAddr>>) -> (Told, Option<usize>) {
    let mut told = Told::peer(peer);
    let mut found = None;
    for (place, hop) in hops.take(HOPS_MAX).enumerate() {
        let Some(hop) = hop else { break };
        let passed = std::mem::replace(&mut told.address, hop.to_canonical());
        told.proxies.push(passed);
        found = Some(place);
        if !trusted.contain(told.address) {
            break;
        }
    }
    told.proxies.reverse();
    (told, found)
}

fn by_standard(peer: IpAddr, fields: &dyn Fields, trusted: &Networks) -> Told {
    let mut nearest_first: Vec<Option<Element>> = Vec::new();
    let lines: Vec<_> = fields.all(&FORWARDED).collect();
    for line in lines.into_iter().rev() {
        match text(line).and_then(elements) {
            Some(read) => nearest_first.extend(read.into_iter().rev().map(Some)),
            None => nearest_first.push(None),
        }
        if nearest_first.len() >= HOPS_MAX {
            break;
        }
    }
    let hops = nearest_first.iter().map(|element| element.as_ref().and_then(|element| element.address));
    let (mut told, found) = walk(peer, trusted, hops);
    if let Some(element) = found.and_then(|place| nearest_first.get(place)).and_then(Option::as_ref) {
        told.scheme = element.proto.as_deref().and_then(Scheme::parse);
        told.host = element.host.clone().filter(|host| is_authority(host));
    }
    told
}

fn by_common(peer: IpAddr, fields: &dyn Fields, trusted: &Networks) -> Told {
    let hops = from_right(fields, &X_FORWARDED_FOR).map(|entry| entry.and_then(address));
    let (mut told, found) = walk(peer, trusted, hops);
    if let Some(place) = found {
        told.scheme = beside(fields, &X_FORWARDED_PROTO, place).and_then(Scheme::parse);
        told.host =
            beside(fields, &X_FORWARDED_HOST, place).filter(|host| is_authority(host)).map(str::to_ascii_lowercase);
    }
    told
}

/// The entries of a list, nearest first; none for a line that isn't text.
fn from_right<'h>(fields: &'h dyn Fields, name: &HeaderName) -> impl Iterator<Item = Option<&'h str>> + use<'h> {
    let lines: Vec<_> = fields.all(name).collect();
    lines.into_iter().rev().flat_map(|line| {
        // A line that can't be read is one entry that can't be.
        let entries: Box<dyn Iterator<Item = Option<&str>>> = match text(line) {
            Some(text) => Box::new(text.rsplit(',').map(|entry| Some(entry.trim_matches([' ', '\t'])))),
            None => Box::new(std::iter::once(None)),
        };
        entries
    })
}

/// The entry that stands beside the hop at `place`: proxies that append make lists of the same length, those that
/// replace leave one entry.
fn beside<'h>(fields: &'h dyn Fields, name: &HeaderName, place: usize) -> Option<&'h str> {
    let mut entries = from_right(fields, name).take(HOPS_MAX);
    let nearest = entries.next()??;
    match place {
        0 => Some(nearest),
        _ => match entries.nth(place - 1) {
            Some(entry) => entry,
            None => Some(nearest),
        },
    }
}
