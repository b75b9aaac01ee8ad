//! The keywords of JSON Schema 2020-12: which are enforced, which only describe, and what each must look like.
//!
//! A keyword of another form than it must have is left out and told, so that one slip spoils no schema.

use serde_json::{Map, Value};

use super::pattern;
use crate::openapi::loss::Effect;
use crate::openapi::pointer::below;
use crate::openapi::reading::{At, Reading};
use crate::schema::knows_format;

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
const ANY_PASSES: &str = "any value passes there, as far as this keyword goes";

/// What a keyword must look like.
enum Form {
    Schema,
    Schemas,
    SchemaByName,
    SchemaByPattern,
    Items,
    Types,
    List,
    Any,
    Number,
    Positive,
    Count,
    Boolean,
    Names,
    NamesByName,
    Pattern,
    Format,
    /// Read elsewhere, or for people alone.
    Describes,
    /// What it asks for is not looked at.
    NotEnforced(&'static str, &'static str),
    Unknown,
}

fn form(keyword: &str) -> Form {
    match keyword {
        "not"
        | "if"
        | "then"
        | "else"
        | "contains"
        | "propertyNames"
        | "additionalProperties"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Form::Schema,
        "items" => Form::Items,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Form::Schemas,
        "properties" | "dependentSchemas" => Form::SchemaByName,
        "patternProperties" => Form::SchemaByPattern,
        "type" => Form::Types,
        "enum" => Form::List,
        "const" => Form::Any,
        "maximum" | "minimum" | "exclusiveMaximum" | "exclusiveMinimum" => Form::Number,
        "multipleOf" => Form::Positive,
        "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "minProperties" | "maxContains"
        | "minContains" => Form::Count,
        "uniqueItems" | "readOnly" | "writeOnly" => Form::Boolean,
        "required" => Form::Names,
        "dependentRequired" => Form::NamesByName,
        "pattern" => Form::Pattern,
        "format" => Form::Format,
        "title" | "description" | "default" | "example" | "examples" | "deprecated" | "externalDocs" | "xml"
        | "$comment" | "$id" | "$anchor" | "$dynamicAnchor" | "$schema" | "$vocabulary" | "$defs" | "definitions"
        | "additionalItems" => Form::Describes,
        "discriminator" => {
            Form::NotEnforced("oneOf, anyOf and allOf decide by themselves", "which schema fits decides")
        }
        "contentEncoding" | "contentMediaType" | "contentSchema" => {
            Form::NotEnforced("texts are not decoded", "any text passes there, as far as this keyword goes")
        }
        "nullable" => Form::NotEnforced("3.1 has no such keyword; write type: [..., 'null']", "null is refused there"),
        _ => Form::Unknown,
    }
}

impl<'d> Reading<'d> {
    /// Writes one keyword other than a reference.
    pub(super) fn keyword(
        &mut self,
        keyword: &str,
        at: &At<'d>,
        beside: &'d Map<String, Value>,
        resource: Option<&str>,
        written: &mut Map<String, Value>,
    ) {
        let value = match form(keyword) {
            Form::Describes => return,
            Form::NotEnforced(why, words) => {
                return self.lose(Effect::NotEnforced, &at.pointer, &format!("keyword '{keyword}'"), why, words);
            }
            Form::Unknown => return self.unknown(keyword, at),
            Form::Pattern => self.pattern(at),
            Form::Format => self.format(at),
            Form::Items => return self.items(at, beside, resource, written),
            Form::Schema => self.is_schema(at).then(|| self.schema_in(at, resource)),
            Form::Schemas => self.list(at, resource),
            Form::SchemaByName => self.by_name(at, resource, false),
            Form::SchemaByPattern => self.by_name(at, resource, true),
            other => self.plain(&other, keyword, at),
        };
        if let Some(value) = value {
            written.insert(keyword.to_owned(), value);
        }
    }

    fn unknown(&mut self, keyword: &str, at: &At<'d>) {
        if !keyword.starts_with("x-") {
            let shown: String = keyword.chars().take(60).filter(|one| !one.is_control()).collect();
            let why = "JSON Schema 2020-12 has no such keyword";
            self.lose(Effect::NotEnforced, &at.pointer, &format!("keyword '{shown}'"), why, ANY_PASSES);
        }
    }

    /// Tells of a keyword whose value is not what it must be.
    fn odd(&mut self, at: &At<'d>, why: &str) {
        let keyword = at.pointer.rsplit('/').next().unwrap_or_default();
        self.lose(Effect::NotEnforced, &at.pointer, &format!("keyword '{keyword}' of an odd form"), why, ANY_PASSES);
    }

    fn is_schema(&mut self, at: &At<'d>) -> bool {
        let is_schema = at.value.is_object() || at.value.is_boolean();
        if !is_schema {
            self.odd(at, "it must be a schema");
        }
        is_schema
    }

    fn list(&mut self, at: &At<'d>, resource: Option<&str>) -> Option<Value> {
        let is_list = at.value.as_array().is_some_and(|list| !list.is_empty());
        if !is_list {
            self.odd(at, "it must be a list of schemas, at least one");
            return None;
        }
        let elements: Vec<Value> = at.elements().map(|one| self.schema_in(&one, resource)).collect();
        Some(Value::Array(elements))
    }

