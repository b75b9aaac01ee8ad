//! What an export says, and what it leaves out.

use serde_json::Value;

use super::*;

const AT: PublishedAt<'static> =
    PublishedAt { gateway_url: "https://api.example.org", web_url: "https://pages.example.org" };

fn api(value: Value) -> Api {
    let mut whole =
        json!({"name": "pets", "base_path": "/pets/v2", "target": "http://inside:9000", "validate": "schema"});
    for (name, value) in value.as_object().unwrap() {
        whole[name] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

/// Imported from a document of these paths and components.
fn imported(paths: Value, components: Value) -> Api {
    let document = json!({"openapi": "3.1.0", "info": {"title": "Pets", "version": "7"},
        "servers": [{"url": "http://inside:9000/pets/v2"}], "paths": paths, "components": components,
        "x-gateway": {"uri": "http://inside:9000"}});
    let document = crate::openapi::Document::of(document).unwrap();
    let targets = vec!["http://inside:9000".to_owned()];
    let wanted =
        crate::openapi::Wanted { name: "pets".into(), base_path: Some("/pets/v2".into()), targets, existing: None };
    crate::openapi::import(&document, &wanted).unwrap().api
}

fn statuses(answers: &Value) -> Vec<&str> {
    sorted(answers)
}

fn sorted(members: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = members.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The codes that an answer has an example of.
fn codes<'d>(document: &'d Value, answer: &'d Value) -> Vec<&'d str> {
    let name = answer["$ref"].as_str().expect("a reference").trim_start_matches("#/components/responses/");
    let told = &document["components"]["responses"][name]["content"]["application/problem+json"]["examples"];
    sorted(told)
}

#[test]
fn what_is_declared_by_hand_is_told() {
    let api = api(json!({"access": "key+token", "schemas": {"Pet": {"type": "object", "x-table": "pets"}},
        "operations": [{"name": "pet-put", "title": "Change a pet", "method": "PUT", "path": "/all/{id}", "permission": "pet.write", "deprecated": true,
            "parameters": [{"name": "dry", "in": "query", "style": "form", "explode": false, "schema": {"type": "array"}}],
            "body": {"required": true, "content": [{"media_type": "application/json", "schema": {"$ref": "#/schemas/Pet"}}]},
            "answers": [{"status": "204"}, {"status": "404"}, {"status": "500"}]}]}));
    let document = export(&api, &AT);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"], json!({"title": "pets", "version": "v2"}));
    assert_eq!(document["servers"], json!([{"url": "https://api.example.org/pets/v2"}]));
    let operation = &document["paths"]["/all/{id}"]["put"];
    assert_eq!(operation["operationId"], "pet-put");
    assert_eq!(operation["deprecated"], true);
    assert_eq!(operation["security"], json!([{"limen-key": [], "limen-token": ["pet.write"]}]));
    assert_eq!(
        operation["parameters"],
        json!([
            {"name": "dry", "in": "query", "style": "form", "explode": false, "schema": {"type": "array"}},
            {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}
        ])
    );
    let body =
        json!({"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}});
    assert_eq!(operation["requestBody"], body);
    assert_eq!(document["components"]["schemas"]["Pet"], json!({"type": "object"}));
    // 204 leaves as 200 without a body, the service's 500 in our words.
    assert_eq!(statuses(&operation["responses"]), ["200", "400", "401", "403", "404", "415", "429", "500", "503"]);
    assert_eq!(operation["responses"]["200"].get("content"), None);
    let headers = &operation["responses"]["200"]["headers"];
    assert_eq!(statuses(headers), ["RateLimit", "RateLimit-Policy", "X-Request-Id"]);
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["limen-key"]["name"], "Limen-Subscription-Key");
    let flow = &schemes["limen-token"]["flows"]["authorizationCode"];
    assert_eq!(flow["authorizationUrl"], "https://pages.example.org/authorization");
    assert_eq!(flow["tokenUrl"], "https://pages.example.org/token");
    assert_eq!(flow["scopes"], json!({"pet.write": "Needed by: pet-put"}));
    assert!(!document.to_string().contains("inside"));
}

#[test]
fn refusals_are_those_that_the_operation_can_get() {
    let one = |more: Value| {
        let mut operation = json!({"name": "o", "method": "GET", "path": "/o"});
        for (name, value) in more.as_object().unwrap() {
            operation[name] = value.clone();
        }
        let document = export(&api(json!({"operations": [operation]})), &AT);
        let answers =
            document["paths"]["/o"][operation["method"].as_str().unwrap().to_lowercase()]["responses"].clone();
        (document, answers)
    };
    let (document, answers) = one(json!({"access": "open"}));
    assert_eq!(statuses(&answers), ["200", "400", "404", "500", "503"]);
    assert_eq!(codes(&document, &answers["404"]), ["record-not-found", "resource-not-found"]);
    assert_eq!(document["paths"]["/o"]["get"]["security"], json!([]));
    assert_eq!(document["components"].get("securitySchemes"), None);
    let (document, answers) = one(json!({"access": "key"}));
    assert_eq!(statuses(&answers), ["200", "400", "401", "403", "404", "429", "500", "503"]);
    assert_eq!(codes(&document, &answers["401"]), ["subscription-key-invalid", "subscription-key-missing"]);
    assert_eq!(codes(&document, &answers["403"]), ["bandwidth-exceeded", "quota-exceeded"]);
    let (document, answers) = one(json!({"access": "token", "permission": "p"}));
    assert_eq!(codes(&document, &answers["401"]), ["token-expired", "token-invalid", "token-missing"]);
    assert_eq!(codes(&document, &answers["403"]), ["permission-denied", "record-denied"]);
    let (document, answers) = one(json!({"method": "POST", "validate": "off"}));
    assert!(!codes(&document, &answers["400"]).contains(&"body-not-json"));
    assert_eq!(codes(&document, &answers["415"]), ["media-type-unsupported"]);
}

#[test]
fn what_is_internal_stays_inside() {
    let paths = json!({
        "/pets/{id}": {
            "x-route": "http://inside:9000",
            "servers": [{"url": "http://inside:9000/other"}],
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}, "x-column": "id"}],
            "get": {
                "operationId": "petGet", "summary": "A pet", "tags": ["pets"], "x-handler": "inside.PetHandler",
                "callbacks": {"c": {"http://inside/hook": {}}},
                "parameters": [
                    {"name": "debug", "in": "query", "x-internal": true, "schema": {}},
                    {"name": "limen-subscription-key", "in": "header", "schema": {}},
                    {"$ref": "#/components/parameters/Fields"}],
                "responses": {
                    "200": {"description": "The pet.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                        "links": {"l": {"operationId": "petGet"}}},
                    "404": {"description": "No such pet."}}},
            "delete": {"x-internal": true, "operationId": "petDelete", "responses": {"200": {"description": "gone"}}}}});
    let components = json!({
        "parameters": {"Fields": {"name": "fields", "in": "query", "schema": {"type": "string"}}},
        "schemas": {
            "Pet": {"type": "object", "required": ["id", "cost"], "x-table": "pets", "properties": {
                "id": {"type": "integer"}, "cost": {"x-internal": true, "type": "number"},
                "x-tag": {"type": "string"}, "file": {"$ref": "file:///etc/passwd"}, "mate": {"$ref": "#/components/schemas/Pet"}}},
            "Unused": {"type": "string"}},
        "securitySchemes": {"inside": {"type": "http", "scheme": "basic"}}});
    let api = imported(paths, components);
    let document = export(&api, &AT);
    let item = document["paths"]["/pets/{id}"].as_object().unwrap();
    assert_eq!(item.keys().collect::<Vec<_>>(), ["get"]);
    let operation = &item["get"];
    assert_eq!((&operation["operationId"], &operation["summary"]), (&json!("petGet"), &json!("A pet")));
    let parameters = json!([
        {"$ref": "#/components/parameters/Fields"},
        {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}]);
    assert_eq!(operation["parameters"], parameters);
    assert_eq!(operation["responses"]["404"]["description"], "No such pet.");
    assert_eq!(operation["responses"]["404"]["$ref"], "#/components/responses/limen-404");
    let pet = &document["components"]["schemas"]["Pet"];
    assert_eq!(pet["required"], json!(["id"]));
    let properties = json!({"id": {"type": "integer"}, "x-tag": {"type": "string"}, "file": {},
        "mate": {"$ref": "#/components/schemas/Pet"}});
    assert_eq!(pet["properties"], properties);
    let text = document.to_string();
    for word in ["inside", "x-internal", "x-table", "Unused", "passwd", "links", "callbacks", "delete"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn answers_leave_as_the_contract_lets_them() {
    let answers = |settings: Value| {
        let told =
            |words: &str| json!({"description": words, "content": {"application/json": {"schema": {"title": words}}}});
        let mut api = imported(
            json!({"/a": {"post": {"responses": {"201": told("made"), "202": told("later"), "302": told("elsewhere"), "401": told("who"),
                "410": told("was here"), "422": told("odd"), "503": told("down"), "default": told("all else")}}}}),
            json!({}),
        );
        let mut value = serde_json::to_value(&api).unwrap();
        for (name, setting) in settings.as_object().unwrap() {
            value[name] = setting.clone();
        }
        api = serde_json::from_value(value).unwrap();
        export(&api, &AT)["paths"]["/a"]["post"]["responses"].clone()
    };
    let strict = answers(json!({}));
    assert_eq!(statuses(&strict), ["200", "400", "401", "403", "404", "415", "429", "500", "503"]);
    assert_eq!(strict["200"]["description"], "made\n\nlater");
    let forms = json!({"anyOf": [{"title": "made"}, {"title": "later"}]});
    assert_eq!(strict["200"]["content"]["application/json"]["schema"], forms);
    assert_eq!(strict["404"]["description"], "was here");
    assert_eq!(strict["400"]["description"], "odd");
    assert_eq!(strict["401"].get("description"), None);
    assert_eq!(answers(json!({"pass_statuses": [302]}))["302"]["description"], "elsewhere");
    let pass = answers(json!({"error_body": "pass"}));
    assert_eq!(statuses(&pass["400"]["content"]), ["application/json", "application/problem+json"]);
    let all = answers(json!({"contract": "transparent"}));
    for status in ["201", "202", "302", "400", "401", "410", "422", "503", "default"] {
        assert!(all.get(status).is_some(), "{status}");
    }
    assert_eq!(statuses(&all["503"]["content"]), ["application/json", "application/problem+json"]);
}

#[test]
fn an_export_that_is_imported_says_the_same() {
    let api = imported(
        json!({"/pets/{petId}": {"get": {"parameters": [{"name": "petId", "in": "path", "required": true, "schema": {"type": "integer"}}],
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A B"}}}}}},
            "put": {"requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/A B"}}}},
                "responses": {"default": {"description": ""}}}}}),
        json!({"schemas": {"A B": {"type": "object", "properties": {"n": {"type": "string", "maxLength": 3}}}}}),
    );
    let again = |api: &Api| {
        let document = crate::openapi::Document::of(export(api, &AT)).unwrap();
        let wanted = crate::openapi::Wanted {
            name: "pets".into(),
            base_path: Some("/pets/v2".into()),
            targets: vec!["http://inside:9000".into()],
            existing: None,
        };
        crate::openapi::import(&document, &wanted).unwrap().api
    };
    let second = again(&api);
    let difference = crate::openapi::diff::diff(&api, &second);
    assert_eq!(difference.breaking, 0, "{difference:#?}");
    assert!(export(&again(&second), &AT) == export(&second, &AT), "it settles");
}

#[test]
fn no_document_grows_beyond_bounds() {
    let big: Vec<Value> = (0..20_000).map(|at| json!({"n": at})).collect();
    let operations: Vec<Value> =
        (0..300).map(|at| json!({"name": format!("o{at}"), "method": "GET", "path": format!("/o{at}")})).collect();
    let paths: serde_json::Map<String, Value> = (0..300)
        .map(|at| (format!("/o{at}"), json!({"get": {"responses": {"200": {"$ref": "#/components/responses/Big"}}}})))
        .collect();
    let document = json!({"openapi": "3.1.0", "info": {"title": "B", "version": "1"}, "paths": paths,
        "components": {"responses": {"Big": {"description": "big", "content": {"application/json": {"example": big}}}}}});
    let mut api = api(json!({"operations": operations}));
    api.document = Some(std::sync::Arc::new(document));
    let told = export(&api, &AT);
    assert_eq!(told["paths"].as_object().unwrap().len(), 300);
    assert!(told.to_string().len() < 2_000_000);
}
