//! Where the schemas with an `$id`, an `$anchor` or a `$dynamicAnchor` stand in a document.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::openapi::pointer::below;

/// More of them than this are not looked up.
const NAMED_MAX: usize = 20_000;

/// Pointers by what schemas call themselves; none where several call themselves so.
#[derive(Debug, Default)]
pub(super) struct Index {
    ids: HashMap<String, Option<String>>,
    anchors: HashMap<String, Option<String>>,
    /// Pointers of schemas with an `$id`.
    resources: BTreeMap<String, ()>,
}

impl Index {
    /// Looks through the whole document.
    pub(super) fn of(root: &Value) -> Self {
        let mut index = Self::default();
        index.look(root, "");
        index
    }

    fn look(&mut self, value: &Value, pointer: &str) {
        match value {
            Value::Object(members) => {
                self.note(members, pointer);
                for (name, inner) in members {
                    if inner.is_object() || inner.is_array() {
                        self.look(inner, &below(pointer, name));
                    }
                }
            }
            Value::Array(elements) => {
                for (at, inner) in elements.iter().enumerate() {
                    if inner.is_object() || inner.is_array() {
                        self.look(inner, &below(pointer, &at.to_string()));
                    }
                }
            }
            _ => {}
        }
    }

    fn note(&mut self, members: &serde_json::Map<String, Value>, pointer: &str) {
        if self.ids.len() + self.anchors.len() > NAMED_MAX {
            return;
        }
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if let Some(id) = text("$id") {
            let id = id.strip_suffix('#').unwrap_or(id);
            self.resources.insert(pointer.to_owned(), ());
            note(&mut self.ids, id, pointer);
        }
        for anchor in [text("$anchor"), text("$dynamicAnchor")].into_iter().flatten() {
            note(&mut self.anchors, anchor, pointer);
        }
    }

    /// The schema with that `$id`.
    pub(super) fn id(&self, id: &str) -> Option<&str> {
        self.ids.get(id)?.as_deref()
    }

    /// The schema with that anchor.
    pub(super) fn anchor(&self, name: &str) -> Result<&str, &'static str> {
        match self.anchors.get(name) {
            Some(Some(pointer)) => Ok(pointer),
            Some(None) => Err("several schemas have that anchor, and which is meant depends on the way there"),
            None => Err("no schema has that anchor"),
        }
    }

    /// The nearest schema with an `$id` around a pointer, itself among them.
    pub(super) fn around(&self, pointer: &str) -> Option<&str> {
        if self.resources.is_empty() {
            return None;
        }
        let mut outer = pointer;
        loop {
            if let Some((found, ())) = self.resources.get_key_value(outer) {
                return Some(found);
            }
            outer = outer.rsplit_once('/')?.0;
        }
    }
}

fn note(known: &mut HashMap<String, Option<String>>, name: &str, pointer: &str) {
    known.entry(name.to_owned()).and_modify(|one| *one = None).or_insert_with(|| Some(pointer.to_owned()));
}
