//! The rate and the quota on the path of a call, and the proof that everything was checked and charged.

use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::key::{Granted, Subscribed};
use limen_rules::model::Name;
use limen_rules::notice::Open;
use limen_rules::policy::Cleared;
use limen_rules::rate::RateTerms;
use limen_rules::rate_limit_header::{Figure, Policy};
use limen_rules::routing::Routed;
use limen_rules::snapshot::{CONNECTION_START_US, account_of_connection};
use limen_rules::token::Identified;

use crate::accounts::{AccountKey, ChargeRefused, Meter, Reading, Right};
use crate::call::{Call, KnownQuota};
use crate::collect::Accepted;
use crate::failure::Failure;

/// The proof that the rate admits the call, or that nothing limits it; and what its quota is counted under.
pub(crate) struct Paced {
    counted: Option<Counted>,
}

/// The account that a call is counted under.
struct Counted {
    account: AccountKey,
    /// From when its periods of seconds are counted.
    start_us: i64,
    /// Application and environment, where it is theirs.
    connection: Option<Box<(Name, Name)>>,
}

impl Counted {
    /// The subscription's own account.
    fn by_subscription(granted: &Granted<'_>) -> Self {
        let subscription = &granted.subscription;
        Self { account: subscription.account, start_us: subscription.started_at_us, connection: None }
    }

    /// The account of the token's application and environment; without an application the subscription's own.
    fn by_connection(granted: &Granted<'_>, identified: &Identified<'_>) -> Self {
        let bearer = identified.identity().map(|identity| &identity.bearer);
        let connected = bearer.and_then(|one| Some((one.application.as_ref()?, &one.environment)));
        let Some((application, environment)) = connected else { return Self::by_subscription(granted) };
        Self {
            account: account_of_connection(&granted.product.product.name, application, environment),
            start_us: CONNECTION_START_US,
            connection: Some(Box::new((application.clone(), environment.clone()))),
        }
    }

    /// Whose calls they are, for operators.
    fn words(&self, granted: &Granted<'_>) -> String {
        let subscription = &granted.subscription.id;
        match self.connection.as_deref() {
            Some((application, environment)) => {
                format!("application {application} in environment {environment}, with subscription {subscription}")
            }
            None => format!("subscription {subscription}"),
        }
    }

    /// Whose limit it is, for the caller, between two words.
    fn told(&self) -> String {
        let connection = self.connection.as_deref();
        connection.map_or_else(String::new, |(application, environment)| {
            format!(" by the application {application} in the environment {environment}")
        })
    }
}

/// A key that was accepted or not asked for, and the rate as far as it can be looked at then.
pub(crate) struct Keyed<'s> {
    pub(crate) subscribed: Subscribed<'s>,
    pacing: Pacing,
}

enum Pacing {
    /// The call was counted, or nothing counts it.
    Done(Paced),
    /// The product counts connections: who calls must be known first.
    AwaitsToken,
}

/// Counts the call in its subscription's rate window, unless its product counts connections.
pub(crate) fn pace<'s>(call: &mut Call<'s>, subscribed: Subscribed<'s>) -> Result<Keyed<'s>, Refusal> {
    call.step = Step::Rate;
    let pacing = match subscribed.granted() {
        None => {
            call.note(Finding::NotRequired(Step::Rate));
            Pacing::Done(Paced { counted: None })
        }
        Some(granted) if granted.product.counts_connections() => Pacing::AwaitsToken,
        Some(granted) => Pacing::Done(count(call, granted, Counted::by_subscription(granted))?),
    };
    Ok(Keyed { subscribed, pacing })
}

/// A call that is refused before its connection is known is counted in its subscription's own window, so that nobody
/// tries tokens without bound: past the limit it is told of that, and of nothing else.
pub(crate) fn pace_refused<'s>(call: &mut Call<'s>, keyed: Option<&Keyed<'s>>, refusal: Refusal) -> Refusal {
    let Some(Keyed { subscribed, pacing: Pacing::AwaitsToken }) = keyed else { return refusal };
    let Some(granted) = subscribed.granted() else { return refusal };
    let step = call.step;
    match count(call, granted, Counted::by_subscription(granted)) {
        Ok(_) => {
            call.step = step;
            refusal
        }
        Err(exceeded) => exceeded,
    }
}

