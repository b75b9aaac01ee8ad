//! Differences of one operation: what it needs, its parameters, its body, its answers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Side, Spot, Weight, schema, told};
use crate::media::{MediaRange, MediaType};
use crate::model::{
    Access, Api, Content, Operation, Parameter, ParameterPlace, ServiceAnswer, UnknownParameters, Validate,
};

type Version<'a> = (&'a Api, &'a Operation);

pub(super) fn compare(before: Version<'_>, after: Version<'_>, found: &mut Found) {
    let subject = told(after.1);
    needs(&subject, before, after, found);
    texts(&subject, before.1, after.1, found);
    parameters(&subject, before, after, found);
    media_types(&subject, before, after, found);
    body(&subject, before, after, found);
    answers(&subject, before.1, after.1, found);
}

fn needs(subject: &str, before: Version<'_>, after: Version<'_>, found: &mut Found) {
    let access = |(api, operation): Version<'_>| operation.access.unwrap_or(api.access);
    let (old, new) = (access(before), access(after));
    let asked = [
        ("a subscription key", old.needs_key(), new.needs_key()),
        ("an access token", old.needs_token(), new.needs_token()),
    ];
    for (what, was, is) in asked {
        match (was, is) {
            (false, true) => found.add(Weight::Breaking, subject, "access", format!("needs {what} now")),
            (true, false) => found.add(Weight::Other, subject, "access", format!("no longer needs {what}")),
            _ => {}
        }
    }
    let permission =
        |(_, operation): Version<'_>, access: Access| operation.permission.clone().filter(|_| access.needs_token());
    match (permission(before, old), permission(after, new)) {
        (old, new) if old == new => {}
        (_, Some(new)) => found.add(Weight::Breaking, subject, "permission", format!("needs the permission {new} now")),
        (Some(old), None) => {
            found.add(Weight::Other, subject, "permission", format!("no longer needs the permission {old}"))
        }
        (None, None) => {}
    }
    let bound = |(api, operation): Version<'_>| operation.body_max_bytes.unwrap_or(api.body_max_bytes);
    let (old, new) = (bound(before), bound(after));
    if old != new {
        let weight = if new < old { Weight::Breaking } else { Weight::Other };
        found.add(weight, subject, "body", format!("may have {new} bytes instead of {old}"));
    }
    let strictness = |(api, operation): Version<'_>| match operation.validate.unwrap_or(api.validate) {
        Validate::Off => (0, "are no longer looked at"),
        Validate::Syntax => (1, "are looked at for their syntax alone"),
        Validate::Schema => (2, "must be what is described"),
    };
    let ((old, _), (new, words)) = (strictness(before), strictness(after));
    if old != new {
        let weight = if new > old { Weight::Breaking } else { Weight::Other };
        found.add(weight, subject, "validate", format!("parameters and bodies {words}"));
    }
}

fn texts(subject: &str, before: &Operation, after: &Operation, found: &mut Found) {
    match (before.deprecated, after.deprecated) {
        (false, true) => found.add(Weight::Described, subject, "", "is deprecated now: it should not be used any more"),
        (true, false) => found.add(Weight::Described, subject, "", "is no longer deprecated"),
        _ => {}
    }
    if before.title != after.title {
        found.add(Weight::Described, subject, "title", "differs");
    }
    if before.name != after.name {
        found.add(Weight::Described, subject, "name", format!("is {} instead of {}", after.name, before.name));
    }
}

