//! Paths, methods, parameters, bodies and answers.

use super::*;
use crate::model::{Parameter, ParameterPlace, ParameterStyle, Validate};

fn document(paths: Value) -> Value {
    json!({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths})
}

fn ok() -> Value {
    json!({"responses": {"200": {"description": "ok"}}})
}

#[test]
fn what_cannot_be_routed_is_not_published_and_named() {
    let imported = imported(document(json!({
        "/a/{x}.{y}": {"get": ok()},
        "/pets/{id}": {"get": ok(), "put": ok()},
        "/pets/{name}": {"get": ok(), "patch": ok()},
        "/pets/{id}/": {"put": ok()},
        "/trailing/": {"get": ok()},
        "/methods": {"get": ok(), "trace": ok(), "query": ok(), "additionalOperations": {"COPY": ok(), "CONNECT": ok(), "get x": ok()}},
        "x-other": {"get": ok()},
    })));
    let routes: Vec<String> =
        imported.api.operations.iter().map(|one| format!("{} {} {}", one.name, one.method, one.path)).collect();
    assert_eq!(
        routes,
        [
            "get-pets-id GET /pets/{id}",
            "put-pets-id PUT /pets/{id}",
            "patch-pets-name PATCH /pets/{name}",
            "get-trailing GET /trailing",
            "get-methods GET /methods",
            "query-methods QUERY /methods",
            "copy-methods COPY /methods",
        ]
    );
    assert_eq!(
        told(&imported),
        [
            "not published: path /a/{x}.{y} @ /paths/~1a~1{x}.{y}",
            "not published: GET /pets/{name} @ /paths/~1pets~1{name}/get",
            "not published: PUT /pets/{id}/ @ /paths/~1pets~1{id}~1/put",
            "not published: method CONNECT @ /paths/~1methods/additionalOperations/CONNECT",
            "not published: method get x @ /paths/~1methods/additionalOperations/get x",
            "not published: method TRACE @ /paths/~1methods/trace",
            "only described: slash at a path's end @ /paths/~1trailing~1",
        ]
    );
    let kept = imported.api.document.expect("kept");
    assert!(kept["paths"]["/trailing"].is_object() && kept["paths"]["/trailing/"].is_null());
}

#[test]
fn a_document_of_which_nothing_can_be_published_is_refused() {
    for paths in
        [json!({}), json!({"/{a}.{b}": {"get": ok()}}), json!({"/a": {"trace": ok()}}), json!({"/a": null}), json!([])]
    {
        let refused = import(&Document::of(document(paths)).expect("a version"), &wanted()).expect_err("refused");
        assert!(refused.message.starts_with("it has no operation that can be published"), "{refused}");
    }
}

#[test]
fn names_are_their_own_or_made() {
    let named = |name: &str| json!({"operationId": name, "responses": {}, "summary": "S\n1", "deprecated": true});
    let imported = imported(document(json!({
        "/a": {"get": named("getPet"), "put": named("get-pet"), "post": named("getPet"), "patch": named("ü")},
    })));
    let names: Vec<&str> = imported.api.operations.iter().map(|one| &*one.name).collect();
    // In the order of methods; a name that is right as it stands is kept.
    assert_eq!(names, ["get-pet-2", "get-pet", "get-pet-3", "patch-a"]);
    assert_eq!((imported.api.operations[0].title.as_str(), imported.api.operations[0].deprecated), ("S 1", true));
}

fn parameters(list: Value, around: Value) -> (Vec<Parameter>, Vec<String>) {
    let imported = imported(one_operation(json!({"parameters": list}), around));
    (imported.api.operations[0].parameters.clone(), told(&imported))
}

