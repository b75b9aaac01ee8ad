//! The header of the PROXY protocol, versions 1 and 2: what a balancer says before the first byte of a connection.
//!
//! Read from what has come so far, so any split of the bytes gives the same; strictly, because whoever may say it may
//! name any address. It knows no socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The largest header that is read, of either version.
pub const HEADER_MAX_BYTES: usize = 2 * 1024;

const V1_MAX_BYTES: usize = 107;
const V2_SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const V2_FIXED_BYTES: usize = 16;
const ADDRESSES_4_BYTES: usize = 12;
const ADDRESSES_6_BYTES: usize = 36;
const ADDRESSES_UNIX_BYTES: usize = 216;
/// Version 2 with its two commands.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// A CRC32c over the whole header, with its own four bytes taken as zero.
const TLV_CHECKSUM: u8 = 0x03;

/// What a whole header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// Whom the balancer speaks for; none where it speaks for itself (`LOCAL`: a health check) or doesn't know.
    pub source: Option<SocketAddr>,
    /// Its length in bytes; behind it the connection begins.
    pub len: usize,
}

/// Why what came is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFlaw {
    /// The first bytes are those of neither version.
    Missing,
    /// Longer than its version allows or than is read.
    TooLong,
    /// Something in it isn't of the form.
    Malformed,
    /// Version, command or family that don't exist.
    Unknown,
    /// The checksum is another one.
    Checksum,
}

impl fmt::Display for ProxyFlaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "there is no PROXY protocol header",
            Self::TooLong => "the PROXY protocol header is too long",
            Self::Malformed => "the PROXY protocol header is malformed",
            Self::Unknown => "the PROXY protocol header is of a kind that isn't known",
            Self::Checksum => "the checksum of the PROXY protocol header is wrong",
        })
    }
}

impl std::error::Error for ProxyFlaw {}

