//! Operation-level permission as a bitset: what a user's roles in an environment allow.

use crate::contract::{Cause, Refusal};
use crate::model::Name;
use crate::snapshot::{Catalog, LiveOperation};
use crate::token::{Identified, Identity};

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
pub struct Permitted {
    identity: Option<Identity>,
}

impl Permitted {
    /// Who calls, where a token was required.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

/// Whether whoever was identified may perform the operation.
///
/// # Errors
/// 403 `permission-denied`, naming the permission and the roles that grant it; fails closed where an operation asks
/// for a permission and nobody was identified.
pub fn permit(catalog: &Catalog, operation: &LiveOperation, identified: Identified) -> Result<Permitted, Refusal> {
    let identity = identified.into_identity();
    let Some((bit, permission)) = &operation.permission else { return Ok(Permitted { identity }) };
    let Some(identity) = identity else {
        // An operation that asks for no token can't ask for a permission; the configuration check says so too.
        return Err(denied(catalog, permission, "nobody", "the operation asks for a permission and no token"));
    };
    if identity.permissions.contains(*bit) {
        return Ok(Permitted { identity: Some(identity) });
    }
    let environment = identity.environment.clone();
    let words = format!("user {} lacks {permission} in environment {environment}", identity.user);
    Err(denied(catalog, permission, &environment, words))
}

fn denied(catalog: &Catalog, permission: &Name, environment: &str, operator_words: impl Into<String>) -> Refusal {
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
    // No challenge: roles decide here and not scopes, so another token would not help.
    Refusal::new(Cause::PermissionDenied)
        .message(format!("This operation needs the permission {permission}, which the user does not have. {granted_by}"))
        .detail(format!(
            "The permission {permission} is missing in the environment {environment}. {granted_by} Ask the environment's administrator."
        ))
        .operator_words(operator_words.into())
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
