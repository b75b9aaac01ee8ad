//! 415: a body came without a `Content-Type`, or with one that the operation doesn't accept.

use crate::stage::Stage;

#[test]
fn a_body_says_what_it_is() {
    let stage = Stage::new();
    let http = stage.http();
    let post = |fields: &[(&str, &str)], body: &[u8]| http.call("POST", "/open/items", fields, Some(body));
    let missing = "The body came without a Content-Type. Send Content-Type: application/json.";
    let answer = stage.refused_in_both_forms(415, "media-type-unsupported", missing, |fields| post(fields, b"{}"));
    assert_eq!(answer.header("accept"), Some("application/json"));
    for (content_type, message) in [
        ("text/plain", "The body's type text/plain is not accepted. Send Content-Type: application/json."),
        (
            "application/x-www-form-urlencoded",
            "The body's type application/x-www-form-urlencoded is not accepted. Send Content-Type: application/json.",
        ),
        (
            "application/merge-patch+json",
            "The body's type application/merge-patch+json is not accepted. Send Content-Type: application/json.",
        ),
        ("json", "The Content-Type can't be read as a media type. Send Content-Type: application/json."),
        ("application/json;", ""),
        ("application/json; charset=latin1", "The body's charset is not UTF-8. Send Content-Type: application/json."),
    ] {
        let answer = post(&[("Content-Type", content_type)], b"{}");
        if message.is_empty() {
            assert_eq!(answer.status, 200, "{content_type}: {answer:#?}");
            continue;
        }
        stage.refused(&answer, 415, "media-type-unsupported", message);
        assert_eq!(answer.header("accept"), Some("application/json"));
        assert_eq!(answer.header("accept-encoding"), None);
    }
    for content_type in
        ["application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\"", "application/json;v=2"]
    {
        assert_eq!(post(&[("Content-Type", content_type)], b"{}").status, 200, "{content_type}");
    }
    assert_eq!(stage.service.last().header("content-type"), Some("application/json;v=2"));

    let compressed = "The body is compressed; send it without a Content-Encoding. Send Content-Type: application/json.";
    let answer = post(&[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], b"\x1f\x8b");
    stage.refused(&answer, 415, "media-type-unsupported", compressed);
    assert_eq!(answer.header("accept-encoding"), Some("identity"));
    let identity = [("Content-Type", "application/json"), ("Content-Encoding", "identity")];
    assert_eq!(post(&identity, b"{}").status, 200);
    // An API that takes anything takes it compressed, and as it is.
    let gzip = [("Content-Type", "application/octet-stream"), ("Content-Encoding", "gzip")];
    assert_eq!(http.call("POST", "/lenient/items", &gzip, Some(b"\x1f\x8b")).status, 200);
    assert_eq!(stage.service.last().body, b"\x1f\x8b");
    // What no operation reads needs no type: without a body there is nothing to say.
    assert_eq!(http.call("POST", "/open/items", &[], None).status, 200);
    assert_eq!(http.call("POST", "/open/items", &[], Some(b"")).status, 200);
}
