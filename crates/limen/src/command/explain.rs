//! `limen explain`: the chain of checks of a recent call, so that it can be read out to the caller.

use limen_portal::wire::{Check, Explanation};

use super::show::{WIDTH, measured, plain, segment, time, wrapped};
use super::{Context, Trouble};

pub(super) fn run(context: &Context, request_id: &str) -> Result<String, Trouble> {
    let answer = context.admin.get(&format!("/v1/calls/{}", segment(request_id)))?;
    context.show(answer, |explanation| words(&explanation))
}

fn words(explanation: &Explanation) -> String {
    let code = explanation.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    let end = match explanation.status {
        0 => "was left by its caller before it was answered".to_owned(),
        status => format!("was answered {status}{code}"),
    };
    let mut shown = plain(&format!(
        "{} {} {end}.\nCall {}, {}, {}.\n\n",
        explanation.method,
        explanation.path,
        explanation.request_id,
        time(explanation.at_us),
        measured(explanation.duration_us),
    ));
    if explanation.checks.is_empty() {
        shown.push_str("No check was made.\n");
    }
    shown + &chain(&explanation.checks)
}

/// Checks one below the other, their words beside them.
pub(super) fn chain(checks: &[Check]) -> String {
    let mut shown = String::new();
    let width = |field: fn(&Check) -> &str| checks.iter().map(|check| field(check).chars().count()).max().unwrap_or(0);
    let (name_width, outcome_width) = (width(|check| &check.check), width(|check| &check.outcome));
    let indent = name_width + outcome_width + 8;
    for (at, check) in checks.iter().enumerate() {
        let lead =
            format!("{:>2}. {:name_width$}  {:outcome_width$}", at + 1, plain(&check.check), plain(&check.outcome));
        let lines = wrapped(&check.words, WIDTH.saturating_sub(indent).max(20));
        for (number, line) in lines.iter().enumerate() {
            let lead = if number == 0 { lead.clone() } else { " ".repeat(indent - 2) };
            shown.push_str(format!("{lead}  {line}").trim_end());
            shown.push('\n');
        }
        if lines.is_empty() {
            shown.push_str(lead.trim_end());
            shown.push('\n');
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_can_be_read_out() {
        let check = |check: &str, outcome: &str, words: &str| Check {
            check: check.into(),
            outcome: outcome.into(),
            words: words.into(),
        };
        let explanation = Explanation {
            request_id: "4bf9".into(),
            at_us: 0,
            method: "GET".into(),
            path: "/orders/v1/orders".into(),
            status: 429,
            code: Some("rate-limit-exceeded".into()),
            duration_us: 180,
            checks: vec![
                check("route", "passed", "The path belongs to operation list of API orders."),
                check(
                    "subscription key",
                    "passed",
                    "The header Limen-Subscription-Key holds the primary key of subscription sub_1, which is active for product standard.",
                ),
                check("rate", "refused", "6 calls within 1 s; product standard allows 5."),
            ],
        };
        let expected = "\
GET /orders/v1/orders was answered 429 rate-limit-exceeded.
Call 4bf9, 1970-01-01 00:00:00Z, 180 µs.

 1. route             passed   The path belongs to operation list of API orders.
 2. subscription key  passed   The header Limen-Subscription-Key holds the primary key of
                               subscription sub_1, which is active for product standard.
 3. rate              refused  6 calls within 1 s; product standard allows 5.
";
        assert_eq!(words(&explanation), expected);
    }

    #[test]
    fn a_call_without_checks() {
        let explanation = Explanation {
            request_id: "1".into(),
            at_us: 0,
            method: "GET".into(),
            path: "/\u{1b}".into(),
            status: 400,
            code: None,
            duration_us: 1,
            checks: Vec::new(),
        };
        let words = words(&explanation);
        assert!(words.starts_with("GET /\u{fffd} was answered 400.\n") && words.ends_with("No check was made.\n"));
    }
}
