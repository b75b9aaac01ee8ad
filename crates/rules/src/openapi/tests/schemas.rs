//! Schemas as an API has them, and what is lost of them.

use super::*;

/// What a schema becomes as an operation's body, the API's schemas, and the losses.
fn written(schema: Value, around: Value) -> (Value, Value, Vec<String>) {
    let body = json!({"content": {"application/json": {"schema": schema}}});
    let imported = imported(one_operation(json!({"requestBody": body}), around));
    let body = imported.api.operations[0].body.as_ref().and_then(|body| body.content[0].schema.clone());
    (body.unwrap_or(Value::Null), json!(*imported.api.schemas), told(&imported))
}

fn components(schemas: Value) -> Value {
    json!({"components": {"schemas": schemas}})
}

#[test]
fn what_is_enforced_is_kept_and_what_describes_is_left_out() {
    let kept = json!({
        "type": ["object", "null"], "required": ["a"], "minProperties": 1, "maxProperties": 9,
        "properties": {
            "a": {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^[a-z]+$", "format": "email"},
            "default": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "multipleOf": 0.5},
            "list": {"type": "array", "prefixItems": [true], "items": {"const": 1}, "contains": {"enum": [1, null]},
                     "minItems": 1, "maxItems": 4, "uniqueItems": true, "minContains": 1, "maxContains": 2},
            "secret": {"type": "string", "format": "password", "writeOnly": true},
            "id": {"readOnly": true},
        },
        "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false,
        "propertyNames": {"maxLength": 9}, "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": true},
        "allOf": [{"not": {"type": "string"}}], "anyOf": [true], "oneOf": [{}], "if": {}, "then": {}, "else": {},
        "unevaluatedProperties": false, "unevaluatedItems": true,
    });
    let mut described = kept.clone();
    merge(
        &mut described,
        json!({"title": "T", "description": "D", "default": {}, "example": 1, "examples": [1],
        "deprecated": true, "externalDocs": {}, "xml": {}, "$comment": "c", "x-any": 1,
        "$schema": "https://json-schema.org/draft/2020-12/schema"}),
    );
    assert_eq!(written(described, json!({})), (kept, json!({}), vec![]));
}

#[test]
fn what_is_lost_is_left_out_and_told() {
    let at = "/paths/~1things~1{id}/get/requestBody/content/application~1json/schema";
    for (schema, left, loss) in [
        (
            json!({"discriminator": {"propertyName": "a"}, "type": "object"}),
            json!({"type": "object"}),
            "keyword 'discriminator' @ /discriminator",
        ),
        (json!({"flavour": "sweet", "minimum": 1}), json!({"minimum": 1}), "keyword 'flavour' @ /flavour"),
        (json!({"nullable": true, "minimum": 1}), json!({"minimum": 1}), "keyword 'nullable' @ /nullable"),
        (
            json!({"contentEncoding": "base64", "minimum": 1}),
            json!({"minimum": 1}),
            "keyword 'contentEncoding' @ /contentEncoding",
        ),
        (json!({"pattern": "(?=a)b", "minLength": 1}), json!({"minLength": 1}), "pattern (?=a)b @ /pattern"),
        (
            json!({"patternProperties": {"(?!a)": {}, "b": {}}}),
            json!({"patternProperties": {"b": {}}}),
            "pattern (?!a) @ /patternProperties/(?!a)",
        ),
        (json!({"format": "colour", "type": "string"}), json!({"type": "string"}), "format 'colour' @ /format"),
        (json!({"type": "any", "minLength": 1}), json!({"minLength": 1}), "keyword 'type' of an odd form @ /type"),
        (
            json!({"minLength": -1, "maxLength": 3.0}),
            json!({"maxLength": 3}),
            "keyword 'minLength' of an odd form @ /minLength",
        ),
        (
            json!({"required": true, "minLength": 1}),
            json!({"minLength": 1}),
            "keyword 'required' of an odd form @ /required",
        ),
        (
            json!({"properties": [], "minLength": 1}),
            json!({"minLength": 1}),
            "keyword 'properties' of an odd form @ /properties",
        ),
        (
            json!({"exclusiveMinimum": true, "minimum": 1}),
            json!({"minimum": 1}),
            "keyword 'exclusiveMinimum' of an odd form @ /exclusiveMinimum",
        ),
        (json!({"anyOf": [], "minLength": 1}), json!({"minLength": 1}), "keyword 'anyOf' of an odd form @ /anyOf"),
        (json!({"properties": {"a": 7}}), json!({"properties": {"a": true}}), "what is no schema @ /properties/a"),
        (
            json!({"$ref": "#/nowhere", "minLength": 1}),
            json!({"minLength": 1}),
            "a schema by reference to #/nowhere @ /$ref",
        ),
        (json!({"$ref": "#", "minLength": 1}), json!({"minLength": 1}), "a schema by reference to # @ /$ref"),
        (json!({"$ref": 7, "minLength": 1}), json!({"minLength": 1}), "a reference that is no text @ /$ref"),
        (
            json!({"$ref": "#/info/title", "minLength": 1}),
            json!({"minLength": 1}),
            "a schema by reference to #/info/title @ /$ref",
        ),
    ] {
        let (written, _, losses) = written(schema.clone(), json!({}));
        let (construct, place) = loss.split_once(" @ ").expect("a place");
        assert_eq!((written, losses), (left, vec![format!("not enforced: {construct} @ {at}{place}")]), "{schema}");
    }
    assert_eq!(
        written(json!({"items": [{"type": "null"}], "additionalItems": false}), json!({})),
        (json!({"prefixItems": [{"type": "null"}], "items": false}), json!({}), vec![])
    );
    assert_eq!(
        written(json!({"required": ["a", "a"], "type": ["null", "null"]}), json!({})).0,
        json!({"required": ["a"], "type": ["null"]})
    );
}

