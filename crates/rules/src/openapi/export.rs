//! A published API as an OpenAPI 3.1 document, as callers meet it: at our address, with our keys and tokens, our
//! refusals and limits in every operation.
//!
//! Of the document that it was imported from, only what is listed here is copied: what nobody listed stays inside.

mod answers;
mod copying;
mod operation;
mod refusals;
mod security;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{Api, Operation};
use copying::{Copier, Kind};

/// Where callers reach the gateway and the pages; without a slash at their end.
#[derive(Clone, Copy, Debug)]
pub struct PublishedAt<'a> {
    /// The gateway's public address.
    pub gateway_url: &'a str,
    /// The address of the web pages, where tokens are issued.
    pub web_url: &'a str,
}

/// Methods that OpenAPI 3.1 has a place for.
const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"];

/// An object's members.
type Members = Map<String, Value>;

/// The published API as an OpenAPI 3.1 document.
#[must_use]
pub fn export(api: &Api, at: &PublishedAt<'_>) -> Value {
    let document = api.document.as_deref().filter(|document| document.is_object());
    let told = document.and_then(|document| written(api, document, at));
    // A document that would grow beyond all bounds is left aside; what is enforced is told without it.
    told.or_else(|| written(api, &Value::Null, at))
        .unwrap_or_else(|| json!({"openapi": "3.1.0", "info": info(api, None), "paths": {}}))
}

/// None where it grows beyond the bounds.
fn written(api: &Api, document: &Value, at: &PublishedAt<'_>) -> Option<Value> {
    let mut copier = Copier::new(document, &api.schemas);
    let mut refusals = refusals::Shared::default();
    let mut paths: BTreeMap<String, Members> = BTreeMap::new();
    let described = described(document);
    for one in api.operations.iter().filter(|one| METHODS.contains(&&*one.method)) {
        let found = described.get(&shape(&one.path)).and_then(|(path, item)| {
            let told = item.get(&one.method.to_ascii_lowercase())?;
            Some((*path, *item, told))
        });
        let (path, written) = match found {
            Some((_, _, told)) if copying::is_internal(told) => continue,
            Some((path, item, told)) => {
                (path.to_owned(), operation::copied(api, one, (path, item, told), &mut copier, &mut refusals))
            }
            None => (one.path.clone(), operation::made(api, one, &mut copier, &mut refusals)),
        };
        paths.entry(path).or_default().insert(one.method.to_ascii_lowercase(), written);
    }
    let mut components = copier.components()?;
    refusals.add_to(&mut components, at);
    if let Some(schemes) = security::schemes(api, at) {
        components.insert("securitySchemes".into(), schemes);
    }
    let mut whole = Members::new();
    whole.insert("openapi".into(), "3.1.0".into());
    whole.insert("info".into(), info(api, document.get("info")));
    if let Some(docs) = document.get("externalDocs").and_then(copying::external_docs) {
        whole.insert("externalDocs".into(), docs);
    }
    whole.insert(
        "servers".into(),
        json!([{"url": format!("{}{}", at.gateway_url, api.base_path.trim_end_matches('/'))}]),
    );
    if let Some(tags) = document.get("tags").and_then(copying::tags) {
        whole.insert("tags".into(), tags);
    }
    whole.insert("paths".into(), json!(paths));
    whole.insert("components".into(), Value::Object(components));
    Some(Value::Object(whole))
}

/// The document's path items by the shape of their paths.
fn described(document: &Value) -> BTreeMap<String, (&str, &Members)> {
    let paths = document.get("paths").and_then(Value::as_object);
    let items = paths.into_iter().flatten().map(|(path, item)| (path.as_str(), item));
    let resolved = |item: &'_ Value| -> Option<usize> { item.as_object().map(Members::len) };
    items
        .filter(|(_, item)| resolved(item).is_some())
        .filter_map(|(path, item)| {
            let item = match item.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#')) {
                Some(pointer) => document.pointer(&copying::decoded(pointer))?,
                None => item,
            };
            Some((shape(path), (path, item.as_object()?)))
        })
        .collect()
}

/// A path without the names of its parameters and without empty segments.
fn shape(path: &str) -> String {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments
        .map(
            |segment| {
                if segment.starts_with('{') && segment.ends_with('}') {
                    "/{}".to_owned()
                } else {
                    format!("/{segment}")
                }
            },
        )
        .collect()
}

fn info(api: &Api, told: Option<&Value>) -> Value {
    let mut info = told.map(copying::info).unwrap_or_default();
    let title = if api.title.is_empty() { &*api.name } else { api.title.as_str() };
    info.entry("title").or_insert_with(|| title.into());
    if !api.title.is_empty() {
        info.insert("title".into(), api.title.as_str().into());
    }
    let is_version = |segment: &&str| {
        segment.len() > 1 && segment.starts_with('v') && segment[1..].bytes().all(|one| one.is_ascii_digit())
    };
    let version = api.base_path.rsplit('/').find(is_version).unwrap_or("1.0");
    info.entry("version").or_insert_with(|| version.into());
    if api.operations.is_empty() {
        let words = "Its operations are not listed: every method and path below its address is handed on.";
        info.entry("description").or_insert_with(|| words.into());
    }
    Value::Object(info)
}

/// Whether the operation takes a body, as far as is known.
fn takes_body(operation: &Operation) -> bool {
    operation.body.is_some() || matches!(&*operation.method, "POST" | "PUT" | "PATCH")
}

/// A reference to a component.
fn reference(kind: Kind, name: &str) -> Value {
    json!({"$ref": format!("#/components/{}/{name}", kind.section())})
}