#[test]
fn parameters_of_path_and_operation_are_merged() {
    let around = json!({
        "paths": {"/things/{id}": {"parameters": [
            {"name": "id", "in": "path", "schema": {"type": "integer"}},
            {"name": "limit", "in": "query", "schema": {"type": "integer"}},
            {"name": "X-Trace", "in": "header"},
        ]}},
        "components": {"parameters": {"limit": {"name": "limit", "in": "query", "required": true, "schema": {"maximum": 5}}}},
    });
    let list = json!([
        {"$ref": "#/components/parameters/limit"},
        {"name": "x-trace", "in": "header", "deprecated": true},
        {"name": "Accept", "in": "header"}, {"name": "authorization", "in": "header"}, {"name": "content-type", "in": "header"},
        {"name": "Limen-Subscription-Key", "in": "header", "required": true},
        {"name": "filter", "in": "query", "style": "deepObject", "explode": true, "schema": {"type": "object"}},
        {"name": "tags", "in": "query", "style": "pipeDelimited", "schema": {"type": "array"}},
        {"name": "json", "in": "query", "content": {"application/json": {"schema": {"type": "object"}}}},
        {"name": "empty", "in": "query", "allowEmptyValue": true, "schema": {"type": "integer"}},
    ]);
    let (found, losses) = parameters(list, around);
    let names: Vec<(&str, ParameterPlace, bool)> =
        found.iter().map(|one| (one.name.as_str(), one.place, one.required)).collect();
    use ParameterPlace::{Header, Path, Query};
    assert_eq!(
        names,
        [
            ("id", Path, true),
            ("limit", Query, true),
            ("x-trace", Header, false),
            ("filter", Query, false),
            ("tags", Query, false),
            ("json", Query, false),
            ("empty", Query, false),
        ]
    );
    assert_eq!((found[1].schema.clone(), found[2].deprecated), (Some(json!({"maximum": 5})), true));
    assert_eq!((found[3].style, found[3].explode), (Some(ParameterStyle::DeepObject), Some(true)));
    assert_eq!(
        (found[4].style, found[5].media_type.as_deref()),
        (Some(ParameterStyle::PipeDelimited), Some("application/json"))
    );
    assert_eq!(found[6].schema, Some(json!({"anyOf": [{"type": "integer"}, {"const": ""}]})));
    assert_eq!(losses, Vec::<String>::new());
}

#[test]
fn odd_parameters_are_told() {
    let at = "/paths/~1things~1{id}/get/parameters/0";
    for (parameter, left, loss) in [
        (json!({"name": "a", "in": "querystring"}), 0, "a parameter in: querystring"),
        (json!({"name": "a", "in": "body"}), 0, "an odd parameter"),
        (json!({"name": "", "in": "query"}), 0, "an odd parameter"),
        (json!({"in": "query"}), 0, "an odd parameter"),
        (json!(7), 0, "an odd parameter"),
        (json!({"name": "a b", "in": "header"}), 0, "an odd parameter"),
        (json!({"name": "gone", "in": "path", "required": true}), 0, "path parameter gone"),
        (json!({"name": "Limen-User", "in": "header"}), 0, "header Limen-User"),
        (json!({"name": "c", "in": "cookie"}), 1, "cookie parameters"),
        (json!({"name": "q", "in": "query", "style": "matrix", "schema": {"type": "integer"}}), 1, "style matrix"),
        (json!({"name": "q", "in": "query", "content": {}}), 1, "content of a parameter"),
        (
            json!({"$ref": "http://169.254.169.254/latest"}),
            0,
            "a parameter by reference to http://169.254.169.254/latest",
        ),
        (json!({"$ref": "../x.yaml#/p"}), 0, "a parameter by reference to ../x.yaml#/p"),
        (json!({"$ref": "#/paths/~1things~1{id}/get/parameters/0"}), 0, "a parameter by reference"),
    ] {
        let (found, losses) = parameters(json!([parameter]), json!({}));
        assert_eq!((found.len(), losses), (left, vec![format!("not enforced: {loss} @ {at}")]), "{parameter}");
    }
    let twice = json!([{"name": "a", "in": "query"}, {"name": "a", "in": "query", "required": true}]);
    let (found, losses) = parameters(twice, json!({}));
    assert_eq!((found.len(), losses.len(), found[0].required), (1, 1, false));
}

