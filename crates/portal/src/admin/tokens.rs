//! Access tokens that an operator issues, taking them back, and changing the key that signs them.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::model::{Connection, Declared, Name, User};
use limen_rules::record::Grant;
use limen_rules::token::{APPLICATION_SUBJECT_PREFIX, Claims, Mode, OPERATOR_CLIENT_ID};

use super::failure::AdminFailure;
use super::read::Read;
use super::{Admin, Answered, id};
use crate::audit::Who;
use crate::wire::{IssueToken, IssuedToken, RevokeToken, Revoked, RotatedKey};

/// The longest life of a token: a year.
const LIFE_MAX_S: u64 = 31_536_000;

/// `POST /v1/tokens`
pub(super) async fn issue(
    State(admin): State<Admin>,
    who: Who,
    Read(asked): Read<IssueToken>,
) -> Answered<IssuedToken> {
    let _turn = admin.turn().await;
    let life_s = i64::try_from(asked.expires_in_s).unwrap_or(i64::MAX);
    if !(1..=LIFE_MAX_S).contains(&asked.expires_in_s) {
        return Err(AdminFailure::wrong(
            format!("A token can't live for {} seconds.", asked.expires_in_s),
            "Tell 1 to 31536000 seconds (a year).",
        ));
    }
    let declared = admin.portal.store.declared().await?;
    let Party { subject, environment } = party(&declared, &asked)?;
    let scope = scope(&declared, &asked.scopes)?;
    let now_us = admin.now_us();
    let issued_at_s = now_us.div_euclid(1_000_000);
    let expires_at_s = issued_at_s.saturating_add(life_s);
    let random = admin.portal.random.as_ref();
    let grant = Grant {
        id: id::make("grant_", 16, random),
        user: subject.clone(),
        application: asked.application.clone(),
        environment: environment.clone(),
        scope: scope.clone(),
        issued_at_us: now_us,
        expires_at_us: expires_at_s.saturating_mul(1_000_000),
        refresh_expires_at_us: None,
        revoked_at_us: None,
    };
    let issuer = admin.portal.signer.issuer();
    let claims = Claims {
        iss: issuer.issuer,
        sub: subject.clone(),
        aud: issuer.audience,
        client_id: asked.application.unwrap_or_else(|| OPERATOR_CLIENT_ID.into()),
        iat: issued_at_s,
        exp: expires_at_s,
        nbf: None,
        jti: id::make("", 24, random).to_string(),
        grant: grant.id.clone(),
        environment: environment.clone(),
        mode: if scope.is_some() { Mode::Limited } else { Mode::Full },
        scope,
    };
    let access_token = admin.portal.signer.issue(&claims)?;
    admin.portal.store.insert_grant(&grant).await?;
    who.did("issue token", &format!("{} for {subject} in {environment}", grant.id));
    admin.live().await?;
    Ok(Json(IssuedToken {
        access_token,
        token_type: "Bearer".into(),
        expires_in_s: asked.expires_in_s,
        grant: grant.id,
        environment: environment.clone(),
    }))
}

/// For whom a token is, and where.
struct Party<'d> {
    /// A user, or the application itself as `sub` has it.
    subject: Name,
    environment: &'d Name,
}

/// Whom the token is for, if it would be accepted.
fn party<'d>(declared: &'d Declared, asked: &IssueToken) -> Result<Party<'d>, AdminFailure> {
    let application = asked.application.as_ref();
    if let Some(name) = &asked.user {
        let user = user(declared, name)?;
        let environment = environment(user, asked.environment.as_ref())?;
        check_application(declared, application)?;
        if let Some(application) = application {
            connection(declared, application, environment)?;
        }
        return Ok(Party { subject: user.name.clone(), environment });
    }
    let (Some(application), Some(environment)) = (application, &asked.environment) else {
        return Err(AdminFailure::wrong(
            "It isn't told whom the token is for.",
            "Tell a user; or an application and an environment, for a token with which it acts for itself.",
        ));
    };
    check_application(declared, Some(application))?;
    let connection = connection(declared, application, environment)?;
    if connection.own_roles.is_empty() {
        return Err(AdminFailure::conflict(
            format!(
                "The application '{application}' has no role of its own in the environment '{environment}'; it can't act for itself there."
            ),
            "Give its connection 'own_roles' in limen.yaml and apply it, or tell a user.",
        ));
    }
    let subject = format!("{APPLICATION_SUBJECT_PREFIX}{application}").into();
    Ok(Party { subject, environment: &connection.environment })
}

/// What the token is limited to; none: it isn't.
fn scope(declared: &Declared, scopes: &[Name]) -> Result<Option<String>, AdminFailure> {
    let known = || declared.roles.iter().flat_map(|role| &role.permissions).map(AsRef::as_ref);
    if let Some(unknown) = scopes.iter().find(|scope| !known().any(|one: &str| one == &***scope)) {
        return Err(AdminFailure::unknown_name("permission", unknown, nearest(unknown, known())));
    }
    Ok((!scopes.is_empty()).then(|| scopes.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(" ")))
}

