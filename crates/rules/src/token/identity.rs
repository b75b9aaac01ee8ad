//! Who calls: what a verified token and the snapshot say together, on every call.
//!
//! Effective permissions are the roles' in the environment, less what the connection and the token leave out. Where
//! neither leaves out anything, nothing is computed and nothing allocated. Knows no signature and no clock.

use std::borrow::Cow;
use std::sync::Arc;

use super::{APPLICATION_SUBJECT_PREFIX, Claims, Mode, OPERATOR_CLIENT_ID, Verified, refuse};
use crate::contract::{Cause, Refusal};
use crate::key::Subscribed;
use crate::model::{Access, Bind, Name};
use crate::permission::PermissionSet;
use crate::snapshot::{Catalog, LiveApi, LiveApplication, LiveConnection, LiveMembership};

/// Who calls, as the token and the snapshot together say.
#[derive(Clone, Debug)]
pub struct Identity<'s> {
    /// Whom the token names.
    pub bearer: Arc<Bearer>,
    /// What they may do there now; the catalog's own where nothing narrows it.
    pub allowed: Cow<'s, LiveMembership>,
    /// What narrows the roles; none where nothing does.
    pub limits: Option<Box<Limits>>,
}

/// Whom a token names, and for how long. Of our own tokens that never changes, and is made once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bearer {
    /// The user; none where the application acts for itself.
    pub user: Option<Name>,
    /// The application; none for an operator's own token.
    pub application: Option<Name>,
    /// The environment.
    pub environment: Name,
    /// Who issued the token, where it wasn't us.
    pub issuer: Option<Name>,
    /// The grant that the token was issued under; none of another issuer's.
    pub grant: Option<Name>,
    /// When the token ends.
    pub expires_at_s: i64,
    /// What another issuer says of them, where the token is one of its; none for our own.
    pub foreign: Option<ForeignWord>,
}

/// What another issuer's token says of a caller, as policies read it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignWord {
    /// The roles in the environment, by our names; none: those of the user whom we know by that name.
    pub roles: Option<Arc<[Name]>>,
    /// The token's claims.
    pub claims: Arc<serde_json::Map<String, serde_json::Value>>,
}

impl Bearer {
    /// Whom one of our own tokens names.
    pub(super) fn of(claims: &Claims) -> Self {
        let acts_for_itself = claims.sub.starts_with(APPLICATION_SUBJECT_PREFIX);
        Self {
            user: (!acts_for_itself).then(|| claims.sub.clone()),
            application: claimed_application(claims).cloned(),
            environment: claims.environment.clone(),
            issuer: None,
            grant: Some(claims.grant.clone()),
            expires_at_s: claims.exp,
            foreign: None,
        }
    }
}

impl Identity<'_> {
    /// The permissions' names, space separated, as the service is told.
    #[must_use]
    pub fn permission_names(&self) -> &Arc<str> {
        &self.allowed.permission_names
    }

    /// Whether the token gives less than the roles and the connection do.
    #[must_use]
    pub fn mode(&self) -> Mode {
        let is_limited = self.limits.as_ref().is_some_and(|limits| limits.of_token.is_some());
        if is_limited { Mode::Limited } else { Mode::Full }
    }
}

#[cfg(test)]
impl Identity<'_> {
    /// The same beyond the catalog's life.
    pub(crate) fn into_owned(self) -> Identity<'static> {
        Identity { allowed: Cow::Owned(self.allowed.into_owned()), bearer: self.bearer, limits: self.limits }
    }
}

/// What stands between a caller and all that the roles allow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What the roles allow.
    pub of_roles: PermissionSet,
    /// What the connection is limited to, where it is.
    pub of_connection: Option<Arc<LiveMembership>>,
    /// What the token is limited to, where it is.
    pub of_token: Option<LiveMembership>,
}

/// The proof that the caller is known, or that no token was required.
#[derive(Clone, Debug)]
pub struct Identified<'s>(pub(super) Option<Identity<'s>>);

impl<'s> Identified<'s> {
    /// The proof for an operation whose access asks for no token.
    #[must_use]
    pub fn not_required(access: Access) -> Option<Self> {
        (!access.needs_token()).then_some(Self(None))
    }

    /// Who calls.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity<'s>> {
        self.0.as_ref()
    }

    /// Who calls, by value.
    #[must_use]
    pub fn into_identity(self) -> Option<Identity<'s>> {
        self.0
    }
}

/// Looks at everything about a verified token that can change: on every call, also for a remembered signature.
///
/// # Errors
/// 401, or 403 `application-mismatch`.
pub fn identify<'s>(
    catalog: &'s Catalog,
    api: &LiveApi,
    verified: &Verified,
    subscribed: &Subscribed<'_>,
    now_us: i64,
) -> Result<Identified<'s>, Refusal> {
    let claims = &verified.claims;
    check_standing(catalog, verified, now_us)?;
    let connected = match claimed_application(claims) {
        Some(name) => Some(connection(catalog, name, &claims.environment)?),
        None => None,
    };
    let own_name = claims.sub.strip_prefix(APPLICATION_SUBJECT_PREFIX);
    let roles = match own_name {
        None => roles_of_user(catalog, &claims.sub, &claims.environment)?,
        Some(name) => own_roles(name, claims, connected.map(|(_, connection)| connection))?,
    };
    if let Some((application, _)) = connected {
        bound(api, subscribed, Some(&claims.client_id), Some(&application.developer))?;
    }
    let limit = connected.and_then(|(_, connection)| connection.limit.as_ref());
    // A scope counts even where the mode doesn't announce it, and a mode that announces one that isn't there leaves
    // nothing: a token only ever narrows.
    let is_limited = claims.mode == Mode::Limited || claims.scope.is_some();
    let scope = is_limited.then(|| claims.scope.as_deref().unwrap_or_default());
    let (allowed, limits) = narrow(catalog, Cow::Borrowed(roles), limit, scope);
    Ok(Identified(Some(Identity { bearer: Arc::clone(&verified.bearer), allowed, limits })))
}

