//! Random users, roles, attributes, records and forbids: Cedar through our layer against a plain reading of the same
//! rules, written here.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Claims, Subject, Values, api};
use crate::model::{Attributes, Declared};
use crate::record::Directory;
use crate::snapshot::Snapshot;
use crate::token::Issuer;

const OPERATIONS: [&str; 3] = ["list", "get", "note"];
const ROLES: [&str; 3] = ["clerk", "boss", "guest"];
const TEXTS: [&str; 4] = ["", "full", "north", "a \"quoted\" \\ word"];
const CALLERS: [&str; 3] = ["bo", "mo", "application:shop"];

/// What a policy asks.
#[derive(Clone, Debug)]
enum Condition {
    Hidden,
    Listed(i64),
    Region(&'static str),
    Grade(i64),
    Role(&'static str),
    InRole(&'static str),
    Is(&'static str),
    Through(&'static str),
    Environment(&'static str),
    Id(i64),
    /// May pass the bounds of 64 bits, which is an error.
    Product(i64, i64),
    Note(&'static str),
    View(&'static str),
    Level(i64),
    Group(&'static str),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

#[derive(Clone, Debug)]
struct Forbid {
    role: Option<&'static str>,
    operations: Vec<usize>,
    conditions: Vec<(bool, Condition)>,
}

#[derive(Clone, Debug)]
struct Person {
    name: usize,
    roles: Vec<&'static str>,
    hidden: Option<Vec<i64>>,
    region: Option<&'static str>,
    grade: Option<i64>,
    application: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Asked {
    operation: usize,
    id: i64,
    note: &'static str,
    view: Option<&'static str>,
    level: Option<i64>,
    groups: Option<Vec<&'static str>>,
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![4 => 0_i64..4, 1 => any::<i64>()]
}

fn text() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&TEXTS[..])
}

fn role() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&ROLES[..])
}

fn condition() -> impl Strategy<Value = Condition> {
    let atom = prop_oneof![
        3 => Just(Condition::Hidden),
        1 => number().prop_map(Condition::Listed),
        1 => text().prop_map(Condition::Region),
        1 => number().prop_map(Condition::Grade),
        1 => role().prop_map(Condition::Role),
        1 => role().prop_map(Condition::InRole),
        1 => prop::sample::select(&CALLERS[..]).prop_map(Condition::Is),
        1 => text().prop_map(Condition::Through),
        1 => text().prop_map(Condition::Environment),
        1 => number().prop_map(Condition::Id),
        1 => (number(), number()).prop_map(|(factor, bound)| Condition::Product(factor, bound)),
        1 => text().prop_map(Condition::Note),
        1 => text().prop_map(Condition::View),
        1 => number().prop_map(Condition::Level),
        1 => text().prop_map(Condition::Group),
    ];
    atom.prop_recursive(3, 12, 2, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            inner.prop_map(|one| Condition::Not(Box::new(one))),
            (boxed.clone(), boxed.clone()).prop_map(|(one, other)| Condition::And(one, other)),
            (boxed.clone(), boxed).prop_map(|(one, other)| Condition::Or(one, other)),
        ]
    })
}

fn forbid() -> impl Strategy<Value = Forbid> {
    let operations = prop::sample::subsequence(vec![0_usize, 1, 2], 1..=3);
    let conditions = prop::collection::vec((any::<bool>(), condition()), 0..3);
    (prop::option::weighted(0.3, role()), operations, conditions).prop_map(|(role, operations, conditions)| Forbid {
        role,
        operations,
        conditions,
    })
}

fn person() -> impl Strategy<Value = Person> {
    let hidden = prop::option::of(prop::collection::vec(number(), 0..4));
    let roles = prop::sample::subsequence(ROLES.to_vec(), 0..=3);
    (0_usize..2, roles, hidden, prop::option::of(text()), prop::option::of(number()), prop::option::of(text()))
        .prop_map(|(name, roles, hidden, region, grade, application)| Person {
            name,
            roles,
            hidden,
            region,
            grade,
            application,
        })
}

fn asked() -> impl Strategy<Value = Asked> {
    let groups = prop::option::of(prop::collection::vec(text(), 0..3));
    (0_usize..3, number(), text(), prop::option::of(text()), prop::option::of(number()), groups)
        .prop_map(|(operation, id, note, view, level, groups)| Asked { operation, id, note, view, level, groups })
}

/// In Cedar's words.
fn cedar(condition: &Condition) -> String {
    let quoted = |text: &str| json!(text).to_string();
    match condition {
        Condition::Hidden => "(context has id && principal.hidden.contains(context.id))".into(),
        Condition::Listed(number) => format!("principal.hidden.contains({number})"),
        Condition::Region(text) => format!("(principal has region && principal.region == {})", quoted(text)),
        Condition::Grade(number) => format!("(principal has grade && principal.grade < {number})"),
        Condition::Role(role) => format!("principal.roles.contains(\"{role}\")"),
        Condition::InRole(role) => format!("principal in Role::\"{role}\""),
        Condition::Is(name) => format!("principal == User::\"{name}\""),
        Condition::Through(text) => format!("(principal has application && principal.application == {})", quoted(text)),
        Condition::Environment(text) => format!("principal.environment == {}", quoted(text)),
        Condition::Id(number) => format!("(context has id && context.id <= {number})"),
        Condition::Product(factor, bound) => format!("(context has id && context.id * {factor} > {bound})"),
        Condition::Note(text) => format!("(context has note && context.note == {})", quoted(text)),
        Condition::View(text) => format!("(context has view && context.view == {})", quoted(text)),
        Condition::Level(number) => format!("(context.claims has level && context.claims.level >= {number})"),
        Condition::Group(text) => {
            format!("(context.claims has groups && context.claims.groups.contains({}))", quoted(text))
        }
        Condition::Not(one) => format!("!({})", cedar(one)),
        Condition::And(one, other) => format!("({} && {})", cedar(one), cedar(other)),
        Condition::Or(one, other) => format!("({} || {})", cedar(one), cedar(other)),
    }
}

fn text_of(forbids: &[Forbid]) -> String {
    let mut text = String::new();
    for (at, forbid) in forbids.iter().enumerate() {
        let role = forbid.role.map(|role| format!(" in Role::\"{role}\"")).unwrap_or_default();
        let names: Vec<String> =
            forbid.operations.iter().map(|at| format!("Action::\"{}\"", OPERATIONS[*at])).collect();
        let _ = write!(text, "@id(\"p{at}\") forbid (principal{role}, action in [{}], resource)", names.join(", "));
        for (is_when, condition) in &forbid.conditions {
            let _ = write!(text, " {} {{ {} }}", if *is_when { "when" } else { "unless" }, cedar(condition));
        }
        text.push_str(";\n");
    }
    text
}

/// The plain reading: `None` where a number passes the bounds.
fn holds(condition: &Condition, person: &Person, asked: &Asked) -> Option<bool> {
    let has_id = asked.operation != 0;
    Some(match condition {
        Condition::Hidden => has_id && person.hidden.iter().flatten().any(|one| *one == asked.id),
        Condition::Listed(number) => person.hidden.iter().flatten().any(|one| one == number),
        Condition::Region(text) => person.region == Some(text),
        Condition::Grade(number) => person.grade.is_some_and(|grade| grade < *number),
        Condition::Role(role) | Condition::InRole(role) => person.roles.contains(role),
        Condition::Is(name) => CALLERS[person.name] == *name,
        Condition::Through(text) => person.application == Some(text),
        Condition::Environment(text) => *text == "north",
        Condition::Id(number) => has_id && asked.id <= *number,
        Condition::Product(factor, bound) => has_id && asked.id.checked_mul(*factor)? > *bound,
        Condition::Note(text) => asked.operation == 2 && asked.note == *text,
        Condition::View(text) => asked.operation != 2 && asked.view == Some(text),
        Condition::Level(number) => asked.level.is_some_and(|level| level >= *number),
        Condition::Group(text) => asked.groups.iter().flatten().any(|one| one == text),
        Condition::Not(one) => !holds(one, person, asked)?,
        Condition::And(one, other) => holds(one, person, asked)? && holds(other, person, asked)?,
        Condition::Or(one, other) => holds(one, person, asked)? || holds(other, person, asked)?,
    })
}

/// Whether a policy forbids it; `None` where it can't be evaluated.
fn forbids(forbid: &Forbid, person: &Person, asked: &Asked) -> Option<bool> {
    if !forbid.operations.contains(&asked.operation) || forbid.role.is_some_and(|role| !person.roles.contains(&role)) {
        return Some(false);
    }
    for (is_when, condition) in &forbid.conditions {
        if holds(condition, person, asked)? != *is_when {
            return Some(false);
        }
    }
    Some(true)
}

fn snapshot(forbids: &[Forbid], person: &Person) -> Snapshot {
    let text = text_of(forbids);
    let policies = json!({"text": text, "query": ["view"], "claims": {"level": "integer", "groups": "strings"},
        "attributes": {"hidden": "integers", "region": "string", "grade": "integer"}});
    let mut attributes = Attributes::new();
    attributes.extend(person.hidden.as_ref().map(|hidden| ("hidden".to_owned(), json!(hidden))));
    attributes.extend(person.region.map(|region| ("region".to_owned(), json!(region))));
    attributes.extend(person.grade.map(|grade| ("grade".to_owned(), json!(grade))));
    let roles: Vec<Value> = ROLES.iter().map(|role| json!({"name": role})).collect();
    let mut declared: Declared = serde_json::from_value(json!({
        "environments": [{"name": "north"}], "roles": roles,
        "users": [{"name": CALLERS[person.name], "attributes": attributes,
            "memberships": [{"environment": "north", "roles": person.roles}]}],
    }))
    .expect("declared");
    declared.apis.push(api(policies));
    Snapshot::new(1, &Directory { declared, ..Directory::default() }, Issuer::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn cedar_says_what_a_plain_reading_says(
        forbids in prop::collection::vec(forbid(), 1..4),
        person in person(),
        all_asked in prop::collection::vec(asked(), 8),
    ) {
        let snapshot = snapshot(&forbids, &person);
        let name = CALLERS[person.name];
        let principal = &snapshot.catalog.users[name].memberships["north"].principal;
        for asked in &all_asked {
            let plain: Vec<Option<bool>> = forbids.iter().map(|one| self::forbids(one, &person, asked)).collect();
            let mut claims = Map::new();
            claims.extend(asked.level.map(|level| ("level".to_owned(), json!(level))));
            claims.extend(asked.groups.as_ref().map(|groups| ("groups".to_owned(), json!(groups))));
            let (id, view) = (Some(json!(asked.id)), asked.view.map(|view| json!(view)));
            let values: Values = match asked.operation {
                0 => vec![view],
                1 => vec![id, view],
                _ => vec![id, Some(json!(asked.note))],
            };
            let Some(policies) = &snapshot.catalog.apis[0].operations[asked.operation].policies else {
                prop_assert!(plain.iter().all(|one| *one == Some(false)));
                continue;
            };
            let subject = Subject {
                user: Some(name),
                environment: "north",
                application: person.application,
                principal,
                claims: Claims::Told(&claims),
            };
            let verdict = policies.decide(&subject, &values);
            let is_allowed = plain.iter().all(|one| *one == Some(false));
            prop_assert_eq!(verdict.is_allowed(), is_allowed, "{}\n{:?}\n{:?}\n{:?}", text_of(&forbids), person, asked, verdict);
            let refused: Vec<String> =
                plain.iter().enumerate().filter(|(_, one)| **one == Some(true)).map(|(at, _)| format!("p{at}")).collect();
            prop_assert_eq!(verdict.refused.iter().map(|id| id.to_string()).collect::<Vec<_>>(), refused);
            prop_assert_eq!(verdict.erred.len(), plain.iter().filter(|one| one.is_none()).count());
        }
    }
}
