//! What is given out: a signed access token, and the answer around it.

use limen_rules::model::{Application, ApplicationKind, Connection, Environment, Name, User};
use limen_rules::sign_in::person::given_and_family;
use limen_rules::sign_in::scope::Reach;
use limen_rules::sign_in::trouble::Trouble;
use limen_rules::sign_in::{
    ACCESS_TOKEN_LIFE_S, APPLICATION_SUBJECT, REFRESH_LIFE_CONFIDENTIAL_S, REFRESH_LIFE_PUBLIC_S,
};
use limen_rules::token::{Claims, Mode};
use limen_store::Party;
use serde::Serialize;

use super::answer::Refused;
use super::journal::Note;
use crate::admin::id;
use crate::ports::Portal;

/// Whom an access token is for, looked at just now.
pub(super) struct Subject<'a> {
    pub(super) application: &'a Application,
    pub(super) environment: &'a Environment,
    /// None: the application acts for itself.
    pub(super) user: Option<&'a User>,
    /// What it is issued under.
    pub(super) grant: &'a Name,
    pub(super) reach: Reach,
}

/// The refresh token beside it.
pub(super) struct Refresh {
    pub(super) token: String,
    pub(super) expires_at_us: i64,
}

/// RFC 6749 §5.1, and who and where it is for. Of an application that acts for itself nothing is told of a user.
#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_expires_in: Option<i64>,
    environment_id: &'a str,
    environment_name: &'a str,
    legal_entity_id: &'a str,
    legal_entity_name: &'a str,
    #[serde(flatten)]
    user: Option<UserAnswer<'a>>,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Serialize)]
struct UserAnswer<'a> {
    user_id: &'a str,
    email: &'a str,
    family_name: String,
    given_name: String,
}

/// When an access token that is made now ends.
pub(super) fn access_expires_at_us(now_us: i64) -> i64 {
    now_us.div_euclid(1_000_000).saturating_add(ACCESS_TOKEN_LIFE_S).saturating_mul(1_000_000)
}

/// When a refresh token that is given now ends.
pub(super) fn refresh_expires_at_us(kind: ApplicationKind, now_us: i64) -> i64 {
    let life_s = match kind {
        ApplicationKind::Confidential => REFRESH_LIFE_CONFIDENTIAL_S,
        ApplicationKind::Public => REFRESH_LIFE_PUBLIC_S,
    };
    now_us.saturating_add(life_s.saturating_mul(1_000_000))
}

/// `sub` of what an application gets for itself.
pub(super) fn own_subject(application: &str) -> Name {
    format!("{APPLICATION_SUBJECT}{application}").into()
}

/// The answer as bytes: what is repeated later is the very same. Nothing is kept yet.
pub(super) fn answer(
    portal: &Portal,
    subject: Subject<'_>,
    refresh: Option<Refresh>,
    now_us: i64,
) -> Result<Vec<u8>, Refused> {
    let Subject { application, environment, user, grant, reach } = subject;
    let issuer = portal.signer.issuer();
    let claims = Claims {
        iss: issuer.issuer,
        sub: user.map_or_else(|| own_subject(&application.name), |user| user.name.clone()),
        aud: issuer.audience,
        client_id: application.name.clone(),
        iat: now_us.div_euclid(1_000_000),
        exp: access_expires_at_us(now_us).div_euclid(1_000_000),
        nbf: None,
        jti: id::make("", 24, portal.random.as_ref()).to_string(),
        grant: grant.clone(),
        environment: environment.name.clone(),
        mode: reach.mode,
        scope: reach.scope.clone(),
    };
    let or = |text: &'_ str, other: fn(&Environment) -> &str| {
        if text.is_empty() { other(environment).to_owned() } else { text.to_owned() }
    };
    let environment_name = or(&environment.title, |environment| &environment.name);
    let legal_entity_name =
        if environment.legal_entity.is_empty() { &environment_name } else { &environment.legal_entity };
    let (given_name, family_name) = user.map(given_and_family).unwrap_or_default();
    let body = TokenAnswer {
        access_token: portal.signer.issue(&claims)?,
        token_type: "Bearer",
        expires_in: ACCESS_TOKEN_LIFE_S,
        refresh_token_expires_in: refresh
            .as_ref()
            .map(|refresh| refresh.expires_at_us.saturating_sub(now_us).div_euclid(1_000_000)),
        refresh_token: refresh.map(|refresh| refresh.token),
        environment_id: &environment.name,
        environment_name: &environment_name,
        legal_entity_id: environment.legal_entity_id.as_deref().unwrap_or(&environment.name),
        legal_entity_name,
        user: user.map(|user| UserAnswer { user_id: &user.name, email: &user.email, family_name, given_name }),
        mode: reach.mode,
        scope: reach.scope,
    };
    serde_json::to_vec(&body)
        .map_err(|error| Refused::plain("answer", Trouble::TokensUnavailable).words(error.to_string()))
}

/// Everything that a user's code or refresh token stands for, while all of it is there.
pub(super) struct Standing {
    pub(super) user: User,
    pub(super) environment: Environment,
    pub(super) connection: Connection,
}

/// Whether what a grant is about stands still.
///
/// # Errors
/// `AccessEnded`, with the reason for operators.
pub(super) fn standing(party: Party, environment: &Name, note: &Note) -> Result<Standing, Refused> {
    let ended = |words: &str| Refused::plain("standing", Trouble::AccessEnded).words(words);
    note.environment(environment);
    let user = party.user.ok_or_else(|| ended("The user was removed."))?;
    note.user(&user.name);
    if user.disabled {
        return Err(ended("The user is disabled."));
    }
    if !user.memberships.iter().any(|membership| membership.environment == *environment) {
        return Err(ended("The user is no longer a member of the environment."));
    }
    let gone = || ended("The environment was removed.");
    let unconnected = || ended("The application is no longer connected to the environment.");
    let environment = party.environment.ok_or_else(gone)?;
    let connection = party.connection.ok_or_else(unconnected)?;
    note.passed("standing", "User, membership and connection are there.");
    Ok(Standing { user, environment, connection })
}
