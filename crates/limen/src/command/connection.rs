//! `limen connection …`: which application may act in which environment, and how far.

use limen_portal::wire::{Connect, LimitConnection};
use limen_rules::model::{Connection, Name};

use super::show::segment;
use super::table::table;
use super::{Context, Trouble};
use crate::arguments::ConnectionCommand;

pub(super) fn run(context: &Context, command: ConnectionCommand) -> Result<String, Trouble> {
    let names = |names: Vec<String>| names.into_iter().map(Name::from).collect::<Vec<_>>();
    match command {
        ConnectionCommand::List => {
            context.show(context.admin.get("/v1/connections")?, |lines: Vec<Connection>| list(&lines))
        }
        ConnectionCommand::Approve { application, environment, scopes, own_roles } => {
            let connection = Connection {
                application: application.into(),
                environment: environment.into(),
                scopes: (!scopes.is_empty()).then(|| names(scopes)),
                own_roles: names(own_roles),
            };
            let answer = context.admin.post("/v1/connections", &Connect { connection })?;
            context.show(answer, |made: Connection| words(&made))
        }
        ConnectionCommand::Limit { application, environment, scopes, all_scopes, own_roles, no_own_roles } => {
            let told = |list: Vec<String>, none: bool| (none || !list.is_empty()).then(|| names(list));
            let limit = LimitConnection { scopes: told(scopes, all_scopes), own_roles: told(own_roles, no_own_roles) };
            let path = format!("{}/limit", path(&application, &environment));
            context.show(context.admin.post(&path, &limit)?, |changed: Connection| words(&changed))
        }
        ConnectionCommand::Remove { application, environment } => {
            let answer = context.admin.delete(&path(&application, &environment))?;
            context.show(answer, |_: serde_json::Value| {
                format!("Application {application} is no longer connected to {environment}; its tokens there are refused from now on.")
            })
        }
    }
}

fn path(application: &str, environment: &str) -> String {
    format!("/v1/connections/{}/{}", segment(application), segment(environment))
}

fn reach(connection: &Connection) -> String {
    connection.scopes.as_ref().map_or_else(|| "all that its users may do".to_owned(), |scopes| scopes.join(", "))
}

fn words(connection: &Connection) -> String {
    let own = match connection.own_roles.as_slice() {
        [] => "It may not act for itself.".to_owned(),
        roles => format!("For itself (client credentials) it is {}.", roles.join(", ")),
    };
    let Connection { application, environment, .. } = connection;
    format!("Application {application} is connected to {environment}: {}. {own}", reach(connection))
}

fn list(lines: &[Connection]) -> String {
    if lines.is_empty() {
        return "No application is connected. Connect one with: limen connection approve APPLICATION ENVIRONMENT\n"
            .into();
    }
    let rows = lines.iter().map(|line| {
        let own = if line.own_roles.is_empty() { "-".to_owned() } else { line.own_roles.join(", ") };
        vec![line.application.to_string(), line.environment.to_string(), reach(line), own]
    });
    table(&["APPLICATION", "ENVIRONMENT", "SCOPES", "OWN ROLES"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_says_how_far_it_reaches() {
        let mut one = Connection { application: "shop".into(), environment: "north".into(), ..Connection::default() };
        assert_eq!(
            words(&one),
            "Application shop is connected to north: all that its users may do. It may not act for itself."
        );
        one.scopes = Some(vec!["order.read".into(), "order.write".into()]);
        one.own_roles = vec!["clerk".into()];
        assert_eq!(
            words(&one),
            "Application shop is connected to north: order.read, order.write. For itself (client credentials) it is clerk."
        );
        assert_eq!(
            list(&[one]),
            "APPLICATION  ENVIRONMENT  SCOPES                   OWN ROLES\nshop         north        order.read, order.write  clerk\n"
        );
    }
}
