//! Networks of IP addresses, written `ADDRESS/BITS` (RFC 4632 §3.1, RFC 4291 §2.3), and which addresses lie in them.

use std::fmt;
use std::net::IpAddr;

/// The most networks of one list.
pub const NETWORKS_MAX: usize = 256;

/// A network: all addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or a single address.
    ///
    /// # Errors
    /// What is wrong with the text, and how to mend it.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let form = || {
            (
                format!("'{text}' is not a network"),
                "write an address, or ADDRESS/BITS, like 10.0.0.0/8 or fd00::/8".to_owned(),
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| form())?;
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => {
                let is_plain =
                    bits.bytes().all(|byte| byte.is_ascii_digit()) && !(bits.len() > 1 && bits.starts_with('0'));
                let bits: u8 = bits.parse().ok().filter(|_| is_plain).ok_or_else(form)?;
                if bits > most {
                    return Err((format!("'{text}' has more than {most} bits"), format!("use 0 to {most} bits")));
                }
                bits
            }
        };
        // An IPv4 address in IPv6's clothes is compared as what it is, so a network of such must be written as IPv4.
        if address != address.to_canonical() {
            let mend = format!("write it as IPv4, like {}", address.to_canonical());
            return Err((format!("'{text}' is an IPv4 address written as IPv6"), mend));
        }
        let network = Self { address: masked(address, bits), bits };
        if network.address != address {
            let mend = format!("write {network}, or {address} for that address alone");
            return Err((format!("'{text}' has bits set behind the first {bits}"), mend));
        }
        Ok(network)
    }

    /// Whether the address lies in it; an IPv4 address counts as one in whichever form it comes.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.bits) == self.address
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.bits)
    }
}

/// The address with all bits behind the first ones cleared.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

/// A list of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// All of these.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether the address lies in any of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whose connections are counted together: an IPv4 address alone, of IPv6 the first 64 bits, which are one caller's.
#[must_use]
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => masked(IpAddr::V6(address), 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_the_addresses_that_begin_like_them() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.168.1.128/25", "192.168.1.129", "192.168.1.127"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.6"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "fe80::1", "1.2.3.4"),
            ("::1", "::1", "::2"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
        ] {
            let read = Network::parse(network).unwrap();
            assert!(read.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!read.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        let networks = Networks::new(vec![Network::parse("10.0.0.0/8").unwrap(), Network::parse("::1").unwrap()]);
        assert!(networks.contain("::1".parse().unwrap()) && !networks.contain("127.0.0.1".parse().unwrap()));
        assert!(!Networks::default().contain("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_mend() {
        for (text, told) in [
            ("", "'' is not a network"),
            ("10.0.0", "'10.0.0' is not a network"),
            ("10.0.0.0/", "'10.0.0.0/' is not a network"),
            ("10.0.0.0/08", "'10.0.0.0/08' is not a network"),
            ("10.0.0.0/+8", "'10.0.0.0/+8' is not a network"),
            ("10.0.0.0/33", "'10.0.0.0/33' has more than 32 bits"),
            ("::/129", "'::/129' has more than 128 bits"),
            ("10.0.0.1/8", "'10.0.0.1/8' has bits set behind the first 8"),
            ("::ffff:10.0.0.0/104", "'::ffff:10.0.0.0/104' is an IPv4 address written as IPv6"),
            ("localhost", "'localhost' is not a network"),
        ] {
            let (message, mend) = Network::parse(text).unwrap_err();
            assert_eq!(message, told);
            assert!(!mend.is_empty());
        }
        assert_eq!(Network::parse("10.0.0.1/8").unwrap_err().1, "write 10.0.0.0/8, or 10.0.0.1 for that address alone");
    }

    #[test]
    fn a_caller_is_counted_by_what_it_can_choose_from() {
        let counted = |text: &str| counted_as(text.parse().unwrap()).to_string();
        assert_eq!(counted("192.0.2.1"), "192.0.2.1");
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
