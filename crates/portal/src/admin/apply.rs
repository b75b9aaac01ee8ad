//! Declared objects: what there is, and putting more or other ones there.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::{Problem, check_references, check_values, merge};
use limen_rules::model::Declared;
use limen_store::ResourceId;

use super::failure::AdminFailure;
use super::read::Read;
use super::{Admin, Answered};
use crate::audit::Who;
use crate::wire::{Applied, Apply};

/// `GET /v1/declared`
pub(super) async fn declared(State(admin): State<Admin>) -> Answered<Declared> {
    Ok(Json(admin.portal.store.declared().await?))
}

/// `POST /v1/apply`
pub(super) async fn apply(State(admin): State<Admin>, who: Who, Read(asked): Read<Apply>) -> Answered<Applied> {
    let _turn = admin.turn().await;
    let existing = admin.portal.store.declared().await?;
    let mut problems = check_values(&asked.declared);
    problems.extend(check_references(&merge(&asked.declared, &existing)));
    AdminFailure::problems(problems)?;
    if asked.dry_run {
        return Ok(Json(told(admin.portal.store.apply(&asked.declared, admin.now_us(), true).await?)));
    }
    let applied = admin.replace(&asked.declared, &[]).await?;
    who.did("apply", &format!("{} made, {} changed", applied.created.len(), applied.changed.len()));
    admin.live().await?;
    Ok(Json(applied))
}

impl Admin {
    /// Puts one kind of object in place, asked for by itself: the same questions as of a file, whose `place` isn't told.
    pub(super) async fn declare(&self, newer: &Declared, existing: &Declared, place: &str) -> Result<(), AdminFailure> {
        let mut problems = check_values(newer);
        problems.extend(check_references(&merge(newer, existing)));
        let own = |mut problem: Problem| {
            if let Some(field) = problem.field.strip_prefix(place) {
                problem.field = field.trim_start_matches('.').to_owned();
            }
            problem
        };
        AdminFailure::problems(problems.into_iter().map(own).collect())?;
        self.replace(newer, &[]).await.map(drop)
    }

    /// Puts `newer`'s objects in place, all or nothing, and then takes away what `gone` names, in that order.
    pub(super) async fn replace(&self, newer: &Declared, gone: &[ResourceId]) -> Result<Applied, AdminFailure> {
        let mut applied = told(self.portal.store.apply(newer, self.now_us(), false).await?);
        for object in gone {
            self.portal.store.remove(object.kind, &object.name, self.now_us()).await?;
            applied.removed.push(object.to_string());
        }
        Ok(applied)
    }
}

fn told(applied: limen_store::Applied) -> Applied {
    let words = |objects: Vec<ResourceId>| objects.iter().map(ToString::to_string).collect();
    Applied {
        created: words(applied.created),
        changed: words(applied.changed),
        removed: Vec::new(),
        unchanged: applied.unchanged.len(),
    }
}
