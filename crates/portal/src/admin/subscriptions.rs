//! Subscriptions: asked for, listed, and moved through their life.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::model::{CountedBy, Declared, Name, Product};
use limen_rules::quota::{AccountKey, Meter};
use limen_rules::record::{StoredKey, Subscription, SubscriptionState, Which};
use limen_rules::snapshot::{CONNECTION_START_US, account_of, account_of_connection};

use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered, id};
use crate::audit::Who;
use crate::ports::GatewayView;
use crate::wire::{
    ConnectionUsage, KeyLine, MadeSubscription, MakeSubscription, MoveSubscription, SubscriptionAction,
    SubscriptionLine, UsageLine,
};

/// Connections whose use is told with a subscription.
const CONNECTIONS_MAX: usize = 100;

/// `GET /v1/subscriptions`
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<SubscriptionLine>> {
    let now_us = admin.now_us();
    let subscriptions = admin.portal.store.subscriptions(None).await?;
    Ok(Json(subscriptions.into_iter().map(|one| line(one, admin.portal.gateway.as_ref(), now_us)).collect()))
}

/// `GET /v1/subscriptions/ID`
pub(super) async fn show(State(admin): State<Admin>, Named(id): Named) -> Answered<SubscriptionLine> {
    let subscription = admin.portal.store.subscription(&id).await?;
    let now_us = admin.now_us();
    let declared = admin.portal.store.declared().await?;
    let product = declared.products.iter().find(|product| product.name == subscription.product);
    let (account, start_us) = (account_of(&subscription.id), subscription.started_at_us);
    let mut line = line(subscription, admin.portal.gateway.as_ref(), now_us);
    if let Some(product) = product {
        line.usage = filled(line.usage, limits(&admin, product, account, start_us, now_us).await?);
        line.counted_by = Some(product.counted_by);
        line.connections = connections(&admin, &declared, product, &line.developer, now_us).await?;
    }
    Ok(Json(line))
}

/// What each connection of the developer's applications has used, where the product counts connections.
async fn connections(
    admin: &Admin,
    declared: &Declared,
    product: &Product,
    developer: &Name,
    now_us: i64,
) -> Result<Vec<ConnectionUsage>, AdminFailure> {
    if product.counted_by != CountedBy::Connection {
        return Ok(Vec::new());
    }
    let own: HashSet<&Name> =
        declared.applications.iter().filter(|one| one.developer == *developer).map(|one| &one.name).collect();
    let mut told = Vec::new();
    for one in declared.connections.iter().filter(|one| own.contains(&one.application)).take(CONNECTIONS_MAX) {
        let account = account_of_connection(&product.name, &one.application, &one.environment);
        let limits = limits(admin, product, account, CONNECTION_START_US, now_us).await?;
        let usage = filled(admin.portal.gateway.usage(account), limits);
        told.push(ConnectionUsage {
            application: one.application.clone(),
            environment: one.environment.clone(),
            usage,
        });
    }
    Ok(told)
}

/// What the product allows an account, with what the books say was used of it: told before the first call of a process
/// too.
async fn limits(
    admin: &Admin,
    product: &Product,
    account: AccountKey,
    start_us: i64,
    now_us: i64,
) -> Result<Option<UsageLine>, AdminFailure> {
    let mut told = UsageLine { window_limit: product.rate.map(|rate| u64::from(rate.calls)), ..UsageLine::default() };
    let quota = product.quota.as_ref();
    if let Some((quota, span)) = quota.and_then(|quota| Some((quota, quota.period.span(start_us, now_us).ok()?))) {
        let store = &admin.portal.store;
        let (calls, bytes) = (
            store.quota_row(account, Meter::Calls, span.begin_us).await?,
            store.quota_row(account, Meter::Bytes, span.begin_us).await?,
        );
        told.period_calls = quota.calls.map(|_| calls.debited);
        told.period_calls_limit = quota.calls;
        told.period_bytes = quota.bytes.map(|_| bytes.debited);
        told.period_bytes_limit = quota.bytes;
        told.period_ends_at_us = Some(span.end_us);
    }
    Ok((told != UsageLine::default()).then_some(told))
}

