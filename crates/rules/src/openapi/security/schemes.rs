//! The security schemes of a document: which ask for a token, which aren't read here.

use std::collections::HashMap;

use crate::openapi::loss::Effect;
use crate::openapi::parameters::Own;
use crate::openapi::pointer::below;
use crate::openapi::reading::{At, Reading, shown};

/// What a scheme comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A token, and scopes of it.
    Scopes,
    /// A token.
    Token,
    /// Nothing: the key stands for it.
    Other,
}

/// All schemes by name. What isn't read of them is told where they stand.
pub(super) fn all(reading: &mut Reading<'_>, own: &Own) -> HashMap<String, Scheme> {
    let whole = reading.whole();
    let holder = whole.member("components").and_then(|components| components.member("securitySchemes"));
    let entries: Vec<(&str, At<'_>)> = holder.iter().flat_map(At::named).collect();
    let mut schemes = HashMap::new();
    for (name, at) in entries {
        let words = "callers need a subscription key instead";
        let Some(at) = reading.followed(at, "a security scheme", Effect::NotEnforced, words) else {
            schemes.insert(name.to_owned(), Scheme::Other);
            continue;
        };
        schemes.insert(name.to_owned(), one(reading, own, &at));
    }
    schemes
}

fn one(reading: &mut Reading<'_>, own: &Own, at: &At<'_>) -> Scheme {
    let kind = at.text("type").unwrap_or_default();
    let word = at.text("scheme").unwrap_or_default().to_ascii_lowercase();
    let (construct, why) = match kind {
        "oauth2" | "openIdConnect" => return Scheme::Scopes,
        "http" if word == "bearer" => return Scheme::Token,
        "http" => (format!("http {}", shown(&word)), "of the HTTP schemes only bearer is read"),
        "apiKey" => {
            let place = at.text("in").unwrap_or_default();
            let name = at.text("name").unwrap_or_default();
            if place == "header" && own.carries_key(name) {
                return Scheme::Other;
            }
            let construct = format!("apiKey {} in {}", shown(name), shown(place));
            (construct, "the subscription key takes its place")
        }
        "mutualTLS" => (kind.to_owned(), "callers are not asked for certificates"),
        other => (format!("a security scheme of type {}", shown(other)), "it is not known"),
    };
    let words = "callers need a subscription key instead; what they send of it goes on to the service";
    reading.losses.add(Effect::NotEnforced, &at.pointer, construct, why, words);
    Scheme::Other
}

/// What a scheme that a requirement names comes to.
pub(super) fn used(
    reading: &mut Reading<'_>,
    schemes: &mut HashMap<String, Scheme>,
    name: &str,
    pointer: &str,
) -> Scheme {
    if let Some(known) = schemes.get(name) {
        return *known;
    }
    let construct = format!("security scheme {}", shown(name));
    let words = "callers need a subscription key instead";
    reading.losses.add(Effect::NotEnforced, &below(pointer, name), construct, "no scheme has that name", words);
    Scheme::Other
}
