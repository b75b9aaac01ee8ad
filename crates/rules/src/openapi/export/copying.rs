//! Copies parts of a document member by member, from lists of what may leave; gathers the components that they lead to.
//!
//! Extensions (`x-…`) never leave, nor what is marked `x-internal`, nor a reference to anything outside the document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Members;
use crate::model::Schemas;

/// So many values are copied; a document that would take more isn't copied at all.
const WORK_MAX: usize = 2_000_000;
/// Objects stand so deep within each other.
const DEPTH_MAX: usize = 120;
/// How a schema of an API refers to another.
const OWN: &str = "#/schemas/";

/// What a part of a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Schema,
    Parameter,
    RequestBody,
    Response,
    Header,
    Example,
}

impl Kind {
    /// Where its components stand.
    pub(super) fn section(self) -> &'static str {
        match self {
            Self::Schema => "schemas",
            Self::Parameter => "parameters",
            Self::RequestBody => "requestBodies",
            Self::Response => "responses",
            Self::Header => "headers",
            Self::Example => "examples",
        }
    }

    /// Members that are copied as they are.
    fn plain(self) -> &'static [&'static str] {
        match self {
            Self::Schema => &[],
            Self::Parameter => &[
                "name",
                "in",
                "description",
                "required",
                "deprecated",
                "allowEmptyValue",
                "style",
                "explode",
                "allowReserved",
                "example",
            ],
            Self::Header => &["description", "required", "deprecated", "style", "explode", "example"],
            Self::RequestBody => &["description", "required"],
            Self::Response => &["description"],
            Self::Example => &["summary", "description", "value"],
        }
    }
}

/// Keywords of a schema whose value is one.
const SCHEMA: [&str; 12] = [
    "items",
    "additionalProperties",
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "additionalItems",
];
/// Keywords whose value is a list of schemas.
const SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value has a schema for each name.
const NAMED_SCHEMAS: [&str; 3] = ["properties", "patternProperties", "dependentSchemas"];
/// Keywords that name places: of no use where the schema stands now.
const PLACES: [&str; 8] =
    ["$id", "$schema", "$anchor", "$dynamicAnchor", "$dynamicRef", "$defs", "definitions", "$vocabulary"];

/// Copies, and remembers what the copies refer to.
pub(super) struct Copier<'a> {
    document: &'a Value,
    schemas: &'a Schemas,
    /// The names of components by what they are and where they came from.
    names: BTreeMap<(Kind, String), String>,
    taken: BTreeSet<(Kind, String)>,
    waiting: Vec<(Kind, String, String)>,
    work: usize,
}

impl<'a> Copier<'a> {
    pub(super) fn new(document: &'a Value, schemas: &'a Schemas) -> Self {
        let (names, taken, waiting) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        Self { document, schemas, names, taken, waiting, work: WORK_MAX }
    }

    /// All components that were referred to, by section; none where there was more to copy than may be.
    pub(super) fn components(mut self) -> Option<Members> {
        let mut sections: BTreeMap<&str, Members> = BTreeMap::new();
        while let Some((kind, from, name)) = self.waiting.pop() {
            let (document, schemas) = (self.document, self.schemas);
            let found = match from.strip_prefix(OWN) {
                Some(own) => schemas.get(own),
                None => document.pointer(&decoded(from.trim_start_matches('#'))),
            };
            let copied = found.map_or_else(|| json!({}), |found| self.copied(kind, found, 0));
            sections.entry(kind.section()).or_default().insert(name, copied);
        }
        (self.work > 0)
            .then(|| sections.into_iter().map(|(section, all)| (section.to_owned(), Value::Object(all))).collect())
    }

