//! What is told of parameters when they are declared.

use serde_json::{Value, json};

use crate::declared::check_values;
use crate::model::Declared;

fn problems(parameters: &Value) -> Vec<String> {
    let declared = json!({"apis": [{
        "name": "a", "base_path": "/a", "target": "http://a", "key": {"header": "X-My-Key"},
        "operations": [{"name": "read", "method": "GET", "path": "/things/{thing_id}", "parameters": parameters}],
    }]});
    let declared: Declared = serde_json::from_value(declared).expect("a declared form");
    let shown = check_values(&declared).into_iter().map(|one| {
        let field = one.field.strip_prefix("apis[0].operations[0].parameters").unwrap_or(&one.field).to_owned();
        format!("{field}: {}; {}", one.message, one.mend)
    });
    shown.collect()
}

#[test]
fn each_mistake_is_told_with_its_mend() {
    let found = problems(&json!([
        {"name": "thingid", "in": "path"},
        {"name": "limit", "in": "query", "style": "simple"},
        {"name": "limit", "in": "query"},
        {"name": "", "in": "query"},
        {"name": "subscription-key", "in": "query"},
        {"name": "x-my-key", "in": "header"},
        {"name": "Authorization", "in": "header"},
        {"name": "content-type", "in": "header"},
        {"name": "Limen-User", "in": "header"},
        {"name": "X A", "in": "header"},
        {"name": "a=b", "in": "cookie"},
        {"name": "deep", "in": "query", "style": "deepObject", "schema": {"type": "string"}},
        {"name": "json", "in": "query", "media_type": "application/json", "style": "form"},
        {"name": "odd", "in": "query", "media_type": "json"},
        {"name": "X-Trace", "in": "header", "style": "form"},
    ]));
    let expected = [
        "[0].name: 'thingid' is no parameter of the path '/things/{thing_id}'; call it thing_id, or remove it",
        "[1].style: a query parameter can't have this style; use form, spaceDelimited, pipeDelimited or deepObject",
        "[2].name: the query parameter 'limit' is declared twice; remove one of them",
        "[3].name: a parameter has no name; give it the name that callers write",
        "[4].name: 'subscription-key' is the subscription key and never reaches the service; remove it; \
         'key.query_parameter' of the API says whether it is read",
        "[5].name: the header 'x-my-key' carries the subscription key; remove it; the key is looked at before any parameter",
        "[6].name: the header 'Authorization' is no parameter: it has another meaning; remove it; 'access' says whether \
         a token is needed",
        "[7].name: the header 'content-type' is no parameter: it has another meaning; remove it; 'media_types' and \
         'body' say what bodies may be",
        "[8].name: the header 'Limen-User' is no parameter: it has another meaning; remove it",
        "[9].name: 'X A' is not the name of a header; use letters, digits and '-'",
        "[10].name: 'a=b' is not the name of a cookie; use letters, digits, '-' and '_'",
        "[11].style: deepObject writes objects, and the schema takes none; use form, or a schema of type object",
        "[12].media_type: a value that is written in a media type has no style; remove 'media_type', or 'style' and \
         'explode'",
        "[13].media_type: 'json' is not a media type; write it like application/json",
        "[14].style: a header parameter can't have this style; use simple",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_right_passes() {
    let found = problems(&json!([
        {"name": "thing_id", "in": "path", "style": "matrix", "schema": {"type": "integer"}},
        {"name": "limit", "in": "query"},
        {"name": "limit", "in": "header"},
        {"name": "limit", "in": "cookie", "style": "form"},
        {"name": "filter[a]", "in": "query", "style": "deepObject"},
        {"name": "json", "in": "header", "media_type": "application/json"},
    ]));
    assert_eq!(found, [""; 0]);
}