fn invalid(words: String) -> Refusal {
    refuse(Cause::TokenInvalid, words)
}

/// Whether the key is still trusted, the time right and the grant not revoked.
fn check_standing(catalog: &Catalog, verified: &Verified, now_us: i64) -> Result<(), Refusal> {
    let claims = &verified.claims;
    let key = catalog.trusted_keys.get(&verified.kid);
    if key.is_none_or(|key| key.trusted_until_us.is_some_and(|until| now_us >= until)) {
        return Err(invalid(format!("signing key {} is not trusted any more", verified.kid)));
    }
    let now_s = now_us.div_euclid(1_000_000);
    if now_s >= claims.exp {
        return Err(refuse(Cause::TokenExpired, format!("expired {} s ago", now_s - claims.exp)));
    }
    if claims.nbf.is_some_and(|nbf| now_s < nbf) {
        return Err(invalid("not yet in time".into()));
    }
    if catalog.revoked_grants.contains(&claims.grant) {
        return Err(invalid(format!("grant {} was revoked", claims.grant)));
    }
    Ok(())
}

fn claimed_application(claims: &Claims) -> Option<&Name> {
    (&*claims.client_id != OPERATOR_CLIENT_ID).then_some(&claims.client_id)
}

fn roles_of_user<'c>(catalog: &'c Catalog, name: &str, environment: &str) -> Result<&'c LiveMembership, Refusal> {
    let Some(user) = catalog.users.get(name).filter(|user| !user.disabled) else {
        return Err(invalid(format!("user {name} is unknown or disabled")));
    };
    let roles = user.memberships.get(environment).map(|member| &member.allowed);
    roles.ok_or_else(|| invalid(format!("user {name} is no longer in environment {environment}")))
}

/// An application that isn't switched off, and its connection to the environment.
fn connection<'c>(
    catalog: &'c Catalog,
    name: &str,
    environment: &str,
) -> Result<(&'c LiveApplication, &'c LiveConnection), Refusal> {
    let Some(application) = catalog.applications.get(name).filter(|application| !application.disabled) else {
        return Err(invalid(format!("application {name} is unknown or disabled")));
    };
    let Some(connection) = application.connections.get(environment) else {
        return Err(invalid(format!("application {name} is not connected to environment {environment}")));
    };
    Ok((application, connection))
}

/// What an application that acts for itself may do: the subject is the application itself, and its connection lets it.
fn own_roles<'c>(
    name: &str,
    claims: &Claims,
    connection: Option<&'c LiveConnection>,
) -> Result<&'c LiveMembership, Refusal> {
    let Some(connection) = connection.filter(|_| name == &*claims.client_id) else {
        let words = format!("the subject is application {name} and the token is {}'s", claims.client_id);
        return Err(invalid(words));
    };
    connection.own.as_ref().ok_or_else(|| {
        invalid(format!("application {name} may no longer act for itself in environment {}", claims.environment))
    })
}

/// What connection and token leave of the roles, and by what. Who is limited by neither has what the roles allow,
/// untouched.
pub(super) fn narrow<'s>(
    catalog: &Catalog,
    roles: Cow<'s, LiveMembership>,
    limit: Option<&Arc<LiveMembership>>,
    scope: Option<&str>,
) -> (Cow<'s, LiveMembership>, Option<Box<Limits>>) {
    if limit.is_none() && scope.is_none() {
        return (roles, None);
    }
    let of_token = scope.map(|scope| LiveMembership {
        permissions: catalog.permissions.set(scope.split(' ')),
        permission_names: scope.into(),
    });
    let leaves = |bit| {
        limit.is_none_or(|limit| limit.permissions.contains(bit))
            && of_token.as_ref().is_none_or(|token| token.permissions.contains(bit))
    };
    let names = roles.permission_names.split(' ').filter(|name| catalog.permissions.bit(name).is_some_and(leaves));
    let names: Vec<&str> = names.collect();
    let allowed = LiveMembership {
        permissions: catalog.permissions.set(names.iter().copied()),
        permission_names: names.join(" ").into(),
    };
    let of_roles = roles.permissions.clone();
    (Cow::Owned(allowed), Some(Box::new(Limits { of_roles, of_connection: limit.cloned(), of_token })))
}

/// Key and token must be of one developer, unless the API lets them differ: `owner` is the application's, where there is
/// one that we know.
pub(super) fn bound(
    api: &LiveApi,
    subscribed: &Subscribed<'_>,
    application: Option<&Name>,
    owner: Option<&Name>,
) -> Result<(), Refusal> {
    let Some(granted) = subscribed.granted() else { return Ok(()) };
    let (subscription, developer) = (granted.subscription.id, granted.subscription.developer());
    if api.api.bind == Bind::None || owner.is_some_and(|owner| **owner == *developer) {
        return Ok(());
    }
    let refused = Refusal::new(Cause::ApplicationMismatch);
    let Some(owner) = owner else {
        let named = application.map_or_else(|| "no application".to_owned(), |name| format!("application {name}"));
        return Err(refused
            .message("The access token belongs to no application of the developer of the subscription key.")
            .operator_words(format!(
                "the token is of {named}, which is not declared, subscription {subscription} is {developer}'s"
            )));
    };
    let application = application.map_or("", |name| &**name);
    Err(refused
        .message("The access token belongs to another developer's application than the subscription key.")
        .operator_words(format!(
            "application {application} is {owner}'s, subscription {subscription} is {developer}'s"
        )))
}

#[cfg(test)]
mod tests;
