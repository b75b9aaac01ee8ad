//! 2.0 and 3.0 say the same as 3.1 does in its words; what is kept is 3.1, and reads the same again.

use super::*;
use crate::model::{Access, ParameterStyle};

fn two() -> Value {
    json!({
        "swagger": "2.0", "info": {"title": "Pets", "version": "1"},
        "host": "pets.example.org", "basePath": "/v2", "schemes": ["http", "https"],
        "consumes": ["application/json"], "produces": ["application/json", "application/xml"],
        "securityDefinitions": {"auth": {"type": "oauth2", "flow": "accessCode", "authorizationUrl": "https://a", "tokenUrl": "https://b", "scopes": {"read": "r"}}},
        "parameters": {"limit": {"name": "limit", "in": "query", "type": "integer", "maximum": 100, "exclusiveMaximum": true},
                       "pet": {"name": "body", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Pet"}}},
        "responses": {"Sad": {"description": "", "schema": {"$ref": "#/definitions/Pet"}}},
        "definitions": {"Pet": {"type": "object", "discriminator": "kind", "required": ["kind"], "properties": {
            "kind": {"type": "string", "x-nullable": true}, "list": {"$ref": "#/paths/~1pets/get/responses/200/schema"}}}},
        "paths": {"/pets": {
            "parameters": [{"name": "X-A", "in": "header", "type": "string"}],
            "get": {"operationId": "list", "security": [{"auth": ["read"]}],
                "parameters": [{"$ref": "#/parameters/limit"},
                    {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}, "collectionFormat": "pipes"},
                    {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "multi"},
                    {"name": "odd", "in": "query", "type": "array", "items": {"type": "string"}, "collectionFormat": "tsv"}],
                "responses": {"200": {"description": "", "schema": {"type": "array", "items": {"$ref": "#/definitions/Pet"}}, "headers": {"A": {"type": "string"}}},
                              "default": {"$ref": "#/responses/Sad"}}},
            "post": {"operationId": "add", "parameters": [{"$ref": "#/parameters/pet"}], "responses": {"200": {"description": ""}}},
            "put": {"operationId": "upload", "consumes": ["multipart/form-data"], "schemes": ["https"], "parameters": [
                {"name": "file", "in": "formData", "type": "file", "required": true}, {"name": "note", "in": "formData", "type": "string"}],
                "responses": {"200": {"description": ""}}},
            "patch": {"operationId": "change", "parameters": [{"name": "b", "in": "body", "schema": {"type": "object", "nullable": true, "pattern": "(?=a)"}}],
                "responses": {"200": {"description": "", "schema": {"type": "file"}}}},
        }},
    })
}

#[test]
fn a_document_of_2_0_becomes_the_same() {
    let imported = imported(two());
    let api = &imported.api;
    assert_eq!(
        imported.servers,
        Servers { base_path: Some("/v2".into()), target: Some("https://pets.example.org/v2".into()) }
    );
    let list = &api.operations[0];
    assert_eq!(
        (&*list.name, list.permission.as_deref(), list.access),
        ("list", Some("read"), Some(Access::KeyAndToken))
    );
    let names: Vec<&str> = list.parameters.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["X-A", "limit", "ids", "tags", "odd"]);
    assert_eq!(list.parameters[1].schema, Some(json!({"type": "integer", "exclusiveMaximum": 100})));
    assert_eq!(
        (list.parameters[2].style, list.parameters[2].explode),
        (Some(ParameterStyle::PipeDelimited), Some(false))
    );
    assert_eq!((list.parameters[3].style, list.parameters[3].explode), (Some(ParameterStyle::Form), Some(true)));
    assert_eq!(list.parameters[4].schema, None);
    assert_eq!(list.answers[0].content.len(), 2);
    assert_eq!(list.answers[0].content[0].schema, Some(json!({"type": "array", "items": {"$ref": "#/schemas/Pet"}})));
    let operation = |name: &str| api.operations.iter().find(|one| &*one.name == name).expect(name);
    let add = operation("add").body.clone().expect("a body");
    assert!(add.required && add.content[0].schema == Some(json!({"$ref": "#/schemas/Pet"})));
    assert_eq!(operation("upload").media_types, Some(vec!["multipart/form-data".into()]));
    assert!(operation("upload").body.as_ref().is_some_and(|body| body.required));
    let pet = &api.schemas["Pet"];
    assert_eq!(pet["properties"]["kind"], json!({"type": ["string", "null"]}));
    assert_eq!(pet["properties"]["list"], json!({"$ref": "#/schemas/pets.get.responses.200.application_json.schema"}));
    let at = "/paths/~1pets";
    assert_eq!(
        told(&imported),
        [
            format!("not enforced: collectionFormat tsv in query @ {at}/get/parameters/3"),
            format!("not enforced: schema of multipart/form-data bodies @ {at}/put/parameters/0"),
            format!("not enforced: pattern (?=a) @ {at}/patch/parameters/0/schema/pattern"),
            "not enforced: keyword 'discriminator' @ /definitions/Pet/discriminator".to_owned(),
            format!("only described: schemes of an operation @ {at}/put/schemes"),
            "only described: further servers @ /host".to_owned(),
            format!("only described: headers of answers @ {at}/get/responses/200/headers"),
            format!("only described: schema of application/xml bodies @ {at}/get/responses/200/schema x2"),
        ]
    );
}

