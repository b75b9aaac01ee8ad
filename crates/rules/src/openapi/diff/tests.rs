//! What is told of two versions of an API, case by case.

use serde_json::{Value, json};

use super::*;

/// An API of one operation with these members.
fn api(operation: &Value, api: &Value) -> Api {
    let mut whole = json!({"name": "pets", "base_path": "/pets", "target": "http://pets", "validate": "schema"});
    let mut one = json!({"name": "list", "method": "GET", "path": "/all/{id}"});
    for (into, from) in [(&mut one, operation), (&mut whole, api)] {
        for (name, value) in from.as_object().unwrap() {
            into[name] = value.clone();
        }
    }
    if whole.get("operations").is_none() {
        whole["operations"] = json!([one]);
    }
    serde_json::from_value(whole).unwrap()
}

/// The differences as lines: `B subject | place | words`.
fn lines(before: &Api, after: &Api) -> Vec<String> {
    let sign = |weight| match weight {
        Weight::Breaking => "B",
        Weight::Other => "o",
        Weight::Described => "d",
    };
    let found = diff(before, after);
    assert_eq!(found.breaking + found.other + found.described, found.changes.len());
    found
        .changes
        .iter()
        .map(|one| format!("{} {} | {} | {}", sign(one.weight), one.subject, one.place, one.words))
        .collect()
}

/// Of a schema in a body before and after: what differs there.
fn asked(before: Value, after: Value) -> Vec<String> {
    let of = |schema: Value| {
        let body = json!({"content": [{"media_type": "application/json", "schema": schema}]});
        api(&json!({"method": "POST", "body": body}), &json!({}))
    };
    short(&lines(&of(before), &of(after)), "POST /all/{id} | body application/json")
}

/// The same in an answer.
fn answered(before: Value, after: Value) -> Vec<String> {
    let of = |schema: Value| {
        let content = json!([{"media_type": "application/json", "schema": schema}]);
        api(&json!({"answers": [{"status": "200", "content": content}]}), &json!({}))
    };
    short(&lines(&of(before), &of(after)), "GET /all/{id} | answer 200 application/json")
}

fn short(lines: &[String], subject: &str) -> Vec<String> {
    lines
        .iter()
        .map(|line| line.replace(subject, "").replace("  | ", " ").replace("  /", " /").replace(" | ", " "))
        .collect()
}