/// What the process counts, and for what it has not counted yet, what the books say.
fn filled(live: Option<UsageLine>, books: Option<UsageLine>) -> Option<UsageLine> {
    let (Some(live), Some(books)) = (live.clone(), books.clone()) else { return live.or(books) };
    Some(UsageLine {
        window_calls: live.window_calls,
        window_limit: books.window_limit,
        period_calls: live.period_calls.or(books.period_calls),
        period_calls_limit: books.period_calls_limit,
        period_bytes: live.period_bytes.or(books.period_bytes),
        period_bytes_limit: books.period_bytes_limit,
        period_ends_at_us: books.period_ends_at_us,
    })
}

/// `POST /v1/subscriptions`
pub(super) async fn make(
    State(admin): State<Admin>,
    who: Who,
    Read(asked): Read<MakeSubscription>,
) -> Answered<MadeSubscription> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let product = product(&declared, &asked)?;
    if asked.ends_at_us.is_some_and(|ends| ends <= admin.now_us()) {
        return Err(AdminFailure::wrong(
            "The subscription would end before it begins.",
            "Tell an end that is to come.",
        ));
    }
    let made = admin.make_subscription(&asked, product.approval_needed).await?;
    who.did("make subscription", &made.id);
    admin.live().await?;
    Ok(Json(made))
}

/// The product, if both it and the developer are there.
fn product<'d>(declared: &'d Declared, asked: &MakeSubscription) -> Result<&'d Product, AdminFailure> {
    let developers = || declared.developers.iter().map(|developer| developer.name.as_ref());
    if !developers().any(|one| one == &*asked.developer) {
        let near = nearest(&asked.developer, developers());
        return Err(AdminFailure::unknown_name("developer", &asked.developer, near));
    }
    declared.products.iter().find(|product| product.name == asked.product).ok_or_else(|| {
        let near = nearest(&asked.product, declared.products.iter().map(|product| product.name.as_ref()));
        AdminFailure::unknown_name("product", &asked.product, near)
    })
}

/// `POST /v1/subscriptions/ID/state`
pub(super) async fn step(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<MoveSubscription>,
) -> Answered<SubscriptionLine> {
    let _turn = admin.turn().await;
    let now_us = admin.now_us();
    let present = state_at(&admin.portal.store.subscription(&id).await?, now_us);
    let next = after(present, asked.action).ok_or_else(|| {
        AdminFailure::conflict(
            format!("The subscription {id} is {}; it can't be {}.", present.word(), done_word(asked.action)),
            way_out(present),
        )
    })?;
    let subscription = admin.portal.store.set_subscription_state(&id, next, now_us).await?;
    who.did("move subscription", &format!("{id} to {}", next.word()));
    admin.live().await?;
    Ok(Json(line(subscription, admin.portal.gateway.as_ref(), now_us)))
}

/// Where an action leads from a state; none: nowhere.
fn after(state: SubscriptionState, action: SubscriptionAction) -> Option<SubscriptionState> {
    use SubscriptionState as To;
    match (state, action) {
        (To::Requested, SubscriptionAction::Approve) | (To::Suspended, SubscriptionAction::Resume) => Some(To::Active),
        (To::Requested, SubscriptionAction::Reject) => Some(To::Rejected),
        (To::Active, SubscriptionAction::Suspend) => Some(To::Suspended),
        (To::Requested | To::Active | To::Suspended, SubscriptionAction::Cancel) => Some(To::Cancelled),
        _ => None,
    }
}

/// The state as it is at `now_us`: a subscription whose time is over has expired, whatever its row says.
fn state_at(subscription: &Subscription, now_us: i64) -> SubscriptionState {
    if alive(subscription.state) && subscription.ends_at_us.is_some_and(|ends| ends <= now_us) {
        SubscriptionState::Expired
    } else {
        subscription.state
    }
}

/// Whether a subscription in that state has a future.
pub(super) fn alive(state: SubscriptionState) -> bool {
    matches!(state, SubscriptionState::Requested | SubscriptionState::Active | SubscriptionState::Suspended)
}

fn done_word(action: SubscriptionAction) -> &'static str {
    match action {
        SubscriptionAction::Approve => "approved",
        SubscriptionAction::Reject => "rejected",
        SubscriptionAction::Suspend => "suspended",
        SubscriptionAction::Resume => "resumed",
        SubscriptionAction::Cancel => "cancelled",
    }
}