#[test]
fn schemas_of_3_0_mean_the_same() {
    let body = |schema: Value| {
        let body = json!({"content": {"application/json": {"schema": schema}}});
        let imported = imported(one_operation(
            json!({"requestBody": body}),
            json!({"openapi": "3.0.3",
            "components": {"schemas": {"A": {"type": "string"}}}}),
        ));
        let schema = imported.api.operations[0].body.as_ref().and_then(|body| body.content[0].schema.clone());
        (schema.unwrap_or(Value::Null), told(&imported).len())
    };
    for (schema, written, losses) in [
        (json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]}), 0),
        (json!({"type": "string", "nullable": false}), json!({"type": "string"}), 0),
        (
            json!({"type": "string", "nullable": true, "enum": ["a"]}),
            json!({"type": ["string", "null"], "enum": ["a", null]}),
            0,
        ),
        (json!({"nullable": true, "minLength": 1}), json!({"minLength": 1}), 0),
        (
            json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/A"}]}),
            json!({"anyOf": [{"allOf": [{"$ref": "#/schemas/A"}]}, {"type": "null"}]}),
            0,
        ),
        (json!({"minimum": 1, "exclusiveMinimum": true}), json!({"exclusiveMinimum": 1}), 0),
        (
            json!({"minimum": 1, "exclusiveMinimum": false, "maximum": 2, "exclusiveMaximum": true}),
            json!({"minimum": 1, "exclusiveMaximum": 2}),
            0,
        ),
        (json!({"exclusiveMinimum": true, "type": "integer"}), json!({"type": "integer"}), 0),
        (
            json!({"properties": {"nullable": {"type": "integer", "nullable": true}}}),
            json!({"properties": {"nullable": {"type": ["integer", "null"]}}}),
            0,
        ),
        (
            json!({"items": {"additionalProperties": {"nullable": true, "type": "number"}}}),
            json!({"items": {"additionalProperties": {"type": ["number", "null"]}}}),
            0,
        ),
        (json!({"$ref": "#/components/schemas/A", "description": "d", "x-a": 1}), json!({"$ref": "#/schemas/A"}), 0),
        (
            json!({"$ref": "#/components/schemas/A", "nullable": true, "minLength": 3}),
            json!({"$ref": "#/schemas/A"}),
            2,
        ),
        (json!({"type": "string", "example": "(?=a)"}), json!({"type": "string"}), 0),
    ] {
        assert_eq!(body(schema.clone()), (written, losses), "{schema}");
    }
}

#[test]
fn what_is_kept_is_3_1_and_reads_the_same() {
    let three_zero = one_operation(
        json!({"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "nullable": true}}]}),
        json!({"openapi": "3.0.0", "paths": {"/b/{a.b}/": {"get": {"parameters": [{"name": "a.b", "in": "path", "required": true}]}}}}),
    );
    let three_two = one_operation(json!({}), json!({"openapi": "3.2.0", "paths": {"/things/{id}": {"query": {}}}}));
    for document in [two(), three_zero, three_two, one_operation(json!({}), json!({}))] {
        let first = imported(document).api;
        let kept = first.document.clone().expect("kept");
        assert!(kept["openapi"].as_str().is_some_and(|version| version.starts_with("3.1") || version == "3.2.0"));
        let again = imported(Value::clone(&kept)).api;
        assert_eq!(again, first);
    }
}
