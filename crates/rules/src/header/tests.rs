//! Which heads are refused, and which fields are left of those that pass.

use http::{HeaderValue, Version};
use proptest::prelude::*;

use super::*;
use crate::contract::{BearerError, Cause};

fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).expect(name);
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect(value));
    }
    headers
}

/// The names that are left, sorted.
fn left(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn stripped(fields: &[(&str, &str)], method: &Method, passage: &RequestPassage<'_>) -> HeaderMap {
    let mut headers = head(fields);
    strip_request(&mut headers, method, passage);
    headers
}

const DROPPED_FROM_REQUESTS: [&str; 40] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Transfer_Encoding",
    "Upgrade",
    "HTTP2-Settings",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Limen-User",
    "limen_user",
    "LIMEN-Subscription-Key",
    "Limen_-x",
    "Limen-",
    "Range",
    "If-Range",
    "Expect",
    "X-Request-Id",
    "x_request_id",
    "Forwarded",
    "X-Forwarded-For",
    "X_Forwarded_For",
    "X-Forwarded-Anything",
    "X-Real-IP",
    "True-Client-IP",
    "X-HTTP-Method-Override",
    "X_HTTP_Method_Override",
    "X-Original-URL",
    "X-Rewrite-URL",
    "Content_Length",
    "Content_Type",
    "If_Match",
    "If_None_Match",
    "My-Key",
    "my_key",
    "Cookie",
    "Authorization",
    "Content_Encoding",
];

#[test]
fn what_a_service_must_not_see() {
    let key = HeaderName::from_static("my-key");
    let passage = RequestPassage { key_headers: &[key], ..RequestPassage::default() };
    for name in DROPPED_FROM_REQUESTS {
        let headers = stripped(&[(name, "x"), ("Accept", "a"), (name, "y")], &Method::POST, &passage);
        assert_eq!(left(&headers), ["accept"], "{name}");
    }
    for name in [
        "Accept",
        "Content-Type",
        "Content-Length",
        "Host",
        "If-Match",
        "If-Unmodified-Since",
        "If-None-Match",
        "If-Modified-Since",
        "Traceparent",
        "X-Limen-User",
        "Limena",
        "my_own",
        "User-Agent",
        "X-Key",
    ] {
        assert_eq!(stripped(&[(name, "x")], &Method::PUT, &passage).len(), 1, "{name}");
    }
}

#[test]
fn reads_are_not_conditional() {
    let fields = [("If-None-Match", "x"), ("If-Modified-Since", "x"), ("If-Match", "x")];
    for (method, count) in [(Method::GET, 1), (Method::HEAD, 1), (Method::PUT, 3), (Method::DELETE, 3)] {
        assert_eq!(stripped(&fields, &method, &RequestPassage::default()).len(), count, "{method}");
    }
}

#[test]
fn cookies_and_tokens_pass_where_the_api_says_so() {
    let fields = [("Cookie", "a"), ("Authorization", "b"), ("authorization_", "c"), ("AUTHORIZATION", "d")];
    let passage = RequestPassage { cookies: true, forward_token: true, ..RequestPassage::default() };
    assert_eq!(left(&stripped(&fields, &Method::GET, &passage)), ["authorization", "authorization_", "cookie"]);
    let key = HeaderName::from_static("authorization");
    let passage = RequestPassage { key_headers: &[key], ..passage };
    assert_eq!(left(&stripped(&fields, &Method::GET, &passage)), ["authorization_", "cookie"]);
}

#[test]
fn connection_names_fields_and_never_ours() {
    let fields = [
        ("Connection", "close, X-One ,Limen-User,, not a name,"),
        ("Connection", "x-two"),
        ("X-One", "1"),
        ("X-Two", "2"),
        ("X-Three", "3"),
        ("Limen-User", "forged"),
    ];
    let mut headers = stripped(&fields, &Method::GET, &RequestPassage::default());
    assert_eq!(left(&headers), ["x-three"]);
    headers.insert("limen-user", HeaderValue::from_static("ours"));
    assert_eq!(headers.get("limen-user").unwrap(), "ours");
}

