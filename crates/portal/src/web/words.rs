//! How declared things are called on pages of signing in, for people.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use limen_rules::model::{Declared, Name, Role};

/// A title, or the name where there is none.
pub(super) fn title_of<'t>(title: &'t str, name: &'t str) -> &'t str {
    if title.trim().is_empty() { name } else { title }
}

/// A message between tags, where an apostrophe stands for itself: who compares messages to the letter finds them.
pub(super) struct Words<'w>(pub(super) &'w str);

impl fmt::Display for Words<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in self.0.chars() {
            match one {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

impl askama::filters::HtmlSafe for Words<'_> {}

/// A permission as the consent page tells it.
pub(super) struct Permission {
    /// Its name: the scope.
    pub(super) name: Name,
    /// The titles of the roles that have it.
    pub(super) roles: String,
    /// Whether the user has it themselves.
    pub(super) is_held: bool,
}

/// The permissions of `reach`, or without it all that are held, each with the roles that give it: of those that the user
/// has, `mine`, or where none of these does, of all.
pub(super) fn permissions(declared: &Declared, reach: Option<&[Name]>, mine: &[&Role]) -> Vec<Permission> {
    let held: BTreeSet<&Name> = mine.iter().flat_map(|role| &role.permissions).collect();
    let names: Vec<&Name> = match reach {
        Some(reach) => reach.iter().collect(),
        None => held.iter().copied().collect(),
    };
    let told = |name: &Name| {
        let titles = |roles: &mut dyn Iterator<Item = &Role>| {
            let with = roles.filter(|role| role.permissions.contains(name));
            with.map(|role| title_of(&role.title, &role.name)).collect::<Vec<_>>().join(", ")
        };
        let is_held = held.contains(name);
        let roles = if is_held { titles(&mut mine.iter().copied()) } else { titles(&mut declared.roles.iter()) };
        Permission { name: name.clone(), roles, is_held }
    };
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
