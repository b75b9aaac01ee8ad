//! What is refused at load, what is decided, and the same questions put to a plain reading of the same rules.

mod differential;

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::*;
use crate::model::{Api, Declared};
use crate::record::Directory;
use crate::snapshot::Snapshot;
use crate::token::Issuer;

/// An API with three operations and these policies.
fn api(policies: Value) -> Api {
    let query = json!({"name": "view", "in": "query", "schema": {"type": "string"}});
    let id = json!({"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/schemas/Id"}});
    serde_json::from_value(json!({
        "name": "records", "base_path": "/records", "target": "http://127.0.0.1:9", "access": "key+token",
        "schemas": {"Id": {"type": "integer"}}, "policies": policies,
        "operations": [
            {"name": "list", "method": "GET", "path": "/", "parameters": [query]},
            {"name": "get", "method": "GET", "path": "/{id}", "parameters": [id, query]},
            {"name": "note", "method": "GET", "path": "/{id}/notes/{note}", "parameters": [id]},
            {"name": "about", "method": "GET", "path": "/about", "access": "open"},
        ],
    }))
    .expect("an API")
}

fn hidden(text: &str) -> Value {
    json!({"text": text, "query": ["view"], "claims": {"level": "integer", "groups": "strings"},
        "attributes": {"hidden": "integers", "region": "string", "grade": "integer"}})
}

/// With the open operation left out of every policy's way.
fn guarded(conditions: &str) -> Value {
    hidden(&format!(
        "@id(\"hidden\") forbid (principal, action in [Action::\"list\", Action::\"get\", Action::\"note\"], resource) {conditions};"
    ))
}

