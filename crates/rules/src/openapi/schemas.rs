//! Schemas of a document to those of an API: references named, what only describes left out, the rest as it is.
//!
//! A schema that is referred to becomes one of the API's, under the name of its component or one made of its pointer.

mod cycles;
mod index;
mod keywords;
mod pattern;
mod settle;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::loss::Effect;
use super::pointer::{below, decoded, tokens};
use super::reading::{At, NOT_FOLLOWED, Reading, shown};
use crate::model::Schemas;

use cycles::Circle;
use index::Index;

/// The longest name that is made of a pointer, in characters.
const NAME_CHARACTERS_MAX: usize = 100;

/// The schemas that were met, and how they are called.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Names by pointer.
    names: HashMap<String, String>,
    taken: HashSet<String>,
    /// Pointers that were referred to and aren't written yet.
    waiting: Vec<String>,
    written: BTreeMap<String, Value>,
    index: Index,
    patterns: HashMap<String, Option<String>>,
}

impl Book {
    /// Components have their names from the beginning, so that what is met first takes none of them.
    pub(super) fn of(root: &Value) -> Self {
        let mut book = Self { index: Index::of(root), ..Self::default() };
        let components = root.pointer("/components/schemas").and_then(Value::as_object);
        for name in components.into_iter().flatten().map(|(name, _)| name) {
            let free = book.free(name);
            book.names.insert(below("/components/schemas", name), free);
        }
        book
    }

    /// A name of plain characters that nothing else has.
    fn free(&mut self, wish: &str) -> String {
        let plain = |one: char| if one.is_ascii_alphanumeric() || "._-".contains(one) { one } else { '_' };
        let mut name: String = wish.chars().take(NAME_CHARACTERS_MAX).map(plain).collect();
        if name.is_empty() {
            name.push('_');
        }
        let mut free = name.clone();
        let mut number = 2;
        while self.taken.contains(&free) {
            free = format!("{name}-{number}");
            number += 1;
        }
        self.taken.insert(free.clone());
        free
    }

    /// The name of what stands at a pointer, which is written if it wasn't yet.
    fn name(&mut self, pointer: &str) -> String {
        if let Some(name) = self.names.get(pointer) {
            let name = name.clone();
            if !self.written.contains_key(&name) {
                // The place is kept, so that it waits once.
                self.written.insert(name.clone(), Value::Bool(true));
                self.waiting.push(pointer.to_owned());
            }
            return name;
        }
        let wish = wish(&tokens(pointer).unwrap_or_default());
        let name = self.free(&wish);
        self.names.insert(pointer.to_owned(), name.clone());
        self.name(pointer)
    }
}

/// A readable name for a schema that stands somewhere else than among the components.
fn wish(tokens: &[String]) -> String {
    let kept: Vec<&str> = tokens
        .iter()
        .map(String::as_str)
        .filter(|token| !matches!(*token, "paths" | "components" | "schemas" | "content" | "properties" | "$defs"))
        .map(|token| token.trim_matches('/'))
        .collect();
    let whole = kept.join(".");
    let from = whole.char_indices().rev().nth(NAME_CHARACTERS_MAX - 1).map_or(0, |(at, _)| at);
    whole.get(from..).unwrap_or_default().trim_matches('.').to_owned()
}

impl<'d> Reading<'d> {
    /// A schema as an API has it. `Value::Bool(true)` is one that says nothing.
    pub(super) fn schema(&mut self, at: &At<'d>) -> Value {
        self.schema_in(at, None)
    }

    /// The same; `resource` is the pointer of the nearest schema around it that has an `$id`.
    fn schema_in(&mut self, at: &At<'d>, resource: Option<&str>) -> Value {
        if !self.works() {
            return Value::Bool(true);
        }
        match at.value {
            Value::Bool(value) => Value::Bool(*value),
            Value::Object(members) => self.members_of(at, members, resource),
            _ => {
                let why = "a schema is a mapping, or true or false";
                self.lose(Effect::NotEnforced, &at.pointer, "what is no schema", why, "any value passes there");
                Value::Bool(true)
            }
        }
    }