    /// What a reference leads to, and what isn't one itself; none where it leads nowhere or in a circle.
    pub(super) fn resolved(&self, value: &'a Value) -> Option<&'a Value> {
        let mut value = value;
        for _ in 0..DEPTH_MAX {
            let Some(to) = value.get("$ref").and_then(Value::as_str) else { return Some(value) };
            value = self.document.pointer(&decoded(to.strip_prefix('#')?))?;
        }
        None
    }

    /// A copy of something; what it refers to becomes a component.
    pub(super) fn copied(&mut self, kind: Kind, value: &Value, depth: usize) -> Value {
        if !self.may_go_on(1) || depth > DEPTH_MAX {
            return json!({});
        }
        if kind == Kind::Schema {
            return self.schema(value, depth);
        }
        if let Some(to) = value.get("$ref").and_then(Value::as_str) {
            return self.component(kind, to).map_or_else(|| json!({}), |name| super::reference(kind, &name));
        }
        let Some(members) = value.as_object() else { return json!({}) };
        let mut copy = self.plain(members, kind.plain());
        if let Some(schema) = members.get("schema").filter(|_| matches!(kind, Kind::Parameter | Kind::Header)) {
            copy.insert("schema".into(), self.schema(schema, depth + 1));
        }
        for (name, within) in [("examples", Kind::Example), ("headers", Kind::Header)] {
            if let Some(all) = members.get(name).and_then(Value::as_object).filter(|_| kind != Kind::Example) {
                copy.insert(name.into(), self.all(within, all, depth));
            }
        }
        if let Some(content) = members.get("content").and_then(Value::as_object) {
            copy.insert("content".into(), self.content(content, depth));
        }
        if kind == Kind::Response {
            copy.entry("description").or_insert_with(|| "".into());
        }
        Value::Object(copy)
    }

    /// A body in its media types.
    pub(super) fn content(&mut self, content: &Members, depth: usize) -> Value {
        let mut copy = Members::new();
        for (media_type, told) in content.iter().filter(|(name, told)| !name.starts_with("x-") && !is_internal(told)) {
            let mut one = Members::new();
            let members = told.as_object().cloned().unwrap_or_default();
            if let Some(schema) = members.get("schema") {
                one.insert("schema".into(), self.schema(schema, depth + 1));
            }
            one.extend(self.plain(&members, &["example"]));
            if let Some(all) = members.get("examples").and_then(Value::as_object) {
                one.insert("examples".into(), self.all(Kind::Example, all, depth));
            }
            if let Some(all) = members.get("encoding").and_then(Value::as_object) {
                let written = |told: &Value, copier: &mut Self| {
                    let members = told.as_object().cloned().unwrap_or_default();
                    Value::Object(copier.plain(&members, &["contentType", "style", "explode", "allowReserved"]))
                };
                let all = all.iter().map(|(name, told)| (name.clone(), written(told, self))).collect();
                one.insert("encoding".into(), Value::Object(all));
            }
            copy.insert(media_type.clone(), Value::Object(one));
        }
        Value::Object(copy)
    }

    fn all(&mut self, kind: Kind, all: &Members, depth: usize) -> Value {
        let kept = all.iter().filter(|(_, one)| one.is_object() && !is_internal(one));
        Value::Object(kept.map(|(name, one)| (name.clone(), self.copied(kind, one, depth + 1))).collect())
    }

    /// A copy of a schema; references lead to components.
    pub(super) fn schema(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(members) = schema.as_object().filter(|_| depth <= DEPTH_MAX && self.work > 0) else {
            return schema.as_bool().map_or_else(|| json!({}), Value::Bool);
        };
        let mut copy = Members::new();
        for (keyword, value) in members {
            let keyword = keyword.as_str();
            if keyword.starts_with("x-") || PLACES.contains(&keyword) || !self.may_go_on(1) {
                continue;
            }
            let kept = match value {
                Value::String(to) if keyword == "$ref" => match self.component(Kind::Schema, to) {
                    Some(name) => super::reference(Kind::Schema, &name)["$ref"].take(),
                    None => continue,
                },
                Value::Object(all) if NAMED_SCHEMAS.contains(&keyword) => self.properties(all, depth),
                Value::Array(several) if SCHEMAS.contains(&keyword) => {
                    Value::Array(several.iter().map(|one| self.schema(one, depth + 1)).collect())
                }
                Value::Object(told) if keyword == "discriminator" => self.discriminator(told),
                one if SCHEMA.contains(&keyword) => self.schema(one, depth + 1),
                Value::Array(names) if keyword == "required" => {
                    let hidden = |name: &Value| {
                        let property = name.as_str().and_then(|name| members.get("properties")?.get(name));
                        property.is_some_and(is_internal)
                    };
                    Value::Array(names.iter().filter(|name| !hidden(name)).cloned().collect())
                }
                // Many a document has defaults that can't be; readers of the export would stumble over them.
                told if keyword == "default" && !admits(schema, told) => continue,
                other if self.may_go_on(size(other)) => other.clone(),
                _ => continue,
            };
            copy.insert(keyword.to_owned(), kept);
        }
        Value::Object(copy)
    }

    fn properties(&mut self, all: &Members, depth: usize) -> Value {
        let kept = all.iter().filter(|(_, one)| !is_internal(one));
        Value::Object(kept.map(|(name, one)| (name.clone(), self.schema(one, depth + 1))).collect())
    }

    /// Which schema a value has by one of its properties; names of schemas stay names.
    fn discriminator(&mut self, told: &Members) -> Value {
        let mut copy = self.plain(told, &["propertyName"]);
        if let Some(mapping) = told.get("mapping").and_then(Value::as_object) {
            let mut kept = Members::new();
            for (value, to) in mapping {
                let Some(to) = to.as_str() else { continue };
                let pointer = if to.starts_with('#') { to.to_owned() } else { format!("#/components/schemas/{to}") };
                if let Some(name) = self.component(Kind::Schema, &pointer) {
                    kept.insert(value.clone(), super::reference(Kind::Schema, &name)["$ref"].take());
                }
            }
            copy.insert("mapping".into(), Value::Object(kept));
        }
        Value::Object(copy)
    }

    /// The name of the component that a reference leads to, which will be copied; none where it leads nowhere inside.
    fn component(&mut self, kind: Kind, to: &str) -> Option<String> {
        let found = match to.strip_prefix(OWN) {
            Some(own) => self.schemas.get(own).is_some(),
            None => to.strip_prefix('#').is_some_and(|pointer| self.document.pointer(&decoded(pointer)).is_some()),
        };
        if !found {
            return None;
        }
        if let Some(name) = self.names.get(&(kind, to.to_owned())) {
            return Some(name.clone());
        }
        let section = format!("#/components/{}/", kind.section());
        let last = to.strip_prefix(&section).or_else(|| to.strip_prefix(OWN)).unwrap_or(to.trim_start_matches("#/"));
        let plain = |one: char| if one.is_ascii_alphanumeric() || "._-".contains(one) { one } else { '_' };
        let made: String = decoded(last).chars().take(120).map(plain).collect();
        let made = if made.is_empty() { "_".to_owned() } else { made };
        let mut name = made.clone();
        let mut number = 1;
        while !self.taken.insert((kind, name.clone())) {
            number += 1;
            name = format!("{made}_{number}");
        }
        self.names.insert((kind, to.to_owned()), name.clone());
        self.waiting.push((kind, to.to_owned(), name.clone()));
        Some(name)
    }

    /// The members of that name, as they are.
    pub(super) fn plain(&mut self, members: &Members, names: &[&str]) -> Members {
        let mut copy = Members::new();
        for name in names {
            if let Some(value) = members.get(*name).filter(|value| self.may_go_on(size(value))) {
                copy.insert((*name).to_owned(), value.clone());
            }
        }
        copy
    }

    fn may_go_on(&mut self, cost: usize) -> bool {
        self.work = self.work.saturating_sub(cost);
        self.work > 0
    }
}

/// Whether a value has a type that the schema admits, as far as its outside tells.
fn admits(schema: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    let has_type = match schema.get("type") {
        Some(Value::Array(several)) => several.iter().any(is),
        Some(one) => is(one),
        None => true,
    };
    let choices = ["anyOf", "oneOf"].into_iter().find_map(|keyword| schema.get(keyword)?.as_array());
    has_type && choices.is_none_or(|choices| choices.iter().any(|one| admits(one, value)))
}

/// How many values a value is.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(several) => 1 + several.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        // Long texts cost too.
        Value::String(text) => 1 + text.len() / 256,
        _ => 1,
    }
}

