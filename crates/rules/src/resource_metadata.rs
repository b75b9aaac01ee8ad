//! What an API says of itself as a protected resource, RFC 9728: where a `Bearer` challenge's `resource_metadata` leads.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::issuer::LiveIssuer;
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

/// The document, RFC 9728 §2. The addresses have no slash at their end. Whose tokens are accepted: ours, and those
/// of other issuers that the API accepts.
#[must_use]
pub fn document(catalog: &Catalog, api: &LiveApi, gateway_url: &str, web_url: &str) -> Value {
    let accepted = catalog.issuers.iter().filter(|one: &&std::sync::Arc<LiveIssuer>| one.accepts(&api.api.name));
    let others = accepted.map(|one| one.settings.issuer.as_str());
    let issuers: Vec<&str> = std::iter::once(catalog.issuer.issuer.as_str()).chain(others).collect();
    let mut document = json!({
        "resource": format!("{gateway_url}{}", api.api.base_path.trim_end_matches('/')),
        "resource_name": if api.api.title.is_empty() { &*api.api.name } else { api.api.title.as_str() },
        "authorization_servers": issuers,
        "bearer_methods_supported": ["header"],
        "resource_documentation": format!("{web_url}/authentication-issues"),
    });
    let scopes = scopes(api);
    // A member without elements is left out (§2).
    if let Some(members) = document.as_object_mut().filter(|_| !scopes.is_empty()) {
        members.insert("scopes_supported".into(), json!(scopes));
    }
    document
}

/// The permissions that its operations ask for.
fn scopes(api: &LiveApi) -> BTreeSet<&str> {
    let asking = api.operations.iter().filter(|one| one.access.needs_token());
    asking.filter_map(|one| one.permission.as_ref()).map(|(_, name)| &**name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Directory;
    use crate::snapshot::Snapshot;
    use crate::token::Issuer;

    #[test]
    fn the_document_names_who_issues_tokens_and_which_scopes_there_are() {
        let told = |operations: Value| {
            let api = json!({"name": "a", "base_path": "/a", "target": "http://x", "access": "key+token",
                "operations": operations});
            let declared = serde_json::from_value(json!({"apis": [api], "issuers": [
                {"name": "b", "issuer": "https://b", "environments": [], "apis": ["other"]},
                {"name": "c", "issuer": "https://c", "environments": [], "apis": ["a"]}]}))
            .unwrap();
            let ours = Issuer { issuer: "https://web".into(), ..Issuer::default() };
            let snapshot = Snapshot::new(1, &Directory { declared, ..Directory::default() }, ours);
            document(&snapshot.catalog, &snapshot.catalog.apis[0], "https://api", "https://pages")
        };
        let operation = |name: &str, permission: Option<&str>, access: Option<&str>| json!({"name": name, "method": "GET", "path": format!("/{name}"), "permission": permission, "access": access});
        let document = told(json!([
            operation("w", Some("thing.write"), None),
            operation("r", Some("thing.read"), Some("token")),
            operation("again", Some("thing.read"), None),
            operation("any", None, None),
            operation("keyed", None, Some("key")),
        ]));
        assert_eq!(document["authorization_servers"], json!(["https://web", "https://c"]));
        assert_eq!(document["scopes_supported"], json!(["thing.read", "thing.write"]));
        assert_eq!(document["resource"], "https://api/a");
        assert_eq!(told(json!([])).get("scopes_supported"), None);
    }
}
