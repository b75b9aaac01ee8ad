//! What the normaliser accepts and refuses, case by case, and its two promises on nasty alphabets.

use proptest::prelude::*;

use super::*;

fn path_of(raw: &str) -> String {
    normalize(raw).unwrap_or_else(|refusal| panic!("{raw}: {}", refusal.detail)).path.into_owned()
}

fn detail_of(raw: &str) -> String {
    let refusal = normalize(raw).expect_err(raw);
    assert_eq!(refusal.cause, Cause::MalformedRequest, "{raw}");
    assert_eq!(refusal.errors.len(), 1, "{raw}");
    refusal.detail.to_string()
}

#[test]
fn normal_forms() {
    for (raw, normal) in [
        ("/", "/"),
        ("//", "/"),
        ("///", "/"),
        ("//a//b/", "/a/b"),
        ("/a/b", "/a/b"),
        ("/a/b//", "/a/b"),
        ("/%61%2D%2e%5f%7Ex", "/a-._~x"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/.well-known/x", "/.well-known/x"),
        ("/...", "/..."),
        ("/a..b/..a/b..", "/a..b/..a/b.."),
        ("/a;v=1/b", "/a;v=1/b"),
        ("/100%25", "/100%25"),
        ("/a%2520b", "/a%2520b"),
        ("/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="),
        ("/a%20b%7c", "/a%20b%7C"),
        ("/%2B+", "/%2B+"),
        ("/%e2%82%ac", "/%E2%82%AC"),
    ] {
        assert_eq!(path_of(raw), normal, "{raw}");
    }
}

#[test]
fn a_normal_path_is_borrowed() {
    assert!(matches!(normalize("/constituent/v1/constituents/280?a=b").unwrap().path, Cow::Borrowed(_)));
}

#[test]
fn refused_paths_name_place_and_reason() {
    for (raw, words) in [
        ("", "does not begin with a slash"),
        ("*", "does not begin with a slash"),
        ("a/b", "does not begin with a slash"),
        ("/a/./b", "byte 4, in segment 2: a dot segment"),
        ("/a/../b", "byte 4, in segment 2: a dot segment"),
        ("/a/..", "byte 4, in segment 2: a dot segment"),
        ("/%2e%2E/b", "a dot segment"),
        ("/.%2e", "a dot segment"),
        ("/%2e", "a dot segment"),
        ("/%252e%252e", "a dot segment"),
        ("/%25252e", "a dot segment"),
        ("/.%25%32%65", "a dot segment"),
        ("/%252%25352e", "a dot segment"),
        ("/%2%35e", "byte 2, in segment 1: a percent sign"),
        ("/a;x/..;/b", "byte 6, in segment 2: a dot segment"),
        ("/..;a=b", "a dot segment"),
        ("/..%3Ba", "a dot segment"),
        ("/..%253Ba", "a dot segment"),
        ("/%2e;", "a dot segment"),
        ("/a/;/b", "nothing stands before the semicolon"),
        ("/%3Bx", "nothing stands before the semicolon"),
        ("/;", "nothing stands before the semicolon"),
        ("/a%2Fb", "byte 3, in segment 1: an encoded slash"),
        ("/a%2fb", "an encoded slash"),
        ("/a%5cb", "an encoded backslash"),
        ("/a\\b", "byte 3, in segment 1: a backslash"),
        ("/a%252Fb", "encoded more than once"),
        ("/a%25252fb", "encoded more than once"),
        ("/a%255Cb", "encoded more than once"),
        ("/a%00", "an encoded NUL"),
        ("/a%2500", "an encoded control character"),
        ("/a%0d%0a", "an encoded control character"),
        ("/a%7F", "an encoded control character"),
        ("/a%C2%85", "an encoded control character"),
        ("/a\tb", "a control character"),
        ("/a\u{0}b", "a control character"),
        ("/a b", "a space"),
        ("/caf\u{e9}", "a character outside ASCII"),
        ("/%e9", "not UTF-8"),
        ("/%c0%af", "not UTF-8"),
        ("/%c0%ae%c0%ae", "not UTF-8"),
        ("/%", "a percent sign"),
        ("/%4", "a percent sign"),
        ("/%zz", "a percent sign"),
        ("/%4/1", "a percent sign"),
        ("/a#b", "a fragment"),
        ("/a[0]", "can't hold as it is"),
        ("/{id}", "can't hold as it is"),
        ("/a|b", "can't hold as it is"),
        ("/a\"b", "can't hold as it is"),
    ] {
        let detail = detail_of(raw);
        assert!(detail.contains(words), "{raw}: {detail}");
    }
}

#[test]
fn a_query_passes_byte_for_byte() {
    for query in ["", "a=b", "a[0]={x}|^`\\", "a=%2F%0a&b=/?:@", "&&=&a", "q=1+2%20%c3%A9", "..=/../"] {
        assert_eq!(normalize(&format!("/a?{query}")).unwrap().query, Some(query));
    }
    assert_eq!(normalize("/a").unwrap().query, None);
    assert_eq!(normalize("//a/?b=c").unwrap().target(), "/a?b=c");
}

#[test]
fn a_refused_query_is_not_repeated() {
    for (query, words) in [
        ("a=b c", "byte 4 of the query: a space"),
        ("a=\"x\"", "quotation mark"),
        ("a=<x>", "angle bracket"),
        ("a=b#c", "a fragment"),
        ("a=%", "a percent sign"),
        ("a=%1", "a percent sign"),
        ("a=%g1", "a percent sign"),
        ("a=%00", "an encoded NUL"),
        ("a=\u{7f}", "a control character"),
        ("a=\u{e4}", "outside ASCII"),
    ] {
        let detail = detail_of(&format!("/a?subscription-key=secret&{query}"));
        let words = words.replace("byte 4", "byte 28");
        assert!(detail.contains(&words), "{query}: {detail}");
        assert!(!detail.contains("secret"));
    }
}

#[test]
fn a_long_target_is_too_large() {
    let target = format!("/{}", "a".repeat(TARGET_LEN_MAX));
    assert_eq!(normalize(&target).unwrap_err().cause, Cause::HeadersTooLarge);
    assert!(normalize(target.get(..TARGET_LEN_MAX).unwrap()).is_ok());
}

#[test]
fn absolute_form() {
    let split = |target| split_absolute(target).map(|it| (it.scheme, it.authority, it.origin_form.into_owned()));
    assert_eq!(split("http://h:80/a?b"), Some(("http", "h:80", "/a?b".into())));
    assert_eq!(split("HTTPS://h"), Some(("HTTPS", "h", "/".into())));
    assert_eq!(split("http://h?x=1"), Some(("http", "h", "/?x=1".into())));
    assert_eq!(split("http:///a"), None);
    assert_eq!(split("ftp://h/a"), None);
    assert_eq!(split("/a://b"), None);
}

#[test]
fn pairs_are_decoded_as_forms_are() {
    let pairs: Vec<_> = query_pairs("a=1&b%20c=d+e%2B&&flag&=x&a=%zz&e=%ff").collect();
    let expected = [("a", "1"), ("b c", "d e+"), ("flag", ""), ("", "x"), ("a", "%zz"), ("e", "\u{fffd}")];
    assert_eq!(pairs, expected.map(|(name, value)| (Cow::from(name), Cow::from(value))));
}

#[test]
fn a_key_is_cut_out_wherever_it_stands() {
    let name = "subscription-key";
    for (query, rest) in [
        ("subscription-key=x", ""),
        ("a=1&subscription-key=x&b=%20", "a=1&b=%20"),
        ("subscription-key=x&subscription-key=y&c", "c"),
        ("subscription%2Dkey=x&a=[", "a=["),
        ("%73ubscription-key", ""),
        ("a=1&&b=2&subscription-key=", "a=1&&b=2"),
        ("Subscription-Key=x", "Subscription-Key=x"),
        ("a=subscription-key", "a=subscription-key"),
    ] {
        assert_eq!(without_query_parameter(query, name), rest, "{query}");
    }
    assert!(matches!(without_query_parameter("a=b", name), Cow::Borrowed(_)));
}

/// A careless service: decodes once more, takes a backslash for a slash, drops path parameters, resolves dots.
fn careless(path: &str, times: usize) -> Vec<Vec<u8>> {
    let mut bytes = path.as_bytes().to_vec();
    for _ in 0..times {
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
            let escape = escape.and_then(|hex| std::str::from_utf8(hex).ok());
            let escape = escape.filter(|hex| !hex.starts_with('+')).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            decoded.push(escape.unwrap_or(bytes[at]));
            at += if escape.is_some() { 3 } else { 1 };
        }
        bytes = decoded;
    }
    let mut segments: Vec<Vec<u8>> = Vec::new();
    for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')) {
        match segment.split(|byte| *byte == b';' || *byte == 0).next().unwrap() {
            b"" | b"." => {}
            b".." => drop(segments.pop()),
            name => segments.push(name.to_vec()),
        }
    }
    segments
}

