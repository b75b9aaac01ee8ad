//! `/connections`: what an environment's administrator decides: which applications may act there, how far, and which may
//! act for themselves.

mod write;

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use limen_rules::model::{Application, ApplicationKind, Connection, Declared, Environment, Name, User};
use limen_rules::sign_in::parameters::Parameters;

use super::page::{Frame, rendered};
use super::request_id::RequestId;
use super::session::Visitor;
use super::sign_in::{first, ours, see_other};
use super::told::Told;
use super::words::title_of;
use crate::ports::Portal;
pub(super) use write::{NotWritten, approve};

/// The page's own address.
const PATH: &str = "/connections";

/// Whether `user` decides in that environment.
pub(super) fn administers(user: &User, environment: &str) -> bool {
    user.memberships.iter().any(|membership| membership.administrator && *membership.environment == *environment)
}

#[derive(Template)]
#[template(path = "connections.html")]
struct ConnectionsPage<'a> {
    frame: Frame,
    mark: &'a str,
    user: &'a str,
    environments: Vec<Administered<'a>>,
    message: Option<&'a str>,
    /// What was just done.
    done: Option<&'static str>,
    /// What was typed where it was refused.
    typed: &'a str,
    typed_environment: &'a str,
}

struct Administered<'a> {
    name: &'a str,
    title: &'a str,
    connections: Vec<Line<'a>>,
}

struct Line<'a> {
    application: &'a str,
    title: &'a str,
    organisation: &'a str,
    is_off: bool,
    may_act_alone: bool,
    is_limited: bool,
    scopes: Vec<TickBox<'a>>,
    own_roles: Vec<TickBox<'a>>,
    summary: String,
}

/// A box that can be ticked.
struct TickBox<'a> {
    value: &'a str,
    words: &'a str,
    is_ticked: bool,
}

#[derive(Template)]
#[template(path = "disconnect.html")]
struct DisconnectPage<'a> {
    frame: Frame,
    mark: &'a str,
    application: &'a str,
    title: &'a str,
    environment: &'a str,
    environment_title: &'a str,
}

/// `GET /connections`, and `?remove=APPLICATION&environment=ENVIRONMENT` for the question before one is removed.
pub(super) async fn show(
    State(portal): State<Portal>,
    request_id: RequestId,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut visitor = match Visitor::of(&portal, &headers).await {
        Ok(visitor) => visitor,
        Err(error) => return Told::store(&error, &request_id).answer(),
    };
    let Some(user) = visitor.user.clone() else { return first(PATH) };
    let parameters = Parameters::read(uri.query().unwrap_or_default().as_bytes());
    let page = match parameters.text("remove") {
        Some(application) => removal(&portal, &mut visitor, &user, &application, &parameters),
        None => {
            let done = match parameters.text("done").as_deref() {
                Some("connected") => Some("Connected."),
                Some("changed") => Some("Changed."),
                Some("removed") => Some("Removed. Its tokens for this environment have ended."),
                _ => None,
            };
            list(&portal, &mut visitor, &user, StatusCode::OK, (None, done), &Parameters::default())
        }
    };
    visitor.seen_off(&portal, page)
}

