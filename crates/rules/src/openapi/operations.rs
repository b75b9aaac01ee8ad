//! Paths and methods of a document to operations: which there are, how they are called, which can't be published.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::loss::Effect;
use super::names::{Names, of_route, plain};
use super::parameters::{self, Own};
use super::pointer::below;
use super::reading::{At, Reading};
use super::security::{Door, Security};
use super::template::{self, Template};
use super::{answers, bodies};
use crate::model::{Api, Name, Operation, Validate};

/// More operations than this are told as lost.
const OPERATIONS_MAX: usize = 10_000;
/// A title is cut there, in characters.
const TITLE_CHARACTERS_MAX: usize = 200;
const NOT_CALLED: &str = "it answers 404";
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "query"];

/// The fields of an operation.
const FIELDS: [&str; 12] = [
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "deprecated",
    "security",
    "servers",
];
/// The fields of a path besides its methods.
const ITEM_FIELDS: [&str; 7] =
    ["$ref", "summary", "description", "servers", "parameters", "additionalOperations", "trace"];

/// What operations are written with, besides the document.
pub(super) struct Context<'c> {
    /// Who may call what.
    pub(super) security: Security,
    /// What is Limen's own among parameters.
    pub(super) own: Own,
    /// The operations until now, by method and shape.
    pub(super) before: Before<'c>,
}

/// The operations of an API until now.
pub(super) struct Before<'c>(HashMap<(&'c str, String), &'c Operation>);

impl<'c> Before<'c> {
    /// Those of an API, if there is one.
    pub(super) fn of(api: Option<&'c Api>) -> Self {
        let operations = api.into_iter().flat_map(|api| &api.operations);
        let keyed =
            |one: &'c Operation| ((one.method.as_str(), template::of(&one.path).unwrap_or_default().shape()), one);
        Self(operations.map(keyed).collect())
    }

    /// The one of that method and path.
    fn get(&self, method: &str, template: &Template) -> Option<&'c Operation> {
        self.0.get(&(method, template.shape())).copied()
    }
}

/// A method of a path that was found.
struct Found<'d> {
    method: String,
    at: At<'d>,
    item: At<'d>,
}

/// All operations of a document.
pub(super) fn all(reading: &mut Reading<'_>, context: &mut Context<'_>) -> Vec<Operation> {
    let mut routes = HashMap::new();
    let mut operations = Vec::new();
    let mut wishes = Vec::new();
    let whole = reading.whole();
    let Some(paths) = whole.member("paths") else { return operations };
    for (path, at) in paths.members() {
        let template = match template::of(path) {
            Ok(template) => template,
            Err(why) => {
                let shown: String = path.chars().take(200).filter(|one| !one.is_control()).collect();
                let construct = format!("path {shown}");
                reading.losses.add(Effect::NotPublished, &at.pointer, construct, why, NOT_CALLED);
                continue;
            }
        };
        for found in methods(reading, at) {
            if let Some(first) = routes.insert((found.method.clone(), template.shape()), path) {
                let construct = format!("{} {path}", found.method);
                let why = format!("calls can't tell it from {} {first}", found.method);
                reading.losses.add(Effect::NotPublished, &found.at.pointer, construct, why, "the other one answers");
                routes.insert((found.method, template.shape()), first);
                continue;
            }
            if operations.len() >= OPERATIONS_MAX {
                let why = "an API has 10,000 operations at most";
                reading.lose(Effect::NotPublished, &found.at.pointer, "further operations", why, NOT_CALLED);
                continue;
            }
            if template.slash_went {
                let words = "callers may write either; the service is sent the path without it";
                let why = "a slash at a path's end makes no difference";
                reading.lose(Effect::OnlyDescribed, &found.item.pointer, "slash at a path's end", why, words);
            }
            wishes.push(found.at.text("operationId").map(str::to_owned));
            operations.push(one(reading, context, &found, &template));
        }
    }
    name(&mut operations, &wishes, &context.before);
    operations
}

