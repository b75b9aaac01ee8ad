//! An application that acts for itself: client credentials, RFC 6749 §4.4, where an environment's administrator allows
//! it.

use limen_rules::model::{ApplicationKind, Connection};
use limen_rules::record::Grant;
use limen_rules::sign_in::scope;
use limen_rules::sign_in::trouble::Trouble;
use limen_store::StoreError;

use super::answer::Refused;
use super::issue::{self, Subject};
use super::journal::Note;
use super::request::Asked;
use crate::admin::id;
use crate::ports::Portal;

/// Gives an access token in one environment, and no refresh token.
pub(super) async fn give(portal: &Portal, note: &Note, asked: &Asked) -> Result<Vec<u8>, Refused> {
    let application = &asked.application;
    if application.kind == ApplicationKind::Public {
        let refused = Refused::plain("own access", Trouble::OwnAccessRefused);
        return Err(refused.words("The application is public: nothing shows that it is who it says."));
    }
    let connections = portal.store.connections_of_application(&application.name).await?;
    let connection = chosen(&connections, asked.form.get("environment_id"))?;
    note.environment(&connection.environment);
    let subject = issue::own_subject(&application.name);
    let party = portal.store.party(&subject, &application.name, &connection.environment).await?;
    let gone = || Refused::plain("own access", Trouble::OwnAccessRefused).words("The environment was removed.");
    let environment = party.environment.ok_or_else(gone)?;
    let held = portal.store.permissions_of_roles(&connection.own_roles).await?;
    let held: Vec<&str> = held.iter().map(|name| &**name).collect();
    let reach = scope::reach(None, connection.scopes.as_deref(), &held, asked.form.get("scope"))
        .map_err(|beyond| Refused::new("scope", (Trouble::GrantScopeInvalid, beyond.to_owned())))?;
    note.passed("own access", format!("It has roles of its own: {}.", connection.own_roles.join(", ")));
    let now_us = portal.clock.now_us();
    let grant = Grant {
        id: id::make("grant_", 16, portal.random.as_ref()),
        user: subject,
        application: Some(application.name.clone()),
        environment: environment.name.clone(),
        scope: reach.scope.clone(),
        issued_at_us: now_us,
        expires_at_us: issue::access_expires_at_us(now_us),
        refresh_expires_at_us: None,
        revoked_at_us: None,
    };
    let subject = Subject { application, environment: &environment, user: None, grant: &grant.id, reach };
    let body = issue::answer(portal, subject, None, now_us)?;
    match portal.store.insert_grant(&grant).await {
        Ok(()) => {}
        Err(StoreError::Conflict { .. }) => {
            let refused = Refused::plain("own access", Trouble::OwnAccessRefused);
            return Err(refused.words("Its own roles there were taken away while it asked."));
        }
        Err(error) => return Err(error.into()),
    }
    note.passed("tokens", format!("Given under {}.", grant.id));
    Ok(body)
}

/// The connection that is meant: the one that is named, or the only one where the application may act for itself.
fn chosen<'c>(connections: &'c [Connection], environment: Option<&str>) -> Result<&'c Connection, Refused> {
    let unclear = |sent: &str| Refused::new("own access", (Trouble::EnvironmentUnclear, sent.to_owned()));
    let refused = |words: &str| Refused::plain("own access", Trouble::OwnAccessRefused).words(words);
    if let Some(name) = environment {
        let connection = connections.iter().find(|connection| *connection.environment == *name);
        let connection = connection.ok_or_else(|| unclear(name))?;
        if connection.own_roles.is_empty() {
            return Err(refused("It is connected there, and has no roles of its own."));
        }
        return Ok(connection);
    }
    let mut own = connections.iter().filter(|connection| !connection.own_roles.is_empty());
    match (own.next(), own.next()) {
        (None, _) => Err(refused("It has roles of its own in no environment.")),
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(unclear("")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_environment_is_meant() {
        let connection = |environment: &str, roles: &[&str]| Connection {
            application: "app".into(),
            environment: environment.into(),
            own_roles: roles.iter().map(|name| (*name).into()).collect(),
            ..Connection::default()
        };
        let all = [connection("a", &["reader"]), connection("b", &["reader"]), connection("c", &[])];
        let told = |connections: &[Connection], environment| {
            chosen(connections, environment)
                .map(|one| one.environment.to_string())
                .map_err(|refused| format!("{refused:?}"))
        };
        assert_eq!(told(&all, Some("b")), Ok("b".into()));
        assert_eq!(told(&all[1..], None), Ok("b".into()));
        assert!(told(&all, None).unwrap_err().contains("EnvironmentUnclear"));
        assert!(told(&all, Some("d")).unwrap_err().contains("EnvironmentUnclear"));
        assert!(told(&all, Some("c")).unwrap_err().contains("OwnAccessRefused"));
        assert!(told(&all[2..], None).unwrap_err().contains("OwnAccessRefused"));
        assert!(told(&[], None).unwrap_err().contains("OwnAccessRefused"));
    }
}
