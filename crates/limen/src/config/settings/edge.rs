//! Settings of how callers' connections are met: whom to believe, how many, how long.

use std::ops::RangeInclusive;
use std::time::Duration;

use limen_gateway::edge::Edge;
use limen_rules::declared::Complaint;
use limen_rules::forwarded::ForwardedField;
use limen_rules::network::{NETWORKS_MAX, Network, Networks};

use super::{EdgeKey, choice};

/// Sets one key from its text; lists are separated by commas.
pub(super) fn set(edge: &mut Edge, key: EdgeKey, text: &str) -> Result<(), Complaint> {
    let seconds = |most| number(text, 1..=most, "seconds").map(Duration::from_secs);
    match key {
        EdgeKey::TrustedProxies => edge.trusted_proxies = networks(text)?,
        EdgeKey::ForwardedField => {
            let fields = [
                ("either", ForwardedField::Either),
                ("x-forwarded-for", ForwardedField::XForwarded),
                ("forwarded", ForwardedField::Forwarded),
            ];
            edge.forwarded_field = choice(text, &fields)?;
        }
        EdgeKey::ProxyProtocol => edge.proxy_protocol = choice(text, &[("off", false), ("required", true)])?,
        EdgeKey::ConnectionsMax => edge.connections_max = count(text)?,
        EdgeKey::ConnectionsPerAddressMax => {
            edge.connections_per_address_max = count(text)?;
            // Whoever asks for a bound means everybody.
            edge.counts_loopback = true;
        }
        EdgeKey::HeadTimeout => edge.head_timeout = seconds(600)?,
        EdgeKey::IdleTimeout => edge.idle_timeout = seconds(86_400)?,
        EdgeKey::StallTimeout => edge.slowest.timeout = seconds(3_600)?,
        EdgeKey::SlowestRate => {
            edge.slowest.bytes_per_s = number(text, 1..=1_000_000_000, "bytes in a second")?;
        }
        EdgeKey::DrainGrace => {
            edge.drain_grace = Duration::from_millis(number(text, 0..=60_000, "milliseconds")?);
        }
        EdgeKey::DrainTimeout => edge.drain_timeout = seconds(3_600)?,
    }
    Ok(())
}

/// What several keys say together.
pub(super) fn check(edge: &Edge) -> Result<(), Complaint> {
    if edge.proxy_protocol && edge.trusted_proxies.is_empty() {
        let mend = "name the proxies that connect in 'gateway.trusted_proxies'";
        return Err(("is required, and nobody is trusted to say it".into(), mend.into()));
    }
    Ok(())
}

fn networks(text: &str) -> Result<Networks, Complaint> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let networks: Vec<Network> = entries.map(Network::parse).collect::<Result<_, _>>()?;
    if networks.len() > NETWORKS_MAX {
        return Err((format!("more than {NETWORKS_MAX} networks"), "name wider ones".into()));
    }
    Ok(Networks::new(networks))
}

fn count(text: &str) -> Result<usize, Complaint> {
    number(text, 1..=1_000_000, "connections").map(|count| usize::try_from(count).unwrap_or(usize::MAX))
}

fn number(text: &str, range: RangeInclusive<u64>, unit: &str) -> Result<u64, Complaint> {
    let digits = text.replace('_', "");
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|number| is_plain && range.contains(number));
    number.ok_or_else(|| {
        (format!("'{text}' is out of bounds"), format!("use {} to {} {unit}", range.start(), range.end()))
    })
}
