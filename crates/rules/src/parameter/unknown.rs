//! Query parameters that an operation doesn't know, where it takes no others.

use super::ready::{Form, Ready, Sources};
use super::text::{pointer, shown};
use crate::contract::{FIELD_ERRORS_MAX, FieldError, Location};
use crate::declared::nearest;
use crate::model::{ParameterPlace, ParameterStyle};

/// Adds an error for each name that is nobody's.
pub(super) fn check(checked: &[Ready], sources: &Sources<'_>, errors: &mut Vec<FieldError>) {
    let in_query = || checked.iter().filter(|one| one.place == ParameterPlace::Query);
    if in_query().any(|one| one.is_spread() && one.takes_all()) {
        return;
    }
    let mut told: Vec<&str> = Vec::new();
    for pair in &sources.pairs {
        let name = &*pair.name;
        let is_known = sources.taken.iter().any(|taken| **taken == *name && pair.is_named(name))
            || in_query().any(|one| match one.form {
                Form::Style(written) if written.style == ParameterStyle::DeepObject => {
                    pair.members(&one.name).is_some()
                }
                _ => one.is_spread() && one.shape.properties.contains_key(name),
            });
        if is_known || told.contains(&name) {
            continue;
        }
        if errors.len() >= FIELD_ERRORS_MAX {
            return;
        }
        told.push(name);
        let members = in_query().filter(|one| one.is_spread()).flat_map(|one| one.shape.properties.keys());
        let known = in_query().map(|one| &*one.name).chain(members.map(String::as_str));
        let hint = nearest(name, known).map(|meant| format!(" Did you mean {}?", shown(meant))).unwrap_or_default();
        let message = format!("The operation has no query parameter {}.{hint}", shown(name));
        let cut: String = name.chars().take(80).collect();
        errors.push(FieldError { pointer: pointer(&cut), location: Location::Query, message });
    }
}