#[test]
fn the_same_differs_in_nothing() {
    let one = api(
        &json!({"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}]}),
        &json!({}),
    );
    assert!(diff(&one, &one).is_empty());
}

#[test]
fn operations_come_and_go() {
    let of = |operations: Value| api(&json!({}), &json!({"operations": operations}));
    let one = |name: &str, method: &str, path: &str| json!({"name": name, "method": method, "path": path});
    let before = of(json!([one("a", "GET", "/a/{id}"), one("b", "GET", "/b"), one("c", "POST", "/b")]));
    let after = of(json!([one("a", "GET", "/a/{key}"), one("bee", "GET", "/b"), one("d", "GET", "/d")]));
    assert_eq!(
        lines(&before, &after),
        ["B POST /b |  | is gone: calls get 404", "o GET /d |  | is new", "d GET /b | name | is bee instead of b"]
    );
    assert_eq!(lines(&of(json!([])), &after), ["B API |  | only the operations that are listed pass now"]);
    assert_eq!(lines(&after, &of(json!([]))), ["o API |  | every method and path passes now"]);
}

#[test]
fn what_an_operation_needs() {
    let cases = [
        (
            json!({"access": "key"}),
            json!({"access": "key+token"}),
            "B GET /all/{id} | access | needs an access token now",
        ),
        (
            json!({"access": "open"}),
            json!({"access": "key"}),
            "B GET /all/{id} | access | needs a subscription key now",
        ),
        (
            json!({"access": "key"}),
            json!({"access": "open"}),
            "o GET /all/{id} | access | no longer needs a subscription key",
        ),
        (
            json!({"access": "token"}),
            json!({"access": "token", "permission": "p"}),
            "B GET /all/{id} | permission | needs the permission p now",
        ),
        (
            json!({"access": "token", "permission": "p"}),
            json!({"access": "token"}),
            "o GET /all/{id} | permission | no longer needs the permission p",
        ),
        (
            json!({"body_max_bytes": 10}),
            json!({"body_max_bytes": 5}),
            "B GET /all/{id} | body | may have 5 bytes instead of 10",
        ),
        (
            json!({"validate": "off"}),
            json!({"validate": "schema"}),
            "B GET /all/{id} | validate | parameters and bodies must be what is described",
        ),
        (
            json!({}),
            json!({"validate": "off"}),
            "o GET /all/{id} | validate | parameters and bodies are no longer looked at",
        ),
        (
            json!({}),
            json!({"deprecated": true}),
            "d GET /all/{id} |  | is deprecated now: it should not be used any more",
        ),
        (json!({}), json!({"title": "All"}), "d GET /all/{id} | title | differs"),
        (json!({"media_types": ["application/json", "text/csv"]}), json!({"media_types": ["application/*"]}), ""),
        (json!({}), json!({"body": {"required": true}}), "B GET /all/{id} | body | is required now"),
        (json!({"body": {"required": true}}), json!({}), "o GET /all/{id} | body | is no longer required"),
    ];
    for (before, after, expected) in cases {
        let found = lines(&api(&before, &json!({})), &api(&after, &json!({})));
        if expected.is_empty() {
            assert_eq!(
                found,
                [
                    "B GET /all/{id} | body | text/csv is no longer accepted",
                    "o GET /all/{id} | body | application/* is accepted too"
                ]
            );
        } else {
            assert_eq!(found, [expected]);
        }
    }
}

#[test]
fn settings_of_the_whole_api() {
    let cases = [
        (json!({}), json!({"base_path": "/new"}), "B API | base path | is published at /new instead of /pets"),
        (json!({}), json!({"contract": "transparent"}), "B API | contract | statuses of answers follow other rules"),
        (json!({"key": {"query_parameter": true}}), json!({}), "B API | key | the query no longer carries the key"),
        (
            json!({}),
            json!({"key": {"header": "X-Key", "aliases": ["limen-subscription-key"]}}),
            "o API | key | the header x-key carries the key too",
        ),
        (json!({}), json!({"cors": {"allow_origins": []}}), "B API | cors | pages of * may no longer call"),
        (
            json!({"unknown_parameters": "pass"}),
            json!({"unknown_parameters": "refuse"}),
            "B API | unknown_parameters | unknown query parameters are refused",
        ),
        (
            json!({}),
            json!({"read_only": "pass"}),
            "o API | read_only | no longer: readOnly properties in requests are refused",
        ),
        (json!({"bind": "none"}), json!({}), "B API | bind | key and token must be of one developer"),
        (json!({"cookies": true}), json!({}), "B API | cookies | cookies no longer pass"),
        (json!({}), json!({"visibility": "private"}), "o API | visibility | only subscribers learn what it has"),
        (json!({}), json!({"title": "Pets"}), "d API | title | differs"),
    ];
    for (before, after, expected) in cases {
        assert_eq!(lines(&api(&json!({}), &before), &api(&json!({}), &after)), [expected]);
    }
    // Where the service is concerns nobody who calls.
    assert!(diff(&api(&json!({}), &json!({})), &api(&json!({}), &json!({"target": "http://elsewhere"}))).is_empty());
}

#[test]
fn parameters_are_known_by_place_and_name() {
    let of = |parameters: Value| api(&json!({"parameters": parameters}), &json!({}));
    let limit = |more: Value| {
        let mut one = json!({"name": "limit", "in": "query", "schema": {"type": "integer"}});
        for (name, value) in more.as_object().unwrap() {
            one[name] = value.clone();
        }
        json!([one])
    };
    let cases = [
        (json!([]), limit(json!({})), "o GET /all/{id} | query limit | is new"),
        (json!([]), limit(json!({"required": true})), "B GET /all/{id} | query limit | is new and required"),
        (limit(json!({})), limit(json!({"required": true})), "B GET /all/{id} | query limit | is required now"),
        (limit(json!({})), json!([]), "o GET /all/{id} | query limit | is no longer described: it passes as it is"),
        (limit(json!({})), limit(json!({"style": "form"})), ""),
        (
            limit(json!({})),
            limit(json!({"explode": false})),
            "B GET /all/{id} | query limit | is written in another way",
        ),
        (
            limit(json!({})),
            limit(json!({"schema": {"type": "integer", "maximum": 5}})),
            "B GET /all/{id} | query limit | its maximum is 5 now",
        ),
        (
            limit(json!({})),
            limit(json!({"schema": {"type": "number"}})),
            "o GET /all/{id} | query limit | is number instead of integer",
        ),
        (limit(json!({})), limit(json!({"deprecated": true})), "d GET /all/{id} | query limit | is deprecated now"),
        (
            json!([{"name": "X-A", "in": "header"}]),
            json!([{"name": "x-a", "in": "header", "required": true}]),
            "B GET /all/{id} | header X-A | is required now",
        ),
    ];
    for (before, after, expected) in cases {
        let found = lines(&of(before), &of(after));
        assert_eq!(found, [expected].into_iter().filter(|one| !one.is_empty()).collect::<Vec<_>>());
    }
}

#[test]
fn what_callers_write_must_not_become_narrower() {
    let object = |more: Value| {
        let mut one = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        for (name, value) in more.as_object().unwrap() {
            one[name] = value.clone();
        }
        one
    };
    let named = |schema: Value| object(json!({"properties": {"name": schema}}));
    let cases = [
        (object(json!({})), object(json!({"required": ["name"]})), "B /name is required now"),
        (object(json!({"required": ["name"]})), object(json!({})), "o /name is no longer required"),
        (object(json!({})), object(json!({"additionalProperties": false})), "B /(others) is no longer accepted"),
        (object(json!({})), object(json!({"required": ["age"]})), "B /age is new and required"),
        (
            named(json!({"type": "string"})),
            named(json!({"type": ["string", "null"]})),
            "o /name is null or string instead of string",
        ),
        (
            named(json!({"type": ["string", "null"]})),
            named(json!({"type": "string"})),
            "B /name is string instead of null or string",
        ),
        (named(json!({"type": "integer"})), named(json!({"type": "string"})), "B /name is string instead of integer"),
        (named(json!({})), named(json!({"enum": ["a"]})), "B /name can only be \"a\" now"),
        (named(json!({"enum": ["a", "b"]})), named(json!({"enum": ["b"]})), "B /name can no longer be \"a\""),
        (named(json!({"enum": ["b"]})), named(json!({"enum": ["a", "b"]})), "o /name can be \"a\" too"),
        (
            named(json!({"maxLength": 9})),
            named(json!({"maxLength": 8})),
            "B /name its greatest length is 8 instead of 9",
        ),
        (
            named(json!({"minLength": 9})),
            named(json!({"minLength": 8})),
            "o /name its shortest length is 8 instead of 9",
        ),
        (named(json!({})), named(json!({"pattern": "^a"})), "B /name must have the pattern \"^a\" now"),
        (named(json!({"format": "date"})), named(json!({})), "o /name need no longer have the format \"date\""),
        (named(json!({})), named(json!({"readOnly": true})), "B /name is set by the service alone now"),
        (named(json!({})), named(json!({"description": "who"})), "d /name is described in other words"),
        (
            named(json!({"anyOf": [{"type": "string"}, {"type": "null"}]})),
            named(json!({"anyOf": [{"type": "string"}]})),
            "B /name anyOf has 1 fewer",
        ),
        (
            named(json!({"allOf": [{"minLength": 1}]})),
            named(json!({"allOf": [{"minLength": 1}, {"maxLength": 3}]})),
            "B /name allOf has 1 more",
        ),
        (named(json!({"not": {"const": 1}})), named(json!({"not": {"const": 2}})), "B /name not differs"),
        (
            named(json!({"items": {"type": "string"}})),
            named(json!({"items": {"type": "string", "maxLength": 1}})),
            "B /name/* its greatest length is 1 now",
        ),
        (json!({}), named(json!({"type": "string"})), "B must be what is described now; before it could be anything"),
        (named(json!({"type": "string"})), json!(true), "o may be anything now"),
        (named(json!(true)), named(json!(false)), "B /name must not be there any more"),
    ];
    for (before, after, expected) in cases {
        assert_eq!(asked(before.clone(), after.clone()), [expected], "{before} {after}");
    }
}

#[test]
fn what_callers_read_must_not_become_wider_or_less() {
    let of =
        |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required});
    let cases = [
        (of(json!({"a": {}}), json!([])), of(json!({}), json!([])), "B /a is no longer answered"),
        (of(json!({}), json!([])), of(json!({"a": {}}), json!(["a"])), "o /a is new; o /a is new and required"),
        (of(json!({"a": {}}), json!(["a"])), of(json!({"a": {}}), json!([])), "B /a may be missing now"),
        (
            of(json!({"a": {"type": "string"}}), json!([])),
            of(json!({"a": {"type": ["string", "null"]}}), json!([])),
            "B /a is null or string instead of string",
        ),
        (
            of(json!({"a": {"type": ["string", "null"]}}), json!([])),
            of(json!({"a": {"type": "string"}}), json!([])),
            "o /a is string instead of null or string",
        ),
        (
            of(json!({"a": {"enum": [1]}}), json!([])),
            of(json!({"a": {"enum": [1, 2]}}), json!([])),
            "o /a can be 2 too",
        ),
        (
            of(json!({"a": {"maximum": 1}}), json!([])),
            of(json!({"a": {"maximum": 2}}), json!([])),
            "o /a its maximum is 2 instead of 1",
        ),
        (of(json!({"a": {}}), json!([])), of(json!({"a": {"readOnly": true}}), json!([])), ""),
    ];
    for (before, after, expected) in cases {
        assert_eq!(answered(before, after).join("; "), expected);
    }
}

