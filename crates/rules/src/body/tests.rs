//! What is JSON and what isn't, where a fault is told, and agreement with another parser on made-up documents.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::contract::Location;

fn check(body: &[u8]) -> Result<JsonSummary, Refusal> {
    check_json(body, JsonLimits::default())
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn valid_bodies() {
    use JsonKind::{Array, Boolean, Null, Number, Object, String};
    for (body, kind, is_empty, depth) in [
        ("{}", Object, true, 1),
        (" { \n} ", Object, true, 1),
        ("{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]},\"b\":1}", Object, false, 4),
        ("[]", Array, true, 1),
        ("[[]]", Array, false, 2),
        ("\"\"", String, true, 0),
        ("\"\\ud83d\\ude00 \\u0000\\/\\\"\"", String, false, 0),
        ("\"\u{7f}\u{ffff}é\"", String, false, 0),
        ("-0.0e+00", Number, false, 0),
        ("123456789012345678901234567890.5E-400", Number, false, 0),
        ("1e999", Number, false, 0),
        ("true", Boolean, false, 0),
        ("\t\r\nfalse", Boolean, false, 0),
        ("null", Null, false, 0),
    ] {
        assert_eq!(check(body.as_bytes()), Ok(JsonSummary { kind, is_empty, depth }), "{body}");
    }
}

#[test]
fn faults_are_told_with_their_place() {
    for (body, pointer, words) in [
        ("", "", "line 1, column 1: expected a value, found the end of the body"),
        (" \n ", "", "line 2, column 2: expected a value, found the end of the body"),
        ("{\"a\":1,}", "/a", "line 1, column 8: expected a member name in quotation marks, found }"),
        ("{a:1}", "", "line 1, column 2: expected a member name in quotation marks or }, found a"),
        ("{'a':1}", "", "expected a member name in quotation marks or }, found '"),
        ("{\"a\" 1}", "/a", "line 1, column 6: expected a colon, found 1"),
        ("{\"a\":}", "/a", "line 1, column 6: expected a value, found }"),
        ("{\"a\":1 \"b\":2}", "/a", "line 1, column 8: expected a comma or }, found \""),
        ("{\"é\":\n [1,\n  2 3]}", "/é/1", "line 3, column 5: expected a comma or ], found 3"),
        ("[\"é\", x]", "/1", "line 1, column 7: expected a value, found x"),
        ("[1,]", "/1", "line 1, column 4: expected a value, found ]"),
        ("[1", "/0", "expected a comma or ], found the end of the body"),
        ("[}", "/0", "expected a value, found }"),
        ("{]", "", "expected a member name in quotation marks or }, found ]"),
        ("{} {}", "", "line 1, column 4: expected the end of the body, found {"),
        ("1 2", "", "expected the end of the body, found 2"),
        ("]", "", "expected a value, found ]"),
        ("01", "", "line 1, column 2: expected the end of the body, found 1"),
        ("+1", "", "expected a value, found +"),
        (".5", "", "expected a value, found ."),
        ("1.", "", "expected a digit, found the end of the body"),
        ("[1.e1]", "/0", "line 1, column 4: expected a digit, found e"),
        ("1e", "", "expected a digit"),
        ("-", "", "expected a digit"),
        ("NaN", "", "expected a value, found N"),
        ("tru", "", "line 1, column 4: expected true, found the end of the body"),
        ("nul1", "", "expected null, found 1"),
        ("falsey", "", "expected the end of the body, found y"),
        ("\"a", "", "expected the quotation mark that ends the string, found the end of the body"),
        ("\"a\nb\"", "", "line 1, column 3: expected control characters of a string as \\u escapes, found a line feed"),
        ("\"\u{1f}\"", "", "line 1, column 2: expected control characters of a string as \\u escapes, found U+001F"),
        ("\"\\x\"", "", "expected one of \" \\ / b f n r t u after a backslash, found x"),
        ("\"\\u12g4\"", "", "line 1, column 6: expected four hex digits after \\u, found g"),
        ("\"a\\ud800\"", "", "line 1, column 3: expected both halves of a surrogate pair"),
        ("\"\\udc00\"", "", "expected both halves"),
        ("\"\\ud800\\ud800\"", "", "expected both halves"),
        ("\"\\ud800\\u0041\"", "", "expected both halves"),
        ("\"\\ud800\\n\"", "", "expected both halves"),
        ("[1, // no\n2]", "/1", "line 1, column 5: expected a value, found /"),
        ("[1]\u{0}", "", "line 1, column 4: expected the end of the body, found U+0000"),
        ("\u{a0}1", "", "expected a value, found U+00A0"),
        ("\u{feff}{}", "", "begins with a byte order mark"),
        ("{\u{0}\"\u{0}", "", "UTF-16"),
        ("{\"a\":1,\"b\":2,\"a\":3}", "/a", "line 1, column 14: expected a name that this object doesn't have yet"),
        ("{\"z\":1,\"a\":1,\"a\":2,\"z\":2,\"a\":3}", "/a", "line 1, column 14:"),
        ("{\"x\":[0,{\"a\":1,\"\\u0061\":2}]}", "/x/1/a", "the same name again"),
        ("{\"\\ud83d\\ude00\":1,\"😀\":2}", "/😀", "the same name again"),
        ("{\"a/b~\":1,\"a\\/b~\":2}", "/a~1b~0", "the same name again"),
        ("{\"\":1,\"\":2}", "/", "the same name again"),
        ("{\"a\":{\"b\":1},\"c\":[{\"d\":?}]}", "/c/0/d", "expected a value, found ?"),
    ] {
        let refusal = check(body.as_bytes()).expect_err(body);
        assert_eq!(refusal.cause, Cause::BodyNotJson);
        let error = refusal.errors.first().unwrap();
        assert!(error.message.contains(words), "{body}: {}", error.message);
        assert_eq!((error.pointer.as_str(), error.location), (pointer, Location::Body), "{body}");
        assert!(refusal.message.contains(&error.message) && refusal.detail.contains(&error.message));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_told_with_their_place() {
    let refusal = check(b"[\"\xc3\xa9\",\n\"\xe9\"]").unwrap_err();
    assert!(refusal.detail.contains("line 2, column 2: expected UTF-8"), "{}", refusal.detail);
    assert!(check(b"\xff\xfe{\0}\0").unwrap_err().detail.contains("UTF-16"));
}

#[test]
fn depth_has_a_limit() {
    assert_eq!(check(nested(64).as_bytes()).unwrap().depth, 64);
    let refusal = check(nested(65).as_bytes()).unwrap_err();
    assert!(refusal.detail.contains("line 1, column 65: nested deeper than 64 levels"), "{}", refusal.detail);
    assert!(check("[".repeat(1 << 20).as_bytes()).is_err());
    assert!(check_json(b"{\"a\":[]}", JsonLimits { depth_max: 1 }).is_err());
    assert!(check_json(b"1", JsonLimits { depth_max: 0 }).is_ok());
}

#[test]
fn a_pointer_is_bounded() {
    let name = "n".repeat(300);
    let body = format!("{{\"{name}\":{{\"{name}\":{{\"b\":?}}}}}}");
    let refusal = check(body.as_bytes()).unwrap_err();
    assert_eq!(refusal.errors.first().unwrap().pointer, format!("/{name}"));
}

#[test]
fn many_names_are_compared() {
    let members: Vec<_> = (0..100_000).map(|number| format!("\"{number:05}\":0")).collect();
    let body = format!("{{{}}}", members.join(","));
    assert!(check(body.as_bytes()).is_ok());
    let body = format!("{{{},\"\\u00300000\":0}}", members.join(","));
    assert_eq!(check(body.as_bytes()).unwrap_err().errors.first().unwrap().pointer, "/00000");
}

#[test]
fn blank_bodies() {
    for blank in ["", " \r\n\t", "\"\"", " \"\" ", "{}", " { } \n"] {
        assert!(is_blank(blank.as_bytes()), "{blank:?}");
    }
    for full in ["[]", "null", "\" \"", "{\"a\":1}", "{", "}", "{}{}", "\"", "0", "\u{feff}"] {
        assert!(!is_blank(full.as_bytes()), "{full:?}");
    }
}

#[test]
fn a_services_words() {
    for (body, message) in [
        (json!({"detail": "d", "message": " m ", "title": "t"}), Some("m")),
        (json!({"message": "", "detail": "d"}), Some("d")),
        (json!({"message": {"text": "m"}, "title": "t"}), Some("t")),
        (json!([{"message": "first"}, {"message": "second"}]), Some("first")),
        (json!([{"detail": "d"}]), None),
        (json!([]), None),
        (json!({"error": "e"}), None),
        (json!({"message": "a\r\nb\u{0}c"}), Some("a  b c")),
        (json!("text"), None),
        (json!(null), None),
    ] {
        let found = service_message(body.to_string().as_bytes()).unwrap();
        assert_eq!(found.message.as_deref(), message, "{body}");
        assert_eq!(found.body, body);
    }
    assert_eq!(service_message(b"<html>"), None);
    assert_eq!(service_message(b""), None);
}

#[test]
fn a_services_words_are_bounded() {
    let long = service_message(json!({"message": "é".repeat(1_001)}).to_string().as_bytes()).unwrap().message.unwrap();
    assert_eq!(long.chars().count(), SERVICE_MESSAGE_CHARS_MAX);
    assert!(long.ends_with('…'));
    let whole = json!({"message": "é".repeat(1_000)}).to_string();
    assert!(service_message(whole.as_bytes()).unwrap().message.unwrap().ends_with('é'));
    assert_eq!(service_message(json!({"message": "x".repeat(SERVICE_BODY_LEN_MAX)}).to_string().as_bytes()), None);
    assert_eq!(service_message(nested(10_000).as_bytes()), None);
}

/// The oracle: another parser's verdict and its reading of names; none on numbers that only it finds too large.
fn accepted_by_another(body: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<oracle::Strict>(body) {
        Ok(oracle::Strict) => Some(true),
        Err(error) if error.to_string().starts_with("number out of range") => None,
        Err(_) => Some(false),
    }
}

mod oracle {
    use std::collections::HashSet;

    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

    /// Any value whose objects have distinct names; numbers as serde_json reads them.
    pub(super) struct Strict;

    impl<'de> Deserialize<'de> for Strict {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Strict)
        }
    }

    impl<'de> Visitor<'de> for Strict {
        type Value = Self;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("JSON")
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
            Ok(self)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
            Ok(self)
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
            Ok(self)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
            Ok(self)
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
            Ok(self)
        }
        fn visit_unit<E: Error>(self) -> Result<Self, E> {
            Ok(self)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
            while elements.next_element::<Self>()?.is_some() {}
            Ok(self)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
            let mut names = HashSet::new();
            while let Some((name, _)) = members.next_entry::<String, Self>()? {
                if !names.insert(name) {
                    return Err(A::Error::custom("duplicate"));
                }
            }
            Ok(self)
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\\\\\"é/~]{0,2}", inner), 0..5).prop_map(Value::from_iter),
        ]
    })
}

