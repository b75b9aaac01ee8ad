//! Applications: registered, looked at, changed, taken away. A confidential one is born with its two secrets.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::model::{Application, ApplicationKind, Declared, Name, connection_name};
use limen_rules::record::Which;
use limen_store::{ResourceId, ResourceKind};

use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered};
use crate::audit::Who;
use crate::wire::{ApplicationLine, Applied, ChangeApplication, MadeApplication, MakeApplication, SecretLine};

/// `GET /v1/applications`
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<ApplicationLine>> {
    let declared = admin.portal.store.declared().await?;
    let mut lines = Vec::with_capacity(declared.applications.len());
    for application in &declared.applications {
        lines.push(line(&admin, &declared, application).await?);
    }
    Ok(Json(lines))
}

/// `GET /v1/applications/ID`
pub(super) async fn show(State(admin): State<Admin>, Named(id): Named) -> Answered<ApplicationLine> {
    let declared = admin.portal.store.declared().await?;
    let line = line(&admin, &declared, application(&declared, &id)?).await?;
    Ok(Json(line))
}

async fn line(admin: &Admin, declared: &Declared, one: &Application) -> Result<ApplicationLine, AdminFailure> {
    let store = &admin.portal.store;
    let secrets = store.application_secrets(&one.name).await?.into_iter();
    let connections = declared.connections.iter().filter(|connection| connection.application == one.name);
    Ok(ApplicationLine {
        application: one.clone(),
        secrets: secrets.map(|one| SecretLine { which: one.which, made_at_us: one.made_at_us }).collect(),
        logo: store.application_logo(&one.name).await?.is_some(),
        environments: connections.map(|connection| connection.environment.clone()).collect(),
    })
}

/// The application, or what may have been meant.
pub(super) fn application<'d>(declared: &'d Declared, id: &str) -> Result<&'d Application, AdminFailure> {
    declared.applications.iter().find(|one| *one.name == *id).ok_or_else(|| {
        let near = nearest(id, declared.applications.iter().map(|one| &*one.name));
        AdminFailure::not_there("application", id, near)
    })
}

/// `POST /v1/applications`
pub(super) async fn make(
    State(admin): State<Admin>,
    who: Who,
    Read(asked): Read<MakeApplication>,
) -> Answered<MadeApplication> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    if declared.applications.iter().any(|one| one.name == asked.name) {
        return Err(AdminFailure::conflict(
            format!("There is an application '{}' already.", asked.name),
            "Choose another id, or change that one with limen application change.",
        ));
    }
    let application = Application {
        developer: developer(&declared, asked.developer)?,
        name: asked.name,
        title: asked.title,
        organisation: asked.organisation,
        website: asked.website,
        kind: asked.kind,
        redirect_uris: asked.redirect_uris,
        disabled: false,
    };
    let newer = Declared { applications: vec![application.clone()], ..Declared::default() };
    admin.declare(&newer, &declared, "applications[0]").await?;
    who.did("make application", &application.name);
    let mut secrets = Vec::new();
    if application.kind == ApplicationKind::Confidential {
        for which in [Which::Primary, Which::Secondary] {
            secrets.push(admin.new_secret(&application.name, which).await?);
        }
    }
    admin.live().await?;
    Ok(Json(MadeApplication { application, secrets }))
}

/// The developer who was told, or the only one; whether there is such a one is asked with everything else.
fn developer(declared: &Declared, asked: Option<Name>) -> Result<Name, AdminFailure> {
    match (asked, declared.developers.as_slice()) {
        (Some(asked), _) => Ok(asked),
        (None, [only]) => Ok(only.name.clone()),
        (None, []) => Err(AdminFailure::conflict(
            "There is no developer whose the application could be.",
            "Declare one in limen.yaml under 'developers' and apply it.",
        )),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|one| &*one.name).collect();
            Err(AdminFailure::wrong(
                "It isn't told whose the application is.",
                format!("Tell one of: {}.", names.join(", ")),
            ))
        }
    }
}

/// `POST /v1/applications/ID/change`: switched off, it loses its tokens too.
pub(super) async fn change(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<ChangeApplication>,
) -> Answered<ApplicationLine> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    let mut changed = application(&declared, &id)?.clone();
    for uri in &asked.remove_redirect_uris {
        let Some(at) = changed.redirect_uris.iter().position(|one| one == uri) else {
            let shown: String = uri.chars().filter(|one| !one.is_control()).take(200).collect();
            return Err(AdminFailure::wrong(
                format!("'{id}' has no redirect URI '{shown}'."),
                format!("It has: {}.", changed.redirect_uris.join(", ")),
            ));
        };
        changed.redirect_uris.remove(at);
    }
    changed.redirect_uris.extend(asked.add_redirect_uris);
    let set = |field: &mut String, told: Option<String>| {
        if let Some(told) = told {
            *field = told;
        }
    };
    set(&mut changed.title, asked.title);
    set(&mut changed.organisation, asked.organisation);
    set(&mut changed.website, asked.website);
    changed.disabled = asked.disabled.unwrap_or(changed.disabled);
    let newer = Declared { applications: vec![changed.clone()], ..Declared::default() };
    admin.declare(&newer, &declared, "applications[0]").await?;
    let deed = match asked.disabled {
        Some(true) => "disable application",
        Some(false) => "enable application",
        None => "change application",
    };
    who.did(deed, &id);
    admin.live().await?;
    Ok(Json(line(&admin, &declared, &changed).await?))
}

/// `DELETE /v1/applications/ID`: with its connections, secrets, logo and tokens.
pub(super) async fn remove(State(admin): State<Admin>, who: Who, Named(id): Named) -> Answered<Applied> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    application(&declared, &id)?;
    let connections = declared.connections.iter().filter(|one| one.application == id);
    let mut gone: Vec<ResourceId> = connections
        .map(|one| ResourceId {
            kind: ResourceKind::Connection,
            name: connection_name(&one.application, &one.environment),
        })
        .collect();
    gone.push(ResourceId { kind: ResourceKind::Application, name: id.clone() });
    let applied = admin.replace(&Declared::default(), &gone).await?;
    who.did("remove application", &id);
    admin.live().await?;
    Ok(Json(applied))
}
