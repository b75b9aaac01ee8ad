//! `/account`: whom the user allowed what, and taking it back; signing out everywhere; another password.

use askama::Template;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use limen_rules::model::{Name, User};
use limen_rules::sign_in::parameters::Parameters;
use limen_rules::sign_in::record::Consent;
use limen_store::StoreError;

use super::moment::Moment;
use super::page::{Frame, rendered};
use super::peer_address::PeerAddress;
use super::request_id::RequestId;
use super::session::Visitor;
use super::sign_in::{first, ours, see_other};
use super::told::Told;
use super::words::{filters, title_of};
use crate::attempts::Attempt;
use crate::audit::did_by_user;
use crate::password::PasswordFault;
use crate::ports::Portal;

/// The page's own address.
const PATH: &str = "/account";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame,
    mark: &'a str,
    user: &'a str,
    user_name: &'a str,
    environments: Vec<&'a str>,
    is_administrator: bool,
    allowed: Vec<Allowed>,
    done: Option<&'static str>,
    /// What is wrong with a change of the password.
    message: Option<String>,
}

/// An application that may act for the user.
struct Allowed {
    application: Name,
    title: String,
    environment: Name,
    environment_title: String,
    reach: String,
    since: Moment,
}

/// Why the password stays.
enum Unchanged {
    Refused(StatusCode, String, Option<u64>),
    Store(StoreError),
}

impl From<StoreError> for Unchanged {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// `GET /account`
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
    let done = match parameters.text("done").as_deref() {
        Some("withdrawn") => Some("Taken back. The application's tokens for you have ended."),
        Some("password") => Some("Your password is changed. Everything else that was signed in as you has ended."),
        _ => None,
    };
    match page(&portal, &mut visitor, &user, StatusCode::OK, done, None).await {
        Ok(page) => visitor.seen_off(&portal, page),
        Err(error) => Told::store(&error, &request_id).answer(),
    }
}

async fn page(
    portal: &Portal,
    visitor: &mut Visitor,
    user: &User,
    status: StatusCode,
    done: Option<&'static str>,
    message: Option<String>,
) -> Result<Response, StoreError> {
    let consents = portal.store.consents_of_user(&user.name).await?;
    let (mark, declared) = (visitor.form_mark(portal), visitor.declared.clone());
    let environment = |name: &str| {
        let found = declared.environments.iter().find(|one| *one.name == *name);
        found.map(|one| title_of(&one.title, &one.name))
    };
    let allowed = |consent: Consent| {
        let application = declared.applications.iter().find(|one| one.name == consent.application);
        let title = application.map_or(&*consent.application, |one| title_of(&one.title, &one.name)).to_owned();
        let environment_title = environment(&consent.environment).unwrap_or(&consent.environment).to_owned();
        Allowed {
            title,
            environment_title,
            reach: consent.scope.map_or_else(|| "all that you may do".into(), |scope| scope.replace(' ', ", ")),
            since: Moment::from_us(consent.given_at_us),
            application: consent.application,
            environment: consent.environment,
        }
    };
    let page = AccountPage {
        frame: Frame::at(PATH),
        mark: &mark,
        user: title_of(&user.title, &user.name),
        user_name: &user.name,
        environments: user.memberships.iter().filter_map(|one| environment(&one.environment)).collect(),
        is_administrator: user.memberships.iter().any(|membership| membership.administrator),
        allowed: consents.into_iter().map(allowed).collect(),
        done,
        message,
    };
    Ok(rendered(status, &page))
}

