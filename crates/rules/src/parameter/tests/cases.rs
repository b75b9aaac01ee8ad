//! Requests and what is told of their parameters.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::written::live;
use crate::contract::FIELD_ERRORS_MAX;
use crate::model::{Api, Operation};
use crate::parameter::{Given, LiveParameters};

fn operation(api: &Value, parameters: &Value) -> LiveParameters {
    let mut declared = json!({
        "name": "a", "base_path": "/a", "validate": "schema",
        "operations": [{"name": "read", "method": "GET", "path": "/things/{id}", "parameters": parameters}],
    });
    let members = api.as_object().expect("an object").clone();
    declared.as_object_mut().expect("an object").extend(members);
    let api: Api = serde_json::from_value(declared).expect("an API");
    let operation: &Operation = api.operations.first().expect("an operation");
    LiveParameters::compile(&api, operation, &crate::schema::Library::new(&api.schemas)).expect("parameters")
}

/// Each error as `in pointer: message`.
fn found(live: &LiveParameters, rest: &str, query: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        headers.append(name.parse::<HeaderName>().expect("a name"), value);
    }
    let errors = live.check(&Given { rest, query: Some(query), headers: &headers });
    errors.iter().map(|one| format!("{:?} {}: {}", one.location, one.pointer, one.message)).collect()
}

fn in_query(schema: &Value, more: &Value) -> LiveParameters {
    let mut parameter = json!({"name": "v", "in": "query", "schema": schema});
    parameter.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    live(&parameter)
}

#[test]
fn everything_is_told_at_once() {
    let live = operation(
        &json!({"cookies": true}),
        &json!([
            {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}},
            {"name": "limit", "in": "query", "schema": {"type": "integer"}},
            {"name": "since", "in": "query", "required": true, "schema": {"type": "string"}},
            {"name": "ids", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
            {"name": "X-Deep", "in": "header", "schema": {"type": "boolean"}},
            {"name": "seen", "in": "cookie", "schema": {"type": "number"}},
        ]),
    );
    let fields = [("x-deep", "yes"), ("cookie", "a=b; seen=often")];
    assert_eq!(
        found(&live, "/things/x1", "limit=&ids=1&ids=b&ids=3", &fields),
        [
            "Path /id: The path parameter 'id' must be a whole number, not 'x1'.",
            "Query /limit: The query parameter 'limit' is empty where it must be a whole number.",
            "Query /since: The query parameter 'since' is required and missing.",
            "Query /ids/1: The query parameter 'ids' must be a whole number, not 'b'.",
            "Header /X-Deep: The header 'X-Deep' must be true or false, not 'yes'.",
            "Header /seen: The cookie 'seen' must be a number, not 'often'.",
        ]
    );
    let fields = [("X-DEEP", "true"), ("cookie", "a=b"), ("cookie", "seen=1.5")];
    assert_eq!(found(&live, "/things/1", "limit=5&since=&ids=1&other=x", &fields), [""; 0]);
}

#[test]
fn texts_are_read_by_their_types() {
    for (schema, right, wrong) in [
        (json!({"type": "integer"}), &["0", "-5", "12"][..], &["1.0", "1e3", "007", "+1", "", "1 ", "0x1", "%2B1"][..]),
        (json!({"type": "number"}), &["0", "-5.25", "1e3"], &["NaN", "1.", ".5", "1,5", "Infinity", "--1", "1e999"]),
        (json!({"type": "boolean"}), &["true", "false"], &["True", "1", "on", ""]),
        (json!({"type": ["integer", "null"]}), &["5", "null", ""], &["nil"]),
        (json!({"type": ["integer", "string"]}), &["5", "x", ""], &[]),
        (json!({"type": "null"}), &["", "null"], &["0"]),
        (json!({}), &["", "1", "x"], &[]),
        (json!({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}), &["5", "true"], &["x"]),
        (json!({"type": "integer", "allOf": [{"type": "number"}]}), &["5"], &["5.5"]),
    ] {
        let live = in_query(&schema, &json!({}));
        for text in right {
            assert_eq!(found(&live, "", &format!("v={text}"), &[]), [""; 0], "{schema} {text}");
        }
        for text in wrong {
            assert_eq!(found(&live, "", &format!("v={text}"), &[]).len(), 1, "{schema} {text}");
        }
    }
}

