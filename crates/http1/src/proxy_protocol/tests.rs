//! Tables of headers, right and wrong, each at any pace; and whatever else may come.

use proptest::prelude::*;

use super::*;

/// Reads byte by byte as it would come, and gives what was said first.
fn read_slowly(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyFlaw> {
    (0..=bytes.len()).map(|end| read(&bytes[..end])).find(|said| *said != Ok(None)).unwrap_or(Ok(None))
}

fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = V2_SIGNATURE.to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

const FOUR: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 0, 80];

fn six() -> Vec<u8> {
    let mut body = vec![0; 36];
    body[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    body[15] = 9;
    body[32..].copy_from_slice(&[0x12, 0x67, 0, 80]);
    body
}

#[test]
fn what_is_right_is_read_at_any_pace() {
    let unix = [0; 216];
    let with_extras = [&FOUR[..], &[0x04, 0, 2, 1, 2, 0xE0, 0, 0]].concat();
    let longest =
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert!(longest.len() <= V1_MAX_BYTES);
    let cases: Vec<(Vec<u8>, Option<&str>)> = vec![
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n".to_vec(), Some("192.0.2.1:4711")),
        (b"PROXY TCP6 2001:db8::9 ::1 4711 80\r\n".to_vec(), Some("[2001:db8::9]:4711")),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 0 0\r\n".to_vec(), Some("192.0.2.1:0")),
        (longest.into(), Some("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN whatever this says 1 2\r\n".to_vec(), None),
        (version_2(0x21, 0x11, &FOUR), Some("192.0.2.1:4711")),
        (version_2(0x21, 0x11, &with_extras), Some("192.0.2.1:4711")),
        (version_2(0x21, 0x21, &six()), Some("[2001:db8::9]:4711")),
        (version_2(0x21, 0x31, &unix), None),
        (version_2(0x21, 0x00, &[]), None),
        (version_2(0x20, 0x00, &[]), None),
        (version_2(0x20, 0x11, &FOUR), None),
        (version_2(0x20, 0xff, b"whatever"), None),
    ];
    for (header, source) in cases {
        let len = header.len();
        let expected = Ok(Some(ProxyHeader { source: source.map(|source| source.parse().unwrap()), len }));
        assert_eq!(read_slowly(&header), expected, "{}", header.escape_ascii());
        let followed = [&header[..], b"GET / HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(read(&followed), expected, "{}", header.escape_ascii());
        for end in 0..len {
            assert_eq!(read(&header[..end]), Ok(None), "cut at {end}: {}", header.escape_ascii());
        }
    }
}

#[test]
fn what_is_wrong_is_refused_at_any_pace() {
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!(too_long.len(), V1_MAX_BYTES + 1);
    let cases: Vec<(Vec<u8>, ProxyFlaw)> = vec![
        (b"GET / HTTP/1.1\r\n".to_vec(), ProxyFlaw::Missing),
        (b"\x16\x03\x01".to_vec(), ProxyFlaw::Missing),
        (b"\r\n\r\n\0\r\nQUIX".to_vec(), ProxyFlaw::Missing),
        (b"PROXY\tTCP4".to_vec(), ProxyFlaw::Missing),
        (b"proxy TCP4".to_vec(), ProxyFlaw::Missing),
        (too_long.into(), ProxyFlaw::TooLong),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\rX".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 80 1\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1  10.0.0.1 4711 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.01 10.0.0.1 4711 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 ::1 10.0.0.1 4711 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP6 192.0.2.1 ::1 4711 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 04711 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 +711 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY TCP4 192.0.2.1 10.0.0.1 65536 80\r\n".to_vec(), ProxyFlaw::Malformed),
        (b"PROXY UNIX 192.0.2.1 10.0.0.1 1 80\r\n".to_vec(), ProxyFlaw::Unknown),
        (b"PROXY \r\n".to_vec(), ProxyFlaw::Unknown),
        (b"PROXY TCP4 \x80".to_vec(), ProxyFlaw::Malformed),
        (version_2(0x11, 0x11, &FOUR), ProxyFlaw::Unknown),
        (version_2(0x22, 0x11, &FOUR), ProxyFlaw::Unknown),
        (version_2(0x21, 0x12, &FOUR), ProxyFlaw::Unknown),
        (version_2(0x21, 0x41, &FOUR), ProxyFlaw::Unknown),
        (version_2(0x21, 0x11, &FOUR[..11]), ProxyFlaw::Malformed),
        (version_2(0x21, 0x21, &FOUR), ProxyFlaw::Malformed),
        (version_2(0x21, 0x11, &[&FOUR[..], &[0xE0, 0, 1]].concat()), ProxyFlaw::Malformed),
        (version_2(0x21, 0x11, &[&FOUR[..], &[0xE0]].concat()), ProxyFlaw::Malformed),
        (version_2(0x21, 0x11, &[&FOUR[..], &[TLV_CHECKSUM, 0, 3, 1, 2, 3]].concat()), ProxyFlaw::Malformed),
        (version_2(0x21, 0x11, &[&FOUR[..], &[TLV_CHECKSUM, 0, 4, 1, 2, 3, 4]].concat()), ProxyFlaw::Checksum),
        (version_2(0x21, 0x11, &[&FOUR[..], &[0xE0, 0x08, 0x00], &[0; 2048]].concat()), ProxyFlaw::TooLong),
    ];
    for (header, flaw) in cases {
        assert_eq!(read_slowly(&header), Err(flaw), "{}", header.escape_ascii());
        assert_eq!(read(&header), Err(flaw), "{}", header.escape_ascii());
    }
}

#[test]
fn the_checksum_is_looked_at() {
    // The check value of CRC-32C.
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
    let zeroed = [&FOUR[..], &[TLV_CHECKSUM, 0, 4, 0, 0, 0, 0], &[0xE0, 0, 1, 7]].concat();
    let mut header = version_2(0x21, 0x11, &zeroed);
    let crc = crc32c(header.iter().copied());
    header[31..35].copy_from_slice(&crc.to_be_bytes());
    assert!(read(&header).is_ok_and(|read| read.is_some()), "{:?}", read(&header));
    header[17] ^= 1;
    assert_eq!(read(&header), Err(ProxyFlaw::Checksum));
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        start in prop_oneof![
            Just(b"PROXY TCP4 ".to_vec()), Just(b"PROXY ".to_vec()), Just(version_2(0x21, 0x11, &FOUR)),
            Just(V2_SIGNATURE.to_vec()), Just(Vec::new()), Just(version_2(0x21, 0x21, &six())),
        ],
        changed in any::<prop::sample::Index>(), to in any::<u8>(), behind in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = [start, behind].concat();
        if !bytes.is_empty() {
            let at = changed.index(bytes.len());
            bytes[at] = to;
        }
        let read = read(&bytes);
        prop_assert_eq!(read_slowly(&bytes), read);
        if let Ok(Some(header)) = read {
            prop_assert!(header.len <= bytes.len().min(HEADER_MAX_BYTES));
        }
    }
}
