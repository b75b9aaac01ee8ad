//! What the names in a token of another issuer mean here: which environment, which user, which application.
//!
//! The names of the issuer's users and ours meet in the environments that were given to it, and nowhere else: it can
//! name a user of ours only where that user is a member of such an environment.

use super::claims::{Claims, shown};
use super::invalid;
use crate::contract::Refusal;
use crate::model::{Name, TrustedIssuer};
use crate::snapshot::{Catalog, LiveApplication};
use crate::token::{APPLICATION_SUBJECT_PREFIX, OPERATOR_CLIENT_ID};

/// The longest name of a user or an application.
pub(super) const NAME_CHARACTERS_MAX: usize = 200;
/// Most issuers write this instead of `client_id` (OpenID Connect Core §2).
const AUTHORIZED_PARTY: &str = "azp";

/// The environment that it names, or the only one that its issuer has.
pub(super) fn environment(settings: &TrustedIssuer, claims: &Claims) -> Result<Name, Refusal> {
    let Some(claim) = &settings.claims.environment else {
        return match settings.environments.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(invalid(format!("issuer {} has several environments and no claims.environment", settings.name))),
        };
    };
    let named = claims.text(claim).map_err(invalid)?;
    let named = named.ok_or_else(|| invalid(format!("it names no environment (claim {claim})")))?;
    settings.environments.iter().find(|one| ***one == *named).cloned().ok_or_else(|| {
        let words = format!("it names environment {}, which issuer {} was not given", shown(named), settings.name);
        invalid(words)
    })
}

/// The user. One whom we know must be a member of the environment, and not switched off.
pub(super) fn user(
    catalog: &Catalog,
    settings: &TrustedIssuer,
    claims: &Claims,
    environment: &Name,
) -> Result<Name, Refusal> {
    let claim = &settings.claims.user;
    let named = claims.text(claim).map_err(invalid)?;
    let named = named.ok_or_else(|| invalid(format!("it names no user (claim {claim})")))?;
    let name = format!("{}{named}", settings.user_prefix.as_deref().unwrap_or_default());
    // A service reads the name from a field, of which many drop spaces at the ends.
    let is_plain = named.trim() == named && name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if named.is_empty() || name.len() > NAME_CHARACTERS_MAX || !is_plain {
        return Err(invalid(format!("its user {} can't be a name here: other characters or length", shown(named))));
    }
    let small = name.to_ascii_lowercase();
    if small.starts_with(APPLICATION_SUBJECT_PREFIX) {
        return Err(invalid("its user has the name that an application has when it acts for itself".to_owned()));
    }
    if let Some(known) = catalog.users.get(small.as_str()) {
        if small != name {
            return Err(invalid(format!("its user {name} differs from user {small} in capitals only")));
        }
        if known.disabled {
            return Err(invalid(format!("user {name} is disabled")));
        }
        if !known.memberships.contains_key(environment) {
            return Err(invalid(format!("user {name} is one of ours and not in environment {environment}")));
        }
    }
    Ok(name.into())
}

/// The application, and what we know of it. One whom we know must not be switched off.
pub(super) fn application<'c>(
    catalog: &'c Catalog,
    settings: &TrustedIssuer,
    claims: &Claims,
) -> Result<(Option<Name>, Option<&'c LiveApplication>), Refusal> {
    let claim = &settings.claims.application;
    let mut named = claims.text(claim).map_err(invalid)?;
    if named.is_none() && *claim == crate::model::ClaimNames::default().application {
        named = claims.text(AUTHORIZED_PARTY).map_err(invalid)?;
    }
    let Some(name) = named else { return Ok((None, None)) };
    // What a connection uses is counted under names that have no space in them.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic());
    if !(1..=NAME_CHARACTERS_MAX).contains(&name.len()) || !is_plain || name == OPERATOR_CLIENT_ID {
        return Err(invalid(format!("its application {} can't be a name here", shown(name))));
    }
    let known = catalog.applications.get(name);
    let small = name.to_ascii_lowercase();
    if known.is_none() && catalog.applications.contains_key(small.as_str()) {
        return Err(invalid(format!("its application {name} differs from application {small} in capitals only")));
    }
    if known.is_some_and(|known| known.disabled) {
        return Err(invalid(format!("application {name} is disabled")));
    }
    Ok((Some(name.into()), known))
}
