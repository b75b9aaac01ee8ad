//! `/authorization`: from an application's request to the code in its hands, over as many pages as it takes.
//!
//! Nothing is kept between the pages. Each has the whole request in its form's address, what was decided stands in the
//! form, and the session says who decides; so a page may be loaded anew, and two windows don't disturb each other.

mod connect;
mod consent;
mod environment;
mod halt;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use limen_rules::model::User;
use limen_rules::sign_in::parameters::Parameters;
use limen_rules::sign_in::redirect_uri::form_action_sources;
use limen_rules::sign_in::request::{self, Request};
use limen_rules::sign_in::trouble::Trouble;

use super::form;
use super::page::Frame;
use super::peer_address::PeerAddress;
use super::provider;
use super::request_id::RequestId;
use super::session::Visitor;
use super::sign_in::{Credentials, NotSignedIn, SignInPage, see_other, signed_in};
use super::told::Told;
use super::words::title_of;
use crate::oauth::journal::Note;
use crate::ports::Portal;
use halt::Halt;

/// Where the flow lives.
pub(super) const PATH: &str = "/authorization";

/// One request of a browser in the flow.
pub(super) struct Flow {
    portal: Portal,
    note: Note,
    request_id: RequestId,
    /// What the application asked for, as it came.
    parameters: Parameters,
    visitor: Visitor,
}

/// `GET /authorization`
pub(super) async fn show(
    State(portal): State<Portal>,
    (request_id, note): (RequestId, Note),
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let parameters = Parameters::read(uri.query().unwrap_or_default().as_bytes());
    let visitor = match Visitor::of(&portal, &headers).await {
        Ok(visitor) => visitor,
        Err(error) => return Told::store(&error, &request_id).answer(),
    };
    let mut flow = Flow { portal, note, request_id, parameters, visitor };
    // Whoever only looks whether there is a page is given no code.
    let proceeded = if method == Method::HEAD { flow.look() } else { flow.proceed().await };
    flow.finish(proceeded)
}

/// `POST /authorization`: a form of the flow's, or an application's request that came as one (RFC 6749 §3.1).
pub(super) async fn act(
    State(portal): State<Portal>,
    (request_id, peer, note): (RequestId, PeerAddress, Note),
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = uri.query().unwrap_or_default();
    let parameters = Parameters::read(query.as_bytes());
    let Some(form) = form::read(&headers, &body) else {
        return Told::of(Trouble::FormExpired, &request_id).again(address(&parameters)).answer();
    };
    let Some(step) = form.text("step") else {
        // Browsers leave our cookie out of what another site posts; they bring it to the address that it leads to.
        let joined = [query.as_bytes(), b"&", &body].concat();
        return see_other(&address(&Parameters::read(&joined)));
    };
    let visitor = match Visitor::of(&portal, &headers).await {
        Ok(visitor) => visitor,
        Err(error) => return Told::store(&error, &request_id).answer(),
    };
    let is_ours = form::is_ours(&portal, &headers, &visitor, &form);
    let mut flow = Flow { portal, note, request_id, parameters, visitor };
    let acted = match step.as_str() {
        _ if !is_ours => flow.refuse_form(),
        "sign-in" => flow.sign_in(&headers, peer, &form).await,
        "sign-out" => flow.sign_out().await,
        "environment" => flow.choose(&form),
        "connect" => flow.connect(&form).await,
        "consent" => flow.decide(&form).await,
        _ => flow.refuse_form(),
    };
    flow.finish(acted)
}

/// The address of the flow with a request.
fn address(parameters: &Parameters) -> String {
    format!("{PATH}?{}", parameters.written())
}

impl Flow {
    /// The request, if its answer may go to its redirect URI. Borrows only what the visitor shares.
    fn request<'d>(&self, declared: &'d limen_rules::model::Declared) -> Result<Request<'d>, Halt> {
        let request = request::judge(&self.parameters, declared).map_err(Halt::Wrong)?;
        self.note.application(&request.application.name);
        Ok(request)
    }

    fn user(&self) -> Result<User, Halt> {
        self.visitor.user.clone().ok_or(Halt::SignInFirst)
    }

    /// What a look at the address finds.
    fn look(&self) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        self.request(&declared)?;
        Ok(StatusCode::OK.into_response())
    }

    /// Goes as far as it goes without another decision.
    async fn proceed(&mut self) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        let request = self.request(&declared)?;
        let user = self.user()?;
        self.note.user(&user.name);
        let asked = request.asked.as_ref().map_err(|wrong| Halt::Wrong(wrong.clone()))?;
        match environment::choose(&declared, &user, &request)? {
            environment::Choice::Ask(choices) => self.environment_page(&request, &user, choices),
            environment::Choice::One(environment) => {
                self.note.environment(&environment.name);
                let connected = connect::find(&declared, &request, environment)?;
                self.consent(&request, &user, asked, connected).await
            }
        }
    }

    async fn sign_in(&mut self, headers: &HeaderMap, peer: PeerAddress, form: &Parameters) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        self.request(&declared)?;
        let credentials = Credentials { portal: &self.portal, headers, peer, note: &self.note, form };
        match credentials.sign_in(&mut self.visitor).await {
            Ok(user) => Ok(signed_in(&self.portal, &self.visitor, &user, &address(&self.parameters)).await),
            Err(not_signed_in) => {
                let typed = form.text("user").unwrap_or_default();
                Ok(self.sign_in_page(&typed, Some(&not_signed_in)))
            }
        }
    }

    async fn sign_out(&mut self) -> Result<Response, Halt> {
        self.visitor.sign_out(&self.portal).await?;
        Ok(see_other(&address(&self.parameters)))
    }

    fn refuse_form(&self) -> Result<Response, Halt> {
        self.note.refused(
            "form",
            Trouble::FormExpired,
            "the form's mark isn't this browser's, or another site sent it",
        );
        let told = Told::with(Trouble::FormExpired, "", &self.parameters, &self.request_id);
        Ok(told.again(address(&self.parameters)).answer())
    }

    fn sign_in_page(&mut self, typed: &str, after: Option<&NotSignedIn>) -> Response {
        let declared = self.visitor.declared.clone();
        let request = request::judge(&self.parameters, &declared).ok();
        let hinted = request.as_ref().and_then(|request| request.login_hint.as_deref()).unwrap_or_default();
        let user = if after.is_none() && typed.is_empty() { hinted } else { typed };
        let application =
            request.as_ref().map(|request| title_of(&request.application.title, &request.application.name));
        let (action, mark) = (address(&self.parameters), self.visitor.form_mark(&self.portal));
        let frame = Frame::at("");
        let page = SignInPage {
            frame,
            action: &action,
            mark: &mark,
            application,
            user,
            message: None,
            wait: None,
            provider: provider::offer(&self.portal, &action),
            passwords: provider::passwords_are_on(&self.portal),
        };
        page.answer(after)
    }

    /// Makes an answer of what happened, with the headers that all pages of the flow have.
    fn finish(&mut self, happened: Result<Response, Halt>) -> Response {
        let response = match happened {
            Ok(response) => response,
            Err(Halt::SignInFirst) => self.sign_in_page("", None),
            Err(Halt::NotConnected(environment)) => self.not_connected(&environment),
            Err(halt) => self.tell(&halt),
        };
        let mut response = self.visitor.seen_off(&self.portal, response);
        let declared = &self.visitor.declared;
        if let Ok(request) = request::judge(&self.parameters, declared) {
            let sources = form_action_sources(&request.redirect_uri);
            if let Ok(policy) = HeaderValue::from_str(&super::content_security_policy(&sources)) {
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
        response
    }
}
