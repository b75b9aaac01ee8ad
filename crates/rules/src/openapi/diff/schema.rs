//! Differences of two schemas, for the side that writes the value and for the side that reads it.
//!
//! What it can't judge it calls breaking for those who write: better one look too many.

mod bounds;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Found, Side, Spot, Weight, shown};

/// Schemas that stand within each other are compared so deep.
const DEPTH_MAX: usize = 48;
/// How a schema refers to one of the API's.
const NAMED: &str = "#/schemas/";
/// What only people read.
const TEXTS: [&str; 9] =
    ["title", "description", "example", "examples", "externalDocs", "xml", "$comment", "deprecated", "default"];
/// Keywords whose difference is told, and not judged.
const UNJUDGED: [&str; 17] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "prefixItems",
    "discriminator",
    "$defs",
    "contentMediaType",
];

/// Compares two schemas, either of which may not be told.
pub(super) fn compare_optional(before: Option<&Value>, after: Option<&Value>, spot: &Spot, found: &mut Found) {
    match (before.filter(|one| says_something(one)), after.filter(|one| says_something(one))) {
        (Some(before), Some(after)) => compare(before, after, spot, DEPTH_MAX, found),
        (None, Some(_)) if spot.side == Side::Asked => {
            found.add_at(Weight::Breaking, spot, "must be what is described now; before it could be anything");
        }
        (Some(_), None) if spot.side == Side::Asked => found.add_at(Weight::Other, spot, "may be anything now"),
        (None, Some(_)) => found.add_at(Weight::Other, spot, "is described now"),
        (Some(_), None) => found.add_at(Weight::Other, spot, "is no longer described"),
        (None, None) => {}
    }
}

/// Compares the named schemas that were met, and those that they lead to.
pub(super) fn compare_named(found: &mut Found) {
    while let Some(named) = found.waiting.pop() {
        let (before, after, side) = &named;
        let (Some(old), Some(new)) = (found.before.get(before), found.after.get(after)) else { continue };
        let (old, new) = (old.clone(), new.clone());
        let spot = Spot {
            subject: format!("schema {after}"),
            place: String::new(),
            side: *side,
            within: Some((before.clone(), after.clone(), *side)),
        };
        compare(&old, &new, &spot, DEPTH_MAX, found);
    }
}

fn says_something(schema: &Value) -> bool {
    schema.as_bool() != Some(true) && !schema.as_object().is_some_and(Map::is_empty)
}

/// The named schema that a schema is, and nothing else.
fn reference(schema: &Value) -> Option<&str> {
    let members = schema.as_object()?;
    let name = members.get("$ref")?.as_str()?.strip_prefix(NAMED)?;
    members.keys().all(|key| key == "$ref" || TEXTS.contains(&key.as_str())).then_some(name)
}

fn compare(before: &Value, after: &Value, spot: &Spot, depth: usize, found: &mut Found) {
    if let (Some(old), Some(new)) = (reference(before), reference(after)) {
        // Every named schema that both have is compared, equal references too: what they lead to may differ.
        found.later((old.to_owned(), new.to_owned(), spot.side), spot);
        return;
    }
    if depth == 0 {
        if before != after {
            found.add_at(Weight::Breaking, spot, "differs too deep to be compared");
        }
        return;
    }
    let (old, new) = (members(before, found.before), members(after, found.after));
    match (old, new) {
        (Some(old), Some(new)) => compare_members(&old, &new, spot, depth, found),
        (Some(_), None) if spot.side == Side::Asked => {
            found.add_at(Weight::Breaking, spot, "must not be there any more")
        }
        (None, Some(_)) if spot.side == Side::Answered => found.add_at(Weight::Breaking, spot, "may be there now"),
        (Some(_), None) | (None, Some(_)) => found.add_at(Weight::Other, spot, "differs"),
        (None, None) => {}
    }
}

/// A schema's members, a named one's in place of its reference; none for the schema that nothing fits.
fn members(schema: &Value, schemas: &BTreeMap<String, Value>) -> Option<Map<String, Value>> {
    let mut schema = schema;
    for _ in 0..DEPTH_MAX {
        match reference(schema).and_then(|name| schemas.get(name)) {
            Some(named) => schema = named,
            None => break,
        }
    }
    match schema {
        Value::Object(members) => Some(members.clone()),
        Value::Bool(false) => None,
        _ => Some(Map::new()),
    }
}

type Members = Map<String, Value>;