#[test]
fn what_connection_names_goes_also_where_the_api_lets_it_pass() {
    let passage = RequestPassage { cookies: true, ranges: true, conditions: true, ..RequestPassage::default() };
    for name in ["Cookie", "Range", "If-Range", "If-None-Match"] {
        assert_eq!(left(&stripped(&[(name, "x")], &Method::GET, &passage)), [name.to_lowercase()]);
        assert!(stripped(&[("Connection", name), (name, "x")], &Method::GET, &passage).is_empty(), "{name}");
    }
    let passage = ResponsePassage { cookies: true, transparent: true };
    for name in ["Set-Cookie", "Server", "X-Powered-By", "WWW-Authenticate", "ETag"] {
        let mut headers = head(&[(name, "x")]);
        strip_response(&mut headers, &passage);
        assert_eq!(left(&headers), [name.to_lowercase()]);
        let mut headers = head(&[(name, "x"), ("Connection", name)]);
        strip_response(&mut headers, &passage);
        assert!(headers.is_empty(), "{name}");
    }
}

#[test]
fn what_a_caller_must_not_see() {
    let fields = [
        ("Connection", "X-Hop"),
        ("X-Hop", "x"),
        ("Keep-Alive", "x"),
        ("Transfer-Encoding", "x"),
        ("Trailer", "x"),
        ("Proxy-Status", "x"),
        ("RateLimit", "x"),
        ("RateLimit-Policy", "x"),
        ("RateLimit_Reset", "x"),
        ("Access-Control-Allow-Origin", "x"),
        ("X-Request-Id", "x"),
        ("Limen-Subscription", "x"),
        ("limen_x", "x"),
        ("Alt-Svc", "x"),
        ("Server", "x"),
        ("X-Powered-By", "x"),
        ("WWW-Authenticate", "x"),
        ("Set-Cookie", "x"),
        ("Set-Cookie", "y"),
        ("Content-Type", "x"),
        ("ETag", "x"),
        ("X-RateLimit-Limit", "x"),
        ("Retry-After", "x"),
        ("Location", "x"),
        ("Vary", "x"),
        ("Link", "x"),
        ("Cache-Control", "x"),
    ];
    let kept =
        ["cache-control", "content-type", "etag", "link", "location", "retry-after", "vary", "x-ratelimit-limit"];
    let mut headers = head(&fields);
    strip_response(&mut headers, &ResponsePassage::default());
    assert_eq!(left(&headers), kept);

    let mut headers = head(&fields);
    strip_response(&mut headers, &ResponsePassage { cookies: true, transparent: true });
    let mut expected = [kept.as_slice(), &["server", "set-cookie", "www-authenticate", "x-powered-by"]].concat();
    expected.sort_unstable();
    assert_eq!(left(&headers), expected);
    assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
}

#[test]
fn trailers_say_little() {
    let mut trailers = head(&[
        ("Grpc-Status", "0"),
        ("Server-Timing", "x"),
        ("Digest", "x"),
        ("Limen_User", "x"),
        ("Limen-User", "x"),
        ("Content-Length", "1"),
        ("Content_Type", "x"),
        ("Host", "x"),
        ("Authorization", "x"),
        ("Set-Cookie", "x"),
        ("Transfer-Encoding", "x"),
        ("Location", "x"),
        ("Access-Control-Allow-Origin", "*"),
        ("X-Forwarded-For", "x"),
        ("If-Match", "x"),
        ("Cache-Control", "x"),
        ("WWW-Authenticate", "x"),
        ("Cookie", "x"),
        ("RateLimit", "x"),
    ]);
    strip_trailers(&mut trailers);
    assert_eq!(left(&trailers), ["digest", "grpc-status", "server-timing"]);
}

#[test]
fn sound_heads() {
    for (fields, version) in [
        (&[("Host", "h")][..], Version::HTTP_11),
        (&[("Host", "h"), ("Content-Length", "0")], Version::HTTP_11),
        (&[("Host", "h"), ("Transfer-Encoding", "Chunked")], Version::HTTP_11),
        (&[("Host", "h"), ("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket")], Version::HTTP_11),
        (&[], Version::HTTP_10),
        (&[("Content-Length", "18446744073709551615")], Version::HTTP_2),
        (&[("Host", "h"), ("Authorization", "a")], Version::HTTP_2),
    ] {
        assert_eq!(check_framing(&head(fields), version), Ok(()), "{fields:?}");
    }
}

