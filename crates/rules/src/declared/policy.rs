//! Whether an API's policies can be made ready, and whether users' attributes are of the kinds that they read.

mod unknown;

use serde_json::Value;

use super::{Problem, Problems, nearest, shown};
use crate::model::{Api, Attributes, Declared, ParameterPlace, Policies, ValueKind};
use crate::parameter;
use crate::policy::{self, PolicyProblem};

/// So many attributes of one user, and names that policies of one API may read.
const NAMES_MAX: usize = 64;
const NAME_CHARACTERS_MAX: usize = 63;
const CLAIM_CHARACTERS_MAX: usize = 200;
const TEXT_CHARACTERS_MAX: usize = 1_000;
/// Values in one attribute that is a list.
const VALUES_MAX: usize = 10_000;
/// What policies read of every caller already.
const OWN_ATTRIBUTES: [&str; 4] = ["application", "environment", "name", "roles"];
/// Where the claims stand in the context.
const CLAIMS: &str = "claims";

pub(super) fn check(field: &str, api: &Api, problems: &mut Problems) {
    if !matches!(api.record_denied, 403 | 404) {
        let message = format!("{} is neither 403 nor 404", api.record_denied);
        problems.add(format!("{field}.record_denied"), message, "use 403 or 404");
    }
    let Some(policies) = &api.policies else { return };
    if api.operations.is_empty() {
        let mend = "declare the API's operations, or leave 'policies' out";
        problems.add(format!("{field}.policies"), "policies are about operations, and the API declares none", mend);
        return;
    }
    let before = problems.found.len();
    check_names(field, api, policies, problems);
    // What Cedar would say of a schema that is wrong already helps nobody.
    if problems.found.len() > before {
        return;
    }
    // A guard that guards no more, such as after a parameter got another name, must not go unnoticed.
    let found = policy::check(api).map_or_else(|found| found, |checked| checked.idle);
    found.into_iter().for_each(|one| problems.add(format!("{field}.{}", one.field), one.message, one.mend));
}

/// What can hardly be meant in the policies of what is declared; nothing is refused for it. `whole` is all that will be
/// there, as [`super::merge`] gives it: who is named in policies is looked for in it.
#[must_use]
pub fn warnings(declared: &Declared, whole: &Declared) -> Vec<Problem> {
    let of = |(at, api): (usize, &Api)| {
        let found = policy::check(api).map(|checked| checked.warnings).unwrap_or_default();
        let told = move |one: PolicyProblem| Problem {
            field: format!("apis[{at}].{}", one.field),
            message: one.message,
            mend: one.mend,
        };
        found.into_iter().chain(unknown::found(api, whole)).map(told)
    };
    declared.apis.iter().enumerate().flat_map(of).collect()
}

fn check_names(field: &str, api: &Api, policies: &Policies, problems: &mut Problems) {
    let field = format!("{field}.policies");
    let lists =
        [("query", policies.query.len()), ("attributes", policies.attributes.len()), ("claims", policies.claims.len())];
    for (name, count) in lists {
        if count > NAMES_MAX {
            let message = format!("{count} names are more than {NAMES_MAX}");
            problems.add(format!("{field}.{name}"), message, "list those that policies read");
        }
    }
    for name in policies.attributes.keys() {
        let field = format!("{field}.attributes.{name}");
        attribute_name(field.clone(), name, problems);
        if OWN_ATTRIBUTES.contains(&name.as_str()) {
            let message = format!("principal.{name} is something of every caller already");
            problems.add(field, message, "call the attribute otherwise");
        }
    }
    for name in policies.claims.keys() {
        if name.is_empty() || name.chars().count() > CLAIM_CHARACTERS_MAX || name.chars().any(char::is_control) {
            let mend = format!("use 1 to {CLAIM_CHARACTERS_MAX} characters");
            problems.add(format!("{field}.claims.{name}"), "is not the name of a claim", mend);
        }
    }
    problems.no_repeats(&format!("{field}.query"), policies.query.iter().map(String::as_str));
    for (at, name) in policies.query.iter().enumerate() {
        check_query(format!("{field}.query[{at}]"), api, name, problems);
    }
    let named_claims = |path: &str| path.split('/').any(|segment| segment == "{claims}");
    if let Some(one) = api.operations.iter().find(|one| named_claims(&one.path)) {
        let message =
            format!("context.claims is the token's claims, and operation '{}' has a parameter of that name", one.name);
        problems.add(field, message, "call the parameter otherwise in the path");
    }
}