/// Text made of JSON's own pieces: seldom valid, always close to it.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\"a\"",
        "\"b\":",
        "\"a\":",
        "\"\\u0061\":1",
        "1",
        "0",
        "-",
        ".5",
        "e3",
        "true",
        "null",
        " ",
        "\n",
        "\\u",
        "d83d",
        "\\ude00",
        "\"\\ud83d\\ude00\"",
        "é",
        "\u{0}",
        "{}",
        "[1]",
    ]);
    prop::collection::vec(pieces, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn written_documents_are_valid(value in value()) {
        prop_assert!(check(value.to_string().as_bytes()).is_ok());
        prop_assert!(check(serde_json::to_string_pretty(&value).unwrap().as_bytes()).is_ok());
    }

    #[test]
    fn mutated_documents_are_judged_as_by_another(
        value in value(), place in any::<prop::sample::Index>(), byte in any::<u8>(), kind in 0..3,
    ) {
        let mut body = value.to_string().into_bytes();
        let at = place.index(body.len());
        match kind {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            _ => drop(body.remove(at)),
        }
        if let Some(expected) = accepted_by_another(&body) {
            prop_assert_eq!(check(&body).is_ok(), expected, "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn near_documents_are_judged_as_by_another(text in pieces()) {
        if let Some(expected) = accepted_by_another(text.as_bytes()) {
            prop_assert_eq!(check(text.as_bytes()).is_ok(), expected, "{}", text);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = (check(&bytes), is_blank(&bytes), service_message(&bytes));
    }

    #[test]
    fn blank_means_empty(bytes in "[ \\n\"{}\\[\\]0]{0,5}") {
        let is_empty = |summary: JsonSummary| summary.is_empty && summary.kind != JsonKind::Array;
        let expected = bytes.trim().is_empty() || check(bytes.as_bytes()).is_ok_and(is_empty);
        prop_assert_eq!(is_blank(bytes.as_bytes()), expected);
    }
}
