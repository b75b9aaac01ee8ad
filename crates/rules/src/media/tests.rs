//! Which announcements of a body are accepted, and what `Accept` means for a refusal.

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn ranges(names: &[&str]) -> Vec<MediaRange> {
    names.iter().map(|name| MediaRange::parse(name).expect(name)).collect()
}

fn fields(content_types: &[&str], encodings: &[&str]) -> HeaderMap {
    let of = |name: HeaderName, texts: &[&str]| -> Vec<_> {
        texts.iter().map(|text| (name.clone(), HeaderValue::from_str(text).unwrap())).collect()
    };
    of(CONTENT_TYPE, content_types).into_iter().chain(of(CONTENT_ENCODING, encodings)).collect()
}

fn decide(method: Method, content_types: &[&str], encodings: &[&str], accepted: &[&str]) -> Result<Media, Refusal> {
    accept(&method, &fields(content_types, encodings), true, true, &ranges(accepted))
}

#[test]
fn accepted_bodies() {
    for (content_type, accepted) in [
        ("application/json", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;charset=\"UTF-8\" ; x=\"a;b\\\"\"", "application/json"),
        ("application/json ;;charset=utf8;", "application/json"),
        ("application/vnd.x+json", "application/vnd.x+json"),
        ("application/json", "application/*"),
        ("application/problem+json", "*/*"),
    ] {
        assert_eq!(decide(Method::POST, &[content_type], &[], &[accepted]), Ok(Media::Json), "{content_type}");
    }
    let csv = decide(Method::POST, &["text/csv; charset=latin1"], &["gzip"], &["application/json", "text/*"]).unwrap();
    let Media::Other(csv) = csv else { panic!("{csv:?}") };
    assert_eq!((csv.type_name.as_str(), csv.subtype.as_str()), ("text", "csv"));
    assert_eq!(csv.parameter("charset"), Some("latin1"));
}

#[test]
fn refused_bodies() {
    for (content_types, words) in [
        (&[][..], "without a Content-Type. Send Content-Type: application/json."),
        (&["text/plain"], "type text/plain is not accepted"),
        (&["application/vnd.x+json"], "is not accepted"),
        (&["application/x-www-form-urlencoded"], "is not accepted"),
        (&["application/json; charset=iso-8859-1"], "charset is not UTF-8"),
        (&["application/json; charset=utf-16"], "charset is not UTF-8"),
        (&["application/json; charset=utf-8; charset=utf-7"], "can't be read"),
        (&["application/json, text/plain"], "can't be read"),
        (&["application/json; charset"], "can't be read"),
        (&["application/json; charset = utf-8"], "can't be read"),
        (&["application/json; x=\"a"], "can't be read"),
        (&["application/json; x=\"a\"b\""], "can't be read"),
        (&["json"], "can't be read"),
        (&[""], "can't be read"),
        (&["/"], "can't be read"),
        (&["application/json/x"], "can't be read"),
        (&["application /json"], "can't be read"),
    ] {
        let refusal = decide(Method::POST, content_types, &[], &["application/json"]).expect_err(words);
        assert_eq!(refusal.cause, Cause::MediaTypeUnsupported);
        assert!(refusal.message.contains(words), "{content_types:?}: {}", refusal.message);
        assert_eq!(refusal.accept.as_deref(), Some("application/json"));
        assert!(!refusal.accept_identity);
    }
}

#[test]
fn the_types_that_would_do_are_named() {
    let refusal = decide(Method::PUT, &["a/b"], &[], &["application/json", "text/csv", "image/*"]).unwrap_err();
    assert_eq!(refusal.accept.as_deref(), Some("application/json, text/csv, image/*"));
    assert!(refusal.message.ends_with("Send a Content-Type of application/json, text/csv or image/*."));
    let refusal = decide(Method::PUT, &["a/b"], &[], &[]).unwrap_err();
    assert_eq!(refusal.accept, None);
    assert!(refusal.message.ends_with("takes no body."));
}

