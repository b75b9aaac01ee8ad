//! Who is named in an API's policies: roles, users and applications, each with its place in the text.

use super::compile::entities;
use super::words;
use crate::model::Api;

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedKind {
    /// `Role::"NAME"`.
    Role,
    /// `User::"NAME"`.
    User,
}

/// A name that stands in policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Of what.
    pub kind: NamedKind,
    /// The name.
    pub name: String,
    /// Line and column of the text, where it stands as it is usually written.
    pub place: Option<String>,
}

/// Every role and user that the policies of an API name, once each, in the order of the text. None where the text can't be
/// read, which is told elsewhere.
#[must_use]
pub fn named(api: &Api) -> Vec<Named> {
    let Some(policies) = &api.policies else { return Vec::new() };
    let mut found: Vec<(usize, Named)> = Vec::new();
    for uid in entities(&policies.text) {
        let (kind, word) = match uid.type_name().basename() {
            "Role" => (NamedKind::Role, "Role"),
            "User" => (NamedKind::User, "User"),
            _ => continue,
        };
        let name = uid.id().unescaped().to_owned();
        if found.iter().any(|(_, one)| one.kind == kind && one.name == name) {
            continue;
        }
        let at = policies.text.find(&format!("{word}::\"{name}\""));
        let place = at.map(|at| words::place(&policies.text, at));
        found.push((at.unwrap_or(usize::MAX), Named { kind, name, place }));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, one)| one).collect()
}