#[test]
fn one_value_is_given_once() {
    let live = in_query(&json!({"type": "integer"}), &json!({}));
    let twice = ["Query /v: The query parameter 'v' is given 2 times; give it once."];
    assert_eq!(found(&live, "", "v=1&v=1", &[]), twice);
    assert_eq!(found(&live, "", "v=1&%76=2", &[]), twice, "however its name is escaped");
    assert_eq!(found(&live, "", "v=1&V=2", &[]), [""; 0], "another name");
    let list = in_query(&json!({"type": "array", "items": {"type": "integer"}}), &json!({"explode": false}));
    assert_eq!(found(&list, "", "v=1,2&v=3", &[]), twice);
    let header = super::written::live(&json!({"name": "X-V", "in": "header", "schema": {"type": "integer"}}));
    assert_eq!(found(&header, "", "", &[("x-v", "1"), ("X-V", "2")]).len(), 1);
    let header = super::written::live(
        &json!({"name": "X-V", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}}),
    );
    assert_eq!(found(&header, "", "", &[("x-v", "1, 2"), ("X-V", ",3")]), [""; 0]);
}

#[test]
fn escapes_are_no_delimiters_unless_nothing_else_is_right() {
    let integers = json!({"type": "array", "items": {"type": "integer"}});
    let comma = json!({"explode": false});
    assert_eq!(found(&in_query(&integers, &comma), "", "v=1,2,3", &[]), [""; 0]);
    assert_eq!(found(&in_query(&integers, &comma), "", "v=1%2C2%2c3", &[]), [""; 0], "as many write it");
    assert_eq!(found(&in_query(&integers, &comma), "", "v=1%2Cb", &[]).len(), 1);
    let space = json!({"style": "spaceDelimited"});
    assert_eq!(found(&in_query(&integers, &space), "", "v=1%202+3", &[]), [""; 0]);
    let pipe = json!({"style": "pipeDelimited"});
    assert_eq!(found(&in_query(&integers, &pipe), "", "v=1|2%7C3%7c4", &[]), [""; 0]);
    assert_eq!(found(&in_query(&integers, &pipe), "", "v=1|x", &[]).len(), 1);
    let repeated = json!({"style": "pipeDelimited", "explode": true});
    assert_eq!(found(&in_query(&integers, &repeated), "", "v=1&v=2", &[]), [""; 0]);
}

#[test]
fn what_is_not_utf_8_is_refused_by_its_name() {
    let live = in_query(&json!({"type": "string"}), &json!({}));
    let words = ["Query /v: The query parameter 'v' is not UTF-8; percent-encode text as UTF-8."];
    assert_eq!(found(&live, "", "v=%FF", &[]), words);
    assert_eq!(found(&live, "", "v=%C3%A4&%FF=1", &[]), [""; 0], "somebody else's");
    let mut headers = HeaderMap::new();
    headers.insert("v", HeaderValue::from_bytes(b"\xff").expect("a value"));
    let header = super::written::live(&json!({"name": "V", "in": "header", "schema": {"type": "string"}}));
    assert_eq!(header.check(&Given { rest: "", query: None, headers: &headers }).len(), 1);
}