#[test]
fn doubtful_heads() {
    let host = ("Host", "h");
    for (fields, version, pointer) in [
        (&[][..], Version::HTTP_11, "/host"),
        (&[host, host], Version::HTTP_11, "/host"),
        (&[("Host", "")], Version::HTTP_11, "/host"),
        (&[("Host", "a b")], Version::HTTP_10, "/host"),
        (&[host, host], Version::HTTP_2, "/host"),
        (&[("Host", "\u{e4}")], Version::HTTP_11, "/host"),
        (&[host, ("Content-Length", "5"), ("Content-Length", "5")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "5, 5")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "+5")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "-0")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "0x5")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "18446744073709551616")], Version::HTTP_11, "/content-length"),
        (&[host, ("Content-Length", "5"), ("Transfer-Encoding", "chunked")], Version::HTTP_11, "/transfer-encoding"),
        (&[host, ("Transfer-Encoding", "gzip, chunked")], Version::HTTP_11, "/transfer-encoding"),
        (
            &[host, ("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
            Version::HTTP_11,
            "/transfer-encoding",
        ),
        (&[host, ("Transfer-Encoding", "identity")], Version::HTTP_11, "/transfer-encoding"),
        (&[host, ("Transfer-Encoding", "chunked")], Version::HTTP_10, "/transfer-encoding"),
        (&[("Transfer-Encoding", "chunked")], Version::HTTP_2, "/transfer-encoding"),
        (&[("Connection", "close")], Version::HTTP_2, "/connection"),
        (&[host, ("Connection", "close, Content-Length")], Version::HTTP_11, "/connection"),
        (&[host, ("Connection", "if-match")], Version::HTTP_11, "/connection"),
    ] {
        let refusal = check_framing(&head(fields), version).expect_err(pointer);
        assert_eq!(refusal.cause, Cause::MalformedRequest);
        assert_eq!(refusal.errors.len(), 1, "{fields:?}: {}", refusal.detail);
        assert_eq!(refusal.errors.first().unwrap().pointer, pointer, "{fields:?}");
        assert_eq!(refusal.challenges.token, None);
    }
}

#[test]
fn all_that_is_wrong_is_told() {
    let fields = [("Authorization", "a"), ("Authorization", "a"), ("Content-Length", "x")];
    let refusal = check_framing(&head(&fields), Version::HTTP_11).unwrap_err();
    let pointers: Vec<_> = refusal.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/host", "/content-length", "/authorization"]);
    assert_eq!(refusal.challenges.token, Some(BearerError::InvalidRequest));
    assert!(refusal.errors.iter().all(|error| refusal.detail.contains(&error.message)));
}

#[test]
fn authorities() {
    for good in ["h", "a.example.com:8080", "127.0.0.1:0", "[::1]", "[::1]:443", "h:", "a_b~c-d", "EXAMPLE.org."] {
        assert!(is_authority(good), "{good}");
    }
    for bad in [
        "", ":80", "u@h", "u:p@h", "h:65536", "h:+1", "h:a", "h:1:2", "::1", "[::1", "[]", "[::1]x", "[h]", "h/", "h?",
        "h#", "h\\", "h h", "ä", "h,g", "%41",
    ] {
        assert!(!is_authority(bad), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_ours_passes(
        names in prop::collection::vec("(limen|Limen|LIMEN|x)[-_][a-z_-]{0,4}", 0..8), connection in "[a-z,\"_ -]{0,20}",
    ) {
        let mut headers = HeaderMap::new();
        for name in &names {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("x"));
        }
        headers.append("connection", HeaderValue::from_str(&connection).unwrap());
        let mut trailers = headers.clone();
        strip_request(&mut headers, &Method::GET, &RequestPassage::default());
        strip_trailers(&mut trailers);
        for name in headers.keys().chain(trailers.keys()) {
            prop_assert!(!name.as_str().replace('_', "-").starts_with("limen-"));
        }
        let again = headers.clone();
        strip_request(&mut headers, &Method::GET, &RequestPassage::default());
        prop_assert_eq!(headers, again);
    }

    #[test]
    fn an_authority_is_one_to_the_library_that_sends(text in "[a-z0-9.:\\[\\]@%_~/-]{0,12}") {
        if is_authority(&text) {
            prop_assert!(text.parse::<http::uri::Authority>().is_ok(), "{}", text);
        }
    }
}
