//! Operation-level permission as a bitset: what a user's roles in an environment allow.

use crate::contract::{BearerError, Cause, Refusal};
use crate::model::Name;
use crate::snapshot::{Catalog, LiveOperation};
use crate::token::{Identified, Identity, Limits};

/// A set of permissions, each a bit whose number a catalog gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(Vec<u64>);

impl PermissionSet {
    /// Adds a permission.
    pub fn insert(&mut self, bit: u32) {
        let word = bit as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Whether a permission is in the set.
    #[must_use]
    pub fn contains(&self, bit: u32) -> bool {
        self.0.get(bit as usize / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// The bits in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(index, word)| {
            let base = u32::try_from(index * 64).unwrap_or(u32::MAX);
            (0..64_u32).filter(move |bit| word & (1 << bit) != 0).map(move |bit| base.saturating_add(bit))
        })
    }
}

/// The proof that the user may perform the operation, or that it asks for no permission.
#[derive(Clone, Debug)]
pub struct Permitted<'s> {
    identity: Option<Identity<'s>>,
}

impl<'s> Permitted<'s> {
    /// Who calls, where a token was required.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity<'s>> {
        self.identity.as_ref()
    }
}

/// Whether whoever was identified may perform the operation.
///
/// # Errors
/// 403 `permission-denied`, naming the permission and who can give it: with a challenge where the roles would allow it
/// and the token's scope or the connection doesn't. Fails closed where an operation asks for a permission and nobody
/// was identified.
pub fn permit<'s>(
    catalog: &Catalog,
    operation: &LiveOperation,
    identified: Identified<'s>,
) -> Result<Permitted<'s>, Refusal> {
    let identity = identified.into_identity();
    let Some((bit, permission)) = &operation.permission else { return Ok(Permitted { identity }) };
    let Some(identity) = identity else {
        // An operation that asks for no token can't ask for a permission; the configuration check says so too.
        return Err(denied(catalog, permission, None));
    };
    if identity.allowed.permissions.contains(*bit) {
        return Ok(Permitted { identity: Some(identity) });
    }
    match identity.limits.as_deref().filter(|limits| limits.of_roles.contains(*bit)) {
        Some(limits) => Err(insufficient(permission, *bit, &identity, limits)),
        None => Err(denied(catalog, permission, Some(&identity))),
    }
}

/// The roles don't allow it.
fn denied(catalog: &Catalog, permission: &Name, identity: Option<&Identity<'_>>) -> Refusal {
    let roles: Vec<&str> = catalog
        .roles
        .iter()
        .filter(|role| role.permissions.contains(permission))
        .map(|role| if role.title.is_empty() { &*role.name } else { role.title.as_str() })
        .collect();
    let granted_by = match roles.as_slice() {
        [] => "No role grants it yet; the API's publisher has to make one.".to_owned(),
        [one] => format!("The role {one} grants it."),
        [rest @ .., last] => format!("The roles {} and {last} grant it.", rest.join(", ")),
    };
    let bearer = identity.map(|identity| &*identity.bearer);
    let environment = bearer.map_or("nobody", |bearer| &*bearer.environment);
    let own = bearer.and_then(|bearer| bearer.application.as_ref().filter(|_| bearer.user.is_none()));
    let (whose, words) = match (bearer.and_then(|bearer| bearer.user.as_ref()), own) {
        (Some(user), _) => ("the user", format!("user {user} lacks {permission} in environment {environment}")),
        (None, Some(name)) => (
            "the application",
            format!("application {name} acts for itself and lacks {permission} in environment {environment}"),
        ),
        (None, None) => ("the user", "the operation asks for a permission and no token".to_owned()),
    };
    // No challenge: roles decide here and not scopes, so another token would not help.
    Refusal::new(Cause::PermissionDenied)
        .message(format!("This operation needs the permission {permission}, which {whose} does not have. {granted_by}"))
        .detail(format!(
            "The permission {permission} is missing in the environment {environment}. {granted_by} Ask the environment's administrator."
        ))
        .operator_words(words)
}

/// The roles allow it; the connection's limit or the token's scope doesn't (RFC 6750 §3.1).
fn insufficient(permission: &Name, bit: u32, identity: &Identity<'_>, limits: &Limits) -> Refusal {
    let environment = &identity.bearer.environment;
    let application = identity.bearer.application.as_deref().unwrap_or("an operator");
    let by_connection = limits.of_connection.as_ref().is_some_and(|limit| !limit.permissions.contains(bit));
    let (held_by, who, words) = if by_connection {
        (
            "the application's connection to this environment",
            format!(
                "The connection of the application {application} to the environment {environment} is limited to less: the environment's administrator can widen it, and the application then gets a new token."
            ),
            format!(
                "the connection of application {application} to environment {environment} does not cover {permission}"
            ),
        )
    } else {
        (
            "the access token",
            format!(
                "The roles and the connection allow it, and the token was asked for with less: the application has to ask for the scope {permission}, or for none to get all."
            ),
            format!("the token of application {application} is limited and does not cover {permission}"),
        )
    };
    let mut refusal = Refusal::new(Cause::PermissionDenied)
        .message(format!("This operation needs the permission {permission}, which {held_by} does not cover. {who}"))
        .detail(format!("The permission {permission} is not covered in the environment {environment}."))
        .operator_words(words);
    refusal.challenges.token = Some(BearerError::InsufficientScope);
    refusal.scope = Some(permission.to_string());
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = PermissionSet::default();
        for bit in [0, 63, 64, 200] {
            set.insert(bit);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 200]);
        assert!(set.contains(64) && !set.contains(65) && !set.contains(100_000));
    }
}
