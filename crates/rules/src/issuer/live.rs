//! An issuer as calls see it: what its roles mean is found out once.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::{Declared, Name, Role, TrustedIssuer};

/// An issuer as calls see it.
#[derive(Debug)]
pub struct LiveIssuer {
    /// As declared.
    pub settings: TrustedIssuer,
    /// What a value of its roles claim means.
    meanings: HashMap<String, Meaning, RandomState>,
}

/// What a value of a roles claim means here.
#[derive(Debug)]
struct Meaning {
    roles: Vec<Name>,
    permissions: Vec<Name>,
}

impl LiveIssuer {
    pub(crate) fn new(settings: &TrustedIssuer, declared: &Declared) -> Self {
        let meaning = |names: &[Name]| {
            let roles = declared.roles.iter().filter(|role| names.contains(&role.name));
            let permissions = roles.clone().flat_map(|role| role.permissions.iter().cloned()).collect();
            Meaning { roles: roles.map(|role| role.name.clone()).collect(), permissions }
        };
        let meanings = if settings.roles.is_empty() {
            let own = |role: &Role| (role.name.to_string(), meaning(std::slice::from_ref(&role.name)));
            declared.roles.iter().map(own).collect()
        } else {
            settings.roles.iter().map(|(value, names)| (value.clone(), meaning(names))).collect()
        };
        Self { settings: settings.clone(), meanings }
    }

    /// Whether its tokens may call the API.
    #[must_use]
    pub fn accepts(&self, api: &str) -> bool {
        self.settings.apis.is_empty() || self.settings.apis.iter().any(|one| **one == *api)
    }

    /// The permissions of a value of its roles claim; none for what it means nothing by here.
    pub(crate) fn permissions(&self, value: &str) -> &[Name] {
        self.meanings.get(value).map_or(&[], |meaning| meaning.permissions.as_slice())
    }

    /// The roles that a value of its roles claim means.
    pub(crate) fn roles(&self, value: &str) -> &[Name] {
        self.meanings.get(value).map_or(&[], |meaning| meaning.roles.as_slice())
    }
}
