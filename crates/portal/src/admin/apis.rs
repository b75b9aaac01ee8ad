//! Published APIs: the listing, and taking one away.

use axum::Json;
use axum::extract::State;
use limen_rules::declared::nearest;
use limen_rules::drift::DriftReport;
use limen_rules::model::{Api, Declared};
use limen_store::{ResourceId, ResourceKind};

use super::failure::AdminFailure;
use super::read::Named;
use super::{Admin, Answered};
use crate::audit::Who;
use crate::ports::GatewayView;
use crate::wire::{ApiLine, Applied};

/// One line for each API, with the products that open it.
pub(super) fn lines(declared: &Declared, gateway: &dyn GatewayView) -> Vec<ApiLine> {
    let line = |api: &Api| ApiLine {
        name: api.name.clone(),
        base_path: api.base_path.clone(),
        target: api.target_urls().collect::<Vec<_>>().join(", "),
        targets: gateway.targets(&api.name),
        products: declared
            .products
            .iter()
            .filter(|product| product.apis.contains(&api.name))
            .map(|product| product.name.clone())
            .collect(),
    };
    declared.apis.iter().map(line).collect()
}

/// `GET /v1/apis`
pub(super) async fn list(State(admin): State<Admin>) -> Answered<Vec<ApiLine>> {
    Ok(Json(lines(&admin.portal.store.declared().await?, &*admin.portal.gateway)))
}

/// `GET /v1/drift`
pub(super) async fn drift(State(admin): State<Admin>) -> Answered<DriftReport> {
    Ok(Json(admin.portal.gateway.drift(None)))
}

/// `GET /v1/apis/NAME/drift`
pub(super) async fn drift_of(State(admin): State<Admin>, Named(name): Named) -> Answered<DriftReport> {
    find(&admin.portal.store.declared().await?, &name)?;
    Ok(Json(admin.portal.gateway.drift(Some(&name))))
}

/// `GET /v1/apis/NAME`: the whole of it.
pub(super) async fn show(State(admin): State<Admin>, Named(name): Named) -> Answered<Api> {
    let declared = admin.portal.store.declared().await?;
    Ok(Json(find(&declared, &name)?.clone()))
}

/// The API of that name.
pub(super) fn find<'d>(declared: &'d Declared, name: &str) -> Result<&'d Api, AdminFailure> {
    declared.apis.iter().find(|api| *api.name == *name).ok_or_else(|| {
        let near = nearest(name, declared.apis.iter().map(|api| api.name.as_ref()));
        AdminFailure::unknown(
            format!("There is no API '{name}'."),
            near.map_or_else(|| "List the APIs with limen api list.".into(), |near| format!("Did you mean '{near}'?")),
        )
    })
}

/// `DELETE /v1/apis/NAME`: also out of its products; subscriptions stay.
pub(super) async fn remove(State(admin): State<Admin>, who: Who, Named(name): Named) -> Answered<Applied> {
    let _turn = admin.turn().await;
    let declared = admin.portal.store.declared().await?;
    find(&declared, &name)?;
    let mut without = Declared::default();
    for mut product in declared.products.into_iter().filter(|product| product.apis.contains(&name)) {
        product.apis.retain(|api| *api != name);
        without.products.push(product);
    }
    let applied = admin.replace(&without, &[ResourceId { kind: ResourceKind::Api, name: name.clone() }]).await?;
    who.did("remove API", &name);
    admin.live().await?;
    Ok(Json(applied))
}
