//! Whether declared objects are right: each by itself, and all of them together.
//!
//! The configuration file and the admin API ask the same questions here. A problem names its field the way
//! `limen.yaml` is written (`products[0].rate.window_s`); where that stands in a file, this module doesn't know.

mod answer;
mod api;
mod counted;
mod description;
mod issuer;
mod made_name;
mod nearest;
mod parameter;
mod people;
mod policy;
mod redirect;
mod references;
mod sign_in;

use std::collections::HashSet;

use crate::model::{Declared, valid_name};

pub use api::{check_base_path, check_target, check_template};
pub(crate) use api::{is_reserved_header, is_token};
pub use made_name::made_name;
pub use nearest::nearest;
pub use policy::warnings;
pub use redirect::{check_redirect_uri, check_website};
pub use references::check_references;

/// Something that is wrong with what was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `products[0].rate.window_s`.
    pub field: String,
    /// What is wrong, in words that stand without the field.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

/// What a single value has to say against itself: the message and the mend.
pub type Complaint = (String, String);

/// Everything that is wrong with each object by itself, and names that occur twice in one list.
///
/// What objects say of each other is [`check_references`]'s question, asked of all that will be there afterwards.
#[must_use]
pub fn check_values(declared: &Declared) -> Vec<Problem> {
    let mut problems = Problems::default();
    for (at, api) in declared.apis.iter().enumerate() {
        api::check(&format!("apis[{at}]"), api, &mut problems);
    }
    for (at, product) in declared.products.iter().enumerate() {
        people::check_product(&format!("products[{at}]"), product, &mut problems);
    }
    people::check_people(declared, &mut problems);
    sign_in::check_connections(declared, &mut problems);
    problems.unique("apis", "API", declared.apis.iter().map(|api| &*api.name));
    problems.unique("products", "product", declared.products.iter().map(|product| &*product.name));
    problems.unique("developers", "developer", declared.developers.iter().map(|developer| &*developer.name));
    problems.unique("applications", "application", declared.applications.iter().map(|one| &*one.name));
    problems.unique("environments", "environment", declared.environments.iter().map(|one| &*one.name));
    problems.unique("roles", "role", declared.roles.iter().map(|role| &*role.name));
    for (at, issuer) in declared.issuers.iter().enumerate() {
        issuer::check(&format!("issuers[{at}]"), issuer, &mut problems);
    }
    problems.unique("issuers", "issuer", declared.issuers.iter().map(|one| &*one.name));
    problems.unique("users", "user", declared.users.iter().map(|user| &*user.name));
    problems.found
}

/// What will be there once `newer` is applied over `existing`: `newer`'s objects first and in their order, so that
/// the indices in a problem's field are those of `newer`, then what only `existing` has.
#[must_use]
pub fn merge(newer: &Declared, existing: &Declared) -> Declared {
    fn over<T: Clone, N: Eq + std::hash::Hash>(newer: &[T], existing: &[T], name: impl Fn(&T) -> N) -> Vec<T> {
        let names: HashSet<N> = newer.iter().map(&name).collect();
        newer.iter().chain(existing.iter().filter(|one| !names.contains(&name(one)))).cloned().collect()
    }
    Declared {
        apis: over(&newer.apis, &existing.apis, |one| one.name.clone()),
        products: over(&newer.products, &existing.products, |one| one.name.clone()),
        developers: over(&newer.developers, &existing.developers, |one| one.name.clone()),
        applications: over(&newer.applications, &existing.applications, |one| one.name.clone()),
        environments: over(&newer.environments, &existing.environments, |one| one.name.clone()),
        roles: over(&newer.roles, &existing.roles, |one| one.name.clone()),
        users: over(&newer.users, &existing.users, |one| one.name.clone()),
        connections: over(&newer.connections, &existing.connections, |one| {
            (one.application.clone(), one.environment.clone())
        }),
        issuers: over(&newer.issuers, &existing.issuers, |one| one.name.clone()),
    }
}

/// Collects problems.
#[derive(Default)]
struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>, mend: impl Into<String>) {
        self.found.push(Problem { field: field.into(), message: message.into(), mend: mend.into() });
    }

    fn take(&mut self, field: String, complaint: Option<Complaint>) {
        if let Some((message, mend)) = complaint {
            self.add(field, message, mend);
        }
    }

    fn name(&mut self, field: String, name: &str) {
        if !valid_name(name) {
            let mend = "use 1 to 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit";
            self.add(field, format!("'{}' is not a name", shown(name)), mend);
        }
    }

    /// People's texts go to pages and terminals: not long, and nothing that steers a terminal.
    fn text(&mut self, field: String, text: &str, characters_max: usize) {
        if text.chars().count() > characters_max {
            self.add(field, format!("longer than {characters_max} characters"), "shorten it");
        } else if text.chars().any(|one| one.is_control() && one != '\n' && one != '\t') {
            self.add(field, "contains control characters", "remove them");
        }
    }

    fn range(&mut self, field: String, value: u64, least: u64, most: u64, unit: &str) {
        let mend = || format!("use {} to {} {unit}", grouped(least), grouped(most));
        if value < least {
            self.add(field, format!("{} is less than {}", grouped(value), grouped(least)), mend());
        } else if value > most {
            self.add(field, format!("{} is more than {}", grouped(value), grouped(most)), mend());
        }
    }

    /// Complains at `LIST[i].name` about every name that stood in an earlier element already.
    fn unique<'a>(&mut self, list: &str, kind: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for (at, name) in names.enumerate() {
            if !seen.insert(name) {
                let message = format!("{kind} '{}' is declared twice", shown(name));
                self.add(format!("{list}[{at}].name"), message, "rename or remove one of them");
            }
        }
    }

    /// Complains at `LIST[i]` about every element that stood in the list already.
    fn no_repeats<'a>(&mut self, list: &str, values: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for (at, value) in values.enumerate() {
            if !seen.insert(value) {
                self.add(format!("{list}[{at}]"), format!("'{}' is listed twice", shown(value)), "remove one of them");
            }
        }
    }
}

/// A value as it may be repeated in a message: at most 60 characters, none of them a control character.
fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(60).map(|one| if one.is_control() { '\u{fffd}' } else { one }).collect();
    if value.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

/// `1000000` as `1,000,000`.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests;
