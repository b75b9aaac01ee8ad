//! Notices: told, changed, resolved. Whether one closes an operation is the rules' affair, at every call.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::model::{Declared, Name};
use limen_rules::notice::{Phase, phase};
use limen_rules::record::{Notice, NoticeKind, NoticeUpdate};

use super::failure::AdminFailure;
use super::read::{Named, Read};
use super::{Admin, Answered};
use crate::audit::Who;
use crate::wire::{MakeNotice, UpdateNotice};

/// How many notices a listing has at most.
const LISTED_MAX: u32 = 1_000;
const TITLE_MAX_CHARACTERS: usize = 200;
const MESSAGE_MAX_CHARACTERS: usize = 4_000;
/// How many updates a notice takes.
const UPDATES_MAX: usize = 200;

/// `GET /v1/notices`: the latest made first.
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<Notice>> {
    Ok(Json(admin.portal.store.notices(LISTED_MAX).await?))
}

/// `POST /v1/notices`
pub(super) async fn make(State(admin): State<Admin>, who: Who, Read(asked): Read<MakeNotice>) -> Answered<Notice> {
    let _turn = admin.turn().await;
    let now_us = admin.now_us();
    check_about(asked.api.as_ref(), asked.operation.as_ref(), &admin.portal.store.declared().await?)?;
    let notice = Notice {
        // The store numbers it.
        id: "n0".into(),
        kind: asked.kind,
        title: asked.title.trim().to_owned(),
        message: asked.message.trim().to_owned(),
        api: asked.api,
        operation: asked.operation,
        closes: asked.closes,
        begins_at_us: asked.begins_at_us.unwrap_or(now_us),
        ends_at_us: asked.ends_at_us,
        resolved_at_us: None,
        updates: Vec::new(),
        outage: None,
    };
    check(&notice)?;
    check_end_to_come(&notice, now_us)?;
    let notice = admin.portal.store.insert_notice(&notice).await?;
    who.did("make notice", &notice.id);
    admin.live().await?;
    Ok(Json(notice))
}

/// `POST /v1/notices/ID/update`
pub(super) async fn update(
    State(admin): State<Admin>,
    who: Who,
    Named(id): Named,
    Read(asked): Read<UpdateNotice>,
) -> Answered<Notice> {
    let _turn = admin.turn().await;
    let present = admin.portal.store.notice(&id).await?;
    let next = updated(&present, asked, admin.now_us())?;
    let notice = admin.portal.store.replace_notice(&present, &next).await?;
    who.did("update notice", &notice.id);
    admin.live().await?;
    Ok(Json(notice))
}

/// `POST /v1/notices/ID/resolve`
pub(super) async fn resolve(State(admin): State<Admin>, who: Who, Named(id): Named) -> Answered<Notice> {
    let _turn = admin.turn().await;
    let now_us = admin.now_us();
    let present = admin.portal.store.notice(&id).await?;
    if phase(&present, now_us) == Phase::Over {
        return Err(AdminFailure::conflict(
            format!("The notice {id} is over already."),
            "There is nothing to do. What is new gets a notice of its own.",
        ));
    }
    let next = Notice { resolved_at_us: Some(now_us), ..present.clone() };
    let notice = admin.portal.store.replace_notice(&present, &next).await?;
    who.did("resolve notice", &notice.id);
    admin.live().await?;
    Ok(Json(notice))
}

