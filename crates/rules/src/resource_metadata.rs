//! What an API says of itself as a protected resource, RFC 9728: where a `Bearer` challenge's `resource_metadata` leads.

use serde_json::{Value, json};

use crate::model::Visibility;
use crate::snapshot::{Catalog, LiveApi};

/// The well-known path, RFC 9728 §3; an API's base path follows it.
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Whether the API has metadata that anybody may read: it is public and some of its operations ask for a token.
#[must_use]
pub fn is_told(api: &LiveApi) -> bool {
    let needs_token = api.api.access.needs_token() || api.operations.iter().any(|one| one.access.needs_token());
    api.api.visibility == Visibility::Public && needs_token
}

/// The API whose metadata stands at `path`.
#[must_use]
pub fn asked_for<'c>(catalog: &'c Catalog, path: &str) -> Option<&'c LiveApi> {
    let base_path = path.strip_prefix(WELL_KNOWN)?;
    let named = |api: &&std::sync::Arc<LiveApi>| api.api.base_path.trim_end_matches('/') == base_path;
    catalog.apis.iter().find(named).map(AsRef::as_ref).filter(|api| is_told(api))
}

/// The document. The addresses have no slash at their end.
#[must_use]
pub fn document(api: &LiveApi, gateway_url: &str, web_url: &str) -> Value {
    json!({
        "resource": format!("{gateway_url}{}", api.api.base_path.trim_end_matches('/')),
        "resource_name": if api.api.title.is_empty() { &*api.api.name } else { api.api.title.as_str() },
        "bearer_methods_supported": ["header"],
        "resource_documentation": format!("{web_url}/authentication-issues"),
    })
}
