//! From a document to an API: what no document tells is taken from the API until now, or is as usual.

use std::sync::Arc;

use serde_json::json;

use super::loss::{Effect, Losses};
use super::operations::{self, Before, Context};
use super::parameters::Own;
use super::reading::Reading;
use super::security::Security;
use super::{Document, Imported, Unreadable, Wanted, servers, upgrade};
use crate::model::{Api, ServiceTarget, Validate};

/// Makes an API of a document.
///
/// # Errors
/// A document of which nothing can be published, whose schemas lead to each other in a circle, whose references unfold
/// to too much, or that says something of ours (`x-limen-…`) that can't be.
pub(super) fn import(document: &Document, wanted: &Wanted) -> Result<Imported, Unreadable> {
    let mut losses = Losses::default();
    let upgraded = upgrade::upgrade(document, &mut losses)?;
    let mut reading = Reading::new(&upgraded, losses);
    let servers = servers::first(&mut reading);
    let mut api = beginning(wanted, &servers)?;
    let root_validate = reading.whole().member("x-limen-validate");
    if let Some(told) = root_validate {
        api.validate = serde_json::from_value(told.value.clone())
            .map_err(|_| flaw(Some(told.pointer), "it must be schema, syntax or off", "write one of them"))?;
    }
    if let Some(title) = document.title() {
        api.title = operations::line(title);
    }
    let own = Own::of(&api);
    let security = Security::of(&mut reading, &own, wanted.existing.as_ref());
    let mut context = Context { security, own, before: Before::of(wanted.existing.as_ref()) };
    let operations = operations::all(&mut reading, &mut context);
    operations::around(&mut reading);
    api.operations = operations;
    api.schemas = reading.schemas().map_err(|names| {
        let message = format!("the schemas {} are nothing but references to each other", names.join(" → "));
        flaw(None, &message, "say in one of them what a value must be")
    })?;
    reading.settle(&mut api);
    if let Some(refused) = reading.refused.take() {
        return Err(refused);
    }
    if reading.is_too_much() {
        let mend = "refer less, or split the document into several APIs";
        return Err(flaw(None, "its references unfold to too much", mend));
    }
    let losses = reading.losses.told();
    if api.operations.is_empty() {
        // An API without operations lets every path through.
        let told = losses
            .first()
            .filter(|loss| loss.effect == Effect::NotPublished)
            .map(|loss| format!(": {}, since {}", loss.construct, loss.why));
        let message = format!("it has no operation that can be published{}", told.unwrap_or_default());
        return Err(flaw(Some("/paths".to_owned()), &message, "describe at least one path with a method"));
    }
    api.access = context.security.access;
    let mut kept = upgraded;
    operations::rename_paths(&mut kept);
    api.document = Some(Arc::new(kept));
    Ok(Imported { api, losses, servers })
}

/// The API as it was until now, or a new one, with what was asked for.
fn beginning(wanted: &Wanted, servers: &super::Servers) -> Result<Api, Unreadable> {
    let mut api = match &wanted.existing {
        Some(existing) => existing.clone(),
        None => {
            let fresh = json!({"name": &*wanted.name, "base_path": format!("/{}", wanted.name)});
            let mut api: Api =
                serde_json::from_value(fresh).map_err(|error| flaw(None, &error.to_string(), "use another name"))?;
            if let Some(path) = &servers.base_path {
                api.base_path.clone_from(path);
            }
            api.validate = Validate::Schema;
            api
        }
    };
    api.name = wanted.name.clone();
    if let Some(path) = &wanted.base_path {
        api.base_path.clone_from(path);
    }
    match wanted.targets.as_slice() {
        [] => {}
        [one] => (api.target, api.targets) = (Some(one.clone()), Vec::new()),
        several => {
            api.target = None;
            api.targets = several.iter().map(|url| ServiceTarget { url: url.clone(), weight: 1 }).collect();
        }
    }
    Ok(api)
}

fn flaw(pointer: Option<String>, message: &str, mend: &str) -> Unreadable {
    Unreadable { place: None, pointer, message: message.to_owned(), mend: mend.to_owned() }
}
