//! Schemas of 2.0 and 3.0 as JSON Schema 2020-12, what they say kept.

use serde_json::{Map, Value, json};

use crate::openapi::loss::{Effect, Losses};
use crate::openapi::pointer::below;

/// Keywords with one schema.
const ONE: [&str; 12] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "items",
    "propertyNames",
    "additionalProperties",
    "additionalItems",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
/// Keywords with a list of schemas, or a mapping to them.
const SEVERAL: [&str; 10] = [
    "allOf",
    "anyOf",
    "oneOf",
    "items",
    "prefixItems",
    "properties",
    "patternProperties",
    "dependentSchemas",
    "$defs",
    "definitions",
];
/// What may stand beside a reference without meaning anything.
const BESIDE: [&str; 10] =
    ["$ref", "title", "description", "summary", "default", "example", "examples", "deprecated", "externalDocs", "xml"];

/// Makes one of a schema. `is_two` reads `x-nullable` and a discriminator that is text, as documents of 2.0 have them.
pub(super) fn upgrade(schema: &mut Value, pointer: &str, losses: &mut Losses, is_two: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    if members.get("$ref").is_some_and(Value::is_string) {
        return beside_reference(members, pointer, losses);
    }
    for keyword in ONE {
        if let Some(inner) = members.get_mut(keyword).filter(|inner| inner.is_object()) {
            upgrade(inner, &below(pointer, keyword), losses, is_two);
        }
    }
    for keyword in SEVERAL {
        let at = below(pointer, keyword);
        match members.get_mut(keyword) {
            Some(Value::Array(list)) => {
                for (index, inner) in list.iter_mut().enumerate() {
                    upgrade(inner, &below(&at, &index.to_string()), losses, is_two);
                }
            }
            Some(Value::Object(named)) if keyword != "items" => {
                for (name, inner) in named {
                    upgrade(inner, &below(&at, name), losses, is_two);
                }
            }
            _ => {}
        }
    }
    bounds(members);
    if let Some(example) = members.shift_remove("example") {
        members.entry("examples").or_insert_with(|| json!([example]));
    }
    if members.get("type").is_some_and(|kind| kind == "file") {
        members.insert("type".to_owned(), json!("string"));
        members.entry("format").or_insert_with(|| json!("binary"));
    }
    if is_two && let Some(Value::String(name)) = members.get("discriminator") {
        let mapping = json!({"propertyName": name});
        members.insert("discriminator".to_owned(), mapping);
    }
    nullable(schema, is_two);
}

/// Before 3.1, what stands beside a reference counts for nothing.
fn beside_reference(members: &mut Map<String, Value>, pointer: &str, losses: &mut Losses) {
    let counts = |name: &&String| !BESIDE.contains(&name.as_str()) && !name.starts_with("x-");
    let beside: Vec<String> = members.keys().filter(counts).cloned().collect();
    for name in beside {
        let why = "before 3.1, what stands beside a $ref counts for nothing";
        let words = "what it would add is not looked at; write it as allOf with the $ref";
        let shown: String = name.chars().take(60).filter(|one| !one.is_control()).collect();
        losses.add(Effect::NotEnforced, &below(pointer, &name), format!("'{shown}' beside a $ref"), why, words);
        members.shift_remove(&name);
    }
}

/// `minimum: 1, exclusiveMinimum: true` is `exclusiveMinimum: 1`.
fn bounds(members: &mut Map<String, Value>) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        let Some(Value::Bool(is_exclusive)) = members.get(exclusive) else { continue };
        let is_exclusive = *is_exclusive;
        members.shift_remove(exclusive);
        if is_exclusive && let Some(value) = members.shift_remove(bound) {
            members.insert(exclusive.to_owned(), value);
        }
    }
}

/// `nullable: true` allows null, also beside an enum that doesn't list it and beside `allOf`: that is what it is
/// written for, though 3.0.3 lets it mean something beside a `type` alone.
fn nullable(schema: &mut Value, is_two: bool) {
    let Some(members) = schema.as_object_mut() else { return };
    let mut is_nullable = members.shift_remove("nullable") == Some(Value::Bool(true));
    if is_two {
        is_nullable |= members.get("x-nullable") == Some(&Value::Bool(true));
    }
    if !is_nullable {
        return;
    }
    if let Some(Value::Array(values)) = members.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    match members.get_mut("type") {
        Some(kind @ Value::String(_)) if kind != "null" => *kind = json!([kind.take(), "null"]),
        Some(Value::Array(kinds)) if !kinds.contains(&json!("null")) => kinds.push(json!("null")),
        _ => {}
    }
    if ["allOf", "anyOf", "oneOf", "not"].iter().any(|keyword| members.contains_key(*keyword)) {
        let whole = Value::Object(std::mem::take(members));
        *schema = json!({"anyOf": [whole, {"type": "null"}]});
    }
}