fn check_query(field: String, api: &Api, name: &str, problems: &mut Problems) {
    let of_query = api.operations.iter().flat_map(|one| &one.parameters);
    let of_query = of_query.filter(|one| one.place == ParameterPlace::Query);
    let unreadable = of_query.clone().any(|one| one.name == name && parameter::kind(api, one).is_none());
    let of_query = of_query.map(|one| one.name.as_str());
    if name == CLAIMS {
        let message = "context.claims is the token's claims";
        problems.add(field, message, "a query parameter of that name can't be read by policies: leave it out");
    } else if !of_query.clone().any(|one| one == name) {
        let mend = match nearest(name, of_query) {
            Some(near) => format!("did you mean '{near}'?"),
            None => "declare it under 'parameters' of an operation, with in: query".to_owned(),
        };
        problems.add(field, format!("no operation has a query parameter '{}'", shown(name)), mend);
    } else if unreadable {
        let message = format!("'{}' is a list or an object in an operation: policies read single values", shown(name));
        problems.add(field, message, "leave it out");
    } else {
        let segment = format!("{{{name}}}");
        let is_both = |path: &str| path.split('/').any(|one| one == segment);
        if let Some(one) = api.operations.iter().find(|one| is_both(&one.path)) {
            let message = format!(
                "'{}' stands in the path of operation '{}' too: policies could not tell them apart",
                shown(name),
                one.name
            );
            problems.add(field, message, "call the one in the path otherwise");
        }
    }
}

fn attribute_name(field: String, name: &str, problems: &mut Problems) {
    let plain = |one: char| one.is_ascii_alphanumeric() || one == '_';
    let is_name = name.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !is_name || name.len() > NAME_CHARACTERS_MAX || !name.chars().all(plain) {
        let mend = format!("use 1 to {NAME_CHARACTERS_MAX} letters, digits and '_', not beginning with a digit");
        problems.add(field, format!("'{}' is not the name of an attribute", shown(name)), mend);
    }
}

/// A user's attributes by themselves: names, kinds and sizes.
pub(super) fn check_attributes(field: &str, attributes: &Attributes, problems: &mut Problems) {
    if attributes.len() > NAMES_MAX {
        let message = format!("{} attributes are more than {NAMES_MAX}", attributes.len());
        problems.add(field, message, "keep those that policies read");
    }
    for (name, value) in attributes {
        let field = format!("{field}.{name}");
        attribute_name(field.clone(), name, problems);
        let is_long = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() > TEXT_CHARACTERS_MAX);
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if !KINDS.iter().any(|kind| policy::fits(*kind, value)) {
            let mend = "write a text, a whole number, true or false, or a list of texts or of whole numbers";
            problems.add(field, "is of no kind that policies read", mend);
        } else if list.len() > VALUES_MAX {
            let message = format!("{} values are more than {VALUES_MAX}", list.len());
            problems.add(field, message, "say it by a role, or the other way round");
        } else if is_long(value) || list.iter().any(is_long) {
            let message = format!("a text is longer than {TEXT_CHARACTERS_MAX} characters");
            problems.add(field, message, "shorten it");
        }
    }
}

const KINDS: [ValueKind; 5] =
    [ValueKind::String, ValueKind::Integer, ValueKind::Boolean, ValueKind::Strings, ValueKind::Integers];

