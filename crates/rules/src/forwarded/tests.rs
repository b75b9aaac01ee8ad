//! A table of what proxies tell and what is believed of it; callers who try to be somebody else.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::network::Network;

fn trusted() -> Networks {
    Networks::new(["10.0.0.0/8", "2001:db8:aaaa::/48"].map(|text| Network::parse(text).unwrap()).to_vec())
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    headers
}

/// `caller < outermost proxy < … < peer`, and what was told of scheme and host.
fn told(peer: &str, lines: &[(&str, &str)], field: ForwardedField) -> String {
    let told = resolve(peer.parse().unwrap(), &headers(lines), &trusted(), field);
    let mut hops = vec![told.address.to_string()];
    hops.extend(told.proxies.iter().map(ToString::to_string));
    let mut text = hops.join(" < ");
    if let Some(scheme) = told.scheme {
        text.push_str(&format!(" {}", scheme.as_str()));
    }
    if let Some(host) = told.host {
        text.push_str(&format!(" {host}"));
    }
    text
}

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const HOST: &str = "x-forwarded-host";
const STANDARD: &str = "forwarded";

/// The peer, its fields, what is told.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c str);

#[test]
fn callers_are_told_as_far_as_they_are_vouched_for() {
    let peer = "10.0.0.1";
    let cases: &[Case<'_>] = &[
        // Nobody is believed who isn't trusted.
        ("192.0.2.9", &[(FOR, "198.51.100.1"), (PROTO, "https"), (STANDARD, "for=198.51.100.1")], "192.0.2.9"),
        ("::ffff:192.0.2.9", &[(FOR, "10.0.0.7")], "192.0.2.9"),
        (peer, &[], "10.0.0.1"),
        // X-Forwarded-For.
        (peer, &[(FOR, "192.0.2.1")], "192.0.2.1 < 10.0.0.1"),
        ("::ffff:10.0.0.1", &[(FOR, "192.0.2.1")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(FOR, "6.6.6.6, 192.0.2.1")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(FOR, "6.6.6.6,\t192.0.2.1 , 10.0.0.2")], "192.0.2.1 < 10.0.0.2 < 10.0.0.1"),
        (peer, &[(FOR, "6.6.6.6"), (FOR, "192.0.2.1"), (FOR, "10.0.0.2")], "192.0.2.1 < 10.0.0.2 < 10.0.0.1"),
        (peer, &[(FOR, "10.0.0.3, 10.0.0.2")], "10.0.0.3 < 10.0.0.2 < 10.0.0.1"),
        (peer, &[(FOR, "192.0.2.1:4711")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(FOR, "[2001:db8::1]:4711")], "2001:db8::1 < 10.0.0.1"),
        (peer, &[(FOR, "2001:db8::1")], "2001:db8::1 < 10.0.0.1"),
        (peer, &[(FOR, "::ffff:10.0.0.2")], "10.0.0.2 < 10.0.0.1"),
        // What can't be read ends the walk.
        (peer, &[(FOR, "192.0.2.1, unknown")], "10.0.0.1"),
        (peer, &[(FOR, "192.0.2.1, unknown, 10.0.0.2")], "10.0.0.2 < 10.0.0.1"),
        (peer, &[(FOR, "192.0.2.1,")], "10.0.0.1"),
        (peer, &[(FOR, "")], "10.0.0.1"),
        (peer, &[(FOR, "192.0.2.1:x")], "10.0.0.1"),
        (peer, &[(FOR, "192.0.2.1:66666")], "10.0.0.1"),
        (peer, &[(FOR, "[192.0.2.1]")], "10.0.0.1"),
        (peer, &[(FOR, "192.0.2.1"), (FOR, "ü"), (FOR, "10.0.0.2")], "10.0.0.2 < 10.0.0.1"),
        // Scheme and host.
        (
            peer,
            &[(FOR, "192.0.2.1"), (PROTO, "HTTPS"), (HOST, "Api.Example")],
            "192.0.2.1 < 10.0.0.1 https api.example",
        ),
        (peer, &[(FOR, "192.0.2.1"), (PROTO, "http, https")], "192.0.2.1 < 10.0.0.1 https"),
        (peer, &[(FOR, "192.0.2.1, 10.0.0.2"), (PROTO, "https, http")], "192.0.2.1 < 10.0.0.2 < 10.0.0.1 https"),
        (peer, &[(FOR, "192.0.2.1, 10.0.0.2"), (PROTO, "https")], "192.0.2.1 < 10.0.0.2 < 10.0.0.1 https"),
        (peer, &[(FOR, "192.0.2.1"), (PROTO, "gopher"), (HOST, "a/b")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(PROTO, "https"), (HOST, "a")], "10.0.0.1"),
        // Forwarded.
        (peer, &[(STANDARD, "for=192.0.2.1")], "192.0.2.1 < 10.0.0.1"),
        (
            peer,
            &[(STANDARD, "For=\"[2001:db8::1]:4711\" ; PROTO=https;host=\"API.example:8443\";by=_x;ext=1")],
            "2001:db8::1 < 10.0.0.1 https api.example:8443",
        ),
        (
            peer,
            &[(STANDARD, "for=6.6.6.6;proto=https, for=192.0.2.1;proto=http;host=a, for=10.0.0.2;proto=https;host=b")],
            "192.0.2.1 < 10.0.0.2 < 10.0.0.1 http a",
        ),
        (peer, &[(STANDARD, "for=6.6.6.6"), (STANDARD, "for=192.0.2.1")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(STANDARD, "for=\"192.0.2.\\1\"")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(STANDARD, "for=192.0.2.1, for=unknown")], "10.0.0.1"),
        (peer, &[(STANDARD, "for=192.0.2.1, for=_hidden, for=10.0.0.2")], "10.0.0.2 < 10.0.0.1"),
        (peer, &[(STANDARD, "for=192.0.2.1, proto=https")], "10.0.0.1"),
        (peer, &[(STANDARD, "for=192.0.2.1;for=192.0.2.2")], "10.0.0.1"),
        (peer, &[(STANDARD, "for=192.0.2.1 for=192.0.2.2")], "10.0.0.1"),
        (peer, &[(STANDARD, "for=192.0.2.1;")], "10.0.0.1"),
        (peer, &[(STANDARD, "for=\"192.0.2.1")], "10.0.0.1"),
        (peer, &[(STANDARD, "for=2001:db8::1")], "10.0.0.1"),
        // A quote that a caller left open swallows no line of a proxy's.
        (peer, &[(STANDARD, "for=\"6.6.6.6"), (STANDARD, "for=192.0.2.1")], "192.0.2.1 < 10.0.0.1"),
        (peer, &[(STANDARD, "for=\"6.6.6.6, for=192.0.2.1")], "10.0.0.1"),
        // Both: alike, or neither.
        (
            peer,
            &[(STANDARD, "for=192.0.2.1;proto=https"), (FOR, "192.0.2.1"), (PROTO, "http")],
            "192.0.2.1 < 10.0.0.1 https",
        ),
        (peer, &[(STANDARD, "for=192.0.2.1;proto=https"), (FOR, "192.0.2.2")], "10.0.0.1"),
    ];
    for (peer, lines, expected) in cases {
        assert_eq!(told(peer, lines, ForwardedField::Either), *expected, "{peer} {lines:?}");
    }
}

