//! Which environment it is for: the only one, the one that the application names, or the one that the user picks.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::model::{Declared, Environment, User};
use limen_rules::sign_in::parameters::Parameters;
use limen_rules::sign_in::request::Request;
use limen_rules::sign_in::trouble::Trouble;

use super::halt::Halt;
use super::{Flow, address};
use crate::web::page::{Frame, rendered};
use crate::web::sign_in::see_other;
use crate::web::words::title_of;

/// What is known of the choice.
pub(super) enum Choice<'d> {
    /// It is this one.
    One(&'d Environment),
    /// The user has to pick one.
    Ask(Vec<Offered<'d>>),
}

/// An environment that can be picked.
pub(super) struct Offered<'d> {
    name: &'d str,
    title: &'d str,
    legal_entity: &'d str,
    is_connected: bool,
    is_first: bool,
}

#[derive(Template)]
#[template(path = "environment.html")]
struct EnvironmentPage<'a> {
    frame: Frame,
    action: &'a str,
    mark: &'a str,
    application: &'a str,
    user: &'a str,
    offered: &'a [Offered<'a>],
    /// The environment that the application has in mind, where the user doesn't belong to it.
    foreign: Option<&'a str>,
}

/// Decides as far as it is decided.
///
/// # Errors
/// Where the user belongs to no environment.
pub(super) fn choose<'d>(declared: &'d Declared, user: &User, request: &Request<'_>) -> Result<Choice<'d>, Halt> {
    let belongs = |one: &&Environment| user.memberships.iter().any(|membership| membership.environment == one.name);
    let mine: Vec<&Environment> = declared.environments.iter().filter(belongs).collect();
    let wanted = request.environment.as_deref();
    if let Some(named) = wanted.and_then(|wanted| mine.iter().find(|one| *one.name == *wanted)) {
        return Ok(Choice::One(named));
    }
    match mine.as_slice() {
        [] => Err(Halt::of(Trouble::NoEnvironment, "")),
        [only] if wanted.is_none() => Ok(Choice::One(only)),
        _ => Ok(Choice::Ask(offered(declared, request, &mine))),
    }
}

/// Where the application is connected first, each part by title.
fn offered<'d>(declared: &Declared, request: &Request<'_>, mine: &[&'d Environment]) -> Vec<Offered<'d>> {
    let is_connected = |environment: &Environment| {
        let to = |one: &&limen_rules::model::Connection| {
            one.application == request.application.name && one.environment == environment.name
        };
        declared.connections.iter().find(to).is_some()
    };
    let mut offered: Vec<Offered<'d>> = mine
        .iter()
        .map(|environment| Offered {
            name: &environment.name,
            title: title_of(&environment.title, &environment.name),
            legal_entity: &environment.legal_entity,
            is_connected: is_connected(environment),
            is_first: false,
        })
        .collect();
    offered.sort_by_key(|one| (!one.is_connected, one.title.to_lowercase()));
    if let Some(first) = offered.first_mut() {
        first.is_first = true;
    }
    offered
}

impl Flow {
    /// The page on which one is picked.
    pub(super) fn environment_page(
        &mut self,
        request: &Request<'_>,
        user: &User,
        offered: Vec<Offered<'_>>,
    ) -> Result<Response, Halt> {
        let (action, mark) = (address(&self.parameters), self.visitor.form_mark(&self.portal));
        let page = EnvironmentPage {
            frame: Frame::at(""),
            action: &action,
            mark: &mark,
            application: title_of(&request.application.title, &request.application.name),
            user: title_of(&user.title, &user.name),
            offered: &offered,
            foreign: request.environment.as_deref(),
        };
        Ok(rendered(StatusCode::OK, &page))
    }

    /// Goes on with the one that was picked, as if the application had named it.
    pub(super) fn choose(&mut self, form: &Parameters) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        self.request(&declared)?;
        self.user()?;
        let picked = form.text("environment").unwrap_or_default();
        Ok(see_other(&address(&self.parameters.with("environment_id", &picked))))
    }
}
