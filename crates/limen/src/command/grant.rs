//! `limen grant …`: what was given to applications, and its end.

use limen_portal::wire::{Grants, Revoked, WhichGrants};
use limen_rules::record::Grant;

use super::show::{segment, time};
use super::table::table;
use super::{Context, Trouble};
use crate::arguments::{GrantCommand, GrantsOf};

pub(super) fn run(context: &Context, command: GrantCommand) -> Result<String, Trouble> {
    match command {
        GrantCommand::List { of } => {
            let answer = context.admin.get(&format!("/v1/grants{}", query(&of)))?;
            let now_us = context.now_us();
            context.show(answer, |found: Grants| list(&found.grants, now_us))
        }
        GrantCommand::Revoke { grant, of } => {
            let ask = WhichGrants {
                grant: grant.map(Into::into),
                user: of.user.map(Into::into),
                application: of.application.map(Into::into),
                environment: of.environment.map(Into::into),
            };
            let answer = context.admin.post("/v1/grants/revoke", &ask)?;
            context.show(answer, |revoked: Revoked| match revoked.revoked {
                0 => "Nothing was left to revoke.".to_owned(),
                1 => "Revoked 1 grant; its tokens are refused from now on.".to_owned(),
                count => format!("Revoked {count} grants; their tokens are refused from now on."),
            })
        }
    }
}

fn query(of: &GrantsOf) -> String {
    let told = [("user", &of.user), ("application", &of.application), ("environment", &of.environment)];
    let told = told.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(value.as_deref()?))));
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!("?{}", told.join("&")) }
}

fn list(grants: &[Grant], now_us: i64) -> String {
    if grants.is_empty() {
        return "There is no grant. One is made when somebody signs in, or with: limen token issue --user U\n".into();
    }
    let rows = grants.iter().map(|one| {
        let ends_at_us = one.refresh_expires_at_us.unwrap_or(one.expires_at_us).max(one.expires_at_us);
        let state = match one.revoked_at_us {
            Some(_) => "revoked".to_owned(),
            None if ends_at_us <= now_us => "over".to_owned(),
            None => format!("until {}", time(ends_at_us)),
        };
        vec![
            one.id.to_string(),
            one.user.to_string(),
            one.application.as_deref().unwrap_or("-").to_owned(),
            one.environment.to_string(),
            one.scope.clone().unwrap_or_else(|| "all".to_owned()),
            state,
        ]
    });
    table(&["GRANT", "USER", "APPLICATION", "ENVIRONMENT", "SCOPE", "STATE"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_tells_how_it_stands() {
        let grant = |json: serde_json::Value| {
            let mut whole = serde_json::json!({"id": "g", "user": "bo", "application": "shop", "environment": "north",
                "scope": null, "issued_at_us": 0, "expires_at_us": 5, "refresh_expires_at_us": null, "revoked_at_us": null});
            for (name, value) in json.as_object().expect("members") {
                whole[name] = value.clone();
            }
            serde_json::from_value::<Grant>(whole).expect("a grant")
        };
        let shown = list(
            &[
                grant(serde_json::json!({"refresh_expires_at_us": 86_400_000_000_i64})),
                grant(serde_json::json!({"scope": "order.read", "application": null})),
                grant(serde_json::json!({"revoked_at_us": 1})),
            ],
            10,
        );
        let expected = "\
GRANT  USER  APPLICATION  ENVIRONMENT  SCOPE       STATE
g      bo    shop         north        all         until 1970-01-02 00:00:00Z
g      bo    -            north        order.read  over
g      bo    shop         north        all         revoked
";
        assert_eq!(shown, expected);
        let of = GrantsOf { user: Some("b o".into()), application: None, environment: Some("e".into()) };
        assert_eq!((query(&of).as_str(), query(&GrantsOf::default()).as_str()), ("?user=b%20o&environment=e", ""));
    }
}
