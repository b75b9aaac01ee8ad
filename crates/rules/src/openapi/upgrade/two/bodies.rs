//! Bodies of 2.0, of requests and answers, under their media types.

use serde_json::{Map, Value, json};

use super::Upgrade;
use super::parameters::{Parameter, followed};
use crate::openapi::pointer::below;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The request body that `body` and `formData` parameters make up; the operation's own before those of the path.
pub(super) fn request<'d>(
    upgrade: &mut Upgrade<'d>,
    operation: &Value,
    at: &str,
    own: &[Parameter<'d>],
    shared: &[Parameter<'d>],
) -> Option<Value> {
    let of = |place: &'static str| own.iter().chain(shared).filter(move |one| one.text("in") == place);
    let to = below(at, "requestBody");
    if let Some(body) = of("body").next() {
        return Some(whole(upgrade, operation, body, &to));
    }
    let is_free = |one: &&Parameter<'_>| {
        !own.iter().any(|other| other.text("in") == "formData" && other.text("name") == one.text("name"))
    };
    let fields: Vec<&Parameter<'_>> = own
        .iter()
        .filter(|one| one.text("in") == "formData")
        .chain(shared.iter().filter(|one| one.text("in") == "formData").filter(is_free))
        .collect();
    (!fields.is_empty()).then(|| form(upgrade, operation, &fields, &to))
}

fn whole(upgrade: &mut Upgrade<'_>, operation: &Value, body: &Parameter<'_>, to: &str) -> Value {
    upgrade.moves.note(&body.pointer, to);
    let mut media_types = upgrade.media_types(operation, "consumes");
    if media_types.is_empty() {
        media_types.push("application/json".to_owned());
    }
    let mut content = Map::new();
    for media_type in media_types {
        let mut entry = Map::new();
        if let Some(schema) = body.value.get("schema") {
            let to = below(&below(&below(to, "content"), &media_type), "schema");
            upgrade.moves.note(&below(&body.pointer, "schema"), &to);
            entry.insert("schema".to_owned(), upgrade.copy(schema));
        }
        content.insert(media_type, Value::Object(entry));
    }
    let mut written = Map::new();
    for name in ["description", "required"] {
        if let Some(value) = body.value.get(name) {
            written.insert(name.to_owned(), value.clone());
        }
    }
    written.insert("content".to_owned(), Value::Object(content));
    Value::Object(written)
}

fn form(upgrade: &mut Upgrade<'_>, operation: &Value, fields: &[&Parameter<'_>], to: &str) -> Value {
    if let Some(first) = fields.first() {
        upgrade.moves.note(&first.pointer, to);
    }
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields {
        let mut schema = Map::new();
        for (name, value) in field.value.as_object().into_iter().flatten() {
            if !matches!(name.as_str(), "name" | "in" | "required" | "allowEmptyValue" | "collectionFormat") {
                let value = upgrade.copy(value);
                schema.insert(name.clone(), value);
            }
        }
        if field.value.get("required") == Some(&Value::Bool(true)) {
            required.push(json!(field.text("name")));
        }
        properties.insert(field.text("name").to_owned(), Value::Object(schema));
    }
    let is_needed = !required.is_empty();
    let mut schema = json!({"type": "object", "properties": properties});
    if is_needed && let Some(members) = schema.as_object_mut() {
        members.insert("required".to_owned(), Value::Array(required));
    }
    let mut media_types = upgrade.media_types(operation, "consumes");
    media_types.retain(|name| name.starts_with(FORM) || name.starts_with("multipart/"));
    if media_types.is_empty() {
        let has_file = fields.iter().any(|field| field.text("type") == "file");
        media_types.push(if has_file { MULTIPART } else { FORM }.to_owned());
    }
    let mut content = Map::new();
    for media_type in media_types {
        if let Some(first) = fields.first() {
            upgrade.moves.note(&first.pointer, &below(&below(&below(to, "content"), &media_type), "schema"));
        }
        let schema = upgrade.copy(&schema);
        content.insert(media_type, json!({"schema": schema}));
    }
    json!({"required": is_needed, "content": content})
}

/// The answers of an operation.
pub(super) fn responses(upgrade: &mut Upgrade<'_>, all: &Value, at: &str, operation: &Value) -> Value {
    let Some(members) = all.as_object() else { return all.clone() };
    let mut written = Map::new();
    for (status, value) in members {
        let at = below(at, status);
        let value =
            if status.starts_with("x-") { upgrade.copy(value) } else { response(upgrade, value, &at, &at, operation) };
        written.insert(status.clone(), value);
    }
    Value::Object(written)
}

/// One answer.
pub(super) fn response(upgrade: &mut Upgrade<'_>, value: &Value, from: &str, to: &str, operation: &Value) -> Value {
    let Some(members) = value.as_object().filter(|members| !members.contains_key("$ref")) else {
        return upgrade.copy(value);
    };
    let mut written = Map::new();
    for (name, inner) in members {
        let inner = match name.as_str() {
            "schema" | "examples" => continue,
            "headers" => headers(upgrade, inner),
            _ => upgrade.copy(inner),
        };
        written.insert(name.clone(), inner);
    }
    if let Some(schema) = members.get("schema") {
        let mut media_types = upgrade.media_types(operation, "produces");
        if media_types.is_empty() {
            media_types.push("*/*".to_owned());
        }
        let mut content = Map::new();
        for media_type in media_types {
            let to = below(&below(&below(to, "content"), &media_type), "schema");
            upgrade.moves.note(&below(from, "schema"), &to);
            let mut entry = json!({"schema": upgrade.copy(schema)});
            let example = members.get("examples").and_then(|examples| examples.get(&media_type));
            if let (Some(example), Some(entry)) = (example, entry.as_object_mut()) {
                entry.insert("example".to_owned(), upgrade.copy(example));
            }
            content.insert(media_type, entry);
        }
        written.insert("content".to_owned(), Value::Object(content));
    }
    Value::Object(written)
}

fn headers(upgrade: &mut Upgrade<'_>, all: &Value) -> Value {
    let mut written = Map::new();
    for (name, header) in all.as_object().into_iter().flatten() {
        let header = followed(upgrade.root, header);
        let mut schema = Map::new();
        for (keyword, value) in header.as_object().into_iter().flatten() {
            if !matches!(keyword.as_str(), "description" | "collectionFormat") {
                let value = upgrade.copy(value);
                schema.insert(keyword.clone(), value);
            }
        }
        let mut entry = json!({"schema": schema});
        if let (Some(description), Some(entry)) = (header.get("description"), entry.as_object_mut()) {
            entry.insert("description".to_owned(), description.clone());
        }
        written.insert(name.clone(), entry);
    }
    Value::Object(written)
}