/// Counts the call in its connection's rate window where its product counts connections. An operation that asks for no
/// token, and an operator's own token, are counted in the subscription's.
pub(crate) fn pace_identified<'s>(
    call: &mut Call<'s>,
    keyed: Keyed<'s>,
    identified: &Identified<'s>,
) -> Result<(Subscribed<'s>, Paced), Refusal> {
    let Keyed { subscribed, pacing } = keyed;
    let paced = match (pacing, subscribed.granted()) {
        (Pacing::Done(paced), _) => paced,
        (Pacing::AwaitsToken, None) => Paced { counted: None },
        (Pacing::AwaitsToken, Some(granted)) => count(call, granted, Counted::by_connection(granted, identified))?,
    };
    Ok((subscribed, paced))
}

/// Counts the call in an account's rate window, and tells what is left of that account's limits from here on.
fn count<'s>(call: &mut Call<'s>, granted: &Granted<'s>, counted: Counted) -> Result<Paced, Refusal> {
    call.step = Step::Rate;
    let (account, product, start_us) = (counted.account, granted.product, counted.start_us);
    call.quota = Some(KnownQuota { account, product, start_us });
    let Some(rate) = granted.product.product.rate else {
        call.note(Finding::NotRequired(Step::Rate));
        return Ok(Paced { counted: Some(counted) });
    };
    let terms = RateTerms { calls: rate.calls, window_ms: rate.window_s.saturating_mul(1_000) };
    let figure = |remaining, reset_s| Figure {
        policy: Policy::Rate,
        limit: u64::from(rate.calls),
        window_s: u64::from(rate.window_s),
        remaining: Some(remaining),
        reset_s,
    };
    match call.gateway.accounts.pace(counted.account, &terms, call.reading()) {
        Ok(paced) => {
            call.figures.insert(0, figure(u64::from(paced.remaining), paced.reset_s));
            call.note(Finding::Rate { limit: rate.calls, window_s: rate.window_s, remaining: paced.remaining });
            Ok(Paced { counted: Some(counted) })
        }
        Err(exceeded) => {
            call.figures.insert(0, figure(0, exceeded.retry_after_s));
            let (name, by) = (product_name(granted), counted.told());
            let calls = u64::from(exceeded.calls_in_window) + 1;
            Err(Refusal::new(Cause::RateLimitExceeded)
                .message(format!("Rate limit is exceeded. Try again in {} seconds.", exceeded.retry_after_s))
                .detail(format!("{calls} calls within {} s{by}; product {name} allows {}.", rate.window_s, rate.calls))
                .operator_words(counted.words(granted))
                .retry_after_s(exceeded.retry_after_s))
        }
    }
}

/// What people call the product.
fn product_name<'s>(granted: &Granted<'s>) -> &'s str {
    let product = &granted.product.product;
    if product.title.is_empty() { &product.name } else { &product.title }
}

/// Everything that was found out on the way: what a charge is made from.
pub(crate) struct Checked<'s> {
    pub(crate) routed: Routed<'s>,
    /// No notice closes the operation.
    pub(crate) _open: Open,
    pub(crate) subscribed: Subscribed<'s>,
    /// The rate admits the call, and under what it is counted.
    pub(crate) paced: Paced,
    pub(crate) cleared: Cleared<'s>,
    pub(crate) accepted: Accepted,
}

/// The proof that every check was passed and the call's right charged, or that nothing limits it. Only [`charge`] makes
/// one, and only [`crate::forward`] uses one: a call that skipped a check doesn't compile.
pub(crate) struct Charged<'c> {
    pub(crate) routed: Routed<'c>,
    pub(crate) subscribed: &'c Subscribed<'c>,
    pub(crate) cleared: &'c Cleared<'c>,
    pub(crate) accepted: &'c mut Accepted,
    /// The right, where the product has a quota.
    pub(crate) right: Option<Right>,
    _every_check: (),
}