    fn by_name(&mut self, at: &At<'d>, resource: Option<&str>, is_pattern: bool) -> Option<Value> {
        let Some(members) = at.value.as_object() else {
            self.odd(at, "it must be a mapping from names to schemas");
            return None;
        };
        let mut written = Map::new();
        for (name, value) in members {
            let inner = At { value, pointer: below(&at.pointer, name) };
            if is_pattern && !self.is_pattern(name, &inner.pointer) {
                continue;
            }
            let schema = self.schema_in(&inner, resource);
            written.insert(name.clone(), schema);
        }
        Some(Value::Object(written))
    }

    /// A list under `items` is what older drafts call `prefixItems`.
    fn items(
        &mut self,
        at: &At<'d>,
        beside: &'d Map<String, Value>,
        resource: Option<&str>,
        written: &mut Map<String, Value>,
    ) {
        if !at.value.is_array() {
            if self.is_schema(at) {
                let schema = self.schema_in(at, resource);
                written.insert("items".to_owned(), schema);
            }
            return;
        }
        if let Some(list) = self.list(at, resource) {
            written.insert("prefixItems".to_owned(), list);
        }
        let outer = at.pointer.strip_suffix("/items").unwrap_or_default();
        if let Some(value) = beside.get("additionalItems") {
            let inner = At { value, pointer: below(outer, "additionalItems") };
            let schema = self.schema_in(&inner, resource);
            written.insert("items".to_owned(), schema);
        }
    }

    fn pattern(&mut self, at: &At<'d>) -> Option<Value> {
        let Some(pattern) = at.value.as_str() else {
            self.odd(at, "it must be a regular expression");
            return None;
        };
        self.is_pattern(pattern, &at.pointer).then(|| at.value.clone())
    }

    /// Whether a pattern can be enforced.
    fn is_pattern(&mut self, pattern: &str, pointer: &str) -> bool {
        let flaw = match self.book.patterns.get(pattern) {
            Some(known) => known.clone(),
            None => {
                let flaw = pattern::flaw(pattern);
                self.book.patterns.insert(pattern.to_owned(), flaw.clone());
                flaw
            }
        };
        let Some(why) = flaw else { return true };
        let shown: String = pattern.chars().take(80).filter(|one| !one.is_control()).collect();
        let words = "any text passes there, as far as the pattern goes";
        self.losses.add(Effect::NotEnforced, pointer, format!("pattern {shown}"), why, words);
        false
    }

    fn format(&mut self, at: &At<'d>) -> Option<Value> {
        let Some(format) = at.value.as_str() else {
            self.odd(at, "it must be a name");
            return None;
        };
        if knows_format(format) {
            return Some(at.value.clone());
        }
        let shown: String = format.chars().take(60).filter(|one| !one.is_control()).collect();
        let words = "any value passes there, as far as the format goes";
        let why = "it is none of the formats that are checked";
        self.losses.add(Effect::NotEnforced, &at.pointer, format!("format '{shown}'"), why, words);
        None
    }

    /// A keyword that holds no schema.
    fn plain(&mut self, form: &Form, keyword: &str, at: &At<'d>) -> Option<Value> {
        let (value, must) = match form {
            Form::Types => (types(at.value), "it must be null, boolean, object, array, number, string or integer"),
            Form::List => (at.value.is_array().then(|| at.value.clone()), "it must be a list"),
            Form::Any => (Some(at.value.clone()), ""),
            Form::Number => (at.value.is_number().then(|| at.value.clone()), "it must be a number"),
            Form::Positive => {
                let is_positive = at.value.as_f64().is_some_and(|number| number > 0.0);
                (is_positive.then(|| at.value.clone()), "it must be a number above 0")
            }
            Form::Count => (count(at.value), "it must be a whole number, 0 or more"),
            Form::Boolean => (at.value.is_boolean().then(|| at.value.clone()), "it must be true or false"),
            Form::Names => (names(at.value), "it must be a list of names"),
            Form::NamesByName => (names_by_name(at.value), "it must be a mapping from names to lists of names"),
            _ => (None, "it is read elsewhere"),
        };
        if value.is_none() {
            self.odd(at, must);
        }
        // What can be done without keeps schemas small.
        value.filter(|value| !(matches!(keyword, "uniqueItems" | "readOnly" | "writeOnly") && value == false))
    }
}

fn types(value: &Value) -> Option<Value> {
    let known = |one: &Value| one.as_str().is_some_and(|one| TYPES.contains(&one));
    match value {
        Value::Array(list) if !list.is_empty() && list.iter().all(known) => Some(Value::Array(once(list))),
        one if known(one) => Some(one.clone()),
        _ => None,
    }
}

/// `3.0` is as whole as `3`.
fn count(value: &Value) -> Option<Value> {
    if let Some(count) = value.as_u64() {
        return Some(count.into());
    }
    let number = value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..9e15).contains(number))?;
    Some((number as u64).into())
}

fn names(value: &Value) -> Option<Value> {
    let list = value.as_array().filter(|list| list.iter().all(Value::is_string))?;
    Some(Value::Array(once(list)))
}

fn names_by_name(value: &Value) -> Option<Value> {
    let members = value.as_object()?;
    let written: Option<Map<String, Value>> =
        members.iter().map(|(name, list)| Some((name.clone(), names(list)?))).collect();
    written.map(Value::Object)
}

/// The elements without repeats, which the metaschema doesn't allow.
fn once(list: &[Value]) -> Vec<Value> {
    let mut seen = std::collections::HashSet::new();
    list.iter().filter(|one| one.as_str().is_none_or(|one| seen.insert(one))).cloned().collect()
}