#[test]
fn bodies_have_the_media_types_that_are_told() {
    let body = |method: &str, body: Value| {
        let mut operation = ok();
        if !body.is_null() {
            operation["requestBody"] = body;
        }
        let imported = imported(document(json!({"/a": {method: operation}})));
        let operation = imported.api.operations[0].clone();
        (operation.media_types, operation.body, told(&imported).len())
    };
    for method in ["get", "delete", "head", "options"] {
        assert_eq!(body(method, Value::Null), (Some(Vec::new()), None, 0));
    }
    assert_eq!(body("post", Value::Null), (None, None, 0));
    let (types, read, losses) = body(
        "post",
        json!({"required": true, "content": {
            "application/json; charset=utf-8": {"schema": {"type": "object"}},
            "application/vnd.x+json;v=2": {"schema": {"$ref": "#/paths/~1a/post/requestBody/content/application~1json;%20charset=utf-8/schema"}},
            "multipart/form-data": {"schema": {"properties": {"file": {}}}, "encoding": {"file": {"contentType": "image/png"}}},
            "application/xml": {"schema": {"type": "object"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "text/plain": {},
            "nonsense": {},
        }}),
    );
    let names = [
        "application/json",
        "application/vnd.x+json",
        "multipart/form-data",
        "application/xml",
        "image/*",
        "text/plain",
    ];
    assert_eq!(types, Some(names.map(str::to_owned).to_vec()));
    let read = read.expect("a body");
    assert!(read.required && read.content[1].schema.is_some() && read.content[2].schema.is_none());
    // A type's parameters, two schemas of other types, an encoding, something that is no media type.
    assert_eq!(losses, 5);
    assert_eq!(body("post", json!({"content": {}})).0, None);
    assert_eq!(body("post", json!({"$ref": "file:///etc/passwd"})), (None, None, 1));
}

#[test]
fn answers_are_by_status_and_what_hangs_on_them_is_told() {
    let imported = imported(one_operation(
        json!({
            "callbacks": {"done": {}}, "servers": [{"url": "/x"}], "x-limen-validate": "off", "oddity": 1,
            "responses": {
                "200": {"description": "", "content": {"application/json": {"schema": {"type": "null"}}}, "headers": {"A": {}}, "links": {"l": {}}},
                "4xx": {"$ref": "#/components/responses/Bad"}, "default": {"description": ""}, "999": {}, "2000": {}, "x-a": {},
            },
        }),
        json!({
            "webhooks": {"w": {}}, "servers": [{"url": "/a"}, {"url": "/b"}], "jsonSchemaDialect": "http://example.org/mine",
            "components": {"responses": {"Bad": {"description": "", "content": {"text/html": {}}}}},
        }),
    ));
    let operation = &imported.api.operations[0];
    let statuses: Vec<&str> = operation.answers.iter().map(|one| one.status.as_str()).collect();
    assert_eq!(statuses, ["200", "4XX", "default"]);
    assert_eq!(operation.answers[0].content[0].schema, Some(json!({"type": "null"})));
    assert_eq!(operation.validate, Some(Validate::Off));
    let at = "/paths/~1things~1{id}/get";
    assert_eq!(
        told(&imported),
        [
            format!("not enforced: servers of their own @ {at}/servers"),
            format!("not enforced: field 'oddity' of an operation @ {at}/oddity"),
            "not enforced: schema dialect http://example.org/mine @ /jsonSchemaDialect".to_owned(),
            "only described: further servers @ /servers".to_owned(),
            format!("only described: callbacks @ {at}/callbacks"),
            format!("only described: headers of answers @ {at}/responses/200/headers"),
            format!("only described: links of answers @ {at}/responses/200/links"),
            format!("only described: answer 999 @ {at}/responses/999"),
            format!("only described: answer 2000 @ {at}/responses/2000"),
            "only described: webhooks @ /webhooks".to_owned(),
        ]
    );
}

#[test]
fn path_items_are_referred_to() {
    let mut document =
        document(json!({"/a/{id}": {"$ref": "#/components/pathItems/A", "get": ok()}, "/b": {"$ref": "b.yaml"}}));
    document["components"] = json!({"pathItems": {"A": {"put": ok(), "get": {"operationId": "hidden"}, "parameters": [{"name": "id", "in": "path", "schema": {"type": "integer"}}]}}});
    let imported = imported(document);
    let routes: Vec<String> =
        imported.api.operations.iter().map(|one| format!("{} {}", one.name, one.parameters.len())).collect();
    assert_eq!(routes, ["get-a-id 0", "put-a-id 1"]);
    assert_eq!(told(&imported), ["not published: a path by reference to b.yaml @ /paths/~1b"]);
}
