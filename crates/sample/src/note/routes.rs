//! The handlers of `/constituents/{constituent_id}/notes`: whoever may see the constituent may see its notes.
//! It knows no SQL.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Note, Record, table};
use crate::answer::Failure;
use crate::body::{JsonObject, merged};
use crate::caller::{Caller, ConstituentId, NoteId};
use crate::constituent::table::admit;
use crate::database::BEGIN_WRITING;
use crate::listing::{Page, Parameters, Window};
use crate::service::Shared;

/// `GET /constituents/{constituent_id}/notes`
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(constituent_id): ConstituentId,
    parameters: Parameters,
) -> Result<Json<Page<Record>>, Failure> {
    let mut transaction = shared.pool.begin().await?;
    admit(&mut transaction, &caller, constituent_id).await?;
    let mut problems = Vec::new();
    let window = Window::read(&parameters, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Invalid(problems));
    }
    let (count, records) = table::list(&mut transaction, constituent_id, window).await?;
    transaction.commit().await?;
    let url = format!("{}/constituents/{constituent_id}/notes", shared.public_base_url);
    Ok(Json(Page::new(&url, &[], window, count, records)))
}

/// `POST /constituents/{constituent_id}/notes`
pub(crate) async fn create(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(constituent_id): ConstituentId,
    JsonObject(members): JsonObject,
) -> Result<Json<Value>, Failure> {
    let mut transaction = shared.pool.begin_with(BEGIN_WRITING).await?;
    admit(&mut transaction, &caller, constituent_id).await?;
    let mut note = Note::check(&members).map_err(Failure::Invalid)?;
    note.author = note.author.or(caller.user);
    let id = table::insert(&mut transaction, constituent_id, &note, None).await?;
    transaction.commit().await?;
    Ok(Json(json!({"id": id.to_string()})))
}

/// `GET /constituents/{constituent_id}/notes/{note_id}`
pub(crate) async fn read(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(constituent_id): ConstituentId,
    NoteId(id): NoteId,
) -> Result<Json<Record>, Failure> {
    let mut transaction = shared.pool.begin().await?;
    admit(&mut transaction, &caller, constituent_id).await?;
    let record = table::read(&mut transaction, constituent_id, id).await?;
    transaction.commit().await?;
    Ok(Json(record))
}

/// `PATCH /constituents/{constituent_id}/notes/{note_id}`: merges the body into the note (RFC 7396).
pub(crate) async fn update(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(constituent_id): ConstituentId,
    NoteId(id): NoteId,
    JsonObject(change): JsonObject,
) -> Result<StatusCode, Failure> {
    let mut transaction = shared.pool.begin_with(BEGIN_WRITING).await?;
    admit(&mut transaction, &caller, constituent_id).await?;
    let present = table::read(&mut transaction, constituent_id, id).await?.note;
    let members = merged(&present, change)?;
    let changed = Note::check(&members).map_err(Failure::Invalid)?;
    if changed != present {
        table::update(&mut transaction, id, &changed).await?;
    }
    transaction.commit().await?;
    Ok(StatusCode::OK)
}

/// `DELETE /constituents/{constituent_id}/notes/{note_id}`
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(constituent_id): ConstituentId,
    NoteId(id): NoteId,
) -> Result<StatusCode, Failure> {
    let mut transaction = shared.pool.begin_with(BEGIN_WRITING).await?;
    admit(&mut transaction, &caller, constituent_id).await?;
    table::read(&mut transaction, constituent_id, id).await?;
    table::delete(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(StatusCode::OK)
}