/// The segments as they were decided on, each decoded without regard to its neighbours.
fn decided(path: &str, times: usize) -> Vec<Vec<u8>> {
    path.split('/')
        .skip(1)
        .filter(|segment| !segment.is_empty())
        .flat_map(|segment| {
            let found = careless(segment, times);
            assert_eq!(found.len(), 1, "{segment} is {found:?} to a careless service");
            found
        })
        .collect()
}

fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "/", "//", ".", "..", "%2e", "%2E", "%25", "%", "2", "e", "5", "f", "F", "c", "0", "%2f", "%5C", "\\", ";",
        "%3b", "a", "Z", "~", "%41", "%c3%a9", "%c0%af", "%00", "%20", " ", "#", "?", "é", "\u{0}", "%e9", "=", "|",
        "[", "&", "+",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// Mostly acceptable pieces, so that the promises are tried on many accepted paths too.
fn plausible() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "/", "a", ".", "%25", "2", "5", "e", "F", "f", ";x", "%3B", "%2E", "%c3%A9", "b", "%7e", "%2B", "c",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn normalizing_again_changes_nothing(target in prop_oneof![nasty(), plausible(), any::<String>()]) {
        if let Ok(once) = normalize(&target) {
            let text = once.target().into_owned();
            let twice = normalize(&text).expect("a normal target is accepted");
            prop_assert_eq!(&twice.path, &once.path);
            prop_assert_eq!(twice.query, once.query);
        }
    }

    #[test]
    fn what_was_decided_is_what_a_second_decoder_finds(target in prop_oneof![nasty(), plausible()]) {
        // What begins with a semicolon passes the route only where a matrix is declared there.
        if let Some(normal) = normalize(&target).ok().filter(|normal| !normal.path.contains("/;")) {
            for times in 0..4 {
                prop_assert_eq!(careless(&normal.path, times), decided(&normal.path, times), "{} times {}", target, times);
            }
            prop_assert!(normal.path == "/" || !normal.path.ends_with('/'));
            prop_assert!(!normal.path.contains("//"));
            prop_assert!(http::Uri::try_from(normal.target().as_ref()).is_ok());
        }
    }

    #[test]
    fn a_cut_parameter_is_gone(query in "[a%2Dk=&]{0,24}") {
        let rest = without_query_parameter(&query, "k");
        prop_assert!(query_pairs(&rest).all(|(name, _)| name != "k"));
        let kept = |text: &str| query_pairs(text).filter(|(name, _)| name != "k")
            .map(|(name, value)| (name.into_owned(), value.into_owned())).collect::<Vec<_>>();
        prop_assert_eq!(kept(&rest), kept(&query));
    }
}
