//! Bodies by media type: of requests and of answers.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::loss::Effect;
use super::reading::{At, Reading};
use crate::media::{MediaRange, MediaType};
use crate::model::Content;

/// More media types than this of one body are told as lost.
const CONTENT_MAX: usize = 50;

/// Whose body it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// A request's.
    Request,
    /// An answer's.
    Answer,
}

impl Whose {
    /// What it means to callers that something of it isn't looked at.
    fn effect(self) -> Effect {
        match self {
            Self::Request => Effect::NotEnforced,
            Self::Answer => Effect::OnlyDescribed,
        }
    }
}

/// A media type or range of a document without its parameters; none where it isn't one.
pub(super) fn media_type(written: &str) -> Option<String> {
    let bare = written.split(';').next().unwrap_or_default().trim();
    MediaRange::parse(bare).map(|range| range.to_string())
}

/// The media types of a body with the schemas of those that are JSON.
pub(super) fn all<'d>(reading: &mut Reading<'d>, holder: &At<'d>, whose: Whose) -> Vec<Content> {
    let mut content: Vec<Content> = Vec::new();
    let mut seen = HashSet::new();
    let entries: Vec<(&str, At<'d>)> = holder.member("content").iter().flat_map(At::named).collect();
    for (written, at) in entries {
        if !reading.works() {
            break;
        }
        let Some(name) = media_type(written) else {
            let why = "it stands under no media type";
            reading.lose(whose.effect(), &at.pointer, "content of no media type", why, "it is left out");
            continue;
        };
        parameters(reading, written, &at, whose);
        if !seen.insert(name.clone()) {
            let why = "that media type stands there already";
            reading.lose(whose.effect(), &at.pointer, "a media type told twice", why, "the first one counts");
            continue;
        }
        if content.len() >= CONTENT_MAX {
            let why = "a body has 50 at most";
            reading.lose(whose.effect(), &at.pointer, "further media types", why, "they are left out");
            continue;
        }
        let at = reading.followed(at, "a media type", whose.effect(), "any body of that media type passes");
        let schema = at.and_then(|at| one(reading, &name, &at, whose));
        content.push(Content { media_type: name, schema });
    }
    content
}

/// A media type's parameters other than charset make another type of it, which isn't told apart.
fn parameters(reading: &mut Reading<'_>, written: &str, at: &At<'_>, whose: Whose) {
    let Some(read) = MediaType::parse(written) else { return };
    if read.parameters.iter().any(|(name, _)| name != "charset") {
        let why = "media types are told apart without their parameters";
        let words = "bodies with any parameters pass";
        reading.lose(whose.effect(), &at.pointer, "parameters of a media type", why, words);
    }
}

fn one<'d>(reading: &mut Reading<'d>, name: &str, at: &At<'d>, whose: Whose) -> Option<Value> {
    for construct in ["encoding", "prefixEncoding", "itemEncoding"] {
        if let Some(encoding) = at.member(construct).filter(|one| whose == Whose::Request && !is_empty(one.value)) {
            let why = "form bodies are looked at by media type and size only";
            reading.lose(Effect::NotEnforced, &encoding.pointer, construct, why, "parts of any form pass");
        }
    }
    if let Some(item) = at.member("itemSchema") {
        let why = "streams of values are not taken apart";
        reading.lose(whose.effect(), &item.pointer, "itemSchema", why, "values of any form pass");
    }
    let known = ["schema", "itemSchema", "example", "examples", "encoding", "prefixEncoding", "itemEncoding", "$ref"];
    reading.only(at, "a media type", &known);
    let schema = at.member("schema")?;
    if may_be_json(name) {
        let written = reading.schema(&schema);
        return (written != Value::Bool(true) && written != json!({})).then_some(written);
    }
    if !says_nothing(schema.value) {
        let (why, words) = match whose {
            Whose::Request => ("such bodies are looked at by media type and size only", "any such body passes"),
            Whose::Answer => ("only JSON answers are compared", "nothing changes for callers"),
        };
        reading.lose(whose.effect(), &schema.pointer, &format!("schema of {name} bodies"), why, words);
    }
    None
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Whether a type, or one in a range, is JSON.
fn may_be_json(name: &str) -> bool {
    name == "*/*" || name == "application/*" || MediaType::parse(name).is_some_and(|one| one.is_json())
}

/// Whether a schema asks for no more than that there are bytes.
fn says_nothing(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return *schema != Value::Bool(false) };
    members.iter().all(|(keyword, value)| match keyword.as_str() {
        "type" => value == "string",
        "format" => value == "binary" || value == "byte",
        "title" | "description" | "example" | "examples" | "contentMediaType" | "contentEncoding" => true,
        other => other.starts_with("x-"),
    })
}