#[test]
fn objects_have_three_ways_in_a_query() {
    let schema = json!({"type": "object", "properties": {
        "from": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "integer"}},
        "in": {"type": "object", "properties": {"x": {"type": "integer"}}},
    }});
    let deep = in_query(&schema, &json!({"style": "deepObject", "required": true}));
    for query in ["v[from]=1", "v%5Bfrom%5D=1&w=2", "v[in][x]=5", "v[tags]=1&v[tags]=2", "v[tags][]=1&v[tags][]=2"] {
        assert_eq!(found(&deep, "", query, &[]), [""; 0], "{query}");
    }
    for query in [
        "",
        "v=1",
        "v[from]=x",
        "v[from]=1&v[from]=2",
        "v[in][x]=y",
        "v[in]=1&v[in][x]=1",
        "v[tags]=1&v[tags]=b",
        "v[a][b][c][d][e][f][g]=1",
    ] {
        assert_eq!(found(&deep, "", query, &[]).len(), 1, "{query}");
    }
    let spread = in_query(&schema, &json!({"required": true}));
    assert_eq!(found(&spread, "", "from=1&other=x&tags=1&tags=2", &[]), [""; 0]);
    assert_eq!(found(&spread, "", "from=1&from=2", &[]).len(), 1);
    assert_eq!(found(&spread, "", "other=1", &[]).len(), 1, "none of its members");
    let flat = in_query(&schema, &json!({"explode": false}));
    assert_eq!(found(&flat, "", "v=from,1,other,x", &[]), [""; 0]);
    for query in ["v=from", "v=from,x", "v=from,1,from,2"] {
        assert_eq!(found(&flat, "", query, &[]).len(), 1, "{query}");
    }
}

#[test]
fn json_in_a_parameter_is_read_as_json() {
    let live = in_query(&json!({"type": "object"}), &json!({"media_type": "application/json"}));
    for query in ["v=%7B%22a%22%3A1%7D", "v={%22a%22:[1]}", ""] {
        assert_eq!(found(&live, "", query, &[]), [""; 0], "{query}");
    }
    for query in ["v=", "v={", "v={%22a%22:1,%22a%22:2}", "v={}&v={}", "v=%FF"] {
        assert_eq!(found(&live, "", query, &[]).len(), 1, "{query}");
    }
    let depth = format!("v={}", "[".repeat(5_000));
    assert_eq!(found(&live, "", &depth, &[]).len(), 1);
    let other = in_query(&json!({}), &json!({"media_type": "application/xml"}));
    assert_eq!(found(&other, "", "v=%3Ca", &[]), [""; 0]);
}

#[test]
fn strangers_pass_unless_they_are_refused() {
    let parameters = json!([
        {"name": "limit", "in": "query", "schema": {"type": "integer"}},
        {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}},
        {"name": "page", "in": "query", "schema": {"type": "object", "properties": {"offset": {"type": "integer"}}}},
    ]);
    let tolerant = operation(&json!({}), &parameters);
    assert_eq!(found(&tolerant, "/things/1", "lmit=5", &[]), [""; 0]);
    let strict = operation(&json!({"unknown_parameters": "refuse"}), &parameters);
    let query = "limit=5&filter[a][b]=1&offset=1&subscription-key=x";
    assert_eq!(found(&strict, "/things/1", query, &[]), [""; 0]);
    assert_eq!(
        found(&strict, "/things/1", "lmit=5&lmit=6&filters[a]=1&%FF=x", &[]),
        [
            "Query /lmit: The operation has no query parameter 'lmit'. Did you mean 'limit'?",
            "Query /filters[a]: The operation has no query parameter 'filters[a]'. Did you mean 'filter'?",
            "Query /%FF: The operation has no query parameter '%FF'.",
        ]
    );
    let many: Vec<String> = (0..200).map(|at| format!("x{at}=1")).collect();
    assert_eq!(found(&strict, "/things/1", &many.join("&"), &[]).len(), FIELD_ERRORS_MAX);
    let off = operation(&json!({"unknown_parameters": "refuse", "validate": "syntax"}), &parameters);
    assert_eq!(found(&off, "/things/1", "lmit=5&limit=x", &[]), [""; 0]);
}

#[test]
fn values_are_cut_and_secrets_never_repeated() {
    let live = operation(
        &json!({}),
        &json!([
            {"name": "n", "in": "query", "schema": {"type": "integer"}},
            {"name": "X-Api-Token", "in": "header", "schema": {"type": "integer"}},
            {"name": "p", "in": "query", "schema": {"type": "integer", "format": "password"}},
            {"name": "secret", "in": "query", "schema": {"type": "string", "maxLength": 2}},
        ]),
    );
    let long = "x".repeat(500);
    let errors = found(&live, "/things/1", &format!("n={long}&p=hush&secret=hush"), &[("X-Api-Token", "hush")]);
    assert_eq!(errors.len(), 4);
    assert!(errors[0].len() < 250 && errors[0].contains(&format!("{}…", "x".repeat(80))), "{errors:?}");
    assert!(!errors.concat().contains("hush"), "{errors:?}");
}