fn list(
    portal: &Portal,
    visitor: &mut Visitor,
    user: &User,
    status: StatusCode,
    (message, done): (Option<&str>, Option<&'static str>),
    form: &Parameters,
) -> Response {
    let (mark, declared) = (visitor.form_mark(portal), visitor.declared.clone());
    let administered = declared.environments.iter().filter(|environment| administers(user, &environment.name));
    let (typed, typed_environment) =
        (form.text("application").unwrap_or_default(), form.text("environment").unwrap_or_default());
    let page = ConnectionsPage {
        frame: Frame::at(PATH),
        mark: &mark,
        user: title_of(&user.title, &user.name),
        environments: administered.map(|environment| of_environment(&declared, environment)).collect(),
        message,
        done,
        typed: &typed,
        typed_environment: &typed_environment,
    };
    rendered(status, &page)
}

fn of_environment<'d>(declared: &'d Declared, environment: &'d Environment) -> Administered<'d> {
    let here = declared.connections.iter().filter(|connection| connection.environment == environment.name);
    let application = |name: &Name| declared.applications.iter().find(|application| application.name == *name);
    let mut connections: Vec<Line<'d>> =
        here.filter_map(|connection| Some(line(declared, connection, application(&connection.application)?))).collect();
    connections.sort_by_key(|line| line.title.to_lowercase());
    Administered { name: &environment.name, title: title_of(&environment.title, &environment.name), connections }
}

fn line<'d>(declared: &'d Declared, connection: &'d Connection, application: &'d Application) -> Line<'d> {
    let mut permissions: Vec<&Name> = declared.roles.iter().flat_map(|role| &role.permissions).collect();
    permissions.sort();
    permissions.dedup();
    let limit = connection.scopes.as_deref();
    let ticked = |name: &Name| limit.is_none_or(|limit| limit.contains(name));
    let reach = match limit {
        None => "all that its users may do".to_owned(),
        Some([]) => "nothing".to_owned(),
        Some(limit) => format!("of what its users may do: {}", limit.join(", ")),
    };
    let alone = match connection.own_roles.as_slice() {
        [] => String::new(),
        roles => format!("; for itself: {}", roles.join(", ")),
    };
    Line {
        application: &application.name,
        title: title_of(&application.title, &application.name),
        organisation: &application.organisation,
        is_off: application.disabled,
        may_act_alone: application.kind == ApplicationKind::Confidential,
        is_limited: limit.is_some(),
        scopes: permissions
            .into_iter()
            .map(|name| TickBox { value: name, words: name, is_ticked: ticked(name) })
            .collect(),
        own_roles: declared
            .roles
            .iter()
            .map(|role| TickBox {
                value: &role.name,
                words: title_of(&role.title, &role.name),
                is_ticked: connection.own_roles.contains(&role.name),
            })
            .collect(),
        summary: format!("{reach}{alone}"),
    }
}

fn removal(
    portal: &Portal,
    visitor: &mut Visitor,
    user: &User,
    application: &str,
    parameters: &Parameters,
) -> Response {
    let (mark, declared) = (visitor.form_mark(portal), visitor.declared.clone());
    let environment = parameters.text("environment").unwrap_or_default();
    let found = declared.applications.iter().find(|one| *one.name == *application);
    let there = declared.environments.iter().find(|one| *one.name == *environment && administers(user, &one.name));
    let (Some(found), Some(there)) = (found, there) else { return see_other(PATH) };
    let page = DisconnectPage {
        frame: Frame::at(PATH),
        mark: &mark,
        application: &found.name,
        title: title_of(&found.title, &found.name),
        environment: &there.name,
        environment_title: title_of(&there.title, &there.name),
    };
    rendered(StatusCode::OK, &page)
}

/// `POST /connections`
pub(super) async fn act(
    State(portal): State<Portal>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (mut visitor, form) = match ours(&portal, &headers, &body, &request_id).await {
        Ok(ours) => ours,
        Err(told) => return told.again(PATH.to_owned()).answer(),
    };
    let Some(user) = visitor.user.clone() else { return first(PATH) };
    let (application, environment) =
        (form.text("application").unwrap_or_default(), form.text("environment").unwrap_or_default());
    let (written, done) = match form.text("step").as_deref() {
        Some("approve") => (approve(&portal, &user.name, application.trim(), &environment).await, "connected"),
        Some("change") => {
            (write::change(&portal, &user.name, &asked(&form, application, environment)).await, "changed")
        }
        Some("remove") => (write::remove(&portal, &user.name, &application, &environment).await, "removed"),
        _ => return see_other(PATH),
    };
    let page = match written {
        Ok(()) => see_other(&format!("{PATH}?done={done}")),
        Err(NotWritten::Store(error)) => return Told::store(&error, &request_id).answer(),
        Err(NotWritten::Refused(why)) => {
            list(&portal, &mut visitor, &user, StatusCode::BAD_REQUEST, (Some(&why), None), &form)
        }
    };
    visitor.seen_off(&portal, page)
}

/// The connection as the form has it.
fn asked(form: &Parameters, application: String, environment: String) -> Connection {
    let limited = form.text("reach").as_deref() == Some("limited");
    Connection {
        application: application.into(),
        environment: environment.into(),
        scopes: limited.then(|| form.all("scope").map(Name::from).collect()),
        own_roles: form.all("own_role").map(Name::from).collect(),
    }
}
