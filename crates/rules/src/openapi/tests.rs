//! Documents of every version and what becomes of them.

mod hostile;
mod operations;
mod schemas;
mod security;
mod versions;

use serde_json::{Value, json};

use super::*;

/// What becomes of a document under the usual name.
pub(super) fn imported(document: Value) -> Imported {
    let document = Document::of(document).expect("a version that is read");
    import(&document, &wanted()).expect("imported")
}

pub(super) fn wanted() -> Wanted {
    Wanted {
        name: "pets".into(),
        base_path: Some("/pets".into()),
        targets: vec!["http://127.0.0.1:9".into()],
        ..Wanted::default()
    }
}

/// A document of that version with one operation, `GET /things/{id}`, merged with what is given for it.
pub(super) fn one_operation(operation: Value, around: Value) -> Value {
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "paths": {"/things/{id}": {"get": {"operationId": "one", "responses": {"200": {"description": "ok"}}}}},
    });
    merge(&mut document["paths"]["/things/{id}"]["get"], operation);
    merge(&mut document, around);
    document
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Losses in short: `effect: construct @ first pointer xCOUNT`.
pub(super) fn told(imported: &Imported) -> Vec<String> {
    let one = |loss: &Loss| {
        let at = loss.pointers.first().map_or("", String::as_str);
        let count = if loss.count > 1 { format!(" x{}", loss.count) } else { String::new() };
        format!("{}: {} @ {at}{count}", loss.effect.word(), loss.construct)
    };
    imported.losses.iter().map(one).collect()
}

#[test]
fn a_small_document_becomes_an_api() {
    let text = "
openapi: 3.1.0
info: {title: Pets, version: '1'}
servers: [{url: 'https://pets.example.org/v1'}]
paths:
  /pets/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: integer}}
    get:
      operationId: getPet
      summary: One pet
      responses:
        200: {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
    put:
      operationId: putPet
      requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Pet'}}}}
      responses: {default: {description: ok}}
components:
  schemas:
    Pet:
      type: object
      required: [name]
      properties: {name: {type: string}, friend: {$ref: '#/components/schemas/Pet'}}
";
    let document = read(text.as_bytes()).expect("YAML");
    let imported = import(&document, &wanted()).expect("imported");
    assert_eq!(imported.losses, []);
    let api = &imported.api;
    assert_eq!((&*api.base_path, api.target.as_deref()), ("/pets", Some("http://127.0.0.1:9")));
    assert_eq!(imported.servers.base_path.as_deref(), Some("/v1"));
    let names: Vec<&str> = api.operations.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["get-pet", "put-pet"]);
    let put = &api.operations[1];
    assert_eq!(put.media_types.as_deref(), Some(&["application/json".to_owned()][..]));
    assert_eq!(put.parameters[0].schema, Some(json!({"type": "integer"})));
    assert_eq!(
        put.body.as_ref().and_then(|body| body.content[0].schema.clone()),
        Some(json!({"$ref": "#/schemas/Pet"}))
    );
    assert_eq!(api.schemas["Pet"]["properties"]["friend"], json!({"$ref": "#/schemas/Pet"}));
    assert_eq!(api.operations[0].media_types.as_deref(), Some(&[][..]));
}