#[test]
fn references_lead_to_named_schemas_of_the_api() {
    let schemas = components(json!({
        "Pet": {"type": "object", "properties": {"tag": {"$ref": "#/components/schemas/Tag%20%7Bx%7D"}}},
        "Tag {x}": {"$ref": "#/components/schemas/a~1b", "minLength": 1},
        "a/b": {"type": "string"},
        "Unused": {"type": "string"},
    }));
    let (body, all, losses) = written(json!({"$ref": "#/components/schemas/Pet", "required": ["tag"]}), schemas);
    assert_eq!(body, json!({"$ref": "#/schemas/Pet", "required": ["tag"]}));
    assert_eq!(
        all,
        json!({
            "Pet": {"type": "object", "properties": {"tag": {"$ref": "#/schemas/Tag__x_"}}},
            "Tag__x_": {"$ref": "#/schemas/a_b", "minLength": 1},
            "a_b": {"type": "string"},
        })
    );
    assert_eq!(losses, Vec::<String>::new());
}

#[test]
fn references_to_odd_places_get_a_name() {
    let around = json!({"components": {
        "responses": {"Sad": {"description": "", "content": {"application/json": {"schema": {"type": "null"}}}}},
        "schemas": {"Outer": {"$defs": {"in": {"type": "integer"}}, "properties": {"a": {"$ref": "#/components/schemas/Outer/$defs/in"}}}},
        "parameters": {"P": {"$ref": "#/components/parameters/Q"}, "Q": {"name": "q", "in": "query", "schema": {"type": "boolean"}}},
    }});
    let (body, all, losses) = written(
        json!({"anyOf": [
            {"$ref": "#/components/responses/Sad/content/application~1json/schema"},
            {"$ref": "#/components/schemas/Outer"},
            {"$ref": "#/components/schemas/Outer/properties/a"},
            {"$ref": "#/components/parameters/P/schema"},
        ]}),
        around,
    );
    let names: Vec<&str> =
        body["anyOf"].as_array().expect("a list").iter().filter_map(|one| one["$ref"].as_str()).collect();
    assert_eq!(
        names,
        [
            "#/schemas/responses.Sad.application_json.schema",
            "#/schemas/Outer",
            "#/schemas/Outer.a",
            "#/schemas/parameters.Q.schema"
        ]
    );
    assert_eq!(all["Outer"], json!({"properties": {"a": {"$ref": "#/schemas/Outer.in"}}}));
    assert_eq!(all["Outer.a"], json!({"$ref": "#/schemas/Outer.in"}));
    assert_eq!(
        (&all["Outer.in"], &all["parameters.Q.schema"]),
        (&json!({"type": "integer"}), &json!({"type": "boolean"}))
    );
    assert_eq!(losses, Vec::<String>::new());
}

