//! What a public API says of itself, as an OpenAPI document: made once for each state of what is declared, and held.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use limen_rules::model::{Name, Visibility};
use limen_rules::openapi::export::{PublishedAt, export};
use tokio::sync::Mutex;

use super::page::{Trouble, Wants};
use crate::ports::Portal;

/// Documents that are held, in bytes together; past that they are made for each request.
const HELD_MAX_BYTES: usize = 64 << 20;

/// The documents of a revision. One is made at a time, however many ask.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    revision: i64,
    bytes: usize,
    by_name: HashMap<Name, Bytes>,
    /// The names of all that strangers may learn of, once they were read.
    public: Option<Vec<Name>>,
}

/// `GET /apis/NAME/openapi.json`
pub(super) async fn show(State(portal): State<Portal>, wants: Wants, Path(name): Path<String>) -> Response {
    match of(&portal, &name).await {
        Ok(Some(document)) => {
            let headers = [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "public, max-age=60"),
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            (headers, document).into_response()
        }
        Ok(None) => Trouble::not_found("There is no public API of that name.").answer(wants),
        Err(trouble) => trouble.answer(wants),
    }
}

async fn of(portal: &Portal, name: &str) -> Result<Option<Bytes>, Trouble> {
    let revision = portal.store.revision().await.map_err(|error| Trouble::store(&error))?;
    let mut held = portal.memory.documents.held.lock().await;
    if held.revision != revision {
        *held = Held { revision, ..Held::default() };
    }
    if let Some(known) = held.by_name.get(name) {
        return Ok(Some(known.clone()));
    }
    if held.public.as_ref().is_some_and(|public| !public.iter().any(|one| **one == *name)) {
        return Ok(None);
    }
    let declared = portal.store.declared().await.map_err(|error| Trouble::store(&error))?;
    let is_public = |api: &&limen_rules::model::Api| api.visibility == Visibility::Public;
    held.public = Some(declared.apis.iter().filter(is_public).map(|api| api.name.clone()).collect());
    let Some(api) = declared.apis.iter().filter(is_public).find(|api| *api.name == *name).cloned() else {
        return Ok(None);
    };
    let addresses = Arc::clone(&portal.addresses);
    let (key, making) = (api.name.clone(), move || {
        let at = PublishedAt { gateway_url: &addresses.gateway_url, web_url: &addresses.web_url };
        serde_json::to_vec(&export(&api, &at))
    });
    let made = tokio::task::spawn_blocking(making).await.ok().and_then(Result::ok);
    let made: Bytes = made.ok_or_else(|| Trouble::not_found("The document can't be made."))?.into();
    if held.bytes + made.len() <= HELD_MAX_BYTES {
        held.bytes += made.len();
        held.by_name.insert(key, made.clone());
    }
    Ok(Some(made))
}