#[test]
fn where_one_field_is_named_the_other_is_never_read() {
    let both = &[(STANDARD, "for=192.0.2.1;proto=https"), (FOR, "192.0.2.2"), (HOST, "a")];
    assert_eq!(told("10.0.0.1", both, ForwardedField::Forwarded), "192.0.2.1 < 10.0.0.1 https");
    assert_eq!(told("10.0.0.1", both, ForwardedField::XForwarded), "192.0.2.2 < 10.0.0.1 a");
    assert_eq!(told("10.0.0.1", &both[..1], ForwardedField::XForwarded), "10.0.0.1");
}

#[test]
fn the_walk_is_bounded() {
    let many = vec!["10.0.0.2"; 100_000].join(",");
    let list = format!("192.0.2.1,{many}");
    let all = headers(&[(FOR, list.as_str())]);
    let told = resolve("10.0.0.1".parse().unwrap(), &all, &trusted(), ForwardedField::Either);
    assert_eq!((told.address.to_string().as_str(), told.proxies.len()), ("10.0.0.2", HOPS_MAX));
}

proptest! {
    /// Whatever a caller writes, alone or before what a trusted proxy appends, it changes neither its own address nor
    /// that of anybody else.
    #[test]
    fn a_caller_never_chooses_its_address(
        forged in "[ -~]{0,60}", standard in "[ -~]{0,60}", more in "(for=|\"|,|;|10\\.0\\.0\\.[0-9]|=|\\\\| ){0,20}",
    ) {
        let direct = headers(&[(FOR, &forged), (STANDARD, &standard), (STANDARD, &more), (PROTO, &forged), (HOST, &forged)]);
        let outside: IpAddr = "192.0.2.9".parse().unwrap();
        for field in [ForwardedField::Either, ForwardedField::XForwarded, ForwardedField::Forwarded] {
            prop_assert_eq!(resolve(outside, &direct, &trusted(), field), Told::peer(outside));
        }
        // A proxy appends, in the same line or in one of its own.
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        for lines in [
            vec![(FOR, format!("{forged}, 192.0.2.9"))],
            vec![(FOR, forged.clone()), (FOR, "192.0.2.9".to_owned())],
            vec![(STANDARD, more.clone()), (STANDARD, "for=192.0.2.9".to_owned())],
        ] {
            let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
            prop_assert_eq!(resolve(peer, &headers(&lines), &trusted(), ForwardedField::Either).address, outside);
        }
        for lines in [[(STANDARD, format!("{standard}, for=192.0.2.9"))], [(STANDARD, format!("{more},for=192.0.2.9"))]] {
            let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let address = resolve(peer, &headers(&lines), &trusted(), ForwardedField::Either).address;
            prop_assert!(address == outside || address == peer, "{address}");
        }
    }
}
