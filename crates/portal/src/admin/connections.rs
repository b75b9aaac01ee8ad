//! Connections and grants: which application may act where, and what was given to it.

use axum::Json;
use axum::extract::{Path, Query, State};
use limen_rules::model::{Connection, Declared, Name, connection_name, valid_name};
use limen_store::{GrantFilter, ResourceId, ResourceKind};

use super::failure::AdminFailure;
use super::read::Read;
use super::{Admin, Answered};
use crate::audit::Who;
use crate::wire::{Applied, Connect, Grants, LimitConnection, Revoked, WhichGrants};

/// So many grants are listed.
const LISTED_MAX: u32 = 1_000;

/// `GET /v1/connections`
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<Connection>> {
    Ok(Json(admin.portal.store.declared().await?.connections))
}

/// `POST /v1/connections`
pub(super) async fn approve(State(admin): State<Admin>, who: Who, Read(asked): Read<Connect>) -> Answered<Connection> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let Connection { application, environment, .. } = &asked.connection;
    if declared.connections.iter().any(|one| one.application == *application && one.environment == *environment) {
        return Err(AdminFailure::conflict(
            format!("The application '{application}' is connected to '{environment}' already."),
            "Change what it may do there with limen connection limit.",
        ));
    }
    let made = asked.connection;
    admin.connect(&made, &declared, who, "approve connection").await?;
    Ok(Json(made))
}

/// `POST /v1/connections/APPLICATION/ENVIRONMENT/limit`
pub(super) async fn limit(
    State(admin): State<Admin>,
    who: Who,
    Path(pair): Path<(String, String)>,
    Read(asked): Read<LimitConnection>,
) -> Answered<Connection> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let mut changed = connection(&declared, &pair)?.clone();
    if let Some(scopes) = asked.scopes {
        changed.scopes = (!scopes.is_empty()).then_some(scopes);
    }
    if let Some(own_roles) = asked.own_roles {
        changed.own_roles = own_roles;
    }
    admin.connect(&changed, &declared, who, "limit connection").await?;
    Ok(Json(changed))
}

/// `DELETE /v1/connections/APPLICATION/ENVIRONMENT`: what was given to the application there ends.
pub(super) async fn remove(
    State(admin): State<Admin>,
    who: Who,
    Path(pair): Path<(String, String)>,
) -> Answered<Applied> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let connection = connection(&declared, &pair)?;
    let name = connection_name(&connection.application, &connection.environment);
    let gone = ResourceId { kind: ResourceKind::Connection, name: name.clone() };
    let applied = admin.replace(&Declared::default(), &[gone]).await?;
    who.did("remove connection", &name);
    admin.live().await?;
    Ok(Json(applied))
}

fn connection<'d>(
    declared: &'d Declared,
    (application, environment): &(String, String),
) -> Result<&'d Connection, AdminFailure> {
    if !valid_name(application) || !valid_name(environment) {
        return Err(AdminFailure::wrong("The path has something other than names in it.", "List what there is."));
    }
    let found = |one: &&Connection| *one.application == **application && *one.environment == **environment;
    declared.connections.iter().find(found).ok_or_else(|| {
        AdminFailure::unknown(
            format!("The application '{application}' isn't connected to '{environment}'."),
            format!("Connect it with: limen connection approve {application} {environment}"),
        )
    })
}

impl Admin {
    async fn connect(
        &self,
        connection: &Connection,
        declared: &Declared,
        who: Who,
        deed: &'static str,
    ) -> Result<(), AdminFailure> {
        let newer = Declared { connections: vec![connection.clone()], ..Declared::default() };
        self.declare(&newer, declared, "connections[0]").await?;
        who.did(deed, &connection_name(&connection.application, &connection.environment));
        self.live().await
    }
}

/// `GET /v1/grants?user=…&application=…&environment=…`: the newest first.
pub(super) async fn grants(State(admin): State<Admin>, Query(which): Query<WhichGrants>) -> Answered<Grants> {
    if let Some(grant) = &which.grant {
        return Ok(Json(Grants { grants: vec![admin.portal.store.grant(grant).await?] }));
    }
    Ok(Json(Grants { grants: admin.portal.store.grants(&filter(&which), LISTED_MAX).await? }))
}

/// `POST /v1/grants/revoke`: by id, or all of what is told together.
pub(super) async fn revoke_grants(
    State(admin): State<Admin>,
    who: Who,
    Read(which): Read<WhichGrants>,
) -> Answered<Revoked> {
    let _turn = admin.turn().await;
    let store = &admin.portal.store;
    let now_us = admin.now_us();
    let revoked = match &which.grant {
        Some(grant) => {
            let already = store.grant(grant).await?.revoked_at_us.is_some();
            store.revoke_grant(grant, now_us).await?;
            u64::from(!already)
        }
        None if which == WhichGrants::default() => {
            let mend = "Tell a grant's id, a user, an application or an environment.";
            return Err(AdminFailure::wrong("It isn't told which grants to revoke.", mend));
        }
        None => store.revoke_grants(&filter(&which), now_us).await?,
    };
    let on = [&which.grant, &which.user, &which.application, &which.environment];
    who.did("revoke grants", &on.into_iter().flatten().map(|one| &**one).collect::<Vec<&str>>().join(" "));
    admin.live().await?;
    Ok(Json(Revoked { revoked }))
}

fn filter(which: &WhichGrants) -> GrantFilter {
    let told = |name: &Option<Name>| name.clone();
    GrantFilter {
        user: told(&which.user),
        application: told(&which.application),
        environment: told(&which.environment),
    }
}