/// Whether its author keeps it from callers.
pub(super) fn is_internal(value: &Value) -> bool {
    value.get("x-internal") == Some(&Value::Bool(true))
}

/// A pointer as a reference writes it, percent-encoded (RFC 6901 §6).
pub(super) fn decoded(pointer: &str) -> String {
    let bytes = pointer.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(one) => {
                decoded.push(one);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| pointer.to_owned())
}

fn texts(value: &Value, names: &[&str]) -> Members {
    let of = |name: &&str| Some(((*name).to_owned(), value.get(*name).filter(|one| one.is_string())?.clone()));
    names.iter().filter_map(of).collect()
}

/// Title, version and whom to ask.
pub(super) fn info(told: &Value) -> Members {
    let mut info = texts(told, &["title", "summary", "description", "termsOfService", "version"]);
    for (name, members) in [("contact", &["name", "url", "email"]), ("license", &["name", "identifier", "url"])] {
        let copied = told.get(name).map(|one| texts(one, members)).unwrap_or_default();
        if copied.contains_key("name") || (name == "contact" && !copied.is_empty()) {
            info.insert(name.into(), Value::Object(copied));
        }
    }
    info
}

/// A link to more, if it has an address.
pub(super) fn external_docs(told: &Value) -> Option<Value> {
    let docs = texts(told, &["description", "url"]);
    docs.contains_key("url").then_some(Value::Object(docs))
}

/// Headings that operations stand under.
pub(super) fn tags(told: &Value) -> Option<Value> {
    let mut seen = BTreeSet::new();
    let one = |tag: &Value| {
        let mut copy = texts(tag, &["name", "description"]);
        let name = copy.get("name")?.to_string();
        if let Some(docs) = tag.get("externalDocs").and_then(external_docs) {
            copy.insert("externalDocs".into(), docs);
        }
        seen.insert(name).then_some(Value::Object(copy))
    };
    Some(Value::Array(told.as_array()?.iter().filter(|tag| !is_internal(tag)).filter_map(one).collect()))
}
