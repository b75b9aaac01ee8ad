//! One operation as callers meet it: from the document that it was imported from, or from what is enforced alone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::copying::{self, Copier, Kind};
use super::refusals::Shared;
use super::{Members, answers, security, takes_body};
use crate::model::{Api, Content, Operation, Parameter};

/// An operation that a document describes: its path there, the path's item, the operation.
pub(super) type Told<'a> = (&'a str, &'a Members, &'a Value);

/// The operation with the document's words.
pub(super) fn copied<'a>(
    api: &Api,
    operation: &Operation,
    (path, item, told): Told<'a>,
    copier: &mut Copier<'a>,
    refusals: &mut Shared,
) -> Value {
    let empty = Members::new();
    let members = told.as_object().unwrap_or(&empty);
    let mut copy = copier.plain(members, &["tags", "summary", "description", "operationId"]);
    copy.entry("operationId").or_insert_with(|| operation.name.to_string().into());
    if let Some(docs) = members.get("externalDocs").and_then(copying::external_docs) {
        copy.insert("externalDocs".into(), docs);
    }
    common(api, operation, &mut copy);
    let several = [told.get("parameters"), item.get("parameters")];
    let several = several.into_iter().flatten().filter_map(Value::as_array).flatten();
    let parameters = parameters(api, path, several, copier);
    if !parameters.is_empty() {
        copy.insert("parameters".into(), Value::Array(parameters));
    }
    let body =
        told.get("requestBody").filter(|body| copier.resolved(body).is_some_and(|body| !copying::is_internal(body)));
    if let Some(body) = body {
        copy.insert("requestBody".into(), copier.copied(Kind::RequestBody, body, 0));
    }
    let described = answers::of_document(told.get("responses"), copier);
    copy.insert("responses".into(), answers::written(api, operation, described, refusals));
    Value::Object(copy)
}

/// The operation as it is enforced.
pub(super) fn made(api: &Api, operation: &Operation, copier: &mut Copier<'_>, refusals: &mut Shared) -> Value {
    let mut made = Members::new();
    made.insert("operationId".into(), operation.name.to_string().into());
    if !operation.title.is_empty() {
        made.insert("summary".into(), operation.title.as_str().into());
    }
    common(api, operation, &mut made);
    let mut parameters: Vec<Value> = operation.parameters.iter().map(|one| parameter(one, copier)).collect();
    add_missing(&operation.path, &mut parameters, &operation.parameters.iter().map(|one| one.name.clone()).collect());
    if !parameters.is_empty() {
        made.insert("parameters".into(), Value::Array(parameters));
    }
    if takes_body(operation) {
        let body = operation.body.clone().unwrap_or_default();
        let mut all = content(&body.content, copier);
        for media_type in operation.media_types.as_ref().unwrap_or(&api.media_types) {
            all.entry(media_type.as_str()).or_insert_with(|| json!({}));
        }
        if !all.is_empty() {
            made.insert("requestBody".into(), json!({"required": body.required, "content": all}));
        }
    }
    let described = operation.answers.iter().map(|answer| answers::Described {
        status: answer.status.clone(),
        members: {
            let mut members = Members::new();
            members.insert("description".into(), "".into());
            if !answer.content.is_empty() {
                members.insert("content".into(), Value::Object(content(&answer.content, copier)));
            }
            members
        },
    });
    let described = described.collect();
    made.insert("responses".into(), answers::written(api, operation, described, refusals));
    Value::Object(made)
}

fn common(api: &Api, operation: &Operation, members: &mut Members) {
    if operation.deprecated {
        members.insert("deprecated".into(), true.into());
    }
    members.insert("security".into(), security::of(api, operation));
}

fn content(all: &[Content], copier: &mut Copier<'_>) -> Members {
    let one = |content: &Content, copier: &mut Copier<'_>| match &content.schema {
        Some(schema) => json!({"schema": copier.schema(schema, 0)}),
        None => json!({}),
    };
    all.iter().map(|content| (content.media_type.clone(), one(content, copier))).collect()
}

fn parameter(parameter: &Parameter, copier: &mut Copier<'_>) -> Value {
    let mut made = Members::new();
    made.insert("name".into(), parameter.name.as_str().into());
    made.insert("in".into(), json!(parameter.place));
    if parameter.required || parameter.place == crate::model::ParameterPlace::Path {
        made.insert("required".into(), true.into());
    }
    if parameter.deprecated {
        made.insert("deprecated".into(), true.into());
    }
    let schema = parameter.schema.as_ref().map_or_else(|| json!({}), |schema| copier.schema(schema, 0));
    if let Some(media_type) = &parameter.media_type {
        let mut content = Members::new();
        content.insert(media_type.clone(), json!({"schema": schema}));
        made.insert("content".into(), Value::Object(content));
        return Value::Object(made);
    }
    made.insert("schema".into(), schema);
    if let Some(style) = parameter.style {
        made.insert("style".into(), json!(style));
    }
    if let Some(explode) = parameter.explode {
        made.insert("explode".into(), explode.into());
    }
    Value::Object(made)
}

/// The document's parameters: an operation's before its path's, each once, without those that are ours.
fn parameters<'a>(api: &Api, path: &str, all: impl Iterator<Item = &'a Value>, copier: &mut Copier<'a>) -> Vec<Value> {
    let (mut seen, mut in_path, mut kept) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for one in all {
        let Some(told) = copier.resolved(one).filter(|told| !copying::is_internal(told)) else { continue };
        let text = |name: &str| told.get(name).and_then(Value::as_str);
        let (Some(name), Some(place)) = (text("name"), text("in")) else { continue };
        let is_ours = match place {
            "path" => {
                in_path.insert(name.to_owned());
                !path.contains(&format!("{{{name}}}"))
            }
            "header" => {
                security::is_key(api, name)
                    || ["accept", "content-type", "authorization"].contains(&&*name.to_ascii_lowercase())
            }
            "query" => api.key.query_parameter && name == crate::model::KEY_QUERY_PARAMETER,
            "cookie" => false,
            // A place that 3.1 doesn't have.
            _ => true,
        };
        if !is_ours && seen.insert((place.to_owned(), name.to_owned())) {
            kept.push(copier.copied(Kind::Parameter, one, 0));
        }
    }
    add_missing(path, &mut kept, &in_path);
    kept
}

/// Every parameter of a path must be described (OpenAPI 3.1 §4.8.8.2).
fn add_missing(path: &str, parameters: &mut Vec<Value>, described: &BTreeSet<String>) {
    let named = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    for name in named.filter(|name| !described.contains(*name)) {
        parameters.push(json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}));
    }
}
