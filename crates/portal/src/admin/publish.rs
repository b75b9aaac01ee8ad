//! A service behind the door in one go: API, product, and a subscription with its keys.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::{check_references, check_values, made_name, merge, nearest};
use limen_rules::model::{Api, CountedBy, Declared, Developer, Name, Product};
use serde_json::json;

use super::failure::AdminFailure;
use super::read::Read;
use super::{Admin, Answered, IMPORT_MAX_BYTES};
use crate::audit::Who;
use crate::wire::{MakeSubscription, Publish, Published};

/// The developer who is made where there is none.
const FIRST_DEVELOPER: &str = "developer";

/// `POST /v1/publish`
pub(super) async fn publish(
    State(admin): State<Admin>,
    who: Who,
    Read(asked): Read<Publish, IMPORT_MAX_BYTES>,
) -> Answered<Published> {
    let _turn = admin.turn().await;
    let existing = admin.portal.store.declared().await?;
    let publication = Publication::of(&asked, &existing)?;
    let mut problems = check_values(&publication.declared);
    problems.extend(check_references(&merge(&publication.declared, &existing)));
    AdminFailure::problems(problems)?;
    admin.replace(&publication.declared, &[]).await?;
    who.did("publish API", &publication.api);
    let making =
        MakeSubscription { product: publication.product.clone(), developer: publication.developer, ends_at_us: None };
    let subscription = admin.make_subscription(&making, publication.approval_needed).await?;
    who.did("make subscription", &subscription.id);
    admin.live().await?;
    Ok(Json(Published {
        api: publication.api,
        product: publication.product,
        subscription,
        key_header: publication.key_header,
        url: format!("{}{}", admin.portal.addresses.gateway_url, publication.base_path),
    }))
}

/// What a publish will put in place.
#[derive(Debug)]
struct Publication {
    api: Name,
    base_path: String,
    product: Name,
    approval_needed: bool,
    developer: Name,
    key_header: String,
    declared: Declared,
}

impl Publication {
    /// Fills in what wasn't told; what was told and doesn't fit what is there is refused.
    fn of(asked: &Publish, existing: &Declared) -> Result<Self, AdminFailure> {
        let base_path = format!("/{}", asked.base_path.trim_matches('/'));
        if let Some(api) = existing.apis.iter().find(|api| api.base_path == base_path) {
            return Err(AdminFailure::conflict(
                format!("The API '{}' is published at {base_path} already.", api.name),
                "Choose another base path, change that API with limen apply, or remove it first.",
            ));
        }
        let api = api_name(asked, &base_path, existing)?;
        let product = product(asked, &api, existing);
        let developer = developer_name(asked, existing)?;
        let new_developer = !existing.developers.iter().any(|one| one.name == developer);
        let mut declared_api = match &asked.described {
            Some(described) => (**described).clone(),
            None => plain_api(&api, &base_path, &asked.target)?,
        };
        declared_api.name = api.clone();
        declared_api.base_path.clone_from(&base_path);
        let key_header = declared_api.key.header.clone();
        let declared = Declared {
            apis: vec![declared_api],
            developers: if new_developer { vec![plain_developer(&developer)] } else { Vec::new() },
            products: vec![product.clone()],
            ..Declared::default()
        };
        let approval_needed = product.approval_needed;
        Ok(Self { api, base_path, product: product.name, approval_needed, developer, key_header, declared })
    }
}

/// The name that was told and is free, or one made from the base path.
fn api_name(asked: &Publish, base_path: &str, existing: &Declared) -> Result<Name, AdminFailure> {
    let taken = |name: &str| existing.apis.iter().any(|api| *api.name == *name);
    let Some(name) = &asked.api else {
        let made = made_name(base_path);
        let numbered = (2..=existing.apis.len() + 2).map(|number| format!("{made}-{number}"));
        let free = std::iter::once(made.clone()).chain(numbered).find(|name| !taken(name));
        return Ok(free.unwrap_or(made).into());
    };
    if taken(name) {
        return Err(AdminFailure::conflict(
            format!("There is an API '{name}' already."),
            "Choose another name, or change that API with limen apply.",
        ));
    }
    Ok(name.clone())
}

/// The product that was told, with the API added, or a new one.
fn product(asked: &Publish, api: &Name, existing: &Declared) -> Product {
    let name = asked.product.clone().unwrap_or_else(|| format!("{api}-product").into());
    let mut product = existing.products.iter().find(|product| product.name == name).cloned().unwrap_or(Product {
        name,
        title: String::new(),
        apis: Vec::new(),
        rate: None,
        quota: None,
        counted_by: CountedBy::default(),
        approval_needed: false,
        terms: None,
    });
    if !product.apis.contains(api) {
        product.apis.push(api.clone());
    }
    product
}

/// The developer who was told and is there, else the first, else a new one.
fn developer_name(asked: &Publish, existing: &Declared) -> Result<Name, AdminFailure> {
    let names = || existing.developers.iter().map(|developer| &developer.name);
    let Some(name) = &asked.developer else {
        return Ok(names().next().cloned().unwrap_or_else(|| FIRST_DEVELOPER.into()));
    };
    if names().any(|one| one == name) {
        return Ok(name.clone());
    }
    Err(AdminFailure::unknown_name("developer", name, nearest(name, names().map(AsRef::as_ref))))
}

/// An API with every default of the contract: what a file that tells only these three would give.
fn plain_api(name: &Name, base_path: &str, target: &str) -> Result<Api, AdminFailure> {
    serde_json::from_value(json!({"name": name, "base_path": base_path, "target": target}))
        .map_err(|error| AdminFailure::fault(&error))
}

fn plain_developer(name: &Name) -> Developer {
    Developer { name: name.clone(), title: String::new(), email: String::new() }
}
