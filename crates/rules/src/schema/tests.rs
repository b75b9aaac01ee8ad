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

#[test]
fn what_is_not_for_this_side_to_send_is_neither_required_nor_accepted() {
    let schema = json!({"$ref": "#/schemas/Person"});
    // What is required stands in one branch, who sets it in another.
    let schemas = json!({
        "Person": {"allOf": [{"$ref": "#/schemas/Named"}], "required": ["id", "made", "secret", "name"],
            "properties": {"secret": {"writeOnly": true}, "made": {"$ref": "#/schemas/Time"}}},
        "Named": {"type": "object", "properties": {"id": {"type": "string", "readOnly": true}, "name": {"type": "string"}}},
        "Time": {"type": "string", "readOnly": true},
    });
    let lenient = Direction::Request(ReadOnlyProperties::Pass);
    let bare = r#"{"name":"Eva","secret":"x"}"#;
    assert_eq!(told_of(&schema, &schemas, SENT, bare), Vec::<String>::new());
    assert_eq!(told_of(&schema, &schemas, lenient, bare), Vec::<String>::new());
    assert_eq!(told_of(&schema, &schemas, SENT, "{}"), ["/name is missing", "/secret is missing"]);
    let full = r#"{"id":"1","name":"Eva","made":"now","secret":"x"}"#;
    let leave_out = "is set by the service alone; leave it out";
    assert_eq!(told_of(&schema, &schemas, SENT, full), [format!("/made {leave_out}"), format!("/id {leave_out}")]);
    assert_eq!(told_of(&schema, &schemas, lenient, full), Vec::<String>::new());
    assert_eq!(
        told_of(&schema, &schemas, Direction::Answer, full),
        ["/secret is only ever sent to the service, never by it"]
    );
    assert_eq!(
        told_of(&schema, &schemas, Direction::Answer, r#"{"name":"Eva"}"#),
        ["/id is missing", "/made is missing"]
    );
}

#[test]
fn secrets_are_not_repeated_wherever_it_is_said_that_they_are() {
    let long = json!({"type": "integer"});
    for (schema, text) in [
        (json!({"properties": {"api_key": long}}), r#"{"api_key":"hunter2"}"#),
        (
            json!({"properties": {"secrets": {"items": {"properties": {"a": long}}}}}),
            r#"{"secrets":[{"a":"hunter2"}]}"#,
        ),
        (json!({"format": "password", "type": "integer"}), "\"hunter2\""),
        (
            json!({"allOf": [{"properties": {"a": long}}, {"properties": {"a": {"writeOnly": true}}}]}),
            r#"{"a":"hunter2"}"#,
        ),
        (
            json!({"anyOf": [{"properties": {"a": long}}, {"properties": {"a": {"format": "password", "maxLength": 1}}}]}),
            r#"{"a":"hunter2"}"#,
        ),
        (json!({"oneOf": [{"items": long}, {"items": {"$ref": "#/schemas/P"}}]}), r#"["hunter2"]"#),
        (
            json!({"additionalProperties": {"writeOnly": true, "properties": {"a": {"enum": [1]}}}}),
            r#"{"x":{"a":"hunter2"}}"#,
        ),
        (json!({"properties": {"password": {"not": {"type": "string"}}}}), r#"{"password":"hunter2"}"#),
        (json!({"not": {"type": "object"}}), r#"{"password":"hunter2"}"#),
        (json!({"uniqueItems": true}), r#"["hunter2","hunter2"]"#),
    ] {
        let schemas = json!({"P": {"format": "password", "maxLength": 3}});
        let told = told_of(&schema, &schemas, SENT, text);
        assert!(!told.is_empty() && !told.concat().contains("hunter2"), "{schema}: {told:?}");
    }
    let compiled = CompiledSchema::compile(&long, &library(&json!({})), SENT).unwrap();
    let told = compiled.check(&json!("hunter2"), Location::Query, "/token");
    assert_eq!((told[0].pointer.as_str(), told[0].message.contains("hunter2")), ("/token", false), "{told:?}");
}

#[test]
fn schemas_that_can_not_be_are_told_with_the_place() {
    let problems = |schema: Value, schemas: Value| {
        let problems = CompiledSchema::compile_all(&schema, &library(&schemas), SENT).err().unwrap_or_default();
        problems.into_iter().map(|problem| format!("{} {}", problem.pointer, problem.message)).collect::<Vec<_>>()
    };
    for (schema, told) in [
        (json!(5), " not a schema"),
        (json!({"type": "text"}), "/type not a type"),
        (json!({"properties": {"a/b": {"minLength": -1}}}), "/properties/a~1b/minLength not a count"),
        (json!({"items": {"minimum": true}}), "/items/minimum not a number"),
        (json!({"multipleOf": 0}), "/multipleOf not a divisor"),
        (json!({"allOf": []}), "/allOf not a list of schemas"),
        (json!({"required": "a"}), "/required not a list of names"),
        (json!({"properties": []}), "/properties not a mapping"),
        (json!({"$dynamicRef": "#a"}), "/$dynamicRef $dynamicRef is not supported"),
        (json!({"$ref": "#/schemas/Absent"}), "/$ref there is no schema \"Absent\""),
        (json!({"$ref": "other.json#/a"}), "/$ref \"other.json#/a\" is no reference to a schema of the API"),
        (json!({"$ref": "#"}), "/$ref \"#\" is no reference to a schema of the API"),
    ] {
        assert_eq!(problems(schema.clone(), json!({})), [told], "{schema}");
    }
    let flawed = json!({"patternProperties": {"(": {}}, "properties": {"x": {"pattern": "(?<=a)b"}}});
    assert_eq!(problems(json!({"$ref": "#/schemas/A"}), json!({"A": {"items": flawed}})).len(), 2);
    for schemas in [
        json!({"A": {"$ref": "#/schemas/A"}}),
        json!({"A": {"allOf": [{"$ref": "#/schemas/B"}]}, "B": {"not": {"if": {"$ref": "#/schemas/A"}}}}),
        json!({"A": {"dependentSchemas": {"x": {"$ref": "#/schemas/B"}}}, "B": {"$ref": "#/schemas/C"}, "C": {"oneOf": [{"$ref": "#/schemas/B"}]}}),
    ] {
        let told = problems(json!({"properties": {"a": {"$ref": "#/schemas/A"}}}), schemas.clone());
        assert!(told.len() == 1 && told[0].contains("refers to itself"), "{schemas}: {told:?}");
        assert_eq!(library(&schemas).problems().len(), 1);
    }
    let recursive = json!({"A": {"properties": {"a": {"$ref": "#/schemas/A"}}, "type": "object"}});
    assert_eq!(
        told_of(&json!({"$ref": "#/schemas/A"}), &recursive, SENT, r#"{"a":{"a":1}}"#),
        ["/a/a must be an object, not 1"]
    );
    // Deep, wide and long ones are bounded, whatever way they come.
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({"not": deep});
    }
    assert!(problems(deep, json!({}))[0].contains("nested deeper than 64 levels"));
    let chain: serde_json::Map<String, Value> = (0..20_000)
        .map(|at| (format!("S{at:05}"), json!({"$ref": format!("#/schemas/S{:05}", (at + 1).min(19_999))})))
        .collect();
    assert!(problems(json!({"$ref": "#/schemas/S00000"}), Value::Object(chain))[0].contains("refers to itself"));
    let wide = json!({"anyOf": vec![json!({}); 500_000]});
    assert!(problems(wide, json!({}))[0].contains("too many"));
}

/// A core's thread has no larger stack.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn long_ways_and_deep_values_end() {
    on_a_small_stack(|| {
        let mut chain: serde_json::Map<String, Value> = (0..5_000)
            .map(|at| (format!("S{at:05}"), json!({"allOf": [{"$ref": format!("#/schemas/S{:05}", at + 1)}]})))
            .collect();
        chain.insert("S05000".into(), json!({"type": "object", "additionalProperties": {"$ref": "#/schemas/S00000"}}));
        let told = told_of(&json!({"$ref": "#/schemas/S00000"}), &Value::Object(chain), SENT, r#"{"a":{}}"#);
        assert_eq!(told, [" is too intricate to be compared with its schema; send a simpler one"]);
        // As deep as values and schemas may be.
        let mut schema = json!({"$ref": "#/schemas/A"});
        for _ in 0..2 {
            schema = json!({"allOf": [{"anyOf": [schema]}]});
        }
        let schemas = json!({"A": {"anyOf": [{"type": "array", "items": schema}, {"type": "integer"}]}});
        let text = format!("{}\"x\"{}", "[".repeat(64), "]".repeat(64));
        assert!(!told_of(&schema, &schemas, SENT, &text).is_empty());
    });
}

/// Why a value fits none of its alternatives is looked for on two levels of them; with each level it would cost as many
/// times as much.
#[test]
fn what_is_told_of_alternatives_within_alternatives_is_bounded() {
    on_a_small_stack(|| {
        let of = |member: &str| json!({"type": "object", "properties": {"n": {"$ref": "#/schemas/T"}}, "required": [member]});
        let schemas = json!({"T": {"oneOf": [of("x"), of("y"), of("z"), {"type": "integer"}]}});
        let text = format!("{}1.5{}", r#"{"n":"#.repeat(40), "}".repeat(40));
        let told = told_of(&json!({"$ref": "#/schemas/T"}), &schemas, SENT, &text);
        assert!(!told.is_empty() && told.iter().all(|one| !one.contains("intricate")), "{told:?}");
    });
}

#[test]
fn alternatives_within_alternatives_do_not_multiply() {
    let schemas = json!({"T": {"anyOf": [
        {"type": "object", "properties": {"a": {"$ref": "#/schemas/T"}}, "required": ["a", "b"]},
        {"type": "object", "properties": {"a": {"$ref": "#/schemas/T"}}, "required": ["a"]},
        {"type": "null"}]}});
    let schema = json!({"$ref": "#/schemas/T"});
    let nested = |end: &str| format!("{}{end}{}", "{\"a\":".repeat(60), "}".repeat(60));
    assert_eq!(told_of(&schema, &schemas, SENT, &nested("null")), Vec::<String>::new());
    let told = told_of(&schema, &schemas, SENT, &nested("5"));
    assert!(!told.is_empty() && told.iter().all(|words| words.len() < 2_000), "{told:?}");
    let hard = json!({"anyOf": [{"$ref": "#/schemas/A"}, {"$ref": "#/schemas/B"}], "unevaluatedProperties": false});
    let hard = json!({"A": {"properties": {"x": hard}}, "B": {"properties": {"x": hard}, "required": ["y"]}});
    let text = format!("{}{{}}{}", "{\"x\":".repeat(60), "}".repeat(60));
    let _ = told_of(&json!({"$ref": "#/schemas/A"}), &hard, SENT, &text);
}

#[test]
fn no_more_is_found_than_is_told() {
    let text = format!("[{}1]", "\"a\",".repeat(200_000));
    let told = told(&json!({"items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}), &text);
    assert_eq!((told.len(), told[49].as_str()), (50, "/49 must be a whole number or null, not \"a\""));
    let unique = format!("[{}]", (0..150_000).map(|at| at.to_string()).collect::<Vec<_>>().join(","));
    assert!(told_of(&json!({"uniqueItems": true}), &json!({}), SENT, &unique).is_empty());
    let schema = json!({"properties": {"n": {"type": "string"}}, "additionalProperties": {"type": "string"}});
    let long = "n".repeat(100_000);
    let told = self::told(&schema, &format!("{{\"{long}\":\"{}\",\"a\":\"{long}\",\"n\":1}}", "x"));
    assert_eq!(told, ["/n must be text, not 1"]);
    let told = self::told(&json!({"additionalProperties": {"enum": ["a"]}}), &format!("{{\"{long}\":\"{long}\"}}"));
    assert!(told[0].len() < 200 && told[0].ends_with("x…\"") | told[0].ends_with("n…\""), "{told:?}");
}

#[test]
fn schemas_are_made_ready_once_and_share_their_patterns() {
    let schemas = json!({"A": {"properties": {"a": {"pattern": "^a$"}, "b": {"pattern": "^a$"}, "c": {"$ref": "#/schemas/B"}}}, "B": {"pattern": "^b$"}});
    let library = library(&schemas);
    let compile = || CompiledSchema::compile(&json!({"$ref": "#/schemas/A"}), &library, SENT).unwrap();
    let (one, other) = (compile(), compile());
    assert!(Arc::ptr_eq(&one.library, &other.library) && one.unit.nodes.len() == 1);
    let number = library.number("A").unwrap();
    assert!(std::ptr::eq(library.unit(number).unwrap(), library.unit(number).unwrap()));
    assert!(Arc::ptr_eq(&library.pattern("^a$").unwrap(), &library.pattern("^a$").unwrap()));
}
