//! The answers of an operation as callers get them: the service's, under the statuses that the contract lets leave, and
//! our refusals.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::Members;
use super::copying::{self, Copier, Kind};
use super::refusals::{self, Shared};
use crate::contract::Cause;
use crate::mapping::{Mapped, MappingSettings, PassedBody, map};
use crate::model::{Api, ContractKind, ErrorBody, Operation};

/// An answer as its service describes it, copied.
pub(super) struct Described {
    /// `200`, `2XX` or `default`.
    pub(super) status: String,
    /// The members of a response object.
    pub(super) members: Members,
}

/// The document's answers of one operation.
pub(super) fn of_document<'a>(told: Option<&'a Value>, copier: &mut Copier<'a>) -> Vec<Described> {
    let mut described = Vec::new();
    for (status, answer) in told.and_then(Value::as_object).into_iter().flatten() {
        let Some(resolved) = copier.resolved(answer).filter(|one| one.is_object() && !copying::is_internal(one)) else {
            continue;
        };
        if status.starts_with("x-") {
            continue;
        }
        // Our headers are added to each, so none is shared.
        if let Value::Object(mut members) = copier.copied(Kind::Response, resolved, 0) {
            // What stands beside a reference counts before what it leads to; words of ours are made anew.
            let is_ours = answer.get("$ref").and_then(Value::as_str).is_some_and(|to| to.starts_with(refusals::OURS));
            let beside = answer.get("description").filter(|words| words.is_string());
            if let Some(words) = beside.cloned().or_else(|| is_ours.then(|| "".into())) {
                members.insert("description".into(), words);
            }
            described.push(Described { status: status.clone(), members });
        }
    }
    described
}

/// All answers, by the status that callers see.
pub(super) fn written(api: &Api, operation: &Operation, described: Vec<Described>, shared: &mut Shared) -> Value {
    let is_strict = api.contract == ContractKind::Strict;
    let mut left = if is_strict { mapped(api, operation, described) } else { passed(described) };
    let is_success = |status: &String| status.starts_with('2') || status == "default";
    if !left.keys().any(is_success) {
        let mut success = Members::new();
        success.insert("description".into(), "It worked.".into());
        left.insert("200".into(), success);
    }
    for members in left.values_mut() {
        refusals::add_headers(api, operation, members);
    }
    let mut answers: BTreeMap<String, Value> = BTreeMap::new();
    for (status, causes) in refusals::by_status(api, operation) {
        let name = shared.name(status, &causes);
        let key = status.to_string();
        let answer = match left.remove(&key) {
            // The service's own form beside ours.
            Some(members) if !is_strict || api.error_body == ErrorBody::Pass => beside(members, &causes),
            Some(members) => {
                let mut reference = super::reference(Kind::Response, &name);
                let own = refusals::words(&causes);
                let is_told = |words: &&Value| words.as_str().is_some_and(|one| !one.is_empty() && one != own);
                if let Some(words) = members.get("description").filter(is_told) {
                    reference["description"] = words.clone();
                }
                reference
            }
            None => super::reference(Kind::Response, &name),
        };
        answers.insert(key, answer);
    }
    answers.extend(left.into_iter().map(|(status, members)| (status, Value::Object(members))));
    json!(answers)
}

/// What the service says in its own media types, and our refusal in its own.
fn beside(mut members: Members, causes: &[Cause]) -> Value {
    if members.get("description").is_none_or(|words| words.as_str().is_none_or(str::is_empty)) {
        members.insert("description".into(), refusals::words(causes).into());
    }
    let ours = refusals::content();
    let content = members.entry("content").or_insert_with(|| json!({}));
    if let Some(content) = content.as_object_mut() {
        content.insert(refusals::MEDIA_TYPE.into(), ours);
    }
    Value::Object(members)
}

/// Nothing is mapped.
fn passed(described: Vec<Described>) -> BTreeMap<String, Members> {
    let is_status = |status: &str| {
        let digits =
            status.bytes().all(|one| one.is_ascii_digit()) && ('1'..='5').any(|first| status.starts_with(first));
        status == "default"
            || (status.len() == 3 && (digits || matches!(status, "1XX" | "2XX" | "3XX" | "4XX" | "5XX")))
    };
    let upper = |status: String| if status == "default" { status } else { status.to_ascii_uppercase() };
    let all = described.into_iter().map(|one| (upper(one.status), one.members));
    all.filter(|(status, _)| is_status(status)).collect()
}

/// What leaves under the strict contract; the rule that maps calls decides here too.
fn mapped(api: &Api, operation: &Operation, described: Vec<Described>) -> BTreeMap<String, Members> {
    let method = Method::from_bytes(operation.method.as_bytes()).unwrap_or_default();
    let settings =
        MappingSettings { strict: true, pass_401: api.pass_401, pass_statuses: &api.pass_statuses, websocket: false };
    let tells_success = described.iter().any(|one| one.status.starts_with('2'));
    let mut left: BTreeMap<String, Members> = BTreeMap::new();
    for one in described {
        let status = match one.status.as_str() {
            "2XX" | "2xx" => Some(200),
            "default" if !tells_success => Some(200),
            other => other.parse().ok(),
        };
        let Some(status) = status else { continue };
        let (status, has_body) = match map(status, &method, &settings) {
            Mapped::Pass { status, body } => (status, body == PassedBody::Kept),
            Mapped::Refuse {
                status,
                cause: Cause::ServiceRefused | Cause::RecordDenied | Cause::RecordNotFound | Cause::PreconditionFailed,
            } => (status, true),
            Mapped::Refuse { .. }
            | Mapped::Interim
            | Mapped::Upgrade
            | Mapped::Unexpected
            | Mapped::Unavailable
            | Mapped::Timeout => continue,
        };
        let mut members = one.members;
        if !has_body {
            members.remove("content");
        }
        match left.remove(&status.to_string()) {
            Some(before) => left.insert(status.to_string(), merged(before, members)),
            None => left.insert(status.to_string(), members),
        };
    }
    left
}

/// Two answers that leave under one status: the words of both, a body where either has one.
fn merged(mut before: Members, mut after: Members) -> Members {
    let words =
        |members: &Members| members.get("description").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let (first, second) = (words(&before), words(&after));
    let both = if second.is_empty() || first.contains(&second) {
        first
    } else if first.is_empty() {
        second
    } else {
        format!("{first}\n\n{second}")
    };
    before.insert("description".into(), both.into());
    for name in ["content", "headers"] {
        let more = after.remove(name).and_then(|more| if let Value::Object(more) = more { Some(more) } else { None });
        let Some(more) = more else { continue };
        if let Some(all) = before.entry(name).or_insert_with(|| json!({})).as_object_mut() {
            for (key, value) in more {
                match all.get_mut(&key) {
                    Some(same) if name == "content" && *same != value => *same = either(same, &value),
                    Some(_) => {}
                    None => {
                        all.insert(key, value);
                    }
                }
            }
        }
    }
    before
}

/// A body of one media type that has one of two forms.
fn either(one: &Value, other: &Value) -> Value {
    let mut forms: Vec<Value> = Vec::new();
    for told in [one, other] {
        let schema = told.get("schema").cloned().unwrap_or_else(|| json!({}));
        let several = schema
            .as_object()
            .filter(|all| all.len() == 1)
            .and_then(|all| all.get("anyOf"))
            .and_then(Value::as_array)
            .cloned();
        for form in several.unwrap_or_else(|| vec![schema]) {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
    }
    match forms.as_slice() {
        [same] => json!({"schema": same}),
        _ => json!({"schema": {"anyOf": forms}}),
    }
}
