//! Whether the user allows it: asked on a page that says in words what it means, remembered for applications that can
//! keep a secret, and answered with a code.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use limen_rules::key;
use limen_rules::model::{ApplicationKind, Declared, Environment, Name, Role, User};
use limen_rules::sign_in::CODE_LIFE_S;
use limen_rules::sign_in::consent::{covers, joined, reach};
use limen_rules::sign_in::parameters::Parameters;
use limen_rules::sign_in::record::{AuthorizationCode, Consent};
use limen_rules::sign_in::redirect_uri::destination;
use limen_rules::sign_in::request::{Asked, Request};
use limen_rules::sign_in::trouble::Trouble;

use super::connect::{self, Connected};
use super::halt::Halt;
use super::{Flow, address};
use crate::web::page::{Frame, rendered};
use crate::web::session::draw;
use crate::web::words::{Permission, filters, permissions, title_of};

/// What the user is asked.
struct Question<'a> {
    request: &'a Request<'a>,
    user: &'a User,
    environment: &'a Environment,
    asked: &'a Asked,
    /// What it would reach; none: all that the user may do.
    reach: Option<Vec<Name>>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame,
    action: &'a str,
    mark: &'a str,
    application: &'a str,
    application_id: &'a str,
    has_logo: bool,
    organisation: &'a str,
    website: &'a str,
    destination: &'a str,
    user: &'a str,
    environment: &'a str,
    environment_id: &'a str,
    legal_entity: &'a str,
    /// Where another environment can be picked, if there is one.
    other: Option<String>,
    is_full: bool,
    /// What the page says, as the form carries it back.
    reach: String,
    permissions: Vec<Permission>,
}

impl Flow {
    /// Gives the code where the user allowed it before, and asks otherwise.
    pub(super) async fn consent(
        &mut self,
        request: &Request<'_>,
        user: &User,
        asked: &Asked,
        connected: Connected<'_>,
    ) -> Result<Response, Halt> {
        let question = question(request, user, asked, &connected)?;
        let can_be_known = request.application.kind == ApplicationKind::Confidential;
        if can_be_known && !request.asks_anew {
            let before = self.before(&question).await?;
            if before.is_some_and(|before| covers(before.scope.as_deref(), question.reach.as_deref())) {
                self.note.passed("consent", "given before");
                return self.give(&question).await;
            }
        }
        self.consent_page(&question).await
    }

    async fn before(&self, question: &Question<'_>) -> Result<Option<Consent>, Halt> {
        let (user, application) = (&question.user.name, &question.request.application.name);
        Ok(self.portal.store.consent(user, application, &question.environment.name).await?)
    }

    async fn consent_page(&mut self, question: &Question<'_>) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        let (application, environment) = (question.request.application, question.environment);
        let has_logo = self.portal.store.application_logo(&application.name).await?.is_some();
        let (action, mark) = (address(&self.parameters), self.visitor.form_mark(&self.portal));
        let has_others = question.user.memberships.len() > 1;
        let mine = roles(&declared, question.user, environment);
        let page = ConsentPage {
            frame: Frame::at(""),
            action: &action,
            mark: &mark,
            application: title_of(&application.title, &application.name),
            application_id: &application.name,
            has_logo,
            organisation: &application.organisation,
            website: &application.website,
            destination: destination(&question.request.redirect_uri),
            user: title_of(&question.user.title, &question.user.name),
            environment: title_of(&environment.title, &environment.name),
            environment_id: &environment.name,
            legal_entity: &environment.legal_entity,
            other: has_others.then(|| address(&self.parameters.with("environment_id", ""))),
            is_full: question.reach.is_none(),
            reach: shown_as(question.reach.as_deref()),
            permissions: permissions(&declared, question.reach.as_deref(), &mine),
        };
        Ok(rendered(StatusCode::OK, &page))
    }