fn way_out(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Requested => "Approve, reject or cancel it.",
        SubscriptionState::Active => "Suspend or cancel it.",
        SubscriptionState::Suspended => "Resume or cancel it.",
        SubscriptionState::Cancelled | SubscriptionState::Rejected | SubscriptionState::Expired => {
            "It has come to its end. Make a new subscription."
        }
    }
}

/// What is told of a subscription: never a key, nor its hash.
fn line(subscription: Subscription, gateway: &dyn GatewayView, now_us: i64) -> SubscriptionLine {
    let keys = subscription.keys.iter().filter(|key| key.valid_until_us.is_none_or(|until| now_us < until));
    SubscriptionLine {
        state: state_at(&subscription, now_us),
        usage: gateway.usage(account_of(&subscription.id)),
        counted_by: None,
        connections: Vec::new(),
        keys: keys
            .map(|key| KeyLine { which: key.which, made_at_us: key.made_at_us, valid_until_us: key.valid_until_us })
            .collect(),
        id: subscription.id,
        product: subscription.product,
        developer: subscription.developer,
        created_at_us: subscription.created_at_us,
        ends_at_us: subscription.ends_at_us,
    }
}

impl Admin {
    /// A new key: its value, to be told once, and what is stored of it.
    pub(super) fn new_key(&self, which: Which) -> (String, StoredKey) {
        let key = limen_rules::key::generate(|bytes| self.portal.random.fill(bytes));
        let hash = limen_rules::key::hash(&key);
        (key, StoredKey { which, hash, made_at_us: self.now_us(), valid_until_us: None })
    }

    /// Makes the subscription, its references having been checked; until it is approved its keys open nothing.
    pub(super) async fn make_subscription(
        &self,
        asked: &MakeSubscription,
        approval_needed: bool,
    ) -> Result<MadeSubscription, AdminFailure> {
        let now_us = self.now_us();
        let (primary_key, primary) = self.new_key(Which::Primary);
        let (secondary_key, secondary) = self.new_key(Which::Secondary);
        let subscription = Subscription {
            id: id::make("sub_", 12, self.portal.random.as_ref()),
            product: asked.product.clone(),
            developer: asked.developer.clone(),
            state: if approval_needed { SubscriptionState::Requested } else { SubscriptionState::Active },
            created_at_us: now_us,
            started_at_us: now_us,
            ends_at_us: asked.ends_at_us,
            keys: vec![primary, secondary],
        };
        self.portal.store.insert_subscription(&subscription).await?;
        Ok(MadeSubscription { id: subscription.id, state: subscription.state, primary_key, secondary_key })
    }

    /// The subscription, if its keys may still be changed.
    pub(super) async fn living_subscription(&self, id: &str) -> Result<Subscription, AdminFailure> {
        let subscription = self.portal.store.subscription(id).await?;
        let state = state_at(&subscription, self.now_us());
        if alive(state) {
            return Ok(subscription);
        }
        Err(AdminFailure::conflict(
            format!("The subscription {id} is {}; its keys open nothing.", state.word()),
            way_out(state),
        ))
    }

    /// Cancels a subscription that is alive.
    pub(super) async fn cancel(&self, id: &str) -> Result<(), AdminFailure> {
        self.portal.store.set_subscription_state(id, SubscriptionState::Cancelled, self.now_us()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_steps_of_a_life_are_possible() {
        use SubscriptionAction::{Approve, Cancel, Reject, Resume, Suspend};
        use SubscriptionState::{Active, Cancelled, Expired, Rejected, Requested, Suspended};
        let steps = [
            (Requested, Approve, Active),
            (Requested, Reject, Rejected),
            (Requested, Cancel, Cancelled),
            (Active, Suspend, Suspended),
            (Active, Cancel, Cancelled),
            (Suspended, Resume, Active),
            (Suspended, Cancel, Cancelled),
        ];
        for state in [Requested, Active, Suspended, Cancelled, Rejected, Expired] {
            for action in [Approve, Reject, Suspend, Resume, Cancel] {
                let step = steps.iter().find(|(from, by, _)| *from == state && *by == action);
                assert_eq!(after(state, action), step.map(|(_, _, to)| *to), "{state:?} {action:?}");
            }
        }
    }
}