/// `POST /account`
pub(super) async fn act(
    State(portal): State<Portal>,
    (request_id, peer): (RequestId, PeerAddress),
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (mut visitor, form) = match ours(&portal, &headers, &body, &request_id).await {
        Ok(ours) => ours,
        Err(told) => return told.again(PATH.to_owned()).answer(),
    };
    let Some(user) = visitor.user.clone() else { return first(PATH) };
    let acted = match form.text("step").as_deref() {
        Some("withdraw") => withdraw(&portal, &user, &form).await,
        Some("everywhere") => everywhere(&portal, &mut visitor, &user).await,
        Some("password") => match change_password(&portal, &mut visitor, &user, &form, peer).await {
            Ok(()) => Ok(see_other("/account?done=password")),
            Err(Unchanged::Store(error)) => Err(error),
            Err(Unchanged::Refused(status, why, retry_after_s)) => {
                let page = page(&portal, &mut visitor, &user, status, None, Some(why)).await;
                page.map(|mut page| {
                    if let Some(seconds) = retry_after_s {
                        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                    }
                    page
                })
            }
        },
        _ => Ok(see_other(PATH)),
    };
    match acted {
        Ok(response) => visitor.seen_off(&portal, response),
        Err(error) => Told::store(&error, &request_id).answer(),
    }
}

async fn withdraw(portal: &Portal, user: &User, form: &Parameters) -> Result<Response, StoreError> {
    let (application, environment) =
        (form.text("application").unwrap_or_default(), form.text("environment").unwrap_or_default());
    let _turn = portal.memory.turn().await;
    match portal.store.withdraw_consent(&user.name, &application, &environment, portal.clock.now_us()).await {
        // In two windows it may be taken back twice.
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    did_by_user(&user.name, "withdraw consent", &format!("{application} in {environment}"));
    portal.live().await?;
    Ok(see_other("/account?done=withdrawn"))
}

async fn everywhere(portal: &Portal, visitor: &mut Visitor, user: &User) -> Result<Response, StoreError> {
    portal.store.remove_sessions_of_user(&user.name).await?;
    did_by_user(&user.name, "sign out everywhere", &user.name);
    visitor.sign_out(portal).await?;
    Ok(see_other("/sign-in"))
}

/// Sets another password, for somebody who knows the present one; attempts at that are limited as at signing in.
async fn change_password(
    portal: &Portal,
    visitor: &mut Visitor,
    user: &User,
    form: &Parameters,
    peer: PeerAddress,
) -> Result<(), Unchanged> {
    let refused = |status, why: &str, retry_after_s| Err(Unchanged::Refused(status, why.to_owned(), retry_after_s));
    let field = |name: &str| form.text(name).unwrap_or_default();
    let (present, new) = (field("password"), field("new"));
    if new != field("again") {
        return refused(StatusCode::BAD_REQUEST, "The two new passwords differ.", None);
    }
    if let Err((message, mend)) = limen_rules::sign_in::secret::check_password(&new) {
        return refused(StatusCode::BAD_REQUEST, &format!("{message} {mend}"), None);
    }
    let account = format!("user:{}", user.name);
    let session = visitor.hash();
    // A session is a known browser: whoever guesses from elsewhere doesn't keep its owner from this.
    let attempt = Attempt { account: &account, address: peer.0, device: session.as_ref().map(<[u8; 32]>::as_slice) };
    let now_us = portal.clock.now_us();
    if let Err(wait_s) = portal.memory.attempts.take(&attempt, now_us) {
        let words = "Too many attempts. Wait a little and try again.";
        return refused(StatusCode::TOO_MANY_REQUESTS, words, Some(wait_s));
    }
    let busy = |fault: PasswordFault| {
        tracing::warn!(%fault, "a password could not be changed");
        let words = "That is not possible just now. Try again in a moment.".to_owned();
        Unchanged::Refused(StatusCode::SERVICE_UNAVAILABLE, words, Some(5))
    };
    let stored = portal.store.password(&user.name).await?;
    if !portal.memory.passwords.verify(&present, stored).await.map_err(busy)? {
        return refused(StatusCode::FORBIDDEN, "The present password is not right.", None);
    }
    portal.memory.attempts.succeeded(&attempt, now_us);
    let phc = portal.memory.passwords.hash(&new, portal.random.as_ref()).await.map_err(busy)?;
    let turn = portal.memory.turn().await;
    portal.store.set_password(&user.name, &phc, session, portal.clock.now_us()).await?;
    drop(turn);
    did_by_user(&user.name, "change password", &user.name);
    portal.live().await?;
    Ok(())
}
