//! The handlers of `/constituents`: who may, then check, then write, in one transaction each.
//! It knows no SQL.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::table::{self, Filter};
use super::{Constituent, Record, TYPES};
use crate::answer::{Failure, Problem};
use crate::body::{JsonObject, merged};
use crate::caller::{Caller, ConstituentId};
use crate::database::BEGIN_WRITING;
use crate::listing::{Page, Parameters, Window, wrong};
use crate::service::Shared;

/// The longest text to search for, in characters.
const SEARCH_MAX: usize = 200;

/// `GET /constituents`
pub(crate) async fn list(
    State(shared): State<Shared>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Page<Record>>, Failure> {
    page(&shared, &caller, &parameters, "/constituents", "search", Vec::new()).await
}

/// `GET /constituents/search`
pub(crate) async fn search(
    State(shared): State<Shared>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Page<Record>>, Failure> {
    let mut problems = Vec::new();
    if !parameters.has("search_text") {
        problems.push(wrong("search_text", "search_text is required.".to_owned()));
    }
    page(&shared, &caller, &parameters, "/constituents/search", "search_text", problems).await
}

async fn page(
    shared: &Shared,
    caller: &Caller,
    parameters: &Parameters,
    path: &str,
    search_name: &'static str,
    mut problems: Vec<Problem>,
) -> Result<Json<Page<Record>>, Failure> {
    let window = Window::read(parameters, &mut problems);
    let mut given = Vec::new();
    for name in [search_name, "last_name", "city", "type", "inactive"] {
        let Some(text) = parameters.one(name, &mut problems) else { continue };
        if name == search_name && text.chars().count() > SEARCH_MAX {
            problems.push(wrong(name, format!("{name} must have at most {SEARCH_MAX} characters.")));
        }
        given.push((name, if matches!(name, "type" | "inactive") { text } else { text.trim() }));
    }
    let filter = filter_of(&given, &mut problems);
    if !problems.is_empty() {
        return Err(Failure::Invalid(problems));
    }
    // One transaction, so that the count and the records are of the same moment.
    let mut transaction = shared.pool.begin().await?;
    let (count, records) = table::list(&mut transaction, caller, &filter, window).await?;
    transaction.commit().await?;
    let url = format!("{}{path}", shared.public_base_url);
    Ok(Json(Page::new(&url, &given, window, count, records)))
}

fn filter_of(given: &[(&str, &str)], problems: &mut Vec<Problem>) -> Filter {
    let mut filter = Filter::default();
    for &(name, text) in given {
        match name {
            "last_name" => filter.last_name = Some(text.to_owned()),
            "city" => filter.city = Some(text.to_owned()),
            "type" if TYPES.contains(&text) => filter.kind = Some(text.to_owned()),
            "type" => problems.push(wrong(name, format!("type must be one of {}.", TYPES.join(", ")))),
            "inactive" => match text {
                "true" => filter.inactive = Some(true),
                "false" => filter.inactive = Some(false),
                _ => problems.push(wrong(name, "inactive must be true or false.".to_owned())),
            },
            _ => filter.search = Some(text.to_owned()),
        }
    }
    filter
}

/// `POST /constituents`
pub(crate) async fn create(
    State(shared): State<Shared>,
    _caller: Caller,
    JsonObject(members): JsonObject,
) -> Result<Json<Value>, Failure> {
    let constituent = Constituent::check(&members).map_err(Failure::Invalid)?;
    let mut transaction = shared.pool.begin_with(BEGIN_WRITING).await?;
    let id = table::insert(&mut transaction, &constituent, None, None).await?;
    transaction.commit().await?;
    Ok(Json(json!({"id": id.to_string()})))
}

/// `GET /constituents/{constituent_id}`
pub(crate) async fn read(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(id): ConstituentId,
) -> Result<Json<Record>, Failure> {
    let mut transaction = shared.pool.begin().await?;
    table::admit(&mut transaction, &caller, id).await?;
    let record = table::read(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(record))
}

/// `PATCH /constituents/{constituent_id}`: merges the body into the record (RFC 7396) and checks the outcome.
pub(crate) async fn update(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(id): ConstituentId,
    JsonObject(change): JsonObject,
) -> Result<StatusCode, Failure> {
    let mut transaction = shared.pool.begin_with(BEGIN_WRITING).await?;
    table::admit(&mut transaction, &caller, id).await?;
    let present = table::read(&mut transaction, id).await?.constituent;
    let members = merged(&present, change)?;
    let changed = Constituent::check(&members).map_err(Failure::Invalid)?;
    if changed != present {
        table::update(&mut transaction, id, &changed).await?;
    }
    transaction.commit().await?;
    Ok(StatusCode::OK)
}

/// `DELETE /constituents/{constituent_id}`
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    ConstituentId(id): ConstituentId,
) -> Result<StatusCode, Failure> {
    let mut transaction = shared.pool.begin_with(BEGIN_WRITING).await?;
    table::admit(&mut transaction, &caller, id).await?;
    table::delete(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(StatusCode::OK)
}