#[test]
fn ids_and_anchors_are_found_within_the_document() {
    let schemas = components(json!({
        "A": {"$id": "https://example.org/a", "$anchor": "here", "$defs": {"x": {"type": "null"}}, "items": {"$ref": "#/$defs/x"}},
        "B": {"$dynamicAnchor": "node", "properties": {"next": {"$dynamicRef": "#node"}}},
        "C": {"$anchor": "twice"}, "D": {"$anchor": "twice"},
    }));
    let (body, all, losses) = written(
        json!({"anyOf": [
            {"$ref": "https://example.org/a"}, {"$ref": "https://example.org/a#/$defs/x"}, {"$ref": "#here"}, {"$ref": "#/components/schemas/B"},
            {"$ref": "#twice"}, {"$ref": "#gone"}, {"$ref": "https://example.org/b"},
        ]}),
        schemas,
    );
    let names: Vec<Option<&str>> =
        body["anyOf"].as_array().expect("a list").iter().map(|one| one["$ref"].as_str()).collect();
    let name = |name: &'static str| Some(name);
    assert_eq!(
        names,
        [name("#/schemas/A"), name("#/schemas/A.x"), name("#/schemas/A"), name("#/schemas/B"), None, None, None]
    );
    assert_eq!(all["A"], json!({"items": {"$ref": "#/schemas/A.x"}}));
    assert_eq!(all["B"], json!({"properties": {"next": {"$ref": "#/schemas/B"}}}));
    assert_eq!(losses.len(), 3, "{losses:?}");
}

#[test]
fn circles_without_a_step_are_refused_by_name() {
    let refer = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let body = json!({"content": {"application/json": {"schema": refer("A")}}});
    let document = one_operation(json!({"requestBody": body}), components(json!({"A": refer("B"), "B": refer("A")})));
    let refused = import(&Document::of(document).expect("a version"), &wanted()).expect_err("refused");
    assert!(refused.message.contains("A → B"), "{refused}");
    let tree = json!({"Tree": {"properties": {"children": {"items": refer("Tree")}}}});
    assert_eq!(written(refer("Tree"), components(tree)).2, Vec::<String>::new());
    let pets = json!({
        "Pet": {"oneOf": [refer("Cat"), refer("Dog")]},
        "Cat": {"allOf": [refer("Pet"), {"required": ["lives"]}]},
        "Dog": {"allOf": [refer("Pet"), {"required": ["tricks"]}]},
    });
    let (_, all, losses) = written(refer("Pet"), components(pets));
    assert_eq!(all["Cat"], json!({"allOf": [{"required": ["lives"]}]}));
    assert_eq!(losses.len(), 2, "{losses:?}");
}

#[test]
fn what_only_making_ready_shows_is_left_out_too() {
    let mut deep = json!({"type": "string"});
    for _ in 0..70 {
        deep = json!({"items": deep, "minItems": 1});
    }
    let divisor: Value = serde_json::from_str("1.000000000000000000001e-30").expect("a number");
    let shared = components(json!({"Deep": deep.clone(), "Fine": {"multipleOf": divisor, "minimum": 1}}));
    let (_, all, losses) = written(
        json!({"anyOf": [{"$ref": "#/components/schemas/Deep"}, {"$ref": "#/components/schemas/Fine"}]}),
        shared,
    );
    assert!(!losses.is_empty() && losses.iter().all(|loss| loss.starts_with("not enforced: keyword")), "{losses:?}");
    assert_eq!(all["Deep"]["minItems"], json!(1));
    let (own, _, losses) = written(deep, json!({}));
    assert!(own["minItems"] == json!(1) && !losses.is_empty(), "{losses:?}");
}