/// The user, if there is one who may sign in.
fn user<'d>(declared: &'d Declared, name: &Name) -> Result<&'d User, AdminFailure> {
    let Some(user) = declared.users.iter().find(|user| user.name == *name) else {
        let near = nearest(name, declared.users.iter().map(|user| user.name.as_ref()));
        return Err(AdminFailure::unknown_name("user", name, near));
    };
    if user.disabled {
        return Err(AdminFailure::conflict(
            format!("The user '{name}' is disabled; a token of theirs would be refused."),
            "Enable them in limen.yaml and apply it, or issue it for another user.",
        ));
    }
    Ok(user)
}

/// The environment that was told, or the user's only one.
fn environment<'d>(user: &'d User, asked: Option<&Name>) -> Result<&'d Name, AdminFailure> {
    let names = || user.memberships.iter().map(|membership| &membership.environment);
    let listed = || names().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
    let mut all = names();
    match (asked, all.next(), all.next()) {
        (_, None, _) => Err(AdminFailure::conflict(
            format!("The user '{}' is a member of no environment.", user.name),
            "Give them a membership in limen.yaml and apply it.",
        )),
        (None, Some(only), None) => Ok(only),
        (None, _, _) => Err(AdminFailure::wrong(
            format!("The user '{}' is a member of several environments.", user.name),
            format!("Tell which one: {}.", listed()),
        )),
        (Some(asked), _, _) => names().find(|name| *name == asked).ok_or_else(|| {
            AdminFailure::wrong(
                format!("The user '{}' isn't a member of the environment '{asked}'.", user.name),
                format!("They are a member of: {}.", listed()),
            )
        }),
    }
}

fn check_application(declared: &Declared, asked: Option<&Name>) -> Result<(), AdminFailure> {
    let Some(name) = asked else { return Ok(()) };
    match declared.applications.iter().find(|application| application.name == *name) {
        None => {
            let near = nearest(name, declared.applications.iter().map(|application| application.name.as_ref()));
            Err(AdminFailure::unknown_name("application", name, near))
        }
        Some(application) if application.disabled => Err(AdminFailure::conflict(
            format!("The application '{name}' is disabled; a token of its would be refused."),
            "Enable it in limen.yaml and apply it, or leave the application out.",
        )),
        Some(_) => Ok(()),
    }
}

/// The approval that the application may act in the environment.
fn connection<'d>(declared: &'d Declared, name: &Name, environment: &Name) -> Result<&'d Connection, AdminFailure> {
    let connected = |one: &&Connection| one.application == *name && one.environment == *environment;
    declared.connections.iter().find(connected).ok_or_else(|| {
        AdminFailure::conflict(
            format!(
                "The application '{name}' isn't connected to the environment '{environment}'; a token of its would be refused."
            ),
            format!("Connect it with: limen connection approve {name} {environment} (or leave the application out)."),
        )
    })
}

/// `POST /v1/tokens/revoke`
pub(super) async fn revoke(State(admin): State<Admin>, who: Who, Read(asked): Read<RevokeToken>) -> Answered<Revoked> {
    let _turn = admin.turn().await;
    let store = &admin.portal.store;
    let now_us = admin.now_us();
    let revoked = match (asked.grant, asked.user) {
        (Some(grant), None) => {
            let already = store.grant(&grant).await?.revoked_at_us.is_some();
            store.revoke_grant(&grant, now_us).await?;
            who.did("revoke grant", &grant);
            u64::from(!already)
        }
        (None, Some(user)) => {
            let declared = store.declared().await?;
            let users = || declared.users.iter().map(|one| one.name.as_ref());
            // Somebody who was removed may still have grants; they end all the same.
            if !users().any(|one| one == &*user) && store.grants_of_user(&user).await?.is_empty() {
                return Err(AdminFailure::unknown_name("user", &user, nearest(&user, users())));
            }
            let revoked = store.revoke_grants_of_user(&user, now_us).await?;
            who.did("revoke grants of user", &user);
            revoked
        }
        _ => {
            return Err(AdminFailure::wrong(
                "It isn't told which tokens to revoke, or in two ways.",
                "Tell either a grant or a user.",
            ));
        }
    };
    admin.live().await?;
    Ok(Json(Revoked { revoked }))
}

/// `POST /v1/signing-keys/rotate`
pub(super) async fn rotate(State(admin): State<Admin>, who: Who) -> Answered<RotatedKey> {
    let _turn = admin.turn().await;
    let kid = admin.portal.signer.rotate().await?;
    who.did("rotate signing key", &kid);
    admin.live().await?;
    Ok(Json(RotatedKey { kid }))
}