    /// What the user decided. Everything is looked at anew: what the page showed may have changed.
    pub(super) async fn decide(&mut self, form: &Parameters) -> Result<Response, Halt> {
        let declared = self.visitor.declared.clone();
        let request = self.request(&declared)?;
        let user = self.user()?;
        self.note.user(&user.name);
        let asked = request.asked.as_ref().map_err(|wrong| Halt::Wrong(wrong.clone()))?;
        if form.text("decision").as_deref() != Some("allow") {
            return Err(Halt::of(Trouble::ConsentRefused, ""));
        }
        let picked = form.text("environment").unwrap_or_default();
        let environment = environment_of(&declared, &user, &picked)?;
        self.note.environment(&environment.name);
        let connected = connect::find(&declared, &request, environment)?;
        let question = question(&request, &user, asked, &connected)?;
        // The page said what it reaches. What it would reach beyond that by now, the user did not allow.
        let shown = form.text("reach").unwrap_or_default();
        if shown != shown_as(question.reach.as_deref()) {
            return self.consent_page(&question).await;
        }
        self.remember(&question).await?;
        self.note.passed("consent", "given");
        self.give(&question).await
    }

    async fn remember(&self, question: &Question<'_>) -> Result<(), Halt> {
        let wanted = question.reach.as_deref();
        let scope = match self.before(question).await? {
            Some(before) => joined(before.scope.as_deref(), wanted),
            None => wanted.map(|names| names.join(" ")),
        };
        let consent = Consent {
            user: question.user.name.clone(),
            application: question.request.application.name.clone(),
            environment: question.environment.name.clone(),
            scope,
            given_at_us: self.portal.clock.now_us(),
        };
        Ok(self.portal.store.put_consent(&consent).await?)
    }

    /// Sends the application its code.
    async fn give(&self, question: &Question<'_>) -> Result<Response, Halt> {
        let code = draw(&self.portal);
        let now_us = self.portal.clock.now_us();
        let kept = AuthorizationCode {
            application: question.request.application.name.clone(),
            user: question.user.name.clone(),
            environment: question.environment.name.clone(),
            redirect_uri: question.request.redirect_uri.clone(),
            scope: question.reach.as_ref().map(|names| names.join(" ")),
            code_challenge: question.asked.code_challenge.clone(),
            issued_at_us: now_us,
            expires_at_us: now_us.saturating_add(CODE_LIFE_S * 1_000_000),
        };
        self.portal.store.insert_code(key::hash(&code), &kept).await?;
        self.note.passed("code", "given");
        Ok(self.redirect(question.request, &[("code", code.as_bytes())]))
    }
}

fn question<'a>(
    request: &'a Request<'a>,
    user: &'a User,
    asked: &'a Asked,
    connected: &Connected<'a>,
) -> Result<Question<'a>, Halt> {
    let reach = reach(asked.scope.as_deref(), connected.connection).map_err(Halt::Wrong)?;
    Ok(Question { request, user, environment: connected.environment, asked, reach })
}

/// The environment of that name, if the user belongs to it.
fn environment_of<'d>(declared: &'d Declared, user: &User, name: &str) -> Result<&'d Environment, Halt> {
    let belongs = user.memberships.iter().any(|membership| *membership.environment == *name);
    let found = declared.environments.iter().find(|environment| belongs && *environment.name == *name);
    found.ok_or_else(|| Halt::of(Trouble::FormExpired, ""))
}

/// The user's roles there.
fn roles<'d>(declared: &'d Declared, user: &User, environment: &Environment) -> Vec<&'d Role> {
    let there = user.memberships.iter().filter(|membership| membership.environment == environment.name);
    let names: Vec<&Name> = there.flat_map(|membership| &membership.roles).collect();
    declared.roles.iter().filter(|role| names.contains(&&role.name)).collect()
}

/// How a form carries what its page said.
fn shown_as(reach: Option<&[Name]>) -> String {
    reach.map_or_else(|| "*".to_owned(), |names| names.join(" "))
}
