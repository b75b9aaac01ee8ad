//! One question without a call: may somebody do this, and what decides? Asked by operators, of what is declared.
//!
//! It puts a made request to the same parts that a call meets: parameters in their one form, permission, policies.

mod person;

use http::HeaderMap;
use serde_json::{Map, Value};

use self::person::Person;
use super::{Claims, OperationPolicies, Principal, Subject};
use crate::declared::nearest;
use crate::model::{Api, Attributes, Connection, Declared, Name, Operation};
use crate::parameter::Given;
use crate::snapshot::{Catalog, LiveOperation};
use crate::token::{APPLICATION_SUBJECT_PREFIX, OPERATOR_CLIENT_ID};

/// Who is asked about.
#[derive(Clone, Debug)]
pub enum Who<'q> {
    /// A declared user, or `application:ID` for an application that acts for itself.
    Named(&'q str),
    /// Somebody who isn't declared.
    Made {
        /// Their roles.
        roles: &'q [Name],
        /// Their attributes.
        attributes: &'q Attributes,
    },
}

/// May they do this?
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// Who.
    pub who: Who<'q>,
    /// The API; none: the only one that has the operation.
    pub api: Option<&'q str>,
    /// The operation.
    pub operation: &'q str,
    /// The environment; none: the only one that the user belongs to.
    pub environment: Option<&'q str>,
    /// The application that they call through; none: a token that an operator issued.
    pub application: Option<&'q str>,
    /// Parameters in the path.
    pub path: &'q Map<String, Value>,
    /// Parameters in the query.
    pub query: &'q Map<String, Value>,
    /// The token's claims.
    pub claims: &'q Map<String, Value>,
}

/// Why a question can't be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswerable {
    /// The member of the question.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub mend: String,
}

/// One check of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedCheck {
    /// Which.
    pub check: &'static str,
    /// Whether it lets them through.
    pub passed: bool,
    /// What it looked at and found.
    pub words: String,
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The checks, up to the first that refuses.
    pub checks: Vec<TriedCheck>,
    /// What refuses: ids of policies, or the check's name.
    pub by: Vec<String>,
}

impl Tried {
    /// Whether they may.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.checks.iter().all(|one| one.passed)
    }

    /// Notes a check, and whether to go on.
    fn note(&mut self, check: &'static str, found: Result<String, String>) -> bool {
        let passed = found.is_ok();
        if !passed {
            self.by.push(check.to_owned());
        }
        self.checks.push(TriedCheck { check, passed, words: found.unwrap_or_else(|words| words) });
        passed
    }
}

/// Answers a question by what is declared; `catalog` is made of it.
///
/// # Errors
/// Names that nothing bears, and what must be said to decide.
pub fn answer(declared: &Declared, catalog: &Catalog, question: &Question<'_>) -> Result<Tried, Unanswerable> {
    let (api, at) = operation(declared, question)?;
    let operation = api.operations.get(at).ok_or_else(|| unknown("operation", question.operation, [].into_iter()))?;
    let live = catalog.api(&api.name).and_then(|live| live.operations.get(at));
    let live = live.ok_or_else(|| unknown("operation", question.operation, [].into_iter()))?;
    let mut person = Person::find(declared, question)?;
    let connection = connection(declared, question, &person)?;
    if let (Some(_), Some(connection)) = (&person.own, connection) {
        person.roles.clone_from(&connection.own_roles);
    }
    let mut tried = Tried::default();
    let words =
        format!("It is operation {} of API {}: {} {}.", operation.name, api.name, operation.method, operation.path);
    tried.note("operation", Ok(words));
    if !live.access.needs_token() {
        tried.note("token", Ok("The operation asks for no token: anybody may call it, and no policy is asked.".into()));
        return Ok(tried);
    }
    if !tried.note("caller", person.standing())
        || !tried.note("application", application(declared, question, &person, connection))
        || !tried.note("permission", permission(declared, operation, &person))
    {
        return Ok(tried);
    }
    if let Some(found) = limit(operation, connection)
        && !tried.note("connection", found)
    {
        return Ok(tried);
    }
    if let Some(policies) = &live.policies {
        ask(&mut tried, policies, live, operation, question, &person)?;
    } else {
        tried.note("policies", Ok("No policy may apply to the operation.".into()));
    }
    Ok(tried)
}