#[test]
fn compressed_json_is_refused() {
    for (encodings, is_fine) in [
        (&["identity"][..], true),
        (&["Identity, identity", ""], true),
        (&["gzip"], false),
        (&["identity", "br"], false),
        (&["identity,gzip"], false),
    ] {
        let found = decide(Method::POST, &["application/json"], encodings, &["application/json"]);
        assert_eq!(found.is_ok(), is_fine, "{encodings:?}");
        assert!(found.err().is_none_or(|refusal| refusal.accept_identity && refusal.status == 415));
    }
}

#[test]
fn several_content_types_are_malformed() {
    let refusal = decide(Method::POST, &["application/json", "application/json"], &[], &["*/*"]).unwrap_err();
    assert_eq!(refusal.cause, Cause::MalformedRequest);
}

#[test]
fn get_and_delete_may_announce_json() {
    assert_eq!(accept(&Method::GET, &fields(&["text/x"], &[]), false, true, &ranges(&[])), Ok(Media::None));
    assert_eq!(accept(&Method::POST, &fields(&[], &[]), false, true, &ranges(&[])), Ok(Media::None));
    for (method, accepted, media) in [
        (Method::GET, "application/json", Some(Media::Json)),
        (Method::GET, "text/csv", Some(Media::BlankJson)),
        (Method::DELETE, "text/csv", Some(Media::BlankJson)),
        (Method::POST, "text/csv", None),
    ] {
        assert_eq!(decide(method, &["application/json"], &[], &[accepted]).ok(), media);
    }
    assert!(decide(Method::GET, &["text/plain"], &[], &["text/csv"]).is_err());
    assert!(decide(Method::GET, &[], &[], &["text/csv"]).is_err());
    assert!(check_blank(b" {} ", &ranges(&["text/csv"])).is_ok());
    assert_eq!(check_blank(b"{\"a\":1}", &ranges(&["text/csv"])).unwrap_err().cause, Cause::MediaTypeUnsupported);
}

#[test]
fn ranges_are_read() {
    for wrong in ["", "json", "*/json", "text/csv;a=b", "text/", "*"] {
        assert_eq!(MediaRange::parse(wrong), None, "{wrong}");
    }
    assert_eq!(MediaRange::parse("Text/*").unwrap().to_string(), "text/*");
    assert_eq!(MediaRange::parse("application/json"), Some(MediaRange::json()));
}

#[test]
fn the_type_of_a_refusal() {
    for (accept, plain) in [
        ("", false),
        ("*/*", false),
        ("application/*", false),
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/json, */*", false),
        ("application/json, text/plain, */*;q=0.1", false),
        ("application/json, application/problem+json", false),
        ("application/problem+json", false),
        ("application/json, application/problem+json;q=0", true),
        ("application/problem+json;q=0.000, */*", true),
        ("*/*;q=0, application/json", true),
        ("application/*;q=0, application/json;q=0.5, */*", true),
        ("application/json;q=0, */*", false),
        ("application/json;q=0", false),
        ("text/html, application/json;q=0.9", true),
        ("text/html", false),
        ("text/html;x=\"a, application/json\"", false),
        (",, application/json ,", true),
        ("nonsense, application/json", true),
        ("application/json;q=0, application/json;version=1", true),
        ("application/json;x=\"", false),
    ] {
        assert_eq!(prefers_plain_json(accept), plain, "{accept}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>(), close in "[a/*;=\", \\\\q0.]{0,20}") {
        for text in [text, close] {
            let _ = (MediaType::parse(&text), MediaRange::parse(&text), prefers_plain_json(&text));
        }
    }

    #[test]
    fn what_is_written_is_read(
        type_name in "[a-z]{1,5}", subtype in "[a-z.+-]{1,8}", name in "[a-z]{1,5}", value in "[ -~]{0,12}",
    ) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let parsed = MediaType::parse(&format!("{type_name}/{subtype}\t; {name}=\"{quoted}\"")).unwrap();
        prop_assert_eq!(parsed, MediaType { type_name, subtype, parameters: vec![(name, value)] });
    }
}

#[test]
fn what_is_not_read_may_be_compressed_and_of_any_charset() {
    let fields = fields(&["application/json; charset=latin1"], &["gzip"]);
    let judge = |reads_json| accept(&Method::POST, &fields, true, reads_json, &ranges(&["application/json"]));
    assert!(matches!(judge(false), Ok(Media::Other(_))));
    assert!(judge(true).is_err());
}