/// Parameters by place and name; those of the path by the segment that they fill.
fn by_name(operation: &Operation) -> BTreeMap<(ParameterKey, String), &Parameter> {
    let segments: Vec<&str> = operation.path.split('/').filter(|one| one.starts_with('{')).collect();
    let key = |one: &Parameter| match one.place {
        ParameterPlace::Path => {
            let filled = segments.iter().position(|segment| segment.trim_matches(['{', '}']) == one.name);
            (ParameterKey::Path, filled.map_or_else(|| one.name.clone(), |at| format!("{at:04}")))
        }
        ParameterPlace::Query => (ParameterKey::Query, one.name.clone()),
        ParameterPlace::Header => (ParameterKey::Header, one.name.to_ascii_lowercase()),
        ParameterPlace::Cookie => (ParameterKey::Cookie, one.name.clone()),
    };
    operation.parameters.iter().map(|one| (key(one), one)).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ParameterKey {
    Path,
    Query,
    Header,
    Cookie,
}

impl ParameterKey {
    fn words(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

fn parameters(subject: &str, before: Version<'_>, after: Version<'_>, found: &mut Found) {
    let (old, new) = (by_name(before.1), by_name(after.1));
    for (key, parameter) in &old {
        let place = format!("{} {}", key.0.words(), parameter.name);
        match new.get(key) {
            Some(same) => {
                one_parameter(subject, &place, parameter, same, found);
                let is_renamed = parameter.place == ParameterPlace::Path && parameter.name != same.name;
                if is_renamed && after.0.policies.is_some() {
                    let words = "is not read any more by policies that know it by that name";
                    found.add(Weight::Breaking, subject, &place, words);
                }
            }
            None if key.0 == ParameterKey::Query && after.0.unknown_parameters == UnknownParameters::Refuse => {
                found.add(Weight::Breaking, subject, &place, "is no longer known: it is refused");
            }
            None => found.add(Weight::Other, subject, &place, "is no longer described: it passes as it is"),
        }
    }
    for (key, parameter) in new.iter().filter(|(key, _)| !old.contains_key(key)) {
        let place = format!("{} {}", key.0.words(), parameter.name);
        if parameter.required && key.0 != ParameterKey::Path {
            found.add(Weight::Breaking, subject, &place, "is new and required");
        } else {
            found.add(Weight::Other, subject, &place, "is new");
        }
    }
}

fn one_parameter(subject: &str, place: &str, before: &Parameter, after: &Parameter, found: &mut Found) {
    match (before.required, after.required) {
        (false, true) => found.add(Weight::Breaking, subject, place, "is required now"),
        (true, false) => found.add(Weight::Other, subject, place, "is no longer required"),
        _ => {}
    }
    match (before.deprecated, after.deprecated) {
        (false, true) => found.add(Weight::Described, subject, place, "is deprecated now"),
        (true, false) => found.add(Weight::Described, subject, place, "is no longer deprecated"),
        _ => {}
    }
    if (written(before), &before.media_type) != (written(after), &after.media_type) {
        found.add(Weight::Breaking, subject, place, "is written in another way");
    }
    if before.place == ParameterPlace::Path && before.name != after.name {
        found.add(Weight::Described, subject, place, format!("is called {} now", after.name));
    }
    let spot = Spot { subject: subject.to_owned(), place: place.to_owned(), side: Side::Asked, within: None };
    schema::compare_optional(before.schema.as_ref(), after.schema.as_ref(), &spot, found);
}

/// Style and explode with what is usual filled in (OpenAPI 3.1 §4.8.12.2).
fn written(parameter: &Parameter) -> (String, bool) {
    let style = match (&parameter.style, parameter.place) {
        (Some(style), _) => format!("{style:?}"),
        (None, ParameterPlace::Path | ParameterPlace::Header) => "Simple".to_owned(),
        (None, ParameterPlace::Query | ParameterPlace::Cookie) => "Form".to_owned(),
    };
    let explode = parameter.explode.unwrap_or(style == "Form");
    (style, explode)
}

fn media_types(subject: &str, before: Version<'_>, after: Version<'_>, found: &mut Found) {
    let (old, new) = (types(before), types(after));
    let ranges: Vec<MediaRange> = new.iter().filter_map(|one| MediaRange::parse(one)).collect();
    for gone in old.difference(&new) {
        let still = MediaType::parse(gone)
            .is_some_and(|one| !gone.contains('*') && ranges.iter().any(|range| range.holds(&one)));
        if !still {
            found.add(Weight::Breaking, subject, "body", format!("{gone} is no longer accepted"));
        }
    }
    for more in new.difference(&old) {
        found.add(Weight::Other, subject, "body", format!("{more} is accepted too"));
    }
}

/// The media types that bodies may have.
fn types<'a>((api, operation): Version<'a>) -> BTreeSet<&'a str> {
    operation.media_types.as_ref().unwrap_or(&api.media_types).iter().map(String::as_str).collect()
}

fn body(subject: &str, before: Version<'_>, after: Version<'_>, found: &mut Found) {
    let required = |(_, operation): Version<'_>| operation.body.as_ref().is_some_and(|body| body.required);
    match (required(before), required(after)) {
        (false, true) => found.add(Weight::Breaking, subject, "body", "is required now"),
        (true, false) => found.add(Weight::Other, subject, "body", "is no longer required"),
        _ => {}
    }
    let (old, new) = (bodies(before.1), bodies(after.1));
    contents(subject, "body", Side::Asked, old, new, found);
    // What was accepted without a word about its form, and has to have one now.
    let accepted = types(before);
    let is_held = |one: &&Content| accepted.contains(one.media_type.as_str()) && of(old, &one.media_type).is_none();
    for new in new.iter().filter(is_held) {
        let place = format!("body {}", new.media_type);
        let spot = Spot { subject: subject.to_owned(), place, side: Side::Asked, within: None };
        schema::compare_optional(None, new.schema.as_ref(), &spot, found);
    }
}

fn bodies(operation: &Operation) -> &[Content] {
    operation.body.as_ref().map_or(&[], |body| &body.content)
}

fn of<'a>(contents: &'a [Content], media_type: &str) -> Option<&'a Content> {
    contents.iter().find(|one| one.media_type.eq_ignore_ascii_case(media_type))
}

