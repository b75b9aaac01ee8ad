//! Who may do what, as calls see it: users and their roles, applications and where they are connected.
//!
//! Everything that a call asks is found by borrowed names, so that a call allocates nothing here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Named;
use crate::model::{Application, Attributes, Connection, Declared, Name};
use crate::permission::PermissionSet;
use crate::policy::Principal;

/// A user as calls see them.
#[derive(Debug)]
pub struct LiveUser {
    /// Whether they were switched off.
    pub disabled: bool,
    /// What they are, by environment.
    pub memberships: Named<LiveMember>,
    /// What policies read of them where they have no membership, and another issuer lets them in.
    pub anywhere: Principal,
}

/// What a user is in an environment.
#[derive(Debug)]
pub struct LiveMember {
    /// What their roles allow.
    pub allowed: LiveMembership,
    /// What policies read of them.
    pub principal: Principal,
}

/// What roles in an environment allow: a user's there, or an application's own.
#[derive(Clone, Debug, Default)]
pub struct LiveMembership {
    /// As bits.
    pub permissions: PermissionSet,
    /// As names, sorted and space separated.
    pub permission_names: Arc<str>,
}

/// An application as calls see it.
#[derive(Debug)]
pub struct LiveApplication {
    /// Whose it is.
    pub developer: Name,
    /// Whether it was switched off.
    pub disabled: bool,
    /// Where it may act, by environment.
    pub connections: Named<LiveConnection>,
}

/// An application's approval in an environment, as calls see it.
#[derive(Debug)]
pub struct LiveConnection {
    /// What it is limited to; none: whatever its users may do.
    pub limit: Option<Arc<LiveMembership>>,
    /// What it may do for itself; none: it may not act for itself.
    pub own: Option<LiveMembership>,
    /// What policies read of it where it acts for itself.
    pub own_principal: Principal,
}

/// The number of each permission that somebody names.
#[derive(Clone, Debug, Default)]
pub struct PermissionBits(Arc<Named<u32>>);

impl PermissionBits {
    /// Gives each permission that an operation, role or connection names a bit.
    pub(super) fn of(declared: &Declared) -> Self {
        let of_roles = declared.roles.iter().flat_map(|role| &role.permissions);
        let of_operations =
            declared.apis.iter().flat_map(|api| &api.operations).filter_map(|one| one.permission.as_ref());
        let mut bits = Named::default();
        for permission in of_roles.chain(of_operations) {
            let next = u32::try_from(bits.len()).unwrap_or(u32::MAX);
            bits.entry(permission.clone()).or_insert(next);
        }
        Self(Arc::new(bits))
    }

    /// The permission's bit; none for what neither a role nor an operation names, which nobody can have.
    #[must_use]
    pub fn bit(&self, permission: &str) -> Option<u32> {
        self.0.get(permission).copied()
    }

    /// The set of these permissions.
    pub fn set<'n>(&self, names: impl Iterator<Item = &'n str>) -> PermissionSet {
        let mut set = PermissionSet::default();
        names.filter_map(|name| self.bit(name)).for_each(|bit| set.insert(bit));
        set
    }

    /// What these permissions, in any order and number, allow.
    pub(crate) fn membership<'n>(&self, names: impl Iterator<Item = &'n str>) -> LiveMembership {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        let permissions = self.set(names.iter().copied());
        LiveMembership { permissions, permission_names: names.join(" ").into() }
    }

    fn of_roles(&self, roles: &[Name], declared: &Declared) -> LiveMembership {
        let roles = declared.roles.iter().filter(|role| roles.contains(&role.name));
        self.membership(roles.flat_map(|role| &role.permissions).map(|name| &**name))
    }
}

/// All users. Those of the same roles share what these allow: there may be many users, and there are few roles.
pub(super) fn live_users(declared: &Declared, bits: &PermissionBits) -> Named<LiveUser> {
    let mut allowed: HashMap<&[Name], (LiveMembership, Arc<[Name]>)> = HashMap::new();
    let mut users = Named::default();
    for user in &declared.users {
        let memberships = user.memberships.iter().map(|one| {
            let made = || (bits.of_roles(&one.roles, declared), one.roles.as_slice().into());
            let (roles, names) = allowed.entry(&one.roles).or_insert_with(made);
            let principal = Principal::new(Arc::clone(names), &user.attributes, &one.attributes);
            (one.environment.clone(), LiveMember { allowed: roles.clone(), principal })
        });
        let live = LiveUser {
            disabled: user.disabled,
            memberships: memberships.collect(),
            anywhere: Principal::new(Arc::default(), &user.attributes, &Attributes::new()),
        };
        users.insert(user.name.clone(), live);
    }
    users
}

/// All applications with their connections. A connection in an environment that isn't declared counts for nothing.
pub(super) fn live_applications(declared: &Declared, bits: &PermissionBits) -> Named<LiveApplication> {
    let live = |one: &Application| LiveApplication {
        developer: one.developer.clone(),
        disabled: one.disabled,
        connections: Named::default(),
    };
    let mut applications: Named<LiveApplication> =
        declared.applications.iter().map(|one| (one.name.clone(), live(one))).collect();
    let environments: HashSet<&Name> = declared.environments.iter().map(|one| &one.name).collect();
    for connection in declared.connections.iter().filter(|one| environments.contains(&one.environment)) {
        if let Some(application) = applications.get_mut(&connection.application) {
            let live = live_connection(connection, declared, bits);
            application.connections.insert(connection.environment.clone(), live);
        }
    }
    applications
}

fn live_connection(connection: &Connection, declared: &Declared, bits: &PermissionBits) -> LiveConnection {
    let limit = connection.scopes.as_ref().map(|scopes| Arc::new(bits.membership(scopes.iter().map(|one| &**one))));
    let own = (!connection.own_roles.is_empty()).then(|| bits.of_roles(&connection.own_roles, declared));
    let none = Attributes::new();
    let own_principal = Principal::new(connection.own_roles.as_slice().into(), &none, &none);
    LiveConnection { limit, own, own_principal }
}
