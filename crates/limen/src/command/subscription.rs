//! `limen subscription …`: made, looked at, moved through their states.

use limen_portal::wire::{
    KeyLine, MadeSubscription, MakeSubscription, MoveSubscription, SubscriptionAction, SubscriptionLine, UsageLine,
};
use limen_rules::model::CountedBy;
use limen_rules::record::{SubscriptionState, Which};

use super::show::{meter, segment, time};
use super::table::{sheet, table};
use super::{Context, Trouble};
use crate::arguments::SubscriptionCommand;

pub(super) fn run(context: &Context, command: SubscriptionCommand) -> Result<String, Trouble> {
    let (id, action) = match command {
        SubscriptionCommand::List => {
            let answer = context.admin.get("/v1/subscriptions")?;
            return context.show(answer, |lines: Vec<SubscriptionLine>| list(&lines));
        }
        SubscriptionCommand::Show { id } => {
            let answer = context.admin.get(&format!("/v1/subscriptions/{}", segment(&id)))?;
            return context.show(answer, |line| show(&line));
        }
        SubscriptionCommand::Create { product, developer, ends } => {
            let ends_at_us = ends.map(|ends| ends.at_us(context.now_us()));
            let make = MakeSubscription { product: product.into(), developer: developer.into(), ends_at_us };
            let answer = context.admin.post("/v1/subscriptions", &make)?;
            return context.show(answer, |made| self::made(&made, &context.data_dir_flag()));
        }
        SubscriptionCommand::Approve { id } => (id, SubscriptionAction::Approve),
        SubscriptionCommand::Reject { id } => (id, SubscriptionAction::Reject),
        SubscriptionCommand::Suspend { id } => (id, SubscriptionAction::Suspend),
        SubscriptionCommand::Resume { id } => (id, SubscriptionAction::Resume),
        SubscriptionCommand::Cancel { id } => (id, SubscriptionAction::Cancel),
    };
    let path = format!("/v1/subscriptions/{}/state", segment(&id));
    let answer = context.admin.post(&path, &MoveSubscription { action })?;
    context.show(answer, |line: SubscriptionLine| format!("Subscription {} is {}.", line.id, line.state.word()))
}

/// The name of one of the two keys.
pub(super) fn which(which: Which) -> &'static str {
    match which {
        Which::Primary => "primary",
        Which::Secondary => "secondary",
    }
}

fn list(lines: &[SubscriptionLine]) -> String {
    if lines.is_empty() {
        return "There is no subscription. Make one with: limen subscription create --product P --developer D\n".into();
    }
    let rows = lines.iter().map(|line| {
        vec![
            line.id.to_string(),
            line.product.to_string(),
            line.developer.to_string(),
            line.state.word().to_owned(),
            time(line.created_at_us),
            line.ends_at_us.map(time).unwrap_or_default(),
        ]
    });
    table(&["SUBSCRIPTION", "PRODUCT", "DEVELOPER", "STATE", "SINCE", "ENDS"], rows)
}

fn show(line: &SubscriptionLine) -> String {
    let mut rows = vec![
        ("subscription", line.id.to_string()),
        ("product", line.product.to_string()),
        ("developer", line.developer.to_string()),
        ("state", line.state.word().to_owned()),
        ("since", time(line.created_at_us)),
        ("ends", line.ends_at_us.map(time).unwrap_or_default()),
    ];
    rows.extend(line.usage.iter().flat_map(usage));
    if line.counted_by == Some(CountedBy::Connection) {
        rows.push(("counted by", "connection; above is what came without one".to_owned()));
    }
    for one in &line.connections {
        rows.push(("connection", format!("{} in {}", one.application, one.environment)));
        rows.extend(one.usage.iter().flat_map(usage));
    }
    rows.extend(line.keys.iter().map(key));
    for which in [Which::Primary, Which::Secondary] {
        if !line.keys.iter().any(|key| key.which == which) {
            rows.push((key_name(which), "none".to_owned()));
        }
    }
    sheet(&rows)
}

fn key(key: &KeyLine) -> (&'static str, String) {
    let until = key.valid_until_us.map(|until| format!(", good until {}", time(until))).unwrap_or_default();
    (key_name(key.which), format!("made {}{until}", time(key.made_at_us)))
}

fn key_name(which: Which) -> &'static str {
    match which {
        Which::Primary => "primary key",
        Which::Secondary => "secondary key",
    }
}

fn usage(usage: &UsageLine) -> Vec<(&'static str, String)> {
    let figure = |used: Option<u64>, limit: Option<u64>| match (used, limit) {
        (Some(used), Some(limit)) => meter(used, limit),
        (Some(used), None) => super::show::number(used),
        (None, Some(limit)) => format!("at most {}", super::show::number(limit)),
        (None, None) => String::new(),
    };
    vec![
        ("calls, this window", figure(usage.window_calls, usage.window_limit)),
        ("calls, this period", figure(usage.period_calls, usage.period_calls_limit)),
        ("bytes, this period", figure(usage.period_bytes, usage.period_bytes_limit)),
        ("period ends", usage.period_ends_at_us.map(time).unwrap_or_default()),
    ]
}

fn made(made: &MadeSubscription, data_dir_flag: &str) -> String {
    let next = if made.state == SubscriptionState::Requested {
        format!("It waits for approval: limen subscription approve {}{data_dir_flag}\n", made.id)
    } else {
        String::new()
    };
    format!(
        "Made subscription {}: {}.\n{next}\nThe keys are shown this once:\n  primary    {}\n  secondary  {}\n",
        made.id,
        made.state.word(),
        made.primary_key,
        made.secondary_key
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_is_shown_with_a_meter() {
        let line: SubscriptionLine = serde_json::from_value(serde_json::json!({
            "id": "sub_1", "product": "standard", "developer": "ada", "state": "active", "created_at_us": 0,
            "ends_at_us": null,
            "keys": [{"which": "primary", "made_at_us": 0, "valid_until_us": null},
                {"which": "primary", "made_at_us": 0, "valid_until_us": 86_400_000_000_i64}],
            "usage": {"window_calls": 2, "window_limit": 5, "period_calls": 12_000, "period_calls_limit": 25_000,
                "period_bytes": null, "period_bytes_limit": null, "period_ends_at_us": 86_400_000_000_i64}
        }))
        .expect("a subscription");
        let expected = "\
subscription        sub_1
product             standard
developer           ada
state               active
since               1970-01-01 00:00:00Z
calls, this window  [####------] 2 of 5
calls, this period  [#####-----] 12,000 of 25,000
period ends         1970-01-02 00:00:00Z
primary key         made 1970-01-01 00:00:00Z
primary key         made 1970-01-01 00:00:00Z, good until 1970-01-02 00:00:00Z
secondary key       none
";
        assert_eq!(show(&line), expected);
        let row = list(&[line]);
        assert_eq!(
            row,
            "SUBSCRIPTION  PRODUCT   DEVELOPER  STATE   SINCE                 ENDS\nsub_1         standard  ada        active  1970-01-01 00:00:00Z\n"
        );
    }

    #[test]
    fn new_keys_are_shown_once_with_the_next_step() {
        let mut one = MadeSubscription {
            id: "sub_1".into(),
            state: SubscriptionState::Active,
            primary_key: "a".into(),
            secondary_key: "b".into(),
        };
        assert_eq!(
            made(&one, ""),
            "Made subscription sub_1: active.\n\nThe keys are shown this once:\n  primary    a\n  secondary  b\n"
        );
        one.state = SubscriptionState::Requested;
        assert!(made(&one, " --data-dir d").contains("limen subscription approve sub_1 --data-dir d\n"));
    }
}
