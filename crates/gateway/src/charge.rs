//! The rate and the quota on the path of a call, and the proof that everything was checked and charged.

use limen_rules::contract::{Cause, Refusal};
use limen_rules::explain::{Finding, Step};
use limen_rules::key::{Granted, Subscribed};
use limen_rules::notice::Open;
use limen_rules::permission::Permitted;
use limen_rules::rate::RateTerms;
use limen_rules::rate_limit_header::{Figure, Policy};
use limen_rules::routing::Routed;

use crate::accounts::{ChargeRefused, Meter, Reading, Right};
use crate::call::Call;
use crate::collect::Accepted;
use crate::failure::Failure;

/// The proof that the rate admits the call, or that nothing limits it.
pub(crate) struct Paced(());

/// Counts the call in its subscription's rate window.
pub(crate) fn pace(call: &mut Call<'_>, subscribed: &Subscribed) -> Result<Paced, Refusal> {
    call.step = Step::Rate;
    let Some(granted) = subscribed.granted() else {
        call.note(Finding::NotRequired(Step::Rate));
        return Ok(Paced(()));
    };
    let terms = granted.product.quota_terms(granted.subscription.started_at_us);
    call.account = terms.map(|terms| (granted.subscription.account, terms));
    let Some(rate) = granted.product.product.rate else {
        call.note(Finding::NotRequired(Step::Rate));
        return Ok(Paced(()));
    };
    let terms = RateTerms { calls: rate.calls, window_ms: rate.window_s.saturating_mul(1_000) };
    let figure = |remaining, reset_s| Figure {
        policy: Policy::Rate,
        limit: u64::from(rate.calls),
        window_s: u64::from(rate.window_s),
        remaining: Some(remaining),
        reset_s,
    };
    match call.gateway.accounts.pace(granted.subscription.account, &terms, call.reading()) {
        Ok(paced) => {
            call.figures.insert(0, figure(u64::from(paced.remaining), paced.reset_s));
            call.note(Finding::Rate { limit: rate.calls, window_s: rate.window_s, remaining: paced.remaining });
            Ok(Paced(()))
        }
        Err(exceeded) => {
            call.figures.insert(0, figure(0, exceeded.retry_after_s));
            let name = product_name(granted);
            let calls = u64::from(exceeded.calls_in_window) + 1;
            Err(Refusal::new(Cause::RateLimitExceeded)
                .message(format!("Rate limit is exceeded. Try again in {} seconds.", exceeded.retry_after_s))
                .detail(format!("{calls} calls within {} s; product {name} allows {}.", rate.window_s, rate.calls))
                .operator_words(format!("subscription {}", granted.subscription.id))
                .retry_after_s(exceeded.retry_after_s))
        }
    }
}

/// What people call the product.
fn product_name(granted: &Granted) -> &str {
    let product = &granted.product.product;
    if product.title.is_empty() { &product.name } else { &product.title }
}

/// Everything that was found out on the way: what a charge is made from.
pub(crate) struct Checked {
    pub(crate) routed: Routed,
    /// No notice closes the operation.
    pub(crate) _open: Open,
    pub(crate) subscribed: Subscribed,
    /// The rate admits the call.
    pub(crate) _paced: Paced,
    pub(crate) permitted: Permitted,
    pub(crate) accepted: Accepted,
}

/// The proof that a call's right was taken, or that nothing limits it. Only [`charge`] makes one.
pub(crate) struct Taken(Option<Right>);

/// The proof that every check was passed and the call's right charged. Only of a [`Taken`] one is made, and only
/// [`crate::forward`] uses one: a call that skipped a check doesn't compile.
pub(crate) struct Charged {
    pub(crate) routed: Routed,
    pub(crate) subscribed: Subscribed,
    pub(crate) permitted: Permitted,
    pub(crate) accepted: Accepted,
    /// The right, where the product has a quota.
    pub(crate) right: Option<Right>,
    _every_check: (),
}

impl Checked {
    /// Every check, and the right.
    pub(crate) fn charged(self, Taken(right): Taken) -> Charged {
        let Self { routed, subscribed, permitted, accepted, .. } = self;
        Charged { routed, subscribed, permitted, accepted, right, _every_check: () }
    }
}

/// Takes one right of the subscription's quota; the clock is read again where a body may have taken long.
pub(crate) async fn charge(call: &mut Call<'_>, checked: &Checked) -> Result<Taken, Failure> {
    call.step = Step::Quota;
    let granted = checked.subscribed.granted();
    let terms = granted.and_then(|granted| granted.product.quota_terms(granted.subscription.started_at_us));
    let (Some(granted), Some(terms)) = (granted, terms) else {
        call.note(Finding::NotRequired(Step::Quota));
        return Ok(Taken(None));
    };
    let clock = &call.gateway.clock;
    let now = match checked.accepted.was_awaited {
        true => Reading { monotonic_us: clock.monotonic_us(), wall_us: clock.wall_us() },
        false => call.reading(),
    };
    let (accounts, account) = (&call.gateway.accounts, granted.subscription.account);
    let charged = match accounts.charge_at_once(account, &terms, now) {
        Ok(charged) => charged,
        // Boxed: most accounts have a right in hand.
        Err(waiting) => Box::pin(accounts.charge_after(waiting, &terms, now)).await,
    };
    let right = charged.map_err(|refused| refusal(call, refused, granted, &checked.routed))?;
    // What is left is known from the charge now.
    call.account = None;
    let mut left = [None, None];
    for figures in right.figures() {
        left[usize::from(figures.meter == Meter::Bytes)] = Some(figures.remaining);
        call.show(figures.meter, figures.limit, Some(figures.remaining), figures.span);
    }
    call.note(Finding::Quota { calls_remaining: left[0], bytes_remaining: left[1] });
    Ok(Taken(Some(right)))
}

fn refusal(call: &Call<'_>, refused: ChargeRefused, granted: &Granted, routed: &Routed) -> Refusal {
    let product = product_name(granted);
    let exceeded = |cause: Cause, what: &str, allowed: String, replenished_in_us: u64| {
        let seconds = replenished_in_us.div_ceil(1_000_000).max(1);
        Refusal::new(cause)
            .message(format!("Out of {what} quota. Quota will be replenished in {}.", spelled(seconds)))
            .detail(format!("Product {product} allows {allowed} in a period, and they are used up."))
            .operator_words(format!("subscription {}", granted.subscription.id))
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