#[test]
fn a_plus_in_a_query_is_a_space_and_the_error_says_so() {
    let live = in_query(&json!({"type": "integer"}), &json!({}));
    let errors = found(&live, "", "v=+5", &[]);
    assert!(errors[0].ends_with("A + in a query is a space: write a plus sign as %2B."), "{errors:?}");
    let path = super::written::live(&json!({"name": "v", "in": "path", "schema": {"type": "string", "enum": ["a+b"]}}));
    assert_eq!(found(&path, "/things/a+b", "", &[]), [""; 0]);
}

#[test]
fn cookies_that_do_not_pass_are_not_looked_at() {
    let parameters = json!([{"name": "c", "in": "cookie", "required": true, "schema": {"type": "integer"}}]);
    assert_eq!(found(&operation(&json!({}), &parameters), "/things/1", "", &[]), [""; 0]);
    assert_eq!(found(&operation(&json!({"cookies": true}), &parameters), "/things/1", "", &[]).len(), 1);
}

#[test]
fn the_schema_judges_what_was_read() {
    for (schema, right, wrong) in [
        (json!({"type": "integer", "minimum": 1, "maximum": 500}), &["1", "500"][..], &["0", "501"][..]),
        (json!({"type": "string", "enum": ["a", "b c"]}), &["a", "b+c", "b%20c"], &["", "c", "A"]),
        (json!({"type": "string", "format": "date"}), &["2026-11-22"], &["2026-13-01", "x"]),
        (json!({"type": ["integer", "string"], "enum": [1, "2"]}), &["1", "2"], &["3", "01"]),
        (json!({"anyOf": [{"type": "integer"}, {"const": ""}]}), &["5", ""], &["x"]),
        (
            json!({"oneOf": [{"type": "string", "enum": ["all"]}, {"type": "array", "items": {"type": "integer"}}]}),
            &["all", "5"],
            &["none"],
        ),
        (json!({"type": "array", "items": {"type": "integer"}, "maxItems": 1}), &["5"], &["1&v=2"]),
        (json!({"type": "array", "items": {"enum": [1, "2"]}}), &["1&v=2&v=1"], &["1&v=3"]),
    ] {
        let live = in_query(&schema, &json!({}));
        for text in right {
            assert_eq!(found(&live, "", &format!("v={text}"), &[]), [""; 0], "{schema} {text}");
        }
        for text in wrong {
            assert_eq!(found(&live, "", &format!("v={text}"), &[]).len(), 1, "{schema} {text}");
        }
    }
    let live = in_query(&json!({"type": "array", "items": {"type": "integer", "minimum": 1}}), &json!({}));
    assert_eq!(
        found(&live, "", "v=1&v=0", &[]),
        ["Query /v/1: The query parameter 'v' at '/1' must be at least 1, not 0."]
    );
}

#[test]
fn what_stands_before_a_value_in_a_path_is_asked_for() {
    for (style, explode, right, wrong) in [
        ("label", false, &[".1,2"][..], &["1,2", "1"][..]),
        ("label", true, &[".1.2"], &["1.2"]),
        ("matrix", false, &[";v=1,2"], &["v=1", ";w=1,2", ";v", "1"]),
        ("matrix", true, &[";v=1;v=2"], &[";v=1;w=2", ";w=1", "v=1", ";v=1;", "1"]),
    ] {
        let live = live(&json!({
            "name": "v", "in": "path", "style": style, "explode": explode,
            "schema": {"type": "array", "items": {"type": "integer"}},
        }));
        for text in right {
            assert_eq!(found(&live, &format!("/things/{text}"), "", &[]), [""; 0], "{style} {explode} {text}");
        }
        for text in wrong {
            assert_eq!(found(&live, &format!("/things/{text}"), "", &[]).len(), 1, "{style} {explode} {text}");
        }
    }
}
