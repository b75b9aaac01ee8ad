//! One call of an API's own that works, as far as its description tells: for the curl that a publish ends with.

use limen_rules::model::{Access, Api, Operation, Parameter, ParameterPlace};
use serde_json::Value;

use super::show::segment;

/// An operation that may be tried without doing harm.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExampleCall {
    /// The path below the base path, with its query.
    pub(super) path: String,
    /// What it needs.
    pub(super) access: Access,
    /// Whether all that it asks for is known to be right; else a person should look at the values first.
    pub(super) is_certain: bool,
}

/// The GET that asks for least; none where there is no GET.
pub(super) fn of(api: &Api) -> Option<ExampleCall> {
    let gets = api.operations.iter().filter(|one| one.method == "GET" && !asks_for_headers(one));
    let cost = |operation: &&Operation| {
        let access = operation.access.unwrap_or(api.access);
        let asked = operation.parameters.iter().filter(|one| one.required);
        (
            access.needs_token(),
            operation.deprecated,
            operation.path.matches('{').count(),
            asked.count(),
            operation.path.len(),
        )
    };
    let operation = gets.min_by_key(cost)?;
    let mut is_certain = true;
    let mut value = |parameter: Option<&Parameter>| {
        let (text, known) = sample(api, parameter.and_then(|one| one.schema.as_ref()));
        is_certain &= known;
        segment(&text)
    };
    let in_path =
        |name: &str| operation.parameters.iter().find(|one| one.place == ParameterPlace::Path && one.name == name);
    let segments: Vec<String> = operation
        .path
        .split('/')
        .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => value(in_path(name)),
            None => part.to_owned(),
        })
        .collect();
    let in_query = operation.parameters.iter().filter(|one| one.required && one.place == ParameterPlace::Query);
    let query: Vec<String> = in_query.map(|one| format!("{}={}", segment(&one.name), value(Some(one)))).collect();
    let mut path = segments.join("/");
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query.join("&"));
    }
    Some(ExampleCall { path, access: operation.access.unwrap_or(api.access), is_certain })
}

fn asks_for_headers(operation: &Operation) -> bool {
    let elsewhere = |place| matches!(place, ParameterPlace::Header | ParameterPlace::Cookie);
    operation.parameters.iter().any(|one| one.required && elsewhere(one.place))
}

/// A value that the schema names, or one that it may let pass.
fn sample(api: &Api, schema: Option<&Value>) -> (String, bool) {
    let text = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    let mut schema = schema;
    for _ in 0..8 {
        let to = schema.and_then(|schema| schema.get("$ref")?.as_str()?.strip_prefix("#/schemas/"));
        let Some(to) = to else { break };
        schema = api.schemas.get(to);
    }
    let Some(schema) = schema else { return ("1".into(), false) };
    let lists = ["examples", "enum"].into_iter().filter_map(|name| schema.get(name)?.as_array()?.first());
    let named = ["example", "default", "const"].into_iter().filter_map(|name| schema.get(name)).chain(lists);
    if let Some(known) = named.filter_map(text).next() {
        return (known, true);
    }
    let (kind, format) = (schema.get("type").and_then(Value::as_str), schema.get("format").and_then(Value::as_str));
    let made = match (kind, format) {
        (Some("integer" | "number"), _) => schema.get("minimum").and_then(text).unwrap_or_else(|| "1".into()),
        (Some("boolean"), _) => "true".into(),
        (_, Some("uuid")) => "00000000-0000-4000-8000-000000000000".into(),
        (_, Some("date")) => "2026-01-31".into(),
        (_, Some("date-time")) => "2026-01-31T00:00:00Z".into(),
        _ => "1".into(),
    };
    (made, false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(operations: Value) -> Option<ExampleCall> {
        let api = json!({"name": "a", "base_path": "/a", "target": "http://a", "operations": operations,
            "schemas": {"Id": {"type": "string", "examples": ["a b"]}}});
        of(&serde_json::from_value(api).expect("an API"))
    }

    #[test]
    fn the_call_that_asks_for_least() {
        let one = |method: &str, path: &str, more: Value| {
            let mut one = json!({"name": path.replace(['/', '{', '}'], "x"), "method": method, "path": path});
            for (name, value) in more.as_object().expect("members") {
                one[name] = value.clone();
            }
            one
        };
        let id =
            json!({"parameters": [{"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/schemas/Id"}}]});
        let list = json!({"parameters": [{"name": "limit", "in": "query", "required": true, "schema": {"type": "integer", "minimum": 3}}]});
        let all = json!([
            one("POST", "/p", json!({})),
            one("GET", "/t", json!({"access": "token"})),
            one("GET", "/q", list),
            one("GET", "/i/{id}", id)
        ]);
        let found = call(all.clone()).expect("a call");
        assert_eq!((found.path.as_str(), found.is_certain), ("/q?limit=3", false));
        let found = call(json!([all[3]])).expect("a call");
        assert_eq!((found.path.as_str(), found.is_certain), ("/i/a%20b", true));
        assert_eq!(call(json!([all[0]])), None);
        assert_eq!(call(json!([all[1]])).expect("a call").access, Access::Token);
    }
}
