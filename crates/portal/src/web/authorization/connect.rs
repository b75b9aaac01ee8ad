//! Whether an administrator of the environment connected the application; if not, an administrator who is just there can
//! do it on the spot.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::model::{Connection, Declared, Environment};
use limen_rules::sign_in::parameters::Parameters;
use limen_rules::sign_in::request::{Request, judge};
use limen_rules::sign_in::trouble::Trouble;

use super::halt::Halt;
use super::{Flow, address};
use crate::web::connections::{NotWritten, administers, approve};
use crate::web::page::{Frame, rendered};
use crate::web::sign_in::see_other;
use crate::web::told::Told;
use crate::web::words::{filters, title_of};

/// An environment that the application is connected to.
pub(super) struct Connected<'d> {
    pub(super) environment: &'d Environment,
    pub(super) connection: &'d Connection,
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage<'a> {
    frame: Frame,
    action: &'a str,
    mark: &'a str,
    application: &'a str,
    organisation: &'a str,
    website: &'a str,
    environment: &'a str,
    environment_id: &'a str,
    user: &'a str,
}

/// Finds the connection.
///
/// # Errors
/// Where there is none.
pub(super) fn find<'d>(
    declared: &'d Declared,
    request: &Request<'_>,
    environment: &'d Environment,
) -> Result<Connected<'d>, Halt> {
    let is_it = |one: &&Connection| one.application == request.application.name && one.environment == environment.name;
    match declared.connections.iter().find(is_it) {
        Some(connection) => Ok(Connected { environment, connection }),
        None => Err(Halt::NotConnected(environment.name.clone())),
    }
}

impl Flow {
    /// Tells that there is no connection; an administrator of the environment is offered to make it.
    pub(super) fn not_connected(&mut self, name: &str) -> Response {
        let declared = self.visitor.declared.clone();
        let user = self.visitor.user.clone();
        self.note.refused("connection", Trouble::NotConnected, format!("not connected to environment {name}"));
        let request = judge(&self.parameters, &declared).ok();
        let environment = declared.environments.iter().find(|environment| *environment.name == *name);
        let title = environment.map_or(name, |environment| title_of(&environment.title, &environment.name));
        let (Some(request), Some(user), Some(_)) = (request, user.filter(|user| administers(user, name)), environment)
        else {
            let told = Told::with(Trouble::NotConnected, title, &self.parameters, &self.request_id);
            return told.again(address(&self.parameters.with("environment_id", ""))).answer();
        };
        let (action, mark) = (address(&self.parameters), self.visitor.form_mark(&self.portal));
        let page = ConnectPage {
            frame: Frame::at(""),
            action: &action,
            mark: &mark,
            application: title_of(&request.application.title, &request.application.name),
            organisation: &request.application.organisation,
            website: &request.application.website,
            environment: title,
            environment_id: name,
            user: title_of(&user.title, &user.name),
        };
        rendered(StatusCode::FORBIDDEN, &page)
    }

    /// Connects the application, for an administrator, and goes on.
    pub(super) async fn connect(&mut self, form: &Parameters) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        let request = self.request(&declared)?;
        let user = self.user()?;
        let environment = form.text("environment").unwrap_or_default();
        match approve(&self.portal, &user.name, &request.application.name, &environment).await {
            Ok(()) => {
                self.note.passed("connection", format!("made by {}", user.name));
                Ok(see_other(&address(&self.parameters.with("environment_id", &environment))))
            }
            Err(NotWritten::Store(error)) => Err(Halt::Store(error)),
            Err(NotWritten::Refused(_)) => Err(Halt::NotConnected(environment.into())),
        }
    }
}
