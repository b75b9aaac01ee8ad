//! What belongs to an application and is not declared: its two secrets and its logo.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use limen_rules::model::{ApplicationKind, Name};
use limen_rules::record::Which;
use limen_rules::sign_in::secret;

use super::applications::application;
use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered};
use crate::audit::Who;
use crate::logo::LogoFlaw;
use crate::wire::{LogoLine, MadeSecret, SecretLine, WhichSecret};

/// `POST /v1/applications/ID/secrets/regenerate`: the other secret goes on working.
pub(super) async fn regenerate(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<WhichSecret>,
) -> Answered<MadeSecret> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    if application(&declared, &id)?.kind == ApplicationKind::Public {
        return Err(AdminFailure::conflict(
            format!("The application '{id}' is public: it runs in its user's hands and has no secret."),
            "It proves itself by PKCE. Declare it with kind: confidential if it runs on a server of its own.",
        ));
    }
    let made = admin.new_secret(&id, asked.which).await?;
    who.did("regenerate secret", &format!("{} of {id}", word(asked.which)));
    admin.live().await?;
    Ok(Json(made))
}

/// `POST /v1/applications/ID/secrets/revoke`: what secrets are left.
pub(super) async fn revoke(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<WhichSecret>,
) -> Answered<Vec<SecretLine>> {
    let _turn = admin.turn().await;
    let store = &admin.portal.store;
    application(&store.declared().await?, &id)?;
    if !store.application_secrets(&id).await?.iter().any(|one| one.which == asked.which) {
        return Err(AdminFailure::conflict(
            format!("The application '{id}' has no {} secret.", word(asked.which)),
            "There is nothing to revoke.",
        ));
    }
    store.remove_application_secret(&id, asked.which).await?;
    who.did("revoke secret", &format!("{} of {id}", word(asked.which)));
    admin.live().await?;
    let left = store.application_secrets(&id).await?.into_iter();
    Ok(Json(left.map(|one| SecretLine { which: one.which, made_at_us: one.made_at_us }).collect()))
}

/// `POST /v1/applications/ID/logo`, the body being the file.
pub(super) async fn set_logo(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    request: Request,
) -> Answered<LogoLine> {
    // It is read and decoded before the turn to write: neither holds up other writers.
    let file = Bytes::from_request(request, &()).await.map_err(|_| refused(&LogoFlaw::TooLarge))?;
    let logo = admin.portal.memory.logos.make(file.to_vec()).await.map_err(|flaw| refused(&flaw))?;
    let _turn = admin.turn().await;
    application(&admin.portal.store.declared().await?, &id)?;
    let line = LogoLine { width: logo.width, height: logo.height, bytes: logo.png.len() };
    admin.portal.store.put_application_logo(&id, logo.png, admin.now_us()).await?;
    who.did("set logo", &id);
    Ok(Json(line))
}

/// `DELETE /v1/applications/ID/logo`
pub(super) async fn remove_logo(State(admin): State<Admin>, who: Who, Named(id): Named) -> Answered<serde_json::Value> {
    let _turn = admin.turn().await;
    let store = &admin.portal.store;
    application(&store.declared().await?, &id)?;
    if store.application_logo(&id).await?.is_none() {
        let message = format!("The application '{id}' has no logo.");
        return Err(AdminFailure::conflict(message, "There is nothing to remove."));
    }
    store.remove_application_logo(&id).await?;
    who.did("remove logo", &id);
    Ok(Json(serde_json::json!({})))
}

fn refused(flaw: &LogoFlaw) -> AdminFailure {
    AdminFailure::wrong(flaw.to_string(), flaw.mend())
}

fn word(which: Which) -> &'static str {
    match which {
        Which::Primary => "primary",
        Which::Secondary => "secondary",
    }
}

impl Admin {
    /// Makes and keeps a new secret: its value, to be told once.
    pub(super) async fn new_secret(&self, application: &Name, which: Which) -> Result<MadeSecret, AdminFailure> {
        let made = secret::generate(|bytes| self.portal.random.fill(bytes));
        self.portal.store.put_application_secret(application, which, secret::hash(&made), self.now_us()).await?;
        Ok(MadeSecret { which, secret: made })
    }
}