/// The operations of a path item.
fn methods<'d>(reading: &mut Reading<'d>, at: At<'d>) -> Vec<Found<'d>> {
    let mut items = vec![at.clone()];
    if at.text("$ref").is_some()
        && let Some(target) = reading.followed(at.clone(), "a path", Effect::NotPublished, NOT_CALLED)
    {
        items.push(target);
    }
    let mut found: Vec<Found<'d>> = Vec::new();
    let add = |found: &mut Vec<Found<'d>>, method: String, at: At<'d>, item: &At<'d>| {
        // Beside a reference, what stands nearer counts.
        if at.value.is_object() && !found.iter().any(|one| one.method == method) {
            found.push(Found { method, at, item: item.clone() });
        }
    };
    for item in &items {
        for method in METHODS {
            if let Some(at) = item.member(method) {
                add(&mut found, method.to_ascii_uppercase(), at, item);
            }
        }
        for (method, at) in item.member("additionalOperations").iter().flat_map(At::members) {
            let is_plain = (1..=20).contains(&method.len()) && method.bytes().all(|one| one.is_ascii_uppercase());
            if is_plain && method != "TRACE" && method != "CONNECT" {
                add(&mut found, method.to_owned(), at, item);
            } else {
                never(reading, method, &at);
            }
        }
        let known: Vec<&str> = METHODS.into_iter().chain(ITEM_FIELDS).collect();
        reading.only(item, "a path", &known);
        if let Some(at) = item.member("trace") {
            never(reading, "TRACE", &at);
        }
        if let Some(servers) = item.member("servers") {
            own_servers(reading, &servers);
        }
    }
    found
}

fn never(reading: &mut Reading<'_>, method: &str, at: &At<'_>) {
    let shown: String = method.chars().take(30).filter(|one| !one.is_control()).collect();
    let why = "TRACE and CONNECT are never sent on, and a method is 1 to 20 capitals";
    reading.lose(Effect::NotPublished, &at.pointer, &format!("method {shown}"), why, NOT_CALLED);
}

fn own_servers(reading: &mut Reading<'_>, at: &At<'_>) {
    let why = "an API has the same targets for all its operations";
    let words = "calls go to the API's targets; publish these operations as another API where that is wrong";
    reading.lose(Effect::NotEnforced, &at.pointer, "servers of their own", why, words);
}

/// One operation, but for its name.
fn one<'d>(reading: &mut Reading<'d>, context: &mut Context<'_>, found: &Found<'d>, template: &Template) -> Operation {
    let at = &found.at;
    let before = context.before.get(&found.method, template);
    let Door { access, permission } = context.security.door(reading, at, &found.item, before);
    let parameters = parameters::all(reading, &context.own, at, &found.item, template);
    let body = bodies::body(reading, at, &found.method);
    described_only(reading, at);
    let title = at.text("summary").unwrap_or_default();
    Operation {
        name: Name::default(),
        method: found.method.clone(),
        path: template.path.clone(),
        permission,
        access,
        media_types: body.media_types,
        body_max_bytes: before.and_then(|before| before.body_max_bytes),
        validate: validate(reading, at, &found.item).or_else(|| before.and_then(|before| before.validate)),
        title: line(title),
        deprecated: at.is("deprecated"),
        parameters,
        body: body.body,
        answers: answers::all(reading, at),
    }
}

/// `x-limen-validate` of the operation or its path.
fn validate(reading: &mut Reading<'_>, at: &At<'_>, item: &At<'_>) -> Option<Validate> {
    let told = at.member("x-limen-validate").or_else(|| item.member("x-limen-validate"))?;
    let read = serde_json::from_value(told.value.clone()).ok();
    if read.is_none() {
        reading.refuse(&told, "it must be schema, syntax or off", "write one of them");
    }
    read
}

/// Constructs around an operation that change nothing for its calls.
fn described_only(reading: &mut Reading<'_>, at: &At<'_>) {
    if let Some(callbacks) = at.member("callbacks") {
        let why = "they are calls of the service to others, which don't pass here";
        let words = "nothing changes for callers";
        reading.lose(Effect::OnlyDescribed, &callbacks.pointer, "callbacks", why, words);
    }
    if let Some(servers) = at.member("servers") {
        own_servers(reading, &servers);
    }
    reading.only(at, "an operation", &FIELDS);
}

