//! Takes the sample of the first run away, and nothing that came to depend on it since.

use axum::Json;
use axum::extract::State;
use limen_rules::model::{Connection, Declared, Name, connection_name};
use limen_rules::record::Subscription;
use limen_store::{ResourceId, ResourceKind};

use super::failure::AdminFailure;
use super::subscriptions::alive;
use super::{Admin, Answered};
use crate::audit::Who;
use crate::ports::Sample;
use crate::wire::Applied;

/// What goes with the sample, and what stays without it.
#[derive(Debug, Default)]
struct Removal {
    /// Products that stay, without the sample's APIs.
    changed: Declared,
    /// What goes, in an order that leaves no name dangling; the APIs last, as they tell that the sample is there.
    gone: Vec<ResourceId>,
}

impl Removal {
    /// A product, application, role or environment of the sample that something else uses by now stays.
    fn of(sample: &Sample, declared: &Declared) -> Self {
        let mut removal = Self::default();
        for product in &declared.products {
            let mut left = product.clone();
            left.apis.retain(|api| !sample.apis.contains(api));
            if left.apis.is_empty() && sample.products.contains(&product.name) {
                removal.take(ResourceKind::Product, &product.name);
            } else if left != *product {
                removal.changed.products.push(left);
            }
        }
        removal.take_sign_in(sample, declared);
        for user in declared.users.iter().filter(|user| sample.users.contains(&user.name)) {
            removal.take(ResourceKind::User, &user.name);
        }
        let others = || declared.users.iter().filter(|user| !sample.users.contains(&user.name));
        let memberships = || others().flat_map(|user| &user.memberships);
        for environment in declared.environments.iter().filter(|one| sample.environments.contains(&one.name)) {
            let is_used = memberships().any(|membership| membership.environment == environment.name)
                || removal.connections_left(declared).any(|one| one.environment == environment.name);
            if !is_used {
                removal.take(ResourceKind::Environment, &environment.name);
            }
        }
        for role in declared.roles.iter().filter(|role| sample.roles.contains(&role.name)) {
            let is_used = memberships().any(|membership| membership.roles.contains(&role.name))
                || removal.connections_left(declared).any(|one| one.own_roles.contains(&role.name));
            if !is_used {
                removal.take(ResourceKind::Role, &role.name);
            }
        }
        for api in declared.apis.iter().filter(|api| sample.apis.contains(&api.name)) {
            removal.take(ResourceKind::Api, &api.name);
        }
        removal
    }

    /// The sample's connections, and its applications that are connected to nothing else.
    fn take_sign_in(&mut self, sample: &Sample, declared: &Declared) {
        let (ours, others): (Vec<_>, Vec<_>) = declared.connections.iter().partition(|one| {
            sample.applications.contains(&one.application) && sample.environments.contains(&one.environment)
        });
        for connection in ours {
            self.take(ResourceKind::Connection, &connection_name(&connection.application, &connection.environment));
        }
        for application in declared.applications.iter().filter(|one| sample.applications.contains(&one.name)) {
            if !others.iter().any(|one| one.application == application.name) {
                self.take(ResourceKind::Application, &application.name);
            }
        }
    }

    /// The connections that stay.
    fn connections_left<'d>(&self, declared: &'d Declared) -> impl Iterator<Item = &'d Connection> {
        let gone: Vec<Name> =
            self.gone.iter().filter(|one| one.kind == ResourceKind::Connection).map(|one| one.name.clone()).collect();
        declared
            .connections
            .iter()
            .filter(move |one| !gone.contains(&connection_name(&one.application, &one.environment)))
    }

    fn take(&mut self, kind: ResourceKind, name: &Name) {
        self.gone.push(ResourceId { kind, name: name.clone() });
    }

    /// Whether the subscription ends: its product goes, or it is the sample's own, whose keys were on a screen.
    fn ends(&self, sample: &Sample, subscription: &Subscription) -> bool {
        let is_product = |one: &ResourceId| one.kind == ResourceKind::Product && one.name == subscription.product;
        sample.subscriptions.contains(&subscription.id) || self.gone.iter().any(is_product)
    }
}

/// `DELETE /v1/sample`
pub(super) async fn remove(State(admin): State<Admin>, who: Who) -> Answered<Applied> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let sample = &admin.portal.sample;
    if !declared.apis.iter().any(|api| sample.apis.contains(&api.name)) {
        return Err(AdminFailure::conflict("The sample isn't there.", "There is nothing to remove."));
    }
    let removal = Removal::of(sample, &declared);
    let mut cancelled = Vec::new();
    for subscription in admin.portal.store.subscriptions(None).await? {
        if alive(subscription.state) && removal.ends(sample, &subscription) {
            admin.cancel(&subscription.id).await?;
            cancelled.push(format!("subscription {}", subscription.id));
        }
    }
    let mut applied = admin.replace(&removal.changed, &removal.gone).await?;
    applied.changed.append(&mut cancelled);
    who.did("remove sample", &applied.removed.join(", "));
    admin.live().await?;
    Ok(Json(applied))
}
