//! Differences of what an API says for all its operations.

use std::collections::BTreeSet;

use super::{Found, Weight};
use crate::model::{Api, Bind, ReadOnlyProperties, UnknownParameters, Visibility};

const API: &str = "API";

pub(super) fn compare(before: &Api, after: &Api, found: &mut Found) {
    if before.base_path != after.base_path {
        let words = format!("is published at {} instead of {}", after.base_path, before.base_path);
        found.add(Weight::Breaking, API, "base path", words);
    }
    if before.title != after.title {
        found.add(Weight::Described, API, "title", "differs");
    }
    key(before, after, found);
    browsers(before, after, found);
    if before.contract != after.contract {
        found.add(Weight::Breaking, API, "contract", "statuses of answers follow other rules");
    }
    if before.error_body != after.error_body {
        found.add(Weight::Breaking, API, "error_body", "refusals by the service have another form");
    }
    if before.record_denied != after.record_denied {
        let words =
            format!("a record that is denied answers {} instead of {}", after.record_denied, before.record_denied);
        found.add(Weight::Other, API, "record_denied", words);
    }
    if before.policies != after.policies {
        found.add(Weight::Other, API, "policies", "who may do what with which records follows other policies");
    }
    let statuses = |api: &Api| (api.pass_statuses.iter().copied().collect::<BTreeSet<_>>(), api.pass_401);
    if statuses(before) != statuses(after) {
        found.add(Weight::Other, API, "pass_statuses", "other statuses of the service leave unchanged");
    }
    let switches = [
        (
            "visibility",
            before.visibility == Visibility::Private,
            after.visibility == Visibility::Private,
            "",
            "only subscribers learn what it has",
        ),
        ("cookies", before.cookies, after.cookies, "cookies no longer pass", "cookies pass"),
        (
            "websocket",
            before.websocket,
            after.websocket,
            "no WebSocket can be opened any more",
            "WebSockets can be opened",
        ),
    ];
    for (place, was, is, off, on) in switches.into_iter().filter(|(_, was, is, ..)| was != is) {
        match (was, is) {
            (false, true) => found.add(Weight::Other, API, place, on),
            (true, _) if !off.is_empty() => found.add(Weight::Breaking, API, place, off),
            _ => found.add(Weight::Other, API, place, "everybody may learn what it has"),
        }
    }
    stricter(
        found,
        "unknown_parameters",
        [before, after].map(|api| api.unknown_parameters == UnknownParameters::Refuse),
        "unknown query parameters are refused",
    );
    stricter(
        found,
        "read_only",
        [before, after].map(|api| api.read_only == ReadOnlyProperties::Refuse),
        "readOnly properties in requests are refused",
    );
    stricter(
        found,
        "bind",
        [before, after].map(|api| api.bind == Bind::Application),
        "key and token must be of one developer",
    );
}

/// A check that is made only before or only after.
fn stricter(found: &mut Found, place: &str, is_made: [bool; 2], words: &str) {
    match is_made {
        [false, true] => found.add(Weight::Breaking, API, place, words),
        [true, false] => found.add(Weight::Other, API, place, format!("no longer: {words}")),
        _ => {}
    }
}

/// The names under which a key was accepted must go on being accepted.
fn key(before: &Api, after: &Api, found: &mut Found) {
    let names = |api: &Api| {
        let own = std::iter::once(&api.key.header).chain(&api.key.aliases);
        own.map(|name| name.to_ascii_lowercase()).collect::<BTreeSet<_>>()
    };
    let (old, new) = (names(before), names(after));
    for gone in old.difference(&new) {
        found.add(Weight::Breaking, API, "key", format!("the header {gone} no longer carries the key"));
    }
    for more in new.difference(&old) {
        found.add(Weight::Other, API, "key", format!("the header {more} carries the key too"));
    }
    match (before.key.query_parameter, after.key.query_parameter) {
        (true, false) => found.add(Weight::Breaking, API, "key", "the query no longer carries the key"),
        (false, true) => found.add(Weight::Other, API, "key", "the query may carry the key"),
        _ => {}
    }
}

fn browsers(before: &Api, after: &Api, found: &mut Found) {
    let origins = |api: &Api| api.cors.allow_origins.iter().cloned().collect::<BTreeSet<_>>();
    let (old, new) = (origins(before), origins(after));
    if !new.contains("*") {
        for gone in old.difference(&new) {
            found.add(Weight::Breaking, API, "cors", format!("pages of {gone} may no longer call"));
        }
    }
    for more in new.difference(&old) {
        found.add(Weight::Other, API, "cors", format!("pages of {more} may call"));
    }
    match (before.cors.allow_credentials, after.cors.allow_credentials) {
        (true, false) => found.add(Weight::Breaking, API, "cors", "pages may no longer send credentials"),
        (false, true) => found.add(Weight::Other, API, "cors", "pages may send credentials"),
        _ => {}
    }
}