/// Gives each operation its name: its own, else the one that it had, else one of method and path.
fn name(operations: &mut [Operation], wishes: &[Option<String>], before: &Before<'_>) {
    let mut names = Names::default();
    let mut given = vec![false; operations.len()];
    let mut seen = HashSet::new();
    // A name that is right as it stands isn't lost to one that only becomes it.
    for ((operation, wish), given) in operations.iter_mut().zip(wishes).zip(&mut given) {
        if let Some(wish) = wish.as_deref().filter(|wish| crate::model::valid_name(wish) && seen.insert(*wish)) {
            operation.name = names.take(wish).into();
            *given = true;
        }
    }
    for ((operation, wish), given) in operations.iter_mut().zip(wishes).zip(given) {
        if given {
            continue;
        }
        let template = template::of(&operation.path).unwrap_or_default();
        let before = before.get(&operation.method, &template).map(|before| before.name.to_string());
        let own = wish.as_deref().filter(|wish| plain(wish).is_some()).map(str::to_owned);
        let wish = own.or(before).unwrap_or_else(|| of_route(&operation.method, &operation.path));
        operation.name = names.free(&wish).into();
    }
}

/// Text in one line, cut where it is too long for a title.
pub(super) fn line(text: &str) -> String {
    let plain = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    let line: String = plain.take(TITLE_CHARACTERS_MAX).collect();
    line.trim().to_owned()
}

/// The path keys of the document as the operations have them.
pub(super) fn rename_paths(document: &mut Value) {
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    let keys: HashSet<String> = paths.keys().cloned().collect();
    let mut taken = HashSet::new();
    let renamed = std::mem::take(paths).into_iter().map(|(path, mut item)| {
        let Ok(template) = template::of(&path) else { return (path, item) };
        let is_free = template.path == path || (!keys.contains(&template.path) && taken.insert(template.path.clone()));
        if !is_free {
            return (path, item);
        }
        rename_parameters(&mut item, &template);
        (template.path, item)
    });
    *paths = renamed.collect();
}

fn rename_parameters(item: &mut Value, template: &Template) {
    if template.renamed.is_empty() {
        return;
    }
    let rename = |holder: &mut Value| {
        for parameter in holder.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let is_path = parameter.get("in").and_then(Value::as_str) == Some("path");
            if let Some(name) = parameter.get_mut("name").filter(|_| is_path) {
                let new = name.as_str().map(|name| template.name(name).to_owned());
                if let Some(new) = new {
                    *name = Value::String(new);
                }
            }
        }
    };
    rename(item);
    for (_, operation) in item.as_object_mut().into_iter().flatten() {
        rename(operation);
    }
}

/// Whole-document constructs that change nothing for calls.
pub(super) fn around(reading: &mut Reading<'_>) {
    let whole = reading.whole();
    for name in ["webhooks"] {
        if let Some(at) = whole.member(name) {
            let why = "they are calls of the service to others, which don't pass here";
            reading.lose(Effect::OnlyDescribed, &at.pointer, name, why, "nothing changes for callers");
        }
    }
    if let Some(dialect) = whole.text("jsonSchemaDialect").filter(|dialect| !is_known_dialect(dialect)) {
        let construct = format!("schema dialect {}", super::reading::shown(dialect));
        let why = "schemas are read as JSON Schema 2020-12";
        let words = "what the dialect says otherwise is not enforced";
        reading.losses.add(Effect::NotEnforced, &below("", "jsonSchemaDialect"), construct, why, words);
    }
}

/// JSON Schema 2020-12, or OpenAPI's own dialect of it.
fn is_known_dialect(dialect: &str) -> bool {
    dialect.starts_with("https://spec.openapis.org/oas/3.")
        || dialect.starts_with("https://json-schema.org/draft/2020-12/")
}