#[test]
fn answers_of_success_are_one_to_callers() {
    let of = |status: &str, media_type: &str| {
        let content = json!([{"media_type": media_type, "schema": {"type": "object", "properties": {"id": {}}}}]);
        api(&json!({"answers": [{"status": status, "content": content}]}), &json!({}))
    };
    let moved = ["o GET /all/{id} | answer 200 | is no longer described"];
    assert_eq!(lines(&of("200", "application/json"), &of("201", "application/json")), moved);
    assert_eq!(
        lines(&of("200", "application/json"), &of("200", "text/csv")),
        [
            "B GET /all/{id} | answer 200 application/json | is no longer answered",
            "o GET /all/{id} | answer 200 text/csv | is answered too"
        ]
    );
}

#[test]
fn a_named_schema_is_told_once_with_whom_it_reaches() {
    let of = |pet: Value| {
        let body = json!({"content": [{"media_type": "application/json", "schema": {"$ref": "#/schemas/Order"}}]});
        let one = |name: &str| json!({"name": name, "method": "POST", "path": format!("/{name}"), "body": body});
        let schemas = json!({
            "Order": {"type": "object", "properties": {"pet": {"$ref": "#/schemas/Pet"}, "before": {"$ref": "#/schemas/Order"}}},
            "Pet": pet});
        api(&json!({}), &json!({"operations": [one("a"), one("b"), one("c"), one("d")], "schemas": schemas}))
    };
    let found = diff(&of(json!({"type": "string"})), &of(json!({"type": "string", "maxLength": 3})));
    let [change] = found.changes.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (change.subject.as_str(), change.words.as_str()),
        ("schema Pet", "its greatest length is 3 now (in requests)")
    );
    assert_eq!((change.operations.len(), change.operations_count), (3, 4));
}

#[test]
fn schemas_that_never_end_are_compared_in_the_end() {
    let mut deep = json!({"type": "string"});
    for _ in 0..200 {
        deep = json!({"items": deep});
    }
    let mut deeper = deep.clone();
    deeper["items"]["items"]["title"] = json!("x");
    assert_eq!(asked(deep.clone(), deeper).len(), 1);
    let of = |schema: Value| {
        let body = json!({"content": [{"media_type": "application/json", "schema": {"$ref": "#/schemas/A"}}]});
        api(&json!({"method": "POST", "body": body}), &json!({"schemas": {"A": {"$ref": "#/schemas/B"}, "B": schema}}))
    };
    assert!(diff(&of(json!({"$ref": "#/schemas/A"})), &of(json!({"$ref": "#/schemas/A"}))).is_empty());
    assert!(diff(&of(json!({"$ref": "#/schemas/A"})), &of(json!({"type": "string"}))).breaking > 0);
}
