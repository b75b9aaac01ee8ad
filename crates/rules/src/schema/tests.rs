//! Schemas and values, case by case.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

const SENT: Direction = Direction::Request(ReadOnlyProperties::Refuse);

fn library(schemas: &Value) -> Arc<Library> {
    let schemas: BTreeMap<String, Value> = serde_json::from_value(schemas.clone()).unwrap();
    Library::new(&Arc::new(schemas))
}

fn told_of(schema: &Value, schemas: &Value, direction: Direction, text: &str) -> Vec<String> {
    let compiled = CompiledSchema::compile(schema, &library(schemas), direction).unwrap();
    let (_, tree) = read_json(text.as_bytes(), JsonLimits::default()).unwrap();
    let errors = compiled.check_tree(&tree, Location::Body, "");
    errors.into_iter().map(|error| format!("{} {}", error.pointer, error.message)).collect()
}

/// What is told of a value that is sent.
fn told(schema: &Value, text: &str) -> Vec<String> {
    told_of(schema, &json!({}), SENT, text)
}

#[test]
fn errors_are_told_in_plain_words() {
    for (schema, text, words) in [
        (json!({"type": "string"}), "5", " must be text, not 5"),
        (json!({"type": ["string", "null"]}), "{}", " must be text or null, not an object"),
        (json!({"type": "integer"}), "1.5", " must be a whole number, not 1.5"),
        (json!({"type": "number"}), "\"1\"", " must be a number, not \"1\""),
        (json!({"type": "boolean"}), "null", " must be true or false, not null"),
        (json!({"type": "array"}), "true", " must be a list, not true"),
        (json!({"enum": ["a", "b", 1, null]}), "\"c\"", " must be one of \"a\", \"b\", 1 or null, not \"c\""),
        (json!({"const": "a"}), "2", " must be \"a\", not 2"),
        (json!({"minimum": 1}), "0", " must be at least 1, not 0"),
        (json!({"exclusiveMaximum": 1.5}), "1.5", " must be less than 1.5, not 1.5"),
        (json!({"multipleOf": 0.01}), "0.075", " must be a multiple of 0.01, not 0.075"),
        (json!({"minLength": 3}), "\"é\"", " must have at least 3 characters, not the 1 character of \"é\""),
        (json!({"pattern": "^a+$"}), "\"b\"", " must match the pattern ^a+$, and \"b\" does not"),
        (json!({"format": "date"}), "\"yesterday\"", " must be a date, like 2001-05-28, not \"yesterday\""),
        (
            json!({"format": "int32"}),
            "3000000000",
            " must be a whole number of 32 bits (-2147483648 to 2147483647), not 3000000000",
        ),
        (json!({"maxItems": 1}), "[1,2]", " must have at most 1 element, not 2"),
        (
            json!({"uniqueItems": true}),
            "[1,2,1.0]",
            " must have no element twice; those at 0 and 2, counted from 0, are equal",
        ),
        (json!({"contains": {"const": 1}}), "[2]", " must have at least 1 element of a certain kind, not 0"),
        (json!({"minProperties": 1}), "{}", " must have at least 1 member, not 0"),
        (json!({"required": ["y"]}), "{}", "/y is missing"),
        (json!({"items": {"required": ["a/b"]}}), "[{}]", "/0/a~1b is missing"),
        (json!({"dependentRequired": {"a": ["b"]}}), "{\"a\":1}", "/b is missing, and \"a\" needs it"),
        (
            json!({"properties": {"birthdate": {}}, "additionalProperties": false}),
            "{\"brithdate\":1}",
            "/brithdate is not known here; did you mean \"birthdate\"?",
        ),
        (json!({"additionalProperties": false}), "{\"a\":1}", "/a is not known here; leave it out"),
        (json!({"unevaluatedProperties": false}), "{\"a\":1}", "/a is not known here; leave it out"),
        (json!({"propertyNames": {"pattern": "^a"}}), "{\"b\":1}", "/b has a name that is not allowed here, \"b\""),
        (json!({"not": {"const": 1}}), "1", " must not be 1: its schema rules that out"),
        (json!(false), "1", " is not allowed here"),
        (json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), "5", " must be text or null, not 5"),
        (
            json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}),
            "3",
            " fits alternative 1 and alternative 2, and must fit one alone",
        ),
        (
            json!({"oneOf": [
                {"properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind"]},
                {"properties": {"kind": {"const": "dog"}, "bark": {"type": "string"}}, "required": ["kind", "bark"]}]}),
            "{\"kind\":\"dog\",\"bark\":1}",
            "/bark must be text, not 1",
        ),
        (
            json!({"anyOf": [{"minimum": 5}, {"multipleOf": 7}]}),
            "1",
            " fits none of 2 alternatives; of alternative 1, it must be at least 5, not 1",
        ),
    ] {
        assert_eq!(told(&schema, text), [words], "{schema} {text}");
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let schema = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "birthdate": {"$ref": "#/schemas/Fuzzy"}},
        "required": ["name", "id"],
    });
    let schemas =
        json!({"Fuzzy": {"type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y", "m"]}});
    assert_eq!(
        told_of(&schema, &schemas, SENT, r#"{"birthdate":{"y":"2001"},"name":null}"#),
        [
            "/birthdate/y must be a whole number, not \"2001\"",
            "/birthdate/m is missing",
            "/name must be text, not null",
            "/id is missing"
        ]
    );
}
