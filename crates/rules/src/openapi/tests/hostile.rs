//! Documents that mean harm end within bounds: refused, or with a loss.

use super::*;

fn import_any(document: Value) -> Result<Imported, Unreadable> {
    import(&Document::of(document).expect("a version"), &wanted())
}

#[test]
fn references_out_of_the_document_are_never_followed() {
    for reference in [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "../x.yaml",
        "x.yaml#/components/schemas/A",
        "/etc/passwd",
        "https://example.org/openapi.json#/components/schemas/A",
        "urn:x:y",
        "",
    ] {
        let refer = json!({"$ref": reference});
        let document = one_operation(
            json!({
                "parameters": [refer, {"name": "q", "in": "query", "schema": refer}],
                "requestBody": refer, "responses": {"200": refer},
            }),
            json!({"paths": {"/other": refer}, "components": {"securitySchemes": {"s": refer}}}),
        );
        let imported = import_any(document).expect("imported");
        assert_eq!(imported.api.operations.len(), 1);
        assert_eq!(
            imported.losses.iter().map(|loss| loss.count).sum::<usize>(),
            6,
            "{reference} {:?}",
            told(&imported)
        );
        assert!(imported.losses.iter().all(|loss| loss.construct.contains("by reference to")), "{reference}");
    }
}

#[test]
fn references_in_circles_end() {
    let circle = json!({"A": {"$ref": "#/components/parameters/B"}, "B": {"$ref": "#/components/parameters/A"}});
    let document = one_operation(
        json!({"parameters": [{"$ref": "#/components/parameters/A"}]}),
        json!({"components": {"parameters": circle, "pathItems": {"P": {"$ref": "#/paths/~1p"}}},
               "paths": {"/p": {"$ref": "#/components/pathItems/P"}}}),
    );
    let imported = import_any(document).expect("imported");
    assert_eq!(told(&imported).len(), 2);
    // A pointer whose way leads through itself.
    let through = json!({"$ref": "#/components/schemas/X/properties/a"});
    let body = json!({"content": {"application/json": {"schema": through}}});
    let document = one_operation(
        json!({"requestBody": body}),
        json!({"components": {"schemas": {"X": {"$ref": "#/components/schemas/X/properties/a"}}}}),
    );
    assert_eq!(told(&import_any(document).expect("imported")).len(), 1);
}

#[test]
fn what_unfolds_to_too_much_is_refused() {
    // One large parameter, referred to by every operation.
    let members: serde_json::Map<String, Value> =
        (0..5_000).map(|at| (format!("p{at}"), json!({"type": "string"}))).collect();
    let mut document = one_operation(
        json!({}),
        json!({"components": {"parameters": {"large":
        {"name": "q", "in": "query", "schema": {"properties": members}}}}}),
    );
    for at in 0..1_000 {
        let operation = json!({"parameters": [{"$ref": "#/components/parameters/large"}]});
        document["paths"][format!("/p{at}")] = json!({"get": operation});
    }
    assert_eq!(import_any(document).expect_err("refused").message, "its references unfold to too much");
    // A body with many media types in a document of 2.0.
    let members: serde_json::Map<String, Value> = (0..50_000).map(|at| (format!("p{at}"), json!(true))).collect();
    let types: Vec<String> = (0..100).map(|at| format!("application/x{at}+json")).collect();
    let body = json!([{"name": "b", "in": "body", "schema": {"properties": members}}]);
    let document = json!({"swagger": "2.0", "info": {}, "consumes": types, "paths": {"/a": {"post": {"parameters": body, "responses": {}}}}});
    assert_eq!(import_any(document).expect_err("refused").message, "its bodies unfold to too much");
}

#[test]
fn many_references_cost_their_number() {
    let mut schemas = serde_json::Map::new();
    for at in 0..30_000 {
        schemas.insert(format!("S{at}"), json!({"allOf": [{"$ref": format!("#/components/schemas/S{}", at + 1)}]}));
    }
    schemas.insert("S30000".to_owned(), json!({"type": "string"}));
    let body = json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}});
    let document = one_operation(json!({"requestBody": body}), json!({"components": {"schemas": schemas}}));
    assert_eq!(import_any(document).expect("imported").api.schemas.len(), 30_001);
}

#[test]
fn values_of_any_kind_at_any_place_are_read() {
    let whole = |version: &str, name: &str| {
        let mut document = one_operation(
            json!({"parameters": [{"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}],
                   "requestBody": {"content": {"application/json": {"schema": {"allOf": [{"$ref": "#/components/schemas/A"}]}}}},
                   "responses": {"200": {"content": {"application/json": {"schema": {}}}, "schema": {}, "headers": {"H": {}}}},
                   "security": [{"s": ["a"]}], "servers": [{"url": "/{v}", "variables": {"v": {"default": "x"}}}]}),
            json!({"components": {"schemas": {"A": {"properties": {"a": {"minimum": 1, "exclusiveMinimum": true, "nullable": true}}}},
                   "securitySchemes": {"s": {"type": "oauth2"}}}, "servers": [{"url": "https://x/{v}", "variables": {"v": {"default": "x"}}}],
                   "definitions": {"A": {}}, "securityDefinitions": {"s": {"type": "oauth2"}}, "consumes": ["a/b"], "tags": []}),
        );
        document.as_object_mut().expect("a mapping").shift_remove("openapi");
        document[name] = json!(version);
        document
    };
    let odd = [
        json!(null),
        json!(true),
        json!(7),
        json!("x"),
        json!([]),
        json!({}),
        json!([[1]]),
        json!({"$ref": "#/x"}),
        json!({"a": {"a": []}}),
    ];
    for (version, name) in [("2.0", "swagger"), ("3.0.0", "openapi"), ("3.1.0", "openapi"), ("3.2.0", "openapi")] {
        let whole = whole(version, name);
        let mut pointers = Vec::new();
        places(&whole, "", &mut pointers);
        for pointer in pointers.iter().filter(|pointer| !pointer.ends_with(name)) {
            for value in &odd {
                let mut changed = whole.clone();
                *changed.pointer_mut(pointer).expect("a place") = value.clone();
                if let Ok(document) = Document::of(changed)
                    && let Ok(imported) = import(&document, &wanted())
                {
                    assert!(!imported.api.operations.is_empty(), "{pointer} {value}");
                }
            }
        }
    }
}

fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut inner = |name: &str, value: &Value| {
        let at = pointer::below(pointer, name);
        found.push(at.clone());
        places(value, &at, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| inner(name, value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| inner(&at.to_string(), value)),
        _ => {}
    }
}
