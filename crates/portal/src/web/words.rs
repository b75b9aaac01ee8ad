//! How declared things are called on pages of signing in, for people.

use std::collections::BTreeSet;

use limen_rules::model::{Declared, Name};

/// A title, or the name where there is none.
pub(super) fn title_of<'t>(title: &'t str, name: &'t str) -> &'t str {
    if title.trim().is_empty() { name } else { title }
}

/// A permission as the consent page tells it.
pub(super) struct Permission {
    /// Its name: the scope.
    pub(super) name: Name,
    /// The titles of the roles that have it.
    pub(super) roles: String,
    /// Whether the user has it themselves.
    pub(super) is_held: bool,
}

/// The permissions of `reach`, or without it all that are `held`, each with the roles that have it.
pub(super) fn permissions(declared: &Declared, reach: Option<&[Name]>, held: &BTreeSet<Name>) -> Vec<Permission> {
    let names: Vec<&Name> = match reach {
        Some(reach) => reach.iter().collect(),
        None => held.iter().collect(),
    };
    let roles_of = |name: &Name| {
        let with = declared.roles.iter().filter(|role| role.permissions.contains(name));
        with.map(|role| title_of(&role.title, &role.name)).collect::<Vec<_>>().join(", ")
    };
    let told = |name: &Name| Permission { name: name.clone(), roles: roles_of(name), is_held: held.contains(name) };
    names.into_iter().map(told).collect()
}

/// Filters of the templates.
#[expect(unreachable_pub, reason = "what the macro makes of them is")]
pub(super) mod filters {
    /// The letter that stands for a logo.
    #[askama::filter_fn]
    pub(crate) fn first_letter(title: &str, _: &dyn askama::Values) -> askama::Result<String> {
        let letter = title.chars().find(|one| one.is_alphanumeric());
        Ok(letter.map(|letter| letter.to_uppercase().collect()).unwrap_or_default())
    }

    /// An address without its scheme, for people.
    #[askama::filter_fn]
    pub(crate) fn bare(address: &str, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(address.split_once("://").map_or(address, |(_, rest)| rest).trim_end_matches('/').to_owned())
    }

    /// A list as people write it.
    #[askama::filter_fn]
    pub(crate) fn listed(all: &[&str], _: &dyn askama::Values) -> askama::Result<String> {
        Ok(match all {
            [] => String::new(),
            [one] => (*one).to_owned(),
            [first @ .., last] => format!("{} and {last}", first.join(", ")),
        })
    }
}
