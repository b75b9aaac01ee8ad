//! What declared objects say of each other: references that lead nowhere, base paths in each other's way.

use super::{Problem, Problems, check_base_path, nearest, shown, sign_in};
use crate::model::Declared;

/// Everything that is wrong between objects: names that nothing bears, base paths that collide or nest.
///
/// `declared` is all that will be there: a file alone, or a file over what the store has (see [`super::merge`]).
#[must_use]
pub fn check_references(declared: &Declared) -> Vec<Problem> {
    let mut problems = Problems::default();
    let apis = Known::new("API", "apis", declared.apis.iter().map(|one| &*one.name));
    let developers = Known::new("developer", "developers", declared.developers.iter().map(|one| &*one.name));
    let environments = Known::new("environment", "environments", declared.environments.iter().map(|one| &*one.name));
    let roles = Known::new("role", "roles", declared.roles.iter().map(|one| &*one.name));
    for (at, product) in declared.products.iter().enumerate() {
        for (place, api) in product.apis.iter().enumerate() {
            apis.check(format!("products[{at}].apis[{place}]"), api, &mut problems);
        }
    }
    for (at, application) in declared.applications.iter().enumerate() {
        developers.check(format!("applications[{at}].developer"), &application.developer, &mut problems);
    }
    for (at, user) in declared.users.iter().enumerate() {
        for (place, membership) in user.memberships.iter().enumerate() {
            let field = format!("users[{at}].memberships[{place}]");
            environments.check(format!("{field}.environment"), &membership.environment, &mut problems);
            for (number, role) in membership.roles.iter().enumerate() {
                roles.check(format!("{field}.roles[{number}]"), role, &mut problems);
            }
        }
    }
    connections(declared, &environments, &roles, &mut problems);
    for (at, issuer) in declared.issuers.iter().enumerate() {
        for (place, name) in issuer.environments.iter().enumerate() {
            environments.check(format!("issuers[{at}].environments[{place}]"), name, &mut problems);
        }
        for (place, name) in issuer.apis.iter().enumerate() {
            apis.check(format!("issuers[{at}].apis[{place}]"), name, &mut problems);
        }
        for (value, named) in &issuer.roles {
            for (place, name) in named.iter().enumerate() {
                roles.check(format!("issuers[{at}].roles.{value}[{place}]"), name, &mut problems);
            }
        }
    }
    super::policy::check_between(declared, &mut problems);
    super::issuer::check_between(declared, &mut problems);
    sign_in::check_between(declared, &mut problems);
    super::counted::check(declared, &mut problems);
    base_paths(declared, &mut problems);
    problems.found
}

fn connections(declared: &Declared, environments: &Known<'_>, roles: &Known<'_>, problems: &mut Problems) {
    let applications = Known::new("application", "applications", declared.applications.iter().map(|one| &*one.name));
    let of_roles = declared.roles.iter().flat_map(|role| &role.permissions);
    let of_operations = declared.apis.iter().flat_map(|api| &api.operations).filter_map(|one| one.permission.as_ref());
    let permissions =
        Known::new("permission", "permissions' of a role in 'roles", of_roles.chain(of_operations).map(|one| &**one));
    for (at, connection) in declared.connections.iter().enumerate() {
        let field = format!("connections[{at}]");
        applications.check(format!("{field}.application"), &connection.application, problems);
        environments.check(format!("{field}.environment"), &connection.environment, problems);
        for (place, scope) in connection.scopes.iter().flatten().enumerate() {
            permissions.check(format!("{field}.scopes[{place}]"), scope, problems);
        }
        for (place, role) in connection.own_roles.iter().enumerate() {
            roles.check(format!("{field}.own_roles[{place}]"), role, problems);
        }
    }
}

/// The names that one kind of object bears.
struct Known<'a> {
    kind: &'static str,
    section: &'static str,
    names: Vec<&'a str>,
}

impl<'a> Known<'a> {
    fn new(kind: &'static str, section: &'static str, names: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        Self { kind, section, names }
    }

    fn check(&self, field: String, name: &str, problems: &mut Problems) {
        if self.names.binary_search(&name).is_err() {
            let mend = match nearest(name, self.names.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("declare it under '{}' or remove the reference", self.section),
            };
            problems.add(field, format!("{} '{}' is not known", self.kind, shown(name)), mend);
        }
    }
}

/// Sorted by segments, a path stands right behind the nearest path that it lies under, so that one look at the path
/// that was last seen to hold others is enough.
fn base_paths(declared: &Declared, problems: &mut Problems) {
    // A path that is wrong by itself is told of elsewhere, and the root would lie around all others.
    let whole = declared.apis.iter().enumerate().filter(|(_, api)| check_base_path(&api.base_path).is_ok());
    let mut paths: Vec<(Vec<&str>, usize)> = whole.map(|(at, api)| (api.base_path.split('/').collect(), at)).collect();
    paths.sort();
    let mut holder: Option<&(Vec<&str>, usize)> = None;
    for path in &paths {
        match holder {
            Some(outer) if path.0.starts_with(&outer.0) => complain(declared, outer, path, problems),
            _ => holder = Some(path),
        }
    }
}

fn complain(declared: &Declared, outer: &(Vec<&str>, usize), inner: &(Vec<&str>, usize), problems: &mut Problems) {
    let (Some(outer_api), Some(inner_api)) = (declared.apis.get(outer.1), declared.apis.get(inner.1)) else { return };
    if outer_api.name == inner_api.name {
        return;
    }
    // Told at the earlier one: in a merged list the later one may be in the store, where no line can be shown.
    let (told, other) = (inner.1.min(outer.1), if inner.1 < outer.1 { outer_api } else { inner_api });
    let Some(api) = declared.apis.get(told) else { return };
    let (message, mend) = if outer.0 == inner.0 {
        (
            format!("'{}' is the base path of API '{}' too", shown(&api.base_path), other.name),
            "give each API a base path of its own".to_owned(),
        )
    } else {
        (
            format!(
                "'{}' and '{}' of API '{}' lie one within the other",
                shown(&api.base_path),
                shown(&other.base_path),
                other.name
            ),
            "choose base paths that do not begin with each other".to_owned(),
        )
    };
    problems.add(format!("apis[{told}].base_path"), message, mend);
}