fn unknown<'n>(kind: &'static str, name: &str, known: impl Iterator<Item = &'n str>) -> Unanswerable {
    let mend = match nearest(name, known) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("look at what is declared: there is no such {kind}"),
    };
    Unanswerable { field: kind, message: format!("there is no {kind} '{name}'"), mend }
}

fn operation<'d>(declared: &'d Declared, question: &Question<'_>) -> Result<(&'d Api, usize), Unanswerable> {
    if let Some(name) = question.api
        && !declared.apis.iter().any(|api| *api.name == *name)
    {
        return Err(unknown("api", name, declared.apis.iter().map(|api| &*api.name)));
    }
    let asked = || declared.apis.iter().filter(|api| question.api.is_none_or(|name| *api.name == *name));
    let place = |api: &Api| api.operations.iter().position(|one| *one.name == *question.operation);
    let found: Vec<_> = asked().filter_map(|api| Some((api, place(api)?))).collect();
    match found.as_slice() {
        [] => {
            let names = asked().flat_map(|api| &api.operations).map(|one| &*one.name);
            Err(unknown("operation", question.operation, names))
        }
        [only] => Ok(*only),
        several => {
            let names: Vec<&str> = several.iter().map(|(api, _)| &*api.name).collect();
            let message = format!("operation '{}' is one of the APIs {}", question.operation, names.join(", "));
            Err(Unanswerable { field: "api", message, mend: "say which API is meant".into() })
        }
    }
}

fn connection<'d>(
    declared: &'d Declared,
    question: &Question<'_>,
    person: &Person<'_>,
) -> Result<Option<&'d Connection>, Unanswerable> {
    let Some(name) = person.own.as_deref().or(question.application) else { return Ok(None) };
    if !declared.applications.iter().any(|one| *one.name == *name) {
        return Err(unknown("application", name, declared.applications.iter().map(|one| &*one.name)));
    }
    let here = |one: &&Connection| *one.application == *name && *one.environment == *person.environment;
    Ok(declared.connections.iter().find(here))
}

fn application(
    declared: &Declared,
    question: &Question<'_>,
    person: &Person<'_>,
    connection: Option<&Connection>,
) -> Result<String, String> {
    let Some(name) = person.own.as_deref().or(question.application) else {
        return Ok("No application was told: asked as for a token that an operator issued.".into());
    };
    let environment = &person.environment;
    if declared.applications.iter().any(|one| *one.name == *name && one.disabled) {
        return Err(format!("Application {name} is switched off."));
    }
    match connection {
        None => Err(format!("Application {name} is not connected to environment {environment}.")),
        Some(one) if person.own.is_some() && one.own_roles.is_empty() => Err(format!(
            "Application {name} has no roles of its own in environment {environment}: it may not act for itself."
        )),
        Some(_) => Ok(format!("Application {name} is connected to environment {environment}.")),
    }
}

fn permission(declared: &Declared, operation: &Operation, person: &Person<'_>) -> Result<String, String> {
    let Some(permission) = &operation.permission else {
        return Ok("The operation asks for no permission: any token will do.".into());
    };
    let granting = || declared.roles.iter().filter(|role| role.permissions.contains(permission));
    let by: Vec<&str> = granting().filter(|role| person.roles.contains(&role.name)).map(|role| &*role.name).collect();
    if !by.is_empty() {
        return Ok(format!(
            "The operation needs the permission {permission}, which the role {} grants.",
            by.join(", ")
        ));
    }
    let others: Vec<&str> = granting().map(|role| &*role.name).collect();
    let others = match others.as_slice() {
        [] => "No role grants it.".to_owned(),
        names => format!("It is granted by: {}.", names.join(", ")),
    };
    Err(format!("The operation needs the permission {permission}, which none of their roles grants. {others}"))
}

