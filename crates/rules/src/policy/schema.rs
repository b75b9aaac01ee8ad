//! The schema that an API's policies are held to: who there is, what may be done, and what is known of each operation.

use cedar_policy::Schema;
use serde_json::{Map, Value, json};

use super::ReadParameter;
use super::context::CLAIMS;
use crate::model::{Api, Operation, ParameterPlace, Policies, ValueKind};
use crate::parameter;

/// The parameters of an operation that policies may read: those of its path, and those of its query that are listed;
/// without those that have no one form to be read in.
pub(super) fn parameters(api: &Api, policies: &Policies, operation: &Operation) -> Vec<ReadParameter> {
    let declared = |name: &str, place: ParameterPlace| {
        operation.parameters.iter().find(|one| one.place == place && one.name == name)
    };
    let of_path = path_parameters(&operation.path).filter_map(|name| {
        // Of what nothing is declared is text.
        let kind =
            declared(name, ParameterPlace::Path).map_or(Some(ValueKind::String), |one| parameter::kind(api, one));
        Some(ReadParameter { name: name.to_owned(), kind: kind?, is_required: true })
    });
    let of_query = policies.query.iter().filter_map(|name| {
        let kind = parameter::kind(api, declared(name, ParameterPlace::Query)?)?;
        Some(ReadParameter { name: name.clone(), kind, is_required: false })
    });
    of_path.chain(of_query).collect()
}

/// The names in a path template.
pub(super) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// The schema of an API's policies.
///
/// # Errors
/// Cedar's words, for what was declared in a way that no schema can be made of.
pub(super) fn schema(api: &Api, policies: &Policies) -> Result<Schema, String> {
    let mut of_user = Map::from_iter([
        ("name".to_owned(), json!({"type": "String"})),
        ("environment".to_owned(), json!({"type": "String"})),
        ("roles".to_owned(), of_kind(ValueKind::Strings, true)),
        ("application".to_owned(), of_kind(ValueKind::String, false)),
    ]);
    for (name, kind) in &policies.attributes {
        // A set that a user doesn't have is empty.
        let is_required = matches!(kind, ValueKind::Strings | ValueKind::Integers);
        of_user.insert(name.clone(), of_kind(*kind, is_required));
    }
    let claims = policies.claims.iter().map(|(name, kind)| (name.clone(), of_kind(*kind, false)));
    let claims = record(claims.collect());
    let actions: Map<String, Value> = api
        .operations
        .iter()
        .map(|operation| {
            let read = parameters(api, policies, operation).into_iter();
            let mut context: Map<_, _> = read.map(|one| (one.name, of_kind(one.kind, one.is_required))).collect();
            if !policies.claims.is_empty() {
                context.insert(CLAIMS.to_owned(), claims.clone());
            }
            let applies = json!({"principalTypes": ["User"], "resourceTypes": ["Api"], "context": record(context)});
            (operation.name.to_string(), json!({"appliesTo": applies}))
        })
        .collect();
    let schema = json!({"": {
        "entityTypes": {"User": {"memberOfTypes": ["Role"], "shape": record(of_user)}, "Role": {}, "Api": {}},
        "actions": actions,
    }});
    Schema::from_json_value(schema).map_err(|error| error.to_string())
}

fn record(attributes: Map<String, Value>) -> Value {
    json!({"type": "Record", "attributes": attributes})
}

fn of_kind(kind: ValueKind, is_required: bool) -> Value {
    match kind {
        ValueKind::String => json!({"type": "String", "required": is_required}),
        ValueKind::Integer => json!({"type": "Long", "required": is_required}),
        ValueKind::Boolean => json!({"type": "Boolean", "required": is_required}),
        ValueKind::Strings => json!({"type": "Set", "element": {"type": "String"}, "required": is_required}),
        ValueKind::Integers => json!({"type": "Set", "element": {"type": "Long"}, "required": is_required}),
    }
}
