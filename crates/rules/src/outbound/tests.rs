//! Tables of URLs and addresses that may and may not be asked.

use super::*;

fn nothing() -> Allowed {
    Allowed::default()
}

fn allowed(entries: &[&str]) -> Allowed {
    Allowed::parse(entries.iter().copied()).unwrap_or_else(|flaw| panic!("{flaw:?}"))
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect(text)).collect()
}

#[test]
fn urls_that_may_be_asked() {
    let place = Place::of("https://Id.Example.org/a/b?c=d", &nothing()).expect("a place");
    assert_eq!(place.host, Host::Name("id.example.org".into()));
    assert_eq!((place.secure, place.port, &*place.authority), (true, 443, "id.example.org"));
    assert_eq!(place.path_and_query, "/a/b?c=d");
    let place = Place::of("https://[2606:4700::1]:8443", &nothing()).expect("a place");
    assert_eq!((place.port, &*place.path_and_query), (8443, "/"));
    let place = Place::of("http://id.internal/", &allowed(&["ID.internal"])).expect("a place");
    assert_eq!((place.secure, place.port), (false, 80));
}

#[test]
fn urls_that_may_not_be_asked() {
    let urls = [
        "http://id.example.org/",
        "http://93.184.215.14/",
        "ftp://id.example.org/",
        "//id.example.org/",
        "/path",
        "id.example.org",
        "https://",
        "https:///path",
        "https://user@id.example.org/",
        "https://user:secret@id.example.org/",
        "https://id.example.org:0/",
        "https://id.example.org:99999/",
        "https://id.example.org:/",
        "https://id.example.org/#part",
        "https://id.example.org\\@127.0.0.1/",
        "https://id..example.org/",
        "https://id.example.org./",
        "https://%6c%6f/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://127.0.0.0x1/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://[v1.x]/",
        "https://[fe80::1%25eth0]/",
        "https://пример.example/",
        "https://id.example.org/a b",
        "https://id.example.org/\r\nHost: other",
    ];
    for url in urls {
        assert!(Place::of(url, &nothing()).is_err(), "{url}");
    }
    let long = format!("https://id.example.org/{}", "a".repeat(URL_MAX_BYTES));
    assert!(Place::of(&long, &nothing()).is_err());
}

#[test]
fn addresses_that_may_not_be_asked() {
    let place = Place::of("https://id.example.org/", &nothing()).expect("a place");
    let refused = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ];
    for address in refused {
        assert!(place.judge(&addresses(&[address]), &nothing()).is_err(), "{address}");
        assert!(place.judge(&addresses(&["93.184.215.14", address]), &nothing()).is_err(), "{address} as the second");
    }
    for address in ["93.184.215.14", "100.63.255.255", "172.32.0.1", "192.0.1.1", "2606:4700::1", "2a00::1"] {
        assert_eq!(place.judge(&addresses(&[address]), &nothing()), Ok(()), "{address}");
    }
    assert!(place.judge(&[], &nothing()).is_err());
}

#[test]
fn what_the_operator_lists() {
    let own = allowed(&["id.internal", "10.0.0.0/8", "::1", "127.0.0.1"]);
    // A network lets names in it be asked, and over TLS only.
    let place = Place::of("https://id.example.org/", &own).expect("a place");
    assert_eq!(place.judge(&addresses(&["10.1.1.1", "10.1.1.2"]), &own), Ok(()));
    assert_eq!(place.judge(&addresses(&["10.1.1.1", "93.184.215.14"]), &own), Ok(()));
    assert!(place.judge(&addresses(&["10.1.1.1", "192.168.0.1"]), &own).is_err());
    assert!(Place::of("http://id.example.org/", &own).is_err());
    // A host that is listed may be anywhere.
    let place = Place::of("http://id.internal:8080/", &own).expect("a place");
    assert_eq!(place.judge(&addresses(&["192.168.0.1"]), &own), Ok(()));
    // Addresses are listed in whichever form they come.
    for url in ["http://127.0.0.1:1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://10.200.0.1/"] {
        assert!(Place::of(url, &own).is_ok(), "{url}");
    }
    for url in ["http://127.0.0.2/", "http://[::2]/", "http://sub.id.internal/", "http://id.internal.example.org/"] {
        assert!(Place::of(url, &own).is_err(), "{url}");
    }
    for entry in ["", "a b", "10.0.0.1/8", "10.0.0.0/33", "https://id.example.org", "2130706433", "*.example.org"] {
        assert!(Allowed::parse([entry]).is_err(), "{entry}");
    }
}

#[test]
fn what_a_person_typed_may_be_ones_own() {
    let typed =
        |url: &str, address: &str| Place::typed(url).and_then(|place| place.judge(&addresses(&[address]), &nothing()));
    for (url, address) in [
        ("http://localhost:9000/openapi.json", "127.0.0.1"),
        ("http://localhost:9000/openapi.json", "::1"),
        ("http://orders.internal/openapi.yaml", "10.1.2.3"),
        ("http://192.168.0.7/", "192.168.0.7"),
        ("http://orders.internal/", "fd00::7"),
        ("https://orders.internal/", "10.1.2.3"),
        ("https://example.org/", "93.184.215.14"),
    ] {
        assert_eq!(typed(url, address), Ok(()), "{url} {address}");
    }
    for (url, address, words) in [
        ("http://example.org/", "93.184.215.14", "not in your own network"),
        ("http://metadata/", "169.254.169.254", "link-local"),
        ("https://example.org/", "224.0.0.1", "multicast"),
        ("file:///etc/passwd", "127.0.0.1", "not a URL"),
        ("ftp://example.org/", "127.0.0.1", "neither"),
        ("https://ada:secret@example.org/", "127.0.0.1", "password"),
    ] {
        let told = typed(url, address).expect_err(url);
        assert!(told.contains(words) || words == "not a URL", "{url}: {told}");
    }
    assert!(
        Place::typed("http://localhost/")
            .and_then(|place| place.judge(&addresses(&["127.0.0.1", "93.184.215.14"]), &nothing()))
            .is_err()
    );
}