/// Reads a header from the first bytes of a connection; none while more of it has to come.
///
/// # Errors
/// What is wrong with it, as soon as that is certain.
pub fn read(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyFlaw> {
    let known = bytes.len().min(V2_SIGNATURE.len());
    if bytes.get(..known) == V2_SIGNATURE.get(..known) {
        return if bytes.len() < V2_FIXED_BYTES { early(bytes).map(|()| None) } else { version_2(bytes) };
    }
    let known = bytes.len().min(V1_START.len());
    if bytes.get(..known) == V1_START.get(..known) { version_1(bytes) } else { Err(ProxyFlaw::Missing) }
}

const V1_START: &[u8; 6] = b"PROXY ";

fn version_1(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyFlaw> {
    let seen = bytes.get(..bytes.len().min(V1_MAX_BYTES)).unwrap_or_default();
    let Some(end) = seen.iter().position(|byte| !(0x20..0x7f).contains(byte)) else {
        return if bytes.len() < V1_MAX_BYTES { Ok(None) } else { Err(ProxyFlaw::TooLong) };
    };
    match (seen.get(end), seen.get(end + 1)) {
        (Some(b'\r'), Some(b'\n')) => {}
        (Some(b'\r'), None) if bytes.len() < V1_MAX_BYTES => return Ok(None),
        (Some(b'\r'), None) => return Err(ProxyFlaw::TooLong),
        _ => return Err(ProxyFlaw::Malformed),
    }
    let line = seen.get(V1_START.len()..end).and_then(|line| std::str::from_utf8(line).ok());
    let source = addresses_1(line.ok_or(ProxyFlaw::Malformed)?)?;
    Ok(Some(ProxyHeader { source, len: end + 2 }))
}

fn addresses_1(line: &str) -> Result<Option<SocketAddr>, ProxyFlaw> {
    let mut words = line.split(' ');
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        // Whatever follows is ignored, as the protocol asks.
        return Ok(None);
    }
    if !matches!(family, "TCP4" | "TCP6") {
        return Err(ProxyFlaw::Unknown);
    }
    let address = |word: Option<&str>| -> Option<IpAddr> {
        let word = word?;
        if family == "TCP4" { word.parse().ok().map(IpAddr::V4) } else { word.parse().ok().map(IpAddr::V6) }
    };
    let port = |word: Option<&str>| -> Option<u16> {
        let word = word?;
        let is_plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
        word.parse().ok().filter(|_| is_plain)
    };
    let (source, destination) = (address(words.next()), address(words.next()));
    let (source_port, destination_port) = (port(words.next()), port(words.next()));
    match (source, destination, source_port, destination_port, words.next()) {
        (Some(source), Some(_), Some(port), Some(_), None) => Ok(Some(SocketAddr::new(source, port))),
        _ => Err(ProxyFlaw::Malformed),
    }
}

/// What the fixed part says, as far as it has come.
fn early(bytes: &[u8]) -> Result<(), ProxyFlaw> {
    match (bytes.get(12), bytes.get(13)) {
        // Of a balancer that speaks for itself, nothing else counts. Datagrams have no connection.
        (None | Some(&LOCAL), _) | (Some(&PROXY), None | Some(0x00 | 0x11 | 0x21 | 0x31)) => Ok(()),
        _ => Err(ProxyFlaw::Unknown),
    }
}

fn version_2(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyFlaw> {
    early(bytes)?;
    let &[command, family, high, low] =
        bytes.get(12..16).and_then(|fixed| fixed.first_chunk()).ok_or(ProxyFlaw::Malformed)?;
    let len = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([high, low]));
    if len > HEADER_MAX_BYTES {
        return Err(ProxyFlaw::TooLong);
    }
    let addresses_len = match family {
        0x11 => ADDRESSES_4_BYTES,
        0x21 => ADDRESSES_6_BYTES,
        0x31 => ADDRESSES_UNIX_BYTES,
        _ => 0,
    };
    // A balancer that speaks for itself may leave everything out.
    let is_local = command == LOCAL;
    if !is_local && len < V2_FIXED_BYTES + addresses_len {
        return Err(ProxyFlaw::Malformed);
    }
    let Some(whole) = bytes.get(..len) else { return Ok(None) };
    let body = whole.get(V2_FIXED_BYTES..).unwrap_or_default();
    if is_local {
        return Ok(Some(ProxyHeader { source: None, len }));
    }
    let (addresses, extras) = body.split_at_checked(addresses_len).ok_or(ProxyFlaw::Malformed)?;
    check_extras(whole, extras)?;
    let source = match family {
        0x11 => {
            let &[a, b, c, d] = addresses.first_chunk().ok_or(ProxyFlaw::Malformed)?;
            port(addresses, 8).map(|port| SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), port))
        }
        0x21 => {
            let source: &[u8; 16] = addresses.first_chunk().ok_or(ProxyFlaw::Malformed)?;
            port(addresses, 32).map(|port| SocketAddr::new(Ipv6Addr::from(*source).into(), port))
        }
        _ => None,
    };
    Ok(Some(ProxyHeader { source, len }))
}

fn port(addresses: &[u8], at: usize) -> Option<u16> {
    addresses.get(at..at + 2).and_then(|port| port.first_chunk()).map(|port| u16::from_be_bytes(*port))
}

/// Whether what follows the addresses is a row of types, lengths and values, and the checksum, if there is one, right.
fn check_extras(whole: &[u8], extras: &[u8]) -> Result<(), ProxyFlaw> {
    let mut rest = extras;
    while !rest.is_empty() {
        let (&[kind, high, low], after) = rest.split_first_chunk().ok_or(ProxyFlaw::Malformed)?;
        let (value, after) =
            after.split_at_checked(u16::from_be_bytes([high, low]).into()).ok_or(ProxyFlaw::Malformed)?;
        if kind == TLV_CHECKSUM {
            let told = <[u8; 4]>::try_from(value).map_err(|_| ProxyFlaw::Malformed)?;
            let end = whole.len().saturating_sub(after.len());
            let counted = whole
                .iter()
                .enumerate()
                .map(|(at, byte)| if (end.saturating_sub(4)..end).contains(&at) { 0 } else { *byte });
            if crc32c(counted) != u32::from_be_bytes(told) {
                return Err(ProxyFlaw::Checksum);
            }
        }
        rest = after;
    }
    Ok(())
}

/// CRC-32C (RFC 3309, appendix B), bit by bit: headers are short and few.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    let divided = bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    });
    !divided
}

#[cfg(test)]
mod tests;
