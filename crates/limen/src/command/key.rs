//! `limen key …`: new values for subscription keys, and their end.

use limen_portal::wire::{MadeKey, RegenerateKey, RevokeKey};
use limen_rules::record::Which;

use super::show::{segment, time};
use super::subscription::which as name;
use super::{Context, Trouble};
use crate::arguments::{KeyCommand, WhichKey};

pub(super) fn run(context: &Context, command: KeyCommand) -> Result<String, Trouble> {
    match command {
        KeyCommand::Regenerate { subscription, which, grace } => {
            let path = format!("/v1/subscriptions/{}/keys/regenerate", segment(&subscription));
            let ask = RegenerateKey { which: which.into(), grace_s: grace.seconds };
            context.show(context.admin.post(&path, &ask)?, |made| made_words(&made, &subscription))
        }
        KeyCommand::Revoke { subscription, which } => {
            let path = format!("/v1/subscriptions/{}/keys/revoke", segment(&subscription));
            let which = Which::from(which);
            let answer = context.admin.post(&path, &RevokeKey { which })?;
            context.show(answer, |_: serde_json::Value| {
                format!("The {} key of {subscription} and its old values are no longer good.", name(which))
            })
        }
    }
}

impl From<WhichKey> for Which {
    fn from(which: WhichKey) -> Self {
        match which {
            WhichKey::Primary => Self::Primary,
            WhichKey::Secondary => Self::Secondary,
        }
    }
}

fn made_words(made: &MadeKey, subscription: &str) -> String {
    let old = match made.old_valid_until_us {
        Some(until) => format!("The old value stays good until {}.", time(until)),
        None => "The old value is no longer good.".to_owned(),
    };
    format!("The new {} key of {subscription}, shown this once:\n\n  {}\n\n{old}", name(made.which), made.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_tells_how_long_the_old_one_lives() {
        let mut made = MadeKey { which: Which::Primary, key: "limen_sub_x".into(), old_valid_until_us: Some(0) };
        assert_eq!(
            made_words(&made, "sub_1"),
            "The new primary key of sub_1, shown this once:\n\n  limen_sub_x\n\nThe old value stays good until 1970-01-01 00:00:00Z."
        );
        made.old_valid_until_us = None;
        assert!(made_words(&made, "sub_1").ends_with("The old value is no longer good."));
    }
}