impl<'c> Charged<'c> {
    fn new(checked: &'c mut Checked<'_>, right: Option<Right>) -> Self {
        let Checked { routed, subscribed, cleared, accepted, .. } = checked;
        Self { routed: *routed, subscribed, cleared, accepted, right, _every_check: () }
    }
}

/// Takes one right of the quota of the account that the rate was counted under; the clock is read again where a body may
/// have taken long.
pub(crate) async fn charge<'c>(call: &mut Call<'_>, checked: &'c mut Checked<'_>) -> Result<Charged<'c>, Failure> {
    call.step = Step::Quota;
    let counted = checked.subscribed.granted().zip(checked.paced.counted.as_ref());
    let terms = counted.and_then(|(granted, counted)| granted.product.quota_terms(counted.start_us));
    let (Some((granted, counted)), Some(terms)) = (counted, terms) else {
        call.note(Finding::NotRequired(Step::Quota));
        return Ok(Charged::new(checked, None));
    };
    let clock = &call.gateway.clock;
    let now = match checked.accepted.was_awaited {
        true => Reading { monotonic_us: clock.monotonic_us(), wall_us: clock.wall_us() },
        false => call.reading(),
    };
    let (accounts, account) = (&call.gateway.accounts, counted.account);
    let charged = match accounts.charge_at_once(account, &terms, now) {
        Ok(charged) => charged,
        // Boxed: most accounts have a right in hand.
        Err(waiting) => Box::pin(accounts.charge_after(waiting, &terms, now)).await,
    };
    let right = charged.map_err(|refused| refusal(call, refused, granted, counted, &checked.routed))?;
    // What is left is known from the charge now.
    call.quota = None;
    let mut left = [None, None];
    for figures in right.figures() {
        left[usize::from(figures.meter == Meter::Bytes)] = Some(figures.remaining);
        call.show(figures.meter, figures.limit, Some(figures.remaining), figures.span);
    }
    call.note(Finding::Quota { calls_remaining: left[0], bytes_remaining: left[1] });
    Ok(Charged::new(checked, Some(right)))
}

fn refusal(
    call: &Call<'_>,
    refused: ChargeRefused,
    granted: &Granted<'_>,
    counted: &Counted,
    routed: &Routed<'_>,
) -> Refusal {
    let (product, by) = (product_name(granted), counted.told());
    let exceeded = |cause: Cause, what: &str, allowed: String, replenished_in_us: u64| {
        let seconds = replenished_in_us.div_ceil(1_000_000).max(1);
        Refusal::new(cause)
            .message(format!("Out of {what} quota. Quota will be replenished in {}.", spelled(seconds)))
            .detail(format!("Product {product} allows {allowed}{by} in a period, and they are used up."))
            .operator_words(counted.words(granted))
            .retry_after_s(seconds)
    };
    match refused {
        ChargeRefused::QuotaExceeded { limit, replenished_in_us } => {
            exceeded(Cause::QuotaExceeded, "call volume", format!("{limit} calls"), replenished_in_us)
        }
        ChargeRefused::BandwidthExceeded { limit, replenished_in_us } => {
            exceeded(Cause::BandwidthExceeded, "bandwidth", format!("{limit} bytes"), replenished_in_us)
        }
        ChargeRefused::LimitsUnavailable { retry_in_us } => Refusal::new(Cause::LimitsUnavailable)
            .operator_words("the store gave no rights")
            .retry_after_s(call.jittered_s(retry_in_us.div_ceil(1_000_000).max(routed.api.api.retry_after_s))),
    }
}

/// Seconds as `hh:mm:ss`, past 24 hours `d.hh:mm:ss`.
fn spelled(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let clock = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if days == 0 { clock } else { format!("{days}.{clock}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_spelled_as_old_callers_parse_it() {
        assert_eq!(spelled(406), "00:06:46");
        assert_eq!(spelled(86_399), "23:59:59");
        assert_eq!(spelled(86_400), "1.00:00:00");
        assert_eq!(spelled(2 * 86_400 + 3_661), "2.01:01:01");
    }
}