    fn members_of(&mut self, at: &At<'d>, members: &'d Map<String, Value>, resource: Option<&str>) -> Value {
        let own = members.get("$id").is_some_and(Value::is_string).then(|| at.pointer.clone());
        let resource = own.as_deref().or(resource);
        let mut written = Map::new();
        for (keyword, value) in members {
            let inner = At { value, pointer: below(&at.pointer, keyword) };
            match keyword.as_str() {
                "$ref" | "$dynamicRef" => {
                    if let Some(name) = self.reference(&inner, resource) {
                        refer(&mut written, &name);
                    }
                }
                _ => self.keyword(keyword, &inner, members, resource, &mut written),
            }
        }
        Value::Object(written)
    }

    /// The name of what a reference leads to; none, and a loss, where it leads nowhere.
    fn reference(&mut self, at: &At<'d>, resource: Option<&str>) -> Option<String> {
        const WORDS: &str = "any value passes there, as far as the reference goes";
        let Some(reference) = at.value.as_str() else {
            self.lose(Effect::NotEnforced, &at.pointer, "a reference that is no text", "it leads nowhere", WORDS);
            return None;
        };
        match self.schema_at(reference, resource) {
            Ok(pointer) => Some(self.book.name(&pointer)),
            Err(why) => {
                let construct = format!("a schema by reference to {}", shown(reference));
                self.losses.add(Effect::NotEnforced, &at.pointer, construct, why, WORDS);
                None
            }
        }
    }

    /// The pointer of the schema that a reference leads to.
    fn schema_at(&self, reference: &str, resource: Option<&str>) -> Result<String, &'static str> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let base = if address.is_empty() { resource } else { Some(self.book.index.id(address).ok_or(NOT_FOLLOWED)?) };
        let fragment = decoded(fragment).ok_or("it is no JSON pointer")?;
        if !fragment.is_empty() && !fragment.starts_with('/') {
            return self.book.index.anchor(&fragment).map(str::to_owned);
        }
        let found = base.and_then(|base| self.walk(&format!("{base}{fragment}")));
        let found = found.or_else(|| if address.is_empty() { self.walk(&fragment) } else { None });
        let found = found.ok_or("nothing stands there")?;
        if found.pointer.is_empty() {
            return Err("the whole document is no schema");
        }
        if found.value.is_object() || found.value.is_boolean() {
            Ok(found.pointer)
        } else {
            Err("no schema stands there")
        }
    }

    /// Writes what was referred to and isn't written yet, and what that refers to.
    pub(super) fn write_waiting(&mut self) {
        while let Some(pointer) = self.book.waiting.pop() {
            let Some(name) = self.book.names.get(&pointer).cloned() else { continue };
            let Some(at) = self.walk(&pointer) else { continue };
            let resource = self.book.index.around(&pointer).map(str::to_owned);
            let schema = self.schema_in(&at, resource.as_deref());
            self.book.written.insert(name, schema);
        }
    }

    /// All schemas that were referred to.
    ///
    /// # Errors
    /// The names of schemas that are nothing but references to each other.
    pub(super) fn schemas(&mut self) -> Result<Schemas, Vec<String>> {
        self.write_waiting();
        let mut written = std::mem::take(&mut self.book.written);
        for circle in cycles::cut(&mut written)? {
            let Circle { names, keyword } = circle;
            let pointer = names.first().and_then(|name| self.book.pointer(name)).unwrap_or_default();
            let construct = format!("'{keyword}' that closes the circle {}", names.join(" → "));
            let why = "comparing a value with it would never end";
            let words = "what it would add is not looked at";
            self.losses.add(Effect::NotEnforced, &pointer, construct, why, words);
        }
        Ok(written.into())
    }
}

impl Book {
    /// Where a schema of that name stands.
    fn pointer(&self, name: &str) -> Option<String> {
        self.names.iter().filter(|(_, known)| *known == name).map(|(pointer, _)| pointer.clone()).min()
    }
}

/// Adds a reference; a second one beside it is as good as `allOf`.
fn refer(written: &mut Map<String, Value>, name: &str) {
    let reference = format!("#/schemas/{name}");
    if written.contains_key("$ref") {
        let all = written.entry("allOf").or_insert_with(|| json!([]));
        if let Value::Array(all) = all {
            all.push(json!({"$ref": reference}));
        }
    } else {
        written.insert("$ref".to_owned(), Value::String(reference));
    }
}