fn problems(policies: Value) -> Vec<String> {
    let found = check(&api(policies)).err().unwrap_or_default();
    found.into_iter().map(|one| format!("{}; mend: {}", one.message, one.mend)).collect()
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    let scope = "(principal, action == Action::\"get\", resource)";
    for (text, expected) in [
        (format!("forbid {scope} when {{ context.id = 3 }};"), "line 1, column 62: "),
        (format!("\n  permit {scope};"), "line 2, column 3: a permit has no effect: the operation's permission"),
        (format!("forbid {scope} when {{ context.idd == 3 }};"), "line 1, column 62: attribute `idd`"),
        (format!("forbid {scope} when {{ context.id == \"3\" }};"), "line 1, column 62: the types Long and String"),
        (format!("forbid {scope} when {{ context.view == \"x\" }};"), "line 1, column 62: unable to guarantee safety"),
        (format!("forbid {scope} when {{ principal.hiden.contains(3) }};"), "line 1, column 62: attribute `hiden`"),
        (format!("forbid {scope} when {{ principal.hidden.contains(\"3\") }};"), "line 1, column "),
        (format!("forbid {scope} when {{ principal.grade > 3 }};"), "line 1, column 62: unable to guarantee safety"),
        (
            "forbid (principal, action == Action::\"gte\", resource);".to_owned(),
            "line 1, column 30: unrecognized action",
        ),
        (
            "forbid (principal in Team::\"x\", action == Action::\"get\", resource);".to_owned(),
            "line 1, column 22: unrecognized entity type",
        ),
        ("forbid (principal == ?principal, action, resource);".to_owned(), "line 1, column 1: this is a template"),
        (
            "forbid (principal, action, resource);".to_owned(),
            "line 1, column 1: it may apply to operation 'about', which asks for no token",
        ),
        (format!("@id(\"a b\") forbid {scope};"), "line 1, column 1: its @id is not a name"),
        (
            format!("@id(\"a\") forbid {scope};\n@id(\"a\") forbid {scope};"),
            "line 2, column 1: a second policy is called 'a'",
        ),
        (format!("@message(\" \") forbid {scope};"), "line 1, column 1: its @message is no sentence"),
        (" // nothing".to_owned(), "holds no policy; mend: write one"),
        (
            format!("forbid {scope} when {{ {}true{} }};", "(".repeat(70), ")".repeat(70)),
            "line 1, column 125: more than 64",
        ),
        ("x".repeat((256 << 10) + 1), "262145 bytes are more than 262144"),
        ("forbid (principal, action == Action::\"get\", resource);".repeat(501), "501 policies are more than 500"),
    ] {
        let found = problems(hidden(&text));
        let shown: String = text.chars().take(120).collect();
        assert!(found.first().is_some_and(|first| first.starts_with(expected)), "{shown}\n{found:#?}");
        assert!(found.iter().all(|one| !one.contains("policy0") && !one.ends_with("mend: ")), "{found:#?}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let scope = "(principal, action == Action::\"get\", resource)";
    let text = format!("forbid {scope} when {{ context.a == 3 }};\nforbid {scope} when {{ context.b == 3 }};");
    assert_eq!(problems(hidden(&text)).len(), 2);
}

/// On the smallest stack that a check may run on.
fn checked_on_a_small_stack(text: String) -> Vec<String> {
    let small = std::thread::Builder::new().stack_size(2 << 20);
    small.spawn(move || problems(hidden(&text))).expect("a thread").join().expect("no crash")
}

#[test]
fn long_chains_of_conditions_end_in_words_and_not_in_a_crash() {
    let scope = "(principal, action == Action::\"get\", resource)";
    for chained in [" && context.id == 1", " || context.id == 1", " + 1", ".a"] {
        let chain = |length: usize| format!("forbid {scope} when {{ 2 == context.id{} }};", chained.repeat(length));
        let found = checked_on_a_small_stack(chain(200_000 / chained.len()));
        assert!(found[0].contains("characters of operators in one policy"), "{found:?}");
        let operators = chained.bytes().filter(|byte| b"&|+.=".contains(byte)).count();
        checked_on_a_small_stack(chain(990 / operators));
    }
    let branches = format!("forbid {scope} when {{ {} true }};", "if context.id == 1 then true else ".repeat(240));
    checked_on_a_small_stack(branches);
    let nested = format!("forbid {scope} when {{ {}true{} }};", "(".repeat(62), ")".repeat(62));
    assert_eq!(checked_on_a_small_stack(nested), Vec::<String>::new());
}

#[test]
fn what_is_never_true_forbids_nothing_and_is_told() {
    let checked = check(&api(guarded("when { 1 == 2 }"))).expect("good policies");
    let [warning] = checked.idle.as_slice() else { panic!("{:?}", checked.idle) };
    assert!(warning.message.starts_with("line 1, column 1: "), "{warning:?}");
    assert!(warning.mend.contains("never true"), "{warning:?}");
    assert!(check(&api(guarded("when { context has id }"))).expect("good policies").idle.is_empty());
    // As after a parameter got another name.
    let renamed = Declared { apis: vec![api(guarded("when { context has record && true }"))], ..Declared::default() };
    let told = crate::declared::check_values(&renamed);
    assert!(told.iter().any(|one| one.field == "apis[0].policies.text" && one.mend.contains("never true")), "{told:?}");
}

/// A snapshot of that API with a user who has these attributes.
fn snapshot(policies: Value, attributes: Value, there: Value) -> Snapshot {
    let api = api(policies);
    let mut declared: Declared = serde_json::from_value(json!({
        "environments": [{"name": "north"}],
        "roles": [{"name": "clerk"}, {"name": "boss"}],
        "users": [{"name": "bo", "attributes": attributes,
            "memberships": [{"environment": "north", "roles": ["clerk"], "attributes": there}]}],
    }))
    .expect("declared");
    declared.apis.push(api);
    Snapshot::new(1, &Directory { declared, ..Directory::default() }, Issuer::default())
}

fn told(snapshot: &Snapshot, operation: usize, values: &Values, claims: &Map<String, Value>) -> Verdict {
    let policies = snapshot.catalog.apis[0].operations[operation].policies.as_ref().expect("policies");
    let principal = &snapshot.catalog.users["bo"].memberships["north"].principal;
    let subject = Subject {
        user: Some("bo"),
        environment: "north",
        application: Some("shop"),
        principal,
        claims: Claims::Told(claims),
    };
    policies.decide(&subject, values)
}

#[test]
fn a_forbid_refuses_and_a_user_without_the_set_has_an_empty_one() {
    let text = "when { context has id && principal.hidden.contains(context.id) }";
    let has = snapshot(guarded(text), json!({"hidden": [280]}), json!({}));
    let none = Map::new();
    let get = |snapshot: &Snapshot, id: i64| told(snapshot, 1, &vec![Some(json!(id)), None], &none).is_allowed();
    assert!(!get(&has, 280) && get(&has, 281));
    assert!(get(&snapshot(guarded(text), json!({}), json!({})), 280));
    let there = snapshot(guarded(text), json!({"hidden": [280]}), json!({"hidden": [281]}));
    assert!(get(&there, 280) && !get(&there, 281), "the membership's goes before the user's");
    assert!(told(&has, 0, &vec![None], &none).is_allowed());
    assert_eq!(*told(&has, 2, &vec![Some(json!(280)), Some(json!("x"))], &none).refused, ["hidden".into()]);
    assert!(has.catalog.apis[0].operations[3].policies.is_none(), "no policy may apply: none is asked");
}

/// A user whom we know keeps what is forbidden to them, whichever issuer lets them in and whatever roles it tells.
#[test]
fn another_issuer_does_not_take_attributes_away() {
    let text = "when { principal.hidden.contains(280) && (principal in Role::\"boss\" || context has id) }";
    let has = snapshot(guarded(text), json!({"hidden": [280]}), json!({}));
    let told_by_issuer = |user: &str, roles: Option<&[Name]>| {
        let foreign = ForeignWord { roles: roles.map(Arc::from), claims: Arc::default() };
        let identity = identity(Some(user), None, Some(foreign));
        let other = as_told(&has.catalog, &identity.bearer);
        let policies = has.catalog.apis[0].operations[0].policies.as_ref().expect("policies");
        policies.decide(&subject(&has.catalog, &identity, &other), &vec![None]).is_allowed()
    };
    let boss: &[Name] = &["boss".into()];
    assert!(!told_by_issuer("bo", Some(boss)), "the issuer's roles, our attributes");
    assert!(told_by_issuer("bo", None), "clerk as here");
    assert!(told_by_issuer("stranger", Some(boss)) && told_by_issuer("stranger", None));
}

#[test]
fn what_cannot_be_told_or_evaluated_forbids() {
    let none = Map::new();
    let overflow = snapshot(guarded("when { context has id && context.id * 2 == 3 }"), json!({}), json!({}));
    let erred = told(&overflow, 1, &vec![Some(json!(i64::MAX)), None], &none);
    assert!(!erred.is_allowed() && erred.refused.is_empty());
    assert!(erred.erred[0].starts_with("policy hidden could not be evaluated, which forbids: "), "{erred:?}");
    assert!(told(&overflow, 1, &vec![Some(json!(1)), None], &none).is_allowed());
    let never = snapshot(guarded("when { principal.hidden.contains(1) && context has id }"), json!({}), json!({}));
    for values in [vec![None, None], vec![Some(json!("1")), None], vec![Some(json!(u64::MAX)), None], vec![]] {
        assert!(!told(&never, 1, &values, &none).is_allowed(), "{values:?}");
    }
    let wrong = Map::from_iter([("level".to_owned(), json!("3"))]);
    assert_eq!(told(&never, 0, &vec![None], &wrong).erred, ["the claim level is not a whole number of 64 bits"]);
    let of_another_kind = snapshot(guarded("when { context has id }"), json!({"hidden": ["x"]}), json!({}));
    let erred = told(&of_another_kind, 0, &vec![None], &none).erred;
    assert_eq!(erred, ["the attribute hidden of bo is not a list of whole numbers of 64 bits"]);
}

#[test]
fn policies_that_are_broken_at_load_refuse_all() {
    let broken = snapshot(hidden("forbid"), json!({}), json!({}));
    let erred = told(&broken, 3, &Vec::new(), &Map::new()).erred;
    assert!(erred[0].starts_with("the policies can't be asked: "), "{erred:?}");
}

#[test]
fn callers_read_the_message_and_never_the_text() {
    let text = "@id(\"a\") @message(\"Ask Rory.\") forbid (principal, action == Action::\"get\", resource);";
    let policies = check(&api(hidden(text))).expect("policies").operations;
    let policies = policies[1].as_ref().expect("policies of get");
    let verdict = Verdict { refused: vec!["a".into()], messages: vec!["Ask Rory.".into()], erred: Vec::new() };
    let refusal = policies.refusal(&verdict).expect("a refusal");
    assert_eq!(
        (refusal.cause, &*refusal.message, &*refusal.operator_words),
        (Cause::RecordDenied, "Ask Rory.", "refused by a")
    );
    let silent = policies.refusal(&Verdict::error("x")).expect("a refusal");
    assert_eq!((&*silent.message, &*silent.operator_words), (DENIED, "x"));
    assert!(policies.refusal(&Verdict::default()).is_none());
}

#[test]
fn a_caller_is_made_once_for_each_application_and_changes_with_the_snapshot() {
    let text = "when { principal has application && principal.application == \"shop\" }";
    let snapshot = snapshot(guarded(text), json!({}), json!({}));
    let policies = snapshot.catalog.apis[0].operations[0].policies.as_ref().expect("policies");
    let principal = &snapshot.catalog.users["bo"].memberships["north"].principal;
    let none = Map::new();
    for round in 0..3 {
        for application in ["shop", "a", "b", "c", "d", "e", "f", "g", "h", "i"].map(Some).into_iter().chain([None]) {
            let subject =
                Subject { user: Some("bo"), environment: "north", application, principal, claims: Claims::Told(&none) };
            let is_allowed = policies.decide(&subject, &vec![None]).is_allowed();
            assert_eq!(is_allowed, application != Some("shop"), "{round} {application:?}");
        }
    }
}

/// An identity in environment north, as a token's claims and the catalog make one.
fn identity(user: Option<&str>, application: Option<&str>, foreign: Option<ForeignWord>) -> Identity<'static> {
    let bearer = Bearer {
        user: user.map(Into::into),
        application: application.map(Into::into),
        environment: "north".into(),
        issuer: foreign.as_ref().map(|_| "other".into()),
        foreign,
        ..Bearer::default()
    };
    Identity { bearer: Arc::new(bearer), allowed: Cow::default(), limits: None }
}

#[test]
fn whoever_calls_is_read_from_the_catalog_or_from_what_their_issuer_says() {
    let text = "@id(\"role\") forbid (principal in Role::\"boss\", action == Action::\"list\", resource);
        @id(\"hidden\") forbid (principal, action == Action::\"list\", resource) when { principal.hidden.contains(1) };
        @id(\"self\") forbid (principal == User::\"application:shop\", action == Action::\"list\", resource);
        @id(\"level\") forbid (principal, action == Action::\"list\", resource)
            when { context.claims has level && context.claims.level > 3 };
        @id(\"sub\") forbid (principal, action == Action::\"list\", resource)
            when { context.claims has sub && context.claims.sub == \"application:shop\" };";
    let mut policies = hidden(text);
    policies["claims"]["sub"] = json!("string");
    let mut declared: Declared = serde_json::from_value(json!({
        "environments": [{"name": "north"}], "roles": [{"name": "boss"}],
        "developers": [{"name": "d"}], "applications": [{"name": "shop", "developer": "d"}],
        "connections": [{"application": "shop", "environment": "north", "own_roles": ["boss"]}],
        "users": [{"name": "bo", "memberships": [{"environment": "north", "attributes": {"hidden": [1]}}]},
            {"name": "away", "attributes": {"hidden": [1]}}],
    }))
    .expect("declared");
    declared.apis.push(api(policies));
    let snapshot = Snapshot::new(1, &Directory { declared, ..Directory::default() }, Issuer::default());
    let catalog = &snapshot.catalog;
    let policies = catalog.apis[0].operations[0].policies.as_ref().expect("policies");
    let refused = |identity: &Identity<'_>| {
        let other = as_told(catalog, &identity.bearer);
        policies.decide(&subject(catalog, identity, &other), &vec![None]).refused.join(" ")
    };
    let word = |roles: Option<&[&str]>, claims: Value| {
        let roles = roles.map(|roles| roles.iter().map(|role| Name::from(*role)).collect());
        Some(ForeignWord { roles, claims: Arc::new(claims.as_object().cloned().unwrap_or_default()) })
    };
    for (user, application, foreign, expected) in [
        (Some("bo"), Some("shop"), None, "hidden"),
        (None, Some("shop"), None, "role self sub"),
        (Some("stranger"), None, word(Some(&["boss"]), json!({"level": 4})), "role level"),
        (Some("stranger"), None, word(Some(&[]), json!({"level": 3})), ""),
        (Some("stranger"), None, word(None, json!({})), ""),
        // What is known here of a user counts whoever lets them in, also where they have no membership.
        (Some("bo"), None, word(Some(&["boss"]), json!({})), "role hidden"),
        (Some("bo"), None, word(None, json!({})), "hidden"),
        (Some("away"), None, word(Some(&[]), json!({})), "hidden"),
    ] {
        let identity = identity(user, application, foreign);
        assert_eq!(refused(&identity), expected, "{identity:?}");
    }
}