fn compare_members(old: &Members, new: &Members, spot: &Spot, depth: usize, found: &mut Found) {
    types(old, new, spot, found);
    values(old, new, spot, found);
    bounds::compare(old, new, spot, found);
    required(old, new, spot, found);
    properties(old, new, spot, depth, found);
    for keyword in ["items", "additionalProperties"] {
        within(keyword, old, new, spot, depth, found);
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        choices(keyword, old, new, spot, depth, found);
    }
    for keyword in UNJUDGED {
        if old.get(keyword) != new.get(keyword) {
            either(spot, format!("{keyword} differs"), found);
        }
    }
    if old.get("$ref") != new.get("$ref") {
        either(spot, "refers to another schema beside its own words".to_owned(), found);
    }
    if old.get("readOnly") != new.get("readOnly") {
        match (spot.side, new.get("readOnly") == Some(&Value::Bool(true))) {
            (Side::Asked, true) => found.add_at(Weight::Breaking, spot, "is set by the service alone now"),
            (Side::Asked, false) => found.add_at(Weight::Other, spot, "may be set by callers now"),
            (Side::Answered, _) => {}
        }
    }
    if TEXTS.iter().any(|text| old.get(*text) != new.get(*text)) {
        found.add_at(Weight::Described, spot, "is described in other words");
    }
}

/// A difference that can't be judged: it may refuse what was sent.
fn either(spot: &Spot, words: String, found: &mut Found) {
    let weight = if spot.side == Side::Asked { Weight::Breaking } else { Weight::Other };
    found.add_at(weight, spot, words);
}

/// Told to those for whom less fits (`narrower`) or more (`wider`): a writer minds the first, a reader the second.
fn fits(narrower: bool, spot: &Spot, words: String, found: &mut Found) {
    let weight = if narrower == (spot.side == Side::Asked) { Weight::Breaking } else { Weight::Other };
    found.add_at(weight, spot, words);
}

fn types(old: &Members, new: &Members, spot: &Spot, found: &mut Found) {
    const ALL: [&str; 6] = ["null", "boolean", "object", "array", "number", "string"];
    let of = |members: &Members| -> BTreeSet<String> {
        let told: BTreeSet<String> = match members.get("type") {
            Some(Value::String(one)) => [one.clone()].into(),
            Some(Value::Array(several)) => several.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => ALL.map(str::to_owned).into(),
        };
        told
    };
    let (old, new) = (of(old), of(new));
    let lacks = |from: &BTreeSet<String>, of: &BTreeSet<String>| -> Vec<String> {
        let has = |one: &&String| of.contains(*one) || (*one == "integer" && of.contains("number"));
        from.iter().filter(|one| !has(one)).cloned().collect()
    };
    let (gone, more) = (lacks(&old, &new), lacks(&new, &old));
    if gone.is_empty() && more.is_empty() {
        return;
    }
    let words = |types: &BTreeSet<String>| match types.len() {
        6.. => "anything".to_owned(),
        _ => types.iter().cloned().collect::<Vec<_>>().join(" or "),
    };
    let told = format!("is {} instead of {}", words(&new), words(&old));
    match (gone.is_empty(), more.is_empty()) {
        // Some of both: it narrows for writers and widens for readers.
        (false, false) => found.add_at(Weight::Breaking, spot, told),
        (false, true) => fits(true, spot, told, found),
        _ => fits(false, spot, told, found),
    }
}

/// `enum` and `const`. A value that answers may have now is no break: it is what an enumeration grows by.
fn values(old: &Members, new: &Members, spot: &Spot, found: &mut Found) {
    let of = |members: &Members| match (members.get("const"), members.get("enum")) {
        (Some(one), _) => Some(vec![one.clone()]),
        (None, Some(Value::Array(several))) => Some(several.clone()),
        _ => None,
    };
    let told = |values: &[&Value]| values.iter().take(5).map(|one| shown(one)).collect::<Vec<_>>().join(", ");
    let asked = spot.side == Side::Asked;
    match (of(old), of(new)) {
        (Some(old), Some(new)) => {
            let gone: Vec<&Value> = old.iter().filter(|one| !new.contains(one)).collect();
            let more: Vec<&Value> = new.iter().filter(|one| !old.contains(one)).collect();
            if !gone.is_empty() {
                let weight = if asked { Weight::Breaking } else { Weight::Other };
                found.add_at(weight, spot, format!("can no longer be {}", told(&gone)));
            }
            if !more.is_empty() {
                found.add_at(Weight::Other, spot, format!("can be {} too", told(&more)));
            }
        }
        (None, Some(new)) => {
            let weight = if asked { Weight::Breaking } else { Weight::Other };
            found.add_at(weight, spot, format!("can only be {} now", told(&new.iter().collect::<Vec<_>>())));
        }
        (Some(_), None) => found.add_at(Weight::Other, spot, "is no longer one of a few values"),
        (None, None) => {}
    }
}

