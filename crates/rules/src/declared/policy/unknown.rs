//! Names in policies that nobody has: roles, users, applications and attributes. They are only told, for they may come
//! later, and attributes and users by other ways than a file.

use crate::declared::{nearest, shown};
use crate::model::{Api, Declared};
use crate::policy::{Named, NamedKind, PolicyProblem, named};

/// How policies name an application that acts for itself.
const APPLICATION: &str = "application:";

/// The names in an API's policies that are nowhere in what will be there.
pub(super) fn found(api: &Api, whole: &Declared) -> Vec<PolicyProblem> {
    let Some(policies) = &api.policies else { return Vec::new() };
    let named = named(api);
    let roles = named.iter().filter(|one| one.kind == NamedKind::Role).filter_map(|one| role(one, whole));
    let users = named.iter().filter(|one| one.kind == NamedKind::User).filter_map(|one| user(one, whole));
    let attributes = policies.attributes.keys().filter_map(|name| attribute(name, whole));
    roles.chain(users).chain(attributes).collect()
}

fn role(one: &Named, whole: &Declared) -> Option<PolicyProblem> {
    let roles = || whole.roles.iter().map(|role| &*role.name);
    if roles().any(|role| role == one.name) {
        return None;
    }
    Some(text_problem(one, "role", nearest(&one.name, roles()), "nobody is in it: declare it under 'roles'"))
}

fn user(one: &Named, whole: &Declared) -> Option<PolicyProblem> {
    if let Some(id) = one.name.strip_prefix(APPLICATION) {
        let applications = || whole.applications.iter().map(|one| &*one.name);
        let is_known = applications().any(|known| known == id);
        let near = || nearest(id, applications());
        return (!is_known).then(|| text_problem(one, "application", near(), "make it with: limen application create"));
    }
    // Users of other issuers needn't be declared here.
    if !whole.issuers.is_empty() || whole.users.iter().any(|known| *known.name == *one.name) {
        return None;
    }
    let near = nearest(&one.name, whole.users.iter().map(|known| &*known.name));
    Some(text_problem(one, "user", near, "make it with: limen user create"))
}

/// An attribute that policies read and none of the users has; where there are no users yet, nothing can be told.
fn attribute(name: &str, whole: &Declared) -> Option<PolicyProblem> {
    let maps = || {
        whole.users.iter().flat_map(|user| {
            std::iter::once(&user.attributes).chain(user.memberships.iter().map(|membership| &membership.attributes))
        })
    };
    if whole.users.is_empty() || maps().any(|attributes| attributes.contains_key(name)) {
        return None;
    }
    let near = nearest(name, maps().flat_map(|attributes| attributes.keys().map(String::as_str)));
    Some(PolicyProblem {
        field: format!("policies.attributes.{name}"),
        message: "no user has it".to_owned(),
        mend: mend(near, "give it to those whom the policies are about, under 'attributes'"),
    })
}

fn text_problem(one: &Named, what: &str, near: Option<&str>, otherwise: &str) -> PolicyProblem {
    let place = one.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
    PolicyProblem {
        field: "policies.text".to_owned(),
        message: format!("{place}there is no {what} '{}'", shown(&one.name)),
        mend: mend(near, otherwise),
    }
}

fn mend(near: Option<&str>, otherwise: &str) -> String {
    near.map_or_else(|| otherwise.to_owned(), |near| format!("did you mean '{near}'? Else {otherwise}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(policies: Value, whole: Value) -> Vec<String> {
        let api = json!({"name": "a", "base_path": "/a", "target": "http://127.0.0.1:9", "access": "token",
            "operations": [{"name": "get", "method": "GET", "path": "/{id}"}], "policies": policies});
        let (api, whole) =
            (serde_json::from_value(api).expect("an API"), serde_json::from_value(whole).expect("a form"));
        let found = found(&api, &whole);
        found.into_iter().map(|one| format!("{}: {}; mend: {}", one.field, one.message, one.mend)).collect()
    }

    #[test]
    fn names_that_nobody_has_are_told_with_their_place() {
        let policies = json!({
            "text": "forbid (principal, action, resource)\nunless { principal in Role::\"mangaer\" || principal in Role::\"clerk\"\n\
                || principal == User::\"application:app\" || principal == User::\"bo\" };",
            "attributes": {"hidden": "strings", "region": "string", "team": "string"}
        });
        let people = json!({
            "roles": [{"name": "manager"}, {"name": "clerk"}],
            "users": [{"name": "bob", "attributes": {"hiden": ["x"]},
                "memberships": [{"environment": "e", "attributes": {"region": "north"}}]}],
        });
        assert_eq!(
            told(policies.clone(), people.clone()),
            [
                "policies.text: line 2, column 23: there is no role 'mangaer'; mend: did you mean 'manager'? Else nobody is in it: declare it under 'roles'",
                "policies.text: line 3, column 17: there is no application 'application:app'; mend: make it with: limen application create",
                "policies.text: line 3, column 57: there is no user 'bo'; mend: did you mean 'bob'? Else make it with: limen user create",
                "policies.attributes.hidden: no user has it; mend: did you mean 'hiden'? Else give it to those whom the policies are about, under 'attributes'",
                "policies.attributes.team: no user has it; mend: give it to those whom the policies are about, under 'attributes'",
            ]
        );
        let mut known = people;
        known["roles"][0]["name"] = json!("mangaer");
        known["users"][0]["name"] = json!("bo");
        known["users"][0]["attributes"] = json!({"hidden": [], "team": "x"});
        known["applications"] = json!([{"name": "app", "developer": "d"}]);
        assert_eq!(told(policies.clone(), known), Vec::<String>::new());
        // Nobody is there to have attributes, and others may vouch for users.
        let empty = told(
            policies.clone(),
            json!({"roles": [{"name": "clerk"}, {"name": "mangaer"}],
            "applications": [{"name": "app", "developer": "d"}]}),
        );
        assert_eq!(empty.len(), 1, "{empty:?}");
    }
}