fn limit(operation: &Operation, connection: Option<&Connection>) -> Option<Result<String, String>> {
    let (permission, limited) = (operation.permission.as_ref()?, connection?.scopes.as_ref()?);
    let to = if limited.is_empty() { "nothing".to_owned() } else { limited.join(", ") };
    Some(if limited.contains(permission) {
        Ok(format!("The connection is limited to {to}, which covers it."))
    } else {
        Err(format!("The connection is limited to {to}, which does not cover {permission}."))
    })
}

/// Puts the question to the policies, with parameters read as a call's are.
fn ask(
    tried: &mut Tried,
    policies: &OperationPolicies,
    live: &LiveOperation,
    operation: &Operation,
    question: &Question<'_>,
    person: &Person<'_>,
) -> Result<(), Unanswerable> {
    let missing = policies.parameter_names().find(|(name, _, needed)| *needed && !question.path.contains_key(*name));
    if let Some((name, ..)) = missing {
        let message = format!("policies read the parameter '{name}' of the path {}", operation.path);
        return Err(Unanswerable { field: "path", message, mend: format!("tell it: {name}=…") });
    }
    let (path, query) = (path(&operation.path, question.path), query(question.query));
    let headers = HeaderMap::new();
    let given = Given { rest: &path, query: (!query.is_empty()).then_some(&query), headers: &headers };
    let values = policies.values(|name| live.description.parameters.canonical(name, &given));
    let values = match values {
        Ok(values) => values,
        Err(errors) => {
            let words: Vec<String> = errors.into_iter().map(|one| one.message).collect();
            tried.note("parameters", Err(format!("The call is answered 400: {}", words.join(" "))));
            return Ok(());
        }
    };
    let principal = Principal::new(person.roles.as_slice().into(), &person.attributes, &Attributes::new());
    let application = person.own.as_deref().or(question.application);
    let claims = claims(question, person, application);
    let subject = Subject {
        user: person.name.as_deref(),
        environment: &person.environment,
        application,
        principal: &principal,
        claims: Claims::Told(&claims),
    };
    let verdict = policies.decide(&subject, &values);
    let asked = policies.ids();
    if verdict.is_allowed() {
        tried.note("policies", Ok(format!("Asked: {asked}. None of them forbids it.")));
        return Ok(());
    }
    let mut words = format!("Asked: {asked}.");
    if !verdict.refused.is_empty() {
        words.push_str(&format!(" Forbidden by: {}.", verdict.refused.join(", ")));
    }
    for error in &verdict.erred {
        words.push_str(&format!(" What can't be decided forbids: {error}."));
    }
    tried.checks.push(TriedCheck { check: "policies", passed: false, words });
    tried.by.extend(verdict.refused.iter().map(ToString::to_string));
    if verdict.refused.is_empty() {
        tried.by.push("policies".to_owned());
    }
    Ok(())
}

/// The claims that one of our own tokens has, and over them those that were told.
fn claims(question: &Question<'_>, person: &Person<'_>, application: Option<&str>) -> Map<String, Value> {
    let subject = match (&person.name, application) {
        (Some(name), _) => name.clone(),
        (None, application) => format!("{APPLICATION_SUBJECT_PREFIX}{}", application.unwrap_or_default()),
    };
    let application = application.unwrap_or(OPERATOR_CLIENT_ID).to_owned();
    let ours = [("sub", subject), ("client_id", application), ("environment", person.environment.clone())];
    let mut claims: Map<_, _> = ours.into_iter().map(|(name, text)| (name.to_owned(), Value::String(text))).collect();
    claims.extend(question.claims.iter().map(|(name, value)| (name.clone(), value.clone())));
    claims
}

fn path(template: &str, values: &Map<String, Value>) -> String {
    let segment = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match name {
            Some(name) => values.get(name).map(|value| encoded(&text(value))).unwrap_or_else(|| "-".to_owned()),
            None => segment.to_owned(),
        }
    };
    template.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn query(values: &Map<String, Value>) -> String {
    let pairs = values.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(&text(value))));
    pairs.collect::<Vec<_>>().join("&")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