fn required(old: &Members, new: &Members, spot: &Spot, found: &mut Found) {
    let of = |members: &Members| -> BTreeSet<String> {
        let names = members.get("required").and_then(Value::as_array);
        names.map(|names| names.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()).unwrap_or_default()
    };
    let (before, after) = (of(old), of(new));
    let is_there = |members: &Members, name: &str| members.get("properties").is_some_and(|all| all.get(name).is_some());
    for name in after.difference(&before) {
        let words = if is_there(old, name) { "is required now" } else { "is new and required" };
        let weight = if spot.side == Side::Asked { Weight::Breaking } else { Weight::Other };
        found.add_at(weight, &spot.below(name), words);
    }
    for name in before.difference(&after) {
        match spot.side {
            Side::Asked => found.add_at(Weight::Other, &spot.below(name), "is no longer required"),
            Side::Answered if is_there(new, name) => {
                found.add_at(Weight::Breaking, &spot.below(name), "may be missing now")
            }
            Side::Answered => {}
        }
    }
}

fn properties(old: &Members, new: &Members, spot: &Spot, depth: usize, found: &mut Found) {
    let empty = Map::new();
    let of = |members: &'_ Members| members.get("properties").and_then(Value::as_object).cloned();
    let (before, after) = (of(old).unwrap_or(empty.clone()), of(new).unwrap_or(empty));
    let is_closed = |members: &Members| members.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, schema) in &before {
        let below = spot.below(name);
        match (after.get(name), spot.side) {
            (Some(same), _) => compare(schema, same, &below, depth - 1, found),
            (None, Side::Answered) => found.add_at(Weight::Breaking, &below, "is no longer answered"),
            (None, Side::Asked) if is_closed(new) => found.add_at(Weight::Breaking, &below, "is no longer accepted"),
            (None, Side::Asked) => found.add_at(Weight::Other, &below, "is no longer described"),
        }
    }
    for (name, schema) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        let is_asked_of = |members: &Members| {
            members.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
        };
        // One that is required as well is told with what is required.
        if !(spot.side == Side::Asked && is_asked_of(new) && !is_asked_of(old)) {
            found.add_at(Weight::Other, &spot.below(name), "is new");
        }
        // Unless the old schema refused it, it could be anything.
        if spot.side == Side::Asked && !is_closed(old) && bounds::is_strict(schema) && old.contains_key("properties") {
            found.add_at(Weight::Other, &spot.below(name), "was not looked at before and is now");
        }
    }
}

/// One schema for all elements, or for all properties that have none of their own.
fn within(keyword: &str, old: &Members, new: &Members, spot: &Spot, depth: usize, found: &mut Found) {
    let below = spot.below(if keyword == "items" { "*" } else { "(others)" });
    let anything = Value::Bool(true);
    let (before, after) = (old.get(keyword).unwrap_or(&anything), new.get(keyword).unwrap_or(&anything));
    match (before.as_bool(), after.as_bool()) {
        (Some(true), Some(true)) | (Some(false), Some(false)) => {}
        (Some(true) | None, Some(false)) => match spot.side {
            Side::Asked => found.add_at(Weight::Breaking, &below, "is no longer accepted"),
            Side::Answered => found.add_at(Weight::Other, &below, "is no longer answered"),
        },
        (Some(false), _) => found.add_at(Weight::Other, &below, "may be there now"),
        (Some(true), None) => compare_optional(None, Some(after), &below, found),
        (None, Some(true)) => compare_optional(Some(before), None, &below, found),
        (None, None) => compare(before, after, &below, depth - 1, found),
    }
}

/// `allOf`, `anyOf`, `oneOf`: those that are alike pair off, the others in their order.
fn choices(keyword: &str, old: &Members, new: &Members, spot: &Spot, depth: usize, found: &mut Found) {
    let of = |members: &Members| members.get(keyword).and_then(Value::as_array).cloned().unwrap_or_default();
    let (before, mut after) = (of(old), of(new));
    let (was_told, is_told) = (!before.is_empty(), !after.is_empty());
    if was_told != is_told {
        let narrower = is_told;
        fits(
            narrower,
            spot,
            format!("{keyword} {}", if is_told { "is asked for now" } else { "is no longer asked for" }),
            found,
        );
        return;
    }
    let mut left = Vec::new();
    for one in before {
        let same = |other: &Value| *other == one || reference(other).is_some_and(|name| reference(&one) == Some(name));
        match after.iter().position(same) {
            Some(at) => compare(&one, &after.remove(at), spot, depth - 1, found),
            None => left.push(one),
        }
    }
    let mut more = after.into_iter();
    let mut gone = 0_usize;
    for one in left {
        match more.next() {
            Some(other) => compare(&one, &other, spot, depth - 1, found),
            None => gone += 1,
        }
    }
    let come = more.count();
    // Of `allOf`, one more asks for more; of the others, one more is one more way to fit.
    let is_all = keyword == "allOf";
    if gone > 0 {
        fits(!is_all, spot, format!("{keyword} has {gone} fewer"), found);
    }
    if come > 0 {
        fits(is_all, spot, format!("{keyword} has {come} more"), found);
    }
}
