//! Documents of 2.0 in the form of 3.1; their schemas stay as they are here.

mod bodies;
mod parameters;
mod schemes;

use serde_json::{Map, Value, json};

use super::Moves;
use crate::openapi::Unreadable;
use crate::openapi::loss::{Effect, Losses};
use crate::openapi::pointer::below;

/// So many values may be copied, as where a body has several media types.
const COPIED_MAX: usize = 2_000_000;
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// An upgrade under way.
pub(super) struct Upgrade<'d> {
    root: &'d Value,
    losses: &'d mut Losses,
    moves: Moves,
    left: usize,
}

/// The document in the form of 3.1.
pub(super) fn upgrade(root: &Value, losses: &mut Losses) -> Result<Value, Unreadable> {
    let mut upgrade = Upgrade { root, losses, moves: Moves::default(), left: COPIED_MAX };
    let mut whole = upgrade.whole();
    let Upgrade { moves, left, losses, .. } = upgrade;
    if left == 0 {
        let message = "its bodies unfold to too much".to_owned();
        let mend = "list fewer media types under consumes and produces".to_owned();
        return Err(Unreadable { place: None, pointer: None, message, mend });
    }
    references(&mut whole, &moves);
    losses.moved(moves);
    Ok(whole)
}

impl<'d> Upgrade<'d> {
    fn whole(&mut self) -> Value {
        let root = self.root;
        let mut whole = Map::new();
        whole.insert("openapi".to_owned(), json!("3.1.0"));
        let moved = [
            "swagger",
            "host",
            "basePath",
            "schemes",
            "consumes",
            "produces",
            "paths",
            "definitions",
            "parameters",
            "responses",
            "securityDefinitions",
        ];
        for (name, value) in root.as_object().into_iter().flatten() {
            if !moved.contains(&name.as_str()) {
                let value = self.copy(value);
                whole.insert(name.clone(), value);
            }
        }
        whole.insert("servers".to_owned(), self.servers());
        let paths = self.paths();
        whole.insert("paths".to_owned(), paths);
        let components = self.components();
        whole.insert("components".to_owned(), components);
        Value::Object(whole)
    }

    /// A copy, as long as there may be more.
    pub(super) fn copy(&mut self, value: &Value) -> Value {
        let size = size(value);
        if self.left <= size {
            self.left = 0;
            return Value::Null;
        }
        self.left -= size;
        value.clone()
    }

    fn servers(&mut self) -> Value {
        let text = |name: &str| self.root.get(name).and_then(Value::as_str);
        let path = text("basePath").unwrap_or("/");
        self.moves.note("/host", "/servers");
        let Some(host) = text("host") else { return json!([{"url": path}]) };
        let schemes = self.root.get("schemes").and_then(Value::as_array).into_iter().flatten();
        let mut schemes: Vec<&str> = schemes.filter_map(Value::as_str).take(8).collect();
        // What is encrypted is suggested first.
        schemes.sort_by_key(|scheme| *scheme != "https");
        if schemes.is_empty() {
            schemes.push("https");
        }
        let url = |scheme: &str| json!({"url": format!("{scheme}://{host}{path}")});
        Value::Array(schemes.into_iter().map(url).collect())
    }

    fn paths(&mut self) -> Value {
        let mut paths = Map::new();
        for (path, item) in self.root.get("paths").and_then(Value::as_object).into_iter().flatten() {
            let at = below("/paths", path);
            let item = if path.starts_with("x-") { self.copy(item) } else { self.path_item(item, &at) };
            paths.insert(path.clone(), item);
        }
        Value::Object(paths)
    }

    fn path_item(&mut self, item: &'d Value, at: &str) -> Value {
        let Some(members) = item.as_object() else { return item.clone() };
        let mut written = Map::new();
        let shared = parameters::sorted(self, item, at);
        for (name, value) in members {
            let inner = below(at, name);
            let value = match name.as_str() {
                "parameters" => Value::Array(parameters::plain(self, &shared, &inner)),
                method if METHODS.contains(&method) => self.operation(value, &inner, &shared),
                _ => self.copy(value),
            };
            written.insert(name.clone(), value);
        }
        Value::Object(written)
    }

    fn operation(&mut self, operation: &'d Value, at: &str, shared: &[parameters::Parameter<'d>]) -> Value {
        let Some(members) = operation.as_object() else { return operation.clone() };
        let own = parameters::sorted(self, operation, at);
        let mut written = Map::new();
        for (name, value) in members {
            let inner = below(at, name);
            let value = match name.as_str() {
                "consumes" | "produces" => continue,
                "schemes" => {
                    let why = "an API is published once, under the path of the first server";
                    let words = "callers use the scheme of the gateway";
                    self.losses.add(Effect::OnlyDescribed, &inner, "schemes of an operation", why, words);
                    continue;
                }
                "parameters" => Value::Array(parameters::plain(self, &own, &inner)),
                "responses" => bodies::responses(self, value, &inner, operation),
                _ => self.copy(value),
            };
            written.insert(name.clone(), value);
        }
        if let Some(body) = bodies::request(self, operation, at, &own, shared) {
            written.insert("requestBody".to_owned(), body);
        }
        Value::Object(written)
    }

    fn components(&mut self) -> Value {
        let mut components = Map::new();
        let root = self.root;
        for (from, to) in [
            ("definitions", "schemas"),
            ("parameters", "parameters"),
            ("responses", "responses"),
            ("securityDefinitions", "securitySchemes"),
        ] {
            let Some(all) = root.get(from).and_then(Value::as_object) else { continue };
            let (old, new) = (below("", from), below("/components", to));
            self.moves.note(&old, &new);
            let mut written = Map::new();
            for (name, value) in all {
                let (old, new) = (below(&old, name), below(&new, name));
                let value = match to {
                    "parameters" => {
                        // Bodies are written where they are used.
                        if matches!(value.get("in").and_then(Value::as_str), Some("body" | "formData")) {
                            continue;
                        }
                        parameters::one(self, value, &old, &new)
                    }
                    "responses" => bodies::response(self, value, &old, &new, &Value::Null),
                    "securitySchemes" => schemes::one(value),
                    _ => self.copy(value),
                };
                written.insert(name.clone(), value);
            }
            components.insert(to.to_owned(), Value::Object(written));
        }
        Value::Object(components)
    }

    /// The media types of an operation, else of the document.
    pub(super) fn media_types(&self, operation: &Value, name: &str) -> Vec<String> {
        let told = operation.get(name).or_else(|| self.root.get(name)).and_then(Value::as_array);
        told.into_iter().flatten().filter_map(Value::as_str).take(50).map(str::to_owned).collect()
    }
}

/// How many values a value has.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Lets references within the document lead to where things stand now.
fn references(value: &mut Value, moves: &Moves) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|inner| references(inner, moves)),
        Value::Object(members) => {
            for (name, inner) in members {
                match inner {
                    Value::String(text) if name == "$ref" => {
                        if let Some(pointer) = text.strip_prefix('#').and_then(crate::openapi::pointer::decoded)
                            && moves.after(&pointer) != pointer
                        {
                            *text = format!("#{}", moves.after(&pointer).replace('%', "%25"));
                        }
                    }
                    other => references(other, moves),
                }
            }
        }
        _ => {}
    }
}
