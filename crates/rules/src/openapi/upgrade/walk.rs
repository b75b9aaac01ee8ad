//! Every place of a 3.x document at which a schema stands.

use serde_json::Value;

use crate::openapi::pointer::below;

type Visit<'v> = dyn FnMut(&mut Value, &str) + 'v;

const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// Shows every schema to `visit`, with its pointer; those within schemas are not shown by themselves.
pub(super) fn each_schema(root: &mut Value, visit: &mut Visit<'_>) {
    if let Some(components) = root.get_mut("components") {
        let at = "/components";
        each(components, at, "schemas", &mut |schema, at| visit(schema, at));
        each(components, at, "parameters", &mut |one, at| parameter(one, at, visit));
        each(components, at, "headers", &mut |one, at| parameter(one, at, visit));
        each(components, at, "requestBodies", &mut |one, at| content(one, at, visit));
        each(components, at, "responses", &mut |one, at| response(one, at, visit));
        each(components, at, "mediaTypes", &mut |one, at| media_type(one, at, visit));
        each(components, at, "pathItems", &mut |one, at| path_item(one, at, visit));
        each(components, at, "callbacks", &mut |one, at| callback(one, at, visit));
    }
    each(root, "", "paths", &mut |one, at| path_item(one, at, visit));
    each(root, "", "webhooks", &mut |one, at| path_item(one, at, visit));
}

/// Every member or element of a member.
fn each(holder: &mut Value, at: &str, name: &str, visit: &mut Visit<'_>) {
    let at = below(at, name);
    match holder.get_mut(name) {
        Some(Value::Object(members)) => {
            for (name, inner) in members {
                visit(inner, &below(&at, name));
            }
        }
        Some(Value::Array(elements)) => {
            for (index, inner) in elements.iter_mut().enumerate() {
                visit(inner, &below(&at, &index.to_string()));
            }
        }
        _ => {}
    }
}

fn path_item(item: &mut Value, at: &str, visit: &mut Visit<'_>) {
    each(item, at, "parameters", &mut |one, at| parameter(one, at, visit));
    for method in METHODS {
        if let Some(one) = item.get_mut(method) {
            operation(one, &below(at, method), visit);
        }
    }
    each(item, at, "additionalOperations", &mut |one, at| operation(one, at, visit));
}

fn operation(operation: &mut Value, at: &str, visit: &mut Visit<'_>) {
    each(operation, at, "parameters", &mut |one, at| parameter(one, at, visit));
    if let Some(body) = operation.get_mut("requestBody") {
        content(body, &below(at, "requestBody"), visit);
    }
    each(operation, at, "responses", &mut |one, at| response(one, at, visit));
    each(operation, at, "callbacks", &mut |one, at| callback(one, at, visit));
}

fn callback(callback: &mut Value, at: &str, visit: &mut Visit<'_>) {
    for (name, item) in callback.as_object_mut().into_iter().flatten() {
        path_item(item, &below(at, name), visit);
    }
}

fn parameter(parameter: &mut Value, at: &str, visit: &mut Visit<'_>) {
    if let Some(schema) = parameter.get_mut("schema") {
        visit(schema, &below(at, "schema"));
    }
    content(parameter, at, visit);
}

fn response(response: &mut Value, at: &str, visit: &mut Visit<'_>) {
    each(response, at, "headers", &mut |one, at| parameter(one, at, visit));
    content(response, at, visit);
}

fn content(holder: &mut Value, at: &str, visit: &mut Visit<'_>) {
    each(holder, at, "content", &mut |one, at| media_type(one, at, visit));
}

fn media_type(media_type: &mut Value, at: &str, visit: &mut Visit<'_>) {
    for name in ["schema", "itemSchema"] {
        if let Some(schema) = media_type.get_mut(name) {
            visit(schema, &below(at, name));
        }
    }
    each(media_type, at, "encoding", &mut |one, at| {
        each(one, at, "headers", &mut |one, at| parameter(one, at, visit));
    });
}
