//! An issuer as calls see it: what its roles mean is found out once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::{Declared, Name, TrustedIssuer};

/// An issuer as calls see it.
#[derive(Debug)]
pub struct LiveIssuer {
    /// As declared.
    pub settings: TrustedIssuer,
    /// What a value of its roles claim allows.
    allowed: HashMap<String, Vec<Name>, RandomState>,
}

impl LiveIssuer {
    pub(crate) fn new(settings: &TrustedIssuer, declared: &Declared) -> Self {
        let of_roles = |names: &[Name]| {
            let roles = declared.roles.iter().filter(|role| names.contains(&role.name));
            roles.flat_map(|role| role.permissions.iter().cloned()).collect::<Vec<_>>()
        };
        let allowed = if settings.roles.is_empty() {
            declared.roles.iter().map(|role| (role.name.to_string(), role.permissions.clone())).collect()
        } else {
            settings.roles.iter().map(|(value, names)| (value.clone(), of_roles(names))).collect()
        };
        Self { settings: settings.clone(), allowed }
    }

    /// Whether its tokens may call the API.
    #[must_use]
    pub fn accepts(&self, api: &str) -> bool {
        self.settings.apis.is_empty() || self.settings.apis.iter().any(|one| **one == *api)
    }

    /// The permissions of a value of its roles claim; none for what it means nothing by here.
    pub(crate) fn permissions(&self, value: &str) -> &[Name] {
        self.allowed.get(value).map_or(&[], Vec::as_slice)
    }
}