/// The schemas of media types that stay; which requests may have is told elsewhere.
fn contents(subject: &str, place: &str, side: Side, before: &[Content], after: &[Content], found: &mut Found) {
    for old in before {
        let place = format!("{place} {}", old.media_type);
        match of(after, &old.media_type) {
            Some(new) => {
                let spot = Spot { subject: subject.to_owned(), place, side, within: None };
                schema::compare_optional(old.schema.as_ref(), new.schema.as_ref(), &spot, found);
            }
            None if side == Side::Answered => found.add(Weight::Breaking, subject, &place, "is no longer answered"),
            None => {}
        }
    }
    let is_new = |new: &&Content| side == Side::Answered && of(before, &new.media_type).is_none();
    for new in after.iter().filter(is_new) {
        found.add(Weight::Other, subject, &format!("{place} {}", new.media_type), "is answered too");
    }
}

/// Answers by status; successes that have no fellow of the same status are compared with each other, since callers see
/// every one of them as 200.
fn answers(subject: &str, before: &Operation, after: &Operation, found: &mut Found) {
    let find =
        |of: &'_ [ServiceAnswer], status: &str| of.iter().position(|one| one.status.eq_ignore_ascii_case(status));
    let mut left: Vec<&ServiceAnswer> = Vec::new();
    let mut matched = BTreeSet::new();
    for old in &before.answers {
        match find(&after.answers, &old.status).and_then(|at| after.answers.get(at).map(|new| (at, new))) {
            Some((at, new)) => {
                matched.insert(at);
                one_answer(subject, old, new, found);
            }
            None => left.push(old),
        }
    }
    let mut more: Vec<&ServiceAnswer> =
        after.answers.iter().enumerate().filter(|(at, _)| !matched.contains(at)).map(|(_, one)| one).collect();
    for old in left {
        let fellow = more.iter().position(|new| old.status.starts_with('2') && new.status.starts_with('2'));
        if let Some(new) = fellow.map(|at| more.remove(at)) {
            one_answer(subject, old, new, found);
        }
        found.add(Weight::Other, subject, &format!("answer {}", old.status), "is no longer described");
    }
    for new in more {
        found.add(Weight::Other, subject, &format!("answer {}", new.status), "is new");
    }
}

fn one_answer(subject: &str, before: &ServiceAnswer, after: &ServiceAnswer, found: &mut Found) {
    contents(subject, &format!("answer {}", after.status), Side::Answered, &before.content, &after.content, found);
}