/// Attributes that users have in another kind than an API's policies read them in.
pub(super) fn check_between(declared: &Declared, problems: &mut Problems) {
    let guarded = declared.apis.iter().filter_map(|api| Some((&api.name, api.policies.as_ref()?)));
    let read: Vec<_> =
        guarded.flat_map(|(api, policies)| policies.attributes.iter().map(move |one| (api, one))).collect();
    if read.is_empty() {
        return;
    }
    let mut compare = |field: String, attributes: &Attributes| {
        for (api, (name, kind)) in &read {
            if attributes.get(*name).is_some_and(|value| !policy::fits(**kind, value)) {
                let message =
                    format!("is not {}, and the policies of API '{api}' read it so", policy::kind_words(**kind));
                problems.add(
                    format!("{field}.{name}"),
                    message,
                    "write it so, or change policies.attributes of the API",
                );
            }
        }
    };
    for (at, user) in declared.users.iter().enumerate() {
        compare(format!("users[{at}].attributes"), &user.attributes);
        for (place, membership) in user.memberships.iter().enumerate() {
            compare(format!("users[{at}].memberships[{place}].attributes"), &membership.attributes);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{check_references, check_values};
    use super::*;

    fn declared(change: impl FnOnce(&mut Value)) -> Declared {
        let query = json!([{"name": "view", "in": "query", "schema": {"type": "string"}},
            {"name": "ids", "in": "query", "schema": {"type": "array"}}]);
        let mut whole = json!({
            "apis": [{"name": "a", "base_path": "/a", "target": "http://127.0.0.1:9", "access": "token",
                "operations": [{"name": "get", "method": "GET", "path": "/{id}", "parameters": query}],
                "policies": {"text": "forbid (principal, action, resource);", "query": ["view"],
                    "attributes": {"hidden": "strings"}, "claims": {"https://x.example/level": "integer"}}}],
            "environments": [{"name": "e"}],
            "users": [{"name": "u", "attributes": {"hidden": ["x"]},
                "memberships": [{"environment": "e", "attributes": {"other": 3}}]}],
        });
        change(&mut whole);
        serde_json::from_value(whole).expect("a form")
    }

    fn told(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let declared = declared(change);
        let found = [check_values(&declared), check_references(&declared)].concat();
        found.into_iter().map(|one| format!("{}: {}; mend: {}", one.field, one.message, one.mend)).collect()
    }

    #[test]
    fn names_and_kinds_that_cannot_be_are_told() {
        assert_eq!(told(|_| {}), Vec::<String>::new());
        let policies = "apis[0].policies";
        let cases: [(&str, Value, String); 15] = [
            (
                "/apis/0/policies/query/0",
                json!("veiw"),
                format!("{policies}.query[0]: no operation has a query parameter 'veiw'; mend: did you mean 'view'?"),
            ),
            ("/apis/0/policies/query/0", json!("claims"), format!("{policies}.query[0]: context.claims is")),
            ("/apis/0/policies/query/0", json!("ids"), format!("{policies}.query[0]: 'ids' is a list")),
            ("/apis/0/policies/query", json!(["view", "view"]), format!("{policies}.query[1]: 'view' is listed twice")),
            ("/apis/0/operations/0/path", json!("/{view}"), format!("{policies}.query[0]: 'view' stands in the path")),
            ("/apis/0/operations/0/path", json!("/{claims}"), format!("{policies}: context.claims is")),
            ("/apis/0/operations", json!([]), format!("{policies}: policies are about operations")),
            (
                "/apis/0/policies/attributes",
                json!({"roles": "strings"}),
                format!("{policies}.attributes.roles: principal.roles is"),
            ),
            (
                "/apis/0/policies/attributes",
                json!({"a-b": "string"}),
                format!("{policies}.attributes.a-b: 'a-b' is not the name"),
            ),
            ("/apis/0/policies/claims", json!({"": "string"}), format!("{policies}.claims.: is not the name")),
            ("/apis/0/policies/text", json!("forbid"), format!("{policies}.text: ")),
            (
                "/apis/0/access",
                json!("key"),
                format!("{policies}.text: line 1, column 1: it may apply to operation 'get'"),
            ),
            (
                "/users/0/attributes/hidden",
                json!([3]),
                "users[0].attributes.hidden: is not a list of texts, and the policies of API 'a'".into(),
            ),
            (
                "/users/0/memberships/0/attributes",
                json!({"other": 1.5}),
                "users[0].memberships[0].attributes.other: is of no kind".into(),
            ),
            (
                "/users/0/attributes",
                json!({"x": vec!["y"; 10_001]}),
                "users[0].attributes.x: 10001 values are more than 10000".into(),
            ),
        ];
        for (pointer, value, expected) in cases {
            let found = told(|whole| *whole.pointer_mut(pointer).expect("a place") = value.clone());
            assert!(found.len() == 1 && found[0].starts_with(&expected), "{pointer} {expected}\n{found:#?}");
        }
        let long = told(|whole| whole["users"][0]["attributes"]["x"] = json!("y".repeat(1_001)));
        assert!(long[0].starts_with("users[0].attributes.x: a text is longer than 1000"), "{long:?}");
    }
}
