//! What policies read: one form for each value.

use std::collections::HashMap;

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Api, Operation};
use crate::parameter::text::encoded;
use crate::parameter::{Given, LiveParameters};

fn live(parameters: &Value) -> LiveParameters {
    let operation = json!({
        "name": "read", "method": "GET", "path": "/things/{id}/{free}", "parameters": parameters,
    });
    let api =
        json!({"name": "a", "base_path": "/a", "schemas": {"Id": {"type": "integer"}}, "operations": [operation]});
    let api: Api = serde_json::from_value(api).expect("an API");
    let operation: &Operation = api.operations.first().expect("an operation");
    LiveParameters::compile(&api, operation, &crate::schema::Library::new(&api.schemas)).expect("parameters")
}

fn sample() -> LiveParameters {
    live(&json!([
        {"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/schemas/Id"}},
        {"name": "constituent_id", "in": "query", "schema": {"type": ["integer", "null"]}},
        {"name": "kind", "in": "query", "schema": {"type": "string", "enum": ["a", "b c"]}},
        {"name": "all", "in": "query", "schema": {"type": "boolean"}},
        {"name": "ids", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
        {"name": "filter[id]", "in": "query", "schema": {"type": "integer"}},
        {"name": "free", "in": "query", "schema": {"type": "integer"}},
    ]))
}

fn read(parameters: &LiveParameters, name: &str, rest: &str, query: &str) -> Result<Option<Value>, String> {
    let headers = HeaderMap::new();
    let given = Given { rest, query: Some(query), headers: &headers };
    parameters.canonical(name, &given).map_err(|error| error.message)
}

#[test]
fn each_type_has_one_form() {
    let sample = sample();
    let in_path = |text: &str| read(&sample, "id", &format!("/things/{text}/x"), "").ok().flatten();
    for (text, want) in [("0", 0), ("280", 280), ("-1", -1), ("-9223372036854775808", i64::MIN)] {
        assert_eq!(in_path(text), Some(json!(want)), "{text}");
    }
    for text in ["-0", "+1", "01", "1.0", "1e2", "", "%31", "9223372036854775808", "0x1", "1_000", "١", "1,2", " 1"] {
        assert_eq!(in_path(text), None, "{text}");
    }
    for (query, want) in [("all=true", Some(true)), ("all=false", Some(false)), ("x=1", None)] {
        assert_eq!(read(&sample, "all", "", query), Ok(want.map(Value::Bool)), "{query}");
    }
    for query in ["all=TRUE", "all=1", "all=", "all", "all=tru%65"] {
        assert!(read(&sample, "all", "", query).is_err(), "{query}");
    }
    for (query, want) in [("kind=b%20c", "b c"), ("kind=%C3%A4", "ä"), ("kind=", ""), ("kind=a%2Cb", "a,b")] {
        assert_eq!(read(&sample, "kind", "", query), Ok(Some(json!(want))), "{query}");
    }
    for query in ["kind", "kind=b+c", "kind=%c3%a4", "kind=a,b", "kind=%61", "kind=%C3", "kind=%0A", "kind=a%7F"] {
        assert!(read(&sample, "kind", "", query).is_err(), "{query}");
    }
}

#[test]
fn a_name_stands_there_once_however_it_is_spelt() {
    let sample = sample();
    let id = |query: &str| read(&sample, "constituent_id", "", query);
    assert_eq!(id("a=1&constituent_id=280&b=2"), Ok(Some(json!(280))));
    assert_eq!(id("constituent_ids=1&xconstituent_id=2&=&&constituent=3"), Ok(None));
    for query in [
        "constituent_id=1&constituent_id=1",
        "constituent_id=1&constituent%5Fid=280",
        "constituent%5Fid=280",
        "constituent_id=1&Constituent_Id=280",
        "Constituent_Id=280",
        "constituent_id[]=280",
        "constituent_id=1&constituent_id%5B0%5D=280",
        "constituent.id=280",
        "constituent+id=280",
        "+constituent_id=280",
        "[constituent_id]=280",
        "%5Bconstituent_id%5D=280",
        "constituent_id=1&[constituent_id]=280",
        "constituent[id=280",
        "constituent%5Bid=280",
        "!constituent_id=280",
        "_constituent_id=280",
        "a=1;constituent_id=280",
        "constituent_id=1;a=2",
        "constituent_id=1;constituent_id=280",
    ] {
        assert!(id(query).is_err(), "{query}");
    }
    let words = id("constituent%5Fid=280").expect_err("spelt otherwise");
    assert_eq!(words, "The parameter 'constituent_id' must be spelt so: constituent_id=.");
}

#[test]
fn names_with_brackets_stand_for_themselves() {
    let sample = sample();
    assert_eq!(read(&sample, "filter[id]", "", "filter[id]=5&filter[name]=x"), Ok(Some(json!(5))));
    assert_eq!(read(&sample, "filter[id]", "", "filter%5Bid%5D=5"), Ok(Some(json!(5))));
    assert!(read(&sample, "filter[id]", "", "filter[id]=5&filter%5Bid%5D=6").is_err());
    assert!(read(&sample, "filter[id]", "", "filter%5bid%5d=5").is_err());
}

#[test]
fn what_is_not_declared_is_text_and_the_path_goes_first() {
    let sample = sample();
    assert_eq!(read(&sample, "free", "/things/1/a%20b", "free=7"), Ok(Some(json!("a b"))));
    assert_eq!(read(&sample, "unknown", "", "unknown=7"), Ok(Some(json!("7"))));
    assert!(read(&sample, "ids", "", "ids=7").is_err());
    assert_eq!(read(&sample, "ids", "", ""), Ok(None));
}

#[test]
fn errors_say_the_form_and_never_a_secret() {
    let sample = sample();
    let words = read(&sample, "id", "/things/007/x", "").expect_err("zeros");
    assert_eq!(
        words,
        "The parameter 'id' must be a whole number of 64 bits in digits, such as 280, without + or a zero before it, \
         not '007'."
    );
    let words = read(&sample, "kind", "", "kind=a,b").expect_err("a comma");
    assert!(words.ends_with("everything else as %XX in capitals: write a%2Cb."), "{words}");
    let words = read(&sample, "api_key", "", "api_key=hush%2chush").expect_err("small digits");
    assert!(!words.contains("hush"), "{words}");
}

proptest! {
    /// What has a value is written in the one way that the value is written in.
    #[test]
    fn no_two_texts_have_one_value(texts in prop::collection::vec("[-+.%0-9a-fA-F_~, ]{0,6}", 1..60)) {
        let sample = sample();
        for name in ["constituent_id", "kind", "all"] {
            let mut seen: HashMap<String, &String> = HashMap::new();
            for text in &texts {
                if let Ok(Some(value)) = read(&sample, name, "", &format!("{name}={text}")) {
                    let other = seen.insert(value.to_string(), text);
                    prop_assert!(other.is_none_or(|other| other == text), "{other:?} and {text:?} are both {value}");
                    let written = value.as_str().map_or_else(|| value.to_string(), encoded);
                    prop_assert_eq!(&written, text);
                }
            }
        }
    }

    /// Every value can be sent.
    #[test]
    fn every_value_has_a_text(number in any::<i64>(), text in "[^\\p{Cc}]{0,20}") {
        let sample = sample();
        prop_assert_eq!(
            read(&sample, "constituent_id", "", &format!("constituent_id={number}")),
            Ok(Some(json!(number)))
        );
        let query = format!("kind={}", encoded(&text));
        prop_assert_eq!(read(&sample, "kind", "", &query), Ok(Some(json!(text))));
    }
}