/// The notice with what was told put in place.
fn updated(present: &Notice, asked: UpdateNotice, now_us: i64) -> Result<Notice, AdminFailure> {
    let UpdateNotice { message, ends_at_us, begins_at_us, closes, title } = asked;
    let changes = ends_at_us.is_some() || begins_at_us.is_some() || closes.is_some() || title.is_some();
    if !changes && message.is_none() {
        return Err(AdminFailure::wrong(
            "Nothing was told that could be changed.",
            "Tell a message, a title, a begin, an end, or whether it closes.",
        ));
    }
    if changes && present.resolved_at_us.is_some() {
        return Err(AdminFailure::conflict(
            format!("The notice {} is resolved; only a message can still be added.", present.id),
            "Make a new notice for what goes on.",
        ));
    }
    let mut next = present.clone();
    if let Some(title) = title {
        next.title = title.trim().to_owned();
    }
    next.begins_at_us = begins_at_us.unwrap_or(next.begins_at_us);
    next.ends_at_us = ends_at_us.or(next.ends_at_us);
    next.closes = closes.unwrap_or(next.closes);
    if let Some(message) = message {
        let message = message.trim().to_owned();
        check_text("message", &message, 1, MESSAGE_MAX_CHARACTERS)?;
        next.updates.push(NoticeUpdate { at_us: now_us, message });
    }
    if next.updates.len() > UPDATES_MAX {
        return Err(AdminFailure::conflict(
            format!("The notice {} has {UPDATES_MAX} updates already.", next.id),
            "Resolve it and make a new one.",
        ));
    }
    check(&next)?;
    if ends_at_us.is_some() || begins_at_us.is_some() {
        check_end_to_come(&next, now_us)?;
    }
    Ok(next)
}

/// What must be true of every notice.
fn check(notice: &Notice) -> Result<(), AdminFailure> {
    check_text("title", &notice.title, 1, TITLE_MAX_CHARACTERS)?;
    if notice.title.contains('\n') {
        return Err(AdminFailure::wrong(
            "The title has several lines.",
            "Put the first line there and the rest in the message.",
        ));
    }
    check_text("message", &notice.message, 0, MESSAGE_MAX_CHARACTERS)?;
    match notice.ends_at_us {
        None if notice.kind == NoticeKind::Maintenance => Err(AdminFailure::wrong(
            "A maintenance needs an end: callers are told when to come back.",
            "Tell when it ends; it can be moved later.",
        )),
        Some(ends) if ends <= notice.begins_at_us => {
            Err(AdminFailure::wrong("The end isn't after the begin.", "Tell an end that is later than the begin."))
        }
        _ => Ok(()),
    }
}

fn check_end_to_come(notice: &Notice, now_us: i64) -> Result<(), AdminFailure> {
    if notice.ends_at_us.is_some_and(|ends| ends <= now_us) {
        return Err(AdminFailure::wrong(
            "The end has passed already, so the notice would never stand.",
            "Tell an end that is to come; end a notice that stands by resolving it.",
        ));
    }
    Ok(())
}

fn check_text(what: &str, text: &str, least: usize, most: usize) -> Result<(), AdminFailure> {
    let characters = text.chars().count();
    if characters < least {
        return Err(AdminFailure::wrong(
            format!("The {what} is empty."),
            "Say in a few words what is or will be wrong.",
        ));
    }
    if characters > most {
        return Err(AdminFailure::wrong(format!("The {what} is longer than {most} characters."), "Shorten it."));
    }
    if text.chars().any(|character| character.is_control() && character != '\n') {
        return Err(AdminFailure::wrong(format!("The {what} has control characters in it."), "Remove them."));
    }
    Ok(())
}

/// Whether there is the API, and the operation in it, that a notice is about.
fn check_about(api: Option<&Name>, operation: Option<&Name>, declared: &Declared) -> Result<(), AdminFailure> {
    let Some(name) = api else {
        return match operation {
            None => Ok(()),
            Some(_) => Err(AdminFailure::wrong("An operation needs its API.", "Tell which API the operation is of.")),
        };
    };
    let names = || declared.apis.iter().map(|api| api.name.as_ref());
    let Some(api) = declared.apis.iter().find(|api| api.name == *name) else {
        return Err(AdminFailure::unknown_name("API", name, nearest(name, names())));
    };
    let Some(operation) = operation else { return Ok(()) };
    let operations = || api.operations.iter().map(|operation| operation.name.as_ref());
    if operations().any(|one| one == &**operation) {
        return Ok(());
    }
    Err(AdminFailure::unknown_name("operation", operation, nearest(operation, operations())))
}
