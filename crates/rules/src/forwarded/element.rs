//! The form of `Forwarded` (RFC 7239 §4) and of the addresses in it and in `X-Forwarded-For`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One hop of `Forwarded`. What it says of itself, `by` and extensions, isn't kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// None where it is hidden, unknown or missing.
    pub(super) address: Option<IpAddr>,
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

/// Reads the elements of one line. None where any of it isn't of the form: a quote that is left open could swallow
/// what a proxy put behind it.
pub(super) fn elements(line: &str) -> Option<Vec<Element>> {
    let mut all = Vec::new();
    let mut rest = line;
    loop {
        let (element, after) = element(rest)?;
        all.push(element);
        match after {
            Some(after) => rest = after,
            None => return Some(all),
        }
    }
}

/// One element, and what follows its comma.
fn element(text: &str) -> Option<(Element, Option<&str>)> {
    let mut element = Element::default();
    let mut seen = [false; 3];
    let mut rest = blank(text);
    loop {
        let (name, after) = token(rest)?;
        let (value, after) = value(after.strip_prefix('=')?)?;
        let place = ["for", "proto", "host"].iter().position(|known| name.eq_ignore_ascii_case(known));
        if let Some(seen) = place.and_then(|place| seen.get_mut(place)) {
            // No name may stand twice in an element (§4).
            if std::mem::replace(seen, true) {
                return None;
            }
        }
        match place {
            Some(0) => element.address = address(&value),
            Some(1) => element.proto = Some(value),
            Some(_) => element.host = Some(value.to_ascii_lowercase()),
            None => {}
        }
        rest = blank(after);
        if let Some(after) = rest.strip_prefix(';') {
            rest = blank(after);
        } else if let Some(after) = rest.strip_prefix(',') {
            return Some((element, Some(after)));
        } else {
            return rest.is_empty().then_some((element, None));
        }
    }
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_token(byte)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(token, rest)| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

/// Reads an address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    if let Some(inner) = text.strip_prefix('[') {
        let (address, port) = inner.split_once(']')?;
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().ok().filter(|_| has_port).map(IpAddr::V6);
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (address, port) = text.split_once(':')?;
    address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// A port, or what stands for one that isn't told (§6.3).
fn is_port(text: &str) -> bool {
    let hidden = text.strip_prefix('_').is_some_and(|name| !name.is_empty());
    (hidden && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)))
        || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok())
}
