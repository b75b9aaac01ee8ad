//! Parameters of 2.0, whose type stands in themselves, with a schema and a style.

use serde_json::{Map, Value, json};

use super::Upgrade;
use crate::openapi::loss::Effect;
use crate::openapi::pointer::{below, decoded, step, tokens};

/// A parameter, its reference followed.
#[derive(Clone)]
pub(super) struct Parameter<'d> {
    /// As it stands in its list.
    written: &'d Value,
    /// What it is.
    pub(super) value: &'d Value,
    /// Where it stands in its list.
    pub(super) pointer: String,
}

impl Parameter<'_> {
    pub(super) fn text(&self, name: &str) -> &str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is, or is part of, a body.
    pub(super) fn is_of_body(&self) -> bool {
        matches!(self.text("in"), "body" | "formData")
    }
}

/// The parameters of a path or operation.
pub(super) fn sorted<'d>(upgrade: &Upgrade<'d>, holder: &'d Value, at: &str) -> Vec<Parameter<'d>> {
    let at = below(at, "parameters");
    let list = holder.get("parameters").and_then(Value::as_array).into_iter().flatten().enumerate();
    let one = |(index, written): (usize, &'d Value)| {
        let value = followed(upgrade.root, written);
        Parameter { written, value, pointer: below(&at, &index.to_string()) }
    };
    list.map(one).collect()
}

/// What a reference within the document leads to; what leads elsewhere stays, to be told of later.
pub(super) fn followed<'d>(root: &'d Value, written: &'d Value) -> &'d Value {
    let mut now = written;
    for _ in 0..16 {
        let Some(reference) = now.get("$ref").and_then(Value::as_str) else { return now };
        let pointer = reference.strip_prefix('#').and_then(decoded).and_then(|pointer| tokens(&pointer));
        let target = pointer.and_then(|tokens| tokens.iter().try_fold(root, |value, token| step(value, token)));
        match target {
            Some(target) => now = target,
            None => return written,
        }
    }
    written
}

/// Those that are no bodies, as 3.1 has them.
pub(super) fn plain(upgrade: &mut Upgrade<'_>, parameters: &[Parameter<'_>], at: &str) -> Vec<Value> {
    let mut plain = Vec::new();
    for parameter in parameters.iter().filter(|parameter| !parameter.is_of_body()) {
        let to = below(at, &plain.len().to_string());
        let is_reference = parameter.written.get("$ref").is_some();
        let written = if is_reference {
            upgrade.moves.note(&parameter.pointer, &to);
            upgrade.copy(parameter.written)
        } else {
            one(upgrade, parameter.written, &parameter.pointer, &to)
        };
        plain.push(written);
    }
    plain
}

/// One of them. What isn't the parameter's own is its schema's.
pub(super) fn one(upgrade: &mut Upgrade<'_>, parameter: &Value, from: &str, to: &str) -> Value {
    let Some(members) = parameter.as_object() else { return parameter.clone() };
    upgrade.moves.note(from, to);
    upgrade.moves.note(from, &below(to, "schema"));
    let own = ["name", "in", "description", "required", "allowEmptyValue", "deprecated", "$ref"];
    let mut written = Map::new();
    let mut schema = Map::new();
    for (name, value) in members {
        if name == "collectionFormat" {
            continue;
        }
        let value = upgrade.copy(value);
        if own.contains(&name.as_str()) || name.starts_with("x-") {
            written.insert(name.clone(), value);
        } else {
            schema.insert(name.clone(), value);
        }
    }
    if members.contains_key("x-nullable") {
        schema.insert("x-nullable".to_owned(), members.get("x-nullable").cloned().unwrap_or_default());
    }
    let is_list = parameter.get("type").is_some_and(|kind| kind == "array");
    if is_list && !style(upgrade, parameter, from, &mut written) {
        schema.clear();
    }
    inner_format(upgrade, &mut schema, from);
    if !schema.is_empty() {
        written.insert("schema".to_owned(), Value::Object(schema));
    }
    Value::Object(written)
}

/// Writes a list's style; whether there is one for it.
fn style(upgrade: &mut Upgrade<'_>, parameter: &Value, from: &str, written: &mut Map<String, Value>) -> bool {
    let place = parameter.get("in").and_then(Value::as_str).unwrap_or_default();
    let format = parameter.get("collectionFormat").and_then(Value::as_str).unwrap_or("csv");
    let style = match (format, place) {
        ("csv", "path" | "header") => ("simple", false),
        ("csv", _) => ("form", false),
        ("multi", "query") => ("form", true),
        ("ssv", "query") => ("spaceDelimited", false),
        ("pipes", "query") => ("pipeDelimited", false),
        _ => {
            let construct = format!("collectionFormat {} in {}", short(format), short(place));
            let why = "no later version has it at that place";
            upgrade.losses.add(Effect::NotEnforced, from, construct, why, "its value is not looked at");
            return false;
        }
    };
    written.insert("style".to_owned(), json!(style.0));
    written.insert("explode".to_owned(), json!(style.1));
    true
}

/// Lists within lists have a format of their own in 2.0, and none later.
fn inner_format(upgrade: &mut Upgrade<'_>, schema: &mut Map<String, Value>, from: &str) {
    let mut now = schema.get_mut("items");
    while let Some(items) = now {
        let Some(members) = items.as_object_mut() else { return };
        if members.shift_remove("collectionFormat").is_some_and(|format| format != "csv")
            || members.get("type").is_some_and(|kind| kind == "array")
        {
            let why = "no later version has lists within lists";
            upgrade.losses.add(Effect::NotEnforced, from, "a list within a list", why, "its value is not looked at");
            schema.clear();
            return;
        }
        now = members.get_mut("items");
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).filter(|one| !one.is_control()).collect()
}
